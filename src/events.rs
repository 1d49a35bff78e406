//! Results as events for a bus: what each says, and which go together in one call. Pure.

use crate::outlet::{Event, MAX_EVENTS};
use crate::result::ResultRecord;
use crate::sweep::SweepOf;

/// Every event's `source`.
pub(crate) const SOURCE: &str = "batch-canceller";

/// Every event's `detail-type`.
pub(crate) const DETAIL_TYPE: &str = "Batch Job Cancellation Result";

/// Most that the events of one call may come to, each counted by [`size`]. `PutEvents` takes a megabyte by now; what an
/// event goes to next may still take no more than it did.
pub(crate) const MAX_CALL_BYTES: usize = 256 * 1024;

/// Where jobs and queues are, as their ARNs say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
}

impl<'a> Origin<'a> {
    /// What an ARN says of it.
    pub(crate) fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, _) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, _) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = scheme == "arn" && !partition.is_empty() && !region.is_empty() && !account.is_empty();
        is_whole.then_some(Self { partition, region, account })
    }

    fn arn(self, kind: &str, name: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:batch:{region}:{account}:{kind}/{name}")
    }
}

/// The event that tells of a result. One that is larger than a call goes without what its request itself said; nothing
/// if it is too large even so.
pub(crate) fn event(
    result: &ResultRecord<'_>,
    request_id: &str,
    function: Option<Origin<'_>>,
) -> Option<Event> {
    let of = |json: serde_json::Result<String>| {
        let event = Event {
            source: SOURCE,
            detail_type: DETAIL_TYPE,
            detail: detail(&json.ok()?, request_id)?,
            resources: resource(result, function).into_iter().collect(),
        };
        (size(&event) <= MAX_CALL_BYTES).then_some(event)
    };
    of(serde_json::to_string(result)).or_else(|| of(result.to_lean_json()))
}

/// A result's own JSON object, with what tells of its making before it.
fn detail(result: &str, request_id: &str) -> Option<String> {
    let request_id = serde_json::to_string(request_id).ok()?;
    let members = result.strip_prefix('{')?;
    Some(format!(r#"{{"schemaVersion":"1","requestId":{request_id},{members}"#))
}

/// The ARN of what a result is about: of its job, as far as it is known where that is, else of its queue.
fn resource(result: &ResultRecord<'_>, function: Option<Origin<'_>>) -> Option<String> {
    let seen = result.before.or(result.after);
    let queue = seen.and_then(|job| job.job_queue.as_deref());
    match (result.job_id, result.sweep.map(|sweep| &sweep.summary.of)) {
        (Some(id), _) => {
            let origin = queue.and_then(Origin::of).or(function);
            let queue = queue.filter(|queue| Origin::of(queue).is_some());
            origin.map(|origin| origin.arn("job", id.as_str())).or_else(|| queue.map(ToOwned::to_owned))
        }
        (None, Some(SweepOf::JobQueue(queue))) if Origin::of(queue).is_some() => Some(queue.to_string()),
        (None, Some(SweepOf::JobQueue(queue))) => function.map(|origin| origin.arn("job-queue", queue)),
        (None, Some(SweepOf::ArrayJobId(id))) => function.map(|origin| origin.arn("job", id.as_str())),
        (None, None) => None,
    }
}

/// What an event counts for, as `EventBridge` counts it (user guide, "Calculating event entry size"), the time that it is
/// given included.
pub(crate) fn size(event: &Event) -> usize {
    const TIME: usize = 14;
    let texts = [event.source, event.detail_type, &event.detail].map(str::len);
    let resources = event.resources.iter().map(String::len);
    TIME + texts.into_iter().chain(resources).sum::<usize>()
}

/// How many of the events of these sizes go into the next call.
pub(crate) fn batch(sizes: impl Iterator<Item = usize>) -> usize {
    let mut total = 0;
    let fits = |size: &usize| {
        total += size;
        total <= MAX_CALL_BYTES
    };
    sizes.take(MAX_EVENTS).take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::job::{JobStatus, Snapshot};
    use crate::outcome::Outcome;
    use crate::request::{Action, JobId};
    use crate::trigger::{RequestedBy, Source};

    const FUNCTION: &str = "arn:aws-cn:lambda:cn-north-1:123456789012:function:f";
    const QUEUE: &str = "arn:aws:batch:eu-west-1:210987654321:job-queue/q";

    fn told(
        id: Option<&str>,
        queue: Option<&str>,
        reason: &str,
        why: &str,
        function: Option<&str>,
    ) -> Option<Event> {
        let id = id.map(JobId::from);
        let before = Snapshot { job_queue: queue.map(Into::into), ..Snapshot::of(JobStatus::Runnable) };
        let metadata = serde_json::value::to_raw_value(&json!({"run": 42})).unwrap();
        let result = ResultRecord {
            job_id: id.as_ref(),
            outcome: Outcome::Cancelled,
            action: Some(Action::Cancel),
            reason: Some(reason),
            reason_truncated: false,
            dry_run: true,
            clause: None,
            why: Some(why),
            before: Some(&before),
            after: None,
            attempts: 1,
            metadata: Some(&metadata),
            sweep: None,
            requested_by: &RequestedBy::new(Source::Sqs, "m-1"),
        };
        event(&result, "r-\"1\"", function.and_then(Origin::of))
    }

    #[test]
    fn an_event_is_the_result_as_answers_have_it_with_a_version_and_the_invocation() {
        let event = told(Some("a"), None, "r", "w", None).unwrap();
        assert_eq!((event.source, event.detail_type), ("batch-canceller", "Batch Job Cancellation Result"));
        assert_eq!(
            serde_json::from_str::<Value>(&event.detail).unwrap(),
            json!({"schemaVersion": "1", "requestId": "r-\"1\"", "jobId": "a", "outcome": "cancelled",
                "action": "cancel", "reason": "r", "dryRun": true, "why": "w", "before": {"status": "RUNNABLE"},
                "attempts": 1, "metadata": {"run": 42}, "requestedBy": {"source": "sqs", "id": "m-1"}})
        );
    }

    #[test]
    fn an_event_is_about_the_job_as_far_as_it_is_known_where_that_is() {
        let check = |id: Option<&str>, queue: Option<&str>, function: Option<&str>, expected: &[&str]| {
            let event = told(id, queue, "r", "w", function).unwrap();
            assert_eq!(event.resources, expected, "{id:?} {queue:?} {function:?}");
        };
        let (of_queue, of_function) = (
            "arn:aws:batch:eu-west-1:210987654321:job/a:3",
            "arn:aws-cn:batch:cn-north-1:123456789012:job/a:3",
        );
        check(Some("a:3"), Some(QUEUE), Some(FUNCTION), &[of_queue]);
        check(Some("a:3"), Some("q"), Some(FUNCTION), &[of_function]);
        check(Some("a:3"), None, Some(FUNCTION), &[of_function]);
        check(Some("a:3"), Some("q"), Some("f"), &[]);
        check(None, None, Some(FUNCTION), &[]);
    }

    #[test]
    fn what_is_too_large_goes_without_what_its_request_said_or_not_at_all() {
        let long = "x".repeat(MAX_CALL_BYTES);
        let event = told(Some("a"), None, &long, "w", None).unwrap();
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        assert_eq!(
            (&detail["reason"], &detail["metadata"], &detail["why"]),
            (&Value::Null, &Value::Null, &"w".into())
        );
        assert_eq!((&detail["schemaVersion"], &detail["requestId"]), (&"1".into(), &"r-\"1\"".into()));
        assert_eq!(told(Some("a"), None, "r", &long, None), None);
    }

    #[test]
    fn the_size_is_the_one_that_eventbridge_counts() {
        let event = Event {
            source: "ab",
            detail_type: "c",
            detail: "{é}".into(),
            resources: vec!["de".into(), "f".into()],
        };
        assert_eq!(size(&event), 14 + 2 + 1 + 4 + 3);
    }

    #[test]
    fn a_call_has_ten_events_and_a_quarter_of_a_megabyte() {
        let check =
            |sizes: &[usize], expected| assert_eq!(batch(sizes.iter().copied()), expected, "{sizes:?}");
        check(&[], 0);
        check(&[100; 9], 9);
        check(&[100; 11], 10);
        check(&[MAX_CALL_BYTES, 1], 1);
        check(&[MAX_CALL_BYTES - 1, 1, 1], 2);
        check(&[MAX_CALL_BYTES / 2, MAX_CALL_BYTES / 2 + 1], 1);
    }

    #[test]
    fn an_arn_says_where_something_is() {
        let origin = |partition, region, account| Some(Origin { partition, region, account });
        assert_eq!(Origin::of(QUEUE), origin("aws", "eu-west-1", "210987654321"));
        assert_eq!(Origin::of(FUNCTION), origin("aws-cn", "cn-north-1", "123456789012"));
        for other in
            ["", "q", "arn:aws:batch:eu-west-1:1", "arn:aws:s3:::bucket", "urn:aws:batch:eu-west-1:1:x"]
        {
            assert_eq!(Origin::of(other), None, "{other}");
        }
    }
}
