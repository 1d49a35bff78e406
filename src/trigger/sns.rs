//! Notifications of an SNS topic.

use super::reader::{Place, Reader, Sender};
use super::requested_by::{Recent, RequestedBy};
use super::{Source, caution};
use crate::object::Object;
use crate::request::Rejection;

pub(super) fn matches_record(record: &Object<'_>) -> bool {
    record.str("EventSource").as_deref() == Some("aws:sns")
}

pub(super) fn matches_notification(object: &Object<'_>) -> bool {
    object.str("Type").as_deref() == Some("Notification") && object.get("TopicArn").is_some()
}

/// Who sent a notification that the topic itself handed over.
fn sender(notification: &Object<'_>, id: &str, recent: &mut Recent) -> Sender {
    let requested_by = RequestedBy {
        topic_arn: recent.topic_arn.share(notification.str("TopicArn")),
        ..RequestedBy::new(Source::Sns, &notification.str("MessageId").unwrap_or(id.into()))
    };
    Sender { requested_by, group: None }
}

/// Who sent a record, as far as it can be told.
pub(super) fn record_sender(record: &Object<'_>, id: &str, recent: &mut Recent) -> Sender {
    match record.object("Sns") {
        Some(notification) => sender(&notification, id, recent),
        None => Sender::of(Source::Sns, id),
    }
}

/// Reads one record of SNS's Lambda event, the notification being its `Sns`.
pub(super) fn read_record(reader: &mut Reader<'_>, record: &Object<'_>, place: Place<'_>) {
    let sender = place.sender_or(|| record_sender(record, place.id(), reader.recent()));
    match (caution::none_beside("a record's `Sns`", record), record.object("Sns")) {
        (Err(stray), _) => reader.deliver(&sender, Err(stray)),
        (Ok(()), Some(notification)) => message(reader, &notification, place, &sender),
        (Ok(()), None) => {
            let rejection =
                Rejection::new("Sns", "is missing from a record or not an object", "send SNS's own records");
            reader.deliver(&sender, Err(rejection));
        }
    }
}

/// Reads a notification on its own.
pub(super) fn read_notification(reader: &mut Reader<'_>, notification: &Object<'_>, place: Place<'_>) {
    let sender = place.sender_or(|| sender(notification, place.id(), reader.recent()));
    message(reader, notification, place, &sender);
}

fn message(reader: &mut Reader<'_>, notification: &Object<'_>, place: Place<'_>, sender: &Sender) {
    let stray = caution::none_beside_message("`Message`", notification, "MessageAttributes");
    match (stray, notification.str("Message")) {
        (Err(stray), _) => reader.deliver(sender, Err(stray)),
        (Ok(()), Some(text)) => reader.text(&text, place.inside(sender, "Message")),
        (Ok(()), None) => {
            let remedy = "publish the request as the message";
            let rejection = Rejection::new("Message", "is missing or not a string", remedy);
            reader.deliver(sender, Err(rejection));
        }
    }
}
