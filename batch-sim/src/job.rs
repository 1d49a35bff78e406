//! Jobs as a test or a fleet file describes them, and as it reads them back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{After, CancelLag, Deed, Event, JobStatus, Lag};

/// A job to put into the simulator; built by chaining, or read from a [`Fleet`](crate::Fleet).
///
/// Unset times default to the moment the job is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Job {
    pub(crate) id: String,
    #[serde(default = "default_name")]
    pub(crate) name: String,
    #[serde(default = "default_queue")]
    pub(crate) queue: String,
    #[serde(default = "default_definition")]
    pub(crate) definition: String,
    #[serde(default = "default_status")]
    pub(crate) status: JobStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stopped_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends_on: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) array: Vec<JobStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lag: Option<CancelLag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown_after: Option<Lag>,
    #[serde(default, alias = "moves", skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) attempts: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_cancelled: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_terminated: bool,
}

fn default_name() -> String {
    "job".to_owned()
}

fn default_queue() -> String {
    "default".to_owned()
}

fn default_definition() -> String {
    "job:1".to_owned()
}

fn default_status() -> JobStatus {
    JobStatus::Runnable
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

impl Job {
    /// A RUNNABLE job named `job` in the queue `default`.
    ///
    /// Any string is an id, as in Batch: no pattern is published.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: default_name(),
            queue: default_queue(),
            definition: default_definition(),
            status: default_status(),
            status_reason: None,
            created_at: None,
            started_at: None,
            stopped_at: None,
            share: None,
            tags: BTreeMap::new(),
            depends_on: Vec::new(),
            array: Vec::new(),
            lag: None,
            shown_after: None,
            events: Vec::new(),
            attempts: 1,
            is_cancelled: false,
            is_terminated: false,
        }
    }

    /// Where the job stands; an array parent's own status follows its children instead.
    #[must_use]
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = status;
        self
    }

    /// The job's name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The queue, by name or ARN; `DescribeJobs` always shows an ARN.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// The job definition, as `name:revision` or ARN.
    #[must_use]
    pub fn definition(mut self, definition: impl Into<String>) -> Self {
        self.definition = definition.into();
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// The jobs this one waits for while PENDING: it becomes RUNNABLE when all have SUCCEEDED, and
    /// FAILED by itself ("Dependent job failed") as soon as one has FAILED.
    ///
    /// A dependency that the simulator does not know counts as unfinished, so a job can be held
    /// without adding another.
    #[must_use]
    pub fn depends_on<I: IntoIterator<Item: Into<String>>>(mut self, ids: I) -> Self {
        self.depends_on = ids.into_iter().map(Into::into).collect();
        self
    }

    /// The fair-share identifier.
    #[must_use]
    pub fn share(mut self, share: impl Into<String>) -> Self {
        self.share = Some(share.into());
        self
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn created_at(mut self, ms: i64) -> Self {
        self.created_at = Some(ms);
        self
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn started_at(mut self, ms: i64) -> Self {
        self.started_at = Some(ms);
        self
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn stopped_at(mut self, ms: i64) -> Self {
        self.stopped_at = Some(ms);
        self
    }

    /// What Batch says about the status; a cancel overwrites it.
    #[must_use]
    pub fn status_reason(mut self, reason: impl Into<String>) -> Self {
        self.status_reason = Some(reason.into());
        self
    }

    /// Makes the job an array parent with one child (`id:0`, `id:1`, …) for each status.
    #[must_use]
    pub fn array(mut self, children: impl IntoIterator<Item = JobStatus>) -> Self {
        self.array = children.into_iter().collect();
        self
    }

    /// How long a cancel of this job takes, whatever the settings say.
    #[must_use]
    pub fn lag(mut self, lag: CancelLag) -> Self {
        self.lag = Some(lag);
        self
    }

    /// How long answers leave the job out; calls that stop it work all the same. Each child of an
    /// array is left out by itself.
    #[must_use]
    pub fn shown_after(mut self, lag: Lag) -> Self {
        self.shown_after = Some(lag);
        self
    }

    /// Moves the job to `status` once it has been seen, e.g. between a look and a cancel.
    #[must_use]
    pub fn moves(self, after: After, status: JobStatus) -> Self {
        self.when(after, Deed::Move(status))
    }

    /// Has something done to the job, as by somebody else, once it has been seen or stopped.
    #[must_use]
    pub fn when(mut self, after: After, does: Deed) -> Self {
        self.events.push(Event { after, does });
        self
    }

    /// How often the job is tried, 1 by default: when it has started and then fails by itself
    /// ([`Deed::Fail`]) before its last attempt, it goes back to RUNNABLE.
    #[must_use]
    pub fn attempts(mut self, most: u32) -> Self {
        self.attempts = most;
        self
    }

    /// Marks the job as cancelled before the run began.
    #[must_use]
    pub fn cancelled(mut self) -> Self {
        self.is_cancelled = true;
        self
    }

    /// Marks the job as terminated before the run began.
    #[must_use]
    pub fn terminated(mut self) -> Self {
        self.is_terminated = true;
        self
    }
}

/// A job as it stands now: the truth, also where an answer would hide it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// The queue as it was given, name or ARN.
    pub queue: String,
    /// The job definition as it was given.
    pub definition: String,
    /// Where the job stands.
    pub status: JobStatus,
    /// What Batch says about the status: the canceller's reason once the cancel took effect.
    pub status_reason: Option<String>,
    /// Whether a cancel was accepted.
    pub is_cancelled: bool,
    /// Whether a terminate was accepted.
    pub is_terminated: bool,
    /// Whether an accepted cancel or terminate still waits to take effect.
    pub is_stopping: bool,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Milliseconds since the epoch.
    pub started_at: Option<i64>,
    /// Milliseconds since the epoch.
    pub stopped_at: Option<i64>,
    /// The fair-share identifier.
    pub share: Option<String>,
    /// The job's tags.
    pub tags: BTreeMap<String, String>,
    /// How many `DescribeJobs` answers have shown the job.
    pub described: u32,
    /// How many `ListJobs` answers have shown the job.
    pub listed: u32,
    /// How many attempts have failed by themselves.
    pub attempts: usize,
}
