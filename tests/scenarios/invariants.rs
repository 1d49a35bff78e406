//! The function's invariants, each by name.

use std::collections::HashSet;
use std::time::Duration;

use batch_sim::{Fault, Job, JobStatus, Operation};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, outcomes, request, requests, sqs};

/// Arbitrary JSON in which the words that triggers and requests are made of are frequent.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let words = vec![
        "Records",
        "eventSource",
        "EventSource",
        "aws:sqs",
        "aws:sns",
        "messageId",
        "body",
        "Sns",
        "Message",
        "MessageId",
        "Type",
        "Notification",
        "TopicArn",
        "detail-type",
        "source",
        "aws.batch",
        "detail",
        "jobId",
        "jobIds",
        "reason",
        "action",
        "terminate",
        "dryRun",
        "dry_run",
        "expect",
        "metadata",
        "runnable-0",
        "Batch Job Queue Blocked",
        "statusReason",
        "arn:aws:batch:us-east-1:123456789012:job/runnable-1",
        "",
    ];
    let word = prop_oneof![6 => prop::sample::select(words).prop_map(String::from), 1 => any::<String>()];
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        5 => word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner.clone()), 0..6)
                .prop_map(|members| members.into_iter().collect()),
            // Envelopes carry JSON as text.
            inner.prop_map(|value| value.to_string().into()),
        ]
    })
}

/// A batch of SQS messages with arbitrary bodies, one in two of them a request.
fn arbitrary_batch() -> impl Strategy<Value = Value> {
    let body = prop_oneof![
        arbitrary_json().prop_map(|value| value.to_string()),
        any::<String>(),
        (0..8usize).prop_map(|n| request(&format!("runnable-{n}")).to_string()),
        (0..8usize).prop_map(|n| {
            json!({"jobId": format!("runnable-{n}"), "reason": "r", "dryRun": true}).to_string()
        }),
    ];
    prop::collection::vec(body, 0..6).prop_map(sqs)
}

/// Runs an asynchronous property over many cases, each on eight waiting jobs.
fn property<S: Strategy>(strategy: S, cases: u32, check: &impl AsyncFn(&World, S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::with(&[("MAX_ATTEMPTS", "1"), ("CONFIRM_TIMEOUT_MS", "0")]));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&strategy, |case| {
            world.sim.reset();
            world.jobs(JobStatus::Runnable, 8);
            runtime.block_on(check(&world, case));
            Ok(())
        })
        .unwrap();
}

#[test]
fn invariant_1_every_delivery_gets_exactly_one_result() {
    property(arbitrary_batch(), 200, &async |world, batch| {
        let count = batch["Records"].as_array().unwrap().len();
        if count == 0 {
            return;
        }
        let report = world.report(&batch).await;
        let mut results: Vec<String> = report["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["requestedBy"]["id"].as_str().unwrap().to_owned())
            .collect();
        results.dedup();
        assert_eq!(results, (0..count).map(|n| format!("m{n}")).collect::<Vec<_>>());
    });
}

#[test]
fn arbitrary_json_never_panics_and_is_answered_or_named() {
    property(arbitrary_json(), 500, &async |world, payload| match world.invoke(&payload).await {
        Ok(reply) => assert!(reply.is_object()),
        Err(error) => {
            assert!(["UnknownPayload", "CancellationIncomplete"].contains(&error.error_type()));
        }
    });
}

#[test]
fn invariant_2_a_malformed_record_never_fails_its_neighbours() {
    property(any::<String>(), 100, &async |world, garbage| {
        let reply = world.invoke(&sqs([garbage, request("runnable-0").to_string()])).await.unwrap();
        assert_eq!(failures(&reply), ["m0"]);
        assert_eq!(world.status("runnable-0"), JobStatus::Failed);
    });
}

#[test]
fn invariant_3_batch_item_failures_are_a_duplicate_free_subset_of_the_received_ids() {
    property((arbitrary_batch(), any::<bool>()), 200, &async |world, (mut batch, twice)| {
        let records = batch["Records"].as_array_mut().unwrap();
        if records.is_empty() {
            return;
        }
        if twice {
            records.push(records[0].clone());
        }
        let received: HashSet<String> =
            records.iter().map(|record| record["messageId"].as_str().unwrap().to_owned()).collect();
        let reply = world.invoke(&batch).await.unwrap();
        let reported = failures(&reply);
        let unique: HashSet<&str> = reported.iter().copied().collect();
        assert_eq!(unique.len(), reported.len(), "duplicates in {reported:?}");
        assert!(reported.iter().all(|id| !id.is_empty() && received.contains(*id)), "{reported:?}");
    });
}

#[tokio::test]
async fn invariant_5_cancelled_is_said_only_after_describe_jobs_said_so() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 30);
    // Batch accepts every cancel and carries out none of the first ten jobs'.
    for id in &ids[..10] {
        world.sim.add(Job::new(id).status(JobStatus::Runnable).lag(batch_sim::CancelLag::Polls(1000)));
    }
    // Of the next ten nothing can be seen afterwards.
    for id in &ids[10..20] {
        world.sim.fault(Fault::server_error().on(Operation::DescribeJobs).job(id).from(2));
    }
    let report = world.report(&requests(&ids[..10])).await;
    assert!(outcomes(&report).iter().all(|line| line.contains("cancelling")));
    let report = world.report(&requests(&ids[10..20])).await;
    assert!(outcomes(&report).iter().all(|line| line.contains("accepted")));
    let report = world.report(&requests(&ids[20..])).await;
    assert!(outcomes(&report).iter().all(|line| line.contains("cancelled")));
}

#[tokio::test]
async fn invariant_6_at_most_max_in_flight_calls_at_once() {
    let world = World::with(&[("BULK", "off"), ("MAX_IN_FLIGHT", "5")]).await;
    world.sim.fault(Fault::latency(Duration::from_millis(5)));
    let ids = world.jobs(JobStatus::Runnable, 250);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 250);
    assert_eq!(world.sim.high_water(), 5);
}

#[tokio::test]
async fn invariant_7_nothing_is_written_without_a_look_and_an_allow() {
    let policy =
        json!({"deny": [{"id": "protected", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}}]});
    let policy = policy.to_string();
    let careful = [
        (Some(&*policy), json!({})),
        (None, json!({"expect": {"status": ["RUNNABLE"]}})),
        (None, json!({"dryRun": true})),
    ];
    let faults = [
        Fault::server_error(),
        Fault::throttled(),
        Fault::access_denied(),
        Fault::drop_after(),
        Fault::hang(),
    ];
    for (policy, more) in &careful {
        for fault in &faults {
            let vars: Vec<_> = policy.map(|policy| ("POLICY", policy)).into_iter().collect();
            let mut world = World::with(&vars).await;
            world.remaining_ms = 2_500;
            let ids = world.jobs(JobStatus::Runnable, 3);
            world.sim.fault(fault.clone().on(Operation::DescribeJobs).always());
            let mut request = requests(&ids);
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let report = world.report(&request).await;
            assert_eq!(report["summary"]["unavailable"], 3, "{fault:?} {more}: {report}");
            let calls = world.sim.calls();
            assert!(calls.iter().all(|call| call.operation == Operation::DescribeJobs), "{fault:?} {more}");
        }
    }
}

#[test]
fn invariant_8_pure_modules_import_no_runtime_sdk_environment_or_clock() {
    let impure = ["tokio", "aws_sdk", "aws_config", "std::env", "Instant", "SystemTime", "tracing::"];
    let pure = [
        "backoff",
        "batch",
        "deadline",
        "engine/calls",
        "engine/pending",
        "engine/refusals",
        "engine/service",
        "intake",
        "job",
        "object",
        "order",
        "policy",
        "policy/fields",
        "policy/read",
        "policy/subject",
        "outbox",
        "outcome",
        "outlet",
        "outlet/wire",
        "reply",
        "report",
        "request",
        "request/fields",
        "request/job_id",
        "request/job_id/flaw",
        "request/reason",
        "request/rejection",
        "result",
        "trigger",
        "trigger/caution",
        "trigger/envelope",
        "trigger/eventbridge",
        "trigger/invocation",
        "trigger/reader",
        "trigger/requested_by",
        "trigger/sns",
        "trigger/sqs",
        "trigger/words",
    ];
    for module in pure {
        let path = format!("{}/src/{module}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (number, line) in code.enumerate() {
            for word in impure {
                assert!(!line.contains(word), "{path}: line {number} of its code says {word}");
            }
        }
    }
}

#[test]
fn only_the_adapters_import_the_sdk() {
    const CRATES: [&str; 4] = ["use aws_config", "use aws_runtime", "use aws_sdk_", "use aws_smithy_r"];
    let src = format!("{}/src", env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![std::path::PathBuf::from(src)];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path
                .components()
                .any(|part| ["aws", "aws.rs", "batch"].iter().any(|is| part.as_os_str() == *is))
            {
                files += 1;
                let source = std::fs::read_to_string(&path).unwrap();
                assert!(!CRATES.iter().any(|import| source.contains(import)), "{}", path.display());
            }
        }
    }
    assert!(files > 10);
}

#[tokio::test]
async fn invariant_9_message_bodies_and_environment_values_are_never_logged() {
    let world = World::with(&[("MAX_ATTEMPTS", "2")]).await;
    world.job("a", JobStatus::Runnable);
    world.job("b", JobStatus::Running);
    let secret = "hunter2-SECRET";
    let bodies = [
        json!({"jobId": "a", "reason": REASON, "password": secret}).to_string(),
        json!({"jobId": "b", "reason": REASON, "nested": {"password": secret}}).to_string(),
        json!({"jobId": "b", "reason": REASON, "action": secret}).to_string(),
        json!({"jobId": [secret], "reason": REASON}).to_string(),
        json!({"password": secret}).to_string(),
        json!([secret]).to_string(),
        format!("{secret} {{"),
        json!({"detail-type": secret, "source": secret, "detail": {"x": secret}}).to_string(),
    ];
    world.invoke(&sqs(bodies)).await.unwrap();
    world.invoke(&json!({"password": secret})).await.unwrap_err();
    let text = world.log_text();
    assert!(text.contains("\"outcome\":\"cancelled\"") && text.contains("\"outcome\":\"rejected\""));
    assert!(!text.contains(secret), "{text}");
}

#[tokio::test]
async fn log_lines_are_flat_but_for_what_can_be_queried_as_an_object() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let request = json!({"jobId": "a", "reason": REASON, "metadata": {"run": 42}});
    world.invoke(&sqs([request.to_string(), "{".to_owned()])).await.unwrap();
    let lines = world.logs();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert_eq!(line["requestId"], "request-1");
        for (name, value) in line.as_object().unwrap() {
            let may = ["before", "after", "metadata", "requestedBy", "_aws"].contains(&name.as_str());
            assert!(may || !value.is_object() && !value.is_array(), "{name}: {line}");
        }
    }
    let done = lines.iter().find(|line| line["jobId"] == "a").unwrap();
    assert_eq!((&done["message"], &done["level"]), (&json!("Job a is cancelled"), &json!("INFO")));
    assert_eq!((&done["before"]["status"], &done["after"]["status"]), (&json!("RUNNABLE"), &json!("FAILED")));
    assert_eq!(done["metadata"], json!({"run": 42}));
    assert_eq!((&done["requestedBy"]["source"], &done["requestedBy"]["id"]), (&json!("sqs"), &json!("m0")));
    let rejected = lines.iter().find(|line| line["outcome"] == "rejected").unwrap();
    assert_eq!(rejected["level"], "ERROR");
    assert_eq!(lines[2]["message"], "1 of 2 settled: 1 cancelled, 1 rejected");
    assert_eq!(lines[2]["level"], "WARN");
}

#[tokio::test]
async fn what_was_done_and_its_metrics_have_at_least_the_level_that_lambda_keeps() {
    for (level, least) in [("INFO", "INFO"), ("WARN", "WARN"), ("ERROR", "ERROR"), ("FATAL", "FATAL")] {
        let world = World::with(&[("AWS_LAMBDA_LOG_LEVEL", level)]).await;
        world.job("a", JobStatus::Runnable);
        world.invoke(&request("a")).await.unwrap();
        let lines = world.logs();
        assert_eq!(
            lines.len(),
            3,
            "{level}: a line for the job, one for the invocation, one for its metrics"
        );
        assert_eq!((&lines[2]["Stopped"], &lines[2]["Calls"]), (&1.into(), &3.into()), "{level}");
        assert!(lines.iter().all(|line| line["level"] == least), "{level}: {lines:?}");
    }
}
