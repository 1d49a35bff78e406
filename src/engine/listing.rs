//! Listings, page by page: where orders come from that name no job.

use std::time::Duration;

use super::calls::Stage;
use super::run::Run;
use super::service::Ended;
use super::{Found, Judge, Reply, Request, Sink};
use crate::backoff::TRANSIENT;
use crate::batch::{CallError, FailureKind, Listing};

/// All listings of a run.
#[derive(Debug)]
pub(super) struct Listings(Vec<State>);

/// One of them.
#[derive(Debug)]
struct State {
    /// The questions that are left, the next one first.
    left: std::vec::IntoIter<Listing>,
    question: Option<Listing>,
    page: Option<String>,
    /// The number of the call under way, and when it started.
    under_way: Option<(u64, Duration)>,
    /// When the next call may start.
    due: Duration,
    failures: u32,
    pages: u64,
}

impl Listings {
    /// Each a list of questions that are put one after the other.
    pub(super) fn new(listings: Vec<Vec<Listing>>) -> Self {
        let state = |questions: Vec<Listing>| {
            let mut left = questions.into_iter();
            let question = left.next();
            State { left, question, page: None, under_way: None, due: Duration::ZERO, failures: 0, pages: 0 }
        };
        Self(listings.into_iter().map(state).collect())
    }

    pub(super) fn are_under_way(&self) -> bool {
        self.0.iter().any(|state| state.question.is_some())
    }
}

impl<J: Judge, S: Sink> Run<'_, J, S> {
    /// The call for the next page, if one may start.
    pub(super) fn next_page(&mut self, now: Duration) -> Option<(u64, Request, Duration)> {
        if !self.list.service.is_open(now) {
            return None;
        }
        let is_next =
            |state: &State| state.question.is_some() && state.under_way.is_none() && state.due <= now;
        let place = self.listings.0.iter().position(is_next)?;
        let number = self.next_number();
        let state = self.listings.0.get_mut(place)?;
        state.under_way = Some((number, now));
        let request = Request::List(state.question.clone()?, state.page.clone());
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
                self.list.service.answered(ended);
                (state.failures, state.pages) = (0, state.pages + 1);
                state.page = page.next;
                if state.page.is_none() {
                    state.question = state.left.next();
                }
                let (is_over, pages) = (state.question.is_none(), state.pages);
                let is_enough = self.take_page(place, page.jobs, now);
                if is_enough || is_over {
                    let more = self.judge.listing_ends(place, pages, None);
                    if let Some(state) = self.listings.0.get_mut(place) {
                        state.left = more.into_iter();
                        (state.question, state.page) = (state.left.next(), None);
                    }
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

    fn take_page(&mut self, place: usize, jobs: Vec<crate::batch::Listed>, now: Duration) -> bool {
        for job in jobs {
            match self.judge.listed(place, job) {
                Found::Order(order) => self.order(*order, now),
                Found::Nothing => {}
                Found::Enough => return true,
            }
        }
        false
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
                return self.give_up_listing(place, &error.to_string());
            }
            _ => self.list.service.failed(ended, wait),
        }
        self.tally.retries += 1;
        self.list.error = Some(error.clone());
        let patience = self.terms.limits.patience;
        if self.list.service.failing_since().is_some_and(|since| since + patience <= ended.now) {
            self.give_up_listing(place, &error.to_string());
        }
    }

    /// What has not ended by now does not end any more.
    pub(super) fn end_listings(&mut self) {
        let failure = match &self.list.error {
            Some(error) => format!("the deadline came first; the last answer was: {error}"),
            None => "the deadline came first".to_owned(),
        };
        for place in 0..self.listings.0.len() {
            self.give_up_listing(place, &failure);
        }
    }

    fn give_up_listing(&mut self, place: usize, failure: &str) {
        if let Some(state) = self.listings.0.get_mut(place)
            && state.question.take().is_some()
        {
            self.judge.listing_ends(place, state.pages, Some(failure));
        }
    }
}
