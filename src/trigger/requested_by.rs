//! Who asked for something, as far as the transport vouches for it.

use std::sync::Arc;

use serde::Serialize;

use super::Source;

/// Twice the longest of what AWS writes here: the limit of an ARN in IAM is 512 characters.
const MAX_BYTES: usize = 1024;

/// Who asked: what stands in the envelope that AWS made around a message, never anything from the message
/// itself, which says what its sender likes. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestedBy {
    /// Where the delivery came from.
    pub source: Source,
    /// Its id there, or else the invocation's; empty for an SQS record without one, which could not be
    /// reported by any other.
    pub id: Arc<str>,
    /// The principal that sent an SQS message, as `attributes.SenderId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<Arc<str>>,
    /// The SQS queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_arn: Option<Arc<str>>,
    /// The SNS topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_arn: Option<Arc<str>>,
    /// An EventBridge event's `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<Arc<str>>,
    /// An EventBridge event's `detail-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<Arc<str>>,
    /// The account that put an EventBridge event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Arc<str>>,
}

impl RequestedBy {
    /// A delivery of `source` about which nothing else is known.
    #[must_use]
    pub fn new(source: Source, id: &str) -> Self {
        Self {
            source,
            id: id.into(),
            sender_id: None,
            queue_arn: None,
            topic_arn: None,
            event_source: None,
            detail_type: None,
            account: None,
        }
    }

    /// Takes out what is longer than any id, name or ARN of AWS, and gives the name of the last such field.
    ///
    /// Only an invoker who wrote the envelope by hand can send that; it would stand in every result and log line, and
    /// half of a name, or none, would pass a policy that forbids the whole.
    pub(super) fn leave_out_what_is_too_long(&mut self) -> Option<&'static str> {
        let mut found = None;
        if self.id.len() > MAX_BYTES {
            (self.id, found) = ("".into(), Some("id"));
        }
        for (name, field) in [
            ("senderId", &mut self.sender_id),
            ("queueArn", &mut self.queue_arn),
            ("topicArn", &mut self.topic_arn),
            ("source", &mut self.event_source),
            ("detail-type", &mut self.detail_type),
            ("account", &mut self.account),
        ] {
            if field.take_if(|text| text.len() > MAX_BYTES).is_some() {
                found = Some(name);
            }
        }
        found
    }
}

/// The values that were last met of what a payload's records share: a batch of 10,000 has one queue, and needs
/// its name once.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) sender_id: Last,
    pub(super) queue_arn: Last,
    pub(super) topic_arn: Last,
    pub(super) event_source: Last,
    pub(super) detail_type: Last,
    pub(super) account: Last,
}

/// One such value.
#[derive(Debug, Default)]
pub(super) struct Last(Option<Arc<str>>);

impl Last {
    /// `text`, shared with the record before where that has the same.
    pub(super) fn share(&mut self, text: Option<impl AsRef<str>>) -> Option<Arc<str>> {
        let text = text?;
        let text = text.as_ref();
        if self.0.as_deref() != Some(text) {
            self.0 = Some(text.into());
        }
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut by = RequestedBy::new(Source::EventBridge, "e1");
        assert_eq!(serde_json::to_string(&by).unwrap(), r#"{"source":"eventbridge","id":"e1"}"#);
        by.sender_id = Some("s".into());
        by.queue_arn = Some("q".into());
        by.topic_arn = Some("t".into());
        by.event_source = Some("e".into());
        by.detail_type = Some("d".into());
        by.account = Some("a".into());
        let expected = r#"{"source":"eventbridge","id":"e1","senderId":"s","queueArn":"q","topicArn":"t","eventSource":"e","detailType":"d","account":"a"}"#;
        assert_eq!(serde_json::to_string(&by).unwrap(), expected);
    }

    #[test]
    fn what_is_too_long_is_left_out_and_named() {
        let mut by = RequestedBy::new(Source::Sqs, &"i".repeat(1024));
        by.queue_arn = Some("q".repeat(1024).into());
        assert_eq!((by.leave_out_what_is_too_long(), by.id.len()), (None, 1024));
        by.queue_arn = Some("q".repeat(1025).into());
        assert_eq!((by.leave_out_what_is_too_long(), by.queue_arn.is_none()), (Some("queueArn"), true));
        by.id = "i".repeat(1025).into();
        assert_eq!((by.leave_out_what_is_too_long(), &*by.id), (Some("id"), ""));
    }

    #[test]
    fn equal_values_in_a_row_are_held_once() {
        let mut last = Last::default();
        let first = last.share(Some("a")).unwrap();
        assert!(last.share(None::<&str>).is_none());
        assert!(Arc::ptr_eq(&first, &last.share(Some("a")).unwrap()));
        assert_eq!(&*last.share(Some("b")).unwrap(), "b");
    }
}
