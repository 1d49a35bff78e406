//! Notifications of an SNS topic.

use serde_json::value::RawValue;

use super::{Delivery, Nested, Source, message};
use crate::object::Object;
use crate::request::{CancelRequest, Rejection, Rules};

pub(super) fn matches_record(record: &Object<'_>) -> bool {
    record.str("EventSource").as_deref() == Some("aws:sns")
}

pub(super) fn matches_notification(object: &Object<'_>) -> bool {
    object.str("Type").as_deref() == Some("Notification") && object.get("TopicArn").is_some()
}

/// One record of SNS's Lambda event, the notification being its `Sns`.
pub(super) fn delivery(record: &RawValue, rules: &Rules<'_>, id: &str) -> Delivery {
    match Object::of(record).filter(matches_record).and_then(|record| record.object("Sns")) {
        Some(sns) => notification(&sns, rules, id),
        None => Delivery {
            source: Source::Sns,
            id: id.to_owned(),
            group: None,
            request: Err(Rejection::new("Records", "holds a record without `Sns`", "send SNS's own records")),
        },
    }
}

/// A notification, whether from a record or on its own.
pub(super) fn notification(sns: &Object<'_>, rules: &Rules<'_>, id: &str) -> Delivery {
    Delivery {
        source: Source::Sns,
        id: sns.str("MessageId").unwrap_or(id.into()).into_owned(),
        group: None,
        request: request(sns, rules),
    }
}

pub(super) fn request(sns: &Object<'_>, rules: &Rules<'_>) -> Result<CancelRequest, Rejection> {
    match sns.str("Message") {
        Some(text) => message(&text, rules, "Message", Nested::Nothing),
        None => {
            Err(Rejection::new("Message", "is missing or not a string", "publish the request as the message"))
        }
    }
}
