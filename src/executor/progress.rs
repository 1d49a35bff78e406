//! How far one job has come, and what may be said of it.

use std::time::Duration;

use super::JobResult;
use crate::job::Snapshot;
use crate::outcome::{Answer, Look, Outcome, Settlement, Verdict, settle};
use crate::plan::Job;

/// The wait before the second look at a job that was acted on; it doubles with each further one.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// The longest wait between two looks.
const LONGEST_POLL: Duration = Duration::from_secs(2);

/// Looks are this much rarer at a job that waits for other jobs.
const LATE_POLL_FACTOR: u32 = 4;

/// One job on its way from look to result.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    pub(super) job: &'a Job,
    /// Calls to stop it that were started.
    pub(super) attempts: u32,
    /// Failures in the present stage, throttling apart.
    pub(super) failures: u32,
    pub(super) before: Look,
    pub(super) answer: Option<Answer>,
    pub(super) result: Option<Verdict>,
    /// What Batch answered when the last attempt failed.
    pub(super) last_error: Option<String>,
    after: Option<Snapshot>,
    /// What to say if nobody looks again.
    so_far: Option<Verdict>,
    polls: u32,
    /// Whether it was seen to wait for other jobs, which says nothing about how fast Batch is.
    waited_for_others: bool,
    acted: Duration,
    confirm_until: Duration,
}

impl<'a> Progress<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        Self {
            job,
            attempts: 0,
            failures: 0,
            before: Look::Failed("the deadline came first".into()),
            answer: None,
            result: None,
            last_error: None,
            after: None,
            so_far: None,
            polls: 0,
            waited_for_others: false,
            acted: Duration::ZERO,
            confirm_until: Duration::ZERO,
        }
    }

    /// The job was acted on: what became of it is looked for until a timeout, at least once.
    pub(super) fn acted(&mut self, answer: Answer, now: Duration, timeout: Duration) {
        self.answer = Some(answer);
        self.failures = 0;
        self.acted = now;
        self.confirm_until = now + timeout;
    }

    /// Where the job was just seen to have ended by an accepted call: how long after that a look began that saw
    /// it, and at which look.
    pub(super) fn effect(&self, look_began: Duration) -> Option<(Duration, u32)> {
        let outcome = self.result.as_ref().map(|verdict| verdict.outcome);
        let ended = matches!(outcome, Some(Outcome::Cancelled | Outcome::Terminated));
        (ended && !self.waited_for_others && self.answer == Some(Answer::Accepted))
            .then_some((look_began.saturating_sub(self.acted), self.polls))
    }

    /// Takes one look after acting. Returns when to look again, unless the result is there.
    pub(super) fn confirm(&mut self, after: Look, now: Duration) -> Option<Duration> {
        let settlement = self.settle(&after);
        if let Look::Seen(mut snapshot) = after {
            if self.before.snapshot().is_some() {
                // A job's name and queue do not change.
                (snapshot.job_name, snapshot.job_queue) = (None, None);
            }
            self.after = Some(snapshot);
        }
        self.failures = 0;
        self.polls += 1;
        let wait = (FIRST_POLL * (1 << (self.polls - 1).min(8))).min(LONGEST_POLL);
        let (wait, verdict) = match settlement {
            Settlement::Final(verdict) => {
                self.result = Some(verdict);
                return None;
            }
            Settlement::Soon(verdict) => (wait, verdict),
            Settlement::Late(verdict) => {
                self.waited_for_others = true;
                (wait * LATE_POLL_FACTOR, verdict)
            }
        };
        if now >= self.confirm_until {
            self.result = Some(verdict);
            return None;
        }
        self.so_far = Some(verdict);
        // The last look comes when the time is up, not before.
        Some((now + wait).min(self.confirm_until))
    }

    /// Nothing more will be seen of a job that was acted on.
    pub(super) fn stop_confirming(&mut self, why: &str) {
        let so_far = self.so_far.take();
        self.result = Some(so_far.unwrap_or_else(|| self.settle(&Look::Failed(why.into())).into_verdict()));
    }

    /// The result, once no more calls are made.
    pub(super) fn finish(mut self) -> JobResult {
        const DEADLINE: &str = "the deadline came first";
        let verdict = self.result.take().unwrap_or_else(|| match (&self.answer, self.attempts) {
            (Some(Answer::Unknown(error)), _) => Verdict::because(Outcome::Unavailable, error.as_str()),
            (Some(Answer::Accepted), _) => {
                let unseen = self.settle(&Look::Failed(DEADLINE.into())).into_verdict();
                self.so_far.take().unwrap_or(unseen)
            }
            (None, 0) => Verdict::because(Outcome::NotAttempted, DEADLINE),
            (None, _) => {
                let last = self.last_error.take();
                let why = last.map_or("the deadline came before Batch had answered".to_owned(), |error| {
                    format!("{DEADLINE}; Batch's last answer was: {error}")
                });
                Verdict::because(Outcome::Unavailable, why)
            }
        });
        let before = match self.before {
            Look::Seen(snapshot) => Some(snapshot),
            Look::Missing | Look::Failed(_) => None,
        };
        JobResult { verdict, before, after: self.after, attempts: self.attempts }
    }

    fn settle(&self, after: &Look) -> Settlement {
        settle(self.job, &self.before, self.answer.as_ref().unwrap_or(&Answer::Accepted), after)
    }
}
