//! The states of a job.

use serde::{Deserialize, Serialize};

/// Where a job stands, in the order a job runs through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// Just accepted.
    Submitted,
    /// Waits for dependencies, or is an array parent with living children.
    Pending,
    /// Waits for a place to run.
    Runnable,
    /// Being placed; too late for a cancel.
    Starting,
    /// Running; too late for a cancel.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended otherwise; a cancelled job stands here too.
    Failed,
}

impl JobStatus {
    /// Every status, in order.
    pub const ALL: [Self; 7] = [
        Self::Submitted,
        Self::Pending,
        Self::Runnable,
        Self::Starting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
    ];

    /// The status in Batch's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Pending => "PENDING",
            Self::Runnable => "RUNNABLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    /// SUCCEEDED or FAILED.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// STARTING or RUNNING: a cancel comes too late, a terminate does not.
    #[must_use]
    pub fn has_started(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }
}
