//! What a case is made of. Each case leaves some kinds of trouble out, so that the others get their turn.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use batch_canceller::batch::{CallError, FailureKind};
use batch_canceller::config::Config;
use batch_canceller::job::Snapshot;
use batch_canceller::order::{Order, Ordered};
use batch_canceller::outcome::Wish;
use batch_canceller::request::{Action, JobId, Reason};

use super::{Asked, Coming};
use crate::clockwork::{Arrival, Clockwork, Item, Op, Trouble};
use crate::lives::{Change, Life, snapshot};

/// What ends jobs without any call.
const BY_ITSELF: &str = "Host EC2 (instance i-0) terminated.";
const REASONS: [&str; 4] = ["Superseded.", "Too late.", "Killed by operator.", "No longer needed."];

/// The calls of a case, each with what befell it.
pub(super) type Calls = Arc<Mutex<Vec<(Arrival, Option<Trouble>)>>>;

pub(super) struct Case {
    pub(super) batch: Clockwork,
    pub(super) orders: Coming,
    pub(super) config: Config,
    pub(super) budget: Duration,
    pub(super) judge: Asked,
    /// Whether this Batch marks what it stops.
    pub(super) has_marks: bool,
    /// Whether no call fails.
    pub(super) is_calm: bool,
    pub(super) calls: Calls,
    /// What every job was to go through.
    pub(super) jobs: BTreeMap<JobId, String>,
}

/// Chance, in the forms that are needed.
struct Dice(fastrand::Rng);

impl Dice {
    /// True in so many of a hundred cases.
    fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(..100) < percent
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        self.0.choice(list).unwrap().clone()
    }

    /// A time, the shorter the likelier.
    fn time(&mut self, range: Range<u64>) -> Duration {
        let (from, to) = (range.start.max(1), range.end.max(2));
        let span = to.ilog2().saturating_sub(from.ilog2());
        let magnitude = from << self.0.u32(..=span);
        Duration::from_millis((magnitude + self.0.u64(..magnitude)).clamp(range.start, range.end))
    }
}

impl Case {
    /// The case of this seed, or what it would be in calm weather.
    pub(super) fn draw(seed: u64, calm: bool) -> Self {
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let dice = &mut dice;
        let budget = dice.time(300..60_000);
        let latency = u64::try_from(dice.time(1..250).as_millis()).unwrap();
        let has_marks = dice.chance(90);
        let count = match dice.0.u32(..10) {
            0..5 => dice.0.usize(1..6),
            5..9 => dice.0.usize(6..70),
            _ => dice.0.usize(70..280),
        };
        let mut batch = Clockwork::new(latency);
        batch.effect = if dice.chance(50) { Duration::ZERO } else { dice.time(1..12_000) };
        batch.marks_early = has_marks && dice.chance(70);
        let lives = Lives::draw(dice, budget, has_marks);
        let (mut jobs, mut hidden) = (BTreeMap::new(), HashSet::new());
        for number in 0..count {
            let (id, life, is_hidden) = (id(number), lives.life(dice), dice.chance(lives.hidden));
            let life = if is_hidden { life.shown_from(dice.time(1..2_000)) } else { life };
            hidden.extend(is_hidden.then(|| id.clone()));
            jobs.insert(id.clone(), format!("{life:?}"));
            batch = batch.life(id.as_str(), life);
        }
        let drawn = Weather::draw(dice, budget, count);
        let weather = if calm { Weather::calm() } else { drawn };
        let is_calm = weather.is_calm();
        let calls = Calls::default();
        let (told, luck) = (calls.clone(), Mutex::new((Dice(dice.0.fork()), hidden)));
        let batch = batch.when(move |call| {
            let (dice, left_out) = &mut *luck.lock().unwrap();
            let trouble = weather.befalls(dice, call, left_out);
            told.lock().unwrap().push((call.clone(), trouble.clone()));
            trouble
        });
        let (orders, config) = (orders(dice, count), config(dice));
        let judge = Asked { holds: dice.chance(15), is_careful: dice.chance(25) };
        Self { batch, orders, config, budget, judge, has_marks, is_calm, calls, jobs }
    }
}

fn id(number: usize) -> JobId {
    JobId::from(format!("job-{number}").as_str())
}

fn config(dice: &mut Dice) -> Config {
    let all: [(&str, &[&str]); 6] = [
        ("MAX_ATTEMPTS", &["1", "2", "6", "20"]),
        ("MAX_IN_FLIGHT", &["1", "2", "16", "256"]),
        ("ATTEMPT_TIMEOUT_MS", &["100", "1000", "5000", "60000"]),
        ("CONFIRM_TIMEOUT_MS", &["0", "500", "3000", "30000"]),
        ("PATIENCE_MS", &["100", "1000", "10000", "900000"]),
        ("BULK", &["off", "auto"]),
    ];
    let mut draw = |(name, values): (&'static str, &[&str])| {
        dice.chance(40).then(|| (name, dice.one_of(values).to_owned()))
    };
    let vars: BTreeMap<_, _> = all.into_iter().filter_map(&mut draw).collect();
    Config::from_lookup(|name| vars.get(name).cloned()).unwrap()
}

fn orders(dice: &mut Dice, count: usize) -> Coming {
    let (reasons, _) = REASONS.split_at(dice.0.usize(1..=REASONS.len()));
    let has_own_reasons = dice.chance(10);
    let (terminates, dry_runs, twice) =
        (dice.one_of(&[0, 0, 20, 50, 100]), dice.one_of(&[0, 0, 15, 60]), dice.one_of(&[0, 20, 50]));
    let (trickles, unwanted) = (dice.chance(15), dice.one_of(&[0, 0, 0, 5]));
    let mut delivery = 0;
    let mut order = |number| {
        let mut wishes = Vec::new();
        while !dice.chance(if wishes.is_empty() { unwanted } else { 100 - twice }) {
            let own = format!("Reason {number}");
            let reason = if has_own_reasons { &*own } else { dice.one_of(reasons) };
            let action = if dice.chance(terminates) { Action::Terminate } else { Action::Cancel };
            let wish = Wish { action, reason: Reason::new(reason).unwrap(), dry_run: dice.chance(dry_runs) };
            wishes.push(Ordered { wish, delivery, place: 0, clause: None });
            delivery += 1;
        }
        let comes = if trickles && dice.chance(30) { dice.time(1..1_000) } else { Duration::ZERO };
        (comes, Order { id: id(number), wishes, seen: None })
    };
    (0..count).map(&mut order).collect()
}

/// What becomes of jobs in a case besides what the calls do.
struct Lives {
    horizon: u64,
    has_marks: bool,
    /// In how many of a hundred cases a job goes on by itself, is stopped by somebody else, is not simply RUNNABLE
    /// when it begins, and is left out by answers at first.
    moves: u32,
    others: u32,
    odd: u32,
    hidden: u32,
}

impl Lives {
    fn draw(dice: &mut Dice, budget: Duration, has_marks: bool) -> Self {
        Self {
            horizon: u64::try_from(dice.time(100..20_000).min(budget).as_millis()).unwrap(),
            has_marks,
            moves: dice.one_of(&[0, 0, 30, 80]),
            others: dice.one_of(&[0, 0, 15, 60]),
            odd: dice.one_of(&[0, 40, 90]),
            hidden: dice.one_of(&[0, 0, 0, 10]),
        }
    }

    fn life(&self, dice: &mut Dice) -> Life {
        let stopped_before = |reason: &str| Snapshot {
            status_reason: Some(reason.into()),
            is_cancelled: Some(true),
            ..snapshot("FAILED")
        };
        let begins = match dice.chance(self.odd).then(|| dice.0.u32(..10)) {
            None => snapshot("RUNNABLE"),
            Some(0) => return Life::none(),
            Some(1) => snapshot("SUCCEEDED"),
            Some(2) => Snapshot { status_reason: Some(BY_ITSELF.into()), ..snapshot("FAILED") },
            Some(3) => stopped_before(dice.one_of(&REASONS)),
            Some(4) => snapshot("STARTING"),
            Some(5) => snapshot("SUBMITTED"),
            Some(6) => snapshot("PENDING"),
            Some(7) => Snapshot { is_cancelled: Some(true), ..snapshot("RUNNING") },
            Some(_) => snapshot("RUNNING"),
        };
        let marks = if self.has_marks {
            begins
        } else {
            Snapshot { is_cancelled: None, is_terminated: None, ..begins }
        };
        let mut life = Life::starting_as(marks);
        if dice.chance(self.moves) {
            life = life.with(dice.time(1..self.horizon), Change::Starts);
        }
        if dice.chance(self.moves / 2) {
            let change = dice.one_of(&[Change::Succeeds, Change::Fails(BY_ITSELF)]);
            life = life.with(dice.time(1..self.horizon), change);
        }
        if dice.chance(self.others) {
            let action = dice.one_of(&[Action::Cancel, Action::Terminate]);
            let change = Change::Stopped(action, dice.one_of(&REASONS).into());
            life = life.with(dice.time(1..self.horizon), change);
        }
        life
    }
}

/// The trouble of a case.
struct Weather {
    kinds: Vec<FailureKind>,
    /// Of a hundred calls, how many fail (and of those, how many after their effect), hang, are late, show nothing,
    /// and have items that fail.
    fails: u32,
    afterwards: u32,
    hangs: u32,
    late: u32,
    shows_nothing: u32,
    items: u32,
    outage: Option<(Vec<Op>, Range<Duration>)>,
    /// Jobs that every call with one of them fails for.
    bad: HashSet<JobId>,
}

const ALL: [Op; 3] = [Op::Describe, Op::Stop, Op::StopMany];

impl Weather {
    fn draw(dice: &mut Dice, budget: Duration, jobs: usize) -> Self {
        use FailureKind::*;
        let all = [Throttled, Server, Timeout, Connection, Unreached, TurnedAway, Refused, Denied, NoBulk];
        let calm = dice.chance(15);
        let mut share = |shares: &[u32]| if calm { 0 } else { dice.one_of(shares) };
        let (fails, hangs) = (share(&[0, 0, 3, 20, 50, 100]), share(&[0, 0, 0, 2, 20]));
        let (late, shows_nothing, items) =
            (share(&[0, 0, 20]), share(&[0, 0, 5, 50]), share(&[0, 0, 10, 60]));
        let afterwards = share(&[0, 50, 100]);
        let has_outage = share(&[0, 1, 1]) > 0;
        let has_bad = share(&[0, 0, 1]) > 0;
        let outage = has_outage.then(|| {
            let (begins, lasts) = (dice.time(1..2_000), dice.time(100..20_000).min(budget));
            (ALL.into_iter().filter(|_| dice.chance(60)).collect(), begins..begins + lasts)
        });
        let number = if has_bad { dice.0.usize(1..4) } else { 0 };
        let bad = (0..number).map(|_| id(dice.0.usize(..jobs))).collect();
        let mut kinds: Vec<_> = all.into_iter().filter(|_| dice.chance(30)).collect();
        if kinds.is_empty() {
            kinds.push(Server);
        }
        Self { kinds, fails, afterwards, hangs, late, shows_nothing, items, outage, bad }
    }

    fn calm() -> Self {
        Self {
            kinds: Vec::new(),
            fails: 0,
            afterwards: 0,
            hangs: 0,
            late: 0,
            shows_nothing: 0,
            items: 0,
            outage: None,
            bad: HashSet::new(),
        }
    }

    fn is_calm(&self) -> bool {
        self.fails + self.hangs + self.late + self.shows_nothing + self.items == 0
            && self.outage.is_none()
            && self.bad.is_empty()
    }

    fn befalls(&self, dice: &mut Dice, call: &Arrival, left_out: &mut HashSet<JobId>) -> Option<Trouble> {
        let is_out =
            self.outage.as_ref().is_some_and(|(ops, time)| ops.contains(&call.op) && time.contains(&call.at));
        let is_bad = call.jobs.iter().any(|id| self.bad.contains(id));
        if is_out || is_bad || dice.chance(self.fails) {
            return Some(self.failure(dice, call.op));
        }
        if dice.chance(self.hangs) {
            return Some(dice.one_of(&[Trouble::Hangs, Trouble::HangsAfterwards]));
        }
        if dice.chance(self.late) {
            return Some(Trouble::Late(dice.time(1..8_000)));
        }
        if call.op == Op::Describe {
            // Batch leaves out a job once at most, or nobody could tell it from one that does not exist.
            let nothing =
                dice.chance(self.shows_nothing) && call.jobs.iter().all(|id| !left_out.contains(id));
            left_out.extend(call.jobs.iter().filter(|_| nothing).cloned());
            return nothing.then_some(Trouble::ShowsNothing);
        }
        dice.chance(self.items).then(|| {
            let fails = |dice: &mut Dice| dice.chance(30).then(|| self.item(dice));
            let items = call.jobs.iter().filter_map(|id| Some((id.clone(), fails(dice)?)));
            Trouble::Items(items.collect())
        })
    }

    fn failure(&self, dice: &mut Dice, op: Op) -> Trouble {
        let kind = match dice.one_of(&self.kinds) {
            FailureKind::NoBulk if op != Op::StopMany => FailureKind::Server,
            kind => kind,
        };
        let mut error = CallError::new(kind);
        if kind.is_passing() && dice.chance(5) {
            error.retry_after = Some(dice.time(1..100_000));
        }
        if kind.may_have_worked() && dice.chance(self.afterwards) {
            Trouble::FailsAfterwards(error)
        } else {
            Trouble::Fails(error)
        }
    }

    fn item(&self, dice: &mut Dice) -> Item {
        let kind = match dice.one_of(&self.kinds) {
            FailureKind::NoBulk => FailureKind::Server,
            kind => kind,
        };
        let error = dice.chance(90).then(|| CallError::new(kind));
        let may_have_worked = error.as_ref().is_none_or(|error| error.kind.may_have_worked());
        Item { takes_effect: may_have_worked && dice.chance(self.afterwards), error }
    }
}
