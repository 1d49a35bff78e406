//! What a policy and an expectation keep from being stopped.

use std::time::Duration;

use batch_sim::{Fault, Job, JobStatus, Operation};
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, outcomes, request, requests, sqs, sqs_record};

async fn under(policy: &Value) -> World {
    World::with(&[("POLICY", &policy.to_string())]).await
}

/// A policy that protects jobs with the tag `keep`, and lets those of the queue `dev` be stopped.
fn protect() -> Value {
    json!({
        "deny": [{"id": "protected", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}}],
        "allow": [{"id": "dev", "when": {"job": {"jobQueue": [{"suffix": ":job-queue/dev"}]}}}]
    })
}

/// Each result as `job outcome clause attempts`.
fn clauses(report: &Value) -> Vec<String> {
    let line = |result: &Value| {
        let text = |field: &str| result[field].as_str().unwrap_or("-").to_owned();
        format!("{} {} {} {}", text("jobId"), text("outcome"), text("clause"), result["attempts"])
    };
    report["results"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn each_result_names_the_clause_that_decided() {
    let world = under(&protect()).await;
    world.sim.add(Job::new("a").queue("dev"));
    world.sim.add(Job::new("b").queue("dev").tag("keep", ""));
    world.sim.add(Job::new("c").queue("prod"));
    world.sim.add(Job::new("d").queue("dev").status(JobStatus::Running));
    world.sim.add(Job::new("e").queue("dev").status(JobStatus::Succeeded));
    let ids = ["a", "b", "c", "d", "e", "nobody"].map(ToOwned::to_owned);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(
        clauses(&report),
        [
            "a cancelled dev 1",
            "b denied protected 0",
            "c denied implicitDeny 0",
            "d started dev 0",
            "e finished - 0",
            "nobody not_found - 0"
        ]
    );
    assert_eq!([world.status("b"), world.status("c")], [JobStatus::Runnable; 2]);
    let logged = world.logs();
    let line = logged.iter().find(|line| line["jobId"] == "b").unwrap();
    assert_eq!(
        (&line["clause"], &line["outcome"], &line["level"]),
        (&"protected".into(), &"denied".into(), &"INFO".into())
    );
    let summary = logged.iter().find(|line| !line["settled"].is_null()).unwrap();
    assert_eq!(summary["policySha256"].as_str().unwrap().len(), 64, "{summary}");
    // Again: its own work is found, whatever the policy says of a job that has ended.
    assert_eq!(clauses(&world.report(&request("a")).await), ["a cancelled - 0"]);
}

#[tokio::test]
async fn a_child_is_judged_with_its_parents_tags_under_its_own_in_the_same_call() {
    let world = under(&json!({
        "deny": [{"id": "protected", "when": {"job": {"tags": {"keep": ["yes"]}}}}]
    }))
    .await;
    world.sim.add(Job::new("kept").array([JobStatus::Runnable; 150]).tag("keep", "yes"));
    world.sim.add(Job::new("free").array([JobStatus::Runnable; 2]).tag("keep", "no"));
    let ids: Vec<String> =
        (0..150).map(|n| format!("kept:{n}")).chain(["free:1".to_owned(), "free".to_owned()]).collect();
    let report = world.report(&requests(&ids)).await;
    let told = clauses(&report);
    assert!(told[..150].iter().all(|line| line.ends_with("denied protected 0")), "{told:?}");
    assert_eq!(told[150], "free:1 cancelled implicitAllow 1");
    let looks = world.sim.calls().iter().filter(|call| call.operation == Operation::DescribeJobs).count();
    assert!(looks <= 4, "{looks} looks");
}

#[tokio::test]
async fn a_child_whose_parents_tags_cannot_be_told_is_left_alone() {
    let world = under(&protect()).await;
    world.sim.add(Job::new("p").queue("dev").array([JobStatus::Runnable; 2]));
    for tags in [r#""tags": {"keep": ""}, "tags": {"keep": ""}"#, r#""tags": {"keep": "", "keep": ""}"#] {
        let queue = "arn:aws:batch:us-east-1:123456789012:job-queue/dev";
        let child = format!(r#"{{"jobId": "p:0", "jobQueue": "{queue}", "status": "RUNNABLE"}}"#);
        let answer = format!(r#"{{"jobs": [{child}, {{"jobId": "p", "status": "PENDING", {tags}}}]}}"#);
        world.sim.clear_faults();
        world.sim.fault(Fault::answer(200, answer).on(Operation::DescribeJobs).always());
        let report = world.report(&request("p:0")).await;
        assert_eq!(clauses(&report), ["p:0 unavailable - 0"], "{tags}");
    }
    assert_eq!(world.status("p:0"), JobStatus::Runnable);
}

#[tokio::test]
async fn a_child_that_has_ended_is_told_so_though_its_parent_is_not_shown() {
    let world = under(&protect()).await;
    // No job `a` is known.
    world.sim.add(Job::new("a:0").queue("dev").status(JobStatus::Succeeded));
    world.sim.add(Job::new("a:1").queue("dev"));
    let ids = ["a:0", "a:1"].map(ToOwned::to_owned);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(clauses(&report), ["a:0 finished - 0", "a:1 unavailable - 0"]);
}

#[tokio::test]
async fn nothing_is_acted_on_that_could_not_be_looked_at() {
    let world = under(&json!({"deny": [{"id": "none", "when": {"source": ["sns"]}}]})).await;
    let ids = world.jobs(JobStatus::Runnable, 3);
    world.sim.fault(Fault::server_error().on(Operation::DescribeJobs).always());
    let report = world.report(&requests(&ids)).await;
    assert_eq!(outcomes(&report), ids.iter().map(|id| format!("{id} unavailable 0")).collect::<Vec<_>>());
    let calls = world.sim.calls();
    assert!(calls.iter().all(|call| call.operation == Operation::DescribeJobs), "{calls:?}");
}

#[tokio::test]
async fn more_jobs_than_the_policy_allows_at_once_are_all_left_alone() {
    for (vars, expected) in [(None, "denied"), (Some(("DRY_RUN", "true")), "denied")] {
        let policy =
            json!({"maxPerInvocation": 3, "deny": [{"id": "kept", "when": {"job": {"jobName": ["kept"]}}}]});
        let policy = policy.to_string();
        let vars: Vec<_> = [("POLICY", &*policy)].into_iter().chain(vars).collect();
        let world = World::with(&vars).await;
        let ids = world.jobs(JobStatus::Runnable, 4);
        world.sim.add(Job::new("kept").name("kept"));
        world.job("running", JobStatus::Running);
        let all: Vec<_> = ids.iter().cloned().chain(["kept", "running"].map(ToOwned::to_owned)).collect();
        let report = world.report(&requests(&all)).await;
        let mut lines: Vec<_> = ids.iter().map(|id| format!("{id} {expected} maxPerInvocation 0")).collect();
        lines.extend(["kept denied kept 0".to_owned(), "running started implicitAllow 0".to_owned()]);
        assert_eq!(clauses(&report), lines);
        assert!(report["results"][0]["why"].as_str().unwrap().contains("4 jobs"), "{report}");
        // What it denies anyway does not count.
        let report = world.report(&requests(&all[1..])).await;
        let told = clauses(&report);
        let done = if vars.len() > 1 { "would_cancel implicitAllow 0" } else { "cancelled implicitAllow 1" };
        assert!(told[..3].iter().all(|line| line.ends_with(done)), "{told:?}");
    }
}

#[tokio::test]
async fn a_dry_run_takes_nobody_elses_place_among_those_that_may_be_stopped() {
    let world = under(&json!({"maxPerInvocation": 3})).await;
    let ids = world.jobs(JobStatus::Runnable, 6);
    let dry = |id: &String| json!({"jobId": id, "reason": REASON, "dryRun": true});
    let asked: Vec<_> = ids[..2].iter().map(|id| request(id)).chain(ids[2..].iter().map(dry)).collect();
    let told = clauses(&world.report(&json!(asked)).await);
    assert!(told[..2].iter().all(|line| line.ends_with(" cancelled implicitAllow 1")), "{told:?}");
    // What it says is what would be, if it were not one.
    assert!(told[2..].iter().all(|line| line.ends_with(" denied maxPerInvocation 0")), "{told:?}");
}

#[tokio::test]
async fn what_is_found_ended_by_a_second_look_names_no_clause() {
    let world = World::with(&[("POLICY", &protect().to_string()), ("PATIENCE_MS", "20000")]).await;
    world.sim.add(Job::new("a").queue("dev"));
    let busy = Fault::throttled().on(Operation::CancelJob).for_the_first(Duration::from_secs(6));
    world.sim.fault(busy);
    let (report, ()) = tokio::join!(async { world.report(&request("a")).await }, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.sim.set_status("a", JobStatus::Succeeded);
    });
    let told = clauses(&report);
    assert!(told[0].starts_with("a finished - "), "{told:?}");
}

#[tokio::test]
async fn a_dry_run_of_a_deployment_changes_nothing_and_says_what_it_would_do() {
    let policy = protect();
    let mut shadow = policy.clone();
    shadow["mode"] = "dry-run".into();
    for vars in [
        vec![("POLICY", shadow.to_string())],
        vec![("POLICY", policy.to_string()), ("DRY_RUN", "true".into())],
    ] {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, &**value)).collect();
        let world = World::with(&vars).await;
        world.sim.add(Job::new("a").queue("dev"));
        world.sim.add(Job::new("b").queue("dev").tag("keep", ""));
        let report = world.report(&requests(&["a", "b"].map(ToOwned::to_owned))).await;
        assert_eq!(clauses(&report), ["a would_cancel dev 0", "b denied protected 0"]);
        assert!(world.sim.calls().iter().all(|call| call.operation == Operation::DescribeJobs));
    }
}

#[tokio::test]
async fn a_dry_run_of_a_deployment_is_judged_as_the_request_itself_would_be() {
    let policy = json!({"deny": [{"id": "in-earnest", "when": {"dryRun": [false]}}]}).to_string();
    let world = World::with(&[("POLICY", &policy), ("DRY_RUN", "true")]).await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&request("a")).await;
    assert_eq!(clauses(&report), ["a denied in-earnest 0"]);
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "dryRun": true})).await;
    assert_eq!(clauses(&report), ["a would_cancel implicitAllow 0"]);
}

#[tokio::test]
async fn who_may_ask_for_what_is_decided_by_what_the_transport_vouches_for() {
    let policy = json!({"deny": [{"id": "only-ci-terminates", "when": {
        "action": ["terminate"],
        "$or": [{"requestedBy": {"senderId": [{"anything-but": {"suffix": ":ci"}}]}},
                {"requestedBy": {"senderId": [{"exists": false}]}}]
    }}]});
    let world = World::with(&[("POLICY", &policy.to_string()), ("ALLOW_TERMINATE", "true")]).await;
    for id in ["a", "b", "c", "d"] {
        world.job(id, JobStatus::Running);
    }
    let record = |id: &str, sender: &str, action: &str| {
        // What the body says of its sender counts for nothing.
        let body = json!({"jobId": id, "reason": REASON, "action": action,
                          "requestedBy": {"senderId": "AROA:ci"}, "senderId": "AROA:ci"});
        let mut record = sqs_record(id, &body.to_string());
        record["attributes"]["SenderId"] = sender.into();
        record
    };
    let records = [
        record("a", "AROA:ci", "terminate"),
        record("b", "AROA:intern", "terminate"),
        record("c", "AROA:intern", "cancel"),
    ];
    let report = world.report(&json!({"Records": records})).await;
    assert_eq!(
        clauses(&report),
        ["a terminated implicitAllow 1", "b denied only-ci-terminates 0", "c started implicitAllow 0"]
    );
    let direct = json!({"jobId": "d", "reason": REASON, "action": "terminate"});
    assert_eq!(clauses(&world.report(&direct).await), ["d denied only-ci-terminates 0"]);
}

#[tokio::test]
async fn two_requests_for_one_job_are_judged_each_by_itself() {
    let policy = json!({"deny": [{"id": "not-so", "when": {"metadata": {"team": ["b"]}}}]});
    let world = under(&policy).await;
    world.job("a", JobStatus::Runnable);
    let ask = |team: &str, reason: &str| json!({"jobId": "a", "reason": reason, "metadata": {"team": team}});
    let reply = world.invoke(&sqs([ask("b", "First."), ask("a", "Second.")])).await.unwrap();
    assert!(failures(&reply).is_empty());
    let job = world.sim.job("a").unwrap();
    assert_eq!(job.status_reason.as_deref(), Some("Second."), "the one that is denied gives no reason");
    let denied = world.logs().into_iter().find(|line| line["outcome"] == "denied").unwrap();
    assert_eq!((&denied["reason"], &denied["clause"]), (&"First.".into(), &"not-so".into()));
}

#[tokio::test]
async fn no_way_of_writing_metadata_hides_it_from_the_policy() {
    let policy = json!({"deny": [{"id": "prod", "when": {"metadata": {"env": ["prod"]}}}]});
    let world = under(&policy).await;
    world.job("a", JobStatus::Runnable);
    for metadata in
        [r#"{"env": "prod"}"#, r#"{"env": "prod", "x": 1, "x": 2}"#, r#"{"env": "prod", "x": "\ud800"}"#]
    {
        let body = format!(r#"{{"jobId": "a", "reason": "r", "metadata": {metadata}}}"#);
        world.invoke(&json!({"Records": [sqs_record("m0", &body)]})).await.unwrap();
        assert_eq!(world.status("a"), JobStatus::Runnable, "{metadata}");
    }
}

#[tokio::test]
async fn what_a_request_expects_must_still_hold() {
    let world = World::new().await;
    world.sim.add(Job::new("a").status_reason("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - Too large."));
    world.sim.add(Job::new("b"));
    world.sim.add(Job::new("c").status(JobStatus::Running));
    world.sim.add(Job::new("d").status(JobStatus::Succeeded));
    let expect = json!({"status": ["RUNNABLE"], "statusReason": [{"prefix": "MISCONFIGURATION:"}]});
    let ids = ["a", "b", "c", "d"];
    let report = world.report(&json!({"jobIds": ids, "reason": REASON, "expect": expect})).await;
    assert_eq!(
        outcomes(&report),
        ["a cancelled 1", "b precondition_failed 0", "c precondition_failed 0", "d finished 0"]
    );
    let why = |n: usize| report["results"][n]["why"].as_str().unwrap().to_owned();
    assert!(why(1).contains("`statusReason` has no value"), "{}", why(1));
    assert!(why(2).contains("`status` is \"RUNNING\""), "{}", why(2));
    // Again: what it expected was true, and its work is found.
    let again = json!({"jobId": "a", "reason": REASON, "expect": expect});
    assert_eq!(outcomes(&world.report(&again).await), ["a cancelled 0"]);
    // An age is known by the wall clock.
    let young = |id: &str| json!({"jobId": id, "reason": REASON, "expect": {"ageSeconds": [{"numeric": [">=", 3600]}]}});
    world.sim.add(Job::new("old").created_at(1));
    assert_eq!(outcomes(&world.report(&young("b")).await), ["b precondition_failed 0"]);
    assert_eq!(outcomes(&world.report(&young("old")).await), ["old cancelled 1"]);
}

#[tokio::test]
async fn an_expectation_that_fails_tells_nobody_a_jobs_secrets() {
    let world = World::new().await;
    let secrets = r#""container": {"environment": [{"name": "PASSWORD", "value": "hunter2"}]}, "parameters": {"token": "hunter2"}"#;
    let answer = format!(r#"{{"jobs": [{{"jobId": "a", "status": "RUNNABLE", {secrets}}}]}}"#);
    world.sim.fault(Fault::answer(200, answer).on(Operation::DescribeJobs).always());
    for (expect, field) in [
        (
            json!({"container": {"environment": {"value": ["x"]}}}),
            "`container.environment.value` is not [\"x\"]",
        ),
        (json!({"parameters": {"token": ["x"]}}), "`parameters.token` is not [\"x\"]"),
    ] {
        let report = world.report(&json!({"jobId": "a", "reason": REASON, "expect": expect})).await;
        assert_eq!(report["results"][0]["why"], field);
    }
    assert!(!world.log_text().contains("hunter2"), "{}", world.log_text());
}

#[tokio::test]
async fn an_expectation_is_the_wish_of_one_request_only() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let careful = json!({"jobId": "a", "reason": "Careful.", "expect": {"tags": {"run": ["41"]}}});
    let report = world.report(&json!([careful, request("a")])).await;
    assert_eq!(outcomes(&report), ["a precondition_failed 0", "a cancelled 1"]);
}

#[tokio::test]
async fn an_expectation_that_cannot_be_looked_at_stops_nothing() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 2);
    world.sim.fault(Fault::server_error().on(Operation::DescribeJobs).always());
    let careful = json!({"jobId": ids[0], "reason": REASON, "expect": {"status": ["RUNNABLE"]}});
    let reply = world.invoke(&sqs([careful, request(&ids[1])])).await.unwrap();
    // The other asks for no look, and an outage of looks keeps no job alive.
    assert_eq!(failures(&reply), ["m0"]);
    assert_eq!([world.status(&ids[0]), world.status(&ids[1])], [JobStatus::Runnable, JobStatus::Failed]);
}

#[tokio::test]
async fn an_expectation_that_cannot_be_read_is_rejected_with_its_place() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    for (expect, place) in [
        (json!({"ageSeconds": [{"numeric": [">", "600"]}]}), "`expect.ageSeconds[0].numeric"),
        (json!({"status": "RUNNABLE"}), "`expect.status`"),
        (json!({}), "`expect`"),
        (json!([]), "`expect`"),
        (json!({"job": {"status": ["RUNNABLE"]}}), "`expect.job"),
        (json!({"Status": ["RUNNABLE"]}), "`expect.Status`"),
        (json!({"agesSeconds": [1]}), "`expect.agesSeconds`"),
        (json!({"tags": {"x": ["y".repeat(2048)]}}), "`expect`"),
    ] {
        let report = world.report(&json!({"jobId": "a", "reason": REASON, "expect": expect})).await;
        assert_eq!(report["results"][0]["outcome"], "rejected", "{expect}");
        let why = report["results"][0]["why"].as_str().unwrap();
        assert!(why.contains(place), "{expect}: {why}");
    }
    assert_eq!(world.status("a"), JobStatus::Runnable);
}

#[tokio::test]
async fn without_a_policy_nobody_asks_for_more_than_before() {
    let world = World::new().await;
    world.sim.add(Job::new("x").array([JobStatus::Runnable; 3]));
    let report = world.report(&requests(&["x:0".to_owned()])).await;
    assert_eq!(clauses(&report), ["x:0 cancelled - 1"]);
    let calls = world.sim.calls();
    assert!(calls.iter().all(|call| call.jobs == ["x:0"]), "no parent is looked at: {calls:?}");
}
