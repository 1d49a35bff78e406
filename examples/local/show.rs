//! All that is printed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use batch_canceller::outcome::Outcome;
use batch_canceller::report::{Report, SweepReport};
use batch_canceller::result::ResultRecord;
use batch_canceller::sweep::SweepOf;
use lambda_runtime::Diagnostic;
use serde_json::value::RawValue;

use crate::jobs::{Change, Ledger, State};
use crate::json;
use crate::lambda::{Answer, Lambda};
use crate::paint::{Colour, Paint};
use crate::payloads::Payload;
use crate::table::{Cell, Table};

/// Prints invocations, and counts what became of their requests.
pub(crate) struct Show<W> {
    out: W,
    paint: Paint,
    invocations: usize,
    outcomes: BTreeMap<Outcome, u64>,
}

impl<W: Write> Show<W> {
    pub(crate) fn new(out: W, paint: Paint) -> Self {
        Self { out, paint, invocations: 0, outcomes: BTreeMap::new() }
    }

    pub(crate) fn opening(&mut self, lambda: &Lambda, payloads: &[Payload]) -> io::Result<()> {
        let (count, place) = (payloads.len(), lambda.place());
        let what = if count == 1 { "payload" } else { "payloads" };
        writeln!(self.out, "{count} {what} for the function, on {place}")
    }

    /// Opens the part about one invocation. Flushed, so that log lines on standard error come below it.
    pub(crate) fn event(&mut self, payload: &Payload) -> io::Result<()> {
        self.rule(&payload.name)?;
        self.section("event", json::layout_event(&payload.json))?;
        self.out.flush()
    }

    /// Opens the part about a payload that was shown before.
    pub(crate) fn event_again(&mut self, payload: &Payload, remaining: Duration) -> io::Result<()> {
        self.rule(&format!("{} once more, with {} ms left", payload.name, remaining.as_millis()))?;
        self.out.flush()
    }

    fn rule(&mut self, title: &str) -> io::Result<()> {
        self.invocations += 1;
        let rule = format!("━━ {title} ");
        let rule = self.paint.paint(Colour::Bold, &format!("{rule:━<110}"));
        writeln!(self.out, "\n{rule}")
    }

    pub(crate) fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        match answer {
            Answer::Reply(reply) => {
                let reply = serde_json::value::to_raw_value(reply)?;
                self.section("answer", json::layout(&reply))
            }
            Answer::Error(Diagnostic { error_type, error_message, .. }) => {
                let title = self.paint.paint(Colour::Red, &format!("function error {error_type}"));
                // It holds the report, unless the payload was not recognised.
                let lines = match serde_json::from_str::<&RawValue>(error_message) {
                    Ok(report) => json::layout(report),
                    Err(_) => vec![error_message.clone()],
                };
                self.section(&title, lines)
            }
        }
    }

    pub(crate) fn results(&mut self, report: &Report) -> io::Result<()> {
        let mut table = Table::with_titles(["outcome", "job", "before → after", "attempts", "asked by"]);
        for (outcome, count) in report.summary().outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        for result in report.results() {
            table.row(
                [
                    Cell::new(colour(result.outcome), result.outcome.as_str()),
                    job(&result).as_str().into(),
                    statuses(&result).as_str().into(),
                    result.attempts.to_string().as_str().into(),
                    format!("{} {}", result.requested_by.source, short(&result.requested_by.id))
                        .as_str()
                        .into(),
                ],
                note(&result).as_deref(),
            );
        }
        let lines = table.lines(self.paint);
        self.section("results", lines)
    }

    pub(crate) fn jobs(&mut self, ledger: &Ledger, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut table = Table::with_titles(["job", "", "status", "flag", "statusReason"]);
        for change in changes {
            let job = format!("{} {}", short(&change.id), change.name);
            match (&change.before, &change.after) {
                (Some(before), Some(after)) => {
                    state(&mut table, &job, "before", before);
                    state(&mut table, "", "after", after);
                }
                (Some(only), None) => state(&mut table, &job, ledger.once(), only),
                (None, Some(after)) => state(&mut table, &job, "after", after),
                (None, None) => {}
            }
        }
        let lines = table.lines(self.paint);
        self.section(ledger.title(), lines)
    }

    /// What became of all requests taken together, if there was more than one invocation.
    pub(crate) fn closing(&mut self) -> io::Result<()> {
        if self.invocations < 2 {
            return self.out.flush();
        }
        let counts: Vec<_> = self
            .outcomes
            .iter()
            .map(|(outcome, count)| {
                let name = self.paint.paint(colour(*outcome), outcome.as_str());
                format!("{count} {name}")
            })
            .collect();
        let results: u64 = self.outcomes.values().sum();
        let title = self.paint.paint(Colour::Bold, "in all");
        writeln!(
            self.out,
            "\n{title}: {} invocations, {results} results: {}",
            self.invocations,
            counts.join(", ")
        )?;
        self.out.flush()
    }

    fn section(&mut self, title: &str, lines: Vec<String>) -> io::Result<()> {
        writeln!(self.out, "{}", self.paint.paint(Colour::Bold, title))?;
        for line in lines {
            writeln!(self.out, "  {line}")?;
        }
        Ok(())
    }
}

fn state(table: &mut Table, job: &str, when: &str, state: &State) {
    table.row(
        [
            job.into(),
            Cell::new(Colour::Dim, when),
            state.status.as_str().into(),
            state.flag.into(),
            cut(&state.reason).as_str().into(),
        ],
        None,
    );
}

/// So much of a `statusReason` as a line has room for; the answer has all of it.
fn cut(reason: &str) -> String {
    const MOST_CHARS: usize = 60;
    match reason.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", reason.get(..end).unwrap_or_default()),
        None => reason.to_owned(),
    }
}

/// Green did as asked, yellow found nothing to do or could not see it done, red comes back.
fn colour(outcome: Outcome) -> Colour {
    match outcome {
        Outcome::Accepted
        | Outcome::Finished
        | Outcome::Started
        | Outcome::NotFound
        | Outcome::Denied
        | Outcome::PreconditionFailed => Colour::Yellow,
        outcome if outcome.is_settled() => Colour::Green,
        _ => Colour::Red,
    }
}

/// What an outcome alone does not say: why, and what a sweep found.
fn note(result: &ResultRecord<'_>) -> Option<String> {
    let why = result.why.map(ToOwned::to_owned);
    let parts: Vec<_> = why.into_iter().chain(result.sweep.map(counts)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn counts(SweepReport { summary, left, outcomes, .. }: &SweepReport) -> String {
    let at_least = if summary.at_least { "at least " } else { "" };
    let outcomes: Vec<_> =
        outcomes.iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
    let outcomes = if outcomes.is_empty() { "none touched".to_owned() } else { outcomes.join(", ") };
    format!(
        "{} scanned, {at_least}{} matched, {} kept, {left} left: {outcomes} (by {}, pages: {})",
        summary.scanned, summary.matched, summary.kept, summary.plan.look, summary.plan.pages
    )
}

fn job(result: &ResultRecord<'_>) -> String {
    if let Some(sweep) = result.sweep {
        return match &sweep.summary.of {
            SweepOf::JobQueue(queue) => format!("queue {queue}"),
            SweepOf::ArrayJobId(id) => format!("array {}", short(id.as_str())),
        };
    }
    let seen = result.before.or(result.after);
    let name = seen.and_then(|seen| seen.job_name.as_deref());
    match (result.job_id, name) {
        (Some(id), Some(name)) => format!("{} {name}", short(id.as_str())),
        (Some(id), None) => short(id.as_str()),
        (None, _) => "–".to_owned(),
    }
}

fn statuses(result: &ResultRecord<'_>) -> String {
    match (result.before, result.after) {
        (Some(before), Some(after)) => format!("{} → {}", before.status, after.status),
        (Some(before), None) => before.status.to_string(),
        (None, Some(after)) => format!("? → {}", after.status),
        (None, None) => "–".to_owned(),
    }
}

/// The first part of a UUID, which is enough to find it above, and what follows one (`:index`, `#index`).
fn short(id: &str) -> String {
    const UUID_LEN: usize = 36;
    match (id.split_once('-'), id.get(UUID_LEN..)) {
        (Some((first, _)), Some(rest)) if first.len() == 8 => format!("{first}{rest}"),
        _ => id.to_owned(),
    }
}
