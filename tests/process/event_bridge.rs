//! Results as events over real HTTP, by the binary: `PutEvents` of a small EventBridge.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::runtime_api::{Bootstrap, Exit};
use crate::{REASON, batch, outcome, request};

/// The entries of each call. Of the first call, the first entry is not taken.
type Calls = Arc<Mutex<Vec<Vec<Value>>>>;

async fn event_bridge() -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Calls::default();
    let served = Arc::clone(&calls);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let calls = Arc::clone(&served);
            tokio::spawn(async move {
                let service =
                    service_fn(|request| async { Ok::<_, Infallible>(put_events(request, &calls).await) });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (url, calls)
}

async fn put_events(request: Request<Incoming>, calls: &Calls) -> Response<Full<Bytes>> {
    assert_eq!(request.headers()["x-amz-target"], "AWSEvents.PutEvents");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let entries: Vec<Value> =
        serde_json::from_slice::<Value>(&body).unwrap()["Entries"].as_array().unwrap().clone();
    let mut calls = calls.lock().unwrap();
    let answer = |place: usize| match (calls.len(), place) {
        (0, 0) => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}),
        _ => json!({"EventId": format!("event-{place}")}),
    };
    let answers: Vec<_> = (0..entries.len()).map(answer).collect();
    calls.push(entries);
    Response::new(json!({"FailedEntryCount": 0, "Entries": answers}).to_string().into())
}

#[tokio::test]
async fn results_go_onto_the_bus_and_one_that_was_not_taken_goes_again() {
    let (_sim, server) = batch().await;
    let (url, calls) = event_bridge().await;
    let vars = [
        ("AWS_ENDPOINT_URL_BATCH", server.url()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &url),
        ("RESULT_EVENT_BUS", "results"),
    ];
    let mut function = Bootstrap::start(&vars).await;
    let jobs: Vec<_> = (0..3).map(|n| format!("job-{n}")).collect();
    let answer = function.invoke(&json!({"jobIds": jobs, "reason": REASON})).await.unwrap();
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(calls[0][0], calls[1][0]);
    for (entry, result) in calls[0].iter().zip(answer["results"].as_array().unwrap()) {
        let mut expected = result.clone();
        expected["schemaVersion"] = "1".into();
        expected["requestId"] = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".into();
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, expected);
        assert_eq!(
            (&entry["Source"], &entry["EventBusName"]),
            (&"batch-canceller".into(), &"results".into())
        );
    }
    let Exit { output, .. } = function.stop().await;
    assert!(!output.contains("eventsLost"), "{output}");
}

#[tokio::test]
async fn a_bus_that_cannot_be_reached_fails_no_cancel() {
    let (_sim, server) = batch().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    let vars = [
        ("AWS_ENDPOINT_URL_BATCH", server.url()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &url),
        ("RESULT_EVENT_BUS", "results"),
    ];
    let mut function = Bootstrap::start(&vars).await;
    assert_eq!(outcome(&function.invoke(&request(0)).await.unwrap()), "cancelled");
    let Exit { output, .. } = function.stop().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lost = lines.iter().find(|line| !line["eventsLost"].is_null()).unwrap();
    assert_eq!((&lost["eventsLost"], &lost["level"]), (&1.into(), &"WARN".into()), "{output}");
    assert_eq!(lines.last().unwrap()["EventsLost"], 1);
}
