//! What is said to SQS and EventBridge, and what their answers mean.
//!
//! Both speak AWS's JSON protocol. An answer is taken only if it is theirs, to the last event: the page of a proxy is no
//! success.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Event, Message, OutletError};
use crate::batch::failure::{LONGEST_CODE, LONGEST_MESSAGE, bare, is_throttling, shortened};
use crate::batch::{CallError, FailureKind};

/// An operation of one of the two services.
#[derive(Debug)]
pub(super) struct Call {
    /// The service, as errors and the user agent call it.
    pub(super) service: &'static str,
    /// The operation.
    pub(super) operation: &'static str,
    /// The service in the names of its endpoints, which is also the one to sign for.
    pub(super) endpoint: &'static str,
    /// `x-amz-target`.
    pub(super) target: &'static str,
    /// `content-type`, by the protocol's version.
    pub(super) content_type: &'static str,
}

pub(super) const SEND_MESSAGE: Call = Call {
    service: "SQS",
    operation: "SendMessage",
    endpoint: "sqs",
    target: "AmazonSQS.SendMessage",
    content_type: "application/x-amz-json-1.0",
};

pub(super) const PUT_EVENTS: Call = Call {
    service: "EventBridge",
    operation: "PutEvents",
    endpoint: "events",
    target: "AWSEvents.PutEvents",
    content_type: "application/x-amz-json-1.1",
};

impl Call {
    /// How the name of the endpoint begins, by AWS's endpoint rules. `GovCloud`'s ordinary endpoints are FIPS's.
    pub(super) fn prefix(&self, region: &str, fips: bool, dual_stack: bool) -> String {
        let at_gov = region.starts_with("us-gov-") && (self.endpoint == "events" || !dual_stack);
        if fips && !at_gov { format!("{}-fips", self.endpoint) } else { self.endpoint.to_owned() }
    }
}

/// A queue, by its ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Queue<'a> {
    pub(super) region: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> Queue<'a> {
    pub(super) fn of(arn: &'a str) -> Result<Self, OutletError> {
        match arn.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "sqs", region, account, name]
                if is_region(region) && !account.is_empty() && !name.is_empty() =>
            {
                Ok(Self { region, account, name })
            }
            _ => Err(refused(format!("{arn:?} is not the ARN of an SQS queue"))),
        }
    }

    /// Its URL, by how the names of its region's endpoints end.
    pub(super) fn url(&self, domain: &str) -> String {
        format!("https://sqs.{domain}/{}/{}", self.account, self.name)
    }
}

/// The region of a bus that is given by its ARN.
pub(super) fn region_of_bus(bus: &str) -> Option<&str> {
    match bus.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "events", region, ..] if is_region(region) => Some(region),
        _ => None,
    }
}

/// Whether a text can stand in the name of a host.
fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The body of a `SendMessage`.
pub(super) fn send_message(message: &Message<'_>, queue_url: &str) -> Result<String, OutletError> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        queue_url: &'a str,
        message_body: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_group_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_deduplication_id: Option<&'a str>,
    }
    let fifo = message.fifo.as_ref();
    json(&Request {
        queue_url,
        message_body: &message.body,
        message_group_id: fifo.map(|fifo| fifo.group),
        message_deduplication_id: fifo.map(|fifo| fifo.deduplication.as_str()),
    })
}

/// The body of a `PutEvents`.
pub(super) fn put_events(bus: &str, events: &[Event]) -> Result<String, OutletError> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        entries: Vec<Entry<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry<'a> {
        source: &'a str,
        detail_type: &'a str,
        detail: &'a str,
        resources: &'a [String],
        event_bus_name: &'a str,
    }
    let entries = events.iter().map(|event| Entry {
        source: event.source,
        detail_type: event.detail_type,
        detail: &event.detail,
        resources: &event.resources,
        event_bus_name: bus,
    });
    json(&Request { entries: entries.collect() })
}

fn json(body: &impl Serialize) -> Result<String, OutletError> {
    serde_json::to_string(body).map_err(|error| refused(error.to_string()))
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The error code that its headers hold: `x-amzn-errortype`, or SQS's `x-amzn-query-error`.
    pub(super) code: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The id that the answer gives to the message.
    pub(super) fn sent(&self) -> Result<String, OutletError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Sent {
            message_id: String,
        }
        let Sent { message_id } = self.read(&SEND_MESSAGE)?;
        if message_id.is_empty() { Err(self.not_from(&SEND_MESSAGE)) } else { Ok(message_id) }
    }

    /// What became of each of so many events, in their order.
    ///
    /// `FailedEntryCount` is not looked at: each entry speaks for itself.
    pub(super) fn published(&self, events: usize) -> Result<Vec<Option<OutletError>>, OutletError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Published {
            entries: Vec<Entry>,
        }
        let Published { entries } = self.read(&PUT_EVENTS)?;
        if entries.len() == events {
            return Ok(entries.into_iter().map(Entry::failure).collect());
        }
        Err(OutletError {
            message: format!("EventBridge's answer tells of {} events instead of {events}", entries.len()),
            is_passing: true,
        })
    }

    fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, OutletError> {
        if !(200..300).contains(&self.status) {
            return Err(self.failure(call));
        }
        // What is derived would also take a list for an object.
        let is_object = self.body.trim_ascii_start().first() == Some(&b'{');
        let read = if is_object { serde_json::from_slice(&self.body).ok() } else { None };
        read.ok_or_else(|| self.not_from(call))
    }

    /// What an answer says that is no success.
    fn failure(&self, call: &Call) -> OutletError {
        #[derive(Default, Deserialize)]
        struct Body {
            __type: Option<String>,
            code: Option<String>,
            message: Option<String>,
            #[serde(rename = "Message")]
            capital: Option<String>,
        }
        let body: Option<Body> = serde_json::from_slice(&self.body).ok();
        let is_theirs = body.is_some() || self.body.is_empty() || self.code.is_some();
        let body = body.unwrap_or_default();
        // `AWS.SimpleQueueService.NonExistentQueue;Sender` is the form of `x-amzn-query-error`.
        let header = self.code.as_deref().map(|code| code.split_once(';').map_or(code, |(code, _)| code));
        let code = body.__type.as_deref().or(body.code.as_deref()).or(header).map(bare);
        let message = match body.message.or(body.capital) {
            Some(message) => message,
            None if is_theirs => String::new(),
            None => format!("the answer is not {}'s", call.service),
        };
        self.error(code, message, passes(self.status, code.unwrap_or_default()))
    }

    /// A success that is none: nobody knows what it means, nor whether anything was done.
    fn not_from(&self, call: &Call) -> OutletError {
        self.error(None, format!("the answer is not {}'s", call.service), true)
    }

    fn error(&self, code: Option<&str>, message: String, is_passing: bool) -> OutletError {
        let error = CallError {
            status: Some(self.status),
            code: code.map(|code| shortened(code.to_owned(), LONGEST_CODE)),
            message: shortened(message, LONGEST_MESSAGE),
            ..CallError::new(FailureKind::Server)
        };
        OutletError { message: error.to_string(), is_passing }
    }
}

/// What became of an event.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    event_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

impl Entry {
    fn failure(self) -> Option<OutletError> {
        match (self.event_id, self.error_code) {
            (_, Some(code)) => {
                let message = self.error_message.unwrap_or_default();
                let separator = if message.is_empty() { "" } else { ": " };
                let message = shortened(format!("{code}{separator}{message}"), LONGEST_MESSAGE);
                Some(OutletError { message, is_passing: code_passes(&code) })
            }
            (Some(_), None) => None,
            (None, None) => {
                let message = "EventBridge's answer does not say whether the event was taken".into();
                Some(OutletError { message, is_passing: true })
            }
        }
    }
}

/// Whether the call may succeed later, by its answer.
fn passes(status: u16, code: &str) -> bool {
    !matches!(status, 400..=499) || matches!(status, 408 | 429) || code_passes(code)
}

/// Whether it is nothing that the request or its sender could do better: too many calls, a fault of AWS's, or a
/// signature that has become too old, as after a freeze.
fn code_passes(code: &str) -> bool {
    const PASSING: [&str; 11] = [
        "OverLimit",
        "Internal",
        "ServiceUnavailable",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "RequestExpired",
        "ExpiredToken",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "UnrecognizedClient",
        "InvalidClientTokenId",
    ];
    is_throttling(code) || PASSING.iter().any(|mark| code.contains(mark))
}

fn refused(message: String) -> OutletError {
    OutletError { message, is_passing: false }
}

impl From<CallError> for OutletError {
    fn from(error: CallError) -> Self {
        Self { message: error.to_string(), is_passing: error.kind.is_passing() }
    }
}

#[cfg(test)]
mod tests;
