//! Who goes into which call. Pure.
//!
//! Jobs wait in lanes, in parcels. A fresh parcel takes jobs up until it fills a call. One whose call has failed
//! comes back as it was, joined with what else is due; it is halved when it has failed twice as a whole, or split
//! when Batch said no to it.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::mem;
use std::time::Duration;

use crate::batch::{MAX_DESCRIBE, MAX_STOP};
use crate::request::{Action, Reason};

/// The longest a job waits for company.
const LINGER: Duration = Duration::from_secs(2);

/// What a job goes through, and with it the calls that it joins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// `DescribeJobs` before acting.
    Look,
    /// `CancelJob(s)` or `TerminateJob(s)`, with one reason.
    Act(Action, Reason),
    /// `DescribeJobs` after acting.
    Confirm,
}

impl Lane {
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Look => Stage::Look,
            Self::Act(..) => Stage::Act,
            Self::Confirm => Stage::Confirm,
        }
    }

    fn most(&self) -> usize {
        match self {
            Self::Act(..) => MAX_STOP,
            Self::Look | Self::Confirm => MAX_DESCRIBE,
        }
    }
}

/// The three stages, whatever the action and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Look,
    Act,
    Confirm,
}

/// One count for each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PerStage<T> {
    look: T,
    act: T,
    confirm: T,
}

impl<T> PerStage<T> {
    pub(super) fn of(&self, stage: Stage) -> &T {
        match stage {
            Stage::Look => &self.look,
            Stage::Act => &self.act,
            Stage::Confirm => &self.confirm,
        }
    }

    pub(super) fn of_mut(&mut self, stage: Stage) -> &mut T {
        match stage {
            Stage::Look => &mut self.look,
            Stage::Act => &mut self.act,
            Stage::Confirm => &mut self.confirm,
        }
    }
}

/// Jobs that go into a call together.
#[derive(Debug)]
pub(super) struct Parcel<J> {
    pub(super) jobs: Vec<J>,
    /// How often its call has failed as a whole since it was last halved, and when it first did.
    fails: u32,
    failing_since: Duration,
    /// The most jobs that a call with one of these may have.
    most: usize,
    /// Whether it was put together again after an outage, which happens once.
    rejoined: bool,
}

impl<J> Parcel<J> {
    /// Jobs that any call may take.
    pub(super) fn of(jobs: Vec<J>) -> Self {
        Self { jobs, fails: 0, failing_since: Duration::ZERO, most: usize::MAX, rejoined: false }
    }

    /// Jobs that each need a call alone.
    pub(super) fn singly(jobs: Vec<J>) -> Self {
        Self { most: 1, ..Self::of(jobs) }
    }

    /// What there is behind the first so many jobs, if anything.
    pub(super) fn split_off(&mut self, jobs: usize) -> Option<Self> {
        let rest = self.jobs.split_off(jobs.min(self.jobs.len()));
        (!rest.is_empty()).then_some(Self { jobs: rest, ..*self })
    }

    /// The two halves. No call with one of them gets larger than that.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let most = self.jobs.len().div_ceil(2);
        let rest = self.jobs.split_off(most);
        let half = |jobs| Self { most, rejoined: self.rejoined, ..Self::of(jobs) };
        [half(self.jobs), half(rest)]
    }

    /// Its call failed as a whole. Gives the number of failures in a row, and since when.
    pub(super) fn failed(&mut self, now: Duration) -> (u32, Duration) {
        if self.fails == 0 {
            self.failing_since = now;
        }
        self.fails += 1;
        (self.fails, self.failing_since)
    }

    /// It may go with any other again, once.
    fn rejoin(&mut self) {
        if self.most > 1 && !self.rejoined {
            (self.most, self.fails, self.rejoined) = (usize::MAX, 0, true);
        }
    }

    /// Whether its call failed as a whole, or it is half of one that did. Jobs that go alone have failed by themselves.
    fn has_failed(&self) -> bool {
        self.fails > 0 || self.most > 1 && self.most < usize::MAX
    }

    fn is_fresh(&self) -> bool {
        self.most == usize::MAX && self.fails == 0
    }

    /// Takes over as many jobs of `other` as a call of at most `limit` has room for. Gives back what is left.
    fn join(&mut self, mut other: Self, limit: usize) -> Option<Self> {
        let room = limit.min(self.most).min(other.most).saturating_sub(self.jobs.len());
        if room < other.jobs.len() && !(other.is_fresh() && room > 0) {
            return Some(other);
        }
        let rest = other.jobs.split_off(room.min(other.jobs.len()));
        self.jobs.append(&mut other.jobs);
        (self.fails, self.failing_since) = if other.fails > self.fails {
            (other.fails, other.failing_since)
        } else {
            (self.fails, self.failing_since)
        };
        self.most = self.most.min(other.most);
        self.rejoined |= other.rejoined;
        (!rest.is_empty()).then_some(Self { jobs: rest, ..other })
    }
}

/// The parcels that wait in one lane.
#[derive(Debug)]
struct Queue<J> {
    parcels: VecDeque<Parcel<J>>,
    jobs: usize,
    /// Since when it has not been empty.
    since: Duration,
}

impl<J> Queue<J> {
    fn new(since: Duration) -> Self {
        Self { parcels: VecDeque::new(), jobs: 0, since }
    }

    fn push(&mut self, job: J, most: usize) {
        self.jobs += 1;
        match self.parcels.back_mut() {
            Some(last) if last.is_fresh() && last.jobs.len() < most => last.jobs.push(job),
            _ => self.parcels.push_back(Parcel::of(vec![job])),
        }
    }

    /// Whether waiting would not make the next call of at most `limit` any fuller.
    fn is_ready(&self, limit: usize) -> bool {
        self.jobs >= limit || self.parcels.front().is_some_and(|first| !first.is_fresh())
    }

    fn take(&mut self, limit: usize, now: Duration) -> Option<Parcel<J>> {
        let mut parcel = self.parcels.pop_front()?;
        let limit = limit.min(parcel.most);
        if let Some(rest) = parcel.split_off(limit) {
            self.parcels.push_front(rest);
        }
        while parcel.jobs.len() < limit
            && let Some(next) = self.parcels.pop_front()
        {
            if let Some(rest) = parcel.join(next, limit) {
                self.parcels.push_front(rest);
                break;
            }
        }
        self.jobs -= parcel.jobs.len();
        self.since = now;
        Some(parcel)
    }
}

/// Jobs on their way into calls.
#[derive(Debug)]
pub(super) struct Calls<J> {
    lanes: BTreeMap<Lane, Queue<J>>,
    /// The lanes of acts in the order of their turns, each once, with the number of its turn. Apart by action: while
    /// one of the two must not be called, its lanes, of which there may be thousands, are not even looked through.
    turns: BTreeMap<Action, VecDeque<(u64, Lane)>>,
    /// How many turns there ever were.
    turn: u64,
    later: BinaryHeap<Due<J>>,
    /// How many parcels were ever put off: those due at the same time come back in that order.
    put_off: u64,
    /// How many jobs stand in lanes, and how many are put off.
    ready: PerStage<usize>,
    late: PerStage<usize>,
}

/// A parcel that is put off.
#[derive(Debug)]
struct Due<J> {
    at: Reverse<(Duration, u64)>,
    lane: Lane,
    parcel: Parcel<J>,
}

impl<J> PartialEq for Due<J> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<J> Eq for Due<J> {}

impl<J> PartialOrd for Due<J> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<J> Ord for Due<J> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

impl<J> Default for Calls<J> {
    fn default() -> Self {
        Self {
            lanes: BTreeMap::new(),
            turns: BTreeMap::new(),
            turn: 0,
            later: BinaryHeap::new(),
            put_off: 0,
            ready: PerStage::default(),
            late: PerStage::default(),
        }
    }
}

impl<J> Calls<J> {
    /// A job joins the next call of its lane.
    pub(super) fn push(&mut self, lane: Lane, job: J, now: Duration) {
        let most = lane.most();
        self.queue(lane, 1, now).push(job, most);
    }

    /// A parcel is next in its lane.
    pub(super) fn first(&mut self, lane: Lane, parcel: Parcel<J>, now: Duration) {
        let queue = self.queue(lane, parcel.jobs.len(), now);
        queue.jobs += parcel.jobs.len();
        queue.parcels.push_front(parcel);
    }

    /// A parcel comes back into its lane at `due`.
    pub(super) fn later(&mut self, lane: Lane, parcel: Parcel<J>, due: Duration) {
        if parcel.jobs.is_empty() {
            return;
        }
        self.put_off += 1;
        *self.late.of_mut(lane.stage()) += parcel.jobs.len();
        self.later.push(Due { at: Reverse((due, self.put_off)), lane, parcel });
    }

    /// Brings back what is due by `now`.
    pub(super) fn wake(&mut self, now: Duration) {
        while self.later.peek().is_some_and(|next| next.at.0.0 <= now)
            && let Some(Due { lane, parcel, .. }) = self.later.pop()
        {
            let jobs = parcel.jobs.len();
            *self.late.of_mut(lane.stage()) -= jobs;
            let queue = self.queue(lane, jobs, now);
            queue.jobs += jobs;
            queue.parcels.push_back(parcel);
        }
    }

    /// How many jobs of a stage wait for a call only.
    pub(super) fn ready(&self, stage: Stage) -> usize {
        *self.ready.of(stage)
    }

    /// How many jobs of a stage wait, those that are put off included.
    pub(super) fn waiting(&self, stage: Stage) -> usize {
        self.ready(stage) + self.late.of(stage)
    }

    /// When what is put off is next due, or a call has waited long enough for company.
    pub(super) fn next_due(&self, now: Duration) -> Option<Duration> {
        let later = self.later.peek().map(|due| due.at.0.0);
        let oldest = self.turns.values().filter_map(|turns| turns.front()).map(|(_, lane)| lane);
        let lingering = oldest.chain([&Lane::Look, &Lane::Confirm]).filter_map(|lane| self.lanes.get(lane));
        let lingering = lingering.map(|queue| queue.since + LINGER).filter(|due| *due > now);
        later.into_iter().chain(lingering).min()
    }

    /// The next call of a stage, of at most as many jobs as `limit` allows for its lane's kind of call, if any. One that could get
    /// fuller waits, as long as there are `more` jobs to come, for two seconds at most.
    pub(super) fn take(
        &mut self,
        stage: Stage,
        limit: impl Fn(&Lane) -> usize,
        more: bool,
        now: Duration,
    ) -> Option<(Lane, Parcel<J>)> {
        let may_go = |lane: &Lane, queue: &Queue<J>| {
            let limit = limit(lane);
            limit > 0 && (!more || queue.is_ready(limit) || now >= queue.since + LINGER)
        };
        let lane = match stage {
            Stage::Look => Lane::Look,
            Stage::Confirm => Lane::Confirm,
            Stage::Act => {
                let is_next =
                    |(_, lane): &(u64, Lane)| self.lanes.get(lane).is_some_and(|queue| may_go(lane, queue));
                let next_of = |(action, turns): (&Action, &VecDeque<(u64, Lane)>)| {
                    turns.front().filter(|(_, lane)| limit(lane) > 0)?;
                    let (place, (turn, _)) = turns.iter().enumerate().find(|(_, lane)| is_next(lane))?;
                    Some((*turn, *action, place))
                };
                let (_, action, place) = self.turns.iter().filter_map(next_of).min()?;
                self.turns.get_mut(&action)?.remove(place)?.1
            }
        };
        let queue = self.lanes.get_mut(&lane).filter(|queue| may_go(&lane, queue))?;
        let parcel = queue.take(limit(&lane), now)?;
        let is_empty = queue.parcels.is_empty();
        if is_empty {
            self.lanes.remove(&lane);
        }
        if !is_empty {
            self.take_turn(&lane);
        }
        *self.ready.of_mut(stage) -= parcel.jobs.len();
        Some((lane, parcel))
    }

    /// Brings the jobs of a lane that go into calls alone into an order of chance; all of them, where there are `no_bulk`
    /// calls.
    pub(super) fn shuffle(&mut self, lane: &Lane, no_bulk: bool, rng: &mut fastrand::Rng) {
        if let Some(queue) = self.lanes.get_mut(lane) {
            let parcels = mem::take(&mut queue.parcels);
            let (alone, others): (Vec<_>, Vec<_>) =
                parcels.into_iter().partition(|parcel| no_bulk || parcel.most == 1);
            let mut jobs: Vec<J> = alone.into_iter().flat_map(|parcel| parcel.jobs).collect();
            rng.shuffle(&mut jobs);
            let parcel = if no_bulk { Parcel::of(jobs) } else { Parcel::singly(jobs) };
            queue.parcels.extend(Some(parcel).filter(|parcel| !parcel.jobs.is_empty()));
            queue.parcels.extend(others);
        }
    }

    /// Takes out every waiting job that is meant.
    pub(super) fn drain(&mut self, is_meant: impl Fn(&Lane, &J) -> bool) -> Vec<(Lane, J)> {
        let mut drained = Vec::new();
        let mut take = |lane: &Lane, parcel: &mut Parcel<J>, count: &mut PerStage<usize>| {
            let (meant, kept): (Vec<_>, _) =
                mem::take(&mut parcel.jobs).into_iter().partition(|job| is_meant(lane, job));
            parcel.jobs = kept;
            *count.of_mut(lane.stage()) -= meant.len();
            let taken = meant.len();
            drained.extend(meant.into_iter().map(|job| (lane.clone(), job)));
            taken
        };
        for (lane, queue) in &mut self.lanes {
            for parcel in &mut queue.parcels {
                queue.jobs -= take(lane, parcel, &mut self.ready);
            }
            queue.parcels.retain(|parcel| !parcel.jobs.is_empty());
        }
        self.lanes.retain(|_, queue| !queue.parcels.is_empty());
        for turns in self.turns.values_mut() {
            turns.retain(|(_, lane)| self.lanes.contains_key(lane));
        }
        let mut later = mem::take(&mut self.later).into_sorted_vec();
        later.reverse();
        for due in &mut later {
            take(&due.lane, &mut due.parcel, &mut self.late);
        }
        self.later = later.into_iter().filter(|due| !due.parcel.jobs.is_empty()).collect();
        drained
    }

    /// After an outage: what was halved in it may go together again, and what failed need not wait any longer.
    /// Once only, lest a job that Batch chokes on be put among the others again and again.
    pub(super) fn rejoin(&mut self, is_meant: impl Fn(&Lane) -> bool) {
        for (lane, queue) in &mut self.lanes {
            if is_meant(lane) {
                queue.parcels.iter_mut().for_each(Parcel::rejoin);
            }
        }
        let hurry = |mut due: Due<J>| {
            if is_meant(&due.lane) && due.parcel.has_failed() {
                due.parcel.rejoin();
                due.at.0.0 = Duration::ZERO;
            }
            due
        };
        self.later = mem::take(&mut self.later).into_iter().map(hurry).collect();
    }

    fn queue(&mut self, lane: Lane, jobs: usize, now: Duration) -> &mut Queue<J> {
        *self.ready.of_mut(lane.stage()) += jobs;
        if !self.lanes.contains_key(&lane) {
            self.take_turn(&lane);
        }
        self.lanes.entry(lane).or_insert_with(|| Queue::new(now))
    }

    /// A lane of acts, which is not empty, joins the others behind.
    fn take_turn(&mut self, lane: &Lane) {
        if let Lane::Act(action, _) = lane {
            self.turn += 1;
            self.turns.entry(*action).or_default().push_back((self.turn, lane.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
