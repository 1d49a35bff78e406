//! What answers hold, named and spelled as on the wire.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::JobStatus;

/// Why Batch does not carry a call out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400 `ClientException`, with what is wrong.
    Client(String),
    /// 429 `TooManyRequestsException`: the limit is reached.
    Throttled,
    /// There are no bulk calls; [`Settings::bulk`](crate::Settings::bulk) says how that is told.
    NoSuchCall,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(text) => f.write_str(text),
            Self::Throttled => f.write_str("too many requests"),
            Self::NoSuchCall => f.write_str("there is no such call"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The answer to a bulk call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BulkAnswer {
    /// The jobs whose stop was accepted, unknown ones included.
    pub successful: Vec<String>,
    /// The jobs whose stop was not.
    pub errors: Vec<ItemError>,
}

/// A job of a bulk call that was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemError {
    /// The id as it was given.
    pub job: String,
    /// E.g. `ThrottlingException`.
    pub code: String,
    /// Free text.
    pub message: String,
}

impl BulkAnswer {
    pub(crate) fn fail(&mut self, job: &str, code: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ItemError { job: job.to_owned(), code: code.into(), message: message.into() });
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The jobs, newest first.
    pub jobs: Vec<ShownJob>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A place in the order of a list, newest first: it survives that jobs before it move away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub(crate) Reverse<i64>, pub(crate) usize);

/// A job as an answer shows it: `JobDetail`, and with the first four members left out `JobSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownJob {
    /// The queue's ARN; not in lists.
    #[serde(rename = "jobQueue", skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The tags; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// The jobs it waits, or waited, for; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<Dependency>>,
    /// The attempts that failed by themselves; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<Attempt>>,
    /// The job's ARN.
    #[serde(rename = "jobArn")]
    pub arn: String,
    /// The job's id.
    #[serde(rename = "jobId")]
    pub id: String,
    /// The job's name.
    #[serde(rename = "jobName")]
    pub name: String,
    /// The job definition's ARN.
    #[serde(rename = "jobDefinition")]
    pub definition: String,
    /// Where the job stands.
    pub status: JobStatus,
    /// What Batch says about the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<i64>,
    /// The fair-share identifier.
    #[serde(rename = "shareIdentifier", skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// The job's place in an array, if it has one.
    #[serde(rename = "arrayProperties", skip_serializing_if = "Option::is_none")]
    pub array: Option<ArrayShown>,
    /// Whether a cancel was accepted; `None` without [`Settings::flags`](crate::Settings::flags).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_cancelled: Option<bool>,
    /// Whether a terminate was accepted; `None` without [`Settings::flags`](crate::Settings::flags).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_terminated: Option<bool>,
}

/// A job that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Its id.
    pub job_id: String,
}

/// A run of a job that failed by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// Milliseconds since the epoch.
    pub stopped_at: i64,
    /// Why it failed.
    pub status_reason: String,
}

/// A job's place in an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ArrayShown {
    /// The array itself.
    Parent {
        /// How many children it has.
        size: usize,
        /// How many of them stand where; every status is there.
        #[serde(rename = "statusSummary")]
        tally: BTreeMap<JobStatus, usize>,
    },
    /// One of its jobs.
    Child {
        /// Its place, from 0.
        index: usize,
    },
}
