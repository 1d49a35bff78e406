//! Requests: JSON bodies to questions, with Batch's own checks.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::state::{Cursor, Filter, ListQuery, Scope, Verb};
use crate::{JobStatus, Operation};

const MAX_REASON_CHARS: usize = 1024;
const MAX_BULK_JOBS: usize = 50;
const MAX_DESCRIBED_JOBS: usize = 100;
const MAX_PAGE: usize = 1000;
const MAX_FILTERED_PAGE: usize = 100;

/// A call as it came in.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// The ids it names, kept also when it is refused.
    pub(crate) jobs: Vec<String>,
    pub(crate) reason: Option<String>,
    /// What it asks, or why Batch refuses it.
    pub(crate) ask: Result<Ask, String>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Ask {
    /// Cancel or terminate the one job.
    Stop(Verb),
    /// The same for each job, each with its own result.
    StopMany(Verb),
    Describe,
    List(ListQuery),
}

/// The members of all six inputs. The calls differ in what they require, not in what names mean.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    job_id: Option<String>,
    jobs: Option<Vec<String>>,
    reason: Option<String>,
    job_queue: Option<String>,
    array_job_id: Option<String>,
    multi_node_job_id: Option<String>,
    job_status: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    filters: Option<Vec<KeyValues>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KeyValues {
    name: Option<String>,
    values: Vec<String>,
}

/// Reads a call; total, since Batch answers nonsense too.
pub(crate) fn parse(operation: Operation, bytes: &[u8]) -> Request {
    let mut request = Request { operation, jobs: Vec::new(), reason: None, ask: Ok(Ask::Describe) };
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut body: Body = match serde_json::from_slice(bytes) {
        Ok(body) => body,
        Err(error) => {
            request.ask = Err(format!("the body cannot be read: {error}"));
            return request;
        }
    };
    request.jobs = body.jobs.take().unwrap_or_default();
    let scope = (operation == Operation::ListJobs)
        .then(|| body.array_job_id.clone().or_else(|| body.multi_node_job_id.clone()));
    request.jobs.extend(body.job_id.take().or(scope.flatten()));
    request.reason = body.reason.take();
    request.ask = ask(&request, body);
    request
}

fn ask(request: &Request, body: Body) -> Result<Ask, String> {
    let reason = request.reason.as_deref();
    match request.operation {
        Operation::CancelJob => stop(&request.jobs, reason).map(|()| Ask::Stop(Verb::Cancel)),
        Operation::TerminateJob => stop(&request.jobs, reason).map(|()| Ask::Stop(Verb::Terminate)),
        Operation::CancelJobs => stop_many(&request.jobs, reason).map(|()| Ask::StopMany(Verb::Cancel)),
        Operation::TerminateJobs => stop_many(&request.jobs, reason).map(|()| Ask::StopMany(Verb::Terminate)),
        Operation::DescribeJobs => check_count(&request.jobs, MAX_DESCRIBED_JOBS).map(|()| Ask::Describe),
        Operation::ListJobs => list(body).map(Ask::List),
    }
}

fn stop(jobs: &[String], reason: Option<&str>) -> Result<(), String> {
    match jobs {
        [id] if !id.is_empty() => check_reason(reason),
        _ => Err("jobId cannot be null or empty".to_owned()),
    }
}

fn stop_many(jobs: &[String], reason: Option<&str>) -> Result<(), String> {
    check_count(jobs, MAX_BULK_JOBS)?;
    check_reason(reason)
}

fn check_count(jobs: &[String], most: usize) -> Result<(), String> {
    match jobs.len() {
        0 => Err("jobs cannot be null or empty".to_owned()),
        n if n > most => Err(format!("jobs has {n} items, at most {most} are allowed")),
        _ => Ok(()),
    }
}

fn check_reason(reason: Option<&str>) -> Result<(), String> {
    let reason = reason.unwrap_or_default();
    if reason.is_empty() {
        return Err("reason cannot be null or empty".to_owned());
    }
    match reason.chars().count() {
        n if n > MAX_REASON_CHARS => {
            Err(format!("reason has {n} characters, at most {MAX_REASON_CHARS} are allowed"))
        }
        _ => Ok(()),
    }
}

fn list(body: Body) -> Result<ListQuery, String> {
    let scope = match (body.job_queue, body.array_job_id, body.multi_node_job_id) {
        (Some(queue), None, None) => Scope::Queue(queue),
        (None, Some(id), None) => Scope::Array(id),
        (None, None, Some(id)) => Scope::MultiNode(id),
        _ => {
            return Err("exactly one of jobQueue, arrayJobId and multiNodeJobId must be given".to_owned());
        }
    };
    let status = body.job_status.as_deref().map(status).transpose()?;
    let filter = match body.filters.unwrap_or_default().as_slice() {
        [] => None,
        [one] => Some(filter(one)?),
        _ => return Err("only one filter can be used at a time".to_owned()),
    };
    let most = if filter.is_some() { MAX_FILTERED_PAGE } else { MAX_PAGE };
    let limit = match body.max_results {
        None => most,
        Some(n) => match usize::try_from(n) {
            Ok(n) if n > 0 => n.min(most),
            _ => return Err(format!("maxResults is {n}, at least 1 is needed")),
        },
    };
    let status = match filter {
        None => Some(status.unwrap_or(JobStatus::Running)),
        Some(Filter::Share(_)) => status,
        Some(_) => None,
    };
    Ok(ListQuery {
        // Batch applies filters to jobs of a queue, not to children or nodes.
        filter: filter.filter(|_| matches!(scope, Scope::Queue(_))),
        scope,
        status,
        limit,
        after: body.next_token.as_deref().map(cursor).transpose()?,
    })
}

fn status(text: &str) -> Result<JobStatus, String> {
    let known = JobStatus::ALL.into_iter().find(|s| s.as_str() == text);
    known.ok_or_else(|| format!("jobStatus {text} is not known"))
}

fn filter(filter: &KeyValues) -> Result<Filter, String> {
    let name = filter.name.as_deref().unwrap_or_default();
    let first = filter.values.first();
    let first = first.ok_or_else(|| format!("filter {name} has no values"))?;
    let ms = || first.parse().map_err(|_| format!("filter {name} needs milliseconds, not {first}"));
    Ok(match name {
        "JOB_NAME" => Filter::Name(filter.values.clone()),
        "JOB_DEFINITION" => Filter::Definition(filter.values.clone()),
        "SHARE_IDENTIFIER" => Filter::Share(filter.values.clone()),
        "BEFORE_CREATED_AT" => Filter::CreatedBefore(ms()?),
        "AFTER_CREATED_AT" => Filter::CreatedAfter(ms()?),
        _ => return Err(format!("filter {name} is not known")),
    })
}

/// The inverse of [`token`].
fn cursor(token: &str) -> Result<Cursor, String> {
    let parts = token.split_once('.');
    parts
        .and_then(|(time, place)| Some(Cursor(Reverse(time.parse().ok()?), place.parse().ok()?)))
        .ok_or_else(|| "nextToken is not valid".to_owned())
}

/// A place in a list as clients carry it around.
pub(super) fn token(Cursor(Reverse(time), place): Cursor) -> String {
    format!("{time}.{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{CancelJob, CancelJobs, DescribeJobs, ListJobs, TerminateJob, TerminateJobs};
    use serde_json::json;

    #[test]
    fn batch_refuses_what_it_documents_and_nothing_else() {
        let ids = |n| vec!["x"; n];
        for (operation, body, accepted) in [
            (CancelJob, json!({"jobId": "a:1#2", "reason": "é".repeat(1024)}), true),
            (CancelJob, json!({"jobId": "a", "reason": "é".repeat(1025)}), false),
            (CancelJob, json!({"jobId": "", "reason": "r"}), false),
            (CancelJob, json!({"jobId": "a", "reason": ""}), false),
            (TerminateJob, json!({"jobId": "a"}), false),
            (TerminateJob, json!({"reason": "r"}), false),
            (TerminateJob, json!({"jobId": 1, "reason": "r"}), false),
            (CancelJobs, json!({"jobs": ids(50), "reason": "r"}), true),
            (CancelJobs, json!({"jobs": ids(51), "reason": "r"}), false),
            (TerminateJobs, json!({"jobs": [], "reason": "r"}), false),
            (TerminateJobs, json!({"jobs": ["a"]}), false),
            (DescribeJobs, json!({"jobs": ids(100)}), true),
            (DescribeJobs, json!({"jobs": ids(101)}), false),
            (DescribeJobs, json!({"jobs": []}), false),
            (DescribeJobs, json!({}), false),
            (ListJobs, json!({"jobQueue": "q", "unknownMember": 1}), true),
            (ListJobs, json!({}), false),
            (ListJobs, json!({"jobQueue": "q", "arrayJobId": "a"}), false),
            (ListJobs, json!({"jobQueue": "q", "jobStatus": "running"}), false),
            (ListJobs, json!({"jobQueue": "q", "maxResults": 0}), false),
            (ListJobs, json!({"jobQueue": "q", "nextToken": "?"}), false),
            (ListJobs, json!({"jobQueue": "q", "filters": [{"name": "JOB_NAME"}]}), false),
            (ListJobs, json!({"jobQueue": "q", "filters": [{"name": "X", "values": ["x"]}]}), false),
        ] {
            let request = parse(operation, body.to_string().as_bytes());
            assert_eq!(request.ask.is_ok(), accepted, "{operation:?} {body}");
        }
    }

    #[test]
    fn a_list_has_the_documented_status_and_page_size() {
        let filtered = |name: &str| json!([{"name": name, "values": ["1"]}]);
        for (body, status, limit) in [
            (json!({}), Some(JobStatus::Running), 1000),
            (json!({"jobStatus": "FAILED", "maxResults": 7}), Some(JobStatus::Failed), 7),
            (json!({"maxResults": 9999}), Some(JobStatus::Running), 1000),
            (json!({"filters": filtered("JOB_NAME"), "jobStatus": "FAILED"}), None, 100),
            (json!({"filters": filtered("SHARE_IDENTIFIER")}), None, 100),
            (
                json!({"filters": filtered("SHARE_IDENTIFIER"), "jobStatus": "FAILED"}),
                Some(JobStatus::Failed),
                100,
            ),
        ] {
            let mut whole = body.clone();
            whole["jobQueue"] = json!("q");
            let request = parse(ListJobs, whole.to_string().as_bytes());
            let Ok(Ask::List(query)) = request.ask else {
                panic!("{body} was refused");
            };
            assert_eq!((query.status, query.limit), (status, limit), "{body}");
        }
    }

    #[test]
    fn a_token_is_read_back() {
        let place = Cursor(Reverse(-5), 7);
        assert_eq!(cursor(&token(place)), Ok(place));
    }
}
