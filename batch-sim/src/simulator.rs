//! The handle that tests hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::exchange::Exchange;
use crate::moment::millis;
use crate::traffic::Traffic;
use crate::{After, Call, Deed, Fault, Fleet, Job, JobStatus, JobView, Kill, Moment, Operation, Settings};

/// An AWS Batch in memory; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Simulator(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    exchange: Mutex<Exchange>,
    traffic: Traffic,
    /// Both scales start here; from then on tokio's clock counts, which tests may pause.
    started: Instant,
    started_ms: i64,
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulator {
    /// An empty Batch with default [`Settings`].
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one look at the wall clock, so that jobs have plausible times"
    )]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            exchange: Mutex::default(),
            traffic: Traffic::default(),
            started: Instant::now(),
            started_ms: millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        }))
    }

    /// Adds a job; a job with the same id is replaced.
    pub fn add(&self, job: Job) {
        let now = self.now();
        self.exchange().world.add(job, now);
    }

    /// Adds the fleet's jobs and faults, and takes over its settings, if it has any.
    pub fn seed(&self, fleet: &Fleet) {
        let now = self.now();
        self.exchange().world.seed(fleet.clone(), now);
    }

    /// The jobs, settings and faults as they stand: what [`seed`](Self::seed) would need to
    /// rebuild them. Cancels still under way and the counts and times of faults are not in it.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        let now = self.now();
        self.exchange().world.fleet(now)
    }

    /// Adds a fault; its time, if it has one, begins now.
    pub fn fault(&self, fault: Fault) {
        let now = self.now();
        self.exchange().world.fault(fault, now);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.exchange().world.clear_faults();
    }

    /// Changes settings; they hold from the next call on.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        let now = self.now();
        let mut exchange = self.exchange();
        let mut settings = exchange.world.settings().clone();
        change(&mut settings);
        exchange.world.set_settings(settings, now);
    }

    /// The job as it stands.
    #[must_use]
    pub fn job(&self, id: &str) -> Option<JobView> {
        let now = self.now();
        self.exchange().world.job(id, now)
    }

    /// All jobs, array children included, in the order they were added.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobView> {
        let now = self.now();
        self.exchange().world.jobs(now)
    }

    /// Moves a job, as Batch's scheduler would; says whether there is such a job.
    ///
    /// A job that starts outruns a cancel still under way, and one that ends outruns both verbs;
    /// the flag of the accepted call stays.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn set_status(&self, id: &str, status: JobStatus) -> bool {
        let now = self.now();
        self.exchange().world.set_status(id, status, now)
    }

    /// Moves a job once it has been seen so many times from now on; says whether there is one.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn move_job(&self, id: &str, after: After, to: JobStatus) -> bool {
        self.when(id, after, Deed::Move(to))
    }

    /// Does something to a job once it has been seen or stopped so many times from now on; says
    /// whether there is such a job.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn when(&self, id: &str, after: After, deed: Deed) -> bool {
        self.exchange().world.when(id, after, deed)
    }

    /// Does something to a job, as somebody else; says whether there is such a job.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn act(&self, id: &str, deed: Deed) -> bool {
        let now = self.now();
        self.exchange().world.act(id, deed, now)
    }

    /// Cancels a job as somebody else: neither logged nor counted, and never refused.
    pub fn cancel(&self, id: &str, reason: impl Into<String>) -> bool {
        self.act(id, Deed::Cancel(reason.into()))
    }

    /// Terminates a job as somebody else: neither logged nor counted, and never refused.
    pub fn terminate(&self, id: &str, reason: impl Into<String>) -> bool {
        self.act(id, Deed::Terminate(reason.into()))
    }

    /// Lets a job fail by itself; one that has attempts left is tried again.
    pub fn fail(&self, id: &str, status_reason: impl Into<String>) -> bool {
        self.act(id, Deed::Fail(status_reason.into()))
    }

    /// Lets an ended job disappear from Batch; one that has not ended stays.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn expire(&self, id: &str) -> bool {
        self.act(id, Deed::Expire)
    }

    /// The calls so far, in the order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.exchange().log.calls().to_vec()
    }

    /// How many calls of an operation arrived.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        let exchange = self.exchange();
        exchange.log.counts().get(&operation).copied().unwrap_or(0)
    }

    /// The most calls that were ever under way at the same time.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.0.traffic.high_water()
    }

    /// How many connections were accepted, those for `/_sim/…` included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.traffic.connections()
    }

    /// Kills every connection accepted so far, at its next use; new ones work.
    ///
    /// What is sent over a dead connection never becomes a call. A call that is under way is
    /// carried out and logged as answered, but its answer is lost.
    pub fn kill_connections(&self, how: Kill) {
        self.0.traffic.kill(how, None);
    }

    /// Forgets the calls, and the counts of calls, connections and calls in flight.
    pub fn clear_calls(&self) {
        self.exchange().log.clear();
        self.0.traffic.clear();
    }

    /// Forgets everything: jobs, faults, settings and calls.
    pub fn reset(&self) {
        let now = self.now();
        self.clear_faults();
        self.exchange().world.replace(Fleet::default(), now);
        self.settings(|settings| *settings = Settings::default());
        self.clear_calls();
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::new(self.0.started_ms, self.0.started.elapsed())
    }

    /// A panic elsewhere leaves no half-made change that a test would care about.
    pub(crate) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.0.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }
}
