//! Looks, acts and confirms: every call to Batch, under one deadline.
//!
//! A single loop starts calls as long as the gate lets them through and takes their answers as they come.
//! Each job walks from look to act to confirm by itself, so the three overlap: what was looked at is acted
//! on while the next is looked at. What to do and what may be said is [`crate::outcome`]'s to decide.

mod chunks;
mod health;
mod progress;
mod run;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};

use crate::batch::{BatchApi, CallError, Described, Stopped};
use crate::config::Limits;
use crate::gate::Gate;
use crate::job::Snapshot;
use crate::outcome::Verdict;
use crate::plan::Job;
use crate::request::{Action, JobId, Reason};
use run::Run;

/// A shorter wait than this before a first look is not worth it.
const LEAST_WAIT_MS: u64 = 20;

/// The longest wait before a first look, however slow cancels were.
const MOST_WAIT: Duration = Duration::from_secs(2);

/// What became of each job, in the plan's order, and what it took.
#[derive(Debug)]
pub struct Execution {
    /// One for each job of the plan.
    pub results: Vec<JobResult>,
    /// Counts over all calls.
    pub tally: Tally,
}

/// What became of one job.
#[derive(Debug)]
pub struct JobResult {
    /// The outcome.
    pub verdict: Verdict,
    /// The job before acting, where it was seen.
    pub before: Option<Snapshot>,
    /// The job when it was last seen after acting.
    pub after: Option<Snapshot>,
    /// Calls to cancel or terminate it that were started, alone or in bulk.
    pub attempts: u32,
}

/// Counts over an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls started, of every operation.
    pub api_calls: u64,
    /// Calls that failed, as a whole or for some items, and were tried again.
    pub retries: u64,
    /// Calls that were throttled, as a whole or for some items.
    pub throttled: u64,
}

/// What is learned of Batch, for the life of the process.
#[derive(Debug)]
pub struct Memory {
    bulk: AtomicBool,
    /// How long a cancel has lately taken to show, in milliseconds.
    effect_ms: AtomicU64,
}

impl Memory {
    /// Nothing is known yet but whether bulk calls may be tried.
    #[must_use]
    pub fn new(bulk: bool) -> Self {
        Self { bulk: AtomicBool::new(bulk), effect_ms: AtomicU64::new(0) }
    }

    fn has_bulk(&self) -> bool {
        self.bulk.load(Ordering::Relaxed)
    }

    fn no_bulk(&self, answer: &CallError) {
        if self.bulk.swap(false, Ordering::Relaxed) {
            tracing::warn!(%answer, "AWS Batch has no bulk calls here: making single calls from now on");
        }
    }

    /// How long to wait before the first look at a job that was acted on.
    fn first_look(&self) -> Duration {
        Duration::from_millis(self.effect_ms.load(Ordering::Relaxed))
    }

    /// A job was seen to have ended at the `look`th look (the first is 1), which began this long after Batch
    /// had accepted the call. Seen at the first look, it may have ended earlier, so the next comes earlier.
    fn saw_effect(&self, after: Duration, look: u32) {
        let after = if look == 1 { self.first_look() * 2 / 3 } else { after.min(MOST_WAIT) };
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.effect_ms.store(if ms < LEAST_WAIT_MS { 0 } else { ms }, Ordering::Relaxed);
    }
}

/// Deals with every job of a plan within `budget`, and says what became of each.
///
/// No call starts or goes on past the budget. What has not been settled by then is reported as such.
pub async fn carry_out<B: BatchApi>(
    api: &B,
    jobs: &[Job],
    limits: &Limits,
    memory: &Memory,
    budget: Duration,
) -> Execution {
    let begun = Instant::now();
    let mut run = Run::new(jobs, limits, memory, budget);
    let mut gate = Gate::new(limits.max_in_flight, budget);
    let mut in_flight = FuturesUnordered::new();

    loop {
        let now = begun.elapsed();
        while now < budget && gate.is_open(now) {
            let Some(call) = run.next_call(now) else {
                break;
            };
            let (request, limit) = run.request(&call, now);
            gate.enter(now);
            in_flight.push(async move { (call, now, send(api, request, limit).await) });
        }
        let wake = if gate.is_open(now) { run.next_due() } else { gate.opens_at(now) };
        if in_flight.is_empty() && wake.is_none_or(|wake| wake >= budget) {
            break;
        }
        tokio::select! {
            biased;
            Some((call, started, reply)) = in_flight.next() => {
                let now = begun.elapsed();
                let feedback = run.take(call, reply, started, now);
                gate.leave(feedback, now, started, fastrand::f64());
            }
            () = sleep_until(begun + wake.map_or(budget, |wake| wake.min(budget))) => {
                if begun.elapsed() >= budget {
                    break;
                }
            }
        }
    }
    run.finish()
}

/// One call to Batch.
enum Request {
    Describe(Vec<JobId>),
    Stop(Action, Vec<JobId>, Reason),
}

/// What it answered.
enum Reply {
    Described(Described),
    Stopped(Stopped),
}

async fn send<B: BatchApi>(api: &B, request: Request, limit: Duration) -> Result<Reply, CallError> {
    let answer = async {
        match request {
            Request::Describe(ids) => api.describe(&ids).await.map(Reply::Described),
            Request::Stop(action, ids, reason) => api.stop(action, &ids, &reason).await.map(Reply::Stopped),
        }
    };
    timeout(limit, answer).await.unwrap_or_else(|_| Err(CallError::timed_out(limit)))
}
