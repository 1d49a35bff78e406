//! Answers: jobs to Batch's JSON, written straight from the records.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::parse::token;
use crate::state::{Cursor, Family, Record, Slot, State};
use crate::{JobStatus, Settings};

/// What answers depend on besides the jobs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) settings: &'a Settings,
    /// The start of every ARN: `arn:aws:batch:region:account`.
    pub(crate) arn_root: &'a str,
    pub(crate) now: i64,
}

/// The body of a `DescribeJobs` answer.
pub(crate) fn describe<'a>(state: &'a State, shown: &[Slot], place: Place<'a>) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Body<'a> {
        jobs: Vec<Job<'a>>,
    }
    let detail = |&slot: &Slot| {
        let record = state.record(slot);
        let depends_on = record.job.depends_on.iter();
        Job {
            job_queue: Some(place.arn(":job-queue/", &record.job.queue)),
            tags: Some(&record.job.tags),
            depends_on: Some(depends_on.map(|job_id| Dependency { job_id }).collect()),
            attempts: Some([]),
            ..summary(record, place)
        }
    };
    Body { jobs: shown.iter().map(detail).collect() }
}

/// The body of a `ListJobs` answer.
pub(crate) fn list<'a>(
    state: &'a State,
    shown: &[Slot],
    next: Option<Cursor>,
    place: Place<'a>,
) -> impl Serialize + 'a {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        job_summary_list: Vec<Job<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    let summaries = shown.iter();
    Body {
        job_summary_list: summaries.map(|&slot| summary(state.record(slot), place)).collect(),
        next_token: next.map(token),
    }
}

/// The body of a `CancelJobs` or `TerminateJobs` answer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BulkAnswer<'a> {
    pub(crate) successful: Vec<&'a str>,
    pub(crate) errors: Vec<ItemError<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ItemError<'a> {
    pub(crate) job: &'a str,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// `JobDetail`, and without the first four members `JobSummary`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct Job<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job_queue: Option<Arn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on: Option<Vec<Dependency<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<[(); 0]>,
    job_arn: Arn<'a>,
    job_id: &'a str,
    job_name: &'a str,
    job_definition: Arn<'a>,
    status: JobStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<&'a str>,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    array_properties: Option<ArrayProperties<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_cancelled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_terminated: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    job_id: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ArrayProperties<'a> {
    Parent {
        size: usize,
        #[serde(rename = "statusSummary")]
        tally: &'a BTreeMap<JobStatus, usize>,
    },
    Child {
        index: usize,
    },
}

fn summary<'a>(record: &'a Record, place: Place<'a>) -> Job<'a> {
    let job = &record.job;
    let settings = place.settings;
    let (cancelled, terminated) = record.shown_flags(settings.flag_during_lag, place.now);
    Job {
        job_queue: None,
        tags: None,
        depends_on: None,
        attempts: None,
        job_arn: place.arn(":job/", &job.id),
        job_id: &job.id,
        job_name: &job.name,
        job_definition: place.arn(":job-definition/", &job.definition),
        status: job.status,
        status_reason: job.status_reason.as_deref(),
        created_at: record.created_at,
        started_at: job.started_at,
        stopped_at: job.stopped_at,
        share_identifier: job.share.as_deref(),
        array_properties: match &record.family {
            Family::Single => None,
            Family::Parent { children, tally } => {
                Some(ArrayProperties::Parent { size: children.len(), tally })
            }
            Family::Child { index, .. } => Some(ArrayProperties::Child { index: *index }),
        },
        is_cancelled: settings.flags.then_some(cancelled),
        is_terminated: settings.flags.then_some(terminated),
    }
}

impl<'a> Place<'a> {
    fn arn(self, kind: &'static str, name: &'a str) -> Arn<'a> {
        Arn { root: self.arn_root, kind, name }
    }
}

/// A resource's ARN, put together only when written; a name that is one already stays as it is.
struct Arn<'a> {
    root: &'a str,
    kind: &'static str,
    name: &'a str,
}

impl Serialize for Arn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { root, kind, name } = self;
        if name.starts_with("arn:") {
            serializer.serialize_str(name)
        } else {
            serializer.collect_str(&format_args!("{root}{kind}{name}"))
        }
    }
}
