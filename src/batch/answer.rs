//! What an answer must be to count as Batch's, and the whole of it where somebody asks for more than the SDK reads.
//!
//! The SDK does not look at the body of a successful `CancelJob` or `TerminateJob`, so that the page of a proxy
//! would be an acceptance; and of a job it keeps the members that it knows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_batch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_batch::operation::cancel_job::CancelJobOutput;
use aws_sdk_batch::operation::list_jobs::ListJobsOutput;
use aws_sdk_batch::operation::terminate_job::TerminateJobOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut, Error, Output,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Listed, Page};
use crate::job::{JobStatus, Snapshot};
use crate::request::JobId;

/// Somebody else answered in Batch's place.
#[derive(Debug)]
pub(super) struct NotBatchs;

impl std::error::Error for NotBatchs {}

impl fmt::Display for NotBatchs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is not Batch's")
    }
}

/// Takes a success of `CancelJob` and `TerminateJob` for one only if its body may be Batch's: empty, or a JSON
/// object. Of the other calls, the SDK reads the body itself.
#[derive(Debug)]
pub(super) struct AcceptanceCheck;

#[dyn_dispatch_hint]
impl Intercept for AcceptanceCheck {
    fn name(&self) -> &'static str {
        "AcceptanceCheck"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let unread = context.output_or_error().is_ok_and(|output| {
            output.downcast_ref::<CancelJobOutput>().is_some()
                || output.downcast_ref::<TerminateJobOutput>().is_some()
        });
        if unread && !may_be_batchs(body(context)) { Err(NotBatchs.into()) } else { Ok(()) }
    }
}

fn may_be_batchs(body: &[u8]) -> bool {
    body.trim_ascii().is_empty()
        || body.trim_ascii_start().first() == Some(&b'{') && serde_json::from_slice::<&RawValue>(body).is_ok()
}

/// Keeps what a `DescribeJobs` said of each job, in the order of its answer.
#[derive(Debug, Default, Clone)]
pub(super) struct Details(Arc<Mutex<Vec<Box<RawValue>>>>);

impl Details {
    /// Takes what was kept.
    pub(super) fn take(&self) -> Vec<Box<RawValue>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Details {
    fn name(&self) -> &'static str {
        "Details"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_ok() {
            let details = details(body(context)).ok_or(NotBatchs)?;
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = details;
        }
        Ok(())
    }
}

fn details(body: &[u8]) -> Option<Vec<Box<RawValue>>> {
    #[derive(Deserialize)]
    struct Answer {
        jobs: Option<Vec<Box<RawValue>>>,
    }
    if body.is_empty() {
        return Some(Vec::new());
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.jobs.unwrap_or_default())
}

/// Reads a page of `ListJobs` in the SDK's place, which makes a dozen strings of each job, of which there may be a
/// million, and of which few are of use. What is no success the SDK reads.
#[derive(Debug, Default, Clone)]
pub(super) struct PageReader(Arc<Mutex<Option<Page>>>);

impl PageReader {
    /// Takes the page that was read.
    pub(super) fn take(&self) -> Option<Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for PageReader {
    fn name(&self) -> &'static str {
        "PageReader"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().is_success() {
            bag.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        }
        Ok(())
    }
}

impl DeserializeResponse for PageReader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let page = page(response.body().bytes().unwrap_or_default());
        let page = page.ok_or_else(|| OrchestratorError::other(NotBatchs))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
        Ok(Output::erase(ListJobsOutput::builder().build()))
    }
}

/// The page in a body. Jobs without an id are left out.
fn page(body: &[u8]) -> Option<Page> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        #[serde(borrow)]
        job_summary_list: Option<Vec<&'a RawValue>>,
        next_token: Option<String>,
    }
    if body.is_empty() {
        return Some(Page::default());
    }
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let jobs = answer.job_summary_list.unwrap_or_default();
    let jobs = jobs.into_iter().map(listed).filter_map(Result::transpose).collect::<Result<_, _>>().ok()?;
    Some(Page { jobs, next: answer.next_token.filter(|token| !token.is_empty()) })
}

/// A job as its summary shows it, if it has an id.
fn listed(summary: &RawValue) -> serde_json::Result<Option<Listed>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Summary {
        job_id: Option<Box<str>>,
        job_name: Option<Box<str>>,
        status: Option<Box<str>>,
        status_reason: Option<Box<str>>,
        is_cancelled: Option<bool>,
        is_terminated: Option<bool>,
        started_at: Option<i64>,
    }
    let job: Summary = serde_json::from_str(summary.get())?;
    let snapshot = Snapshot {
        status: JobStatus::from(job.status.as_deref().unwrap_or_default()),
        status_reason: job.status_reason,
        job_name: job.job_name,
        job_queue: None,
        is_cancelled: job.is_cancelled,
        is_terminated: job.is_terminated,
        started_at: job.started_at,
    };
    let id = job.job_id.as_deref().map(JobId::from);
    Ok(id.map(|id| Listed { id, snapshot, summary: summary.to_owned() }))
}

/// The body, which the SDK has loaded by then.
fn body<'a>(context: &'a AfterDeserializationInterceptorContextRef<'_>) -> &'a [u8] {
    context.response().body().bytes().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_is_empty_or_an_object() {
        for (body, expected) in [
            ("", true),
            (" \r\n", true),
            ("{}", true),
            (" {\"requestId\": \"1\"}\n", true),
            ("<html>Please log in.</html>", false),
            ("{oops", false),
            ("{} trailing", false),
            ("null", false),
            ("[]", false),
            ("\"ok\"", false),
            ("OK", false),
        ] {
            assert_eq!(may_be_batchs(body.as_bytes()), expected, "{body:?}");
        }
    }

    #[test]
    fn details_are_what_was_sent_to_the_letter() {
        for (body, expected) in [
            ("", Some(vec![])),
            ("{}", Some(vec![])),
            (r#"{"jobs": null}"#, Some(vec![])),
            (r#"{"jobs": []}"#, Some(vec![])),
            (
                r#"{"next": 1, "jobs": [ {"jobId": "a",  "new": [1e400]}, {"jobId":"b"} ]}"#,
                Some(vec![r#"{"jobId": "a",  "new": [1e400]}"#, r#"{"jobId":"b"}"#]),
            ),
            (r#"{"jobs": {}}"#, None),
            ("<html>", None),
        ] {
            let details = details(body.as_bytes());
            let texts = details.as_ref().map(|jobs| jobs.iter().map(|job| job.get()).collect());
            assert_eq!(texts, expected, "{body:?}");
        }
    }

    #[test]
    fn a_page_is_read_once_and_what_it_says_of_a_job_is_kept_to_the_letter() {
        let told = |body: &str| {
            let page = page(body.as_bytes())?;
            let job = |job: &Listed| {
                let Snapshot { status, status_reason, job_name, is_cancelled, started_at, .. } =
                    &job.snapshot;
                format!(
                    "{} {status} {status_reason:?} {job_name:?} {is_cancelled:?} {started_at:?} {}",
                    job.id, job.summary
                )
            };
            Some((page.jobs.iter().map(job).collect::<Vec<_>>(), page.next))
        };
        let jobs = |jobs: &[&str], next: Option<&str>| {
            Some((jobs.iter().map(|job| (*job).to_owned()).collect::<Vec<_>>(), next.map(ToOwned::to_owned)))
        };
        for (body, expected) in [
            ("", jobs(&[], None)),
            ("{}", jobs(&[], None)),
            (r#"{"jobSummaryList": null, "nextToken": null}"#, jobs(&[], None)),
            (r#"{"jobSummaryList": [], "nextToken": ""}"#, jobs(&[], None)),
            (
                r#"{"new": [1e400], "nextToken": "t", "jobSummaryList": [ {"jobId": "a",  "new": {"status": 1},
                    "status": "RUNNABLE", "jobName": "e\u0074l", "startedAt": 5, "isCancelled": true}, {"jobName": "b"}]}"#,
                jobs(
                    &[
                        r#"a RUNNABLE None Some("etl") Some(true) Some(5) {"jobId": "a",  "new": {"status": 1},
                    "status": "RUNNABLE", "jobName": "e\u0074l", "startedAt": 5, "isCancelled": true}"#,
                    ],
                    Some("t"),
                ),
            ),
            (r#"{"jobSummaryList": [null]}"#, None),
            (r#"{"jobSummaryList": [{"jobId": 1}]}"#, None),
            (r#"{"jobSummaryList": {}}"#, None),
            ("<html>", None),
            ("[]", None),
        ] {
            assert_eq!(told(body), expected, "{body}");
        }
    }
}
