//! Requests: JSON bodies to questions.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::state::Scope;
use crate::{Cursor, Filter, JobStatus, ListQuery, Operation, Verb};

/// A call as it came in.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// The ids it names, kept also when it is refused.
    pub(crate) jobs: Vec<String>,
    pub(crate) reason: Option<String>,
    /// What it asks, or why it makes no sense.
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
    request.reason = body.reason.take();
    (request.jobs, request.ask) = match operation {
        Operation::CancelJob => (one(body.job_id), Ok(Ask::Stop(Verb::Cancel))),
        Operation::TerminateJob => (one(body.job_id), Ok(Ask::Stop(Verb::Terminate))),
        Operation::CancelJobs => (body.jobs.unwrap_or_default(), Ok(Ask::StopMany(Verb::Cancel))),
        Operation::TerminateJobs => (body.jobs.unwrap_or_default(), Ok(Ask::StopMany(Verb::Terminate))),
        Operation::DescribeJobs => (body.jobs.unwrap_or_default(), Ok(Ask::Describe)),
        Operation::ListJobs => {
            let family = body.array_job_id.clone().or_else(|| body.multi_node_job_id.clone());
            (one(family), list(body).map(Ask::List))
        }
    };
    request
}

fn one(id: Option<String>) -> Vec<String> {
    id.into_iter().collect()
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
    let filter = match body.filters.unwrap_or_default().as_slice() {
        [] => None,
        [one] => Some(filter(one)?),
        _ => return Err("only one filter can be used at a time".to_owned()),
    };
    let mut query = ListQuery::new(scope, filter);
    if let Some(text) = body.job_status {
        query = query.status(status(&text)?);
    }
    if let Some(n) = body.max_results {
        let most = usize::try_from(n).ok().filter(|&n| n > 0);
        query = query.limit(most.ok_or_else(|| format!("maxResults is {n}, at least 1 is needed"))?);
    }
    if let Some(token) = body.next_token {
        query = query.after(cursor(&token)?);
    }
    Ok(query)
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
    use Operation::ListJobs;
    use serde_json::json;

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
