//! The heart: what to do about a job, and what may be said of it afterwards.
//!
//! Both functions are pure. They claim nothing that was not seen: `CancelJob` answers 200 to a cancel that
//! did nothing, so only what `DescribeJobs` shows counts.

use serde::Serialize;

use crate::job::{JobStatus, Snapshot};
use crate::plan::Job;
use crate::request::Action;

/// What became of one job of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Seen FAILED by a cancel.
    Cancelled,
    /// Seen FAILED by a terminate.
    Terminated,
    /// Batch accepted the cancel, and the job is flagged or still waits.
    Cancelling,
    /// Batch accepted the terminate, and the job is flagged or still waits.
    Terminating,
    /// Batch accepted the call, and what became of the job could not be seen.
    Accepted,
    /// Ended, and not by this request.
    Finished,
    /// Its work has begun, which a cancel does not stop.
    Started,
    /// `DescribeJobs` does not know it.
    NotFound,
    /// A dry run: a cancel would have been sent.
    WouldCancel,
    /// A dry run: a terminate would have been sent.
    WouldTerminate,
    /// The request is malformed, or not allowed here.
    Rejected,
    /// Batch said no, and would say so again.
    Refused,
    /// Batch could not be reached or kept failing: attempts or time were used up.
    Unavailable,
    /// The deadline came before anything was tried.
    NotAttempted,
}

impl Outcome {
    /// Every outcome, in the order summaries list them.
    pub const ALL: [Self; 14] = [
        Self::Cancelled,
        Self::Terminated,
        Self::Cancelling,
        Self::Terminating,
        Self::Accepted,
        Self::Finished,
        Self::Started,
        Self::NotFound,
        Self::WouldCancel,
        Self::WouldTerminate,
        Self::Rejected,
        Self::Refused,
        Self::Unavailable,
        Self::NotAttempted,
    ];

    /// Whether the request is done with. What is not goes back to its source, which retries it and in the
    /// end hands it to a dead-letter queue.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Rejected | Self::Refused | Self::Unavailable | Self::NotAttempted)
    }

    /// The outcome as results write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::Cancelling => "cancelling",
            Self::Terminating => "terminating",
            Self::Accepted => "accepted",
            Self::Finished => "finished",
            Self::Started => "started",
            Self::NotFound => "not_found",
            Self::WouldCancel => "would_cancel",
            Self::WouldTerminate => "would_terminate",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::NotAttempted => "not_attempted",
        }
    }

    fn done(action: Action) -> Self {
        match action {
            Action::Cancel => Self::Cancelled,
            Action::Terminate => Self::Terminated,
        }
    }

    fn under_way(action: Action) -> Self {
        match action {
            Action::Cancel => Self::Cancelling,
            Action::Terminate => Self::Terminating,
        }
    }

    fn planned(action: Action) -> Self {
        match action {
            Action::Cancel => Self::WouldCancel,
            Action::Terminate => Self::WouldTerminate,
        }
    }
}

/// An outcome, and why where the outcome alone does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// One sentence for the reader of a result.
    pub why: Option<String>,
}

impl Verdict {
    /// An outcome with its explanation.
    pub fn because(outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome, why: Some(why.into()) }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, why: None }
    }
}

/// What one `DescribeJobs` told about one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The job as it stood.
    Seen(Snapshot),
    /// The answer left it out: Batch does not know it, or no longer.
    Missing,
    /// No answer; the text says why.
    Failed(String),
}

impl Look {
    /// The snapshot, where there is one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Seen(snapshot) => Some(snapshot),
            Self::Missing | Self::Failed(_) => None,
        }
    }
}

/// What follows from a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Call Batch with the job's action.
    Act,
    /// No call is needed; this is the result.
    Settle(Verdict),
}

/// Decides what to do about `job`, having looked at it.
///
/// A failed look does not stop a cancel, which harms nothing that has started: an outage of `DescribeJobs`
/// must not keep jobs alive. It does stop a dry run, which would have nothing to say.
#[must_use]
pub fn decide(job: &Job, before: &Look) -> Decision {
    let settle = |verdict: Verdict| Decision::Settle(verdict);
    let seen = match before {
        Look::Seen(seen) => seen,
        Look::Missing => return settle(Outcome::NotFound.into()),
        Look::Failed(why) if job.dry_run => {
            return settle(Verdict::because(
                Outcome::Unavailable,
                format!("could not look at the job: {why}"),
            ));
        }
        Look::Failed(_) => return Decision::Act,
    };
    if seen.status.has_ended() {
        // A redelivered request finds its own work. Without flags there is no telling whose it was: the
        // job was not seen alive, and a reason alone could be an earlier sender's.
        let own =
            seen.status == JobStatus::Failed && seen.is_flagged() && seen.has_reason(job.reason.as_str());
        return settle(if own { Outcome::done(job.action) } else { Outcome::Finished }.into());
    }
    if seen.status.has_started() && job.action == Action::Cancel {
        return settle(Outcome::Started.into());
    }
    if job.dry_run { settle(Outcome::planned(job.action).into()) } else { Decision::Act }
}

/// How the last call that acted on a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Batch said it would.
    Accepted,
    /// Batch gave no useful answer, so the call may or may not have been carried out; the text says what
    /// happened.
    Unknown(String),
}

/// What one more look makes of a job that was acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Nothing more will come: this is the result.
    Final(Verdict),
    /// The job may still change; this is the result if nobody looks again.
    Soon(Verdict),
    /// The job will not change before other jobs end; this is the result if nobody looks again.
    Late(Verdict),
}

impl Settlement {
    /// The verdict, final or not.
    #[must_use]
    pub fn into_verdict(self) -> Verdict {
        match self {
            Self::Final(verdict) | Self::Soon(verdict) | Self::Late(verdict) => verdict,
        }
    }
}

/// Says what became of `job` from the looks before and after acting on it.
///
/// The claim `cancelled` or `terminated` needs a FAILED job and one of:
/// - a flag (`isCancelled`, `isTerminated`) that was seen missing before, when Batch accepted the call;
/// - a flag and this request's own reason; without that, and without an answer or a look before, the flag
///   could be another's work;
/// - from a Batch that sends no flags, as emulators do: this request's own reason as `statusReason`, on a
///   job that was seen alive before. Anything less is `finished`.
#[must_use]
pub fn settle(job: &Job, before: &Look, answer: &Answer, after: &Look) -> Settlement {
    use Settlement::{Final, Late, Soon};
    let verb = job.action.as_str();
    let unsettled = |why: String| match answer {
        Answer::Accepted => {
            Verdict::because(Outcome::Accepted, format!("Batch accepted the {verb}, but {why}"))
        }
        Answer::Unknown(error) => {
            Verdict::because(Outcome::Unavailable, format!("the {verb} failed ({error}), and {why}"))
        }
    };
    let now = match after {
        Look::Seen(now) => now,
        Look::Missing if before.snapshot().is_none() => return Final(Outcome::NotFound.into()),
        Look::Missing => return Soon(unsettled("DescribeJobs no longer shows the job".into())),
        Look::Failed(why) => return Soon(unsettled(format!("a look at the job failed: {why}"))),
    };
    let unflagged_before = before.snapshot().is_some_and(|before| !before.is_flagged());
    // A flag that stood there before says nothing about this request.
    let newly_flagged = match before.snapshot() {
        Some(before) => {
            now.is_flagged()
                && (now.is_cancelled, now.is_terminated) != (before.is_cancelled, before.is_terminated)
        }
        None => now.is_flagged() && *answer == Answer::Accepted,
    };
    match now.status {
        JobStatus::Succeeded => Final(Outcome::Finished.into()),
        JobStatus::Failed => {
            let ours = now.has_reason(job.reason.as_str());
            let stopped = match answer {
                _ if now.has_no_flags() => ours && before.snapshot().is_some_and(|b| !b.status.has_ended()),
                Answer::Accepted => now.is_flagged() && (ours || unflagged_before),
                Answer::Unknown(_) => now.is_flagged() && ours,
            };
            Final(if stopped { Outcome::done(job.action) } else { Outcome::Finished }.into())
        }
        JobStatus::Starting | JobStatus::Running if job.action == Action::Cancel => {
            Final(Outcome::Started.into())
        }
        _ if newly_flagged => {
            let verdict = Outcome::under_way(job.action).into();
            if now.status == JobStatus::Pending { Late(verdict) } else { Soon(verdict) }
        }
        JobStatus::Starting | JobStatus::Running => {
            Soon(unsettled(format!("the job is still {}", now.status)))
        }
        _ if *answer != Answer::Accepted => Soon(unsettled(format!("the job is still {}", now.status))),
        JobStatus::Pending => Late(Verdict::because(
            Outcome::under_way(job.action),
            "Batch accepted it; the job waits for other jobs to end",
        )),
        _ => Soon(Verdict::because(
            Outcome::under_way(job.action),
            format!("Batch accepted it; the job is still {}", now.status),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{JobId, Reason};
    use Action::{Cancel, Terminate};

    const OURS: &str = "Superseded by run 42.";

    fn job(action: Action, dry_run: bool) -> Job {
        Job { id: JobId::from("a"), action, dry_run, reason: Reason::new(OURS).unwrap() }
    }

    /// A look written as `STATUS [cancelled|terminated|unflagged|flagless] [ours|other]`, `missing` or `failed`.
    fn look(text: &str) -> Look {
        let words: Vec<&str> = text.split(' ').collect();
        let flags = match words.get(1).copied() {
            Some("cancelled") => (Some(true), Some(false)),
            Some("terminated") => (Some(false), Some(true)),
            Some("flagless") => (None, None),
            _ => (Some(false), Some(false)),
        };
        match words[0] {
            "missing" => Look::Missing,
            "failed" => Look::Failed("500".into()),
            status => Look::Seen(Snapshot {
                status: status.into(),
                status_reason: words.get(2).map(|whose| if *whose == "ours" { OURS } else { *whose }.into()),
                job_name: None,
                job_queue: None,
                is_cancelled: flags.0,
                is_terminated: flags.1,
            }),
        }
    }

    #[test]
    fn decides_by_where_the_job_stands() {
        use Outcome::*;
        let check = |before: &str, action, expected: Option<Outcome>| {
            let decided = match decide(&job(action, false), &look(before)) {
                Decision::Act => None,
                Decision::Settle(verdict) => Some(verdict.outcome),
            };
            assert_eq!(decided, expected, "{before}, {action:?}");
        };
        for waiting in ["SUBMITTED", "PENDING", "RUNNABLE", "PENDING cancelled ours", "HIBERNATING"] {
            check(waiting, Cancel, None);
            check(waiting, Terminate, None);
        }
        for started in ["STARTING", "RUNNING"] {
            check(started, Cancel, Some(Started));
            check(started, Terminate, None);
        }
        for action in [Cancel, Terminate] {
            check("SUCCEEDED", action, Some(Finished));
            check("FAILED unflagged other", action, Some(Finished));
            check("FAILED unflagged ours", action, Some(Finished));
            check("FAILED cancelled other", action, Some(Finished));
            check("FAILED flagless ours", action, Some(Finished));
            check("missing", action, Some(NotFound));
            check("failed", action, None);
        }
        check("FAILED cancelled ours", Cancel, Some(Cancelled));
        check("FAILED terminated ours", Terminate, Some(Terminated));
        check("FAILED cancelled ours", Terminate, Some(Terminated));
    }

    #[test]
    fn a_dry_run_never_acts() {
        use Outcome::*;
        let check = |before: &str, action, expected| match decide(&job(action, true), &look(before)) {
            Decision::Act => panic!("{before}: a dry run acts"),
            Decision::Settle(verdict) => assert_eq!(verdict.outcome, expected, "{before}"),
        };
        check("RUNNABLE", Cancel, WouldCancel);
        check("RUNNABLE", Terminate, WouldTerminate);
        check("RUNNING", Cancel, Started);
        check("RUNNING", Terminate, WouldTerminate);
        check("SUCCEEDED", Cancel, Finished);
        check("missing", Cancel, NotFound);
        check("failed", Cancel, Unavailable);
    }

    #[test]
    fn claims_only_what_was_seen() {
        use Outcome::*;
        use Settlement::{Final, Late, Soon};
        let (accepted, unknown) = (Answer::Accepted, Answer::Unknown("timed out".into()));
        let check = |action,
                     before: &str,
                     answer: &Answer,
                     after: &str,
                     expected: fn(Verdict) -> Settlement,
                     outcome| {
            let settlement = settle(&job(action, false), &look(before), answer, &look(after));
            let verdict = settlement.clone().into_verdict();
            assert_eq!(settlement, expected(verdict.clone()), "{before} → {answer:?} → {after}");
            assert_eq!(verdict.outcome, outcome, "{before} → {answer:?} → {after}");
        };
        // Ended.
        check(Cancel, "RUNNABLE", &accepted, "FAILED cancelled ours", Final, Cancelled);
        check(Cancel, "RUNNABLE", &accepted, "FAILED cancelled other", Final, Cancelled);
        check(Cancel, "PENDING cancelled", &accepted, "FAILED cancelled other", Final, Finished);
        check(Cancel, "PENDING cancelled", &accepted, "FAILED cancelled ours", Final, Cancelled);
        check(Cancel, "failed", &accepted, "FAILED cancelled other", Final, Finished);
        check(Terminate, "RUNNING", &accepted, "FAILED terminated ours", Final, Terminated);
        check(Terminate, "RUNNABLE", &accepted, "FAILED cancelled ours", Final, Terminated);
        check(Cancel, "failed", &accepted, "FAILED cancelled ours", Final, Cancelled);
        check(Cancel, "RUNNABLE", &accepted, "FAILED unflagged other", Final, Finished);
        check(Cancel, "RUNNABLE", &accepted, "FAILED unflagged ours", Final, Finished);
        check(Cancel, "RUNNABLE", &accepted, "SUCCEEDED", Final, Finished);
        // Ended, in a Batch without flags.
        check(Cancel, "PENDING flagless", &accepted, "FAILED flagless ours", Final, Cancelled);
        check(Cancel, "PENDING flagless", &accepted, "FAILED flagless other", Final, Finished);
        check(Cancel, "failed", &accepted, "FAILED flagless ours", Final, Finished);
        // Started before the cancel came.
        check(Cancel, "RUNNABLE", &accepted, "STARTING", Final, Started);
        check(Cancel, "RUNNABLE", &unknown, "RUNNING", Final, Started);
        // Under way.
        check(Cancel, "RUNNABLE", &accepted, "RUNNABLE cancelled ours", Soon, Cancelling);
        check(Cancel, "RUNNABLE", &accepted, "RUNNABLE", Soon, Cancelling);
        check(Cancel, "PENDING", &accepted, "PENDING", Late, Cancelling);
        check(Cancel, "PENDING", &accepted, "PENDING cancelled", Late, Cancelling);
        check(Terminate, "RUNNING", &accepted, "RUNNING terminated ours", Soon, Terminating);
        check(Terminate, "RUNNING", &accepted, "RUNNING", Soon, Accepted);
        // Not seen.
        check(Cancel, "RUNNABLE", &accepted, "failed", Soon, Accepted);
        check(Cancel, "RUNNABLE", &accepted, "missing", Soon, Accepted);
        check(Cancel, "failed", &accepted, "missing", Final, NotFound);
        // No answer: only this request's own reason proves that it was carried out.
        check(Cancel, "RUNNABLE", &unknown, "FAILED cancelled ours", Final, Cancelled);
        check(Cancel, "RUNNABLE", &unknown, "FAILED cancelled other", Final, Finished);
        check(Cancel, "RUNNABLE", &unknown, "RUNNABLE", Soon, Unavailable);
        check(Cancel, "PENDING", &unknown, "PENDING", Soon, Unavailable);
        check(Cancel, "RUNNABLE", &unknown, "RUNNABLE cancelled", Soon, Cancelling);
        check(Terminate, "RUNNING", &unknown, "RUNNING", Soon, Unavailable);
        // A flag that was there before is another's.
        check(Terminate, "PENDING cancelled", &unknown, "PENDING cancelled", Soon, Unavailable);
        check(Terminate, "RUNNING cancelled", &unknown, "RUNNING cancelled", Soon, Unavailable);
        check(Terminate, "RUNNING cancelled", &accepted, "RUNNING cancelled", Soon, Accepted);
        check(Terminate, "PENDING cancelled", &unknown, "PENDING terminated", Late, Terminating);
        check(Terminate, "PENDING cancelled", &accepted, "PENDING cancelled", Late, Terminating);
        check(Cancel, "failed", &unknown, "RUNNABLE cancelled", Soon, Unavailable);
        check(Cancel, "RUNNABLE", &unknown, "failed", Soon, Unavailable);
        check(Cancel, "RUNNABLE", &unknown, "missing", Soon, Unavailable);
    }

    #[test]
    fn every_outcome_is_listed_once_and_written_as_it_is_named() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{}\"", outcome.as_str()));
        }
    }
}
