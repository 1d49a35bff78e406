//! Records of an SQS queue.

use serde_json::value::RawValue;

use super::{Delivery, Nested, Source, message};
use crate::object::Object;
use crate::request::{CancelRequest, Rejection, Rules};

/// A message group of a FIFO queue, within which order holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageGroup(Box<str>);

pub(super) fn matches_record(record: &Object<'_>) -> bool {
    record.str("eventSource").as_deref() == Some("aws:sqs")
}

/// One record of the batch; whatever is wrong with it stays its own.
pub(super) fn delivery(record: &RawValue, rules: &Rules<'_>) -> Delivery {
    let Some(record) = Object::of(record) else {
        let rejection =
            Rejection::new("Records", "holds a record that is not an object", "send SQS's own records");
        return Delivery { source: Source::Sqs, id: String::new(), group: None, request: Err(rejection) };
    };
    Delivery {
        source: Source::Sqs,
        id: record.str("messageId").unwrap_or_default().into_owned(),
        group: group(&record),
        request: request(&record, rules),
    }
}

fn request(record: &Object<'_>, rules: &Rules<'_>) -> Result<CancelRequest, Rejection> {
    if !matches_record(record) {
        let remedy = "send batches of one source only";
        return Err(Rejection::new(
            "eventSource",
            "is not aws:sqs, as the batch's first record's is",
            remedy,
        ));
    }
    match record.str("body") {
        Some(body) => message(&body, rules, "body", Nested::Sns),
        None => Err(Rejection::new("body", "is missing or not a string", "send SQS's own records")),
    }
}

/// Standard queues may carry a `MessageGroupId` too (for fair sharing), without any order: only the
/// queue's name tells.
fn group(record: &Object<'_>) -> Option<MessageGroup> {
    record.str("eventSourceARN")?.strip_suffix(".fifo")?;
    let attributes = record.object("attributes");
    let id = attributes.and_then(|attributes| attributes.str("MessageGroupId"));
    Some(MessageGroup(id.unwrap_or_default().into()))
}
