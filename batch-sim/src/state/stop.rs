//! Cancel and terminate: from the accepted order to the ended job.

use super::{Family, Gate, Record, Slot, State, Stop};
use crate::{CancelLag, JobStatus, Verb};

/// What a caller asked to be done to a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) verb: Verb,
    pub(crate) reason: &'a str,
    /// For jobs without a lag of their own.
    pub(crate) lag: CancelLag,
}

impl State {
    /// Carries out an accepted cancel or terminate, or begins to; an unknown id changes nothing.
    pub(crate) fn stop(&mut self, id: &str, order: Order<'_>, now: i64) {
        let Some(&slot) = self.slots.get(id) else {
            return;
        };
        let mut work = vec![slot];
        if let Family::Parent { children, .. } = &self.record(slot).family {
            work.extend(children);
        }
        for &slot in &work {
            self.order(slot, order, now);
        }
        self.settle(work, now);
    }

    fn order(&mut self, slot: Slot, order: Order<'_>, now: i64) {
        let record = self.record_mut(slot);
        let status = record.job.status;
        if status.has_ended() || (status.has_started() && order.verb == Verb::Cancel) {
            return;
        }
        match &mut record.stop {
            None => {
                let gate = Gate::new(record.job.lag.unwrap_or(order.lag), now);
                record.stop = Some(Stop { verb: order.verb, reason: order.reason.to_owned(), gate });
                if let Gate::Until(then) = gate {
                    self.due.insert((then, slot));
                }
            }
            Some(stop) if stop.verb == Verb::Cancel && order.verb == Verb::Terminate => {
                stop.verb = Verb::Terminate;
                order.reason.clone_into(&mut stop.reason);
            }
            Some(_) => return,
        }
        let job = &mut self.record_mut(slot).job;
        match order.verb {
            Verb::Cancel => job.is_cancelled = true,
            Verb::Terminate => job.is_terminated = true,
        }
    }

    /// Lets the lags run out that are over at `now`; to be called before anything is shown.
    pub(crate) fn advance(&mut self, now: i64) {
        let mut work = Vec::new();
        while let Some(&(then, slot)) = self.due.first()
            && then <= now
        {
            self.due.pop_first();
            work.push(slot);
        }
        self.settle(work, now);
    }

    /// Ends what may end, and then what waited for that.
    pub(super) fn settle(&mut self, mut work: Vec<Slot>, now: i64) {
        while let Some(slot) = work.pop() {
            let record = self.record(slot);
            if record.living_children() > 0 {
                continue;
            }
            match &record.stop {
                Some(stop) if stop.gate.is_open(now) && !self.is_held(record) => {
                    let record = self.record_mut(slot);
                    record.job.status_reason = record.stop.take().map(|stop| stop.reason);
                    self.change(slot, JobStatus::Failed, now, &mut work);
                }
                Some(_) => {}
                None => self.end_parent(slot, now, &mut work),
            }
        }
    }

    /// An array that nobody stopped ends with its last child.
    fn end_parent(&mut self, slot: Slot, now: i64, work: &mut Vec<Slot>) {
        let record = self.record_mut(slot);
        let Family::Parent { tally, .. } = &record.family else {
            return;
        };
        if record.job.status.has_ended() {
            return;
        }
        let status = if tally.get(&JobStatus::Failed).is_some_and(|&n| n > 0) {
            record.job.status_reason = Some("Array Child Job failed".to_owned());
            JobStatus::Failed
        } else {
            JobStatus::Succeeded
        };
        self.change(slot, status, now, work);
    }

    /// Whether a PENDING job still waits for a dependency.
    fn is_held(&self, record: &Record) -> bool {
        record.job.status == JobStatus::Pending
            && record
                .job
                .depends_on
                .iter()
                .any(|id| self.slots.get(id).is_none_or(|&slot| !self.record(slot).job.status.has_ended()))
    }
}
