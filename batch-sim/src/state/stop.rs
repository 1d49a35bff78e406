//! Cancel and terminate: what an accepted order sets going.

use super::{Gate, Slot, State, Stop};
use crate::{After, Verb};

impl State {
    /// Carries out an accepted cancel or terminate, or begins to; an unknown id changes nothing.
    pub(crate) fn stop(&mut self, id: &str, verb: Verb, reason: &str, now: i64) {
        let Some(&slot) = self.slots.get(id) else {
            return;
        };
        let caller = self.chronicle.caller;
        let mut work = self.order_family(slot, (verb, caller), reason, now);
        let record = self.record_mut(slot);
        record.stops = record.stops.saturating_add(1);
        let event = After::Stopped(record.stops);
        self.fire(slot, event, now, &mut work);
        self.settle(work, now);
    }

    /// An order to an array is one to its children too; says to whom it went.
    pub(super) fn order_family(
        &mut self,
        slot: Slot,
        order: (Verb, Option<u64>),
        reason: &str,
        now: i64,
    ) -> Vec<Slot> {
        let family = self.family(slot);
        for &slot in &family {
            self.order(slot, order, reason, now);
        }
        family
    }

    fn order(&mut self, slot: Slot, (verb, caller): (Verb, Option<u64>), reason: &str, now: i64) {
        let lag = self.lag;
        let record = self.record_mut(slot);
        let status = record.job.status;
        if status.has_ended() || (status.has_started() && verb == Verb::Cancel) {
            return;
        }
        match &mut record.stop {
            None => {
                let gate = Gate::new(record.job.lag.unwrap_or(lag), now);
                record.stop = Some(Stop { verb, reason: reason.to_owned(), gate, caller });
                if let Gate::Until(then) = gate {
                    self.due.insert((then, slot));
                }
            }
            Some(stop) if stop.verb == Verb::Cancel && verb == Verb::Terminate => {
                stop.verb = Verb::Terminate;
                stop.caller = caller;
                reason.clone_into(&mut stop.reason);
            }
            Some(_) => return,
        }
        let job = &mut self.record_mut(slot).job;
        match verb {
            Verb::Cancel => job.is_cancelled = true,
            Verb::Terminate => job.is_terminated = true,
        }
    }
}
