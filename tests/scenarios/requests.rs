//! Every trigger and nesting, and what is wrong with some of them.

use batch_sim::JobStatus;
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, outcomes, request, sqs, sqs_record};

fn event(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "e1", "detail-type": "Batch Job Cancellation Requested", "source": "com.example.etl",
        "account": "123456789012", "time": "2026-11-01T00:00:00Z", "region": "us-east-1", "resources": [],
        "detail": detail
    })
}

fn batch_event(kind: &str, detail: &Value) -> Value {
    let mut event = event(detail);
    event["source"] = "aws.batch".into();
    event["detail-type"] = kind.into();
    event
}

fn notification(message: &Value) -> Value {
    json!({
        "Type": "Notification", "MessageId": "n1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:cancellations",
        "Message": message.to_string(), "Timestamp": "2026-11-01T00:00:00.000Z"
    })
}

fn sns(message: &Value) -> Value {
    let record =
        |message| json!({"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notification(message)});
    json!({"Records": [record(message)]})
}

/// What Lambda sends to an on-failure destination.
fn failed(payload: &Value) -> Value {
    json!({
        "version": "1.0", "timestamp": "2026-11-01T00:00:00.000Z",
        "requestContext": {"requestId": "i1", "condition": "RetriesExhausted", "approximateInvokeCount": 3,
                           "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:batch-canceller:$LATEST"},
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "CancellationIncomplete", "errorMessage": "{}"}
    })
}

/// The payload is understood, comes from `source` under `id`, and its job is cancelled.
async fn understood(payload: Value, source: &str, id: &str) {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["a cancelled 1"], "{payload}");
    let by = &report["results"][0]["requestedBy"];
    assert_eq!((&by["source"], &by["id"]), (&json!(source), &json!(id)), "{payload}");
}

#[tokio::test]
async fn every_trigger_and_nesting_is_understood() {
    understood(request("a"), "direct", "request-1").await;
    understood(
        json!({"jobId": "arn:aws:batch:us-east-1:123456789012:job/a", "reason": REASON}),
        "direct",
        "request-1",
    )
    .await;
    understood(event(&request("a")), "eventbridge", "e1").await;
    understood(sns(&request("a")), "sns", "n1").await;
    understood(sns(&event(&request("a"))), "sns", "n1").await;
    understood(notification(&request("a")), "sns", "n1").await;
    understood(sqs([request("a")]), "sqs", "m0").await;
    understood(sqs([event(&request("a"))]), "sqs", "m0").await;
    understood(sqs([notification(&request("a"))]), "sqs", "m0").await;
    understood(sqs([notification(&event(&request("a")))]), "sqs", "m0").await;
    understood(sqs([sns(&event(&request("a")))]), "sqs", "m0").await;
    understood(sqs([sqs([request("a")])]), "sqs", "m0").await;
    understood(sqs([json!([request("a")])]), "sqs", "m0").await;
    understood(failed(&event(&request("a"))), "direct", "request-1").await;
    understood(sqs([failed(&sns(&request("a")))]), "sqs", "m0").await;
    understood(sqs([notification(&failed(&sns(&event(&request("a")))))]), "sqs", "m0").await;
    understood(json!([request("a")]), "direct", "request-1[0]").await;
    understood(json!([event(&request("a"))]), "eventbridge", "e1").await;
    understood(json!([sqs_record("m7", &request("a").to_string())]), "sqs", "m7").await;
    understood(json!([sqs([request("a")])]), "sqs", "m0").await;
}

#[tokio::test]
async fn a_blocked_queue_gives_its_own_reason() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let detail = json!({"jobId": "a", "status": "RUNNABLE", "statusReason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none"});
    let report = world.report(&batch_event("Batch Job Queue Blocked", &detail)).await;
    let reason = "Job queue blocked: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none";
    assert_eq!(report["results"][0]["reason"], reason);
    assert_eq!(world.sim.job("a").unwrap().status_reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_blocked_queues_event_can_be_tried_as_a_dry_run() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let detail = json!({"jobId": "a", "statusReason": "UNDETERMINED", "dryRun": true});
    let report = world.report(&batch_event("Batch Job Queue Blocked", &detail)).await;
    assert_eq!(outcomes(&report), ["a would_cancel 0"]);
    let detail = json!({"jobId": "a", "statusReason": "UNDETERMINED", "dry_run": true});
    let report = world.report(&batch_event("Batch Job Queue Blocked", &detail)).await;
    assert_eq!(outcomes(&report), ["- rejected 0"]);
}

#[tokio::test]
async fn a_careless_rule_on_state_changes_cancels_nothing() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let detail = json!({"jobId": "a", "status": "RUNNABLE", "jobName": "etl"});
    for (kind, why) in [
        ("Batch Job State Change", "input transformer"),
        ("Batch Service Job Queue Blocked", "service jobs (SageMaker training)"),
    ] {
        let report = world.report(&batch_event(kind, &detail)).await;
        assert_eq!(outcomes(&report), ["- rejected 0"]);
        assert!(report["results"][0]["why"].as_str().unwrap().contains(why), "{report}");
    }
    // With a reason that the rule put in, it is a request.
    let report =
        world.report(&batch_event("Batch Job State Change", &json!({"jobId": "a", "reason": REASON}))).await;
    assert_eq!(outcomes(&report), ["a cancelled 1"]);
}

#[tokio::test]
async fn one_bad_record_never_hurts_its_neighbours() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let bodies = [
        "not json".to_owned(),
        "[1]".to_owned(),
        "{}".to_owned(),
        r#"{"hello": "world"}"#.to_owned(),
        json!({"jobId": "x"}).to_string(),
        json!({"job_id": "x", "reason": REASON}).to_string(),
        json!(request("x").to_string()).to_string(),
        json!({"Records": [{"eventSource": "aws:s3"}]}).to_string(),
        request("a").to_string(),
    ];
    let mut payload = sqs(bodies);
    payload["Records"].as_array_mut().unwrap().push(json!({"messageId": "odd", "eventSource": "aws:s3"}));
    let report = world.report(&payload).await;
    let lines = outcomes(&report);
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[8], "a cancelled 1");
    assert_eq!(lines.iter().filter(|line| *line == "- rejected 0").count(), 9);
    let why = |index: usize| report["results"][index]["why"].as_str().unwrap();
    assert!(why(0).contains("not JSON (line 1, column 2)"), "{}", why(0));
    assert!(why(1).contains("not an object"), "{}", why(1));
    assert!(why(3).contains("one member") && !why(3).contains("hello"), "{}", why(3));
    assert!(why(4).contains("`reason`"), "{}", why(4));
    assert!(why(5).contains("write `jobId`"), "{}", why(5));
    assert!(why(6).contains("encode it once"), "{}", why(6));
    assert!(why(9).contains("aws:sqs"), "{}", why(9));
    for (index, result) in report["results"].as_array().unwrap().iter().enumerate().take(9) {
        assert_eq!(result["requestedBy"]["id"], format!("m{index}"));
    }
    assert_eq!(report["results"][9]["requestedBy"], json!({"source": "sqs", "id": "odd"}));
}

#[tokio::test]
async fn a_message_with_several_requests_has_a_result_for_each_and_comes_back_once() {
    let world = World::new().await;
    for id in ["a", "b", "c"] {
        world.job(id, JobStatus::Runnable);
    }
    let several = json!([request("a"), {"jobId": "<id>", "reason": REASON}, request("b")]);
    let payload = sqs([several, request("c")]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["a cancelled 1", "- rejected 0", "b cancelled 1", "c cancelled 1"]);
    for (index, id) in ["m0", "m0", "m0", "m1"].into_iter().enumerate() {
        assert_eq!(report["results"][index]["requestedBy"]["id"], id);
    }
    assert_eq!(failures(&world.invoke(&payload).await.unwrap()), ["m0"]);
}

#[tokio::test]
async fn a_first_record_of_another_kind_does_not_hurt_the_batch() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let mut payload = sqs([request("a")]);
    let foreign = json!({"messageId": "odd", "eventSource": "aws:s3"});
    payload["Records"].as_array_mut().unwrap().insert(0, foreign);
    assert_eq!(failures(&world.invoke(&payload).await.unwrap()), ["odd"]);
    assert_eq!(world.status("a"), JobStatus::Failed);
}

#[tokio::test]
async fn a_dry_run_that_was_asked_for_in_the_wrong_place_cancels_nothing() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let payloads = [
        sqs([request("a")]),
        sns(&request("a")),
        notification(&request("a")),
        event(&request("a")),
        failed(&request("a")),
    ];
    for mut payload in payloads {
        payload["dry_run"] = true.into();
        for payload in [payload.clone(), sqs([payload])] {
            let report = world.report(&payload).await;
            assert_eq!(outcomes(&report), ["- rejected 0"], "{payload}");
            let why = report["results"][0]["why"].as_str().unwrap();
            assert!(why.contains("`dry_run`") && why.contains("`dryRun`"), "{why}");
        }
    }
    assert_eq!((world.status("a"), world.sim.calls().len()), (JobStatus::Runnable, 0));
}

#[tokio::test]
async fn an_unknown_payload_is_a_clear_error_without_values() {
    let world = World::new().await;
    let check = async |payload: Value, seen: &str| {
        let error = world.invoke(&payload).await.unwrap_err();
        assert_eq!(error.error_type(), "UnknownPayload");
        let message = error.to_string();
        assert!(message.contains(seen) && message.contains("SQS event"), "{message}");
        assert!(!message.contains("SECRET"), "{message}");
    };
    check(json!({"key1": "SECRET", "key2": 2}), "`key1`, `key2`").await;
    check(json!({"Records": [{"eventSource": "aws:s3", "s3": "SECRET"}]}), "none of SQS's or SNS's").await;
    check(json!({"Records": []}), "empty").await;
    check(json!({}), "empty object").await;
    check(json!("SECRET"), "a string").await;
    check(json!(null), "null").await;
    let errors = world.logs();
    assert!(errors.len() >= 6 && errors.iter().all(|line| line["level"] == "ERROR"));
    assert!(!world.log_text().contains("key1"), "{}", world.log_text());
}

#[tokio::test]
async fn an_unknown_element_of_an_array_is_rejected_by_its_place() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&json!([request("a"), {"key1": 1}, 7])).await;
    assert_eq!(outcomes(&report), ["a cancelled 1", "- rejected 0", "- rejected 0"]);
    assert_eq!(report["results"][2]["requestedBy"]["id"], "request-1[2]");
}

#[tokio::test]
async fn metadata_is_echoed_on_one_log_line() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let payload = json!({"jobId": "a", "reason": REASON, "metadata": {"run": 42, "by": "etl"}});
    let report = world.report(&payload).await;
    assert_eq!(report["results"][0]["metadata"], json!({"run": 42, "by": "etl"}));
    let lines = world.logs();
    assert_eq!(lines[0]["metadata"], json!({"run": 42, "by": "etl"}), "an object, to be queried");
}
