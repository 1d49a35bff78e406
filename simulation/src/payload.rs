//! Payloads as AWS makes them.

use serde::Serialize;
use serde_json::json;

use crate::plan::{RequestPlan, Shape, Want};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:batch-canceller";
/// Who sends, if nobody else is named.
pub(crate) const SENDER: &str = "AIDAIENQZJOLO23YVJ4VO";
const TOPIC_ARN: &str = "arn:aws:sns:us-east-1:123456789012:batch-cancel-requests";

/// A message as SQS hands it over.
pub(crate) struct Record<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
    pub(crate) receives: u32,
    pub(crate) group: Option<u8>,
    pub(crate) sender: &'a str,
}

/// A request as a producer writes it, in whatever envelopes it comes.
pub(crate) fn body(request: &RequestPlan, number: usize) -> String {
    let list = |wants: &[Want]| {
        let items: Vec<&str> = wants.iter().map(|want| want.json.as_str()).collect();
        format!("[{}]", items.join(","))
    };
    let first = request.wants.first().map_or("{}", |want| want.json.as_str());
    match request.shape {
        Shape::Bare => first.to_owned(),
        Shape::Event => event(first, number),
        Shape::Blocked => blocked(first, number),
        Shape::Notification => notification(first, number),
        Shape::NotificationOfEvent => notification(&event(first, number), number),
        Shape::List => list(&request.wants),
        Shape::Records => {
            let records: Vec<String> = request
                .wants
                .iter()
                .map(|want| {
                    record(&Record {
                        id: "inner",
                        body: &want.json,
                        receives: 1,
                        group: None,
                        sender: SENDER,
                    })
                })
                .collect();
            format!(r#"{{"Records":[{}]}}"#, records.join(","))
        }
    }
}

/// JSON as text. Its `Display` writes the same, but goes through a formatter piece by piece, which takes several times
/// as long.
pub(crate) fn written(json: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(json).unwrap_or_default()
}

/// An event of a bus.
pub(crate) fn event(detail: &str, number: usize) -> String {
    event_of("acme.pipelines", "Batch Job Cancellation Requested", detail, number)
}

/// An event of Batch's own: a job holds up its queue.
pub(crate) fn blocked(detail: &str, number: usize) -> String {
    event_of("aws.batch", "Batch Job Queue Blocked", detail, number)
}

fn event_of(source: &str, kind: &str, detail: &str, number: usize) -> String {
    format!(
        r#"{{"version":"0","id":"event-{number}","detail-type":"{kind}","source":"{source}","account":"{ACCOUNT}","time":"2027-01-15T08:00:00Z","region":"{REGION}","resources":[],"detail":{detail}}}"#
    )
}

fn notification(message: &str, number: usize) -> String {
    written(&json!({
        "Type": "Notification",
        "MessageId": format!("note-{number}"),
        "TopicArn": TOPIC_ARN,
        "Message": message,
        "Timestamp": "2027-01-15T08:00:00.000Z",
    }))
}

/// What a topic invokes a function with.
pub(crate) fn topic(message: &str, number: usize) -> String {
    let sns = notification(message, number);
    format!(
        r#"{{"Records":[{{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"{TOPIC_ARN}:1","Sns":{sns}}}]}}"#
    )
}

/// What an event source mapping invokes a function with.
pub(crate) fn batch(records: &[Record<'_>]) -> String {
    let records: Vec<String> = records.iter().map(record).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

fn record(record: &Record<'_>) -> String {
    let Record { id, body, receives, group, sender } = record;
    let body = written(body);
    let (fifo, group) = match group {
        Some(group) => (".fifo", format!(r#","MessageGroupId":"group-{group}""#)),
        None => ("", String::new()),
    };
    format!(
        r#"{{"messageId":"{id}","receiptHandle":"handle","body":{body},"attributes":{{"ApproximateReceiveCount":"{receives}","SentTimestamp":"1800000000000","SenderId":"{sender}"{group}}},"messageAttributes":{{}},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:{REGION}:{ACCOUNT}:batch-cancel-requests{fifo}","awsRegion":"{REGION}"}}"#
    )
}

/// Lambda's record of an asynchronous invocation that failed as often as it may.
pub(crate) fn failed_invocation(payload: &str, error_type: &str, message: &str) -> String {
    let message = written(message);
    format!(
        r#"{{"version":"1.0","timestamp":"2027-01-15T08:00:00.000Z","requestContext":{{"requestId":"r","functionArn":"{FUNCTION_ARN}:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{payload},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"responsePayload":{{"errorType":"{error_type}","errorMessage":{message}}}}}"#
    )
}
