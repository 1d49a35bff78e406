//! What really happened to jobs, which the function cannot see.

use std::collections::HashMap;

use batch_sim::{Change, Happening, JobStatus, StoppedBy};

use crate::Ms;

/// The history of every job.
#[derive(Debug, Default)]
pub(crate) struct Truth(HashMap<String, History>);

/// What happened to one job.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    pub(crate) steps: Vec<Step>,
    /// When Batch forgot it.
    pub(crate) forgotten: Option<Ms>,
}

/// A status, and since when.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: Ms,
    pub(crate) status: JobStatus,
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<StoppedBy>,
}

impl Truth {
    pub(crate) fn note(&mut self, change: Change, at: Ms) {
        let history = self.0.entry(change.id).or_default();
        match change.what {
            Happening::Added(status) => history.steps.push(Step { at, status, reason: None, by: None }),
            Happening::Moved { to, reason, by, .. } => {
                history.steps.push(Step { at, status: to, reason, by });
            }
            Happening::Expired => history.forgotten = Some(at),
        }
    }

    pub(crate) fn of(&self, job: &str) -> Option<&History> {
        self.0.get(job)
    }
}

impl History {
    /// Where it stands.
    pub(crate) fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// Every status that it had at some moment since `from`.
    pub(crate) fn since(&self, from: Ms) -> impl Iterator<Item = JobStatus> {
        let first = self.steps.iter().rposition(|step| step.at < from).unwrap_or_default();
        self.steps.iter().skip(first).map(|step| step.status)
    }
}
