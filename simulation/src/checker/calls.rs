//! What the function does: its calls.

use batch_canceller::request::Action;
use batch_sim::JobStatus;

use super::{Checker, Look};

/// What an answer says of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// A look showed it so, or did not show it.
    Shown(Option<JobStatus>),
    Accepted,
    Refused,
    Failed,
}

impl Checker {
    /// A call starts: of `DescribeJobs`, or to stop jobs for a reason.
    pub(crate) fn call_starts(
        &mut self,
        call: u64,
        invocation: usize,
        ids: &[String],
        stop: Option<(Action, &str)>,
    ) {
        let now = self.now;
        let terms = self.terms.clone();
        let mut wrong = Vec::new();
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.in_flight += 1;
        own.calls += 1;
        if own.is_over {
            wrong.push((
                "no call outside the budget",
                "a call starts after its invocation has ended".to_owned(),
            ));
        }
        if own.in_flight > terms.max_in_flight {
            wrong.push((
                "at most MAX_IN_FLIGHT calls at once",
                format!("{} calls are under way", own.in_flight),
            ));
        }
        if now > own.deadline.saturating_sub(terms.reserve) {
            let text = format!("a call starts {} ms before the deadline", own.deadline.saturating_sub(now));
            wrong.push(("no call outside the budget", text));
        }
        for id in ids {
            let asked = own.asks(id).count();
            if asked == 0 {
                wrong.push(("no call for what nobody asked for", format!("a call names {id}")));
            }
            let Some((action, reason)) = stop else {
                continue;
            };
            let wanted =
                own.asks(id).any(|ask| !ask.dry_run && ask.action == action && ask.reason.as_str() == reason);
            if !wanted {
                let text = format!(
                    "a call to {} {id} with the reason {reason:?}, which no request gives",
                    verb(action)
                );
                wrong.push(("only what is wanted is stopped", text));
            }
            let job = own.jobs.entry(id.clone()).or_default();
            job.stops += 1;
            if job.accepted >= Some(action) {
                wrong.push((
                    "nothing is hammered",
                    format!("{id} is to be stopped again, though that was accepted"),
                ));
            }
            let shown = job.looks.iter().rev().find_map(|look| look.shown);
            let in_vain =
                |status: JobStatus| status.has_ended() || action == Action::Cancel && status.has_started();
            if let Some(status) = shown.filter(|status| in_vain(*status)) {
                let text = format!("a call to {} {id}, which was seen {}", verb(action), status.as_str());
                wrong.push(("no call in vain", text));
            }
        }
        if stop.is_some() {
            self.callers.insert(call, invocation);
        }
        for (promise, text) in wrong {
            self.violation(promise, format!("invocation {invocation}: {text}"));
        }
    }

    /// A call is answered, or fails.
    pub(crate) fn call_ends(
        &mut self,
        invocation: usize,
        began: u64,
        action: Option<Action>,
        items: &[(String, Item)],
        failed: bool,
    ) {
        let ended = self.now;
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.in_flight = own.in_flight.saturating_sub(1);
        own.failures += u64::from(failed);
        for (id, item) in items {
            let job = own.jobs.entry(id.clone()).or_default();
            match item {
                Item::Shown(shown) => job.looks.push(Look { began, ended, shown: *shown }),
                Item::Accepted => job.accepted = job.accepted.max(action),
                Item::Refused => job.refused = true,
                Item::Failed => {}
            }
        }
    }

    /// The function does not wait for a call any more.
    pub(crate) fn call_dropped(&mut self, invocation: usize) {
        self.call_ends(invocation, 0, None, &[], true);
    }

    /// Batch has no such call: nobody was asked to stop these.
    pub(crate) fn no_such_call(&mut self, invocation: usize, ids: &[String]) {
        if let Some(own) = self.invocations.get_mut(invocation) {
            for id in ids {
                let job = own.jobs.entry(id.clone()).or_default();
                job.stops = job.stops.saturating_sub(1);
            }
        }
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Cancel => "cancel",
        Action::Terminate => "terminate",
    }
}
