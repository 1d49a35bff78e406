//! SQS batches such as Lambda hands to a function, with fresh job ids.

use fastrand::Rng;
use serde_json::{Value, json};

/// How large a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// That many records.
    Records(usize),
    /// As many records as fit into that many bytes of payload.
    Bytes(usize),
}

/// One message: its id, and the job it asks to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) message: String,
    pub(crate) job: String,
}

/// One invocation's payload and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) payload: String,
    pub(crate) records: Vec<Record>,
}

/// Builds a batch; the same seed gives the same one.
pub(crate) fn build(size: Size, seed: u64) -> Event {
    let mut dice = Rng::with_seed(seed);
    let mut payload = String::from(r#"{"Records":["#);
    let mut records = Vec::new();
    loop {
        if size == Size::Records(records.len()) {
            break;
        }
        let record = Record { message: uuid(&mut dice), job: uuid(&mut dice) };
        let json = json_of(&record, &mut dice).to_string();
        let comma = usize::from(!records.is_empty());
        if let Size::Bytes(most) = size
            && payload.len() + comma + json.len() + "]}".len() > most
        {
            break;
        }
        if comma == 1 {
            payload.push(',');
        }
        payload.push_str(&json);
        records.push(record);
    }
    payload.push_str("]}");
    Event { payload, records }
}

/// A record as SQS sends it: what no function reads is there too, since every function must get past it.
fn json_of(record: &Record, dice: &mut Rng) -> Value {
    let handle: String = "AQEB".chars().chain((0..172).map(|_| dice.alphanumeric())).collect();
    let body = json!({"jobId": record.job, "reason": "The pipeline was stopped."}).to_string();
    json!({
        "messageId": record.message,
        "receiptHandle": handle,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1794269710486",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1794269710493",
        },
        "messageAttributes": {},
        "md5OfBody": "5a0170e21686e0f2eee15b9a074157dd",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:batch-cancel-requests",
        "awsRegion": "us-east-1",
    })
}

/// A version 4 UUID that is as random as the dice.
fn uuid(dice: &mut Rng) -> String {
    uuid::Builder::from_random_bytes(dice.u128(..).to_be_bytes()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_batch_has_the_records_asked_for_each_with_its_own_ids() {
        let event = build(Size::Records(300), 7);
        assert_eq!(event.records.len(), 300);
        let ids: HashSet<_> = event.records.iter().flat_map(|r| [&r.message, &r.job]).collect();
        assert_eq!(ids.len(), 600);
        assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        let first = &payload["Records"][0];
        assert_eq!(first["messageId"], event.records[0].message);
        let body: Value = serde_json::from_str(first["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["jobId"], event.records[0].job);
    }

    #[test]
    fn a_batch_by_size_is_as_full_as_it_can_be() {
        let event = build(Size::Bytes(100_000), 7);
        let record = build(Size::Records(1), 7).payload.len();
        assert!((100_000 - record..=100_000).contains(&event.payload.len()), "{}", event.payload.len());
        assert!((100..200).contains(&event.records.len()), "{}", event.records.len());
    }

    #[test]
    fn the_seed_decides() {
        let payload = |seed| build(Size::Records(3), seed).payload;
        assert_eq!(payload(1), payload(1));
        assert_ne!(payload(1), payload(2));
        assert_eq!(build(Size::Records(0), 1).payload, r#"{"Records":[]}"#);
    }
}
