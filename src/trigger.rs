//! Where a payload comes from, and the deliveries it holds.
//!
//! A source is recognised by marks that only it carries, never by trying one shape after another: what
//! nearly fits must be named, not swallowed. The order is declared once, in `Envelope::of`. From the outermost envelope it is told who asked; what lies further in
//! only says what is asked.

mod caution;
mod envelope;
mod eventbridge;
mod invocation;
mod own_result;
mod reader;
mod requested_by;
mod sns;
mod sqs;
mod words;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::object::Json;
use crate::request::{CancelRequest, Rejection, Rules};
use envelope::Envelope;
use reader::{Place, Reader};

pub use requested_by::RequestedBy;
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

/// One request or rejection, with who asked for it. A message that holds several requests is as many deliveries, of
/// the same id, so that each has its own result.
#[derive(Debug)]
pub struct Delivery {
    /// Who asked.
    pub requested_by: RequestedBy,
    /// The message group, for a record of a FIFO queue.
    pub group: Option<MessageGroup>,
    /// What it asks, or why that cannot be told.
    pub request: Result<CancelRequest, Rejection>,
}

impl Delivery {
    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.requested_by.source
    }

    /// Its id there.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.requested_by.id
    }
}

/// Whether where these came from takes back those that are not settled, and only those.
pub(crate) fn takes_back_in_part<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> bool {
    let mut sources = deliveries.into_iter().map(Delivery::source);
    sources.next() == Some(Source::Sqs) && sources.all(|source| source == Source::Sqs)
}

/// Whether it is one of this function's own result events, sent back.
pub(crate) fn is_of_own_result(delivery: &Delivery) -> bool {
    delivery.request.as_ref().is_err_and(|rejection| *rejection == own_result::rejection())
}

/// A payload that carries no known source's marks.
///
/// Its words are for the invoker, who knows the payload; [`UnknownPayload::in_log`] is for everybody else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", not_recognised(.seen_by_invoker))]
pub struct UnknownPayload {
    seen: Cow<'static, str>,
    seen_by_invoker: Cow<'static, str>,
}

impl UnknownPayload {
    fn new(json: &Json<'_>) -> Self {
        Self { seen: words::describe(json), seen_by_invoker: words::describe_with_names(json) }
    }

    /// The same in words that name nothing of the payload, for the log.
    #[must_use]
    pub fn in_log(&self) -> String {
        not_recognised(&self.seen)
    }
}

fn not_recognised(seen: &str) -> String {
    format!(
        "the payload is not recognised: {seen}. Accepted are an SQS event, an SNS event, an EventBridge event, \
         Lambda's record of a failed invocation, a request with `jobId` and `reason`, or an array of these"
    )
}

/// Splits a payload into its deliveries.
///
/// `request_id` names deliveries that bring no id of their own.
///
/// # Errors
///
/// [`UnknownPayload`] when the payload as a whole is not recognised. Inside an array, a batch or a message an
/// unknown element is a rejected delivery instead, so that it does not hurt its neighbours.
pub fn deliveries(
    payload: &RawValue,
    rules: &Rules<'_>,
    request_id: &str,
) -> Result<Vec<Delivery>, UnknownPayload> {
    match Envelope::of(Json::of(payload)) {
        Envelope::Unknown(json) => Err(UnknownPayload::new(&json)),
        envelope => {
            let mut reader = Reader::new(rules);
            reader.open(envelope, Place::payload(request_id));
            Ok(reader.into_deliveries())
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
