//! AWS Batch behind a trait in the function's own terms, and [`SdkBatch`], the adapter to the SDK.

mod http;
mod sdk;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::job::Snapshot;
use crate::request::{Action, JobId, Reason};

pub use sdk::SdkBatch;

/// Most ids one `DescribeJobs` takes (API reference).
pub const MAX_DESCRIBE: usize = 100;

/// Most jobs one `CancelJobs` or `TerminateJobs` takes (API reference).
pub const MAX_STOP: usize = 50;

/// What this function needs of AWS Batch. One call each, no retries.
pub trait BatchApi: Send + Sync {
    /// `DescribeJobs` for at most [`MAX_DESCRIBE`] ids. Jobs that Batch does not know are left out.
    fn describe(&self, ids: &[JobId]) -> impl Future<Output = Result<Described, CallError>> + Send;

    /// `CancelJob` or `TerminateJob` for one job, `CancelJobs` or `TerminateJobs` for up to [`MAX_STOP`].
    /// That Batch accepted it does not mean that it did anything.
    fn stop(
        &self,
        action: Action,
        ids: &[JobId],
        reason: &Reason,
    ) -> impl Future<Output = Result<Stopped, CallError>> + Send;
}

/// The jobs a `DescribeJobs` showed, by id.
pub type Described = HashMap<String, Snapshot>;

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

    /// What the answer says of one job. Leaving it out says nothing, which is tried again.
    pub(crate) fn take(&mut self, id: &JobId) -> Result<(), CallError> {
        match self.errors.remove(id.as_str()) {
            Some(error) => Err(error),
            None if self.accepted.contains(id.as_str()) => Ok(()),
            None => Err(CallError {
                message: "Batch's answer left the job out".into(),
                ..CallError::new(FailureKind::Server)
            }),
        }
    }
}

/// Why a call failed, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Too many calls: try again, and let all calls slow down.
    Throttled,
    /// Batch failed (5xx), or its answer made no sense: try again.
    Server,
    /// No answer in time; it may have been carried out: try again.
    Timeout,
    /// No connection, or it was lost; it may have been carried out: try again.
    Connection,
    /// Batch says the request is wrong (4xx). It may be one job of several that it means.
    Refused,
    /// Batch says the caller may not do this.
    Denied,
    /// There is no such operation here: make single calls.
    NoBulk,
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
    /// How long Batch asks to wait (`x-amz-retry-after`).
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

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use FailureKind::{Connection, Server, Throttled, Timeout};
        matches!(self.kind, Throttled | Server | Timeout | Connection)
    }

    /// Whether it is the rate of calls that Batch objects to.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.kind == FailureKind::Throttled
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
