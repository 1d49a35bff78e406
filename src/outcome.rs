//! The heart: what to do about a job, and what may be said of it afterwards.
//!
//! [`judge`] before acting and [`claim`] after it are pure, and both ask one function whose work a job's end
//! was. They claim nothing that was not seen: `CancelJob` answers 200 to a cancel that did nothing, so only what
//! `DescribeJobs` shows counts, and evidence against a claim wins over evidence for it.

use std::borrow::Cow;

use serde::Serialize;

use crate::batch::{CallError, FailureKind};
use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, Reason};

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
    /// The policy says no.
    Denied,
    /// What the request expected of the job does not hold.
    PreconditionFailed,
    /// A sweep is done: what became of each job is told apart.
    Swept,
    /// A sweep was cut short: what is left of it lies in its queue as a new message.
    HandedOn,
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
    pub const ALL: [Self; 18] = [
        Self::Cancelled,
        Self::Terminated,
        Self::Cancelling,
        Self::Terminating,
        Self::Accepted,
        Self::Finished,
        Self::Started,
        Self::NotFound,
        Self::Denied,
        Self::PreconditionFailed,
        Self::Swept,
        Self::HandedOn,
        Self::WouldCancel,
        Self::WouldTerminate,
        Self::Rejected,
        Self::Refused,
        Self::Unavailable,
        Self::NotAttempted,
    ];

    /// Whether the job was stopped by the request, or would be.
    pub(crate) fn is_stopped(self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::Terminated
                | Self::Cancelling
                | Self::Terminating
                | Self::Accepted
                | Self::WouldCancel
                | Self::WouldTerminate
        )
    }

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
            Self::Denied => "denied",
            Self::PreconditionFailed => "precondition_failed",
            Self::Swept => "swept",
            Self::HandedOn => "handed_on",
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

    /// What a dry run says.
    pub(crate) fn planned(action: Action) -> Self {
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

/// What one request wants of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which of Batch's two verbs.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whether only to say what would be done.
    pub dry_run: bool,
}

/// How a job was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// As it stood.
    Seen(Snapshot),
    /// One answer left it out. It may have been submitted just now.
    NotShown,
    /// Two answers left it out, [`SECOND_LOOK`] apart: Batch does not know it, or no longer.
    ///
    /// [`SECOND_LOOK`]: crate::engine::SECOND_LOOK
    Missing,
    /// There was no answer, or no look; the text says why.
    Unseen(Cow<'static, str>),
}

impl Look {
    /// The snapshot, where there is one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Seen(snapshot) => Some(snapshot),
            Self::NotShown | Self::Missing | Self::Unseen(_) => None,
        }
    }
}

/// What became of the calls to stop a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// None was made.
    NotMade,
    /// Batch accepted it.
    Accepted,
    /// None was accepted, but one that failed may have been carried out; the text is the last failure.
    Unknown(String),
    /// None can have been carried out.
    Failed {
        /// The last failure.
        error: String,
        /// Whether that was a no, which Batch would repeat.
        refused: bool,
    },
}

impl Call {
    /// Takes note of one more failure.
    pub(crate) fn failed(&mut self, failure: &CallError) {
        let error = failure.to_string();
        *self = match self {
            // What was accepted once stays so.
            Self::Accepted => return,
            Self::Unknown(_) => Self::Unknown(error),
            _ if failure.kind.may_have_worked() => Self::Unknown(error),
            _ => {
                let refused = matches!(failure.kind, FailureKind::Refused | FailureKind::Denied);
                Self::Failed { error, refused }
            }
        };
    }
}

/// Whether the end of a job that is FAILED was this request's work.
///
/// - Its `statusReason` is this request's reason, and Batch marks it as stopped on request (`isCancelled`,
///   `isTerminated`; which of the two a terminated job gets that had not started is not documented). So it is
///   too when the request comes again. A Batch that sends no marks at all, as emulators do, must have shown the
///   job alive before.
/// - With any other `statusReason` it was somebody else's, whatever the marks say.
/// - Without one, Batch must have accepted this request's call, and the mark for its verb must be new. A cancel ends
///   no job that has run: it keeps its mark, but ended otherwise.
///
/// Two requests with the same reason cannot be told apart. A dry run has ended nothing.
fn is_own_work(wish: &Wish, before: &Look, call: &Call, ended: &Snapshot) -> bool {
    if wish.dry_run {
        return false;
    }
    match ended.status_reason.as_deref() {
        Some(reason) if !reason.is_empty() => {
            let alive_before = || before.snapshot().is_some_and(|before| !before.status.has_ended());
            reason == wish.reason.as_str() && (ended.is_marked() || ended.has_no_marks() && alive_before())
        }
        _ => {
            let outran_it = wish.action == Action::Cancel && ended.started_at.is_some();
            *call == Call::Accepted && is_newly_marked(wish.action, before, ended) && !outran_it
        }
    }
}

/// Whether the mark for this verb was seen missing before and is there now. Any other mark proves nothing.
fn is_newly_marked(action: Action, before: &Look, now: &Snapshot) -> bool {
    before.snapshot().is_some_and(|before| !before.is_marked_for(action)) && now.is_marked_for(action)
}

/// What is said of a job that has ended.
fn ended(wish: &Wish, before: &Look, call: &Call, now: &Snapshot) -> Verdict {
    if now.status == JobStatus::Succeeded {
        return Outcome::Finished.into();
    }
    if is_own_work(wish, before, call, now) {
        return Outcome::done(wish.action).into();
    }
    let why = match now.status_reason.as_deref() {
        None | Some("") => "Batch gives no reason for its end".to_owned(),
        Some(reason) if reason == wish.reason.as_str() && wish.dry_run => {
            "by a request with this reason".into()
        }
        Some(reason) if reason == wish.reason.as_str() => {
            "it carries this reason, but nothing shows that it was stopped for it".into()
        }
        Some(reason) => format!("its end has another reason: {reason}"),
    };
    Verdict::because(Outcome::Finished, why)
}

/// Decides what to do about a job, having looked at it: `None` to act, else what is said of it at once.
///
/// A job that could not be seen is acted on, since a cancel harms nothing that has started: an outage of
/// `DescribeJobs` must not keep jobs alive. A dry run would have nothing to say, so it fails.
#[must_use]
pub fn judge(wish: &Wish, look: &Look) -> Option<Verdict> {
    let seen = match look {
        Look::Seen(seen) => seen,
        Look::Missing => return Some(Outcome::NotFound.into()),
        Look::NotShown => {
            let why = "one look did not show the job, and there was no time for another";
            return Some(Verdict::because(Outcome::Unavailable, why));
        }
        Look::Unseen(why) => {
            let unavailable =
                || Verdict::because(Outcome::Unavailable, format!("the job could not be looked at: {why}"));
            return wish.dry_run.then(unavailable);
        }
    };
    if seen.status.has_ended() {
        let unseen_before = Look::Unseen(Cow::Borrowed(""));
        return Some(ended(wish, &unseen_before, &Call::NotMade, seen));
    }
    if seen.status.has_started() && wish.action == Action::Cancel {
        return Some(Outcome::Started.into());
    }
    wish.dry_run.then(|| Outcome::planned(wish.action).into())
}

/// What may be said of a job that was acted on, and whether a later look can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing more will come.
    Final(Verdict),
    /// The job may soon change; this is said if nobody looks again.
    Soon(Verdict),
    /// The job will not change before other jobs end; this is said if nobody looks again.
    Late(Verdict),
}

impl Claim {
    /// The verdict, final or not.
    #[must_use]
    pub fn into_verdict(self) -> Verdict {
        match self {
            Self::Final(verdict) | Self::Soon(verdict) | Self::Late(verdict) => verdict,
        }
    }
}

/// Says what became of a job, from how it was seen `before`, what became of the `call`, and how it is seen `now`.
#[must_use]
pub fn claim(wish: &Wish, before: &Look, call: &Call, now: &Look) -> Claim {
    use Claim::{Final, Late, Soon};
    // What is said where the look does not decide.
    let open = |seen: String| match call {
        Call::Accepted => Verdict::because(Outcome::Accepted, format!("Batch accepted the call, but {seen}")),
        Call::Unknown(error) => {
            Verdict::because(Outcome::Unavailable, format!("the call failed ({error}), and {seen}"))
        }
        Call::Failed { error, refused: false } => Verdict::because(Outcome::Unavailable, error.as_str()),
        Call::Failed { error, refused: true } => Verdict::because(Outcome::Refused, error.as_str()),
        Call::NotMade => Verdict::because(Outcome::NotAttempted, seen),
    };
    let now = match now {
        Look::Seen(now) => now,
        Look::Missing if before.snapshot().is_none() => return Final(Outcome::NotFound.into()),
        Look::Missing | Look::NotShown => return Soon(open("DescribeJobs does not show the job".into())),
        Look::Unseen(why) => return Soon(open(format!("it could not be looked at: {why}"))),
    };
    if now.status.has_ended() {
        return Final(ended(wish, before, call, now));
    }
    if now.status.has_started() && wish.action == Action::Cancel {
        return Final(Outcome::Started.into());
    }
    let is_new = is_newly_marked(wish.action, before, now);
    if *call != Call::Accepted {
        return Soon(open(format!("the job is still {}", now.status)));
    }
    if now.status.has_started() && !is_new {
        return Soon(open(format!("the job is still {}, and not newly marked", now.status)));
    }
    let verdict = Verdict {
        outcome: Outcome::under_way(wish.action),
        why: (!is_new).then(|| format!("Batch accepted it; the job is still {}", now.status)),
    };
    // Marked and PENDING, it waits for its dependencies or its children.
    if is_new && now.status == JobStatus::Pending { Late(verdict) } else { Soon(verdict) }
}

#[cfg(test)]
mod tests;
