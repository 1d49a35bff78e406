//! Listings, page by page: where orders come from that name no job, and where such jobs are seen again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::calls::{Lane, Stage};
use super::pending::{Next, Pending};
use super::run::{LOOK_SHARE, Run};
use super::service::Ended;
use super::{Judge, Reply, Request, Sink};
use crate::backoff::TRANSIENT;
use crate::batch::{CallError, FailureKind, Listed, MAX_DESCRIBE, Question};
use crate::outcome::Look;
use crate::request::JobId;

/// Up to so many jobs are looked at by `DescribeJobs`, rather than listed, after acting.
const FEW: usize = 2 * MAX_DESCRIBE;

/// All listings of a run.
#[derive(Debug)]
pub(super) struct Listings(Vec<State>);

/// One of them.
#[derive(Debug)]
struct State {
    /// The page to ask for.
    question: Option<Question>,
    /// The number of the call under way, and when it started.
    under_way: Option<(u64, Duration)>,
    /// When the next call may start.
    due: Duration,
    failures: u32,
    phase: Phase,
    /// Its jobs that were acted on, to be found among those that have failed.
    acted: BTreeMap<JobId, Box<Pending>>,
    /// Pages of failed jobs, and how many of the jobs were found there.
    pages: usize,
    found: usize,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The jobs that orders are about, if any are left to list.
    Orders,
    /// Those that have failed.
    Failed,
    /// Nothing any more.
    Over,
}

impl Listings {
    pub(super) fn new(first: Vec<Option<Question>>) -> Self {
        let state = |question| State {
            question,
            under_way: None,
            due: Duration::ZERO,
            failures: 0,
            phase: Phase::Orders,
            acted: BTreeMap::new(),
            pages: 0,
            found: 0,
        };
        Self(first.into_iter().map(state).collect())
    }

    /// Whether any may still give orders.
    pub(super) fn give_orders(&self) -> bool {
        self.0.iter().any(|state| state.question.is_some() && state.phase == Phase::Orders)
    }

    /// How many jobs wait to be found among those that have failed.
    pub(super) fn unconfirmed(&self) -> usize {
        self.0.iter().map(|state| state.acted.len()).sum()
    }

    /// Takes them out.
    pub(super) fn take_unconfirmed(&mut self) -> impl Iterator<Item = Box<Pending>> {
        self.0.iter_mut().flat_map(|state| std::mem::take(&mut state.acted).into_values())
    }
}

impl<J: Judge, S: Sink> Run<'_, J, S> {
    /// The call for the next page, if one may start.
    pub(super) fn next_page(&mut self, now: Duration) -> Option<(u64, Request, Duration)> {
        if !self.list.service.is_open(now) {
            return None;
        }
        let is_next =
            |state: &&mut State| state.question.is_some() && state.under_way.is_none() && state.due <= now;
        let number = self.started + 1;
        let state = self.listings.0.iter_mut().find(is_next)?;
        state.under_way = Some((number, now));
        let request = Request::List(state.question.clone()?);
        self.started = number;
        self.list.service.started(now);
        self.tally.api_calls += 1;
        let limit = self.terms.limits.attempt_timeout.min(self.terms.budget.saturating_sub(now));
        Some((number, request, limit))
    }

    /// When a page may next be asked for, or a listing is given up.
    pub(super) fn page_due(&self, now: Duration) -> Option<Duration> {
        let waiting =
            self.listings.0.iter().filter(|state| state.question.is_some() && state.under_way.is_none());
        let due = waiting.map(|state| state.due).min()?;
        (!self.list.service.awaits_answer()).then(|| due.max(self.list.service.opens_at(now)))
    }

    /// Takes the reply to a call for a page.
    pub(super) fn page(&mut self, number: u64, reply: Result<Reply, CallError>, now: Duration) {
        let is_its = |state: &State| state.under_way.is_some_and(|(own, _)| own == number);
        let Some(place) = self.listings.0.iter().position(is_its) else {
            return;
        };
        let Some(state) = self.listings.0.get_mut(place) else {
            return;
        };
        let Some((_, started)) = state.under_way.take() else {
            return;
        };
        let ended = Ended { started, now, jobs: 1 };
        match reply {
            Ok(Reply::Listed(page)) => {
                state.failures = 0;
                self.list.service.answered(ended);
                if state.phase == Phase::Failed {
                    return self.take_failed(place, page.jobs, page.next, now);
                }
                for job in page.jobs {
                    if let Some(order) = self.judge.listed(place, job) {
                        self.order(order, now);
                    }
                }
                // For acting, a third of the time is kept; looks have theirs from the last page on.
                let share = self.terms.budget / LOOK_SHARE;
                let next = self.judge.page_ends(place, page.next, now < share);
                self.look_until = self.look_until.max((now + share).min(share * (LOOK_SHARE - 1)));
                if let Some(state) = self.listings.0.get_mut(place) {
                    state.question = next;
                }
            }
            Ok(_) => {}
            Err(error) => {
                state.failures += 1;
                state.due = now + TRANSIENT.delay(state.failures, self.rng.f64());
                self.page_failed(place, ended, &error);
            }
        }
    }

    fn page_failed(&mut self, place: usize, ended: Ended, error: &CallError) {
        let wait = self.wait(Stage::Confirm, ended.now, error.retry_after);
        match error.kind {
            FailureKind::Throttled => {
                self.tally.throttled += 1;
                self.list.service.throttled(ended, false, wait);
            }
            FailureKind::Refused | FailureKind::Denied | FailureKind::NoBulk => {
                self.list.service.answered(ended);
                return self.give_up_listing(place, &error.to_string(), ended.now);
            }
            _ => self.list.service.failed(ended, wait),
        }
        self.tally.retries += 1;
        self.list.error = Some(error.clone());
        let patience = self.terms.limits.patience;
        if self.list.service.failing_since().is_some_and(|since| since + patience <= ended.now) {
            self.give_up_listing(place, &error.to_string(), ended.now);
        }
    }

    /// What has not ended by now does not end any more.
    pub(super) fn end_listings(&mut self) {
        let failure = match &self.list.error {
            Some(error) => format!("the deadline came first; the last answer was: {error}"),
            None => "the deadline came first".to_owned(),
        };
        for place in 0..self.listings.0.len() {
            if let Some(state) = self.listings.0.get_mut(place)
                && state.question.take().is_some()
                && state.phase == Phase::Orders
            {
                self.judge.listing_fails(place, &failure);
            }
        }
    }

    fn give_up_listing(&mut self, place: usize, failure: &str, now: Duration) {
        let Some(state) = self.listings.0.get_mut(place).filter(|state| state.question.is_some()) else {
            return;
        };
        if state.phase == Phase::Failed {
            self.look_at_each(place, now);
        } else {
            state.question = None;
            self.judge.listing_fails(place, failure);
        }
    }

    /// A job was acted on. One that a listing has shown may be found with others once they have failed, a thousand a call
    /// in the place of a hundred.
    pub(super) fn confirm_later(&mut self, job: Box<Pending>, now: Duration) {
        let listing = job.wishes().find_map(|ordered| self.judge.listing_of(ordered));
        let state = listing.and_then(|place| self.listings.0.get_mut(place));
        match state.filter(|state| state.phase != Phase::Over) {
            Some(state) => drop(state.acted.insert(job.id().clone(), job)),
            None => self.enqueue(Lane::Confirm, job, now),
        }
    }

    /// Begins to look for the jobs that were acted on among those that have failed, once all are acted on. Gives whether
    /// there is anything to ask for now.
    pub(super) fn confirm_listed(&mut self, now: Duration) -> bool {
        if self.awaits_orders() || self.has_acts() {
            return false;
        }
        let mut has_begun = false;
        for (place, state) in self.listings.0.iter_mut().enumerate() {
            if state.phase == Phase::Orders && !state.acted.is_empty() {
                state.phase = Phase::Failed;
                state.question = (state.acted.len() > FEW)
                    .then(|| self.judge.failed_jobs(place))
                    .flatten()
                    .map(|listing| Question { listing, page: None });
                has_begun = true;
            }
        }
        for place in 0..self.listings.0.len() {
            let is_without = |state: &&State| state.phase == Phase::Failed && state.question.is_none();
            if self.listings.0.get(place).as_ref().is_some_and(is_without) {
                self.look_at_each(place, now);
            }
        }
        has_begun
    }

    /// Takes a page of failed jobs. The next is worth a call as long as they show more of those that were acted on than a
    /// look at each would.
    fn take_failed(&mut self, place: usize, page: Vec<Listed>, next: Option<String>, now: Duration) {
        for Listed { id, snapshot, .. } in page {
            let state = self.listings.0.get_mut(place);
            let Some(mut job) = state.and_then(|state| {
                let job = state.acted.remove(&id)?;
                state.found += 1;
                Some(job)
            }) else {
                continue;
            };
            match job.confirmed(Look::Seen(snapshot), now, self.sink) {
                Next::Done => {}
                next => self.go_on(job, next, now),
            }
        }
        let Some(state) = self.listings.0.get_mut(place) else {
            return;
        };
        state.pages += 1;
        let pays = state.found >= state.pages.saturating_mul(MAX_DESCRIBE) && !state.acted.is_empty();
        match (&mut state.question, next) {
            (Some(question), Some(page)) if pays => question.page = Some(page),
            _ => self.look_at_each(place, now),
        }
    }

    /// The jobs of a listing that were acted on, and not found yet, are looked at by `DescribeJobs`.
    fn look_at_each(&mut self, place: usize, now: Duration) {
        let Some(state) = self.listings.0.get_mut(place) else {
            return;
        };
        (state.question, state.phase) = (None, Phase::Over);
        let jobs = std::mem::take(&mut state.acted);
        self.judge.confirmed(place, u64::try_from(state.pages).unwrap_or(u64::MAX));
        for job in jobs.into_values() {
            self.enqueue(Lane::Confirm, job, now);
        }
    }
}
