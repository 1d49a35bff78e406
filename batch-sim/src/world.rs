//! One call from request to answer, and everything a call can change.

use std::time::Duration;

use crate::calls::Log;
use crate::faults::{FaultKind, Faults, Trouble};
use crate::limits::Bucket;
use crate::state::{Order, State, Verb};
use crate::wire::{self, Answer, Ask, BulkAnswer, ItemError, Place, Request};
use crate::{Bulk, Call, Fleet, Settings};

/// The simulated Batch and its log; what the simulator's mutex guards.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    settings: Settings,
    arn_root: Option<String>,
    bucket: Option<Bucket>,
}

/// The moment of a call, on both of the simulator's scales.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Since the simulator was made.
    pub(crate) elapsed: Duration,
    /// Milliseconds since the epoch.
    pub(crate) epoch_ms: i64,
}

impl World {
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn set_settings(&mut self, settings: Settings, at: Moment) {
        self.bucket = settings.limit.map(|limit| Bucket::new(limit, at.elapsed));
        self.arn_root = None;
        self.settings = settings;
    }

    /// Adds what the fleet has to what is there.
    pub(crate) fn seed(&mut self, fleet: Fleet, at: Moment) {
        if let Some(settings) = fleet.settings {
            self.set_settings(settings, at);
        }
        for job in fleet.jobs {
            self.state.add(job, at.epoch_ms);
        }
        for fault in fleet.faults {
            self.faults.add(fault);
        }
    }

    /// Puts the fleet's jobs, and its settings and faults if it has any, in place of what is there.
    pub(crate) fn replace(&mut self, fleet: Fleet, at: Moment) {
        self.state = State::default();
        if !fleet.faults.is_empty() {
            self.faults.clear();
        }
        self.seed(fleet, at);
    }

    /// What would rebuild the jobs, settings and faults of now.
    pub(crate) fn fleet(&self) -> Fleet {
        Fleet { jobs: self.state.jobs(), settings: Some(self.settings.clone()), faults: self.faults.to_vec() }
    }

    /// Logs a call that has arrived, and says what is to befall it.
    pub(crate) fn admit(&mut self, request: &Request, at: Moment) -> (usize, Trouble) {
        let keep = self.settings.log_calls;
        let number = self.log.begin(request.operation, keep, |number| Call {
            number,
            operation: request.operation,
            jobs: request.jobs.clone(),
            reason: request.reason.clone(),
            status: 0,
            started: at.elapsed,
        });
        let seed = self.settings.seed;
        let trouble = self.faults.strike(request.operation, &request.jobs, seed);
        (number, trouble)
    }

    /// Carries a call out.
    pub(crate) fn perform(&mut self, request: &Request, number: usize, at: Moment) -> Answer {
        if request.operation.is_bulk()
            && let Some(answer) = self.missing_bulk()
        {
            return answer;
        }
        let per_item = request.operation.is_bulk() && self.bucket.as_ref().is_some_and(Bucket::per_item);
        if !per_item && self.take(1, at) == 0 {
            return Answer::error(429, "TooManyRequestsException", "Too Many Requests");
        }
        self.state.advance(at.epoch_ms);
        let reason = request.reason.as_deref().unwrap_or_default();
        match &request.ask {
            Err(text) => Answer::refusal(text, &wire::request_id(number)),
            Ok(Ask::Stop(verb)) => {
                for id in &request.jobs {
                    self.stop(id, *verb, reason, at);
                }
                Answer::ok(b"{}".to_vec())
            }
            Ok(Ask::StopMany(verb)) => {
                let tokens = if per_item { self.take(request.jobs.len(), at) } else { request.jobs.len() };
                Answer::json(&self.stop_many(request, *verb, reason, tokens, at))
            }
            Ok(Ask::Describe) => {
                let shown = self.state.find(&request.jobs);
                let root = self.arn_root();
                let place = self.place(&root, at);
                let answer = Answer::json(&wire::describe(&self.state, &shown, place));
                self.state.described(&shown, at.epoch_ms);
                self.arn_root = Some(root);
                answer
            }
            Ok(Ask::List(query)) => {
                let root = self.arn_root();
                let (shown, next) = self.state.list(query, &root);
                let place = self.place(&root, at);
                let answer = Answer::json(&wire::list(&self.state, &shown, next, place));
                self.state.listed(&shown, at.epoch_ms);
                self.arn_root = Some(root);
                answer
            }
        }
    }

    fn stop_many<'a>(
        &mut self,
        request: &'a Request,
        verb: Verb,
        reason: &str,
        mut tokens: usize,
        at: Moment,
    ) -> BulkAnswer<'a> {
        let mut answer = BulkAnswer::default();
        for job in &request.jobs {
            let fault = self.faults.strike_item(request.operation, job, self.settings.seed);
            match fault {
                Some(FaultKind::OmitItem) => {}
                Some(FaultKind::Item { code, message }) => {
                    answer.errors.push(ItemError { job, code, message });
                }
                _ if tokens == 0 => answer.errors.push(ItemError {
                    job,
                    code: "ThrottlingException".to_owned(),
                    message: "Rate exceeded".to_owned(),
                }),
                _ => {
                    tokens -= 1;
                    self.stop(job, verb, reason, at);
                    answer.successful.push(job);
                }
            }
        }
        answer
    }

    fn stop(&mut self, id: &str, verb: Verb, reason: &str, at: Moment) {
        let lag = self.settings.lag;
        self.state.stop(id, Order { verb, reason, lag }, at.epoch_ms);
    }

    fn missing_bulk(&self) -> Option<Answer> {
        match self.settings.bulk {
            Bulk::Present => None,
            Bulk::Missing404 => Some(Answer::uncoded(404, "Not Found")),
            Bulk::Missing403 => Some(Answer::unknown_path()),
            Bulk::Missing400 => {
                Some(Answer::error(400, "UnknownOperationException", "The operation is not known"))
            }
        }
    }

    fn take(&mut self, wanted: usize, at: Moment) -> usize {
        match &mut self.bucket {
            Some(bucket) => bucket.take(wanted, at.elapsed),
            None => wanted,
        }
    }

    /// Taken out while an answer is written, so that the jobs can change meanwhile.
    fn arn_root(&mut self) -> String {
        self.arn_root.take().unwrap_or_else(|| {
            let Settings { region, account, .. } = &self.settings;
            format!("arn:aws:batch:{region}:{account}")
        })
    }

    fn place<'a>(&'a self, arn_root: &'a str, at: Moment) -> Place<'a> {
        Place { settings: &self.settings, arn_root, now: at.epoch_ms }
    }
}
