//! Which call is next, within the budget.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::calls::{Calls, Lane, Parcel, PerStage, Stage};
use super::listing::Listings;
use super::pending::{Next, Pending};
use super::refusals::Refusals;
use super::service::{BulkHealth, Ended, Service, Wait};
use super::{Judge, Request, Sink, Tally, Terms, Whole};
use crate::batch::{CallError, Detail, MAX_DESCRIBE};
use crate::config::Limits;
use crate::order::Order;
use crate::outcome::Look;
use crate::request::{Action, JobId};

/// The share of the budget in which failed looks are tried again. What is left is for acting, which an outage of
/// `DescribeJobs` must not use up.
pub(super) const LOOK_SHARE: u32 = 3;

/// What a look may take at the least, however little of its share is left.
const LEAST_LOOK: Duration = Duration::from_millis(250);

/// The most of the budget that is kept for confirming, and the least.
const CONFIRM_SHARE: u32 = 3;
const LEAST_CONFIRM: Duration = Duration::from_millis(50);

/// So many times as long as an answer takes is kept for the last look: it may have to be asked for twice.
const CONFIRM_ROUNDS: u32 = 4;

/// Where the whole of a job decides, it may change: a look that is older does not permit an act.
const FRESH: Duration = Duration::from_secs(5);

/// The state of an invocation's calls.
pub(super) struct Run<'a, J, S> {
    pub(super) judge: &'a J,
    pub(super) sink: &'a mut S,
    pub(super) terms: Terms<'a>,
    pub(super) calls: Calls<Box<Pending>>,
    pub(super) tally: Tally,
    pub(super) rng: fastrand::Rng,
    under_way: BTreeMap<u64, UnderWay>,
    /// What may be acted on, once all are judged.
    held: Vec<Box<Pending>>,
    /// How many jobs are in calls under way.
    jobs_under_way: PerStage<usize>,
    /// Calls that were started; each has its number.
    pub(super) started: u64,
    /// When a stage last began to have jobs.
    pub(super) begun: PerStage<Duration>,
    pub(super) listings: Listings,
    pub(super) list: Kind,
    pub(super) describe: Kind,
    pub(super) cancel: Kind,
    pub(super) terminate: Kind,
    /// Until when failed looks are tried again.
    pub(super) look_until: Duration,
    /// Whether the time for acting is over.
    pub(super) acts_are_over: bool,
    no_more_orders: bool,
    /// Arrays that were shown where one of their children was asked for.
    pub(super) shown_as_parents: BTreeSet<JobId>,
}

/// What is known of one kind of call.
pub(super) struct Kind {
    pub(super) service: Service,
    pub(super) refusals: Refusals,
    pub(super) bulk: BulkHealth,
    /// The last failure, for those that are given up because of it.
    pub(super) error: Option<CallError>,
    /// Whether every further such call would be denied.
    pub(super) is_denied: bool,
}

impl Kind {
    fn new(limits: &Limits) -> Self {
        Self {
            service: Service::new(),
            refusals: Refusals::new(limits.max_in_flight),
            bulk: BulkHealth::default(),
            error: None,
            is_denied: false,
        }
    }
}

/// A call under way.
pub(super) struct UnderWay {
    pub(super) lane: Lane,
    pub(super) parcel: Parcel<Box<Pending>>,
    pub(super) started: Duration,
}

impl UnderWay {
    pub(super) fn ended(&self, now: Duration) -> Ended {
        Ended { started: self.started, now, jobs: self.parcel.jobs.len() }
    }
}

impl<'a, J: Judge, S: Sink> Run<'a, J, S> {
    pub(super) fn new(judge: &'a J, sink: &'a mut S, terms: Terms<'a>) -> Self {
        Self {
            judge,
            sink,
            terms,
            calls: Calls::default(),
            tally: Tally::default(),
            rng: fastrand::Rng::new(),
            under_way: BTreeMap::new(),
            held: Vec::new(),
            jobs_under_way: PerStage::default(),
            started: 0,
            begun: PerStage::default(),
            listings: Listings::new(judge.listings()),
            list: Kind::new(terms.limits),
            describe: Kind::new(terms.limits),
            cancel: Kind::new(terms.limits),
            terminate: Kind::new(terms.limits),
            look_until: terms.budget / LOOK_SHARE,
            acts_are_over: false,
            no_more_orders: false,
            shown_as_parents: BTreeSet::new(),
        }
    }

    /// Takes one more order.
    pub(super) fn order(&mut self, mut order: Order, now: Duration) {
        match order.seen.take() {
            None => self.enqueue(Lane::Look, Pending::new(order), now),
            Some(seen) => {
                let whole = Whole { job: &seen.summary, parent: None };
                self.looked(Pending::new(order), Look::Seen(seen.snapshot), Some(whole), now);
            }
        }
    }

    pub(super) fn no_more_orders(&mut self) {
        self.no_more_orders = true;
    }

    pub(super) fn awaits_orders(&self) -> bool {
        !self.no_more_orders || self.listings.give_orders()
    }

    /// Whether some job is yet to be acted on.
    pub(super) fn has_acts(&self) -> bool {
        let jobs = self.jobs(Stage::Look) + self.jobs(Stage::Act) + self.held.len();
        jobs > 0 && !self.acts_are_over
    }

    /// Whether more orders can be taken: as many as keep every call busy, unless all must be judged first.
    pub(super) fn has_room(&self) -> bool {
        let most = self.terms.limits.max_in_flight.saturating_mul(MAX_DESCRIBE);
        !self.no_more_orders
            && (self.judge.holds_acts() || self.jobs(Stage::Look) + self.jobs(Stage::Act) < most)
    }

    /// Passes on what was settled.
    pub(super) fn flush(&mut self) {
        self.sink.flush();
    }

    /// The next call to make, counted as started: its number, what to send, and how long its answer may take.
    pub(super) fn next_call(&mut self, now: Duration) -> Option<(u64, Request, Duration)> {
        self.calls.wake(now);
        self.give_up_what_is_in_vain(now);
        if let Some(call) = self.next_page(now) {
            return Some(call);
        }
        let mut next = self.next_parcel(now);
        if next.is_none() && self.release(now) {
            next = self.next_parcel(now);
        }
        if next.is_none() && self.confirm_listed(now) {
            if let Some(call) = self.next_page(now) {
                return Some(call);
            }
            next = self.next_parcel(now);
        }
        let (lane, parcel) = next?;
        Some(self.start(UnderWay { lane, parcel, started: now }))
    }

    /// When something is due that no answer brings about.
    pub(super) fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let stages = [Stage::Look, Stage::Act, Stage::Confirm].into_iter();
        let ready = stages.clone().filter(|stage| self.calls.ready(*stage) > 0);
        let opens = ready.flat_map(|stage| {
            let kinds = self.kinds(stage).filter(|kind| !kind.service.awaits_answer());
            kinds.map(|kind| kind.service.opens_at(now).max(kind.bulk.opens_at()))
        });
        let waiting = stages.filter(|stage| self.calls.waiting(*stage) > 0);
        let patience = waiting
            .flat_map(|stage| self.kinds(stage).filter_map(move |kind| self.patience_ends(stage, kind)));
        let pages = self.page_due(now);
        let looks_end = (self.calls.waiting(Stage::Look) > 0).then_some(self.look_until);
        let acts_end = (self.calls.waiting(Stage::Act) > 0).then(|| self.act_until(now));
        let all = opens
            .chain(patience)
            .chain(looks_end)
            .chain(acts_end)
            .chain(pages)
            .chain(self.calls.next_due(now));
        all.filter(|wake| *wake > now).min()
    }

    /// Takes a call out that has ended.
    pub(super) fn ended(&mut self, number: u64) -> Option<UnderWay> {
        let call = self.under_way.remove(&number)?;
        let stage = call.lane.stage();
        *self.jobs_under_way.of_mut(stage) -= call.parcel.jobs.len();
        Some(call)
    }

    /// Tells what became of everything else, once no more calls are made.
    pub(super) fn finish(mut self) -> Tally {
        self.end_listings();
        for UnderWay { lane, parcel, .. } in std::mem::take(&mut self.under_way).into_values() {
            for mut job in parcel.jobs {
                job.out_of_time(lane.stage(), true, self.sink);
            }
        }
        for (lane, mut job) in self.calls.drain(|_, _| true) {
            job.out_of_time(lane.stage(), false, self.sink);
        }
        for mut job in self.held {
            job.out_of_time(Stage::Act, false, self.sink);
        }
        for mut job in self.listings.take_unconfirmed() {
            job.out_of_time(Stage::Confirm, false, self.sink);
        }
        self.tally
    }

    /// A job comes into a stage.
    pub(super) fn enqueue(&mut self, lane: Lane, job: Box<Pending>, now: Duration) {
        if self.jobs(lane.stage()) == 0 {
            *self.begun.of_mut(lane.stage()) = now;
        }
        self.calls.push(lane, job, now);
    }

    /// Jobs that wait or are under way in a stage.
    fn jobs(&self, stage: Stage) -> usize {
        self.calls.waiting(stage) + self.jobs_under_way.of(stage)
    }

    pub(super) fn kind(&mut self, lane: &Lane) -> &mut Kind {
        match lane {
            Lane::Look | Lane::Confirm => &mut self.describe,
            Lane::Act(Action::Cancel, _) => &mut self.cancel,
            Lane::Act(Action::Terminate, _) => &mut self.terminate,
        }
    }

    fn kinds(&self, stage: Stage) -> impl Iterator<Item = &Kind> {
        match stage {
            Stage::Look | Stage::Confirm => [Some(&self.describe), None],
            Stage::Act => [Some(&self.cancel), Some(&self.terminate)],
        }
        .into_iter()
        .flatten()
    }

    /// How long a call of this stage that went wrong may wait.
    pub(super) fn wait(&mut self, stage: Stage, now: Duration, retry_after: Option<Duration>) -> Wait {
        let until =
            if stage == Stage::Look && now < self.look_until { self.look_until } else { self.terms.budget };
        Wait { retry_after, until, unit: self.rng.f64() }
    }

    /// Until when looks at a job are tried again.
    pub(super) fn looks_end(&self, job: &Pending) -> Duration {
        if looks_end_early(self.judge, job) { self.look_until } else { self.terms.budget }
    }

    /// Until when calls to stop jobs may start: confirming what was stopped has its share.
    pub(super) fn act_until(&self, now: Duration) -> Duration {
        let Terms { budget, .. } = self.terms;
        let unseen =
            self.jobs(Stage::Confirm) + self.jobs_under_way.of(Stage::Act) + self.listings.unconfirmed();
        let describe = &self.describe.service;
        let looks =
            describe.latency() * CONFIRM_ROUNDS + describe.time_for(unseen.div_ceil(MAX_DESCRIBE) + 1, now);
        let kept = looks.max(LEAST_CONFIRM).min(budget / CONFIRM_SHARE);
        let act = self.cancel.service.latency().max(self.terminate.service.latency());
        budget.saturating_sub(kept + act.min(budget / CONFIRM_SHARE))
    }

    /// The jobs of the next call. Full looks after acting come first, since one look is good for many acts; partly
    /// filled ones last. Looks before acting go on as long as there is less to act on than can be under way.
    fn next_parcel(&mut self, now: Duration) -> Option<(Lane, Parcel<Box<Pending>>)> {
        self.take(Stage::Confirm, !self.acts_are_over, now).or_else(|| {
            let more = self.jobs(Stage::Look) > 0 || self.awaits_orders();
            let most = self.terms.limits.max_in_flight * self.limit(Action::Cancel, now).max(1);
            let enough = self.calls.ready(Stage::Act) >= most;
            // Each with whether a call that could get fuller waits. Orders come one by one, as jobs are settled.
            let stages = if enough {
                [(Stage::Act, more), (Stage::Look, self.awaits_orders())]
            } else {
                [(Stage::Look, false), (Stage::Act, more)]
            };
            stages.into_iter().find_map(|(stage, waits)| self.take(stage, waits, now)).or_else(|| {
                let acts = self.jobs(Stage::Act) > 0 && !self.acts_are_over;
                let more = (more || acts) && now < self.act_until(now);
                self.take(Stage::Confirm, more, now)
            })
        })
    }

    fn take(&mut self, stage: Stage, more: bool, now: Duration) -> Option<(Lane, Parcel<Box<Pending>>)> {
        if stage == Stage::Act && !self.may_act(now) {
            return None;
        }
        let (cancel, terminate) = (self.limit(Action::Cancel, now), self.limit(Action::Terminate, now));
        let describe = if self.describe.service.is_open(now) { MAX_DESCRIBE } else { 0 };
        loop {
            let limit = |lane: &Lane| match lane {
                Lane::Look | Lane::Confirm => describe,
                Lane::Act(Action::Cancel, _) => cancel,
                Lane::Act(Action::Terminate, _) => terminate,
            };
            let (lane, mut parcel) = self.calls.take(stage, limit, more, now)?;
            if self.judge.detail() == Detail::Whole {
                match stage {
                    Stage::Look => {
                        if let Some(rest) = parcel.split_off(jobs_of_a_look(&parcel.jobs)) {
                            self.calls.first(lane.clone(), rest, now);
                        }
                    }
                    Stage::Act => {
                        let (old, fresh) = parcel.jobs.into_iter().partition(|job| self.is_stale(job, now));
                        parcel.jobs = fresh;
                        self.look_again(old, now);
                        if parcel.jobs.is_empty() {
                            continue;
                        }
                    }
                    Stage::Confirm => {}
                }
            }
            if let [job] = parcel.jobs.as_slice()
                && self.is_exhausted(&lane, job)
            {
                while let Some(job) = parcel.jobs.pop() {
                    self.give_up(&lane, job, "it failed too often", now);
                }
                continue;
            }
            return Some((lane, parcel));
        }
    }

    /// Most jobs of the next call to stop some; none while there must be no such call.
    fn limit(&self, action: Action, now: Duration) -> usize {
        let Kind { service, bulk, .. } = match action {
            Action::Cancel => &self.cancel,
            Action::Terminate => &self.terminate,
        };
        match (service.is_open(now), self.terms.memory.has_bulk()) {
            (false, _) => 0,
            // One job is enough for a probe, and tells whether it is only bulk calls that fail.
            (true, true) if service.is_long_down() && !bulk.is_alone() => 1,
            (true, true) if !bulk.is_open(now) => 0,
            (true, true) => service.window(),
            (true, false) => 1,
        }
    }

    fn may_act(&self, now: Duration) -> bool {
        !self.acts_are_over && now < self.act_until(now)
    }

    /// Whether a job has failed by itself as often as it may, while others passed.
    pub(super) fn is_exhausted(&mut self, lane: &Lane, job: &Pending) -> bool {
        let (failures, since) = job.failures();
        failures >= self.terms.limits.max_attempts && self.kind(lane).service.answered_since(since)
    }

    fn start(&mut self, mut call: UnderWay) -> (u64, Request, Duration) {
        let now = call.started;
        let stage = call.lane.stage();
        let until = match stage {
            Stage::Look => {
                let until = call.parcel.jobs.iter().map(|job| self.looks_end(job)).min();
                until.unwrap_or_default().max(now + LEAST_LOOK).min(self.terms.budget)
            }
            Stage::Act => self.terms.budget.saturating_sub(LEAST_CONFIRM).max(now + LEAST_CONFIRM),
            Stage::Confirm => self.terms.budget,
        };
        let mut ids: Vec<JobId> = call.parcel.jobs.iter().map(|job| job.id().clone()).collect();
        let request = match &call.lane {
            Lane::Look => {
                let detail = self.judge.detail();
                if detail == Detail::Whole {
                    ids.extend(parents_besides(&ids));
                }
                Request::Describe(ids, detail)
            }
            Lane::Confirm => Request::Describe(ids, Detail::Reported),
            Lane::Act(action, reason) => {
                call.parcel.jobs.iter_mut().for_each(|job| job.attempts += 1);
                Request::Stop(*action, ids, reason.clone())
            }
        };
        let limit = self.terms.limits.attempt_timeout.min(until.saturating_sub(now));
        let kind = self.kind(&call.lane);
        kind.service.started(now);
        kind.bulk.started(call.parcel.jobs.len());
        self.tally.api_calls += 1;
        *self.jobs_under_way.of_mut(stage) += call.parcel.jobs.len();
        self.started += 1;
        let number = self.started;
        self.under_way.insert(number, call);
        (number, request, limit)
    }

    /// A job was looked at before acting, or cannot be.
    pub(super) fn looked(
        &mut self,
        mut job: Box<Pending>,
        look: Look,
        whole: Option<Whole<'_>>,
        now: Duration,
    ) {
        if job.may_have_been_stopped() {
            return self.looked_in_between(job, look, whole, now);
        }
        // Answers that leave out what an earlier one showed take nothing back.
        let look = match look {
            Look::Missing if job.was_seen() || self.shown_as_parents.contains(job.id()) => {
                Look::Unseen("DescribeJobs shows it no more".into())
            }
            look => look,
        };
        let is_first = job.looked(look, now);
        if !job.judge(self.judge, whole, self.sink) {
            return;
        }
        if !is_first {
            // It was next to be acted on, and has lost its place only to be looked at.
            job.ask();
            self.calls.first(job.lane(), Parcel::of(vec![job]), now);
        } else if job.wishes().any(|ordered| self.judge.holds(ordered)) {
            self.held.push(job);
        } else {
            job.ask();
            self.enqueue(job.lane(), job, now);
        }
    }

    /// A job whose calls failed, of which one may have been carried out, was looked at before the next one.
    fn looked_in_between(
        &mut self,
        mut job: Box<Pending>,
        look: Look,
        whole: Option<Whole<'_>>,
        now: Duration,
    ) {
        if look.snapshot().is_none_or(|seen| seen.status.has_ended()) {
            let next = job.confirmed(look, now, self.sink);
            self.go_on(job, next, now);
        } else if job.judge_again(&look, self.judge, whole, now, self.sink) {
            job.ask();
            self.calls.first(job.lane(), Parcel::of(vec![job]), now);
        }
    }

    /// Lets the held acts go, or not, once all are judged. Gives whether there were any.
    fn release(&mut self, now: Duration) -> bool {
        if self.held.is_empty() || self.awaits_orders() || self.jobs(Stage::Look) > 0 {
            return false;
        }
        let mut held = std::mem::take(&mut self.held);
        held.retain_mut(|job| job.keep(self.judge));
        let in_earnest = held.iter().filter(|job| job.wishes().any(|ordered| !ordered.wish.dry_run));
        let (in_earnest, all) = (in_earnest.count(), held.len());
        for mut job in held {
            if job.release(self.judge, in_earnest, all, self.sink) {
                job.ask();
                self.enqueue(job.lane(), job, now);
            }
        }
        true
    }

    /// Whether a job must be looked at once more before it is acted on.
    fn is_stale(&self, job: &Pending, now: Duration) -> bool {
        job.is_stale(now, FRESH) && job.wishes().any(|ordered| self.judge.needs_fresh_look(ordered))
    }

    /// Jobs are looked at once more before they are acted on.
    fn look_again(&mut self, jobs: Vec<Box<Pending>>, now: Duration) {
        for mut job in jobs {
            job.next_stage();
            self.enqueue(Lane::Look, job, now);
        }
    }

    /// A job goes on after what became of its last call.
    pub(super) fn go_on(&mut self, job: Box<Pending>, next: Next, now: Duration) {
        match next {
            Next::Done => {}
            Next::LookAt(due) if due <= now => self.enqueue(Lane::Confirm, job, now),
            Next::LookAt(due) => self.calls.later(Lane::Confirm, Parcel::of(vec![job]), due),
            Next::Act => self.enqueue(job.lane(), job, now),
        }
    }
}

/// Whether a job that cannot be looked at is given up before the time is over, since it may be acted on unseen, or
/// others wait until it is judged.
pub(super) fn looks_end_early(judge: &impl Judge, job: &Pending) -> bool {
    !job.was_looked_at() && job.wishes().any(|ordered| judge.holds(ordered))
        || job.wishes().any(|ordered| judge.may_act_unseen(ordered))
}

/// How many of these jobs, from the first on, one look can show together with their parents.
fn jobs_of_a_look(jobs: &[Box<Pending>]) -> usize {
    let mut ids = BTreeSet::new();
    let mut fits = |id: &JobId| {
        ids.insert(id.clone());
        ids.extend(id.parent());
        ids.len() <= MAX_DESCRIBE
    };
    jobs.iter().map(|job| job.id()).take_while(|id| fits(id)).count()
}

/// The parents of these jobs that are not among them.
fn parents_besides(ids: &[JobId]) -> BTreeSet<JobId> {
    let parents = ids.iter().filter_map(JobId::parent).collect::<BTreeSet<_>>();
    parents.into_iter().filter(|parent| !ids.contains(parent)).collect()
}

/// An order that there was no time even to take.
pub(super) fn not_attempted(order: Order, sink: &mut impl Sink) {
    Pending::new(order).out_of_time(Stage::Look, false, sink);
}
