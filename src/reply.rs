//! What Lambda is told, for each kind of source.

use std::collections::HashSet;
use std::fmt;

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::report::Report;
use crate::trigger::{MessageGroup, Source, UnknownPayload};

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
    let mut deliveries = report.deliveries().peekable();
    if deliveries.peek().is_some()
        && deliveries.all(|(delivery, _)| delivery.requested_by.source == Source::Sqs)
    {
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
