//! The calls of an invocation on a clock that stands still but for them: exact times, no waiting.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use batch_canceller::batch::{BatchApi, CallError, Described, FailureKind, Stopped};
use batch_canceller::config::Config;
use batch_canceller::executor::{Execution, Memory, carry_out};
use batch_canceller::job::{JobStatus, Snapshot};
use batch_canceller::outcome::Outcome;
use batch_canceller::plan::Job;
use batch_canceller::request::{Action, JobId, Reason};
use tokio::time::{Instant, sleep};

/// A Batch that answers after a latency, up to a rate.
struct Clockwork {
    begun: Instant,
    latency: Duration,
    bucket: Mutex<Bucket>,
    /// When each job was cancelled.
    cancelled: Mutex<HashMap<JobId, Duration>>,
    /// How long that takes to show.
    effect: Duration,
    /// When each call started.
    started: Mutex<Vec<Duration>>,
    in_flight: Mutex<(usize, usize)>,
}

/// A token bucket.
struct Bucket {
    per_second: f64,
    burst: f64,
    /// Whether each job of a call costs a token, not each call.
    per_item: bool,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    fn new(per_second: f64, burst: f64, per_item: bool) -> Mutex<Self> {
        Mutex::new(Self { per_second, burst, per_item, tokens: burst, filled: Duration::ZERO })
    }

    fn take(&mut self, now: Duration) -> bool {
        let grown = now.saturating_sub(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + grown).min(self.burst);
        self.filled = now;
        let passes = self.tokens >= 1.0;
        if passes {
            self.tokens -= 1.0;
        }
        passes
    }
}

impl Clockwork {
    fn new(latency_ms: u64, bucket: Mutex<Bucket>) -> Self {
        Self {
            begun: Instant::now(),
            latency: Duration::from_millis(latency_ms),
            bucket,
            cancelled: Mutex::default(),
            effect: Duration::ZERO,
            started: Mutex::default(),
            in_flight: Mutex::default(),
        }
    }

    fn unlimited(latency_ms: u64) -> Self {
        Self::new(latency_ms, Bucket::new(1e9, 1e9, false))
    }

    async fn call(&self, items: usize) -> Result<usize, CallError> {
        let now = self.begun.elapsed();
        self.started.lock().unwrap().push(now);
        {
            let mut in_flight = self.in_flight.lock().unwrap();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        sleep(self.latency).await;
        self.in_flight.lock().unwrap().0 -= 1;
        let now = self.begun.elapsed();
        let mut bucket = self.bucket.lock().unwrap();
        let wanted = if bucket.per_item { items } else { 1 };
        let passed = (0..wanted).take_while(|_| bucket.take(now)).count();
        match passed {
            0 => Err(CallError::new(FailureKind::Throttled)),
            _ if bucket.per_item => Ok(passed),
            _ => Ok(items),
        }
    }

    fn calls(&self) -> usize {
        self.started.lock().unwrap().len()
    }
}

impl BatchApi for Clockwork {
    async fn describe(&self, ids: &[JobId]) -> Result<Described, CallError> {
        self.call(1).await?;
        let cancelled = self.cancelled.lock().unwrap();
        let show = |id: &JobId| {
            let done = cancelled.get(id).is_some_and(|at| self.begun.elapsed() >= *at + self.effect);
            let snapshot = Snapshot {
                status: if done { JobStatus::Failed } else { JobStatus::Runnable },
                status_reason: None,
                job_name: None,
                job_queue: None,
                is_cancelled: Some(done),
                is_terminated: Some(false),
            };
            (id.to_string(), snapshot)
        };
        Ok(ids.iter().map(show).collect())
    }

    async fn stop(&self, _: Action, ids: &[JobId], _: &Reason) -> Result<Stopped, CallError> {
        let passed = self.call(ids.len()).await?;
        let (done, throttled) = ids.split_at(passed);
        let now = self.begun.elapsed();
        self.cancelled.lock().unwrap().extend(done.iter().map(|id| (id.clone(), now)));
        let error = |id: &JobId| (id.to_string(), CallError::new(FailureKind::Throttled));
        Ok(Stopped::new(done.iter().map(ToString::to_string), throttled.iter().map(error)))
    }
}

fn jobs(count: usize) -> Vec<Job> {
    let job = |n: usize| Job {
        id: JobId::from(format!("job-{n}").as_str()),
        action: Action::Cancel,
        dry_run: false,
        reason: Reason::new("Superseded.").unwrap(),
    };
    (0..count).map(job).collect()
}

async fn run(batch: &Clockwork, count: usize, budget: Duration, vars: &[(&str, &str)]) -> Execution {
    run_with(batch, &jobs(count), budget, vars, &Memory::new(!vars.contains(&("BULK", "off")))).await
}

async fn run_with(
    batch: &Clockwork,
    jobs: &[Job],
    budget: Duration,
    vars: &[(&str, &str)],
    memory: &Memory,
) -> Execution {
    let config = Config::from_lookup(|name| {
        vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
    });
    let config = config.unwrap();
    carry_out(batch, jobs, &config.limits, memory, budget).await
}

fn count(execution: &Execution, outcome: Outcome) -> usize {
    execution.results.iter().filter(|result| result.verdict.outcome == outcome).count()
}

#[tokio::test(start_paused = true)]
async fn invariant_4_no_call_starts_inside_the_deadline_reserve() {
    let batch = Clockwork::unlimited(20);
    let budget = Duration::from_millis(500);
    let execution = run(&batch, 300, budget, &[("BULK", "off"), ("MAX_IN_FLIGHT", "2")]).await;
    assert!(batch.begun.elapsed() <= budget, "it returns in time: {:?}", batch.begun.elapsed());
    let last = *batch.started.lock().unwrap().last().unwrap();
    assert!(last < budget, "the last call started at {last:?}");
    assert_eq!(execution.results.len(), 300);
    assert!(count(&execution, Outcome::NotAttempted) > 200);
    assert_eq!(batch.in_flight.lock().unwrap().1, 2);
}

#[tokio::test(start_paused = true)]
async fn invariant_4_holds_when_batch_hangs() {
    let batch = Clockwork::unlimited(1_000_000);
    let budget = Duration::from_mins(1);
    let execution = run(&batch, 250, budget, &[]).await;
    assert!(batch.begun.elapsed() <= budget, "{:?}", batch.begun.elapsed());
    assert_eq!(count(&execution, Outcome::Unavailable), 250);
}

#[tokio::test(start_paused = true)]
async fn one_job_takes_three_calls_one_after_another() {
    let batch = Clockwork::unlimited(20);
    let execution = run(&batch, 1, Duration::from_mins(1), &[]).await;
    assert_eq!(count(&execution, Outcome::Cancelled), 1);
    assert_eq!((batch.calls(), batch.begun.elapsed()), (3, Duration::from_millis(60)));
}

#[tokio::test(start_paused = true)]
async fn looks_acts_and_confirms_overlap() {
    let batch = Clockwork::unlimited(20);
    let execution = run(&batch, 1000, Duration::from_mins(1), &[]).await;
    assert_eq!(count(&execution, Outcome::Cancelled), 1000);
    assert_eq!(batch.calls(), 40);
    // 10 looks, then 16 of 20 acts, then the rest of them beside the first confirms.
    assert!(batch.begun.elapsed() <= Duration::from_millis(100), "{:?}", batch.begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_look_after_a_cancel_is_timed_by_how_long_cancels_took_before() {
    let mut batch = Clockwork::unlimited(20);
    batch.effect = Duration::from_millis(1200);
    let memory = Memory::new(true);
    let mut calls = Vec::new();
    for round in 0..3 {
        let before = batch.calls();
        let jobs = &jobs(300)[round * 100..(round + 1) * 100];
        let execution = run_with(&batch, jobs, Duration::from_mins(1), &[], &memory).await;
        assert_eq!(count(&execution, Outcome::Cancelled), 100);
        calls.push(batch.calls() - before);
    }
    // One look, two cancels, and at first five looks afterwards; then just one.
    assert_eq!(calls[..2], [8, 4]);
    assert!(calls[2] <= 6, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_is_not_taken_for_slow_cancels() {
    let batch = Clockwork::unlimited(100);
    let memory = Memory::new(true);
    for job in jobs(5).chunks(1) {
        let begun = batch.begun.elapsed();
        run_with(&batch, job, Duration::from_mins(1), &[], &memory).await;
        assert_eq!(batch.begun.elapsed().saturating_sub(begun), Duration::from_millis(300));
    }
}

#[tokio::test(start_paused = true)]
async fn however_slow_cancels_were_there_is_a_look_before_the_deadline() {
    let mut batch = Clockwork::unlimited(20);
    batch.effect = Duration::from_millis(2500);
    let vars = [("CONFIRM_TIMEOUT_MS", "10000")];
    let memory = Memory::new(true);
    run_with(&batch, &jobs(1), Duration::from_secs(10), &vars, &memory).await;
    batch.effect = Duration::ZERO;
    let execution = run_with(&batch, &jobs(2)[1..], Duration::from_secs(1), &vars, &memory).await;
    assert_eq!(count(&execution, Outcome::Cancelled), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_tried_as_long_as_there_is_time() {
    fastrand::seed(42);
    let batch = Clockwork::new(20, Bucket::new(0.0, 1.0, false));
    let execution = run(&batch, 1, Duration::from_secs(10), &[]).await;
    let verdict = &execution.results[0].verdict;
    assert_eq!(verdict.outcome, Outcome::Unavailable);
    assert!(verdict.why.as_ref().unwrap().contains("Throttled"), "{verdict:?}");
    let last = *batch.started.lock().unwrap().last().unwrap();
    assert!(last > Duration::from_secs(9), "it gave up at {last:?}");
}

/// 300 single calls where Batch lets so many through a second. The floor is the time in which a client that
/// knew the limit would be done, needing one call for each job and one for each 100 looks, and three times
/// the latency to go from look to confirm.
async fn comes_close_to_the_floor(
    per_second: f64,
    burst: f64,
    latency_ms: u64,
    most_calls: usize,
    time: f64,
) {
    fastrand::seed(42);
    let batch = Clockwork::new(latency_ms, Bucket::new(per_second, burst, false));
    let execution = run(&batch, 300, Duration::from_mins(10), &[("BULK", "off")]).await;
    let case = format!("{per_second} a second, a burst of {burst}, {latency_ms} ms");
    assert_eq!(count(&execution, Outcome::Cancelled), 300, "{case}");
    let needed = 306;
    let floor = Duration::from_secs_f64((f64::from(needed) - burst) / per_second) + 3 * batch.latency;
    let (made, took) = (batch.calls(), batch.begun.elapsed());
    assert!(made <= most_calls, "{case}: {made} calls, {needed} needed");
    assert!(took <= floor.mul_f64(time), "{case}: {took:?}, the floor is {floor:?}");
}

#[tokio::test(start_paused = true)]
async fn under_a_limit_on_calls_pacing_comes_close_to_the_floor() {
    comes_close_to_the_floor(50.0, 50.0, 20, 336, 1.1).await;
    comes_close_to_the_floor(50.0, 50.0, 1, 336, 1.1).await;
    comes_close_to_the_floor(50.0, 50.0, 200, 336, 1.1).await;
    comes_close_to_the_floor(50.0, 100.0, 20, 336, 1.1).await;
    // Where limits are unlike AWS's, finding them takes longer.
    comes_close_to_the_floor(50.0, 10.0, 20, 345, 1.2).await;
    comes_close_to_the_floor(10.0, 10.0, 20, 400, 1.2).await;
}

#[tokio::test(start_paused = true)]
async fn under_a_limit_on_items_nothing_is_returned_that_time_would_have_allowed() {
    fastrand::seed(42);
    let batch = Clockwork::new(20, Bucket::new(50.0, 50.0, true));
    // The floor is 5 s: 50 from the burst, 250 at 50 a second, looks aside.
    let execution = run(&batch, 300, Duration::from_secs(8), &[]).await;
    assert_eq!(count(&execution, Outcome::Cancelled), 300);
}
