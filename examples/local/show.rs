//! All that is printed about invocations.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::time::Duration;

use batch_canceller::outcome::Outcome;
use batch_canceller::reply::Reply;
use batch_canceller::report::{Report, SweepReport};
use batch_canceller::result::ResultRecord;
use batch_canceller::sweep::{SweepOf, SweepSummary};
use batch_canceller::trigger::Delivery;
use lambda_runtime::Diagnostic;
use serde_json::value::RawValue;

use crate::jobs::{Change, Ledger, State};
use crate::lambda::{Answer, Invocation, Lambda};
use crate::layout::lay_out;
use crate::payloads::Payload;
use crate::screen::{Screen, Tone, Toned, counted};

/// Prints invocations, and counts what became of their requests.
pub(crate) struct Show<W> {
    out: W,
    screen: Screen,
    /// Whether events, answers and jobs are shown too.
    verbose: bool,
    events: usize,
    outcomes: BTreeMap<Outcome, u64>,
}

impl<W: Write> Show<W> {
    pub(crate) fn new(out: W, screen: Screen, verbose: bool) -> Self {
        Self { out, screen, verbose, events: 0, outcomes: BTreeMap::new() }
    }

    pub(crate) fn opening(&mut self, lambda: &Lambda, payloads: &[Payload]) -> io::Result<()> {
        let count = counted(payloads.len(), "event");
        self.say(&[(&format!("{count} for the function, on {}", lambda.place()), Tone::Plain)])
    }

    /// Opens the part about one invocation. Flushed, so that log lines on standard error come below it.
    pub(crate) fn event(&mut self, payload: &Payload) -> io::Result<()> {
        self.title(&payload.name, &payload.kind())?;
        if self.verbose {
            self.document("event", &payload.json)?;
        }
        self.out.flush()
    }

    /// Opens the part about a payload that was shown before.
    pub(crate) fn event_again(&mut self, payload: &Payload, remaining: Duration) -> io::Result<()> {
        self.title(&payload.name, &format!("once more, with {} ms left", remaining.as_millis()))?;
        self.out.flush()
    }

    fn title(&mut self, name: &str, kind: &str) -> io::Result<()> {
        self.events += 1;
        writeln!(self.out)?;
        self.say(&[(name, Tone::Strong), (": ", Tone::Plain), (kind, Tone::Faint)])
    }

    /// What came of an event.
    pub(crate) fn invocation(&mut self, payload: &Payload, invocation: &Invocation) -> io::Result<()> {
        let Invocation { report, answer } = invocation;
        if self.verbose {
            self.document("answer", &RawValue::from_string(answer.to_json()?)?)?;
        }
        if let Some(report) = report {
            if self.verbose {
                self.heading("results")?;
            }
            self.results(report, answer)?;
        }
        match answer {
            Answer::Error(Diagnostic { error_type, .. }) if payload.has_no_records() => {
                self.failure(error_type, "the batch holds no messages, and so nothing is asked")
            }
            Answer::Error(Diagnostic { error_type, .. }) if report.is_some() => {
                self.failure(error_type, "the whole event may be sent again")
            }
            Answer::Error(Diagnostic { error_type, error_message, .. }) => {
                self.failure(error_type, error_message)
            }
            Answer::Reply(_) => Ok(()),
        }
    }

    fn failure(&mut self, error_type: &str, what: &str) -> io::Result<()> {
        self.say(&[
            ("The invocation fails with ", Tone::Plain),
            (error_type, Tone::Bad),
            (": ", Tone::Plain),
            (what, Tone::Plain),
        ])
    }

    fn results(&mut self, report: &Report, answer: &Answer) -> io::Result<()> {
        for (outcome, count) in report.summary().outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        let back = Back::of(report, answer);
        let (nothing, results): (Vec<_>, Vec<_>) =
            report.results().partition(|result| found_nothing(result).is_some());
        let rows: Vec<_> = results.iter().map(|result| row(result, &back)).collect();
        if !rows.is_empty() {
            let table = self.screen.table(["JOB", "OUTCOME", "STATUS", "COMES BACK", "WHY"], &rows);
            writeln!(self.out, "{table}")?;
        }
        for SweepSummary { of, scanned, .. } in nothing.iter().filter_map(found_nothing) {
            let of = swept(of);
            self.say(&[(
                &format!("No job of {of} matches the sweep ({scanned} scanned), and none is stopped."),
                Tone::Doubtful,
            )])?;
        }
        if rows.is_empty() && nothing.is_empty() {
            self.say(&[("The event asks for nothing, and nothing is done.", Tone::Doubtful)])?;
        }
        if !back.messages.is_empty() {
            let all: HashSet<_> = report.deliveries().map(|(delivery, _)| delivery.id()).collect();
            let come = if back.messages.len() == 1 { "comes" } else { "come" };
            let what = format!("{} of {} {come} back.", back.messages.len(), counted(all.len(), "message"));
            self.say(&[(&what, Tone::Plain)])?;
        }
        Ok(())
    }

    /// The jobs that an event was about, before and after.
    pub(crate) fn jobs(&mut self, ledger: &Ledger, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        for change in changes {
            let job = format!("{} {}", short(&change.id), change.name);
            match (&change.before, &change.after) {
                (Some(before), Some(after)) => {
                    rows.push(state(&job, "before", before));
                    rows.push(state("", "after", after));
                }
                (Some(only), None) => rows.push(state(&job, ledger.once(), only)),
                (None, Some(after)) => rows.push(state(&job, "after", after)),
                (None, None) => {}
            }
        }
        self.heading(ledger.title())?;
        let table = self.screen.table(["JOB", "WHEN", "STATUS", "FLAG", "STATUS REASON"], &rows);
        writeln!(self.out, "{table}")
    }

    /// What became of all requests taken together, if there was more than one event.
    pub(crate) fn closing(&mut self) -> io::Result<()> {
        if self.events > 1 {
            writeln!(self.out)?;
            let results = usize::try_from(self.outcomes.values().sum::<u64>()).unwrap_or(usize::MAX);
            let all = format!(": {}, {}", counted(self.events, "event"), counted(results, "result"));
            let counts: Vec<_> = self
                .outcomes
                .iter()
                .map(|(outcome, count)| (*outcome, format!("{count} {}", outcome.as_str())))
                .collect();
            let mut pieces = vec![("in all", Tone::Strong), (&*all, Tone::Plain)];
            for (place, (outcome, count)) in counts.iter().enumerate() {
                pieces.push((if place == 0 { ": " } else { ", " }, Tone::Plain));
                pieces.push((count, tone(*outcome)));
            }
            self.say(&pieces)?;
        }
        self.out.flush()
    }

    fn document(&mut self, title: &str, json: &RawValue) -> io::Result<()> {
        self.heading(title)?;
        writeln!(self.out, "{}", lay_out(json)?)
    }

    fn heading(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.screen.paint(title, Tone::Strong))
    }

    fn say(&mut self, pieces: &[(&str, Tone)]) -> io::Result<()> {
        writeln!(self.out, "{}", self.screen.paragraph(pieces))
    }
}

/// Which SQS messages are to come back.
struct Back<'a> {
    messages: HashSet<&'a str>,
    /// Those of them that are settled, and only keep their place in a message group.
    held: HashSet<&'a str>,
}

impl<'a> Back<'a> {
    fn of(report: &'a Report, answer: &'a Answer) -> Self {
        let messages: HashSet<&str> = match answer {
            Answer::Reply(Reply::PartialBatch(batch)) => {
                batch.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect()
            }
            _ => HashSet::new(),
        };
        let unsettled: HashSet<&str> = report
            .deliveries()
            .filter(|(_, is_settled)| !is_settled)
            .map(|(delivery, _)| Delivery::id(delivery))
            .collect();
        let held = messages.difference(&unsettled).copied().collect();
        Self { messages, held }
    }
}

fn row(result: &ResultRecord<'_>, back: &Back<'_>) -> [Toned; 5] {
    let message = &*result.requested_by.id;
    let comes_back = if back.messages.contains(message) { short(message) } else { String::new() };
    let held = back.held.contains(message).then(|| "it keeps its place behind an earlier message".to_owned());
    let why = result.why.map(ToOwned::to_owned);
    let why: Vec<_> = why.into_iter().chain(result.sweep.map(counts)).chain(held).collect();
    [
        (job(result), Tone::Plain),
        (result.outcome.as_str().to_owned(), tone(result.outcome)),
        (statuses(result), Tone::Plain),
        (comes_back, Tone::Bad),
        (why.join("; "), Tone::Faint),
    ]
}

fn state(job: &str, when: &str, state: &State) -> [Toned; 5] {
    [
        (job.to_owned(), Tone::Plain),
        (when.to_owned(), Tone::Faint),
        (state.status.clone(), Tone::Plain),
        (state.flag.to_owned(), Tone::Plain),
        (state.reason.clone(), Tone::Plain),
    ]
}

/// Green did as asked, yellow found nothing to do or could not see it done, red comes back.
fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Accepted
        | Outcome::Finished
        | Outcome::Started
        | Outcome::NotFound
        | Outcome::Denied
        | Outcome::PreconditionFailed => Tone::Doubtful,
        outcome if outcome.is_settled() => Tone::Good,
        _ => Tone::Bad,
    }
}

/// What a sweep did that matched no job.
fn found_nothing<'a>(result: &ResultRecord<'a>) -> Option<&'a SweepSummary> {
    let summary = result.sweep.map(|sweep| &sweep.summary);
    summary.filter(|summary| result.outcome == Outcome::Swept && summary.matched == 0)
}

fn counts(SweepReport { summary, left, outcomes, .. }: &SweepReport) -> String {
    let at_least = if summary.at_least { "at least " } else { "" };
    let outcomes: Vec<_> =
        outcomes.iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
    let outcomes = if outcomes.is_empty() { "none touched".to_owned() } else { outcomes.join(", ") };
    format!(
        "{} scanned, {at_least}{} matched, {} kept, {left} left: {outcomes}",
        summary.scanned, summary.matched, summary.kept
    )
}

fn job(result: &ResultRecord<'_>) -> String {
    if let Some(sweep) = result.sweep {
        return swept(&sweep.summary.of);
    }
    let seen = result.before.or(result.after);
    let name = seen.and_then(|seen| seen.job_name.as_deref());
    match (result.job_id, name) {
        (Some(id), Some(name)) => format!("{} {name}", short(id.as_str())),
        (Some(id), None) => short(id.as_str()),
        (None, _) => "–".to_owned(),
    }
}

fn swept(of: &SweepOf) -> String {
    match of {
        SweepOf::JobQueue(queue) => format!("queue {queue}"),
        SweepOf::ArrayJobId(id) => format!("array {}", short(id.as_str())),
    }
}

fn statuses(result: &ResultRecord<'_>) -> String {
    match (result.before, result.after) {
        (Some(before), Some(after)) => format!("{} → {}", before.status, after.status),
        (Some(before), None) => before.status.to_string(),
        (None, Some(after)) => format!("? → {}", after.status),
        (None, None) => String::new(),
    }
}

/// The first part of a UUID, which is enough to tell it from others, and what follows one (`:index`, `#index`).
fn short(id: &str) -> String {
    const UUID_LEN: usize = 36;
    match (id.split_once('-'), id.get(UUID_LEN..)) {
        (Some((first, _)), Some(rest)) if first.len() == 8 => format!("{first}{rest}"),
        _ => id.to_owned(),
    }
}
