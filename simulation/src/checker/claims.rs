//! What the function says of jobs: its results.

use std::collections::BTreeMap;

use batch_canceller::request::Action;
use batch_sim::JobStatus;

use super::{Checker, Invocation};
use crate::Ms;
use crate::plan::Ask;
use crate::said::{Line, Seen};

/// How far apart two looks must be that show nothing.
const SECOND_LOOK: Ms = 2_000;

/// A budget in which everything can be done while nothing fails.
const AMPLE: Ms = 12_000;

/// A longer text is cut in a log line.
const LONGEST_TEXT: usize = 480;

impl Checker {
    /// A line of the function's log.
    pub(crate) fn line(&mut self, invocation: usize, line: &Line<'_>) {
        let Some(outcome) = line.outcome.as_deref() else {
            self.summary(invocation, line);
            return;
        };
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        if let Some(stamp) = milliseconds(&line.timestamp) {
            self.stalest = self.stalest.max(self.now.saturating_sub(stamp));
        }
        let wrong = match self.invocations.get(invocation) {
            None => return,
            Some(own) if own.is_over => vec![("one result each", "said after the end".to_owned())],
            Some(own) if own.has_summary => vec![("one result each", "said after the summary".to_owned())],
            Some(_) => self.result(invocation, line, outcome),
        };
        for (promise, text) in wrong {
            let job = line.job_id.as_deref().unwrap_or("no job");
            self.violation(promise, format!("invocation {invocation} says {outcome} of {job}: {text}"));
        }
    }

    fn summary(&mut self, invocation: usize, line: &Line<'_>) {
        let (Some(requested), Some(settled)) = (line.requested, line.settled) else {
            return;
        };
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.has_summary = true;
        let told = own.entries.iter().filter(|entry| entry.told.is_some()).count();
        let done = own.entries.iter().filter(|entry| entry.told == Some(true)).count();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        // A call that is decided on at the very end of the budget is counted, but not begun.
        let calls = line.api_calls.unwrap_or_default();
        let text = if (told, done) != (count(requested), count(settled)) {
            format!("the summary says {settled} of {requested} settled, the results {done} of {told}")
        } else if calls < own.calls {
            format!("the summary says {calls} calls, there were {}", own.calls)
        } else {
            return;
        };
        self.violation("the summary is true", format!("invocation {invocation}: {text}"));
    }

    /// What is wrong with a result.
    fn result(&mut self, invocation: usize, line: &Line<'_>, outcome: &str) -> Vec<(&'static str, String)> {
        let settled = !matches!(outcome, "rejected" | "refused" | "unavailable" | "not_attempted");
        let Some(own) = self.invocations.get_mut(invocation) else {
            return vec![];
        };
        let id = line.requested_by.as_ref().map_or("", |by| &*by.id);
        let Some(job) = line.job_id.as_deref() else {
            return own
                .whole(id, outcome, self.terms.max_jobs)
                .err()
                .into_iter()
                .map(|text| ("one result each", text))
                .collect();
        };
        let fits = |own: &Invocation, at: usize| {
            let Some(entry) = own.entries.get(at) else {
                return false;
            };
            let delivery = own.deliveries.get(entry.delivery);
            entry.told.is_none()
                && entry.job.as_deref() == Some(job)
                && delivery.is_some_and(|delivery| &*delivery.id == id)
                && own.ask(entry).is_some_and(|ask| is_asked(ask, line))
        };
        let Some(at) = (0..own.entries.len()).find(|at| fits(own, *at)) else {
            return vec![("one result each", format!("to {id}, where nothing (more) is due"))];
        };
        let Some(entry) = own.entries.get_mut(at) else {
            return vec![];
        };
        entry.told = Some(settled);
        let request = entry.delivery;
        let entry = &own.entries[at..=at];
        let Some(ask) = entry.first().and_then(|entry| own.ask(entry)).cloned() else {
            return vec![];
        };
        let request = own.deliveries.get(request).map(|delivery| delivery.request);
        let mut wrong = self.claim(invocation, job, &ask, outcome, request);
        wrong.extend(self.seen(invocation, job, line));
        wrong
    }

    /// Whether an outcome is true.
    fn claim(
        &mut self,
        invocation: usize,
        job: &str,
        ask: &Ask,
        outcome: &str,
        request: Option<usize>,
    ) -> Vec<(&'static str, String)> {
        const TRUE: &str = "nothing is claimed that is not so";
        let Some(own) = self.invocations.get(invocation) else {
            return vec![];
        };
        let empty = super::Job::default();
        let known = own.jobs.get(job).unwrap_or(&empty);
        let history = self.truth.of(job);
        let last = history.and_then(|history| history.last());
        let stands = last.map_or("nowhere", |last| last.status.as_str());
        let was = |statuses: &[JobStatus]| {
            history.is_some_and(|history| history.since(own.started).any(|status| statuses.contains(&status)))
        };
        let ample = own.deadline.saturating_sub(self.terms.reserve + own.started) >= AMPLE;
        let is_quiet = own.failures == 0 && !own.is_slow && ample;
        let mut ambiguity = None;
        let mut wrong = Vec::new();
        let claims =
            matches!(outcome, "cancelled" | "terminated" | "cancelling" | "terminating" | "accepted");
        if ask.dry_run && claims {
            wrong.push(("a dry run changes nothing", "to a dry run".to_owned()));
        }
        let action = match outcome {
            "cancelled" | "cancelling" | "would_cancel" => Some(Action::Cancel),
            "terminated" | "terminating" | "would_terminate" => Some(Action::Terminate),
            _ => None,
        };
        if action.is_some_and(|action| action != ask.action) {
            wrong.push((TRUE, "which is not what was asked for".to_owned()));
        }
        match outcome {
            "cancelled" | "terminated" => match last {
                Some(last) if last.status == JobStatus::Failed => {
                    if last.reason.is_none() && last.by.is_none() && known.accepted == Some(ask.action) {
                        // By the rule it counts as this request's: nothing else stands there.
                        self.ambiguity("it ended by itself and without a reason, after an accepted call");
                        return wrong;
                    }
                    if last.reason.as_deref() != Some(ask.reason.as_str()) {
                        let reason = last.reason.as_deref().unwrap_or_default();
                        wrong.push((TRUE, format!("its end has another reason: {reason:?}")));
                    }
                    match last.by {
                        None => wrong.push((TRUE, "nobody stopped it: it ended by itself".to_owned())),
                        Some(by) => match by.caller.and_then(|call| self.callers.get(&call)) {
                            None => ambiguity = Some("another person gave the same reason, and was first"),
                            Some(caller) => {
                                let caller = self.invocations.get(*caller);
                                let is_own = caller.is_some_and(|caller| {
                                    caller.deliveries.iter().any(|delivery| Some(delivery.request) == request)
                                });
                                if !is_own {
                                    ambiguity = Some("another request gave the same reason, and was first");
                                }
                            }
                        },
                    }
                }
                _ => wrong.push((TRUE, format!("it stands {stands}"))),
            },
            "finished" => {
                let ended = last.filter(|last| last.status.has_ended());
                if ended.is_none() {
                    wrong.push((TRUE, format!("it stands {stands}")));
                }
                let is_own = ended.is_some_and(|last| {
                    last.status == JobStatus::Failed
                        && last.by.is_some_and(|by| by.caller.is_some())
                        && last.reason.as_deref() == Some(ask.reason.as_str())
                });
                if is_own && self.terms.has_marks && !ask.dry_run {
                    wrong.push((TRUE, "it was stopped by the function, with this very reason".to_owned()));
                }
            }
            "started" => {
                if !was(&[JobStatus::Starting, JobStatus::Running]) {
                    wrong.push((TRUE, format!("it stands {stands}, and had not started meanwhile")));
                }
                if ask.action != Action::Cancel {
                    wrong.push((TRUE, "though a terminate was asked for".to_owned()));
                }
            }
            "not_found" => {
                if let Some(look) = known.looks.iter().find(|look| look.shown.is_some()) {
                    let status = look.shown.map_or("", JobStatus::as_str);
                    wrong.push((TRUE, format!("a look at {} ms showed it {status}", look.ended)));
                }
                let missed: Vec<_> = known.looks.iter().filter(|look| look.shown.is_none()).collect();
                let first = missed.first().map_or(Ms::MAX, |look| look.ended);
                if !missed.iter().any(|look| look.began >= first.saturating_add(SECOND_LOOK)) {
                    wrong.push((TRUE, format!("after looks at {missed:?}")));
                }
            }
            "cancelling" | "terminating" | "accepted" => {
                if known.accepted.is_none()
                    || outcome == "terminating" && known.accepted < Some(Action::Terminate)
                {
                    wrong.push((TRUE, "no such call was accepted".to_owned()));
                }
                let is_quiet = is_quiet && self.terms.marks_at_once;
                if outcome == "accepted"
                    && is_quiet
                    && history.is_some_and(|history| history.forgotten.is_none())
                {
                    wrong.push((TRUE, format!("though no call failed; it stands {stands}")));
                }
                let shown = known.looks.iter().rev().find_map(|look| look.shown);
                if outcome != "accepted" && shown.is_none_or(JobStatus::has_ended) {
                    wrong.push((TRUE, "it was not seen alive".to_owned()));
                }
                if outcome == "cancelling" && shown.is_some_and(JobStatus::has_started) {
                    wrong.push((TRUE, "it was seen started".to_owned()));
                }
            }
            "would_cancel" | "would_terminate" => {
                if !ask.dry_run {
                    wrong.push((TRUE, "though it is no dry run".to_owned()));
                }
                let alive = [JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable];
                let started = [JobStatus::Starting, JobStatus::Running];
                if !was(&alive) && !(ask.action == Action::Terminate && was(&started)) {
                    wrong.push((TRUE, format!("it stands {stands}")));
                }
            }
            "refused" => {
                if !known.refused {
                    wrong.push((TRUE, "nobody refused it".to_owned()));
                }
                let by = last.and_then(|last| last.by).and_then(|by| by.caller);
                if by.is_some_and(|call| self.callers.get(&call) == Some(&invocation)) {
                    wrong.push((TRUE, "this invocation has stopped it".to_owned()));
                }
            }
            "unavailable" | "not_attempted" => {
                if is_quiet && own.in_flight == 0 {
                    wrong.push(("what can be settled is settled", "though no call failed".to_owned()));
                }
            }
            "rejected" => wrong.push(("what is well-formed is not rejected", String::new())),
            _ => wrong.push((TRUE, "which is no outcome".to_owned())),
        }
        if let Some(ambiguity) = ambiguity {
            self.ambiguity(ambiguity);
        }
        wrong
    }

    /// Whether a result tells of the job as it was, and of as many calls as there were.
    fn seen(&self, invocation: usize, job: &str, line: &Line<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let Some(own) = self.invocations.get(invocation) else {
            return wrong;
        };
        let history = self.truth.of(job);
        for Seen { status } in [&line.before, &line.after].into_iter().flatten() {
            let was =
                history.is_some_and(|history| history.since(own.started).any(|was| was.as_str() == status));
            if !was {
                wrong.push(("what is shown was so", format!("shows it {status}, as which it did not stand")));
            }
        }
        let stops = own.jobs.get(job).map_or(0, |job| job.stops);
        // A call that is decided on at the very end of the budget is counted, but not begun.
        if line.attempts < stops || line.attempts > stops + 1 {
            let text = format!("after {} attempts, though there were {stops}", line.attempts);
            wrong.push(("attempts are counted", text));
        }
        wrong
    }
}

impl Invocation {
    /// One result for all that a delivery asks.
    fn whole(&mut self, id: &str, outcome: &str, max_jobs: usize) -> Result<(), String> {
        let deliveries = &self.deliveries;
        let is_due = |entry: &super::Entry| {
            entry.told.is_none() && deliveries.get(entry.delivery).is_some_and(|delivery| &*delivery.id == id)
        };
        let entry = match outcome {
            "rejected" => self.entries.iter_mut().find(|entry| entry.job.is_none() && is_due(entry)),
            "not_attempted" => None,
            _ => return Err("of a whole delivery".to_owned()),
        };
        match entry {
            Some(entry) => entry.told = Some(false),
            None => self.goes_back(id, outcome, max_jobs).ok_or_else(|| format!("to {id}, for no reason"))?,
        }
        Ok(())
    }

    /// What asks for more jobs than an invocation may have goes back as a whole: what does so alone as one that is
    /// rejected, and else what comes last.
    fn goes_back(&mut self, id: &str, outcome: &str, max_jobs: usize) -> Option<()> {
        let deliveries = &self.deliveries;
        let is_due = |entry: &&super::Entry| {
            entry.told.is_none()
                && entry.job.is_some()
                && deliveries.get(entry.delivery).is_some_and(|delivery| &*delivery.id == id)
        };
        let place = |entry: &super::Entry| (entry.delivery, entry.want);
        let mut sizes: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        self.entries.iter().filter(is_due).for_each(|entry| *sizes.entry(place(entry)).or_default() += 1);
        let whole = if outcome == "rejected" {
            *sizes.iter().max_by_key(|(_, size)| **size)?.0
        } else {
            *sizes.iter().rfind(|(_, size)| **size <= max_jobs)?.0
        };
        // There is one result for all that is rejected, and as many as there are jobs for what goes back.
        let mut first = true;
        self.entries.retain_mut(|entry| {
            let is_meant = place(entry) == whole;
            if is_meant {
                entry.told = Some(false);
            }
            !(is_meant && outcome == "rejected") || std::mem::take(&mut first)
        });
        Some(())
    }
}

/// Whether a result is one to this request.
fn is_asked(ask: &Ask, line: &Line<'_>) -> bool {
    let action = match ask.action {
        Action::Cancel => "cancel",
        Action::Terminate => "terminate",
    };
    let (reason, told) = (ask.reason.as_str(), line.reason.as_deref().unwrap_or_default());
    let same = reason == told
        || reason.len() > LONGEST_TEXT
            && told.strip_suffix('…').is_some_and(|start| reason.starts_with(start));
    line.action.as_deref() == Some(action) && line.dry_run == ask.dry_run && same
}

/// A timestamp as the time since the run began, if it is of the same month.
fn milliseconds(timestamp: &str) -> Option<Ms> {
    let (date, time) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let day: Ms = date.strip_prefix("2027-01-")?.parse().ok()?;
    let (hours, rest) = time.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |text: &str| text.parse::<Ms>().ok();
    let millis = number(&format!("{fraction:0<3}"))?;
    let whole = ((day * 24 + number(hours)?) * 60 + number(minutes)?) * 60 + number(seconds)?;
    (whole * 1_000 + millis).checked_sub((15 * 24 + 8) * 3_600_000)
}
