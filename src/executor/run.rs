//! What an answer from Batch means for the jobs of a call, and which call is next.

use std::time::Duration;

use super::chunks::{Call, Chunks, Stage};
use super::health::Health;
use super::progress::Progress;
use super::{Execution, Memory, Reply, Request, Tally};
use crate::backoff::TRANSIENT;
use crate::batch::{CallError, Described, FailureKind, Stopped};
use crate::config::Limits;
use crate::gate::Feedback;
use crate::outcome::{Answer, Decision, Look, Outcome, Verdict, decide};
use crate::plan::Job;

/// The share of the budget in which failed looks are tried again. What is left is for acting, which an
/// outage of `DescribeJobs` must not use up.
const LOOK_SHARE: u32 = 3;

/// What a look may take at the least, however little of its share is left.
const LEAST_LOOK: Duration = Duration::from_millis(250);

/// How long before the end of the budget the last look at a job is due.
const LAST_LOOK: Duration = Duration::from_millis(250);

/// After so many denied calls in a row, it is not single jobs that are denied.
const MOST_DENIALS: usize = 20;

/// The state of an invocation's calls.
pub(super) struct Run<'a> {
    progress: Vec<Progress<'a>>,
    chunks: Chunks,
    limits: &'a Limits,
    memory: &'a Memory,
    budget: Duration,
    /// Until when failed looks are tried again.
    look_until: Duration,
    tally: Tally,
    /// Calls to stop jobs that were denied in a row.
    denials: usize,
    /// Calls under way.
    looking: usize,
    acting: usize,
    reads: Health,
    writes: Health,
}

impl<'a> Run<'a> {
    pub(super) fn new(jobs: &'a [Job], limits: &'a Limits, memory: &'a Memory, budget: Duration) -> Self {
        let mut chunks = Chunks::default();
        (0..jobs.len()).for_each(|job| chunks.look(job));
        let only_looks = jobs.iter().all(|job| job.dry_run);
        Self {
            progress: jobs.iter().map(Progress::new).collect(),
            chunks,
            limits,
            memory,
            budget,
            look_until: if only_looks { budget } else { budget / LOOK_SHARE },
            tally: Tally::default(),
            denials: 0,
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
                call.jobs.iter().for_each(|&job| self.give_up(call.stage, job, &error, now));
                continue;
            }
            if call.stage == Stage::Act && call.jobs.len() > 1 && !self.memory.has_bulk() {
                let rest = call.jobs.split_off(1);
                self.chunks.first(Call { stage: Stage::Act, jobs: rest });
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
        let mut ids: Vec<_> = call.jobs.iter().map(|&job| self.at(job).job.id.clone()).collect();
        let until = match call.stage {
            Stage::Look => self.look_until.max(now + LEAST_LOOK).min(self.budget),
            Stage::Act | Stage::Confirm => self.budget,
        };
        let request = if let (Stage::Act, Some(&first)) = (call.stage, call.jobs.first()) {
            let Job { action, reason, .. } = self.at(first).job;
            Request::Stop(*action, ids, reason.clone())
        } else {
            // A job that is also wanted as a dry run stands twice.
            ids.sort_unstable();
            ids.dedup();
            Request::Describe(ids)
        };
        (request, self.limits.attempt_timeout.min(until.saturating_sub(now)))
    }

    /// Takes the reply to a call that started at `started`. Returns what it says about the service.
    pub(super) fn take(
        &mut self,
        call: Call,
        reply: Result<Reply, CallError>,
        started: Duration,
        now: Duration,
    ) -> Feedback {
        match call.stage {
            Stage::Look => self.looking -= 1,
            Stage::Act => self.acting -= 1,
            Stage::Confirm => {}
        }
        let feedback = match reply {
            Ok(Reply::Described(shown)) => self.described(call, &shown, started, now),
            Ok(Reply::Stopped(items)) => self.stopped(call, items, now),
            Err(error) => self.failed(call, &error, now),
        };
        self.tally.throttled += u64::from(matches!(feedback, Feedback::Throttled { .. }));
        feedback
    }

    /// What became of each job, once no more calls are made.
    pub(super) fn finish(self) -> Execution {
        Execution { results: self.progress.into_iter().map(Progress::finish).collect(), tally: self.tally }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a job is its index in the plan, and nothing is ever removed"
    )]
    fn at(&mut self, job: usize) -> &mut Progress<'a> {
        &mut self.progress[job]
    }

    fn health(&mut self, stage: Stage) -> &mut Health {
        if stage == Stage::Act { &mut self.writes } else { &mut self.reads }
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

    fn described(&mut self, call: Call, shown: &Described, started: Duration, now: Duration) -> Feedback {
        self.reads.answered();
        let mut effect = None;
        for job in call.jobs {
            let seen = shown.get(self.at(job).job.id.as_str()).cloned();
            let look = seen.map_or(Look::Missing, Look::Seen);
            if call.stage == Stage::Look {
                self.looked(job, look, now);
                continue;
            }
            match self.at(job).confirm(look, now) {
                Some(due) => self.chunks.later(due, Stage::Confirm, job),
                None => effect = effect.max(self.at(job).effect(started)),
            }
        }
        if let Some((after, look)) = effect {
            self.memory.saw_effect(after, look);
        }
        Feedback::Fine
    }

    fn stopped(&mut self, call: Call, mut items: Stopped, now: Duration) -> Feedback {
        let mut again = false;
        let mut throttling = None;
        let mut failing = None;
        let mut any_answered = false;
        for job in call.jobs {
            let Err(error) = items.take(&self.at(job).job.id) else {
                any_answered = true;
                self.accepted(job, now);
                continue;
            };
            again |= self.failed_one(Stage::Act, job, &error, now);
            if error.is_throttling() {
                throttling = Some(error);
            } else if error.is_retryable() {
                failing = Some(error);
            } else {
                any_answered = true;
            }
        }
        self.tally.retries += u64::from(again);
        if any_answered {
            self.writes.answered();
        }
        match (throttling, failing) {
            (Some(error), _) => Feedback::Throttled { in_part: any_answered, retry_after: error.retry_after },
            (None, Some(error)) if !any_answered => self.unhealthy(Stage::Act, &error),
            _ => Feedback::Fine,
        }
    }

    fn failed(&mut self, mut call: Call, error: &CallError, now: Duration) -> Feedback {
        match error.kind {
            FailureKind::NoBulk => {
                // The call never came to Batch's cancelling, so it was no attempt.
                self.memory.no_bulk(error);
                call.jobs.iter().for_each(|&job| self.at(job).attempts -= 1);
                self.chunks.first(call);
            }
            // Batch does not say which of several jobs it means.
            FailureKind::Refused | FailureKind::Denied
                if call.jobs.len() > 1 && self.may_mean_one_job(call.stage, error) =>
            {
                let rest = call.jobs.split_off(call.jobs.len() / 2);
                self.chunks.first(Call { stage: call.stage, jobs: rest });
                self.health(call.stage).answered();
                self.chunks.first(call);
            }
            FailureKind::Refused | FailureKind::Denied => {
                self.health(call.stage).answered();
                match (error.kind, call.stage) {
                    (FailureKind::Denied, Stage::Act) => self.denials += 1,
                    (FailureKind::Denied, Stage::Look | Stage::Confirm) => {
                        self.reads.down = Some(error.clone());
                    }
                    _ => {}
                }
                call.jobs.iter().for_each(|&job| self.give_up(call.stage, job, error, now));
            }
            FailureKind::Throttled | FailureKind::Server | FailureKind::Timeout | FailureKind::Connection => {
                let mut again = false;
                for &job in &call.jobs {
                    again |= self.failed_one(call.stage, job, error, now);
                }
                self.tally.retries += u64::from(again);
                return if error.is_throttling() {
                    Feedback::Throttled { in_part: false, retry_after: error.retry_after }
                } else {
                    self.unhealthy(call.stage, error)
                };
            }
        }
        Feedback::Fine
    }

    /// Whether a no to a whole call may be about one of its jobs. Looks are denied for all jobs or none, since
    /// `DescribeJobs` cannot be scoped; and where one job after another is denied, it is the role.
    fn may_mean_one_job(&self, stage: Stage, error: &CallError) -> bool {
        error.kind == FailureKind::Refused || stage == Stage::Act && self.denials < MOST_DENIALS
    }

    fn unhealthy(&mut self, stage: Stage, error: &CallError) -> Feedback {
        let limits = self.limits;
        let health = self.health(stage);
        let feedback = health.failed(error, limits);
        if health.down.is_some() {
            self.chunks.hurry(|other| (other == Stage::Act) == (stage == Stage::Act));
        }
        feedback
    }

    /// One job's call, or its item in one, failed. Has the job tried again if there is a point in it and time
    /// enough, and tells whether it did.
    fn failed_one(&mut self, stage: Stage, job: usize, error: &CallError, now: Duration) -> bool {
        if stage == Stage::Act {
            self.at(job).last_error = Some(error.to_string());
        }
        let due = self.retry_at(stage, job, error, now);
        match due {
            Some(due) => self.chunks.later(due, stage, job),
            None => self.give_up(stage, job, error, now),
        }
        due.is_some()
    }

    /// When to try again what failed for one job; `None` when there is no point or no time.
    fn retry_at(&mut self, stage: Stage, job: usize, error: &CallError, now: Duration) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let mut due = now;
        // Throttling is the gate's matter, and goes on as long as there is time.
        if !error.is_throttling() {
            let most = self.limits.max_attempts;
            let failures = &mut self.at(job).failures;
            *failures += 1;
            if *failures >= most {
                return None;
            }
            due += TRANSIENT.delay(*failures, fastrand::f64()).max(error.retry_after.unwrap_or_default());
        }
        let until = if stage == Stage::Look { self.look_until } else { self.budget };
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
                    progress.acted(Answer::Unknown(why), now, Duration::ZERO);
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
        self.denials = 0;
        let left = self.budget.saturating_sub(now + LAST_LOOK);
        let timeout = self.limits.confirm_timeout.min(left);
        self.at(job).acted(Answer::Accepted, now, timeout);
        match self.memory.first_look().min(timeout) {
            Duration::ZERO => self.chunks.confirm(job, now),
            wait => self.chunks.later(now + wait, Stage::Confirm, job),
        }
    }
}
