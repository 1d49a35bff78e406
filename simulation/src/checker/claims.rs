//! What the function says of jobs: its results.

use std::collections::BTreeMap;

use batch_canceller::request::Action;

use super::guard::AT_ONCE;
use super::sweeps::{MEANT, ONCE};
use super::{Checker, Entry, Invocation, Role};
use crate::Ms;
use crate::plan::Ask;
use crate::said::{Line, Seen};

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
        if let Some(said) = &line.sweep {
            let is_it = |entry: &Entry| {
                let delivery = own.deliveries.get(entry.delivery);
                entry.role == Role::Sweep
                    && entry.told.is_none()
                    && delivery.is_some_and(|delivery| &*delivery.id == id)
                    && own.ask(entry).is_some_and(|ask| is_asked(ask, line))
            };
            let Some(at) = own.entries.iter().position(is_it) else {
                return vec![("one result each", format!("to {id}, where no sweep is due"))];
            };
            return own.sweep_ends(at, line, said, (&self.truth, self.now));
        }
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
        // Of two requests in one message that differ only in what they expect, the one of which it can be true.
        let clause = line.clause.as_deref();
        let fitting = || (0..own.entries.len()).filter(|at| fits(own, *at));
        let misjudged = |at: &usize| own.misjudged(*at, job, outcome, clause, &self.terms);
        let so = fitting().find(|at| misjudged(at).is_none());
        let named = so.or_else(|| fitting().next());
        let mut wrong: Vec<_> =
            named.and_then(|at| misjudged(&at)).filter(|_| so.is_none()).into_iter().collect();
        let at = if let Some(at) = named {
            at
        } else if let Some((at, twice)) = own.found(id, job, line) {
            wrong.extend(twice);
            // Of what could not be looked at nobody knows.
            let is_known = !matches!(outcome, "unavailable" | "not_attempted");
            let is_listed = own.sweeps_of(job).next().is_some();
            if !is_listed || is_known && !own.is_told_rightly(at, job) {
                wrong.push((MEANT, "which its sweep does not mean".to_owned()));
            }
            wrong.extend(own.misjudged(at, job, outcome, clause, &self.terms));
            at
        } else {
            return vec![("one result each", format!("to {id}, where nothing (more) is due"))];
        };
        let Some(entry) = own.entries.get_mut(at) else {
            return vec![];
        };
        entry.told = Some(settled);
        outcome.clone_into(&mut entry.outcome);
        if own.is_guarded && outcome.starts_with("would_") {
            own.planned.insert(job.to_owned());
            wrong.extend(own.too_many(&self.terms).map(|text| (AT_ONCE, text)));
        }
        wrong.extend(self.claim(invocation, at, job, outcome));
        wrong.extend(self.seen(invocation, job, line));
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
    /// The place for a result of a job that a sweep has found, and what is wrong where another result tells of it.
    fn found(
        &mut self,
        id: &str,
        job: &str,
        line: &Line<'_>,
    ) -> Option<(usize, Option<(&'static str, String)>)> {
        let fits = |entry: &&Entry| {
            let delivery = self.deliveries.get(entry.delivery);
            entry.role == Role::Sweep
                && delivery.is_some_and(|delivery| &*delivery.id == id)
                && self.ask(entry).is_some_and(|ask| is_asked(ask, line))
        };
        let sweep = self.entries.iter().find(fits)?;
        let (delivery, want) = (sweep.delivery, sweep.want);
        // What goes back untouched, or is rejected, orders nothing.
        let is_ordered = |entry: &&Entry| entry.told != Some(false) || !entry.outcome.is_empty();
        let mut same = self.entries.iter().filter(|entry| entry.job.as_deref() == Some(job));
        let other = same.find(is_ordered);
        let twice = other.map(|other| {
            let by = self.deliveries.get(other.delivery).map(|delivery| delivery.id.clone());
            (ONCE, format!("which is told of to {} as well", by.unwrap_or_default()))
        });
        let job = Some(job.to_owned());
        let entry = Entry { delivery, want, role: Role::Swept, job, told: None, outcome: String::new() };
        self.entries.push(entry);
        Some((self.entries.len() - 1, twice))
    }

    /// One result for all that a delivery asks.
    fn whole(&mut self, id: &str, outcome: &str, max_jobs: usize) -> Result<(), String> {
        let deliveries = &self.deliveries;
        let is_due = |entry: &super::Entry| {
            entry.told.is_none() && deliveries.get(entry.delivery).is_some_and(|delivery| &*delivery.id == id)
        };
        let named = self.named;
        let mut due = self.entries.iter_mut().filter(|entry| is_due(entry));
        let entry = match outcome {
            "rejected" => due.find(|entry| entry.role == Role::Malformed),
            "not_attempted" => None,
            _ => return Err("of a whole delivery".to_owned()),
        };
        drop(due);
        // A sweep goes back with the jobs beside which there is no room.
        let is_sweep = |entry: &&mut Entry| entry.role == Role::Sweep && named > max_jobs && is_due(entry);
        let entry = match entry {
            None => self.entries.iter_mut().find(is_sweep),
            entry => entry,
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
