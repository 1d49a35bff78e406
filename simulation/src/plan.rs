//! What a run starts from: all of it drawn from the seed before anything happens.

use std::ops::RangeInclusive;
use std::sync::Arc;

use batch_canceller::config::Config;
use batch_sim::{Buckets, Bulk, CancelLag, RateLimit, Settings, Shortfall};

use crate::Ms;
use crate::dice::Dice;
use crate::fault::{Kind, Outage, Rates};
use crate::oracle::Rules;

mod guard;
mod jobs;
mod requests;
mod sweeps;

pub(crate) use jobs::{DeedPlan, JobPlan};
pub(crate) use requests::{Ask, RequestPlan, Shape, Via, Want};
pub(crate) use sweeps::{Of, SweepAsk};

/// What happens by itself in a run, and how everything behaves.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// When faults stop.
    pub(crate) calm_at: Ms,
    pub(crate) config: Config,
    /// What the policy of the configuration means.
    pub(crate) rules: Option<Arc<Rules>>,
    pub(crate) lambda: LambdaPlan,
    pub(crate) queues: [QueuePlan; 2],
    pub(crate) settings: Settings,
    /// The most jobs on a page of a listing.
    pub(crate) page: usize,
    /// How often what goes wrong.
    pub(crate) rates: Rates,
    pub(crate) outages: Vec<Outage>,
    pub(crate) jobs: Vec<JobPlan>,
    pub(crate) deeds: Vec<DeedPlan>,
    pub(crate) requests: Vec<RequestPlan>,
    /// When what lies in dead-letter queues is put back.
    pub(crate) redrives: Vec<Ms>,
    /// For what is drawn while the run goes on.
    pub(crate) dice: Dice,
}

/// Lambda's settings.
#[derive(Debug, Clone)]
pub(crate) struct LambdaPlan {
    pub(crate) timeout: Ms,
    pub(crate) concurrency: usize,
    /// How long a call takes to get to Batch, and as long back.
    pub(crate) latency: RangeInclusive<Ms>,
}

/// A queue's settings and those of its event source mapping.
#[derive(Debug, Clone)]
pub(crate) struct QueuePlan {
    pub(crate) fifo: bool,
    pub(crate) visibility: Ms,
    pub(crate) max_receives: u32,
    pub(crate) batch_size: usize,
    pub(crate) window: Ms,
}

impl Plan {
    /// The run of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut guard = guard::Guard::new(seed);
        let mut dice = Dice::new(seed);
        let dice = &mut dice;
        let calm_at = dice.pick([30_000, 120_000, 600_000]);
        let rates = Rates::draw(&mut dice.fork());
        let timeout = dice.pick([3_000, 5_000, 15_000, 60_000]);
        let allow_terminate = dice.chance(0.5);
        let config = config(&mut dice.fork(), allow_terminate, &guard);
        let latency =
            [1..=40, 1..=40, 50..=400, 300..=1_500].into_iter().nth(dice.count(0..=3)).unwrap_or(1..=40);
        let lambda = LambdaPlan { timeout, concurrency: dice.pick([1, 2, 3, 10]), latency };
        let queues = [false, true].map(|fifo| queue(&mut dice.fork(), fifo, timeout));
        let settings = settings(&mut dice.fork(), &rates);
        let outages = if rates.has(Kind::Outage) {
            (0..dice.count(1..=3)).map(|_| Outage::draw(dice, calm_at)).collect()
        } else {
            vec![]
        };
        let mut jobs = jobs::draw(&mut dice.fork(), calm_at);
        let mut requests = requests::draw(&mut dice.fork(), &jobs, calm_at, allow_terminate);
        let deeds = jobs::deeds(&mut dice.fork(), &jobs, &requests, calm_at);
        let redrives = (0..dice.count(0..=2)).map(|_| dice.ms(calm_at / 2..=calm_at * 3)).collect();
        let dice = dice.fork();
        guard.jobs(&mut jobs);
        let mut sweeps = sweeps::Sweeps::new(seed);
        sweeps.apply(&mut jobs, &mut requests, allow_terminate);
        let page = sweeps.page(jobs.len());
        guard.requests(&mut requests);
        Self {
            seed,
            calm_at,
            config,
            rules: guard.rules,
            lambda,
            queues,
            settings,
            page,
            rates,
            outages,
            jobs,
            deeds,
            requests,
            redrives,
            dice,
        }
    }
}

impl Plan {
    /// Whether any request is a sweep.
    pub(crate) fn has_sweeps(&self) -> bool {
        let mut wants = self.requests.iter().flat_map(|request| request.wants.iter());
        wants.any(|want| want.ask.as_ref().is_some_and(|ask| ask.sweep.is_some()))
    }
}

fn config(dice: &mut Dice, allow_terminate: bool, guard: &guard::Guard) -> Config {
    let mut variables = vec![("ALLOW_TERMINATE", allow_terminate.to_string())];
    let mut set = |name, values: [u32; 4]| {
        if dice.chance(0.5) {
            variables.push((name, dice.pick(values).to_string()));
        }
    };
    set("MAX_ATTEMPTS", [1, 2, 3, 6]);
    set("MAX_IN_FLIGHT", [1, 2, 4, 16]);
    set("ATTEMPT_TIMEOUT_MS", [500, 1_000, 2_000, 5_000]);
    set("CONFIRM_TIMEOUT_MS", [0, 500, 3_000, 10_000]);
    set("PATIENCE_MS", [500, 2_000, 10_000, 20_000]);
    set("DEADLINE_RESERVE_MS", [100, 500, 1_000, 2_000]);
    set("MAX_JOBS", [8, 20, 100, 10_000]);
    if dice.chance(0.2) {
        variables.push(("BULK", "off".to_owned()));
    }
    variables.extend(guard.policy.clone().map(|policy| ("POLICY", policy)));
    if guard.is_dry_run {
        variables.push(("DRY_RUN", "true".to_owned()));
    }
    let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone());
    #[expect(clippy::expect_used, reason = "every value above is allowed")]
    Config::from_lookup(lookup).expect("settings that are allowed")
}

fn queue(dice: &mut Dice, fifo: bool, timeout: Ms) -> QueuePlan {
    QueuePlan {
        fifo,
        // Six times the time-out is what AWS advises; less lets messages come again while they are dealt with.
        visibility: if dice.chance(0.2) { timeout } else { timeout * 6 },
        max_receives: u32::try_from(dice.count(1..=5)).unwrap_or(1),
        batch_size: if fifo { dice.count(1..=10) } else { dice.pick([1, 5, 10, 50]) },
        window: if fifo { 0 } else { dice.pick([0, 1_000, 5_000]) },
    }
}

fn settings(dice: &mut Dice, rates: &Rates) -> Settings {
    let limit = RateLimit {
        tps: dice.pick([1.0, 5.0, 20.0]),
        burst: dice.pick([1, 5, 50]),
        per_item: dice.chance(0.5),
    };
    let bulk = dice.pick([Bulk::Missing404, Bulk::Missing403, Bulk::Missing400]);
    Settings {
        lag: CancelLag::None,
        flags: dice.chance(0.85),
        flag_during_lag: dice.chance(0.7),
        bulk: if dice.chance(0.8) { Bulk::Present } else { bulk },
        limit: rates.has(Kind::RateLimit).then_some(limit),
        buckets: dice.pick([Buckets::Shared, Buckets::PerOperation]),
        shortfall: dice.pick([Shortfall::Items, Shortfall::Call]),
        seed: dice.ms(0..=u64::MAX),
        log_calls: false,
        ..Settings::default()
    }
}
