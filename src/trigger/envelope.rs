//! What a JSON value is, by the marks it carries.

use serde_json::value::RawValue;

use super::{Source, eventbridge, invocation, own_result, sns, sqs};
use crate::object::{Json, Object};
use crate::request::CancelRequest;

/// A request, or what may be wrapped around one.
pub(super) enum Envelope<'a> {
    /// A list of any of these.
    List(Vec<&'a RawValue>),
    /// An event with `Records`, some record of which is marked as SQS's or SNS's.
    Records {
        event: Object<'a>,
        records: Vec<&'a RawValue>,
        /// The first mark's.
        source: Source,
    },
    /// A record outside of `Records`, as EventBridge Pipes send them.
    SqsRecord(Object<'a>),
    /// The same of SNS.
    SnsRecord(Object<'a>),
    /// What SNS puts into an SQS body or an HTTP request.
    SnsNotification(Object<'a>),
    /// `detail-type`, `source` and `detail`.
    EventBridge(Object<'a>),
    /// What Lambda sends to a destination about an invocation.
    Invocation(Object<'a>),
    /// What a result event of this function's has in its detail.
    OwnResult,
    /// A request's own fields.
    Request(Object<'a>),
    /// Nothing known.
    Unknown(Json<'a>),
}

impl<'a> Envelope<'a> {
    /// The order of these questions is the order in which marks count.
    pub(super) fn of(json: Json<'a>) -> Self {
        let object = match json {
            Json::Object(object) => object,
            Json::Array(elements) => return Self::List(elements),
            Json::Scalar(_) => return Self::Unknown(json),
        };
        if let Some(records) = object.array("Records") {
            return match records.iter().find_map(|record| Self::mark(&Object::of(record)?)) {
                Some(source) => Self::Records { event: object, records, source },
                None => Self::Unknown(Json::Object(object)),
            };
        }
        match Self::mark(&object) {
            Some(Source::Sqs) => return Self::SqsRecord(object),
            Some(_) => return Self::SnsRecord(object),
            None => {}
        }
        match () {
            () if eventbridge::matches(&object) => Self::EventBridge(object),
            () if sns::matches_notification(&object) => Self::SnsNotification(object),
            () if invocation::matches(&object) => Self::Invocation(object),
            () if own_result::matches(&object) => Self::OwnResult,
            () if CancelRequest::matches(&object) => Self::Request(object),
            () => Self::Unknown(Json::Object(object)),
        }
    }

    /// Whose record an object is.
    pub(super) fn mark(record: &Object<'_>) -> Option<Source> {
        match () {
            () if sqs::matches_record(record) => Some(Source::Sqs),
            () if sns::matches_record(record) => Some(Source::Sns),
            () => None,
        }
    }

    /// Whether there may be another envelope in it.
    pub(super) fn is_wrapping(&self) -> bool {
        !matches!(self, Self::OwnResult | Self::Request(_) | Self::Unknown(_))
    }
}
