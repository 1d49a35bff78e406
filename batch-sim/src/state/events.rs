//! What looks and other people's deeds set going.

use super::{Family, Slot, State, Stop};
use crate::chronicle::Happening;
use crate::shown::Attempt;
use crate::{After, Deed, Event, JobStatus, Verb};

impl State {
    /// Does something to a job now, as somebody else; says whether there is such a job.
    pub(crate) fn act(&mut self, id: &str, deed: Deed, now: i64) -> bool {
        let Some(&slot) = self.slots.get(id) else {
            return false;
        };
        let mut work = vec![slot];
        self.carry_out(slot, deed, now, &mut work);
        self.settle(work, now);
        true
    }

    /// Adds an event counted from now; says whether there is such a job.
    pub(crate) fn when(&mut self, id: &str, after: After, does: Deed) -> bool {
        let Some(&slot) = self.slots.get(id) else {
            return false;
        };
        let record = self.record_mut(slot);
        let after = match after {
            After::Described(k) => After::Described(record.described.saturating_add(k)),
            After::Listed(k) => After::Listed(record.listed.saturating_add(k)),
            After::Stopped(k) => After::Stopped(record.stops.saturating_add(k)),
        };
        record.job.events.push(Event { after, does });
        true
    }

    /// Counts a `DescribeJobs` answer that showed these jobs, and does what waited for it.
    pub(crate) fn described(&mut self, shown: &[Slot], now: i64) {
        let mut work = Vec::new();
        for &slot in shown {
            // First, as it was an answer to those who asked before.
            self.count_poll(slot, &mut work);
            let record = self.record_mut(slot);
            record.described = record.described.saturating_add(1);
            let event = After::Described(record.described);
            self.fire(slot, event, now, &mut work);
        }
        self.settle(work, now);
    }

    /// A look at an array being stopped is a look at its children: a caller that asked about the
    /// array has no reason to describe them.
    fn count_poll(&mut self, slot: Slot, work: &mut Vec<Slot>) {
        let Some(stop) = &mut self.record_mut(slot).stop else {
            return;
        };
        stop.gate.poll();
        work.push(slot);
        if let Family::Parent { children, .. } = &self.record(slot).family {
            for child in children.clone() {
                self.count_poll(child, work);
            }
        }
    }

    /// Counts a `ListJobs` answer that showed these jobs, and does what waited for it.
    pub(crate) fn listed(&mut self, shown: &[Slot], now: i64) {
        let mut work = Vec::new();
        for &slot in shown {
            let record = self.record_mut(slot);
            record.listed = record.listed.saturating_add(1);
            let event = After::Listed(record.listed);
            self.fire(slot, event, now, &mut work);
        }
        self.settle(work, now);
    }

    /// Carries out what waited for this, in the order it was added.
    pub(super) fn fire(&mut self, slot: Slot, after: After, now: i64, work: &mut Vec<Slot>) {
        let due: Vec<_> =
            self.record_mut(slot).job.events.extract_if(.., |event| event.after == after).collect();
        for event in due {
            self.carry_out(slot, event.does, now, work);
        }
    }

    fn carry_out(&mut self, slot: Slot, deed: Deed, now: i64, work: &mut Vec<Slot>) {
        match deed {
            Deed::Move(status) => self.force(slot, status, now, work),
            Deed::Cancel(reason) => work.extend(self.order_family(slot, (Verb::Cancel, None), &reason, now)),
            Deed::Terminate(reason) => {
                work.extend(self.order_family(slot, (Verb::Terminate, None), &reason, now));
            }
            Deed::Fail(reason) => {
                // An array has no life of its own: it fails with its children.
                let children = self.children(slot);
                let failing = if children.is_empty() { vec![slot] } else { children };
                for slot in failing {
                    self.fail(slot, &reason, now, work);
                }
            }
            Deed::Expire => self.expire(slot, now),
        }
    }

    fn force(&mut self, slot: Slot, status: JobStatus, now: i64, work: &mut Vec<Slot>) {
        let record = self.record_mut(slot);
        let outrun =
            |stop: &mut Stop| status.has_ended() || (status.has_started() && stop.verb == Verb::Cancel);
        record.stop.take_if(outrun);
        self.change(slot, status, now, work);
    }

    fn fail(&mut self, slot: Slot, reason: &str, now: i64, work: &mut Vec<Slot>) {
        let record = self.record_mut(slot);
        let job = &mut record.job;
        if job.status.has_ended() {
            return;
        }
        if job.status.has_started() {
            record.attempts.push(Attempt {
                started_at: job.started_at,
                stopped_at: now,
                status_reason: reason.to_owned(),
            });
            let left = record.attempts.len() < usize::try_from(job.attempts).unwrap_or(usize::MAX);
            if left && !job.is_cancelled && !job.is_terminated {
                job.started_at = None;
                self.change(slot, JobStatus::Runnable, now, work);
                return;
            }
        }
        record.stop = None;
        job.status_reason = Some(reason.to_owned());
        self.change(slot, JobStatus::Failed, now, work);
    }

    fn expire(&mut self, slot: Slot, now: i64) {
        if !self.record(slot).job.status.has_ended() {
            return;
        }
        for slot in self.family(slot) {
            let record = self.record_mut(slot);
            record.expired = true;
            let id = record.job.id.clone();
            self.chronicle.note(now, || (id.clone(), Happening::Expired));
            if self.slots.get(&id) == Some(&slot) {
                self.slots.remove(&id);
            }
        }
    }
}
