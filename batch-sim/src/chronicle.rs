//! What became of jobs, and by whose doing: the truth that no answer tells.

use crate::{JobStatus, Verb};

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The job's id.
    pub id: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// What happened.
    pub what: Happening,
}

/// What can happen to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was added.
    Added(JobStatus),
    /// It came to stand elsewhere.
    Moved {
        /// Where it stood.
        from: JobStatus,
        /// Where it stands.
        to: JobStatus,
        /// What Batch says about it.
        reason: Option<String>,
        /// The order that ended it; `None` if none did.
        by: Option<StoppedBy>,
    },
    /// Batch has forgotten it.
    Expired,
}

/// The order that ended a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoppedBy {
    /// Cancel or terminate.
    pub verb: Verb,
    /// Whose call it was, as [`World::set_caller`](crate::World::set_caller) said; `None` for a
    /// [`Deed`](crate::Deed).
    pub caller: Option<u64>,
}

/// Who calls, and what happened since somebody last asked.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    /// `None` until somebody wants to know: nothing grows that nobody reads.
    changes: Option<Vec<Change>>,
    pub(crate) caller: Option<u64>,
}

impl Chronicle {
    pub(crate) fn note(&mut self, at: i64, change: impl FnOnce() -> (String, Happening)) {
        if let Some(changes) = &mut self.changes {
            let (id, what) = change();
            changes.push(Change { id, at, what });
        }
    }

    /// What happened since the last time; from the first time on, it is kept.
    pub(crate) fn take(&mut self) -> Vec<Change> {
        self.changes.replace(Vec::new()).unwrap_or_default()
    }
}
