//! Cancelling by what a job looks like.

use batch_sim::{Fault, Job, JobStatus, Operation};
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, outcomes, sqs};

fn sweep(sweep: &Value) -> Value {
    json!({"sweep": sweep, "reason": REASON})
}

/// The sweep's own result.
fn swept(report: &Value) -> &Value {
    report["results"].as_array().unwrap().iter().find(|result| !result["sweep"].is_null()).unwrap()
}

fn failed(world: &World) -> Vec<String> {
    let mut ids: Vec<String> = world
        .sim
        .jobs()
        .into_iter()
        .filter(|job| job.status == JobStatus::Failed)
        .map(|job| job.id)
        .collect();
    ids.sort();
    ids
}

async fn nightly() -> World {
    let world = World::new().await;
    world.sim.add(Job::new("a").queue("nightly").name("etl-a").status(JobStatus::Submitted));
    world.sim.add(Job::new("b").queue("nightly").name("etl-ab").status(JobStatus::Pending).depends_on(["x"]));
    world.sim.add(Job::new("c").queue("nightly").name("etl-a").status(JobStatus::Runnable));
    world.sim.add(Job::new("d").queue("nightly").name("etl-a").status(JobStatus::Running));
    world.sim.add(Job::new("e").queue("nightly").name("report").status(JobStatus::Runnable).tag("run", "41"));
    world.sim.add(Job::new("f").queue("other").name("etl-a").status(JobStatus::Runnable));
    world
}

#[tokio::test]
async fn everything_that_waits_in_a_queue_is_cancelled_and_counted() {
    let world = nightly().await;
    let report = world.report(&sweep(&json!({"jobQueue": "nightly", "maxJobs": 10}))).await;
    let result = swept(&report);
    assert_eq!((&result["outcome"], &result["reason"]), (&"swept".into(), &REASON.into()));
    let told = &result["sweep"];
    assert_eq!(
        (&told["jobQueue"], &told["matched"], &told["scanned"], &told["left"], &told["kept"]),
        (&"nightly".into(), &4.into(), &4.into(), &0.into(), &0.into())
    );
    assert_eq!(told["outcomes"]["cancelled"], 3, "{told}");
    assert_eq!(told["outcomes"]["cancelling"].as_u64().unwrap_or_default() + 3, 4, "{told}");
    assert_eq!(told["plan"]["look"], "summary");
    assert_eq!(world.sim.count(Operation::ListJobs), 6, "until a pass finds nothing new");
    assert_eq!(failed(&world), ["a", "c", "e"]);
    assert!(report["summary"]["omitted"].is_null(), "{report}");
    // Each job has its own line in the log.
    let lines = world.logs();
    let of = |id: &str| lines.iter().filter(|line| line["jobId"] == id).count();
    assert_eq!(["a", "b", "c", "d", "e", "f"].map(of), [1, 1, 1, 0, 1, 0]);
}

#[tokio::test]
async fn a_name_is_the_whole_name_unless_a_prefix_is_asked_for() {
    for (pattern, expected) in [
        (json!(["etl-a"]), vec!["a", "c"]),
        (json!([{"prefix": "etl-a"}]), vec!["a", "b", "c"]),
        (json!([{"wildcard": "*port"}]), vec!["e"]),
    ] {
        let world = nightly().await;
        let filter = json!({"job": {"jobName": pattern}});
        let mut request = sweep(&json!({"jobQueue": "nightly", "where": filter, "maxJobs": 10}));
        request["dryRun"] = true.into();
        let report = world.report(&request).await;
        let told = swept(&report)["sweep"]["jobIds"]["would_cancel"].clone();
        let mut told: Vec<String> = serde_json::from_value(told).unwrap();
        told.sort();
        assert_eq!(told, expected, "{pattern}");
        assert!(failed(&world).is_empty(), "a dry run changes nothing");
        assert!(world.sim.count(Operation::CancelJobs) + world.sim.count(Operation::CancelJob) == 0);
    }
}

#[tokio::test]
async fn a_tag_takes_a_look_at_each_job() {
    let world = nightly().await;
    let filter = json!({"job": {"tags": {"run": ["41"]}}});
    let report = world.report(&sweep(&json!({"jobQueue": "nightly", "where": filter, "maxJobs": 1}))).await;
    let told = &swept(&report)["sweep"];
    assert_eq!((&told["matched"], &told["plan"]["look"]), (&1.into(), &"DescribeJobs".into()));
    assert_eq!(failed(&world), ["e"]);
}

#[tokio::test]
async fn more_matches_than_allowed_and_none_is_stopped() {
    let world = World::new().await;
    for n in 0..25 {
        world.sim.add(Job::new(format!("job-{n}")).queue("q"));
    }
    for (most, matched, at_least) in [(24, 25, false), (3, 25, false), (2, 21, true)] {
        let request = sweep(&json!({"jobQueue": "q", "maxJobs": most}));
        let report = world.report(&request).await;
        let result = swept(&report);
        assert_eq!(result["outcome"], "denied", "{result}");
        assert!(result["why"].as_str().unwrap().contains(&format!("{matched} jobs match")), "{result}");
        assert_eq!(result["sweep"]["atLeast"].as_bool().unwrap_or_default(), at_least);
        assert_eq!(report["results"].as_array().unwrap().len(), 1, "{report}");
    }
    assert!(failed(&world).is_empty());
    let request = sweep(&json!({"jobQueue": "q", "maxJobs": 25}));
    assert_eq!(swept(&world.report(&request).await)["sweep"]["outcomes"]["cancelled"], 25);
}

#[tokio::test]
async fn the_newest_of_each_name_are_left_alone() {
    let world = World::new().await;
    let now = i64::try_from(batch_canceller::clock::unix_ms()).unwrap();
    for (id, name, age) in
        [("a1", "a", 3), ("a2", "a", 2), ("a3", "a", 1), ("b1", "b", 5), ("c1", "c", 9), ("c2", "c", 8)]
    {
        world.sim.add(Job::new(id).queue("q").name(name).tag("app", name).created_at(now - age * 1000));
    }
    for (per, look) in [("jobName", "summary"), ("tags.app", "DescribeJobs")] {
        let mut request =
            sweep(&json!({"jobQueue": "q", "keepNewest": {"per": per, "count": 1}, "maxJobs": 10}));
        request["dryRun"] = true.into();
        let report = world.report(&request).await;
        let told = &swept(&report)["sweep"];
        let mut ids: Vec<String> = serde_json::from_value(told["jobIds"]["would_cancel"].clone()).unwrap();
        ids.sort();
        assert_eq!(ids, ["a1", "a2", "c1"], "{told}");
        assert_eq!((&told["kept"], &told["plan"]["look"]), (&3.into(), &look.into()));
    }
}

#[tokio::test]
async fn the_children_of_an_array_are_swept_by_its_id() {
    let world = World::new().await;
    let children = [JobStatus::Runnable, JobStatus::Running, JobStatus::Runnable, JobStatus::Succeeded];
    world.sim.add(Job::new("x").array(children));
    let report = world.report(&sweep(&json!({"arrayJobId": "x", "maxJobs": 10}))).await;
    assert_eq!(swept(&report)["sweep"]["jobIds"]["cancelled"], json!(["x:0", "x:2"]));
    assert_eq!(world.status("x:1"), JobStatus::Running);
}

#[tokio::test]
async fn started_work_is_swept_by_an_allowed_terminate_only() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    world.sim.add(Job::new("a").queue("q").status(JobStatus::Running));
    world.sim.add(Job::new("b").queue("q").status(JobStatus::Runnable));
    let mut request = sweep(&json!({"jobQueue": "q", "status": ["RUNNING"], "maxJobs": 10}));
    let told = world.report(&request).await;
    assert_eq!(told["results"][0]["outcome"], "rejected");
    request["action"] = "terminate".into();
    let report = world.report(&request).await;
    assert_eq!(swept(&report)["sweep"]["jobIds"], json!({"terminated": ["a"]}));
    assert_eq!(world.status("b"), JobStatus::Runnable);
}

#[tokio::test]
async fn a_policy_decides_about_each_job_of_a_sweep() {
    let policy = json!({
        "maxPerInvocation": 2,
        "deny": [{"id": "protected", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}}]
    });
    let world = World::with(&[("POLICY", &policy.to_string())]).await;
    world.sim.add(Job::new("a").queue("q"));
    world.sim.add(Job::new("b").queue("q").tag("keep", ""));
    world.sim.add(Job::new("c").queue("q"));
    let report = world.report(&sweep(&json!({"jobQueue": "q", "maxJobs": 10}))).await;
    assert_eq!(swept(&report)["sweep"]["outcomes"], json!({"cancelled": 2, "denied": 1}));
    let denied = world.logs().into_iter().find(|line| line["jobId"] == "b").unwrap();
    assert_eq!(denied["clause"], "protected");
    for id in ["d", "e", "f"] {
        world.sim.add(Job::new(id).queue("q"));
    }
    let report = world.report(&sweep(&json!({"jobQueue": "q", "maxJobs": 10}))).await;
    assert_eq!(swept(&report)["sweep"]["outcomes"], json!({"denied": 4}), "three at once are too many");
}

#[tokio::test]
async fn pages_are_turned_to_the_last() {
    let world = World::new().await;
    for n in 0..2345 {
        world.sim.add(Job::new(format!("job-{n}")).queue("q"));
    }
    let report = world.report(&sweep(&json!({"jobQueue": "q", "maxJobs": 5000}))).await;
    let told = &swept(&report)["sweep"];
    assert_eq!((&told["matched"], &told["outcomes"]["cancelled"]), (&2345.into(), &2345.into()));
    assert_eq!(told["jobIds"]["cancelled"].as_array().unwrap().len(), 100);
    assert_eq!(told["plan"]["pages"], 10, "one of each waiting status, and two more; twice");
    // 47 cancels, 3 pages of failed jobs.
    assert!(report["summary"]["apiCalls"].as_u64().unwrap() <= 10 + 47 + 3, "{}", report["summary"]);
    assert_eq!((&told["plan"]["confirmPages"], world.sim.count(Operation::DescribeJobs)), (&3.into(), 0));
}

#[tokio::test]
async fn a_listing_that_fails_stops_nothing_and_the_sweep_comes_back() {
    for fault in [Fault::server_error().always(), Fault::access_denied().always()] {
        let world = nightly().await;
        world.sim.fault(fault.on(Operation::ListJobs));
        let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 10}));
        let reply = world.invoke(&sqs([request, json!({"jobId": "f", "reason": REASON})])).await.unwrap();
        assert_eq!(failures(&reply), ["m0"]);
        assert_eq!(failed(&world), ["f"], "its neighbour is not held up");
    }
    // One failure is tried again.
    let world = nightly().await;
    world.sim.fault(Fault::server_error().on(Operation::ListJobs).first(2));
    let report = world.report(&sweep(&json!({"jobQueue": "nightly", "maxJobs": 10}))).await;
    assert_eq!(swept(&report)["outcome"], "swept");
}

#[tokio::test]
async fn a_job_that_moves_between_two_pages_is_neither_lost_nor_stopped_twice() {
    let world = World::new().await;
    // It goes back into the queue, and forward again, while others are listed.
    world.sim.add(Job::new("a").queue("q").status(JobStatus::Running));
    world.sim.add(Job::new("b").queue("q").status(JobStatus::Submitted));
    let sim = world.sim.clone();
    let request = sweep(&json!({"jobQueue": "q", "maxJobs": 10}));
    let swept_now = world.report(&request);
    let mover = async {
        while sim.count(Operation::ListJobs) < 3 {
            tokio::task::yield_now().await;
        }
        sim.set_status("a", JobStatus::Submitted);
    };
    let (report, ()) = tokio::join!(swept_now, mover);
    let told = &swept(&report)["sweep"];
    assert_eq!(told["matched"], 2, "{told}");
    assert!(told["scanned"].as_u64().unwrap() >= 2, "what a later pass finds was listed too: {told}");
    assert_eq!(failed(&world), ["a", "b"]);
}

#[tokio::test]
async fn a_job_that_only_a_later_pass_finds_counts_as_listed() {
    let world = World::new().await;
    world.sim.add(Job::new("a").queue("q").status(JobStatus::Submitted));
    let sim = world.sim.clone();
    let request = sweep(&json!({"jobQueue": "q", "maxJobs": 10}));
    let submitter = async {
        while sim.count(Operation::ListJobs) < 3 {
            tokio::task::yield_now().await;
        }
        sim.add(Job::new("b").queue("q").status(JobStatus::Submitted));
    };
    let (report, ()) = tokio::join!(world.report(&request), submitter);
    let told = &swept(&report)["sweep"];
    assert_eq!((&told["scanned"], &told["matched"]), (&2.into(), &2.into()), "{told}");
}

#[tokio::test]
async fn what_cannot_be_looked_at_counts_towards_the_limit() {
    let filter = json!({"job": {"tags": {"run": ["41"]}}});
    for (most, stopped, outcome) in [(1, 0, "unavailable"), (2, 1, "swept")] {
        let world = World::new().await;
        for id in ["a", "b"] {
            world.sim.add(Job::new(id).queue("q").tag("run", "41"));
        }
        world.sim.fault(Fault::client_error().on(Operation::DescribeJobs).job("b"));
        let request = sweep(&json!({"jobQueue": "q", "where": filter, "maxJobs": most}));
        let reply = world.invoke(&sqs([request])).await.unwrap();
        assert_eq!(failures(&reply), ["m0"], "{most}: it comes back for the other");
        assert_eq!(failed(&world).len(), stopped, "{most}");
        let lines = world.logs();
        let whole = lines.iter().find(|line| !line["sweep"].is_null()).unwrap();
        assert_eq!(whole["outcome"], outcome, "{whole}");
    }
}

#[tokio::test]
async fn a_job_that_only_its_listing_shows_is_not_passed_over() {
    let world = World::new().await;
    world.sim.add(Job::new("a").queue("q").tag("run", "41"));
    world.sim.fault(Fault::answer(200, r#"{"jobs": []}"#).on(Operation::DescribeJobs));
    let filter = json!({"job": {"tags": {"run": ["41"]}}});
    let request = sweep(&json!({"jobQueue": "q", "where": filter, "maxJobs": 1}));
    let reply = world.invoke(&sqs([request])).await.unwrap();
    assert_eq!(failures(&reply), ["m0"]);
    let lines = world.logs();
    assert!(lines.iter().any(|line| line["jobId"] == "a" && line["outcome"] == "unavailable"), "{lines:?}");
}

#[tokio::test]
async fn the_newest_is_left_alone_however_an_answer_writes_its_id() {
    let world = World::new().await;
    let now = i64::try_from(batch_canceller::clock::unix_ms()).unwrap();
    for (id, age) in [("a1", 2), ("a2", 1)] {
        world.sim.add(Job::new(id).queue("q").tag("app", "a").created_at(now - age * 1000));
    }
    world.sim.fault(Fault::upper_case_ids().on(Operation::DescribeJobs).first(1));
    let keep = json!({"per": "tags.app", "count": 1});
    let report = world.report(&sweep(&json!({"jobQueue": "q", "keepNewest": keep, "maxJobs": 10}))).await;
    assert_eq!((&swept(&report)["sweep"]["kept"], failed(&world)), (&1.into(), vec!["a1".to_owned()]));
}

#[tokio::test]
async fn a_sweep_says_that_it_is_a_dry_run_by_whomever_it_is_made_one() {
    let world = World::with(&[("DRY_RUN", "true")]).await;
    world.sim.add(Job::new("a").queue("q"));
    let report = world.report(&sweep(&json!({"jobQueue": "q", "maxJobs": 1}))).await;
    assert_eq!(swept(&report)["dryRun"], true, "{report}");
    assert!(failed(&world).is_empty());
}

#[tokio::test]
async fn a_sweep_for_which_there_is_no_room_is_one_result() {
    let world = World::with(&[("MAX_JOBS", "1")]).await;
    world.sim.add(Job::new("a").queue("q"));
    world.sim.add(Job::new("b").queue("q"));
    let named = |id: &str| json!({"jobId": id, "reason": REASON});
    let request = sweep(&json!({"jobQueue": "q", "maxJobs": 10}));
    let reply = world.invoke(&sqs([named("a"), named("b"), request])).await.unwrap();
    assert_eq!(failures(&reply), ["m1", "m2"]);
    let lines = world.logs();
    let summary = lines.iter().find(|line| !line["requested"].is_null()).unwrap();
    assert_eq!((&summary["requested"], &summary["settled"]), (&3.into(), &1.into()), "{summary}");
}

#[tokio::test]
async fn a_job_that_somebody_names_is_not_swept_as_well() {
    let world = nightly().await;
    let named = json!({"jobId": "c", "reason": "By name."});
    let request = sweep(&json!({"jobQueue": "nightly", "status": ["RUNNABLE"], "maxJobs": 10}));
    let reply = world.invoke(&sqs([named, request.clone()])).await.unwrap();
    assert_eq!(failures(&reply), ["m1"], "it comes back for the one that was left to the other");
    assert_eq!(world.sim.job("c").unwrap().status_reason.as_deref(), Some("By name."));
    let report = world.report(&request).await;
    assert_eq!(swept(&report)["sweep"]["matched"], 0);
}

#[tokio::test]
async fn an_empty_queue_and_one_that_is_not_there_are_told_apart_from_trouble() {
    let world = World::new().await;
    let report = world.report(&sweep(&json!({"jobQueue": "nobody", "maxJobs": 1}))).await;
    assert_eq!(outcomes(&report), ["- swept 0"], "Batch lists nothing: {report}");
}

#[tokio::test]
async fn each_recipe_of_the_docs_does_what_it_says() {
    let text = include_str!("../../docs/sweeps.md");
    let recipes: Vec<(String, Value)> = text
        .lines()
        .filter_map(|line| {
            let (what, rest) = line.strip_prefix("| ")?.split_once(" | `{")?;
            Some((
                what.to_owned(),
                serde_json::from_str(&format!("{{{}", rest.strip_suffix("` |")?)).unwrap(),
            ))
        })
        .collect();
    let expected = [
        ("everything that waits in a queue", "etl-a etl-ab old other run share twice-1 twice-2"),
        ("stuck for longer than two hours", "old"),
        ("by name, exactly", "etl-a"),
        ("by the beginning of a name", "etl-a etl-ab"),
        ("by tag: the jobs of a run", "run"),
        ("by share identifier", "share"),
        ("the children of an array", "1d828f65-7a4d-42e8-996d-3b900ed59dc4:0"),
        ("all but the newest of each name", "twice-1"),
        ("a whole pipeline, and what depends on it", "pipe"),
    ];
    assert_eq!(recipes.len(), expected.len());
    for ((what, recipe), (name, ids)) in recipes.iter().zip(expected) {
        assert_eq!(what, name);
        let world = World::new().await;
        let now = i64::try_from(batch_canceller::clock::unix_ms()).unwrap();
        let job = |id: &str| Job::new(id).name(id).queue("nightly").created_at(now - 60_000);
        for id in ["etl-a", "etl-ab", "other"] {
            world.sim.add(job(id));
        }
        world.sim.add(job("old").created_at(now - 7_300_000));
        world.sim.add(job("run").tag("run", "42"));
        world.sim.add(job("share").share("team-a"));
        world.sim.add(job("twice-1").name("twice").created_at(now - 90_000));
        world.sim.add(job("twice-2").name("twice"));
        world.sim.add(job("running").status(JobStatus::Running));
        world.sim.add(job("pipe").queue("pipelines").tag("pipeline", "nightly-42"));
        let after = job("after").queue("pipelines").status(JobStatus::Pending);
        world.sim.add(after.depends_on(["pipe"]));
        let array = Job::new("1d828f65-7a4d-42e8-996d-3b900ed59dc4").queue("arrays");
        world.sim.add(array.array([JobStatus::Runnable, JobStatus::Running]));
        let mut request = sweep(recipe);
        request["dryRun"] = true.into();
        let report = world.report(&request).await;
        let told = &swept(&report)["sweep"]["jobIds"]["would_cancel"];
        let mut found: Vec<String> = serde_json::from_value(told.clone()).unwrap_or_default();
        found.sort();
        assert_eq!(found.join(" "), ids, "{what}");
        let falls = &swept(&report)["sweep"]["dependents"]["jobIds"];
        let expected = if ids == "pipe" { json!(["after"]) } else { Value::Null };
        assert_eq!(*falls, expected, "{what}");
    }
}
