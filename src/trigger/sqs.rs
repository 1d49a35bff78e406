//! Records of an SQS queue.

use std::sync::Arc;

use super::reader::{Place, Reader, Sender};
use super::requested_by::{Recent, RequestedBy};
use super::{Source, caution};
use crate::object::Object;
use crate::request::Rejection;

/// A message group of a FIFO queue, within which order holds. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageGroup(Arc<str>);

impl MessageGroup {
    /// Its id.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn matches_record(record: &Object<'_>) -> bool {
    record.str("eventSource").as_deref() == Some("aws:sqs")
}

/// Who sent a record that the queue itself handed over.
pub(super) fn sender(record: &Object<'_>, recent: &mut Recent) -> Sender {
    let attributes = record.object("attributes");
    let attribute = |name| attributes.as_ref().and_then(|attributes| attributes.str(name));
    let queue_arn = record.str("eventSourceARN");
    // Standard queues may carry a `MessageGroupId` too (for fair sharing), without any order: only the
    // queue's name tells.
    let is_fifo = queue_arn.as_ref().is_some_and(|arn| arn.ends_with(".fifo"));
    let group =
        is_fifo.then(|| MessageGroup(attribute("MessageGroupId").unwrap_or_default().as_ref().into()));
    let id = record.str("messageId").unwrap_or_default();
    let requested_by = RequestedBy {
        sender_id: recent.sender_id.share(attribute("SenderId")),
        queue_arn: recent.queue_arn.share(queue_arn),
        ..RequestedBy::new(Source::Sqs, &id)
    };
    Sender { requested_by, group }
}

/// Reads what the record's message asks for.
pub(super) fn read(reader: &mut Reader<'_>, record: &Object<'_>, place: Place<'_>) {
    let sender = place.sender_or(|| sender(record, reader.recent()));
    let stray = caution::none_beside_message("a record's `body`", record, "messageAttributes");
    match (stray, record.str("body")) {
        (Err(stray), _) => reader.deliver(&sender, Err(stray)),
        (Ok(()), Some(body)) => reader.text(&body, place.inside(&sender, "body")),
        (Ok(()), None) => {
            let rejection = Rejection::new("body", "is missing or not a string", "send SQS's own records");
            reader.deliver(&sender, Err(rejection));
        }
    }
}
