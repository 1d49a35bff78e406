//! Cancel and terminate: what an accepted order sets going.

use super::{Family, Gate, Slot, State, Stop};
use crate::{CancelLag, Verb};

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
}
