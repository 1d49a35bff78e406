//! The whole of Batch without HTTP: every call as a method, and everything a call can change.

use crate::faults::{FaultKind, Faults, Target, Trouble};
use crate::limits::Limiter;
use crate::state::{Slot, State};
use crate::{
    After, Bulk, BulkAnswer, Change, Deed, Fault, Fleet, Job, JobStatus, JobView, ListQuery, Moment,
    Operation, Page, Refusal, Settings, ShownJob, Verb,
};

mod checks;
mod show;
#[cfg(test)]
mod tests;

/// A simulated Batch for use in one process: no HTTP, no clock, no lock and no randomness but the
/// dice of faults, which [`Settings::seed`] decides.
///
/// The same calls in the same order at the same moments have the same results. `now` is an
/// argument everywhere and must not go back. [`Simulator`](crate::Simulator) is this behind a
/// mutex and a clock.
///
/// ```
/// use batch_sim::{Job, JobStatus, Moment, Verb, World};
///
/// let mut world = World::default();
/// let now = Moment::from_millis(1_000);
/// world.add(Job::new("a").status(JobStatus::Runnable), now);
/// world.stop_job(Verb::Cancel, "a", "no longer needed", now)?;
/// let shown = world.describe_jobs(&["a"], now)?;
/// assert_eq!(shown[0].status, JobStatus::Failed);
/// assert_eq!(shown[0].status_reason.as_deref(), Some("no longer needed"));
/// # Ok::<_, batch_sim::Refusal>(())
/// ```
///
/// Calls are answered as Batch would: they count against [`Settings::limit`], and item faults
/// strike them. What befalls whole calls on their way is for the caller to ask
/// ([`befall`](Self::befall)) and to act upon.
#[derive(Debug, Default)]
pub struct World {
    state: State,
    faults: Faults,
    settings: Settings,
    limiter: Option<Limiter>,
}

/// Batch's six calls.
impl World {
    /// `CancelJob` or `TerminateJob`.
    ///
    /// # Errors
    ///
    /// If the id or the reason is empty, the reason too long, or the limit reached.
    pub fn stop_job(&mut self, verb: Verb, id: &str, reason: &str, now: Moment) -> Result<(), Refusal> {
        self.enter(verb.call(), 1, now)?;
        checks::id(id)?;
        checks::reason(reason)?;
        self.stop(verb, id, reason, now);
        Ok(())
    }

    /// `CancelJobs` or `TerminateJobs`: each job with its own result.
    ///
    /// # Errors
    ///
    /// If there is no such call ([`Settings::bulk`]), no job or more than 50, the reason is empty
    /// or too long, or the limit reached.
    pub fn stop_jobs(
        &mut self,
        verb: Verb,
        ids: &[impl AsRef<str>],
        reason: &str,
        now: Moment,
    ) -> Result<BulkAnswer, Refusal> {
        let mut tokens = self.enter(verb.bulk_call(), ids.len(), now)?;
        checks::bulk(ids.len())?;
        checks::reason(reason)?;
        let mut answer = BulkAnswer::default();
        let target = self.target(verb.bulk_call(), now);
        for id in ids.iter().map(AsRef::as_ref) {
            match self.faults.strike_item(target, id) {
                Some(FaultKind::OmitItem) => {}
                Some(FaultKind::Item { code, message }) => answer.fail(id, code, message),
                _ if tokens == 0 => answer.fail(id, "ThrottlingException", "Rate exceeded"),
                _ => {
                    tokens -= 1;
                    self.stop(verb, id, reason, now);
                    answer.successful.push(id.to_owned());
                }
            }
        }
        Ok(answer)
    }

    /// `DescribeJobs`: the known jobs among `ids`, each once, in the order asked.
    ///
    /// # Errors
    ///
    /// If there is no id or more than 100, or the limit is reached.
    pub fn describe_jobs(&mut self, ids: &[impl AsRef<str>], now: Moment) -> Result<Vec<ShownJob>, Refusal> {
        self.enter(Operation::DescribeJobs, 1, now)?;
        checks::described(ids.len())?;
        self.state.advance(now.epoch_ms);
        let slots = self.state.look(ids, now.epoch_ms);
        let shown = self.show(&slots, ShownJob::detail, now);
        self.state.described(&slots, now.epoch_ms);
        Ok(shown)
    }

    /// `ListJobs`: one page.
    ///
    /// # Errors
    ///
    /// If the limit is reached.
    pub fn list_jobs(&mut self, query: &ListQuery, now: Moment) -> Result<Page, Refusal> {
        self.enter(Operation::ListJobs, 1, now)?;
        self.state.advance(now.epoch_ms);
        let (slots, next) = self.state.list(query, &self.settings.arn_root(), now.epoch_ms);
        let jobs = self.show(&slots, ShownJob::summary, now);
        self.state.listed(&slots, now.epoch_ms);
        Ok(Page { jobs, next })
    }

    fn stop(&mut self, verb: Verb, id: &str, reason: &str, now: Moment) {
        self.state.advance(now.epoch_ms);
        self.state.stop(id, verb, reason, now.epoch_ms);
    }

    fn show(
        &self,
        slots: &[Slot],
        show: impl Fn(&State, Slot, &show::Place<'_>) -> ShownJob,
        now: Moment,
    ) -> Vec<ShownJob> {
        let arn_root = self.settings.arn_root();
        let place = show::Place { settings: &self.settings, arn_root: &arn_root, now: now.epoch_ms };
        slots.iter().map(|&slot| show(&self.state, slot, &place)).collect()
    }

    /// Lets a call in that is about so many items; says how many of them the limit lets pass.
    fn enter(&mut self, operation: Operation, items: usize, now: Moment) -> Result<usize, Refusal> {
        if operation.is_bulk() && self.settings.bulk != Bulk::Present {
            return Err(Refusal::NoSuchCall);
        }
        match &mut self.limiter {
            None => Ok(items),
            Some(limiter) => limiter.admit(operation, items, now.elapsed).ok_or(Refusal::Throttled),
        }
    }

    /// Refuses a call that makes no sense; it counts against the limit all the same.
    pub(crate) fn refuse(&mut self, operation: Operation, text: &str, now: Moment) -> Refusal {
        match self.enter(operation, 1, now) {
            Ok(_) => Refusal::Client(text.to_owned()),
            Err(refusal) => refusal,
        }
    }
}

/// What a run starts from, and what befalls it.
impl World {
    /// Adds a job; a job with the same id is replaced.
    pub fn add(&mut self, job: Job, now: Moment) {
        self.state.add(job, now.epoch_ms);
    }

    /// Adds the fleet's jobs and faults, and takes over its settings, if it has any.
    pub fn seed(&mut self, fleet: Fleet, now: Moment) {
        if let Some(settings) = fleet.settings {
            self.set_settings(settings, now);
        }
        for job in fleet.jobs {
            self.add(job, now);
        }
        for fault in fleet.faults {
            self.fault(fault, now);
        }
    }

    /// Puts the fleet's jobs, and its settings and faults if it has any, in place of what is there.
    pub(crate) fn replace(&mut self, fleet: Fleet, now: Moment) {
        self.state = State::new(self.settings.lag);
        if !fleet.faults.is_empty() {
            self.faults.clear();
        }
        self.seed(fleet, now);
    }

    /// What would rebuild the jobs, settings and faults as they stand. Stops still under way and
    /// the counts and times of faults are not in it.
    pub fn fleet(&mut self, now: Moment) -> Fleet {
        self.state.advance(now.epoch_ms);
        Fleet { jobs: self.state.jobs(), settings: Some(self.settings.clone()), faults: self.faults.to_vec() }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts other settings in force, and fills the limit's buckets.
    pub fn set_settings(&mut self, settings: Settings, now: Moment) {
        let (buckets, shortfall) = (settings.buckets, settings.shortfall);
        self.limiter = settings.limit.map(|limit| Limiter::new(limit, buckets, shortfall, now.elapsed));
        self.state.set_lag(settings.lag);
        self.settings = settings;
    }

    /// Adds a fault; its time begins now.
    pub fn fault(&mut self, fault: Fault, now: Moment) {
        self.faults.add(fault, now.elapsed);
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// What the faults make of a call that names these jobs; to be asked once a call, as it counts.
    ///
    /// The calls themselves know only item faults: a delay, a lost answer or an error in place of
    /// one is the caller's to play.
    pub fn befall(&mut self, operation: Operation, ids: &[impl AsRef<str>], now: Moment) -> Trouble {
        self.faults.strike(self.target(operation, now), ids)
    }

    fn target(&self, operation: Operation, now: Moment) -> Target {
        Target { operation, now: now.elapsed, seed: self.settings.seed }
    }
}

/// What others see and do.
impl World {
    /// The job as it stands: the truth, also where an answer would hide it.
    pub fn job(&mut self, id: &str, now: Moment) -> Option<JobView> {
        self.state.advance(now.epoch_ms);
        self.state.view(id)
    }

    /// All jobs, array children included, in the order they were added.
    pub fn jobs(&mut self, now: Moment) -> Vec<JobView> {
        self.state.advance(now.epoch_ms);
        self.state.views()
    }

    /// Moves a job, as Batch's scheduler would; says whether there is such a job.
    ///
    /// A job that starts outruns a cancel still under way, and one that ends outruns both verbs;
    /// the flag of the accepted call stays.
    pub fn set_status(&mut self, id: &str, status: JobStatus, now: Moment) -> bool {
        self.act(id, Deed::Move(status), now)
    }

    /// Does something to a job, as somebody else; says whether there is such a job.
    pub fn act(&mut self, id: &str, deed: Deed, now: Moment) -> bool {
        self.state.advance(now.epoch_ms);
        self.state.act(id, deed, now.epoch_ms)
    }

    /// Says whose calls to stop jobs come next, for [`take_changes`](Self::take_changes).
    pub fn set_caller(&mut self, caller: Option<u64>) {
        self.state.chronicle.caller = caller;
    }

    /// What has happened to jobs, up to `now`, since this was last asked. It is kept from the first
    /// time on.
    pub fn take_changes(&mut self, now: Moment) -> Vec<Change> {
        self.state.advance(now.epoch_ms);
        self.state.chronicle.take()
    }

    /// Does something to a job once it has been seen or stopped so many times from now on; says
    /// whether there is such a job.
    pub fn when(&mut self, id: &str, after: After, deed: Deed) -> bool {
        self.state.when(id, after, deed)
    }
}
