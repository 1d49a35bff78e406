//! What Lambda is told, for each kind of source.

use std::collections::HashSet;
use std::fmt;

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::report::Report;
use crate::trigger::{MessageGroup, UnknownPayload, takes_back_in_part};

/// Largest report, in bytes: what a state of Step Functions may put out.
pub const MAX_REPORT_BYTES: usize = 256 * 1024;

/// Largest message of a failed invocation, in characters: with what Lambda puts around it, a state's `Cause` holds it.
pub const MAX_FAILURE_CHARS: usize = 32_000;

/// A successful invocation's answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To SQS: which messages are to come back.
    PartialBatch(PartialBatch),
    /// To everybody else: the whole report.
    Report(Box<RawValue>),
}

/// A partial batch response.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PartialBatch {
    /// The messages that SQS delivers again, and hands to the dead-letter queue in the end.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// One message that is to come back.
#[derive(Debug, Serialize, PartialEq, Eq, Hash, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its `messageId`: one of those received, never empty.
    pub item_identifier: String,
}

/// An invocation that must not count as done.
#[derive(thiserror::Error)]
pub enum InvocationError {
    /// Nobody knows what the payload is.
    #[error(transparent)]
    UnknownPayload(#[from] UnknownPayload),
    /// Not every request is settled. Lambda's asynchronous retries, the on-failure destination, or a state
    /// machine's Retry and Catch take over.
    #[error("{report}")]
    CancellationIncomplete {
        /// The report as JSON.
        report: String,
    },
}

impl InvocationError {
    /// The `errorType` that Lambda shows: stable, to be matched by a state machine's Retry and Catch.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::UnknownPayload(_) => "UnknownPayload",
            Self::CancellationIncomplete { .. } => "CancellationIncomplete",
        }
    }
}

/// The runtime logs a failed invocation with this. The report is in the log already, line by line.
impl fmt::Debug for InvocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_type())
    }
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        Self { error_type: error.error_type().to_owned(), error_message: error.to_string() }
    }
}

/// The answer for the source that the deliveries came from.
///
/// # Errors
///
/// [`InvocationError::CancellationIncomplete`] when something is not settled and the source takes no partial
/// answer: also for a direct payload, which may come from an asynchronous rule with an input transformer and
/// must not fail silently.
pub fn reply(report: &Report) -> Result<Reply, InvocationError> {
    if takes_back_in_part(report.deliveries().map(|(delivery, _)| delivery)) {
        if let Some(partial) = partial_batch(report) {
            return Ok(Reply::PartialBatch(partial));
        }
    } else if report.deliveries().all(|(_, is_settled)| is_settled) {
        let json = report.to_json(MAX_REPORT_BYTES, str::len);
        if let Ok(json) = RawValue::from_string(json) {
            return Ok(Reply::Report(json));
        }
    }
    let report = report.to_json(MAX_FAILURE_CHARS, chars_within_json);
    Err(InvocationError::CancellationIncomplete { report })
}

/// How many characters, as UTF-16 counts them, a text has as a string within JSON.
fn chars_within_json(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    text.encode_utf16().count() + escaped
}

/// The messages that are not settled. Of a FIFO queue's message group, from the first such message on all
/// come back, or a later request would overtake an earlier one.
///
/// `None` when an unsettled record has no id to report it by: the whole batch must come back then, which
/// harms nothing, since a request that comes again finds its own work.
fn partial_batch(report: &Report) -> Option<PartialBatch> {
    let mut held_back: HashSet<&MessageGroup> = HashSet::new();
    let mut reported = HashSet::new();
    let mut batch_item_failures = Vec::new();
    for (delivery, is_settled) in report.deliveries() {
        let held = delivery.group.as_ref().is_some_and(|group| held_back.contains(group));
        if is_settled && !held {
            continue;
        }
        held_back.extend(&delivery.group);
        let id = &delivery.requested_by.id;
        if id.is_empty() {
            return None;
        }
        if reported.insert(id) {
            batch_item_failures.push(ItemFailure { item_identifier: id.to_string() });
        }
    }
    Some(PartialBatch { batch_item_failures })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;
    use crate::engine::Tally;
    use crate::outcome::Outcome;
    use crate::report::Gathered;
    use crate::request::Rules;
    use crate::trigger::deliveries;

    /// A report on the records of one payload, of which those marked `!` are not settled.
    fn report(payload: &Value, marks: &[&str]) -> Report {
        let rules = Rules { region: None, account: None, allow_terminate: false };
        let deliveries = deliveries(&to_raw_value(payload).unwrap(), &rules, "request").unwrap();
        let mut gathered = Gathered::new(deliveries.len(), true);
        for (place, mark) in marks.iter().enumerate() {
            let outcome = if mark.ends_with('!') { Outcome::Unavailable } else { Outcome::Cancelled };
            gathered.delivery(place, &outcome.into(), 1);
        }
        Report::new(deliveries, gathered, Tally::default())
    }

    /// Records as `id` or `id@group`, with `!` where they are not settled, and the ids that come back, or `all`.
    #[track_caller]
    fn check(queue: &str, records: &[&str], expected: &str) {
        let record = |record: &&str| {
            let (id, group) =
                record.trim_end_matches('!').split_once('@').unwrap_or((record.trim_end_matches('!'), ""));
            json!({"eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:{queue}"),
                "messageId": id, "attributes": {"MessageGroupId": group}, "body": r#"{"jobId":"a","reason":"r"}"#})
        };
        let payload = json!({"Records": records.iter().map(record).collect::<Vec<_>>()});
        let ids = match reply(&report(&payload, records)) {
            Ok(Reply::PartialBatch(PartialBatch { batch_item_failures: failures })) => {
                failures.iter().map(|failure| &*failure.item_identifier).collect::<Vec<_>>().join(" ")
            }
            Ok(Reply::Report(report)) => panic!("{report}"),
            Err(error) => {
                assert_eq!(error.error_type(), "CancellationIncomplete");
                "all".into()
            }
        };
        assert_eq!(ids, expected, "{records:?}");
    }

    #[test]
    fn exactly_the_unsettled_messages_come_back_each_once() {
        check("q", &["a", "b"], "");
        check("q", &["a!", "b", "c!"], "a c");
        check("q", &["a!", "a", "a!"], "a");
        check("q", &["a", "a!"], "a");
        // Groups of a standard queue say nothing about order.
        check("q", &["a@g!", "b@g"], "a");
        // Without an id, only the whole batch can come back; if it is settled, it need not.
        check("q", &["!", "b"], "all");
        check("q", &["", "b!"], "b");
    }

    #[test]
    fn a_group_comes_back_from_its_first_unsettled_message_on() {
        check("q.fifo", &["a@g", "b@g"], "");
        check("q.fifo", &["a@g", "b@g!", "c@h", "d@g", "e@h!", "f@g"], "b d e f");
        check("q.fifo", &["a@g!", "b@h"], "a");
        // What holds its group back holds one without an id back as well.
        check("q.fifo", &["a@g!", "@g"], "all");
    }

    #[test]
    fn everybody_else_gets_the_report_or_fails_with_it() {
        let payload = json!([{"jobId": "a", "reason": "r"}, {"jobId": "b", "reason": "r"}]);
        let Ok(Reply::Report(told)) = reply(&report(&payload, &["a", "b"])) else { panic!() };
        let told: Value = serde_json::from_str(told.get()).unwrap();
        assert_eq!(told["summary"]["settled"], 2);
        let error = reply(&report(&payload, &["a", "b!"])).unwrap_err();
        let told: Value = serde_json::from_str(&error.to_string()).unwrap();
        assert_eq!((&told["summary"]["settled"], error.error_type()), (&json!(1), "CancellationIncomplete"));
        assert!(reply(&report(&json!([]), &[])).is_ok());
        // What the runtime logs of it.
        assert_eq!(format!("{error:?}"), "CancellationIncomplete");
    }

    #[test]
    fn a_report_is_as_large_as_a_state_of_step_functions_may_put_out() {
        let requests: Vec<_> =
            (0..4000).map(|job| json!({"jobId": format!("j{job}"), "reason": "r"})).collect();
        let Ok(Reply::Report(told)) = reply(&report(&json!(requests), &vec!["a"; 4000])) else { panic!() };
        assert!((260_000..=262_144).contains(&told.get().len()), "{}", told.get().len());
    }

    #[test]
    fn characters_are_counted_as_a_string_within_json_has_them() {
        for (text, expected) in [("", 0), ("abc", 3), ("\"a\"", 5), ("\\", 2), ("é", 1), ("🦀", 2)] {
            assert_eq!(chars_within_json(text), expected, "{text}");
        }
    }
}
