//! A Batch job as `DescribeJobs` shows it, reduced to what decides and what is reported.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::request::Action;

/// Where a job stands (`JobDetail.status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Accepted, not yet looked at by the scheduler.
    Submitted,
    /// Waiting for dependencies; an array parent stands here as long as a child lives.
    Pending,
    /// Waiting for capacity in its queue.
    Runnable,
    /// Its container is being started: a cancel no longer stops it.
    Starting,
    /// At work: a cancel does not stop it.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended otherwise, also by a cancel or a terminate.
    Failed,
    /// A status this version does not know; treated as not ended and not started.
    Other(Box<str>),
}

impl JobStatus {
    /// Whether the job has ended and will not change any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// Whether the job's work has begun and not ended: `CancelJob` leaves such a job alone.
    #[must_use]
    pub fn has_started(&self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }

    /// The status as Batch writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Pending => "PENDING",
            Self::Runnable => "RUNNABLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Other(status) => status,
        }
    }
}

impl From<&str> for JobStatus {
    fn from(status: &str) -> Self {
        match status {
            "SUBMITTED" => Self::Submitted,
            "PENDING" => Self::Pending,
            "RUNNABLE" => Self::Runnable,
            "STARTING" => Self::Starting,
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JobStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One job at one moment.
///
/// Taken before and after acting, because a cancel overwrites `statusReason` and Batch keeps no history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Where the job stood.
    pub status: JobStatus,
    /// Batch's note on the status; after a cancel, the reason that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<Box<str>>,
    /// The name it was submitted under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<Box<str>>,
    /// The ARN of its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_queue: Option<Box<str>>,
    /// Whether it was cancelled; `None` from a Batch that does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_cancelled: Option<bool>,
    /// Whether it was terminated; `None` from a Batch that does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_terminated: Option<bool>,
    /// When it began to run, in milliseconds since 1970, if it did.
    #[serde(skip)]
    pub started_at: Option<i64>,
}

impl Snapshot {
    /// Whether Batch marks the job as stopped on request, by whichever verb.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.is_cancelled == Some(true) || self.is_terminated == Some(true)
    }

    /// Whether Batch marks the job as stopped by this verb.
    #[must_use]
    pub fn is_marked_for(&self, action: Action) -> bool {
        match action {
            Action::Cancel => self.is_cancelled == Some(true),
            Action::Terminate => self.is_terminated == Some(true),
        }
    }

    /// Whether this Batch sends neither mark, as emulators do.
    #[must_use]
    pub fn has_no_marks(&self) -> bool {
        self.is_cancelled.is_none() && self.is_terminated.is_none()
    }

    /// A job of which nothing but its status is known.
    #[must_use]
    pub fn of(status: JobStatus) -> Self {
        Self {
            status,
            status_reason: None,
            job_name: None,
            job_queue: None,
            is_cancelled: None,
            is_terminated: None,
            started_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_sends_one_mark_sends_marks() {
        let check = |is_cancelled, is_terminated, is_marked, has_no_marks| {
            let seen = Snapshot { is_cancelled, is_terminated, ..Snapshot::of(JobStatus::Failed) };
            assert_eq!((seen.is_marked(), seen.has_no_marks()), (is_marked, has_no_marks), "{seen:?}");
        };
        check(None, None, false, true);
        check(Some(false), None, false, false);
        check(None, Some(false), false, false);
        check(Some(false), Some(false), false, false);
        check(Some(true), None, true, false);
        check(None, Some(true), true, false);
    }
}
