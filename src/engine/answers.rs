//! What an answer from Batch means for the jobs of a call.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;

use super::calls::{Lane, Parcel, Stage};
use super::pending::{Next, Pending};
use super::refusals::Split;
use super::run::{Run, UnderWay};
use super::service::Ended;
use super::{Judge, Reply, Sink, Whole};
use crate::backoff::TRANSIENT;
use crate::batch::{CallError, Described, Detail, FailureKind, Shown, Stopped};
use crate::outcome::Look;
use crate::request::JobId;

/// A call that failed twice as a whole is halved, but while everything fails, or one of many waiting calls after the
/// other, that would tell nothing: only after so many failures.
const HALVE: u32 = 2;
const HALVE_IN_AN_OUTAGE: u32 = 4;

/// So few jobs are soon taken apart.
const FEW: usize = 8;

/// After so many failures the delay grows no more: by then the service is probed, and how often is its own matter.
const LONGEST_DELAY: u32 = 4;

impl<J: Judge, S: Sink> Run<'_, J, S> {
    /// Takes the reply to a call.
    pub(super) fn take_reply(&mut self, number: u64, reply: Result<Reply, CallError>, now: Duration) {
        let Some(call) = self.ended(number) else {
            return self.page(number, reply, now);
        };
        match reply {
            Ok(Reply::Described(shown)) => self.described(call, shown, now),
            Ok(Reply::Listed(_)) => {}
            Ok(Reply::Stopped(items)) => self.stopped(call, items, now),
            Err(error) => self.failed(call, &error, now),
        }
    }

    fn described(&mut self, call: UnderWay, mut shown: Described, now: Duration) {
        self.answered(&call, now);
        let UnderWay { lane, parcel, started } = call;
        let mut again: BTreeMap<Duration, Vec<Box<Pending>>> = BTreeMap::new();
        let mut unclear = Vec::new();
        let is_whole = lane == Lane::Look && self.judge.detail() == Detail::Whole;
        let parents = if is_whole { parents(&parcel.jobs, &shown) } else { BTreeMap::new() };
        self.shown_as_parents.extend(parents.keys().cloned());
        for mut job in parcel.jobs {
            let parent = job.id().parent().filter(|_| is_whole);
            let parent_detail = parent.as_ref().and_then(|parent| parents.get(parent)).map(Box::as_ref);
            let (look, detail) = match shown.take(job.id()) {
                // Of one that has ended there is nothing to judge.
                Ok(Some(Shown { snapshot, .. }))
                    if parent.is_some() && parent_detail.is_none() && !snapshot.status.has_ended() =>
                {
                    (job.parent_not_shown(started, now), None)
                }
                Ok(Some(Shown { snapshot, detail })) => (Look::Seen(snapshot), detail),
                Ok(None) => (job.not_shown(started, now), None),
                Err(error) => {
                    job.note(&error);
                    unclear.push(job);
                    continue;
                }
            };
            if lane == Lane::Confirm {
                match job.confirmed(look, now, self.sink) {
                    Next::LookAt(due) => again.entry(due).or_default().push(job),
                    next => self.go_on(job, next, now),
                }
            } else if look == Look::NotShown && job.second_look() < self.act_until(now) {
                again.entry(job.second_look()).or_default().push(job);
            } else {
                let whole = detail.as_deref().map(|job| Whole { job, parent: parent_detail });
                self.looked(job, look, whole, now);
            }
        }
        for (due, jobs) in again {
            self.calls.later(lane.clone(), Parcel::of(jobs), due);
        }
        // One of them may be shown under another name: only a question for it alone can tell, which halves come to.
        if unclear.len() > 1 {
            let due = now + TRANSIENT.delay(1, self.rng.f64());
            for half in Parcel::of(unclear).halves() {
                self.calls.later(lane.clone(), half, due);
            }
        } else {
            self.again_alone(&lane, unclear, now);
        }
    }

    fn stopped(&mut self, call: UnderWay, mut items: Stopped, now: Duration) {
        let ended = call.ended(now);
        let UnderWay { lane, parcel, .. } = call;
        let (mut throttled, mut failed, mut done) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = None;
        for mut job in parcel.jobs {
            let Err(error) = items.take(job.id()) else {
                done.push((job, true));
                continue;
            };
            job.call_failed(&error);
            match error.kind {
                FailureKind::Throttled => throttled.push(job),
                kind if kind.is_passing() => failed.push(job),
                _ => done.push((job, false)),
            }
            last = Some(error);
        }
        if !done.is_empty() {
            self.kind(&lane).refusals.passed(ended.jobs);
            if ended.jobs == 1
                && self.kind(&lane).refusals.is_bulk_denied()
                && let Some(error) = self.kind(&lane).error.take()
            {
                self.terms.memory.no_bulk(&error);
            }
        }
        self.tally.retries += u64::from(!throttled.is_empty() || !failed.is_empty());
        let wait = self.wait(Stage::Act, now, None);
        let kind = self.kind(&lane);
        let is_back = match (throttled.is_empty(), done.is_empty()) {
            (false, nothing_done) => {
                let is_back = kind.service.throttled(ended, !nothing_done, wait);
                kind.bulk.answered(ended);
                self.tally.throttled += 1;
                is_back
            }
            (true, false) => {
                kind.bulk.answered(ended);
                kind.service.answered(ended)
            }
            (true, true) => {
                kind.service.failed(ended, wait);
                self.without_bulk(&lane, ended, last.as_ref());
                self.kind(&lane).error = last;
                false
            }
        };
        self.rejoin(is_back, &lane);
        for (mut job, accepted) in done {
            if accepted {
                let left = self.terms.budget.saturating_sub(now);
                job.acted(true, now, self.terms.limits.confirm_timeout.min(left));
                self.confirm_later(job, now);
            } else {
                self.give_up(&lane, job, "", now);
            }
        }
        if !throttled.is_empty() {
            self.calls.first(lane.clone(), Parcel::of(throttled), now);
        }
        self.again_alone(&lane, failed, now);
    }

    /// Jobs whose own part in a call failed, while the call as such was answered.
    fn again_alone(&mut self, lane: &Lane, jobs: Vec<Box<Pending>>, now: Duration) {
        let mut again = Vec::new();
        let mut failures = 0;
        for mut job in jobs {
            job.failed_alone(now);
            if self.is_exhausted(lane, &job) {
                let why = job.last_failure();
                self.give_up(lane, job, &why, now);
            } else {
                failures = failures.max(job.failures().0);
                again.push(job);
            }
        }
        let due = now + TRANSIENT.delay(failures, self.rng.f64());
        self.calls.later(lane.clone(), Parcel::of(again), due);
    }

    fn failed(&mut self, call: UnderWay, error: &CallError, now: Duration) {
        let is_bulk = call.parcel.jobs.len() > 1;
        match error.kind {
            FailureKind::NoBulk if is_bulk => {
                self.answered(&call, now);
                self.terms.memory.no_bulk(error);
                let mut jobs = call.parcel.jobs;
                // Nobody was asked to stop them.
                for job in &mut jobs {
                    job.attempts = job.attempts.saturating_sub(1);
                }
                self.calls.first(call.lane, Parcel::singly(jobs), now);
            }
            FailureKind::Refused | FailureKind::Denied => self.refused(call, error, now),
            FailureKind::Throttled => self.throttled(call, error, now),
            _ => self.failed_for_now(call, error, now),
        }
    }

    fn refused(&mut self, call: UnderWay, error: &CallError, now: Duration) {
        self.answered(&call, now);
        let UnderWay { lane, mut parcel, .. } = call;
        let is_denied = error.kind == FailureKind::Denied;
        let kind = self.kind(&lane);
        kind.error = Some(error.clone());
        // `DescribeJobs` cannot be scoped: it is denied for all jobs or none.
        kind.is_denied |= is_denied && lane.stage() != Stage::Act;
        if kind.is_denied {
            parcel.jobs.into_iter().for_each(|job| self.give_up(&lane, job, &error.to_string(), now));
        } else if parcel.jobs.len() > 1 {
            parcel.jobs.iter_mut().for_each(|job| job.note(error));
            match kind.refusals.whole(is_denied) {
                Split::Halves => {
                    let [one, other] = parcel.halves();
                    self.calls.first(lane.clone(), other, now);
                    self.calls.first(lane, one, now);
                }
                Split::Singly => self.calls.first(lane, Parcel::singly(parcel.jobs), now),
            }
        } else {
            if is_denied {
                kind.refusals.single_denied();
                kind.is_denied = kind.refusals.is_role();
                if kind.refusals.is_unsure() {
                    // Those at the head may be alike: what comes next is drawn from all.
                    let no_bulk = !self.terms.memory.has_bulk();
                    self.calls.shuffle(&lane, no_bulk, &mut self.rng);
                }
            }
            for mut job in parcel.jobs {
                if lane.stage() == Stage::Act {
                    job.call_failed(error);
                    let next = job.stop_acting(&error.to_string(), now, self.sink);
                    self.go_on(job, next, now);
                } else {
                    self.give_up(&lane, job, &error.to_string(), now);
                }
            }
        }
    }

    fn throttled(&mut self, call: UnderWay, error: &CallError, now: Duration) {
        let ended = call.ended(now);
        let UnderWay { lane, mut parcel, .. } = call;
        self.tally.throttled += 1;
        self.tally.retries += 1;
        for job in &mut parcel.jobs {
            if lane.stage() == Stage::Act { job.call_failed(error) } else { job.note(error) }
        }
        let wait = self.wait(lane.stage(), now, error.retry_after);
        let kind = self.kind(&lane);
        kind.error = Some(error.clone());
        let is_back = kind.service.throttled(ended, false, wait);
        kind.bulk.answered(ended);
        self.rejoin(is_back, &lane);
        self.calls.first(lane, parcel, now);
    }

    /// A call failed in a way that may pass. It is tried again as it was; halved when it has failed twice as a whole.
    fn failed_for_now(&mut self, call: UnderWay, error: &CallError, now: Duration) {
        let ended = call.ended(now);
        let UnderWay { lane, mut parcel, .. } = call;
        let stage = lane.stage();
        let wait = self.wait(stage, now, error.retry_after);
        let kind = self.kind(&lane);
        kind.error = Some(error.clone());
        kind.service.failed(ended, wait);
        if stage == Stage::Act {
            self.without_bulk(&lane, ended, Some(error));
        }
        for job in &mut parcel.jobs {
            if stage == Stage::Act { job.call_failed(error) } else { job.note(error) }
        }
        let (fails, since) = parcel.failed(now);
        let due = now + TRANSIENT.delay(fails.min(LONGEST_DELAY), self.rng.f64());
        if let [job] = parcel.jobs.as_mut_slice() {
            job.failed_alone(now);
            let is_last = job.failures().0 == self.terms.limits.max_attempts;
            if is_last
                && stage == Stage::Act
                && !self.kind(&lane).service.answered_since(since)
                && job.pause_to_look()
            {
                parcel.jobs.into_iter().for_each(|job| self.enqueue(Lane::Confirm, job, now));
                return;
            }
        }
        let is_over = |run: &Self, job: &Pending| stage == Stage::Look && due >= run.looks_end(job);
        let (over, again): (Vec<_>, _) =
            std::mem::take(&mut parcel.jobs).into_iter().partition(|job| is_over(self, job));
        for job in over {
            self.give_up(&lane, job, &error.to_string(), now);
        }
        if again.is_empty() {
            return;
        }
        self.tally.retries += 1;
        parcel.jobs = again;
        let is_telling = self.kind(&lane).service.answered_since(since) || self.calls.waiting(stage) == 0;
        // Where every bulk call fails beside single ones that pass, smaller ones would fail as well; unless they are
        // what is left of the search for a job that Batch chokes on.
        let is_of_use =
            parcel.jobs.len() > 1 && (parcel.jobs.len() <= FEW || !self.kind(&lane).bulk.is_alone());
        if is_of_use && fails >= if is_telling { HALVE } else { HALVE_IN_AN_OUTAGE } {
            for half in parcel.halves() {
                self.calls.later(lane.clone(), half, due);
            }
        } else {
            self.calls.later(lane, parcel, due);
        }
    }

    fn answered(&mut self, call: &UnderWay, now: Duration) {
        let kind = self.kind(&call.lane);
        kind.bulk.answered(call.ended(now));
        let is_back = kind.service.answered(call.ended(now));
        self.rejoin(is_back, &call.lane);
    }

    /// Remembers to do without bulk calls, where a failed one shows that only they fail.
    fn without_bulk(&mut self, lane: &Lane, ended: Ended, error: Option<&CallError>) {
        let unit = self.rng.f64();
        if self.kind(lane).bulk.failed(ended, unit)
            && let Some(error) = error
        {
            self.terms.memory.no_bulk(error);
        }
    }

    /// Puts together again what an outage took apart, once the service is back.
    fn rejoin(&mut self, is_back: bool, lane: &Lane) {
        if is_back {
            self.calls.rejoin(|other| match lane {
                Lane::Look | Lane::Confirm => matches!(other, Lane::Look | Lane::Confirm),
                Lane::Act(action, _) => matches!(other, Lane::Act(theirs, _) if theirs == action),
            });
        }
    }
}

/// What an answer shows of the parents of jobs.
fn parents(jobs: &[Box<Pending>], shown: &Described) -> BTreeMap<JobId, Box<RawValue>> {
    let mut parents = BTreeMap::new();
    for parent in jobs.iter().filter_map(|job| job.id().parent()) {
        if !parents.contains_key(&parent)
            && let Some(detail) = shown.detail(&parent)
        {
            parents.insert(parent, detail.to_owned());
        }
    }
    parents
}
