//! A careless or careful word in a request is answered with its remedy, and nothing is cancelled meanwhile.

use batch_sim::JobStatus;
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, outcomes, request, sqs, sqs_record};

fn event(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "e1", "detail-type": "Cancel", "source": "com.example.etl", "account": "123456789012",
        "region": "us-east-1", "detail": detail
    })
}

fn sns(message: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {
        "Type": "Notification", "MessageId": "n1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:cancellations",
        "Message": message.to_string()
    }}]})
}

/// Every request in the payload is rejected with these words, and Batch is not called.
async fn rejected(payload: &Value, words: &[&str]) {
    let world = World::new().await;
    for id in ["a", "b", "abc", "undefined"] {
        world.job(id, JobStatus::Runnable);
    }
    let report = world.report(payload).await;
    for result in report["results"].as_array().unwrap() {
        assert_eq!(result["outcome"], "rejected", "{payload}: {result}");
        for word in words {
            assert!(result["why"].as_str().unwrap().contains(word), "{payload}: {result} lacks {word:?}");
        }
    }
    assert_eq!(report["summary"]["settled"], 0, "{payload}");
    assert!(world.sim.calls().is_empty(), "{payload}");
}

#[tokio::test]
async fn a_word_of_caution_beside_the_request_cancels_nothing() {
    let cautions =
        [("dryRun", json!(true)), ("dry_run", json!(true)), ("dryRun", json!(false)), ("expect", json!({}))];
    for (name, value) in cautions {
        for mut payload in [sqs([request("a"), request("b")]), sns(&request("a")), event(&request("a"))] {
            payload[name] = value.clone();
            rejected(&payload, &[name, "nothing was done"]).await;
            // Nor when it is the body of a message.
            rejected(&sqs([payload]), &[name, "nothing was done"]).await;
        }
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_rejected_with_the_remedy_and_not_looked_for() {
    for (id, words) in [
        ("<id>", ["placeholder", "input transformer"]),
        ("${jobId}", ["placeholder", "input transformer"]),
        ("$.detail.jobId", ["placeholder", "input transformer"]),
        ("\"abc\"", ["quotes", "without"]),
        ("a,b", ["more than one id", "`jobIds`"]),
        ("undefined", ["missing value", "path"]),
        ("null", ["missing value", "path"]),
        ("arn:aws:batch:eu-west-1:123456789012:job/a", ["`eu-west-1`", "`us-east-1`"]),
        ("arn:aws:batch:us-east-1:999999999999:job/a", ["`999999999999`", "`123456789012`"]),
    ] {
        for payload in [request(id), sqs([request(id)]), event(&request(id)), sns(&event(&request(id)))] {
            rejected(&payload, &words).await;
        }
        // One such id spoils the list it stands in: a part of it may be just as wrong.
        rejected(&json!({"jobIds": ["a", id], "reason": REASON}), &["`jobIds[1]`", words[0]]).await;
    }
}

#[tokio::test]
async fn a_blocked_queue_elsewhere_is_named_with_both_places() {
    let blocked = |change: &dyn Fn(&mut Value)| {
        let mut event = event(&json!({"jobId": "a", "statusReason": "UNDETERMINED"}));
        event["source"] = "aws.batch".into();
        event["detail-type"] = "Batch Job Queue Blocked".into();
        change(&mut event);
        event
    };
    let account = blocked(&|event| event["account"] = "999999999999".into());
    let region = blocked(&|event| event["region"] = "eu-west-1".into());
    let arn = blocked(&|event| {
        event["detail"]["jobArn"] = "arn:aws:batch:eu-west-1:123456789012:job/a".into();
    });
    for payload in [account.clone(), sqs([account])] {
        rejected(&payload, &["`999999999999`", "`123456789012`"]).await;
    }
    for payload in [region.clone(), sqs([region]), arn.clone(), sns(&arn)] {
        rejected(&payload, &["`eu-west-1`", "`us-east-1`"]).await;
    }
    let service = blocked(&|event| event["detail-type"] = "Batch Service Job State Change".into());
    rejected(&service, &["service jobs (SageMaker training)", "TerminateServiceJob"]).await;
}

#[tokio::test]
async fn what_was_encoded_twice_is_not_guessed_at() {
    let text = |value: &Value| json!(value.to_string());
    let twice = text(&request("a"));
    rejected(&event(&twice), &["`detail`", "encode it once"]).await;
    rejected(&sqs([twice.clone()]), &["`body`", "encode it once"]).await;
    rejected(&sqs([text(&twice)]), &["`body`", "encode it once"]).await;
    rejected(&sqs([event(&twice)]), &["`detail`", "encode it once"]).await;
    rejected(&sns(&twice), &["`Message`", "encode it once"]).await;
    // EventBridge Scheduler's default.
    rejected(&event(&json!("{}")), &["`detail`", "encode it once"]).await;
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&sqs([format!("\u{feff}{}", request("a"))])).await;
    assert_eq!(outcomes(&report), ["a cancelled 1"]);
}

#[tokio::test]
async fn a_first_record_without_a_mark_does_not_spoil_its_neighbours() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let mut unmarked = sqs_record("odd", &request("b").to_string());
    unmarked.as_object_mut().unwrap().remove("eventSource");
    let payload = json!({"Records": [unmarked, sqs_record("m1", &request("a").to_string())]});
    let reply = world.invoke(&payload).await.unwrap();
    assert_eq!(failures(&reply), ["odd"]);
    assert_eq!(world.status("a"), JobStatus::Failed);
}

#[tokio::test]
async fn names_in_a_body_are_logged_as_little_as_values() {
    let world = World::new().await;
    let bodies = [
        json!({"hunter2": 1}),
        json!({"hunter2": 1, "hunter3": {}}),
        json!([{"hunter2": 1}]),
        json!({"jobId": "a", "reason": {"hunter2": 1}}),
        json!({"jobId": "a", "reason": REASON, "metadata": ["hunter2"]}),
        json!({"detail-type": "hunter2", "source": "hunter2", "detail": "hunter2"}),
    ];
    world.invoke(&sqs(&bodies)).await.unwrap();
    for body in &bodies {
        world.invoke(body).await.unwrap_err();
    }
    // But for an event of which the bus itself says that this is its type.
    let lines: Vec<_> =
        world.logs().into_iter().filter(|line| line["requestedBy"]["source"] != "eventbridge").collect();
    assert!(lines.len() >= bodies.len() + 4);
    assert!(lines.iter().all(|line| !line.to_string().contains("hunter")), "{lines:?}");
}

#[tokio::test]
async fn who_asked_stands_in_the_results_and_lines_of_every_source() {
    let mut record = sqs_record("m1", &request("a").to_string());
    record["attributes"]["SenderId"] = "AROAEXAMPLE:ci".into();
    let queue = "arn:aws:sqs:us-east-1:123456789012:cancellations";
    let topic = "arn:aws:sns:us-east-1:123456789012:cancellations";
    let by_queue = json!({"source": "sqs", "id": "m1", "senderId": "AROAEXAMPLE:ci", "queueArn": queue});
    let mut forged = record.clone();
    forged["body"] = event(&request("a")).to_string().into();
    for (payload, by) in [
        (json!({"Records": [record]}), by_queue.clone()),
        // What a body says of itself counts for nothing.
        (json!({"Records": [forged]}), by_queue),
        (sns(&request("a")), json!({"source": "sns", "id": "n1", "topicArn": topic})),
        (
            event(&request("a")),
            json!({"source": "eventbridge", "id": "e1", "eventSource": "com.example.etl", "detailType": "Cancel",
                   "account": "123456789012"}),
        ),
        (request("a"), json!({"source": "direct", "id": "request-1"})),
        (json!([request("a")]), json!({"source": "direct", "id": "request-1[0]"})),
    ] {
        let world = World::new().await;
        world.job("a", JobStatus::Runnable);
        let report = world.report(&payload).await;
        assert_eq!(report["results"][0]["requestedBy"], by, "{payload}");
        assert_eq!(world.logs()[0]["requestedBy"], by, "{payload}");
    }
    // Also where the request is rejected, or names several jobs.
    let world = World::new().await;
    world.report(&event(&json!({"jobId": "a"}))).await;
    world.report(&event(&json!({"jobIds": ["a", "b"], "reason": REASON, "dryRun": true}))).await;
    let lines = world.logs();
    let of_requests: Vec<_> = lines.iter().filter(|line| !line["requestedBy"].is_null()).collect();
    assert_eq!(of_requests.len(), 4);
    assert!(of_requests.iter().all(|line| line["requestedBy"]["detailType"] == "Cancel"), "{lines:?}");
}

#[tokio::test]
async fn metadata_stands_once_in_the_log_and_in_every_result() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    world.job("b", JobStatus::Runnable);
    let metadata = json!({"run": 42, "by": {"team": "etl"}});
    let payload = json!([
        {"jobIds": ["a", "b"], "reason": REASON, "metadata": metadata},
        {"jobId": "a", "reason": REASON, "metadata": metadata}
    ]);
    let report = world.report(&payload).await;
    assert!(report["results"].as_array().unwrap().iter().all(|result| result["metadata"] == metadata));
    let lines = world.logs();
    let with: Vec<_> = lines.iter().filter(|line| line["metadata"] == metadata).collect();
    assert_eq!(with.len(), 2, "in the line of the delivery of two, and in the job's of the other: {lines:?}");
    assert_eq!((&with[0]["jobs"], &with[1]["jobId"]), (&json!(2), &json!("a")));
}
