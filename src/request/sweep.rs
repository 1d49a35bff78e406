//! Which jobs a sweep is about: a listing, and what of it is meant.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use event_pattern::Pattern;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Action, JobId, Rejection, Rules, fields};
use crate::job::JobStatus;
use crate::object::{Object, array, kind, string};
use crate::policy;

/// Most jobs that one sweep may be allowed to stop: each is held until all are counted.
pub const MAX_SWEPT_JOBS: usize = 100_000;

/// The longest name or ARN of a queue (the API's limit is 128 characters for a name).
const MAX_QUEUE_CHARS: usize = 256;

/// The members of `sweep`.
const MEMBERS: [&str; 6] = ["jobQueue", "arrayJobId", "status", "where", "keepNewest", "maxJobs"];

/// The members of `keepNewest`.
const KEEP_MEMBERS: [&str; 2] = ["per", "count"];

/// What to cancel by what it looks like.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Whose jobs are listed.
    pub of: ListingOf,
    /// In which statuses, in the order in which jobs pass through them.
    pub status: Vec<JobStatus>,
    /// Which of them are meant; all without.
    pub filter: Option<Arc<Pattern>>,
    /// Which of these are left alone.
    pub keep_newest: Option<KeepNewest>,
    /// If more match, none is stopped.
    pub max_jobs: usize,
    /// The request as it was written.
    pub(crate) asked: Asked,
}

/// A request for a sweep as it was written, so that it can be made again.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    sweep: Members,
    beside: Members,
}

type Members = BTreeMap<String, Box<RawValue>>;

impl Asked {
    fn read(request: &Object<'_>, sweep: &Object<'_>) -> Self {
        let members = |object: &Object<'_>, is_kept: fn(&str) -> bool| -> Members {
            let kept = object.members().filter(|(name, _)| is_kept(name));
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Self {
            sweep: members(sweep, |name| name != "maxJobs"),
            beside: members(request, |name| name != "sweep" && fields::known(name) == Some(name)),
        }
    }

    /// The same request for at most so many jobs.
    pub(crate) fn for_at_most(&self, max_jobs: usize) -> String {
        #[derive(Serialize)]
        struct Request<'a> {
            sweep: Swept<'a>,
            #[serde(flatten)]
            beside: &'a Members,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Swept<'a> {
            #[serde(flatten)]
            sweep: &'a Members,
            max_jobs: usize,
        }
        let request = Request { sweep: Swept { sweep: &self.sweep, max_jobs }, beside: &self.beside };
        serde_json::to_string(&request).unwrap_or_default()
    }
}

/// Whose jobs `ListJobs` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingOf {
    /// A queue's, by name or ARN.
    JobQueue(Box<str>),
    /// The children of an array job.
    ArrayJob(JobId),
}

/// The newest of the matches that have something in common are left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepNewest {
    /// The path, in the document that patterns see, of what they have in common.
    pub per: Box<str>,
    /// How many of each.
    pub count: usize,
}

impl Sweep {
    /// Reads the member `sweep` of a request.
    pub(super) fn parse(
        value: &RawValue,
        request: &Object<'_>,
        action: Action,
        rules: &Rules<'_>,
    ) -> Result<Self, Rejection> {
        let remedy = "give an object with `jobQueue` (or `arrayJobId`) and `maxJobs`";
        let Some(object) = Object::of(value) else {
            return Err(Rejection::new("sweep", format!("is {}, not an object", kind(value)), remedy));
        };
        check_members(&object, "sweep", &MEMBERS)?;
        Ok(Self {
            of: listing_of(&object, rules)?,
            status: status(&object, action)?,
            filter: filter(&object)?,
            keep_newest: keep_newest(&object)?,
            max_jobs: max_jobs(&object)?,
            asked: Asked::read(request, &object),
        })
    }
}

/// That an object has known members only, each once: nobody may believe in a condition that was never read.
fn check_members(object: &Object<'_>, place: &str, known: &[&'static str]) -> Result<(), Rejection> {
    let mut seen = Vec::new();
    for name in object.keys() {
        let at = format!("{place}.{}", fields::shown(name));
        if !known.contains(&name) {
            let remedy = match policy::nearest(name, known) {
                Some(meant) => format!("write `{meant}`"),
                None => format!("known are {}", known.join(", ")),
            };
            return Err(Rejection::new(at, "is not a field", remedy));
        }
        if seen.contains(&name) {
            return Err(Rejection::new(at, "is given twice", "give it once"));
        }
        seen.push(name);
    }
    Ok(())
}

fn listing_of(object: &Object<'_>, rules: &Rules<'_>) -> Result<ListingOf, Rejection> {
    const QUEUE: &str = "sweep.jobQueue";
    let remedy = "give a queue's name or ARN as `jobQueue`, or an array job's id as `arrayJobId`";
    match (object.get("jobQueue"), object.get("arrayJobId")) {
        (Some(_), Some(_)) => Err(Rejection::new(
            "sweep.arrayJobId",
            "is given together with `jobQueue`",
            "give one of the two",
        )),
        (None, None) => Err(Rejection::new(QUEUE, "is missing", remedy)),
        (Some(value), None) => {
            let name = string(value)
                .ok_or_else(|| Rejection::new(QUEUE, format!("is {}, not a string", kind(value)), remedy))?;
            queue(name.trim(), rules).map_err(|wrong| wrong.at(QUEUE))
        }
        (None, Some(value)) => {
            let at = |wrong: Rejection| wrong.at("sweep.arrayJobId");
            let id = string(value)
                .ok_or_else(|| Rejection::new("", format!("is {}, not a string", kind(value)), remedy))
                .map_err(at)?;
            JobId::parse(&id, rules).map(ListingOf::ArrayJob).map_err(at)
        }
    }
}

fn queue(name: &str, rules: &Rules<'_>) -> Result<ListingOf, Rejection> {
    let remedy = "give the queue's name, or `arn:<partition>:batch:<region>:<account>:job-queue/<name>`";
    let bare = if name.starts_with("arn:") {
        let parts: Vec<&str> = name.splitn(6, ':').collect();
        let &["arn", _, "batch", region, account, resource] = parts.as_slice() else {
            return Err(Rejection::new("", "is not a job queue's ARN", remedy));
        };
        rules.check_region(region)?;
        rules.check_account(account)?;
        resource
            .strip_prefix("job-queue/")
            .ok_or_else(|| Rejection::new("", "is not a job queue's ARN", remedy))?
    } else {
        name
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if bare.is_empty() || name.chars().count() > MAX_QUEUE_CHARS || !bare.chars().all(is_plain) {
        return Err(Rejection::new("", "is not a job queue's name", remedy));
    }
    Ok(ListingOf::JobQueue(name.into()))
}

fn status(object: &Object<'_>, action: Action) -> Result<Vec<JobStatus>, Rejection> {
    const FIELD: &str = "sweep.status";
    let waiting = [JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable];
    let started = [JobStatus::Starting, JobStatus::Running];
    let remedy = "give a list of SUBMITTED, PENDING, RUNNABLE and, for a terminate, STARTING and RUNNING";
    let Some(value) = object.get("status") else {
        return Ok(waiting.into());
    };
    let list = array(value).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Rejection::new(FIELD, "is no list, or an empty one", remedy))?;
    let mut wanted = Vec::new();
    for (place, value) in list.into_iter().enumerate() {
        let at = || format!("{FIELD}[{place}]");
        let status = string(value).map(|text| JobStatus::from(&*text));
        match status {
            Some(status) if waiting.contains(&status) => wanted.push(status),
            Some(status) if started.contains(&status) && action == Action::Terminate => wanted.push(status),
            Some(status) if started.contains(&status) => {
                let remedy = "ask for \"action\": \"terminate\", or leave it out";
                return Err(Rejection::new(at(), "is of started work, which a cancel does not stop", remedy));
            }
            _ => return Err(Rejection::new(at(), "is not the status of a job that can be stopped", remedy)),
        }
    }
    // Jobs go on while they are listed: in this order, none gets past.
    Ok(waiting.into_iter().chain(started).filter(|status| wanted.contains(status)).collect())
}

fn filter(object: &Object<'_>) -> Result<Option<Arc<Pattern>>, Rejection> {
    const REMEDY: &str =
        "give an event pattern as in policies, such as {\"job\": {\"jobName\": [{\"prefix\": \"etl-\"}]}}";
    let Some(value) = object.get("where") else {
        return Ok(None);
    };
    super::pattern(value, "sweep.where", Some(&policy::check), REMEDY).map(Some)
}

fn keep_newest(object: &Object<'_>) -> Result<Option<KeepNewest>, Rejection> {
    const FIELD: &str = "sweep.keepNewest";
    let remedy = "give {\"per\": \"jobName\", \"count\": 1}; `per` is jobName, shareIdentifier or tags.<key>";
    let Some(value) = object.get("keepNewest") else {
        return Ok(None);
    };
    let Some(keep) = Object::of(value) else {
        return Err(Rejection::new(FIELD, format!("is {}, not an object", kind(value)), remedy));
    };
    check_members(&keep, FIELD, &KEEP_MEMBERS)?;
    let per = match keep.str("per") {
        Some(Cow::Borrowed(per @ ("jobName" | "shareIdentifier"))) => format!("job.{per}"),
        Some(per) if per.strip_prefix("tags.").is_some_and(|key| !key.is_empty()) => format!("job.{per}"),
        _ => return Err(Rejection::new(format!("{FIELD}.per"), "is missing or not known", remedy)),
    };
    let count = match keep.get("count").map(|count| count.get().parse()) {
        None => 1,
        Some(Ok(count)) if count > 0 => count,
        Some(_) => {
            return Err(Rejection::new(
                format!("{FIELD}.count"),
                "is not a whole number of at least 1",
                remedy,
            ));
        }
    };
    Ok(Some(KeepNewest { per: per.into(), count }))
}

fn max_jobs(object: &Object<'_>) -> Result<usize, Rejection> {
    const FIELD: &str = "sweep.maxJobs";
    let remedy = "say how many jobs may be stopped at most, from 1 to 100000: if more match, none is";
    match object.get("maxJobs").map(|most| most.get().parse()) {
        Some(Ok(most)) if (1..=MAX_SWEPT_JOBS).contains(&most) => Ok(most),
        None => Err(Rejection::new(FIELD, "is missing", remedy)),
        Some(_) => Err(Rejection::new(FIELD, "is not a whole number from 1 to 100000", remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> =
        Rules { region: Some("eu-west-1"), account: Some("123456789012"), allow_terminate: true };

    fn parse(json: &str, action: Action) -> Result<Sweep, String> {
        let json: &RawValue = serde_json::from_str(json).unwrap();
        Sweep::parse(json, &Object::of(json).unwrap_or_default(), action, &RULES)
            .map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn reads_what_is_meant() {
        let sweep = parse(r#"{"jobQueue": " nightly ", "maxJobs": 10}"#, Action::Cancel).unwrap();
        assert_eq!(sweep.of, ListingOf::JobQueue("nightly".into()));
        assert_eq!(sweep.status, [JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable]);
        assert!(sweep.filter.is_none() && sweep.keep_newest.is_none() && sweep.max_jobs == 10);
        let json = r#"{"arrayJobId": "a-1", "status": ["RUNNING", "SUBMITTED", "RUNNING"], "maxJobs": 100000,
                       "where": {"ageSeconds": [{"numeric": [">", 60]}]}, "keepNewest": {"per": "tags.k8s.io/app"}}"#;
        let sweep = parse(json, Action::Terminate).unwrap();
        assert_eq!(sweep.of, ListingOf::ArrayJob(JobId::from("a-1")));
        assert_eq!(sweep.status, [JobStatus::Submitted, JobStatus::Running], "in the order of a job's life");
        let kept = KeepNewest { per: "job.tags.k8s.io/app".into(), count: 1 };
        assert_eq!(sweep.keep_newest, Some(kept));
    }

    #[test]
    fn names_the_field_what_is_wrong_and_the_remedy() {
        let check = |json: &str, parts: &[&str]| {
            let rejection = parse(json, Action::Cancel).unwrap_err();
            for part in parts {
                assert!(rejection.contains(part), "{json}: {rejection:?} lacks {part:?}");
            }
        };
        check("[]", &["`sweep`", "an array", "maxJobs"]);
        check(r#"{"maxJobs": 1}"#, &["`sweep.jobQueue`", "missing", "arrayJobId"]);
        check(
            r#"{"jobQueue": "a", "arrayJobId": "b", "maxJobs": 1}"#,
            &["`sweep.arrayJobId`", "one of the two"],
        );
        check(r#"{"jobQueue": 7, "maxJobs": 1}"#, &["`sweep.jobQueue`", "a number"]);
        for name in ["", "*", "a b", "<queue>", "etl-*", "arn:aws:batch:eu-west-1:123456789012:job/a"] {
            check(&format!(r#"{{"jobQueue": "{name}", "maxJobs": 1}}"#), &["`sweep.jobQueue`", "name"]);
        }
        check(
            r#"{"jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/a", "maxJobs": 1}"#,
            &["`sweep.jobQueue`", "region `us-east-1`"],
        );
        check(r#"{"jobQueue": "a"}"#, &["`sweep.maxJobs`", "missing", "none is"]);
        for most in ["0", "-1", "1.5", "\"5\"", "100001", "[]"] {
            check(&format!(r#"{{"jobQueue": "a", "maxJobs": {most}}}"#), &["`sweep.maxJobs`", "from 1"]);
        }
        check(r#"{"jobQueue": "a", "maxJobs": 1, "max_jobs": 2}"#, &["`sweep.max_jobs`", "`maxJobs`"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "maxJobs": 2}"#, &["`sweep.maxJobs`", "twice"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "name": "x"}"#, &["`sweep.name`", "known are"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "status": "RUNNABLE"}"#, &["`sweep.status`", "list"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "status": []}"#, &["`sweep.status`", "empty"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "status": ["FAILED"]}"#, &["`sweep.status[0]`", "RUNNABLE"]);
        check(
            r#"{"jobQueue": "a", "maxJobs": 1, "status": ["RUNNABLE", "RUNNING"]}"#,
            &["`sweep.status[1]`", "terminate"],
        );
        check(
            r#"{"jobQueue": "a", "maxJobs": 1, "where": {"job": {"jobname": ["x"]}}}"#,
            &["`sweep.where.job.jobname`", "`jobName`"],
        );
        check(r#"{"jobQueue": "a", "maxJobs": 1, "where": {}}"#, &["`sweep.where`", "asks nothing"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "keepNewest": 1}"#, &["`sweep.keepNewest`", "a number"]);
        check(r#"{"jobQueue": "a", "maxJobs": 1, "keepNewest": {}}"#, &["`sweep.keepNewest.per`", "jobName"]);
        check(
            r#"{"jobQueue": "a", "maxJobs": 1, "keepNewest": {"per": "status"}}"#,
            &["`sweep.keepNewest.per`", "tags"],
        );
        check(
            r#"{"jobQueue": "a", "maxJobs": 1, "keepNewest": {"per": "jobName", "count": 0}}"#,
            &["`sweep.keepNewest.count`", "at least 1"],
        );
    }
}
