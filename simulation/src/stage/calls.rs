//! Calls on their way to Batch and back, and what befalls them.

use std::time::Duration;

use batch_canceller::batch::{CallError, FailureKind, Listing};
use batch_canceller::request::Action;
use batch_sim::{Refusal, Verb};

use super::answers::{Answer, failed, item_kind, items, odd};
use super::{Event, Stage};
use crate::Ms;
use crate::fault::Kind;
use crate::trace::What;

/// A call that has not come to its end.
#[derive(Debug)]
pub(crate) struct Call {
    invocation: usize,
    ids: Vec<String>,
    asked: Asked,
    began: Ms,
    /// What Batch said; `None` until the call got there.
    answer: Option<Result<Answer, Refusal>>,
    /// What comes in place of the answer.
    error: Option<CallError>,
    oddity: Option<Kind>,
    /// Whether it will still get there.
    is_on_its_way: bool,
    is_over: bool,
}

/// What a call asks for besides its jobs.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// To show them, or the whole of them.
    Show { is_whole: bool },
    /// To stop them for a reason.
    Stop(Action, String),
    /// To list some, from the page with this token on.
    List { listing: Listing, page: Option<String> },
}

impl Asked {
    pub(crate) fn stop(&self) -> Option<(Action, &str)> {
        match self {
            Self::Stop(action, reason) => Some((*action, reason)),
            Self::Show { .. } | Self::List { .. } => None,
        }
    }
}

/// What befalls a call.
struct Fate {
    /// When it gets to Batch, if it does.
    arrives: Option<Ms>,
    /// When the answer, or what comes in its place, is back; `None` is never.
    returns: Option<Ms>,
    error: Option<CallError>,
}

impl Stage {
    /// A call starts; gives its number, and how long its answer takes.
    pub(crate) fn call_starts(
        &mut self,
        instance: usize,
        ids: Vec<String>,
        asked: Asked,
        now: Ms,
    ) -> (u64, Option<Ms>) {
        self.advance(now);
        let invocation =
            self.instances.get(&instance).and_then(|instance| instance.invocation).unwrap_or(usize::MAX);
        self.called += 1;
        self.tally.calls += 1;
        let call = self.called;
        self.checker.call_starts(call, invocation, &ids, asked.stop());
        if let Asked::List { listing, .. } = &asked {
            self.checker.listing_starts(invocation, listing);
        }
        let fate = self.fate(instance, &ids, asked.stop().is_none());
        let oddity = match &asked {
            Asked::Show { .. } => self.oddity(ids.len()),
            Asked::Stop(..) => None,
            Asked::List { .. } => self.strikes(Kind::NothingShown).then_some(Kind::NothingShown),
        };
        self.say(|| What::CallStarts { invocation, call, asked: asked.clone(), ids: ids.clone() });
        if let Some(pause) = fate.arrives {
            self.at(now + pause, Event::Arrive(call));
        }
        let is_on_its_way = fate.arrives.is_some();
        let error = fate.error;
        let under_way = Call {
            invocation,
            ids,
            asked,
            began: now,
            answer: None,
            error,
            oddity,
            is_on_its_way,
            is_over: false,
        };
        self.calls.insert(call, under_way);
        (call, fate.returns)
    }

    fn fate(&mut self, instance: usize, ids: &[String], is_read: bool) -> Fate {
        let latency = self.plan.lambda.latency.clone();
        let there = self.dice.ms(latency.clone());
        let mut back = self.dice.ms(latency);
        if !is_read && ids.len() == 1 && ids.iter().any(|id| self.is_protected(id)) {
            let error = failed(FailureKind::Denied, 403, "AccessDeniedException");
            return Fate { arrives: None, returns: Some(there + back), error: Some(error) };
        }
        let Some(kind) = self.trouble(instance, is_read) else {
            return Fate { arrives: Some(there), returns: Some(there + back), error: None };
        };
        let (carried_out, error) = match kind {
            Kind::SlowAnswer => {
                back = self.dice.ms(500..=8_000);
                (true, None)
            }
            Kind::ErrorBefore => (false, Some(failed(FailureKind::Server, 500, "ServerException"))),
            Kind::ErrorAfter => (true, Some(failed(FailureKind::Server, 503, "ServiceUnavailable"))),
            Kind::LostBefore => (false, Some(CallError::new(FailureKind::Connection))),
            Kind::LostAfter => (true, Some(CallError::new(FailureKind::Connection))),
            Kind::Unreached => (false, Some(CallError::new(FailureKind::Unreached))),
            Kind::TurnedAway => (false, Some(failed(FailureKind::TurnedAway, 403, "ExpiredTokenException"))),
            Kind::Throttled => (false, Some(failed(FailureKind::Throttled, 429, "TooManyRequestsException"))),
            Kind::RetryAfter => {
                let error = failed(FailureKind::Throttled, 429, "TooManyRequestsException");
                let pause = Duration::from_millis(self.dice.ms(100..=3_000));
                (false, Some(CallError { retry_after: Some(pause), ..error }))
            }
            Kind::HangAfter => return Fate { arrives: Some(there), returns: None, error: None },
            Kind::LateEffect => {
                let late = self.dice.ms(1_000..=20_000);
                return Fate { arrives: Some(late), returns: None, error: None };
            }
            _ => return Fate { arrives: None, returns: None, error: None },
        };
        Fate { arrives: carried_out.then_some(there), returns: Some(there + back), error }
    }

    /// What kind of trouble a call meets.
    fn trouble(&mut self, instance: usize, is_read: bool) -> Option<Kind> {
        let now = self.now;
        let outage =
            self.plan.outages.iter().find(|outage| outage.strikes(is_read, now)).map(|outage| outage.how);
        if let Some(how) = outage.filter(|_| now < self.plan.calm_at) {
            *self.tally.faults.entry(Kind::Outage).or_default() += 1;
            return Some(how);
        }
        if let Some(instance) = self.instances.get_mut(&instance)
            && instance.thawing > 0
        {
            instance.thawing -= 1;
            return Some(self.dice.pick([Kind::LostBefore, Kind::TurnedAway, Kind::Unreached]));
        }
        Kind::OF_CALLS.into_iter().find(|kind| self.strikes(*kind))
    }

    fn oddity(&mut self, ids: usize) -> Option<Kind> {
        let odd = [Kind::NothingShown, Kind::UpperCase, Kind::Stranger];
        // Where one job is asked for, and one is shown, they are taken for the same.
        odd.into_iter().filter(|kind| *kind != Kind::Stranger || ids > 1).find(|kind| self.strikes(*kind))
    }

    /// A call gets to Batch.
    pub(super) fn arrive(&mut self, number: u64) {
        let moment = self.moment();
        let Some(mut call) = self.calls.remove(&number) else {
            return;
        };
        self.batch.set_caller(Some(number));
        let answer = match (&call.asked, call.ids.as_slice()) {
            (Asked::Show { .. }, ids) => self.batch.describe_jobs(ids, moment).map(Answer::Described),
            (Asked::Stop(action, reason), [id]) => {
                self.batch.stop_job(verb(*action), id, reason, moment).map(|()| Answer::Stopped)
            }
            (Asked::Stop(action, reason), ids) => {
                self.batch.stop_jobs(verb(*action), ids, reason, moment).map(Answer::StoppedInBulk)
            }
            (Asked::List { listing, page }, _) => {
                self.list(listing, page.as_deref(), call.oddity == Some(Kind::NothingShown))
            }
        };
        self.batch.set_caller(None);
        call.answer = Some(answer);
        call.is_on_its_way = false;
        if !call.is_over {
            self.calls.insert(number, call);
        }
        self.gather();
    }

    /// A call's time is up: gives its answer.
    pub(crate) fn call_returns(&mut self, number: u64, now: Ms) -> Result<Answer, CallError> {
        self.advance(now);
        let Some(call) = self.calls.remove(&number) else {
            return Err(CallError::new(FailureKind::Connection));
        };
        let answer = match (call.error, call.answer) {
            (Some(error), _) => Err(error),
            (None, Some(Ok(answer))) => Ok(answer),
            (None, Some(Err(Refusal::Throttled))) => {
                *self.tally.faults.entry(Kind::RateLimit).or_default() += 1;
                Err(failed(FailureKind::Throttled, 429, "TooManyRequestsException"))
            }
            (None, Some(Err(Refusal::NoSuchCall))) => Err(failed(FailureKind::NoBulk, 404, "")),
            (None, Some(Err(Refusal::Client(text)))) => {
                let error = failed(FailureKind::Refused, 400, "ClientException");
                Err(CallError { message: text, ..error })
            }
            (None, None) => Err(CallError::new(FailureKind::Connection)),
        };
        self.count(&answer, &call.ids);
        let answer = answer.map(|answer| odd(answer, call.oddity, &call.ids));
        let action = call.asked.stop().map(|(action, _)| action);
        let is_missing = answer.as_ref().is_err_and(|error| error.kind == FailureKind::NoBulk);
        if is_missing {
            self.checker.no_such_call(call.invocation, &call.ids);
        }
        match (&call.asked, &answer) {
            (Asked::Show { is_whole: true }, Ok(Answer::Described(jobs))) => {
                self.checker.shown(call.invocation, &call.ids, jobs);
            }
            (Asked::List { listing, .. }, Ok(Answer::Listed { jobs, .. })) => {
                self.tally.pages += 1;
                self.checker.listed(call.invocation, listing, jobs);
            }
            _ => {}
        }
        let (items, failed) = items(&answer, &call.ids, call.oddity);
        self.say(|| What::CallReturns {
            call: number,
            error: answer.as_ref().err().map(|error| format!("{:?} {error}", error.kind)),
            items: items.clone(),
        });
        // A call that is missing, or denied for a job that is protected, is no trouble.
        let failed = failed && !is_missing;
        self.tally.failed_calls += u64::from(failed);
        let items = if matches!(call.asked, Asked::List { .. }) { vec![] } else { items };
        self.checker.call_ends(call.invocation, call.began, action, &items, failed);
        answer
    }

    /// Counts what befell single jobs of a bulk call.
    fn count(&mut self, answer: &Result<Answer, CallError>, asked: &[String]) {
        let Ok(Answer::StoppedInBulk(answer)) = answer else {
            return;
        };
        let told = answer.errors.len() + answer.successful.len();
        let of = |kind| answer.errors.iter().filter(|error| item_kind(&error.code) == kind).count();
        for (kind, count) in [
            (Kind::ItemThrottled, of(FailureKind::Throttled)),
            (Kind::ItemFailed, of(FailureKind::Server)),
            (Kind::ItemOmitted, asked.len().saturating_sub(told)),
        ] {
            if count > 0 {
                *self.tally.faults.entry(kind).or_default() += u64::try_from(count).unwrap_or_default();
            }
        }
    }

    /// The function does not wait for a call any more.
    pub(crate) fn call_dropped(&mut self, number: u64, now: Ms) {
        self.advance(now);
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.is_over = true;
        let invocation = call.invocation;
        if !call.is_on_its_way {
            self.calls.remove(&number);
        }
        self.say(|| What::CallDropped(number));
        self.tally.failed_calls += 1;
        self.checker.call_dropped(invocation);
    }
}

fn verb(action: Action) -> Verb {
    match action {
        Action::Cancel => Verb::Cancel,
        Action::Terminate => Verb::Terminate,
    }
}
