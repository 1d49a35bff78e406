//! Everything but the function, on one agenda: jobs, people, queues, Lambda, and calls on their way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use batch_sim::{Moment, World};

use crate::checker::{Checker, Terms};
use crate::dice::Dice;
use crate::fault::Kind;
use crate::plan::Plan;
use crate::queue::Queue;
use crate::tally::Tally;
use crate::trace::{Trace, What};
use crate::{EPOCH_MS, Ms};

pub(crate) mod answers;
mod calls;
mod close;
mod lambda;
mod life;
mod listing;
mod sources;

pub(crate) use calls::Asked;
pub(crate) use lambda::Start;
use lambda::{Instance, Origin};
use sources::{Async, Direct, Failure};

/// The stage as everybody shares it. There is one thread, and nobody holds it while waiting.
pub(crate) type Shared = Arc<Mutex<Stage>>;

/// Takes the stage.
pub(crate) fn enter(stage: &Shared) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of a run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) checker: Checker,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    has_sweeps: bool,
    now: Ms,
    dice: Dice,
    /// What is to happen, in the order of time and then of arrival.
    agenda: BTreeMap<(Ms, u64), Event>,
    entries: u64,
    batch: World,
    queues: [Queue; 2],
    /// When each queue is looked into next.
    polls: [Option<Ms>; 2],
    sent: Vec<Sent>,
    messages: u64,
    asyncs: Vec<Async>,
    directs: Vec<Direct>,
    /// Records of asynchronous invocations that failed.
    failures: Vec<Failure>,
    instances: BTreeMap<usize, Instance>,
    hired: usize,
    running: usize,
    /// What each invocation was for.
    origins: Vec<Origin>,
    starts: Vec<Start>,
    calls: BTreeMap<u64, calls::Call>,
    called: u64,
    /// Where pages begin, by the numbers in their tokens; without a place, at the first job.
    pages: Vec<Option<batch_sim::Cursor>>,
    /// When something last came to its end.
    last_end: Ms,
}

/// What became of a request.
#[derive(Debug, Clone, Default)]
struct Sent {
    body: Arc<str>,
    settled: bool,
}

/// Something that is to happen.
#[derive(Debug)]
enum Event {
    Submit(usize),
    /// A job that still stands there goes on.
    Live(String, batch_sim::JobStatus),
    Forget(String),
    Deed(usize),
    Send(usize),
    Poll(usize),
    Invoke(usize),
    Call(usize),
    Redrive,
    Calm,
    /// A call gets to Batch.
    Arrive(u64),
}

impl Stage {
    pub(crate) fn new(mut plan: Plan, trace: Trace) -> Self {
        let dice = plan.dice.fork();
        let terms = Terms {
            has_marks: plan.settings.flags,
            marks_at_once: plan.settings.flags && plan.settings.flag_during_lag,
            max_in_flight: plan.config.limits.max_in_flight,
            max_jobs: plan.config.max_jobs,
            reserve: ms(plan.config.deadline_reserve),
            watch: ms(plan.config.limits.confirm_timeout),
            rules: plan.rules.clone(),
        };
        let queues = plan.queues.clone().map(Queue::new);
        let sent = vec![Sent::default(); plan.requests.len()];
        let mut stage = Self {
            checker: Checker::new(terms),
            tally: Tally::default(),
            trace,
            has_sweeps: plan.has_sweeps(),
            now: 0,
            dice,
            agenda: BTreeMap::new(),
            entries: 0,
            batch: World::default(),
            queues,
            polls: [None; 2],
            sent,
            messages: 0,
            asyncs: Vec::new(),
            directs: Vec::new(),
            failures: Vec::new(),
            instances: BTreeMap::new(),
            hired: 0,
            running: 0,
            origins: Vec::new(),
            starts: Vec::new(),
            calls: BTreeMap::new(),
            called: 0,
            pages: Vec::new(),
            last_end: 0,
            plan,
        };
        stage.open();
        stage
    }

    fn open(&mut self) {
        let moment = self.moment();
        self.batch.set_settings(self.plan.settings.clone(), moment);
        self.batch.take_changes(moment);
        self.item_faults();
        for number in 0..self.plan.jobs.len() {
            let at = self.plan.jobs.get(number).map_or(0, |job| job.submit_at);
            self.at(at, Event::Submit(number));
        }
        for number in 0..self.plan.deeds.len() {
            let at = self.plan.deeds.get(number).map_or(0, |deed| deed.at);
            self.at(at, Event::Deed(number));
        }
        for number in 0..self.plan.requests.len() {
            let at = self.plan.requests.get(number).map_or(0, |request| request.at);
            self.at(at, Event::Send(number));
        }
        for at in self.plan.redrives.clone() {
            self.at(at, Event::Redrive);
        }
        self.at(self.plan.calm_at, Event::Calm);
    }

    fn at(&mut self, at: Ms, event: Event) {
        self.entries += 1;
        self.agenda.insert((at.max(self.now), self.entries), event);
    }

    /// Lets everything happen that is due by `now`.
    pub(crate) fn advance(&mut self, now: Ms) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), event) = entry.remove_entry();
            self.come_to(at);
            self.happen(event);
        }
        self.come_to(now);
    }

    fn come_to(&mut self, now: Ms) {
        self.now = self.now.max(now);
        self.checker.at(self.now);
    }

    /// When the next thing happens.
    pub(crate) fn next(&self) -> Option<Ms> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn take_starts(&mut self) -> Vec<Start> {
        std::mem::take(&mut self.starts)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Submit(number) => self.submit(number),
            Event::Live(id, status) => self.live(&id, status),
            Event::Forget(id) => self.forget(&id),
            Event::Deed(number) => self.deed(number),
            Event::Send(number) => self.send(number),
            Event::Poll(queue) => self.poll(queue),
            Event::Invoke(number) => self.invoke(number),
            Event::Call(number) => self.call(number),
            Event::Redrive => self.redrive(),
            Event::Calm => self.calm(),
            Event::Arrive(call) => self.arrive(call),
        }
    }

    /// Faults stop.
    fn calm(&mut self) {
        self.say(|| What::Calm);
        let moment = self.moment();
        let settings = batch_sim::Settings { limit: None, ..self.plan.settings.clone() };
        self.batch.set_settings(settings, moment);
        self.batch.clear_faults();
        self.item_faults();
    }

    /// Whether a fault strikes now.
    fn strikes(&mut self, kind: Kind) -> bool {
        let strikes = self.now < self.plan.calm_at && self.dice.chance(self.plan.rates.of(kind));
        if strikes {
            *self.tally.faults.entry(kind).or_default() += 1;
        }
        strikes
    }

    fn moment(&self) -> Moment {
        Moment::new(EPOCH_MS.cast_signed(), Duration::from_millis(self.now))
    }

    pub(crate) fn say(&mut self, what: impl FnOnce() -> What) {
        self.trace.note(self.now, what);
    }

    /// The run is over: nothing must be left.
    pub(crate) fn close(&mut self) {
        self.tally.runs = 1;
        self.tally.virtual_ms = self.now;
        self.tally.policies = u64::from(self.plan.rules.is_some());
        let mut wants = self.plan.requests.iter().flat_map(|request| request.wants.iter());
        let expects = wants.any(|want| want.ask.as_ref().is_some_and(|ask| !ask.expect.is_empty()));
        self.tally.expecting = u64::from(expects);
        self.tally.sweeping = u64::from(self.has_sweeps);
        self.tally.stalest = self.checker.stalest;
        self.nothing_is_left();
    }
}

pub(crate) fn ms(time: Duration) -> Ms {
    Ms::try_from(time.as_millis()).unwrap_or(Ms::MAX)
}
