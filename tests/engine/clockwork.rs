//! A Batch that answers after a latency, up to a rate, and fails as it is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use batch_canceller::batch::{
    BatchApi, CallError, Described, Detail, FailureKind, Listing, Page, Shown, Stopped,
};
use batch_canceller::config::Config;
use batch_canceller::engine::{JobResult, Judge, Memory, Ruling, Sink, Tally, Terms, Whole, carry_out};
use batch_canceller::order::{Order, Ordered};
use batch_canceller::outcome::{Look, Outcome, Wish, judge};
use batch_canceller::request::{Action, JobId, Reason};
use futures_util::stream;
use tokio::time::{Instant, sleep};

use crate::lives::{Life, Lives, snapshot};

/// The reason that every order gives.
pub(crate) const REASON: &str = "Superseded.";

/// Whatever is asked for is done, where the job's state allows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsAsked;

impl Judge for AsAsked {
    fn judge<'a>(&'a self, look: &'a Look, _: Option<Whole<'a>>) -> impl FnMut(&mut Ordered) -> Ruling + 'a {
        |ordered| judge(&ordered.wish, look).into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Op {
    Describe,
    /// One job.
    Stop,
    /// Several.
    StopMany,
}

/// A call as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) op: Op,
    pub(crate) jobs: Vec<JobId>,
    /// What it asks for, if it is to stop them.
    pub(crate) stop: Option<(Action, Reason)>,
    /// Its place among the calls of its operation, from 1.
    pub(crate) nth: usize,
    pub(crate) at: Duration,
}

impl Arrival {
    pub(crate) fn names(&self, id: &str) -> bool {
        self.jobs.iter().any(|job| job.as_str() == id)
    }
}

/// What befalls a call.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// It fails without effect.
    Fails(CallError),
    /// It takes effect, and its answer is this.
    FailsAfterwards(CallError),
    Hangs,
    /// It takes effect, and there is no answer.
    HangsAfterwards,
    /// It takes effect, and its answer comes so much later.
    Late(Duration),
    /// It shows no job.
    ShowsNothing,
    /// Some of its jobs fare otherwise than the call.
    Items(BTreeMap<JobId, Item>),
}

/// What befalls one job of a call.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) takes_effect: bool,
    /// `None` where the answer leaves it out.
    pub(crate) error: Option<CallError>,
}

impl From<FailureKind> for Trouble {
    fn from(kind: FailureKind) -> Self {
        Self::Fails(CallError::new(kind))
    }
}

type Script = Box<dyn Fn(&Arrival) -> Option<Trouble> + Send + Sync>;

/// How calls count against a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) per_second: f64,
    pub(crate) burst: f64,
    /// Each operation has a bucket of its own.
    pub(crate) apart: bool,
    pub(crate) cost: Cost,
}

/// What a bulk call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    Call,
    /// Each job a token; those beyond fail alone.
    Item,
    /// Each job a token; without enough for all, the call fails as a whole.
    ItemsAtOnce,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

pub(crate) struct Clockwork {
    begun: Instant,
    pub(crate) latency: Duration,
    limit: Option<Limit>,
    buckets: Mutex<BTreeMap<Option<Op>, Bucket>>,
    script: Script,
    pub(crate) lives: Mutex<Lives>,
    /// How long a job that is stopped takes to end, and whether it is marked meanwhile.
    pub(crate) effect: Duration,
    pub(crate) marks_early: bool,
    pub(crate) arrivals: Mutex<Vec<Arrival>>,
    counts: Mutex<BTreeMap<Op, usize>>,
    pub(crate) failed: Mutex<usize>,
    in_flight: Mutex<(usize, usize)>,
}

impl fmt::Debug for Clockwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clockwork")
    }
}

impl Clockwork {
    pub(crate) fn new(latency_ms: u64) -> Self {
        Self {
            begun: Instant::now(),
            latency: Duration::from_millis(latency_ms),
            limit: None,
            buckets: Mutex::default(),
            script: Box::new(|_| None),
            lives: Mutex::default(),
            effect: Duration::ZERO,
            marks_early: false,
            arrivals: Mutex::default(),
            counts: Mutex::default(),
            failed: Mutex::default(),
            in_flight: Mutex::default(),
        }
    }

    pub(crate) fn limited(self, limit: Limit) -> Self {
        Self { limit: Some(limit), ..self }
    }

    pub(crate) fn when(self, script: impl Fn(&Arrival) -> Option<Trouble> + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), ..self }
    }

    /// A job that is not simply RUNNABLE.
    pub(crate) fn job(self, id: &str, status: &str) -> Self {
        self.life(id, Life::starting_as(snapshot(status)))
    }

    pub(crate) fn life(self, id: &str, life: Life) -> Self {
        self.lives.lock().unwrap().insert(id, life);
        self
    }

    pub(crate) fn calls(&self) -> usize {
        self.arrivals.lock().unwrap().len()
    }

    pub(crate) fn count(&self, op: Op) -> usize {
        self.counts.lock().unwrap().get(&op).copied().unwrap_or_default()
    }

    /// Calls to stop jobs, alone or in bulk.
    pub(crate) fn stops(&self) -> usize {
        self.count(Op::Stop) + self.count(Op::StopMany)
    }

    pub(crate) fn failures(&self) -> usize {
        *self.failed.lock().unwrap()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.in_flight.lock().unwrap().1
    }

    /// How many jobs were in fact stopped.
    pub(crate) fn really_stopped(&self) -> usize {
        self.lives.lock().unwrap().stopped.len()
    }

    /// Takes up to `wanted` tokens; without `in_part`, all or none.
    fn take(&self, op: Op, wanted: usize, in_part: bool) -> usize {
        let Some(limit) = self.limit else {
            return wanted;
        };
        let now = self.begun.elapsed();
        let mut buckets = self.buckets.lock().unwrap();
        let full = || Bucket { tokens: limit.burst, filled: Duration::ZERO };
        let bucket = buckets.entry(limit.apart.then_some(op)).or_insert_with(full);
        let grown = now.saturating_sub(bucket.filled).as_secs_f64() * limit.per_second;
        bucket.tokens = (bucket.tokens + grown).min(limit.burst);
        bucket.filled = now;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "tokens are few and positive"
        )]
        let there = bucket.tokens as usize;
        let got = if in_part || there >= wanted { there.min(wanted) } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "tokens are few")]
        let taken = got as f64;
        bucket.tokens -= taken;
        got
    }

    /// One call up to its effect: how many of its jobs pass, and what befalls its answer.
    async fn call(
        &self,
        op: Op,
        stop: Option<(Action, Reason)>,
        ids: &[JobId],
    ) -> Result<(usize, Option<Trouble>, UnderWay<'_>), CallError> {
        let at = self.begun.elapsed();
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let nth = counts.entry(op).or_default();
            *nth += 1;
            *nth
        };
        let arrival = Arrival { op, jobs: ids.to_vec(), stop, nth, at };
        let trouble = (self.script)(&arrival);
        self.arrivals.lock().unwrap().push(arrival);
        {
            let mut in_flight = self.in_flight.lock().unwrap();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        let under_way = UnderWay(&self.in_flight);
        if matches!(trouble, Some(Trouble::Hangs)) {
            *self.failed.lock().unwrap() += 1;
            std::future::pending::<()>().await;
        }
        sleep(self.latency).await;
        if let Some(Trouble::Fails(error)) = trouble {
            *self.failed.lock().unwrap() += 1;
            return Err(error);
        }
        let cost = self.limit.map_or(Cost::Call, |limit| limit.cost);
        let passed = match (op, cost) {
            (Op::StopMany, Cost::Item) => self.take(op, ids.len(), true),
            (Op::StopMany, Cost::ItemsAtOnce) => self.take(op, ids.len(), false),
            _ => self.take(op, 1, false) * ids.len(),
        };
        if passed == 0 {
            return Err(CallError::new(FailureKind::Throttled));
        }
        Ok((passed, trouble, under_way))
    }

    /// The way back of an answer.
    async fn answer<T>(&self, answer: T, trouble: Option<Trouble>) -> Result<T, CallError> {
        match trouble {
            Some(Trouble::FailsAfterwards(error)) => {
                *self.failed.lock().unwrap() += 1;
                return Err(error);
            }
            Some(Trouble::HangsAfterwards) => {
                *self.failed.lock().unwrap() += 1;
                std::future::pending::<()>().await;
            }
            Some(Trouble::Late(more)) => sleep(more).await,
            _ => {}
        }
        Ok(answer)
    }
}

/// A call that is answered or dropped is no longer under way.
struct UnderWay<'a>(&'a Mutex<(usize, usize)>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().0 -= 1;
    }
}

impl BatchApi for Clockwork {
    async fn describe(&self, ids: &[JobId], _: Detail) -> Result<Described, CallError> {
        let (_, trouble, _under_way) = self.call(Op::Describe, None, ids).await?;
        let now = self.begun.elapsed();
        let shows_nothing = matches!(trouble, Some(Trouble::ShowsNothing));
        let shown: Vec<_> = {
            let mut lives = self.lives.lock().unwrap();
            let show = |id: &JobId| Some((id.to_string(), Shown::from(lives.shown(id, now)?)));
            ids.iter().filter(|_| !shows_nothing).filter_map(show).collect()
        };
        self.answer(Described::new(ids, shown), trouble).await
    }

    async fn list(&self, _: &Listing, _: Option<&str>) -> Result<Page, CallError> {
        Err(CallError::new(FailureKind::Denied))
    }

    async fn stop(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        let op = if ids.len() == 1 { Op::Stop } else { Op::StopMany };
        let (passed, trouble, _under_way) = self.call(op, Some((action, reason.clone())), ids).await?;
        let now = self.begun.elapsed();
        let (mut accepted, mut errors) = (Vec::new(), Vec::new());
        for (place, id) in ids.iter().enumerate() {
            let throttled =
                || Item { takes_effect: false, error: Some(CallError::new(FailureKind::Throttled)) };
            let item = match &trouble {
                _ if place >= passed => Some(throttled()),
                Some(Trouble::Items(items)) => items.get(id).cloned(),
                _ => None,
            };
            if item.as_ref().is_none_or(|item| item.takes_effect) {
                let mut lives = self.lives.lock().unwrap();
                lives.stop(id, action, reason.as_str(), now, self.effect, self.marks_early);
            }
            match item {
                None => accepted.push(id.to_string()),
                Some(Item { error, .. }) => errors.extend(error.map(|error| (id.to_string(), error))),
            }
        }
        self.answer(Stopped::new(accepted, errors), trouble).await
    }
}

/// What was told of each job, by its place among the orders.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) outcomes: BTreeMap<usize, Outcome>,
    pub(crate) whys: BTreeMap<usize, String>,
    pub(crate) attempts: BTreeMap<usize, u32>,
    pub(crate) tally: Tally,
}

impl Told {
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.values().filter(|told| **told == outcome).count()
    }
}

impl Sink for Told {
    fn settled(&mut self, result: JobResult<'_>) {
        let place = result.ordered.delivery;
        assert!(self.outcomes.insert(place, result.verdict.outcome).is_none(), "{place} is told twice");
        self.whys.insert(place, result.verdict.why.clone().unwrap_or_default());
        self.attempts.insert(place, result.attempts);
    }
}

/// Orders to cancel `job-0`, `job-1`, ….
pub(crate) fn orders(count: usize) -> Vec<Order> {
    let order = |delivery: usize| {
        let wish = Wish { action: Action::Cancel, reason: Reason::new(REASON).unwrap(), dry_run: false };
        Order {
            id: JobId::from(format!("job-{delivery}").as_str()),
            wishes: vec![Ordered { wish, delivery, place: 0, clause: None }],
            seen: None,
        }
    };
    (0..count).map(order).collect()
}

/// Carries out orders for so many jobs, with these settings.
pub(crate) async fn run(batch: &Clockwork, count: usize, budget: Duration, vars: &[(&str, &str)]) -> Told {
    let memory = Memory::new(!vars.contains(&("BULK", "off")));
    run_with(batch, orders(count), budget, vars, &memory, &AsAsked).await
}

pub(crate) async fn run_with(
    batch: &Clockwork,
    orders: Vec<Order>,
    budget: Duration,
    vars: &[(&str, &str)],
    memory: &Memory,
    judge: &impl Judge,
) -> Told {
    fastrand::seed(42);
    let config = Config::from_lookup(|name| {
        vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
    });
    let config = config.unwrap();
    let count = orders.len();
    let mut told = Told::default();
    let terms = Terms { limits: &config.limits, memory, budget };
    told.tally = carry_out(batch, stream::iter(orders), judge, &mut told, terms).await;
    assert_eq!(told.outcomes.len(), count, "each order has its result");
    assert!(batch.elapsed() <= budget, "it returns in time: {:?}", batch.elapsed());
    told
}

pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// A budget of this many seconds.
pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
