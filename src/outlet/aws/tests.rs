//! The adapter over real HTTP.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_sdk_batch::config::{Credentials, SharedCredentialsProvider};
use tokio::net::TcpListener;
use tokio::time;

use super::super::Fifo;
use super::*;
use crate::aws::loopback::{Fate, Loopback, Place, Request, answer};
use crate::config::{Config, Limits, Variables};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:rest.fifo";
const SENT: &str = r#"{"MessageId": "id-1", "MD5OfMessageBody": "0"}"#;
const TAKEN: &str = r#"{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}"#;

fn limits(attempt_timeout_ms: u64) -> Limits {
    Limits {
        attempt_timeout: Duration::from_millis(attempt_timeout_ms),
        ..Config::from_lookup(|_| None).unwrap().limits
    }
}

fn outlet(url: &str) -> AwsOutlet {
    AwsOutlet::new(Aws::at(url, "us-east-1", &limits(5_000)).unwrap())
}

fn event() -> Event {
    let (detail, resources) = (r#"{"jobId":"a"}"#.to_owned(), vec!["arn:aws:batch:job".to_owned()]);
    Event { source: "batch-canceller", detail_type: "Result", detail, resources }
}

async fn send(outlet: &AwsOutlet) -> Result<String, OutletError> {
    let fifo = Some(Fifo { group: "g", deduplication: "d".into() });
    outlet.send(&Message { queue_arn: QUEUE, body: "{\"rest\":1}".into(), fifo }).await
}

async fn publish(outlet: &AwsOutlet, bus: &str) -> Result<Vec<Option<OutletError>>, OutletError> {
    outlet.publish(bus, &[event()]).await
}

/// How both calls fail on the same answer.
async fn failures(outlet: &AwsOutlet) -> [OutletError; 2] {
    [send(outlet).await.unwrap_err(), publish(outlet, "results").await.unwrap_err()]
}

/// The one request that came.
#[track_caller]
fn only(server: &Loopback) -> Request {
    let [request] = server.requests().try_into().unwrap();
    request
}

/// Whether a request is signed for a service in a region.
#[track_caller]
fn check_signed(request: &Request, service: &str, region: &str) {
    let signature = request.header("authorization").unwrap();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=local/"), "{signature}");
    assert!(signature.contains(&format!("/{region}/{service}/aws4_request")), "{signature}");
    for header in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        assert!(signature.contains(header), "{header} is not signed: {signature}");
    }
    assert!(request.header("x-amz-date").is_some());
    assert!(request.header("x-amz-user-agent").unwrap().contains(&format!("api/{service}")));
}

#[tokio::test]
async fn a_message_goes_to_its_queue_in_its_region() {
    let server = Loopback::answering(&answer(200, &[], SENT)).await;
    assert_eq!(send(&outlet(&server.url)).await, Ok("id-1".into()));
    let request = only(&server);
    assert_eq!(request.head[0], "POST / HTTP/1.1");
    assert_eq!(request.header("x-amz-target"), Some("AmazonSQS.SendMessage"));
    assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.0"));
    check_signed(&request, "sqs", "eu-west-1");
    assert_eq!(
        request.body,
        concat!(
            r#"{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/rest.fifo","#,
            r#""MessageBody":"{\"rest\":1}","MessageGroupId":"g","MessageDeduplicationId":"d"}"#
        )
    );
}

#[tokio::test]
async fn events_go_to_their_bus_in_its_region() {
    let arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/results";
    for (bus, region) in [("results", "us-east-1"), (arn, "cn-north-1")] {
        let server = Loopback::answering(&answer(200, &[], TAKEN)).await;
        assert_eq!(publish(&outlet(&server.url), bus).await, Ok(vec![None]));
        let request = only(&server);
        assert_eq!(request.head[0], "POST / HTTP/1.1");
        assert_eq!(request.header("x-amz-target"), Some("AWSEvents.PutEvents"));
        assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.1"));
        check_signed(&request, "events", region);
        assert_eq!(
            request.body,
            format!(
                concat!(
                    r#"{{"Entries":[{{"Source":"batch-canceller","DetailType":"Result","#,
                    r#""Detail":"{{\"jobId\":\"a\"}}","Resources":["arn:aws:batch:job"],"EventBusName":"{}"}}]}}"#
                ),
                bus
            )
        );
    }
}

#[tokio::test]
async fn each_service_may_be_elsewhere() {
    let [sqs, events, all] = [
        Loopback::answering(&answer(200, &[], SENT)).await,
        Loopback::answering(&answer(200, &[], TAKEN)).await,
        Loopback::answering(&answer(503, &[], "")).await,
    ];
    let vars = |name: &str| match name {
        "AWS_ENDPOINT_URL_SQS" => Some(sqs.url.clone()),
        "AWS_ENDPOINT_URL_EVENTBRIDGE" => Some(events.url.clone()),
        "AWS_ENDPOINT_URL" => Some(all.url.clone()),
        _ => None,
    };
    let aws = Aws::made_up(&Variables::non_empty(vars), "us-east-1", &limits(5_000), None).unwrap();
    let outlet = AwsOutlet::new(aws);
    assert_eq!(send(&outlet).await, Ok("id-1".into()));
    assert_eq!(publish(&outlet, "results").await, Ok(vec![None]));
    assert_eq!((sqs.requests().len(), events.requests().len(), all.connections()), (1, 1, 0));
}

#[tokio::test]
async fn without_another_endpoint_it_is_the_regions() {
    let aws = Aws::made_up(&Variables::non_empty(|_| None), "us-east-1", &limits(5_000), None).unwrap();
    let outlet = AwsOutlet::new(aws);
    for (call, region, expected) in [
        (&SEND_MESSAGE, "eu-west-1", "https://sqs.eu-west-1.amazonaws.com"),
        (&PUT_EVENTS, "us-iso-east-1", "https://events.us-iso-east-1.c2s.ic.gov"),
    ] {
        assert_eq!(outlet.endpoint(call, region).await, Ok(expected.into()));
    }
}

#[tokio::test]
async fn a_session_is_part_of_the_signature() {
    let server = Loopback::answering(&answer(200, &[], SENT)).await;
    let vars = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| server.url.clone());
    let session = Credentials::new("local", "local", Some("session".into()), None, "made up");
    let session = Some(SharedCredentialsProvider::new(session));
    let aws = Aws::made_up(&Variables::non_empty(vars), "us-east-1", &limits(5_000), session).unwrap();
    send(&AwsOutlet::new(aws)).await.unwrap();
    let request = only(&server);
    assert_eq!(request.header("x-amz-security-token"), Some("session"));
    assert!(request.header("authorization").unwrap().contains("x-amz-security-token"));
}

#[tokio::test]
async fn an_event_may_fail_alone() {
    let body = r#"{"FailedEntryCount": 1, "Entries": [
        {"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "Slow down."}]}"#;
    let server = Loopback::answering(&answer(200, &[], body)).await;
    let told = outlet(&server.url).publish("results", &[event(), event()]).await.unwrap();
    let failure = OutletError { message: "ThrottlingException: Slow down.".into(), is_passing: true };
    assert_eq!(told, [None, Some(failure)]);
}

#[tokio::test]
async fn an_answer_that_fails_a_call_says_why() {
    let query = "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender";
    let page = ["content-type: text/html"];
    for (sent, start, is_passing) in [
        (
            answer(400, &[query], r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "None."}"#),
            "400 QueueDoesNotExist: None.",
            false,
        ),
        (answer(400, &[query], ""), "400 AWS.SimpleQueueService.NonExistentQueue", false),
        (
            answer(403, &["x-amzn-errortype: AccessDeniedException:http://x/"], r#"{"message": "No."}"#),
            "403 AccessDeniedException: No.",
            false,
        ),
        (answer(429, &[], ""), "429", true),
        (answer(500, &[], r#"{"__type": "InternalFailure"}"#), "500 InternalFailure", true),
        (answer(503, &page, "<html>"), "503: the answer is not ", true),
        (answer(200, &page, "<html><title>Sign in</title></html>"), "200: the answer is not ", true),
        (answer(200, &[], ""), "200: the answer is not ", true),
        (answer(200, &[], "{}"), "200: the answer is not ", true),
    ] {
        let server = Loopback::answering(&sent).await;
        for error in failures(&outlet(&server.url)).await {
            assert!(error.message.starts_with(start), "{error} {sent}");
            assert_eq!(error.is_passing, is_passing, "{error} {sent}");
        }
        assert_eq!(server.requests().len(), 2, "each call is made once: {sent}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let sent = answer(200, &[], SENT).replace("content-length: ", "content-length: 5");
    let server = Loopback::serve(move |_| std::future::ready(Fate::Last(sent.clone()))).await;
    for error in failures(&outlet(&server.url)).await {
        assert!(error.is_passing && error.message.contains("the answer could not be read: "), "{error}");
    }
}

#[tokio::test]
async fn a_lost_connection_passes() {
    let server = Loopback::serve(|_| std::future::ready(Fate::Reset)).await;
    for error in failures(&outlet(&server.url)).await {
        assert!(error.is_passing && error.message.starts_with("connection lost: "), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for error in failures(&outlet(&url)).await {
        assert!(error.is_passing && error.message.starts_with("could not connect: "), "{error}");
    }
}

#[tokio::test]
async fn no_answer_ends_a_call_when_its_time_is_over() {
    let server = Loopback::serve(|_| std::future::ready(Fate::Ignore)).await;
    let outlet = AwsOutlet::new(Aws::at(&server.url, "us-east-1", &limits(200)).unwrap());
    let calls = time::timeout(Duration::from_secs(5), failures(&outlet))
        .await
        .expect("each call is to end by itself");
    for error in calls {
        assert_eq!(error, OutletError { message: "no answer within 200 ms".into(), is_passing: true });
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_no_failure() {
    // As after a freeze: the first connection is good for one call.
    let sent = answer(200, &[], SENT);
    let server = Loopback::serve(move |Place { connection, request }| {
        let fate = if (connection, request) == (0, 1) { Fate::Reset } else { Fate::Answer(sent.clone()) };
        std::future::ready(fate)
    })
    .await;
    let outlet = outlet(&server.url);
    send(&outlet).await.unwrap();
    time::pause();
    time::advance(Duration::from_secs(2)).await;
    time::resume();
    assert_eq!(send(&outlet).await, Ok("id-1".into()));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Loopback::answering(&answer(200, &[], SENT)).await;
    let vars = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| server.url.clone());
    // Its variables are not set here.
    let nowhere = Some(SharedCredentialsProvider::new(EcsCredentialsProvider::builder().build()));
    let aws = Aws::made_up(&Variables::non_empty(vars), "us-east-1", &limits(5_000), nowhere).unwrap();
    for error in failures(&AwsOutlet::new(aws)).await {
        assert!(error.is_passing && error.message.starts_with("could not be sent: "), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn nothing_is_called_for_a_queue_that_is_none() {
    let server = Loopback::answering(&answer(200, &[], SENT)).await;
    let outlet = outlet(&server.url);
    let message = Message { queue_arn: "rest", body: String::new(), fifo: None };
    let error = outlet.send(&message).await.unwrap_err();
    assert!(!error.is_passing, "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_is_never_called_is_never_set_up() {
    let server = Loopback::answering(&answer(200, &[], SENT)).await;
    let outlet = outlet(&server.url);
    assert!(outlet.sqs.get().is_none() && outlet.eventbridge.get().is_none());
    send(&outlet).await.unwrap();
    assert!(outlet.sqs.get().is_some() && outlet.eventbridge.get().is_none());
}
