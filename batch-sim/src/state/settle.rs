//! What follows by itself: stops take effect, arrays end with their children, and what waited for
//! a job goes on or fails with it.

use super::{Family, Record, Slot, State, Stop};
use crate::JobStatus;
use crate::chronicle::StoppedBy;

/// What a job's surroundings make of it.
enum Turn {
    /// The accepted stop takes effect.
    Stopped,
    /// It ends by itself.
    Ended(JobStatus, Option<&'static str>),
    /// It waits no longer.
    Ready,
}

impl State {
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

    /// Lets these jobs take their turn, and then what waited for that.
    pub(super) fn settle(&mut self, mut work: Vec<Slot>, now: i64) {
        while let Some(slot) = work.pop() {
            let Some(turn) = self.turn(self.record(slot), now) else {
                continue;
            };
            let record = self.record_mut(slot);
            let status = match turn {
                Turn::Stopped => {
                    if let Some(Stop { verb, reason, caller, .. }) = record.stop.take() {
                        record.job.status_reason = Some(reason);
                        record.stopped_by = Some(StoppedBy { verb, caller });
                    }
                    JobStatus::Failed
                }
                Turn::Ended(status, reason) => {
                    if let Some(reason) = reason {
                        record.job.status_reason = Some(reason.to_owned());
                    }
                    status
                }
                Turn::Ready => JobStatus::Runnable,
            };
            self.change(slot, status, now, &mut work);
        }
    }

    fn turn(&self, record: &Record, now: i64) -> Option<Turn> {
        if record.job.status.has_ended() || record.living_children() > 0 {
            return None;
        }
        let waits = Waits::of(self, record);
        match (&record.stop, &record.family) {
            // It ends now in any case: why is for the one who asked first to say.
            (Some(_), _) if waits == Waits::InVain => Some(Turn::Stopped),
            (Some(stop), _) => (stop.gate.is_open(now) && waits != Waits::Still).then_some(Turn::Stopped),
            (None, _) if waits == Waits::InVain => {
                Some(Turn::Ended(JobStatus::Failed, Some("Dependent job failed")))
            }
            (None, Family::Parent { tally, .. }) => {
                let failed = tally.get(&JobStatus::Failed).is_some_and(|&n| n > 0);
                Some(if failed {
                    Turn::Ended(JobStatus::Failed, Some("Array Child Job failed"))
                } else {
                    Turn::Ended(JobStatus::Succeeded, None)
                })
            }
            (None, _) => (waits == Waits::NoLonger).then_some(Turn::Ready),
        }
    }
}

/// How a job stands to those it depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// It has none, or is past waiting.
    Never,
    Still,
    /// All have succeeded.
    NoLonger,
    /// One has failed.
    InVain,
}

impl Waits {
    fn of(state: &State, record: &Record) -> Self {
        let job = &record.job;
        if job.depends_on.is_empty() || !matches!(job.status, JobStatus::Submitted | JobStatus::Pending) {
            return Self::Never;
        }
        let status = |id: &String| state.slots.get(id).map(|&slot| state.record(slot).job.status);
        if job.depends_on.iter().any(|id| status(id) == Some(JobStatus::Failed)) {
            Self::InVain
        } else if job.status == JobStatus::Submitted {
            // Batch has not yet looked whether there is something to wait for.
            Self::Never
        } else if job.depends_on.iter().all(|id| status(id) == Some(JobStatus::Succeeded)) {
            Self::NoLonger
        } else {
            Self::Still
        }
    }
}
