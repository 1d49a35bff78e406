//! Where a payload comes from, and the deliveries it holds.
//!
//! A source is recognised by marks that only it carries, never by trying one shape after another: what
//! nearly fits must be named, not swallowed. The order is declared once, in `Envelope::of`.

mod direct;
mod eventbridge;
mod sns;
mod sqs;

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::object::{Object, array, kind};
use crate::request::{CancelRequest, Rejection, Rules};

pub use sqs::MessageGroup;

/// Where a delivery came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A record of an SQS queue, through an event source mapping or a pipe.
    Sqs,
    /// A notification of an SNS topic.
    Sns,
    /// An event of an EventBridge bus.
    EventBridge,
    /// An invocation by hand, by Step Functions, or by a rule with an input transformer.
    Direct,
}

impl Source {
    /// The source as results write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::EventBridge => "eventbridge",
            Self::Direct => "direct",
        }
    }
}

/// One record, notification, event or direct request, with its own id and its own request or rejection.
#[derive(Debug)]
pub struct Delivery {
    /// Where it came from.
    pub source: Source,
    /// Its id at the source, or else the invocation's; empty for an SQS record without one, which could not
    /// be reported by any other.
    pub id: String,
    /// The message group, for a record of a FIFO queue.
    pub group: Option<MessageGroup>,
    /// What it asks, or why that cannot be told.
    pub request: Result<CancelRequest, Rejection>,
}

/// A payload that carries no known source's marks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the payload is not recognised: {seen}. Accepted are an SQS event, an SNS event, an EventBridge event, \
     a request with `jobId` and `reason`, or an array of these"
)]
pub struct UnknownPayload {
    seen: String,
}

/// Splits a payload into its deliveries.
///
/// `request_id` names deliveries that bring no id of their own.
///
/// # Errors
///
/// [`UnknownPayload`], which names the payload's top-level keys but none of its values. Inside an array or a
/// batch an unknown element is a rejected delivery instead, so that it does not hurt its neighbours.
pub fn deliveries(
    payload: &RawValue,
    rules: &Rules<'_>,
    request_id: &str,
) -> Result<Vec<Delivery>, UnknownPayload> {
    let Some(elements) = array(payload) else {
        return from_payload(payload, rules, request_id);
    };
    let mut all = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let id = format!("{request_id}[{index}]");
        match from_payload(element, rules, &id) {
            Ok(some) => all.extend(some),
            Err(unknown) => all.push(Delivery {
                source: Source::Direct,
                id,
                group: None,
                request: Err(unrecognised("payload", &unknown.seen)),
            }),
        }
    }
    Ok(all)
}

fn from_payload(payload: &RawValue, rules: &Rules<'_>, id: &str) -> Result<Vec<Delivery>, UnknownPayload> {
    let Some(object) = Object::of(payload) else {
        return Err(UnknownPayload { seen: format!("it is {}", kind(payload)) });
    };
    match Envelope::of(&object) {
        Envelope::SqsRecords(records) => {
            Ok(records.into_iter().map(|record| sqs::delivery(record, rules)).collect())
        }
        Envelope::SqsRecord => Ok(vec![sqs::delivery(payload, rules)]),
        Envelope::SnsRecords(records) => {
            Ok(records.into_iter().map(|record| sns::delivery(record, rules, id)).collect())
        }
        Envelope::SnsNotification => Ok(vec![sns::notification(&object, rules, id)]),
        Envelope::EventBridge => Ok(vec![eventbridge::delivery(&object, rules, id)]),
        Envelope::Request => Ok(vec![direct::delivery(&object, rules, id)]),
        Envelope::Unknown => Err(UnknownPayload { seen: marks(&object) }),
    }
}

/// What an object is, by the marks it carries.
enum Envelope<'a> {
    /// `Records[0].eventSource` is `aws:sqs`.
    SqsRecords(Vec<&'a RawValue>),
    /// A record outside of `Records`, as EventBridge Pipes send them.
    SqsRecord,
    /// `Records[0].EventSource` is `aws:sns`.
    SnsRecords(Vec<&'a RawValue>),
    /// What SNS puts into an SQS body or an HTTP request.
    SnsNotification,
    /// `detail-type`, `source` and `detail`.
    EventBridge,
    /// A request's own fields.
    Request,
    /// Nothing known.
    Unknown,
}

impl<'a> Envelope<'a> {
    fn of(object: &Object<'a>) -> Self {
        if let Some(records) = object.array("Records") {
            let Some(first) = records.first().copied().and_then(Object::of) else {
                return Self::Unknown;
            };
            return match () {
                () if sqs::matches_record(&first) => Self::SqsRecords(records),
                () if sns::matches_record(&first) => Self::SnsRecords(records),
                () => Self::Unknown,
            };
        }
        match () {
            () if sqs::matches_record(object) => Self::SqsRecord,
            () if eventbridge::matches(object) => Self::EventBridge,
            () if sns::matches_notification(object) => Self::SnsNotification,
            () if CancelRequest::matches(object) => Self::Request,
            () => Self::Unknown,
        }
    }
}

/// Reads the text a message carries: a bare request, an EventBridge envelope, or, where `nested` allows it,
/// an SNS notification around either.
fn message(
    text: &str,
    rules: &Rules<'_>,
    field: &'static str,
    nested: Nested,
) -> Result<CancelRequest, Rejection> {
    let remedy = "send one request with `jobId` and `reason` as a JSON object";
    let object = match Object::parse(text) {
        Ok(Some(object)) => object,
        Ok(None) => return Err(Rejection::new(field, "is JSON, but not an object", remedy)),
        Err(wrong) => {
            let problem = format!("is not JSON (line {}, column {})", wrong.line(), wrong.column());
            return Err(Rejection::new(field, problem, remedy));
        }
    };
    match Envelope::of(&object) {
        Envelope::Request => CancelRequest::parse(&object, rules),
        Envelope::EventBridge => eventbridge::request(&object, rules),
        Envelope::SnsNotification if nested == Nested::Sns => sns::request(&object, rules),
        _ => Err(unrecognised(field, &marks(&object))),
    }
}

/// What a message may be wrapped in besides an EventBridge envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nested {
    Sns,
    Nothing,
}

fn unrecognised(field: &'static str, seen: &str) -> Rejection {
    Rejection::new(
        field,
        format!("is not recognised ({seen})"),
        "send a request with `jobId` and `reason`, or an EventBridge event around one",
    )
}

/// The marks of an object in words: its keys, never its values.
fn marks(object: &Object<'_>) -> String {
    const MOST_KEYS: usize = 12;
    const MOST_CHARS: usize = 40;
    let mut keys: Vec<String> = object
        .keys()
        .take(MOST_KEYS)
        .map(|key| format!("`{}`", key.chars().take(MOST_CHARS).collect::<String>()))
        .collect();
    if object.keys().nth(MOST_KEYS).is_some() {
        keys.push("…".into());
    }
    match keys.as_slice() {
        [] => "it is an empty object".into(),
        [only] if only == "`Records`" => "its `Records` hold none of SQS's or SNS's".into(),
        _ => format!("its keys are {}", keys.join(", ")),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
