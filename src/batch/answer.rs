//! What an answer must be to count as Batch's, and the whole of it where somebody asks for more than the SDK reads.
//!
//! The SDK does not look at the body of a successful `CancelJob` or `TerminateJob`, so that the page of a proxy
//! would be an acceptance; and of a job it keeps the members that it knows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_batch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_batch::operation::cancel_job::CancelJobOutput;
use aws_sdk_batch::operation::terminate_job::TerminateJobOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use serde::Deserialize;
use serde_json::value::RawValue;

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

/// Keeps what a `DescribeJobs` or `ListJobs` said of each job, in the order of its answer.
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
        #[serde(alias = "jobSummaryList")]
        jobs: Option<Vec<Box<RawValue>>>,
    }
    if body.is_empty() {
        return Some(Vec::new());
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.jobs.unwrap_or_default())
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
            (r#"{"nextToken": "t", "jobSummaryList": [{"jobId":"a"}]}"#, Some(vec![r#"{"jobId":"a"}"#])),
            (r#"{"jobs": {}}"#, None),
            ("<html>", None),
        ] {
            let details = details(body.as_bytes());
            let texts = details.as_ref().map(|jobs| jobs.iter().map(|job| job.get()).collect());
            assert_eq!(texts, expected, "{body:?}");
        }
    }
}
