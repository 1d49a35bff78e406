//! What Lambda is told, for each kind of source.

use batch_sim::{Fault, JobStatus, Operation};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, fifo_record, request, sqs, sqs_record};

#[tokio::test]
async fn sqs_gets_exactly_the_unsettled_messages_back() {
    let world = World::with(&[("MAX_ATTEMPTS", "2")]).await;
    for id in ["good", "down", "no"] {
        world.job(id, JobStatus::Runnable);
    }
    world.job("busy", JobStatus::Running);
    let item = |code: &str, job: &str| Fault::item(code, "").job(job);
    world.sim.fault(item("ServerException", "down"));
    world.sim.fault(Fault::server_error().on(Operation::CancelJob).job("down"));
    world.sim.fault(item("AccessDenied", "no"));
    let bodies = ["good", "down", "busy", "no", "nobody"].map(|id| request(id).to_string());
    let payload = sqs(bodies.into_iter().chain(["{".to_owned()]));
    let reply = world.invoke(&payload).await.unwrap();
    assert_eq!(failures(&reply), ["m1", "m3", "m5"]);
    assert_eq!(reply.as_object().unwrap().len(), 1, "Lambda takes no unknown key: {reply}");
}

#[tokio::test]
async fn a_settled_batch_is_an_empty_list() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    assert_eq!(world.invoke(&sqs([request("a")])).await.unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn a_message_with_several_jobs_comes_back_when_one_is_unsettled() {
    let world = World::with(&[("MAX_ATTEMPTS", "1")]).await;
    world.job("a", JobStatus::Runnable);
    world.job("b", JobStatus::Runnable);
    world.sim.fault(Fault::item("ServerException", "").job("b"));
    let reply = world.invoke(&sqs([json!({"jobIds": ["a", "b"], "reason": REASON})])).await.unwrap();
    assert_eq!(failures(&reply), ["m0"]);
}

#[tokio::test]
async fn a_fifo_group_comes_back_from_its_first_unsettled_message_on() {
    let world = World::new().await;
    for id in ["a", "b", "c", "d", "e"] {
        world.job(id, JobStatus::Runnable);
    }
    let bad = json!({"jobId": "x"});
    let payload = json!({"Records": [
        fifo_record("m0", "red", &request("a")),
        fifo_record("m1", "red", &bad),
        fifo_record("m2", "blue", &request("b")),
        fifo_record("m3", "red", &request("c")),
        fifo_record("m4", "blue", &request("d")),
        fifo_record("m5", "red", &request("e")),
    ]});
    assert_eq!(failures(&world.invoke(&payload).await.unwrap()), ["m1", "m3", "m5"]);
}

#[tokio::test]
async fn a_message_group_on_a_standard_queue_says_nothing_about_order() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let mut records = [sqs_record("m0", "{"), sqs_record("m1", &request("a").to_string())];
    for record in &mut records {
        record["attributes"]["MessageGroupId"] = "tenant-1".into();
    }
    assert_eq!(failures(&world.invoke(&json!({"Records": records})).await.unwrap()), ["m0"]);
}

#[tokio::test]
async fn an_unsettled_record_without_an_id_fails_the_whole_batch_after_the_others_are_done() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let mut nameless = sqs_record("", "{");
    nameless["messageId"] = Value::Null;
    let payload = json!({"Records": [nameless, sqs_record("m1", &request("a").to_string())]});
    let error = world.invoke(&payload).await.unwrap_err();
    assert_eq!(error.error_type(), "CancellationIncomplete");
    assert_eq!(world.status("a"), JobStatus::Failed);
}

#[tokio::test]
async fn everybody_else_gets_the_report_when_all_is_settled() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let reply = world.invoke(&request("a")).await.unwrap();
    assert_eq!(reply["summary"]["settled"], 1);
    assert_eq!(reply["results"][0]["outcome"], "cancelled");
}

#[tokio::test]
async fn everybody_else_gets_a_failed_invocation_with_the_report_when_not() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let error = world.invoke(&json!([request("a"), {"jobId": "\"b\\"}])).await.unwrap_err();
    assert_eq!(error.error_type(), "CancellationIncomplete");
    let report: Value = serde_json::from_str(&error.to_string()).unwrap();
    assert_eq!(report["summary"]["requested"], 2);
    assert_eq!(report["results"][1]["outcome"], "rejected");
    assert!(!format!("{error:?}").contains("results"), "the runtime logs this");
}

#[tokio::test]
async fn an_empty_array_is_an_empty_report() {
    let world = World::new().await;
    let reply = world.invoke(&json!([])).await.unwrap();
    assert_eq!(reply["summary"]["requested"], 0);
}

#[tokio::test]
async fn a_report_past_its_limit_lists_what_is_unsettled_and_counts_the_rest() {
    let world = World::new().await;
    let ids: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let payload = json!([{"jobIds": ids, "reason": REASON}, {"jobId": "no reason"}]);
    let whole = world.report_within(&payload, 100_000).await;
    assert_eq!(whole["results"].as_array().unwrap().len(), 101);
    // Without what the request itself said, everything fits.
    let lean = world.report_within(&payload, 14_000).await;
    assert_eq!(lean["results"].as_array().unwrap().len(), 101, "{}", lean.to_string().len());
    assert!(lean["results"].as_array().unwrap().iter().all(|result| result["reason"].is_null()));
    // Then what is not settled comes first, and as many others as fit, in their order.
    let cut = world.report_within(&payload, 6_000).await;
    let results = cut["results"].as_array().unwrap();
    assert!((2..101).contains(&results.len()), "{}", results.len());
    assert_eq!(results.last().unwrap()["outcome"], "rejected");
    assert_eq!(results[0]["jobId"], "0");
    assert_eq!(cut["summary"]["not_found"], 100);
    assert_eq!(cut["summary"]["omitted"], 101 - results.len());
    let one = world.report_within(&payload, 1_250).await;
    assert_eq!(one["results"].as_array().unwrap().len(), 1);
    assert_eq!(one["results"][0]["outcome"], "rejected");
    let nothing = world.report_within(&payload, 1_100).await;
    assert_eq!((&nothing["results"], &nothing["summary"]["omitted"]), (&json!([]), &json!(101)));
}

#[tokio::test]
async fn a_failed_invocation_stays_within_lambdas_limit_as_it_is_sent() {
    let world = World::new().await;
    // Escaped within the error message, the quotes alone take it past the limit.
    let request = |n: usize| {
        let ids: Vec<String> = (0..1000).map(|m| format!("{n}-{m}")).collect();
        json!({"jobIds": ids, "reason": "\"".repeat(1000)})
    };
    let payload: Vec<Value> = (0..4).map(request).chain([json!({"jobId": "b"})]).collect();
    let error = world.invoke(&json!(payload)).await.unwrap_err();
    let sent = serde_json::to_string(&Diagnostic::from(error)).unwrap();
    assert!(sent.len() < 6 * 1024 * 1024, "{}", sent.len());
    assert!(sent.contains("omitted"));
}
