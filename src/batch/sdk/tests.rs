//! The adapter over real HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_sdk_batch::config::SharedCredentialsProvider;
use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Barrier;
use tokio::time;

use super::*;
use crate::aws::loopback::{Fate, Loopback, Place, answer};
use crate::config::Variables;

const JSON: &str = "content-type: application/json";
const PAGE: &str = "<html><title>Sign in</title></html>";

fn limits(attempt_timeout_ms: u64) -> Limits {
    Limits {
        attempt_timeout: Duration::from_millis(attempt_timeout_ms),
        ..crate::config::Config::from_lookup(|_| None).unwrap().limits
    }
}

fn client(url: &str) -> SdkBatch {
    SdkBatch::at(url, "us-east-1", &limits(5_000)).unwrap()
}

fn ids(ids: &[&str]) -> Vec<JobId> {
    ids.iter().map(|id| JobId::from(*id)).collect()
}

fn reason() -> Reason {
    Reason::new("Superseded by run 42.").unwrap()
}

/// The calls that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Describe,
    Single(Action),
    Bulk(Action),
}

const SINGLE: [Call; 2] = [Call::Single(Action::Cancel), Call::Single(Action::Terminate)];
const BULK: [Call; 2] = [Call::Bulk(Action::Cancel), Call::Bulk(Action::Terminate)];

impl Call {
    async fn make(self, batch: &SdkBatch) -> Result<(), CallError> {
        let (one, two, reason) = (ids(&["a"]), ids(&["a", "b"]), reason());
        let call = async {
            match self {
                Call::Describe => batch.describe(&one, Detail::Reported).await.map(drop),
                Call::Single(action) => batch.stop(action, &one, &reason).await.map(drop),
                Call::Bulk(action) => batch.stop(action, &two, &reason).await.map(drop),
            }
        };
        time::timeout(Duration::from_secs(5), call).await.expect("somebody is to answer")
    }
}

/// What a call makes of an answer.
async fn outcome(call: Call, sent: &str) -> Result<(), CallError> {
    let server = Loopback::answering(sent).await;
    call.make(&client(&server.url)).await
}

#[tokio::test]
async fn an_answer_that_fails_a_call_says_why() {
    use FailureKind::*;
    let url = "x-amzn-errortype: ClientException:http://internal.amazon.com/coral/com.amazon.coral/";
    let namespace = r#"{"__type": "com.amazonaws.batch#AccessDeniedException", "message": "No."}"#;
    for (sent, kind, text) in [
        (answer(400, &[JSON, url], r#"{"message": "No."}"#), Refused, "400 ClientException: No."),
        (
            answer(400, &[JSON], r#"{"code": "ValidationException", "message": "No."}"#),
            Refused,
            "400 ValidationException: No.",
        ),
        (answer(403, &[JSON], namespace), Denied, "403 AccessDeniedException: No."),
        // A code also where the body is none of Batch's.
        (
            answer(403, &["x-amzn-errortype: AccessDeniedException"], PAGE),
            Denied,
            "403 AccessDeniedException",
        ),
        (
            answer(403, &[JSON], r#"{"__type": "InvalidSignatureException", "Message": "Too old."}"#),
            TurnedAway,
            "403 InvalidSignatureException: Too old.",
        ),
        (
            answer(403, &["content-type: text/html"], PAGE),
            TurnedAway,
            "403: the answer is not Batch's (text/html)",
        ),
        (answer(302, &["location: /login"], ""), TurnedAway, "302"),
        (answer(407, &[], "Pay first."), TurnedAway, "407: the answer is not Batch's"),
        (answer(408, &[], ""), Timeout, "408"),
        (answer(429, &[], ""), Throttled, "429"),
        (answer(400, &["x-amzn-errortype: ThrottlingException"], "{}"), Throttled, "400 ThrottlingException"),
        (answer(503, &[], ""), Server, "503"),
        (
            answer(502, &["content-type: text/html"], PAGE),
            Server,
            "502: the answer is not Batch's (text/html)",
        ),
        (
            answer(500, &[JSON], r#"{"message": null}"#),
            Server,
            "500: the answer is not Batch's (application/json)",
        ),
    ] {
        for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
            let error = outcome(call, &sent).await.unwrap_err();
            assert_eq!((error.kind, error.to_string().as_str()), (kind, text), "{call:?} {sent}");
        }
    }
}

#[tokio::test]
async fn a_bulk_call_that_does_not_exist_is_told_from_a_failed_one() {
    for sent in [
        answer(404, &["content-type: text/html"], PAGE),
        answer(404, &[JSON], r#"{"message": "Not found"}"#),
        answer(405, &[], ""),
        answer(501, &[], ""),
        answer(400, &[JSON], r#"{"__type": "UnknownOperationException"}"#),
        answer(
            403,
            &["x-amzn-errortype: MissingAuthenticationTokenException"],
            r#"{"message": "Missing Authentication Token"}"#,
        ),
    ] {
        for call in BULK {
            assert_eq!(outcome(call, &sent).await.unwrap_err().kind, FailureKind::NoBulk, "{call:?} {sent}");
        }
        for call in [Call::Describe].into_iter().chain(SINGLE) {
            let kind = outcome(call, &sent).await.unwrap_err().kind;
            assert!(
                matches!(kind, FailureKind::TurnedAway | FailureKind::Server),
                "{call:?} {sent} {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_success_counts_only_if_it_may_be_batchs() {
    for body in [PAGE, "OK", "[]", "null", "\"accepted\"", "{\"half\": "] {
        for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
            let error = outcome(call, &answer(200, &["content-type: text/plain"], body)).await.unwrap_err();
            assert_eq!(error.kind, FailureKind::Server, "{call:?} {body}");
            assert_eq!(error.to_string(), "200: the answer is not Batch's (text/plain)", "{call:?} {body}");
        }
    }
    for body in ["", "{}", "{\"more\": {\"than\": [\"known\"]}}"] {
        for call in [Call::Describe].into_iter().chain(SINGLE) {
            assert!(outcome(call, &answer(200, &[], body)).await.is_ok(), "{call:?} {body}");
        }
    }
    assert!(outcome(SINGLE[0], &answer(200, &[], " \r\n")).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_nothing_of_what_was_done() {
    for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
        let sent =
            answer(200, &[JSON], "{\"jobs\": []}").replace("content-length: 12", "content-length: 500");
        let server = Loopback::serve(move |_| std::future::ready(Fate::Last(sent.clone()))).await;
        let error = call.make(&client(&server.url)).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Server, "{call:?}");
        assert!(error.to_string().contains("the answer could not be read: "), "{error}");
    }
}

#[tokio::test]
async fn items_of_a_bulk_answer_have_their_own_failures() {
    use FailureKind::*;
    let body = r#"{"successful": ["a"], "errors": [
        {"job": "b", "code": "AccessDenied", "message": "No."},
        {"job": "c", "code": "ThrottlingException"},
        {"job": "d"}]}"#;
    let server = Loopback::answering(&answer(200, &[JSON], body)).await;
    let ids = ids(&["a", "b", "c", "d", "e"]);
    let mut items = client(&server.url).stop(Action::Cancel, &ids, &reason()).await.unwrap();
    let kinds: Vec<_> = ids.iter().map(|id| items.take(id).map_err(|error| error.kind)).collect();
    assert_eq!(kinds, [Ok(()), Err(Denied), Err(Throttled), Err(Server), Err(Server)]);
}

#[tokio::test]
async fn the_wait_that_is_asked_for_comes_along() {
    for (header, expected) in [("x-amz-retry-after: 1500", 1_500), ("retry-after: 3", 3_000)] {
        let error = outcome(Call::Describe, &answer(503, &[header], "")).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_millis(expected)), "{header}");
    }
}

#[tokio::test]
async fn a_look_brings_the_whole_job_where_it_is_asked_for() {
    let job =
        r#"{ "jobId": "b", "status": "RUNNABLE", "tags": {"team": "ml"}, "novelty": {"depth": [1, 2.50]} }"#;
    let body = format!(r#"{{"jobs": [{{"jobId": "a", "status": "FAILED"}}, {job}]}}"#);
    let server = Loopback::answering(&answer(200, &[JSON], &body)).await;
    let batch = client(&server.url);
    let (a, b) = (JobId::from("a"), JobId::from("b"));
    let asked = [b.clone(), a.clone()];

    let mut whole = batch.describe(&asked, Detail::Whole).await.unwrap();
    let shown = whole.take(&b).unwrap().unwrap();
    assert_eq!(shown.snapshot.status, JobStatus::Runnable);
    assert_eq!(shown.detail.unwrap().get(), job);
    let shown = whole.take(&a).unwrap().unwrap();
    assert_eq!(shown.detail.unwrap().get(), r#"{"jobId": "a", "status": "FAILED"}"#);

    let mut reported = batch.describe(&asked, Detail::Reported).await.unwrap();
    assert!(reported.take(&b).unwrap().unwrap().detail.is_none());
}

#[tokio::test]
async fn a_whole_look_at_nothing_shows_nothing_and_one_at_a_page_fails() {
    for (body, expected) in [("", None), ("{}", None), (PAGE, Some(FailureKind::Server))] {
        let server = Loopback::answering(&answer(200, &[], body)).await;
        let looked = client(&server.url).describe(&ids(&["a"]), Detail::Whole).await;
        let shown = looked.map(|mut shown| shown.take(&JobId::from("a")).unwrap().is_some());
        assert_eq!(shown.map_err(|error| error.kind), expected.map_or(Ok(false), Err), "{body}");
    }
}

/// A failed call within the time that a call has, as the engine limits it.
#[track_caller]
fn failure(result: Result<Result<(), CallError>, time::error::Elapsed>) -> (FailureKind, String) {
    let error = result.expect("the adapter is to say why, in time").unwrap_err();
    (error.kind, error.message)
}

#[tokio::test]
async fn a_refused_connection_is_no_answer_that_failed_to_come() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (kind, message) = failure(Ok(Call::Describe.make(&client(&url)).await));
    assert_eq!(kind, FailureKind::Unreached);
    assert!(message.starts_with("could not connect: Connection refused"), "{message}");
}

#[tokio::test]
async fn a_connection_that_hangs_ends_before_its_call() {
    // A queue for one connection, which is full: further ones are not accepted.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = tokio::net::TcpStream::connect(address).await.unwrap();

    let limits = limits(400);
    let batch = SdkBatch::at(&format!("http://{address}"), "us-east-1", &limits).unwrap();
    let call = Call::Single(Action::Cancel).make(&batch);
    let (kind, message) = failure(time::timeout(limits.attempt_timeout, call).await);
    assert_eq!(kind, FailureKind::Unreached);
    assert_eq!(message, "could not connect: HTTP connect timeout occurred after 200ms");
}

#[tokio::test]
async fn a_host_without_an_address_is_not_reached() {
    // Reserved to never resolve (RFC 6761).
    let error = Call::Describe.make(&client("http://batch.invalid")).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unreached);
    assert!(error.message.starts_with("could not connect: "), "{error}");
}

#[tokio::test]
async fn a_failed_handshake_is_a_connection_that_did_not_come_about() {
    let server = Loopback::serve(|_| std::future::ready(Fate::Last("not TLS".into()))).await;
    let url = server.url.replace("http:", "https:");
    let roots = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/amazon-roots.pem");
    let vars = |name: &str| match name {
        "AWS_ENDPOINT_URL_BATCH" => Some(url.clone()),
        "AWS_CA_BUNDLE" => Some(roots.to_owned()),
        _ => None,
    };
    let aws = Aws::made_up(&Variables::non_empty(vars), "us-east-1", &limits(5_000), None).unwrap();
    let batch = SdkBatch::new(&aws);
    let error = Call::Describe.make(&batch).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unreached);
    assert!(error.message.starts_with("could not connect: "), "{error}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Loopback::answering(&answer(200, &[], "")).await;
    let vars = |name: &str| (name == "AWS_ENDPOINT_URL_BATCH").then(|| server.url.clone());
    // Its variables are not set here.
    let nowhere = SharedCredentialsProvider::new(EcsCredentialsProvider::builder().build());
    let vars = Variables::non_empty(vars);
    let aws = Aws::made_up(&vars, "us-east-1", &limits(5_000), Some(nowhere)).unwrap();
    let batch = SdkBatch::new(&aws);
    for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
        let error = call.make(&batch).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Unreached, "{error}");
        assert!(
            error.message.contains("could not be sent: ") && error.message.contains("credential"),
            "{error}"
        );
    }
    assert_eq!(server.connections(), 0);
}

/// Connections that are opened at once, before what happens to them.
const MANY: usize = 16;

/// A server that lets [`MANY`] calls come together, so that each has a connection of its own, and then does `fate`
/// to each further request on one of these connections.
async fn treacherous(fate: Fate) -> Loopback {
    let together = Arc::new(Barrier::new(MANY));
    Loopback::serve(move |Place { connection, request }| {
        let (together, fate) = (Arc::clone(&together), fate.clone());
        async move {
            match (connection, request) {
                (..MANY, 0) => {
                    together.wait().await;
                    Fate::Answer(answer(200, &[], "{}"))
                }
                (..MANY, _) => fate,
                _ => Fate::Answer(answer(200, &[], "{}")),
            }
        }
    })
    .await
}

/// Opens the connections.
async fn fill(batch: &SdkBatch, server: &Loopback) {
    let calls = (0..MANY).map(|_| Call::Describe.make(batch));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(server.connections(), MANY);
}

/// Lets time pass without waiting for it, while nothing is under way.
async fn pass(time: Duration) {
    time::pause();
    time::advance(time).await;
    time::resume();
}

#[tokio::test]
async fn one_reset_connection_is_enough_to_open_a_new_one() {
    for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
        let server = treacherous(Fate::Reset).await;
        let batch = client(&server.url);
        fill(&batch, &server).await;
        let error = call.make(&batch).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Connection, "{error}");
        assert!(error.message.starts_with("connection lost: "), "{error}");
        assert!(call.make(&batch).await.is_ok(), "{call:?}");
        assert_eq!(server.connections(), MANY + 1);
    }
}

#[tokio::test]
async fn one_silent_connection_is_enough_to_open_a_new_one() {
    for call in [Call::Describe].into_iter().chain(SINGLE).chain(BULK) {
        let server = treacherous(Fate::Ignore).await;
        let batch = client(&server.url);
        fill(&batch, &server).await;
        assert!(time::timeout(Duration::from_millis(50), call.make(&batch)).await.is_err());
        assert!(call.make(&batch).await.is_ok(), "{call:?}");
        assert_eq!(server.connections(), MANY + 1);
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_a_connection_and_no_attempt() {
    for call in [Call::Describe].into_iter().chain(SINGLE) {
        let server = treacherous(Fate::Reset).await;
        let batch = client(&server.url);
        fill(&batch, &server).await;
        pass(Duration::from_secs(2)).await;
        // As many at once as there are dead connections.
        let calls = join_all((0..MANY).map(|_| call.make(&batch))).await;
        assert!(calls.iter().all(Result::is_ok), "{call:?} {calls:?}");
        assert!(server.connections() <= 2 * MANY, "{}", server.connections());
    }
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_asked_no_more_than_twice() {
    let server = Loopback::serve(|place| {
        std::future::ready(match place {
            Place { connection: 0, request: 0 } => Fate::Answer(answer(200, &[], "{}")),
            _ => Fate::Reset,
        })
    })
    .await;
    let batch = client(&server.url);
    Call::Describe.make(&batch).await.unwrap();
    pass(Duration::from_secs(2)).await;
    assert_eq!(Call::Describe.make(&batch).await.unwrap_err().kind, FailureKind::Connection);
    assert_eq!(server.connections(), 2);
    // The fresh connection failed too: no call is made twice any more, and no pool replaced.
    assert_eq!(Call::Describe.make(&batch).await.unwrap_err().kind, FailureKind::Connection);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_no_after_a_lost_connection_does_not_hide_that_the_call_may_have_worked() {
    let denied = answer(403, &["x-amzn-errortype: AccessDeniedException"], "{}");
    let refused = answer(200, &[JSON], r#"{"errors": [{"job": "a", "code": "ClientException"}]}"#);
    for (call, second, kind) in [
        (SINGLE[0], denied.clone(), FailureKind::Connection),
        (BULK[0], denied.clone(), FailureKind::Connection),
        (BULK[0], refused, FailureKind::Connection),
        // It is a failure of the same sort, and the newer one.
        (SINGLE[0], answer(500, &[], ""), FailureKind::Server),
        // A look does nothing that could have worked.
        (Call::Describe, denied, FailureKind::Denied),
    ] {
        let server = Loopback::serve(move |Place { connection, request }| {
            std::future::ready(match (connection, request) {
                (0, 0) => Fate::Answer(answer(200, &[], "{}")),
                (0, _) => Fate::Reset,
                _ => Fate::Answer(second.clone()),
            })
        })
        .await;
        let batch = client(&server.url);
        Call::Describe.make(&batch).await.unwrap();
        pass(Duration::from_secs(2)).await;
        let result = call.make(&batch).await;
        assert_eq!(result.map_err(|error| error.kind), Err(kind), "{call:?}");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn connections_that_others_get_answers_on_are_kept() {
    // The second connection goes silent at its second request; the others work.
    let (together, silent) = (Arc::new(Barrier::new(3)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&silent);
    let server = Loopback::serve(move |Place { connection, request }| {
        let (together, silent) = (Arc::clone(&together), Arc::clone(&counted));
        async move {
            if request == 0 {
                together.wait().await;
            } else if connection == 1 {
                silent.fetch_add(1, Ordering::Relaxed);
                return Fate::Ignore;
            }
            Fate::Answer(answer(200, &[], "{}"))
        }
    })
    .await;
    let batch = client(&server.url);
    assert!(join_all((0..3).map(|_| Call::Describe.make(&batch))).await.iter().all(Result::is_ok));
    // All three are used again at once, and one call has to be given up.
    let calls = (0..3).map(|_| time::timeout(Duration::from_millis(500), Call::Describe.make(&batch)));
    let calls = join_all(calls).await;
    assert_eq!((calls.iter().filter(|call| call.is_err()).count(), silent.load(Ordering::Relaxed)), (1, 1));
    // The two others are still there.
    for _ in 0..2 {
        Call::Describe.make(&batch).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
    assert_eq!(server.requests().len(), 7);
}
