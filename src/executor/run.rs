//! What an answer from Batch means for the jobs of a call, and which call is next.

use std::time::Duration;

use super::chunks::{Call, Chunks, Stage};
use super::progress::Progress;
use super::{BulkSwitch, Execution, Reply, Request, Tally};
use crate::backoff::TRANSIENT;
use crate::batch::{CallError, FailureKind};
use crate::config::Limits;
use crate::outcome::{Answer, Decision, Look, Outcome, Verdict, decide};
use crate::plan::Job;

/// The share of the budget in which failed looks are tried again. What is left is for acting, which an
/// outage of `DescribeJobs` must not use up.
const LOOK_SHARE: u32 = 3;

/// Whether Batch answers a kind of call at all. Reading and writing calls fail apart from each other.
#[derive(Debug, Default)]
struct Health {
    successes: u64,
    /// Set when no more such calls are to be made.
    down: Option<CallError>,
}

/// The state of an invocation's calls.
pub(super) struct Run<'a> {
    progress: Vec<Progress<'a>>,
    chunks: Chunks,
    limits: &'a Limits,
    bulk: &'a BulkSwitch,
    budget: Duration,
    tally: Tally,
    /// Calls under way.
    looking: usize,
    acting: usize,
    reads: Health,
    writes: Health,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        jobs: &'a [Job],
        limits: &'a Limits,
        bulk: &'a BulkSwitch,
        budget: Duration,
    ) -> Self {
        let mut chunks = Chunks::default();
        (0..jobs.len()).for_each(|job| chunks.look(job));
        Self {
            progress: jobs.iter().map(Progress::new).collect(),
            chunks,
            limits,
            bulk,
            budget,
            tally: Tally::default(),
            looking: 0,
            acting: 0,
            reads: Health::default(),
            writes: Health::default(),
        }
    }

    /// The next call to make, counted as started.
    pub(super) fn next_call(&mut self, now: Duration) -> Option<Call> {
        while let Some((stage, job)) = self.chunks.take_due(now) {
            self.enqueue(stage, job, now);
        }
        loop {
            let mut call = self.chunks.next(now, self.looking > 0, self.acting > 0)?;
            if let Some(error) = self.health(call.stage).down.clone() {
                call.jobs
                    .iter()
                    .for_each(|&job| self.give_up(call.stage, job, &error, now));
                continue;
            }
            if call.stage == Stage::Act && call.jobs.len() > 1 && !self.bulk.is_on() {
                let rest = call.jobs.split_off(1);
                self.chunks.first(Call {
                    stage: Stage::Act,
                    jobs: rest,
                });
            }
            self.start(&call);
            return Some(call);
        }
    }

    /// When something is due that no answer brings about.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.chunks.next_due()
    }

    /// What to send for a call, and how long its answer may take.
    pub(super) fn request(&mut self, call: &Call, now: Duration) -> (Request, Duration) {
        let ids = call
            .jobs
            .iter()
            .map(|&job| self.at(job).job.id.clone())
            .collect();
        let look_until = self.budget / LOOK_SHARE;
        let until = if call.stage == Stage::Look && now < look_until {
            look_until
        } else {
            self.budget
        };
        let request = match (call.stage, call.jobs.first()) {
            (Stage::Act, Some(&first)) => {
                let Job { action, reason, .. } = self.at(first).job;
                Request::Stop(*action, ids, reason.clone())
            }
            _ => Request::Describe(ids),
        };
        (
            request,
            self.limits.attempt_timeout.min(until.saturating_sub(now)),
        )
    }

    /// Takes the reply to a call. Returns a failure that was throttling, of the call or of an item.
    pub(super) fn take(
        &mut self,
        call: Call,
        reply: Result<Reply, CallError>,
        now: Duration,
    ) -> Option<CallError> {
        match call.stage {
            Stage::Look => self.looking -= 1,
            Stage::Act => self.acting -= 1,
            Stage::Confirm => {}
        }
        let throttling = match reply {
            Ok(reply) => self.answered(call, reply, now),
            Err(error) => self.failed(call, error, now),
        };
        self.tally.throttled += u64::from(throttling.is_some());
        throttling
    }

    /// What became of each job, once no more calls are made.
    pub(super) fn finish(self) -> Execution {
        Execution {
            results: self.progress.into_iter().map(Progress::finish).collect(),
            tally: self.tally,
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a job is its index in the plan, and nothing is ever removed"
    )]
    fn at(&mut self, job: usize) -> &mut Progress<'a> {
        &mut self.progress[job]
    }

    fn health(&mut self, stage: Stage) -> &mut Health {
        if stage == Stage::Act {
            &mut self.writes
        } else {
            &mut self.reads
        }
    }

    fn enqueue(&mut self, stage: Stage, job: usize, now: Duration) {
        match stage {
            Stage::Look => self.chunks.look(job),
            Stage::Confirm => self.chunks.confirm(job, now),
            Stage::Act => {
                let Job { action, reason, .. } = self.at(job).job;
                self.chunks.act(job, *action, reason, now);
            }
        }
    }

    fn start(&mut self, call: &Call) {
        self.tally.api_calls += 1;
        match call.stage {
            Stage::Look => self.looking += 1,
            Stage::Confirm => {}
            Stage::Act => {
                self.acting += 1;
                call.jobs.iter().for_each(|&job| self.at(job).attempts += 1);
            }
        }
    }

    fn answered(&mut self, call: Call, reply: Reply, now: Duration) -> Option<CallError> {
        match reply {
            Reply::Described(shown) => {
                self.reads.successes += 1;
                for job in call.jobs {
                    let seen = shown.get(self.at(job).job.id.as_str()).cloned();
                    let look = seen.map_or(Look::Missing, Look::Seen);
                    if call.stage == Stage::Look {
                        self.looked(job, look, now);
                    } else if let Some(due) = self.at(job).confirm(look, now) {
                        self.chunks.later(due, Stage::Confirm, job);
                    }
                }
                None
            }
            Reply::Stopped(mut items) => {
                let answers: Vec<_> = call
                    .jobs
                    .into_iter()
                    .map(|job| (job, items.take(&self.at(job).job.id)))
                    .collect();
                let failed = |answer: &Result<(), CallError>| {
                    answer.as_ref().is_err_and(CallError::is_retryable)
                };
                if !answers.iter().all(|(_, answer)| failed(answer)) {
                    self.writes.successes += 1;
                }
                let mut throttling = None;
                let mut again = false;
                for (job, answer) in answers {
                    match answer {
                        Ok(()) => self.accepted(job, now),
                        Err(error) => {
                            again |= self.failed_one(Stage::Act, job, &error, now);
                            throttling =
                                throttling.or(Some(error).filter(CallError::is_throttling));
                        }
                    }
                }
                self.tally.retries += u64::from(again);
                throttling
            }
        }
    }

    fn failed(&mut self, mut call: Call, error: CallError, now: Duration) -> Option<CallError> {
        match error.kind {
            FailureKind::NoBulk => {
                // The call never came to Batch's cancelling, so it was no attempt.
                self.bulk.turn_off(&error);
                call.jobs.iter().for_each(|&job| self.at(job).attempts -= 1);
                self.chunks.first(call);
            }
            // Batch does not say which of several jobs it means.
            FailureKind::Refused if call.jobs.len() > 1 => {
                self.health(call.stage).successes += 1;
                let rest = call.jobs.split_off(call.jobs.len() / 2);
                self.chunks.first(Call {
                    stage: call.stage,
                    jobs: rest,
                });
                self.chunks.first(call);
            }
            FailureKind::Refused => {
                self.health(call.stage).successes += 1;
                call.jobs
                    .iter()
                    .for_each(|&job| self.give_up(call.stage, job, &error, now));
            }
            FailureKind::Denied => {
                // Looks are denied for all jobs or none: DescribeJobs cannot be scoped.
                if call.stage != Stage::Act {
                    self.reads.down = Some(error.clone());
                }
                call.jobs
                    .iter()
                    .for_each(|&job| self.give_up(call.stage, job, &error, now));
            }
            _ => {
                let mut again = false;
                for &job in &call.jobs {
                    again |= self.failed_one(call.stage, job, &error, now);
                }
                self.tally.retries += u64::from(again);
            }
        }
        Some(error).filter(CallError::is_throttling)
    }

    /// One job's call, or its item in one, failed. Has the job tried again if there is a point in it and time
    /// enough, and tells whether it did.
    fn failed_one(&mut self, stage: Stage, job: usize, error: &CallError, now: Duration) -> bool {
        let due = self.retry_at(stage, job, error, now);
        match due {
            Some(due) => self.chunks.later(due, stage, job),
            None => self.give_up(stage, job, error, now),
        }
        due.is_some()
    }

    /// When to try again what failed for one job; `None` when there is no point or no time.
    fn retry_at(
        &mut self,
        stage: Stage,
        job: usize,
        error: &CallError,
        now: Duration,
    ) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let mut due = now;
        // Throttling is the gate's matter, and goes on as long as there is time.
        if !error.is_throttling() {
            let most = self.limits.max_attempts;
            let successes = self.health(stage).successes;
            let progress = self.at(job);
            progress.failures += 1;
            if progress.failures == 1 {
                progress.successes_then = successes;
            }
            if progress.failures >= most {
                // All of this job's attempts failed and no other call got through meanwhile: it is not the
                // job, and hammering helps nobody.
                if progress.successes_then == successes {
                    self.health(stage).down = Some(error.clone());
                    self.chunks
                        .hurry(|other| (other == Stage::Act) == (stage == Stage::Act));
                }
                return None;
            }
            due += TRANSIENT
                .delay(progress.failures, fastrand::f64())
                .max(error.retry_after.unwrap_or_default());
        }
        let until = if stage == Stage::Look {
            self.budget / LOOK_SHARE
        } else {
            self.budget
        };
        Some(due).filter(|due| *due < until)
    }

    /// No further call of this stage is made for the job.
    fn give_up(&mut self, stage: Stage, job: usize, error: &CallError, now: Duration) {
        let why = error.to_string();
        match stage {
            Stage::Look => self.looked(job, Look::Failed(why), now),
            Stage::Confirm => self.at(job).stop_confirming(&why),
            Stage::Act => {
                let progress = self.at(job);
                if !error.is_retryable() {
                    progress.result = Some(Verdict::because(Outcome::Refused, why));
                } else if progress.attempts == 0 {
                    let why = format!("not tried, since Batch kept failing ({why})");
                    progress.result = Some(Verdict::because(Outcome::Unavailable, why));
                } else {
                    // One of the attempts may have been carried out: one look tells.
                    progress.acted(Answer::Unknown(why), now);
                    self.chunks.confirm(job, now);
                }
            }
        }
    }

    fn looked(&mut self, job: usize, look: Look, now: Duration) {
        let progress = self.at(job);
        progress.before = look;
        progress.failures = 0;
        match decide(progress.job, &progress.before) {
            Decision::Settle(verdict) => progress.result = Some(verdict),
            Decision::Act => self.enqueue(Stage::Act, job, now),
        }
    }

    fn accepted(&mut self, job: usize, now: Duration) {
        let confirm_until = now + self.limits.confirm_timeout;
        self.at(job).acted(Answer::Accepted, confirm_until);
        self.chunks.confirm(job, now);
    }
}
