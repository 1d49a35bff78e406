//! AWS Batch behind a trait in the function's own terms, and, with the feature `aws`, the adapter to the SDK.

#[cfg(feature = "aws")]
mod answer;
#[cfg(feature = "aws")]
mod failure;
#[cfg(feature = "aws")]
mod http;
#[cfg(feature = "aws")]
mod pool;
#[cfg(feature = "aws")]
mod sdk;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, JobId, ListingOf, Reason};

#[cfg(feature = "aws")]
pub use sdk::SdkBatch;

/// Most ids one `DescribeJobs` takes (API reference).
pub const MAX_DESCRIBE: usize = 100;

/// Most jobs on a page of `ListJobs` (API reference).
pub const MAX_LISTED: i32 = 1000;

/// Most jobs on a page where one of its filters is used (API reference).
pub const MAX_FILTERED: i32 = 100;

/// Most jobs one `CancelJobs` or `TerminateJobs` takes (API reference).
pub const MAX_STOP: usize = 50;

/// What this function needs of AWS Batch. One call each, no retries.
pub trait BatchApi: Send + Sync {
    /// `DescribeJobs` for at most [`MAX_DESCRIBE`] ids. Jobs that Batch does not know are left out.
    fn describe(
        &self,
        ids: &[JobId],
        detail: Detail,
    ) -> impl Future<Output = Result<Described, CallError>> + Send;

    /// A page of `ListJobs`.
    fn list(
        &self,
        listing: &Listing,
        page: Option<&str>,
    ) -> impl Future<Output = Result<Page, CallError>> + Send;

    /// `CancelJob` or `TerminateJob` for one job, `CancelJobs` or `TerminateJobs` for up to [`MAX_STOP`].
    /// That Batch accepted it does not mean that it did anything.
    fn stop(
        &self,
        action: Action,
        ids: &[JobId],
        reason: &Reason,
    ) -> impl Future<Output = Result<Stopped, CallError>> + Send;
}

/// A question to `ListJobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whose jobs.
    pub of: ListingOf,
    /// Which of them.
    pub which: Which,
}

/// Which jobs a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those in a status, up to [`MAX_LISTED`] a page.
    In(JobStatus),
    /// Those that Batch's own filter lets through, up to [`MAX_FILTERED`] a page: of a queue only.
    Filtered(Filter),
}

/// A filter of `ListJobs`, of which a call takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `JOB_NAME`: jobs in any status, ended ones too. The case does not matter, and `*` at the end stands for any rest.
    JobName(Box<str>),
    /// `BEFORE_CREATED_AT`, in milliseconds since 1970: jobs in any status, ended ones too.
    CreatedBefore(i64),
    /// `AFTER_CREATED_AT`, in milliseconds since 1970: jobs in any status, ended ones too.
    CreatedAfter(i64),
    /// `SHARE_IDENTIFIER`: jobs in this status.
    ShareIdentifier(Box<str>, JobStatus),
}

/// A part of its answer.
#[derive(Debug, Default)]
pub struct Page {
    /// Jobs, with what a listing shows of them.
    pub jobs: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A job as a listing shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which job.
    pub id: JobId,
    /// What results report of it.
    pub snapshot: Snapshot,
    /// Its `JobSummary` as Batch sent it.
    pub summary: Box<RawValue>,
}

/// How much of a job a look is to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What results report.
    Reported,
    /// Besides, the whole `JobDetail` as Batch sent it, for whoever judges by more.
    Whole,
}

/// A job as one `DescribeJobs` showed it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What results report of it.
    pub snapshot: Snapshot,
    /// Its `JobDetail` as Batch sent it, members that no SDK knows included; with [`Detail::Whole`] only.
    pub detail: Option<Box<RawValue>>,
}

impl From<Snapshot> for Shown {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, detail: None }
    }
}

/// What one `DescribeJobs` showed, by the ids that were asked for.
#[derive(Debug, Default)]
pub struct Described {
    jobs: HashMap<JobId, Shown>,
    /// A job that nobody asked for by that id. Some job asked for may be meant by it.
    stranger: Option<String>,
}

impl Described {
    /// An answer to a question for `asked`, as the ids and jobs that it shows.
    ///
    /// An id counts as the one asked for also where Batch writes it in another case or as an ARN, and where
    /// one job was asked for and one was shown.
    #[must_use]
    pub fn new(asked: &[JobId], shown: impl IntoIterator<Item = (String, Shown)>) -> Self {
        let mut answer = Self::default();
        let by_text: HashMap<&str, &JobId> = asked.iter().map(|id| (id.as_str(), id)).collect();
        let mut others = Vec::new();
        for (id, job) in shown {
            match by_text.get(id.as_str()) {
                Some(asked) => drop(answer.jobs.insert((*asked).clone(), job)),
                None => others.push((id, job)),
            }
        }
        for (id, job) in others {
            let free = |asked: &&JobId| !answer.jobs.contains_key(*asked);
            let meant = asked.iter().filter(free).find(|asked| is_spelt(asked, &id));
            match (meant, asked) {
                (Some(meant), _) => drop(answer.jobs.insert(meant.clone(), job)),
                // Not where the whole of a job decides whether it is stopped.
                (None, [only]) if answer.jobs.is_empty() && job.detail.is_none() => {
                    drop(answer.jobs.insert(only.clone(), job));
                }
                _ => answer.stranger = Some(id),
            }
        }
        answer
    }

    /// The whole of a job, if the answer has it.
    pub(crate) fn detail(&self, id: &JobId) -> Option<&RawValue> {
        self.jobs.get(id)?.detail.as_deref()
    }

    /// Takes what the answer says of one job: `None` when it was left out.
    ///
    /// # Errors
    ///
    /// When the answer shows a job that was not asked for, which may be this one under another name: only a
    /// question for it alone can tell.
    pub(crate) fn take(&mut self, id: &JobId) -> Result<Option<Shown>, CallError> {
        match (self.jobs.remove(id), &self.stranger) {
            (None, Some(stranger)) => Err(CallError {
                message: format!("Batch's answer shows {stranger:?}, which was not asked for"),
                ..CallError::new(FailureKind::Server)
            }),
            (seen, _) => Ok(seen),
        }
    }
}

/// Whether an answer means this job by `shown`: its id in another case, or its ARN.
pub(crate) fn is_spelt(id: &JobId, shown: &str) -> bool {
    let bare = shown.rsplit_once(":job/").map_or(shown, |(_, bare)| bare);
    id.as_str().eq_ignore_ascii_case(bare)
}

/// What Batch answered for each job. It answers a bulk call with 200 even when it refused every one.
#[derive(Debug, Default)]
pub struct Stopped {
    accepted: HashSet<String>,
    errors: HashMap<String, CallError>,
}

impl Stopped {
    /// An answer that accepted some jobs and failed for others.
    pub fn new(
        accepted: impl IntoIterator<Item = String>,
        errors: impl IntoIterator<Item = (String, CallError)>,
    ) -> Self {
        Self { accepted: accepted.into_iter().collect(), errors: errors.into_iter().collect() }
    }

    /// What the answer says of one job, under whatever spelling of its id. Leaving it out says nothing, which is
    /// tried again.
    pub(crate) fn take(&mut self, id: &JobId) -> Result<(), CallError> {
        match (self.errors.remove(id.as_str()), self.accepted.contains(id.as_str())) {
            (Some(error), false) => return Err(error),
            (None, true) => return Ok(()),
            (Some(error), true) => {
                return Err(CallError {
                    message: format!("Batch's answer contradicts itself: accepted, and {error}"),
                    ..CallError::new(FailureKind::Server)
                });
            }
            (None, false) => {}
        }
        if let Some((_, error)) = self.errors.iter().find(|(shown, _)| is_spelt(id, shown)) {
            return Err(error.clone());
        }
        if self.accepted.iter().any(|shown| is_spelt(id, shown)) {
            return Ok(());
        }
        Err(CallError {
            message: "Batch's answer left the job out".into(),
            ..CallError::new(FailureKind::Server)
        })
    }
}

/// Why a call failed, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Too many calls: try again, and let all calls slow down.
    Throttled,
    /// Batch failed (5xx), or its answer made no sense: try again.
    Server,
    /// No answer in time: try again.
    Timeout,
    /// The connection was lost under way: try again.
    Connection,
    /// The call never got there, for want of a connection or of credentials: try again.
    Unreached,
    /// Turned away by what may pass: a stale signature, expired credentials, a bare 3xx or 4xx. Try again.
    TurnedAway,
    /// Batch says the request is wrong (`ClientException`, `ValidationException`). It may be one job of several
    /// that it means.
    Refused,
    /// Batch says the caller may not do this (`AccessDenied…`).
    Denied,
    /// There is no such operation here, or not now: make single calls.
    NoBulk,
}

impl FailureKind {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        !matches!(self, Self::Refused | Self::Denied | Self::NoBulk)
    }

    /// Whether the call may have been carried out all the same.
    #[must_use]
    pub fn may_have_worked(self) -> bool {
        matches!(self, Self::Server | Self::Timeout | Self::Connection)
    }
}

/// A failed call, or a failed item of a bulk answer.
#[derive(Debug, Clone)]
pub struct CallError {
    /// What to do about it.
    pub kind: FailureKind,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// AWS's error code, where one came.
    pub code: Option<String>,
    /// What Batch or the connection said.
    pub message: String,
    /// How long Batch asks to wait (`x-amz-retry-after`, `retry-after`).
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// A failure about which nothing more is known.
    #[must_use]
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, status: None, code: None, message: String::new(), retry_after: None }
    }

    /// No answer within `limit`.
    #[must_use]
    pub fn timed_out(limit: Duration) -> Self {
        Self {
            message: format!("no answer within {} ms", limit.as_millis()),
            ..Self::new(FailureKind::Timeout)
        }
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| status.to_string());
        let head =
            [status.as_deref(), self.code.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        match (head.as_str(), self.message.as_str()) {
            ("", "") => write!(f, "{:?}", self.kind),
            ("", message) => f.write_str(message),
            (head, "") => f.write_str(head),
            (head, message) => write!(f, "{head}: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobStatus;

    /// Which of the jobs asked for an answer shows (`+`), leaves out (`-`) or leaves open (`?`).
    #[track_caller]
    fn check(asked: &[&str], shown: &[&str], expected: &str) {
        let asked: Vec<JobId> = asked.iter().map(|id| JobId::from(*id)).collect();
        let job = |id: &&str| ((*id).to_owned(), Snapshot::of(JobStatus::Runnable).into());
        let mut answer = Described::new(&asked, shown.iter().map(job));
        let told: String = asked
            .iter()
            .map(|id| match answer.take(id) {
                Ok(Some(_)) => '+',
                Ok(None) => '-',
                Err(_) => '?',
            })
            .collect();
        assert_eq!(told, expected, "{asked:?} answered by {shown:?}");
    }

    #[test]
    fn a_job_is_found_under_every_spelling_of_its_id() {
        check(&["a", "b"], &["b", "a"], "++");
        check(&["a", "b"], &["a"], "+-");
        check(&["a"], &[], "-");
        check(&["A-1", "b"], &["a-1", "b"], "++");
        check(&["a:3", "b"], &["arn:aws:batch:us-east-1:123456789012:job/a:3", "b"], "++");
        check(&["a"], &["something else"], "+");
        // Both spellings asked for: each has its own.
        check(&["a", "A"], &["A", "a"], "++");
        // Somebody asked for is meant, but who?
        check(&["a", "b", "c"], &["a", "x"], "+??");
        check(&["a"], &["a", "x"], "+");
    }

    #[test]
    fn a_jobs_part_in_a_bulk_answer_is_found_under_every_spelling_too() {
        let arn = "arn:aws:batch:us-east-1:123456789012:job/c:3";
        let refused = CallError::new(FailureKind::Refused);
        let mut answer = Stopped::new(
            ["a", "B", arn].map(ToOwned::to_owned),
            [("D".to_owned(), refused.clone()), ("A".to_owned(), refused)],
        );
        for (id, expected) in [
            ("a", None),
            ("b", None),
            ("c:3", None),
            ("d", Some(FailureKind::Refused)),
            ("A", Some(FailureKind::Refused)),
            ("e", Some(FailureKind::Server)),
        ] {
            assert_eq!(answer.take(&JobId::from(id)).err().map(|error| error.kind), expected, "{id}");
        }
    }

    #[test]
    fn only_a_no_is_final_and_only_what_reached_batch_may_have_worked() {
        use FailureKind::*;
        for (kind, passes, may_have_worked) in [
            (Throttled, true, false),
            (Server, true, true),
            (Timeout, true, true),
            (Connection, true, true),
            (Unreached, true, false),
            (TurnedAway, true, false),
            (Refused, false, false),
            (Denied, false, false),
            (NoBulk, false, false),
        ] {
            assert_eq!((kind.is_passing(), kind.may_have_worked()), (passes, may_have_worked), "{kind:?}");
        }
    }
}
