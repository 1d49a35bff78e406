//! What must hold for any bytes that arrive: no panic, no hang, bounded memory, and a result for each delivery.
//! `fuzz/run` has libFuzzer look for bytes for which it does not.

use batch_canceller::request::Rules;
use batch_canceller::trigger::{Delivery, deliveries};
use event_pattern::{Document, Pattern, Reading};
use serde_json::value::RawValue;

/// The invocation that deliveries without an id of their own are named by.
const REQUEST_ID: &str = "invocation";

/// A rejection's words are for people and for logs: they do not grow with what was sent.
const LONGEST_REJECTION: usize = 2048;

fn rules() -> Rules<'static> {
    Rules { region: Some("us-east-1"), account: Some("123456789012"), allow_terminate: true }
}

/// Takes bytes for the payload of an invocation, as Lambda hands it over: checked to be JSON.
pub fn payload(bytes: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<&RawValue>(bytes) else {
        return;
    };
    match deliveries(payload, &rules(), REQUEST_ID) {
        Ok(deliveries) => deliveries.iter().for_each(check),
        Err(unknown) => {
            assert!(unknown.to_string().len() < LONGEST_REJECTION);
            assert!(unknown.in_log().len() < LONGEST_REJECTION);
        }
    }
}

/// Takes bytes for the body of an SQS message: whatever it says, there is a delivery, and each has the message's id.
pub fn body(bytes: &[u8]) {
    let body = String::from_utf8_lossy(bytes);
    let record = |id: &str, body: &str| {
        serde_json::json!({"messageId": id, "eventSource": "aws:sqs", "body": body,
                           "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:requests"})
    };
    let neighbour = r#"{"jobId": "a", "reason": "r"}"#;
    let event = serde_json::json!({"Records": [record("m0", &body), record("m1", neighbour)]});
    let Ok(payload) = serde_json::value::to_raw_value(&event) else {
        return;
    };
    let found = deliveries(&payload, &rules(), REQUEST_ID).unwrap_or_default();
    let of = |id: &str| found.iter().filter(|delivery| delivery.id() == id).count();
    assert!(of("m0") >= 1, "a message without a delivery");
    assert_eq!(of("m1"), 1, "its neighbour has one");
    assert_eq!(of("m0") + 1, found.len(), "and there are no others");
    assert!(found.last().is_some_and(|delivery| delivery.request.is_ok()), "which is not hurt");
    found.iter().for_each(check);
}

/// Takes bytes for a pattern and, behind a line break, a document: both are read or refused with a place, a document
/// that does not match has a reason for it, and a guard's reading refuses more but never reads otherwise.
pub fn pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, document) = text.split_once('\n').unwrap_or((&text, "{}"));
    let strict = Reading { strict: true, ..Reading::default() };
    let guards = Pattern::parse_with(pattern, &strict);
    let pattern = match Pattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            assert!(guards.is_err(), "a guard reads what is no pattern: {error}");
            return;
        }
    };
    assert!(!pattern.branches().is_empty() && pattern.branches().len() <= 1000);
    let Ok(document) = Document::parse(document) else {
        return;
    };
    let matches = pattern.try_matches(&document);
    assert_eq!(matches != Ok(true), pattern.miss(&document).is_some());
    if let Ok(guards) = guards {
        assert_eq!(guards.try_matches(&document), matches);
    }
}

fn check(delivery: &Delivery) {
    match &delivery.request {
        Ok(request) => {
            assert!(request.jobs.is_empty() == request.sweep.is_some() && request.jobs.len() <= 1000);
            assert!(!request.reason.as_str().trim().is_empty());
            assert!(request.reason.as_str().encode_utf16().count() <= 1024);
            assert!(request.metadata.as_ref().is_none_or(|metadata| metadata.get().len() <= 4096));
        }
        Err(rejection) => assert!(rejection.to_string().len() < LONGEST_REJECTION, "{rejection}"),
    }
}
