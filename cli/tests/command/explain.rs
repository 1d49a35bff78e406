//! `batch-cancel explain`.

use batch_sim::{Fault, Job, JobStatus, Operation, Server, Simulator};
use serde_json::Value;

use crate::program::{Folder, POLICY};

const DETAIL: &str = r#"{"jobs": [{
    "jobId": "a-1", "jobName": "etl", "status": "RUNNING", "createdAt": 1700000000000, "startedAt": 1700000100000,
    "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/dev-etl", "jobDefinition": "d:1"}]}"#;

fn folder() -> Folder {
    Folder::with(&[
        ("policy.json", POLICY),
        ("detail.json", DETAIL),
        ("input.json", r#"{"ageSeconds": 5, "job": {"tags": {"cancel-protection": ""}}}"#),
    ])
}

/// A Batch, and a folder from which it is called.
fn batch(jobs: Vec<Job>) -> (Simulator, Server, Folder) {
    let sim = Simulator::new();
    for job in jobs {
        sim.add(job);
    }
    let server = sim.serve_on_thread().unwrap();
    let folder = folder().calls(&server);
    (sim, server, folder)
}

#[test]
fn a_document_is_explained_clause_by_clause() {
    let ran = folder().run(&["explain", "policy.json", "--input", "input.json"], "");
    assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    let expected = "input.json is DENIED by `protected`\n\n\
        deny   protected           decides\n\
        deny   too-young           matches\n\
        deny   only-ci-terminates  action is absent, not [\"terminate\"] (and 1 field more)\n\
        allow  dev-queues          job.jobQueue is absent, not [{\"wildcard\":\"*:job-queue/dev-*\"}]\n";
    assert_eq!(ran.out, expected);
}

#[test]
fn a_request_is_made_up_around_a_job() {
    let at = ["explain", "policy.json", "--job-detail", "-", "--now", "2023-11-14T22:30:00Z"];
    let allowed = folder().run(&at, DETAIL);
    assert_eq!(allowed.status, Some(0), "{allowed:?}");
    assert!(allowed.out.starts_with("<stdin> is ALLOWED by `dev-queues`\n"), "{allowed:?}");
    assert!(allowed.out.contains("ageSeconds is 1000, not"), "{allowed:?}");
    assert!(allowed.out.ends_with("would stop more than 500 jobs\n"), "{allowed:?}");
    let by_hand = [&at[..], &["--action", "terminate", "--source", "sqs", "--sender-id", "AROA:me"]].concat();
    let denied = folder().run(&by_hand, DETAIL);
    assert_eq!(denied.status, Some(1), "{denied:?}");
    assert!(denied.out.starts_with("<stdin> is DENIED by `only-ci-terminates`\n"), "{denied:?}");
    let by_ci = [&at[..], &["--action", "terminate", "--source", "sqs", "--sender-id", "AROA:ci"]].concat();
    assert_eq!(folder().run(&by_ci, DETAIL).status, Some(0));
    let too_soon = [&at[..5], &["1700000001000"]].concat();
    assert!(folder().run(&too_soon, DETAIL).out.contains("DENIED by `too-young`"));
}

#[test]
fn json_says_the_same() {
    let ran = folder().run(&["explain", "policy.json", "--input", "input.json", "--output", "json"], "");
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&json["decision"], &json["clause"]), (&"deny".into(), &"protected".into()));
    assert_eq!(json["clauses"][0]["decides"], true);
    assert_eq!(json["clauses"][1]["matched"], true);
    assert_eq!(json["clauses"][2]["miss"]["field"], "action");
    assert_eq!(json["clauses"][2]["miss"]["found"], Value::Null);
}

#[test]
fn a_job_is_looked_at_and_nothing_else_is_done() {
    let (sim, _server, folder) = batch(vec![
        Job::new("a-1").queue("dev-etl").status(JobStatus::Runnable).created_at(1_700_000_000_000),
    ]);
    let ran = folder.run(&["explain", "policy.json", "--job", "a-1"], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("a-1 is ALLOWED by `dev-queues`\n"), "{ran:?}");
    let arn = "arn:aws:batch:us-east-1:123456789012:job/a-1";
    assert_eq!(folder.run(&["explain", "policy.json", "--job", arn], "").status, Some(0));
    assert!(sim.calls().iter().all(|call| call.operation == Operation::DescribeJobs), "{:?}", sim.calls());
    assert_eq!(sim.job("a-1").unwrap().status, JobStatus::Runnable);
}

#[test]
fn a_child_has_its_parents_tags() {
    let parent = Job::new("p").queue("dev-etl").tag("cancel-protection", "yes").created_at(1_700_000_000_000);
    let (_sim, _server, folder) = batch(vec![parent.array([JobStatus::Runnable, JobStatus::Runnable])]);
    let ran = folder.run(&["explain", "policy.json", "--job", "p:1"], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.out.starts_with("p:1 is DENIED by `protected`\n"), "{ran:?}");
}

#[test]
fn a_failed_call_is_tried_again_and_an_ended_job_is_said_to_be() {
    let ended = Job::new("a").queue("dev-etl").status(JobStatus::Succeeded).created_at(1_700_000_000_000);
    let (sim, _server, folder) = batch(vec![ended]);
    sim.fault(Fault::server_error().on(Operation::DescribeJobs).first(1));
    let ran = folder.run(&["explain", "policy.json", "--job", "a"], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.contains("the job is SUCCEEDED"), "{ran:?}");
}

#[test]
fn what_cannot_be_told_is_trouble() {
    let (sim, _server, folder) = batch(vec![Job::new("a")]);
    let explain = |args: &[&str]| {
        let ran = folder.run(&[&["explain", "policy.json"], args].concat(), "");
        ran.trouble().to_owned()
    };
    assert!(explain(&["--job", "nobody"]).starts_with("nobody: Batch does not know the job"));
    assert!(explain(&["--job", ""]).starts_with("--job: it is empty"));
    assert!(explain(&["--input", "none.json"]).starts_with("none.json: "));
    let input = |text: &str| {
        let ran = folder.run(&["explain", "policy.json", "--input", "-"], text);
        ran.trouble().to_owned()
    };
    assert!(
        input("{\"action\": \"cancel\",\n\"jobs\": {}}")
            .starts_with("<stdin>:2: jobs: is not a field: did you mean `job`?")
    );
    assert!(input("[]").starts_with("<stdin>:1: is a list, not an object"));
    assert!(input("{").starts_with("<stdin>:1: it is not JSON"));
    assert!(explain(&["--job-detail", "detail.json", "--id", "b"]).contains("does not show `b`; it has a-1"));
    assert!(
        explain(&["--job-detail", "detail.json", "--metadata", "[1]"])
            .starts_with("--metadata: it is a list")
    );
    assert!(explain(&["--job-detail", "detail.json", "--reason", " "]).starts_with("--reason: "));
    sim.fault(Fault::access_denied().on(Operation::DescribeJobs).always());
    let denied = explain(&["--job", "a"]);
    assert!(denied.contains("could not be looked at") && denied.contains("AccessDenied"), "{denied}");
}
