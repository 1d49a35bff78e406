//! What the function does: its calls.

use batch_canceller::request::Action;
use batch_sim::JobStatus;

use super::{Checker, Look, guard};
use crate::Ms;
use crate::plan::Ask;

/// An answer that takes longer than this is slow.
const SLOW: Ms = 400;

/// Looks, cancels and terminates are probed each by themselves.
const PROBED_KINDS: u64 = 3;

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
            let is_parent = || {
                own.is_guarded && stop.is_none() && ids.iter().any(|child| guard::parent(child) == Some(id))
            };
            if own.asks(id).next().is_none() && !is_parent() {
                wrong.push(("no call for what nobody asked for", format!("a call names {id}")));
            }
            let Some((action, reason)) = stop else {
                continue;
            };
            let wants =
                |(_, ask): (_, &Ask)| !ask.dry_run && ask.action == action && ask.reason.as_str() == reason;
            let is_named = own.names(id).any(wants);
            if !is_named && !own.sweeps_of(id).any(wants) {
                let text = format!(
                    "a call to {} {id} with the reason {reason:?}, which no request gives",
                    verb(action)
                );
                wrong.push(("only what is wanted is stopped", text));
            } else if own.is_guarded
                && let Some(text) = own.unguarded(id, (action, reason), now, &terms)
            {
                wrong.push((guard::GUARDED, text));
            } else if !is_named {
                wrong.extend(own.wrongly_swept(id, (action, reason), &self.truth, now));
            }
            let job = own.jobs.entry(id.clone()).or_default();
            job.stops += 1;
            job.reason = Some(reason.to_owned());
            if job.accepted >= Some(action) {
                wrong.push((
                    "nothing is hammered",
                    format!("{id} is to be stopped again, though that was accepted"),
                ));
            }
            let shown = job.looks.iter().rev().filter(|look| !look.as_parent).find_map(|look| look.shown);
            let in_vain =
                |status: JobStatus| status.has_ended() || action == Action::Cancel && status.has_started();
            if let Some(status) = shown.filter(|status| in_vain(*status)) {
                let text = format!("a call to {} {id}, which was seen {}", verb(action), status.as_str());
                wrong.push(("no call in vain", text));
            }
        }
        if stop.is_some() {
            wrong.extend(own.too_many(&terms).map(|text| (guard::AT_ONCE, text)));
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
        own.answered += u64::from(!failed);
        own.is_slow |= ended.saturating_sub(began) > SLOW;
        for (id, item) in items {
            let is_child = |(child, _): &(String, Item)| guard::parent(child) == Some(id);
            // Nor is anything taken of a child that is shown without its parent.
            let is_bare = |(other, item): &(String, Item)| {
                guard::parent(id) == Some(other) && *item == Item::Shown(None)
            };
            let as_parent = own.is_guarded && items.iter().any(|item| is_child(item) || is_bare(item));
            let job = own.jobs.entry(id.clone()).or_default();
            match item {
                Item::Shown(shown) => job.looks.push(Look { began, ended, shown: *shown, as_parent }),
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

    /// Trouble makes it call less: an invocation has ended, and must not have made more calls than it needed, given how
    /// many failed.
    pub(super) fn calls_are_few(&mut self, invocation: usize) {
        let Some(own) = self.invocations.get(invocation) else {
            return;
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let acted = count(own.jobs.values().filter(|job| job.stops > 0).count());
        let unseen =
            count(own.jobs.values().filter(|job| job.looks.iter().any(|look| look.shown.is_none())).count());
        let duration = self.now - own.started;
        // What a page shows is looked at before the next one comes. Two looks at all jobs, in the worst case, half of which may be parents; a call for each job to stop it, before
        // which it is looked at again if it had to wait for long, and looks at it with growing pauses.
        let at_once = if own.is_guarded { 50 } else { 100 };
        let waited = if own.is_guarded { count(own.jobs.len()) * (duration / guard::FRESH) } else { 0 };
        let looks = 2 * count(own.jobs.len()).div_ceil(at_once) + unseen + waited + own.listings.pages;
        let polls =
            2 + u64::from(self.terms.watch.max(1).ilog2()).saturating_sub(5) + self.terms.watch / 2_000;
        let needed = looks + acted * (1 + polls);
        let answered = own.answered - own.listings.pages;
        let text = if answered > needed + own.failures + 2 {
            format!(
                "{} calls were answered where {needed} were needed, and {} failed",
                answered, own.failures
            )
        } else if own.answered == 0
            && own.calls > PROBED_KINDS * (count(self.terms.max_in_flight) + 4 + duration / 240)
        {
            format!("{} calls were made in vain within {duration} ms", own.calls)
        } else {
            return;
        };
        self.violation("nothing is hammered", format!("invocation {invocation}: {text}"));
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
