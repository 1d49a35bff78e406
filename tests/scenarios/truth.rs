//! Nothing is claimed that was not seen, whoever else acts and however odd the answers are.

use std::time::Duration;

use batch_sim::{After, CancelLag, Deed, Fault, Job, JobStatus, Lag, Operation};
use serde_json::json;

use crate::harness::{REASON, World, outcomes, request, requests};

const TERMINATE: [(&str, &str); 1] = [("ALLOW_TERMINATE", "true")];

fn runnable(world: &World, ids: &[&str]) {
    for id in ids {
        world.job(id, JobStatus::Runnable);
    }
}

/// Our cancel is accepted, but by then the job has met another end, which is what is told.
async fn another_end(deed: Deed, why: &str) {
    let world = World::new().await;
    world.sim.add(Job::new("a").status(JobStatus::Runnable).when(After::Stopped(1), deed));
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a finished 1"], "{report}");
    assert!(report["results"][0]["why"].as_str().unwrap().contains(why), "{report}");
    assert_eq!(report["results"][0]["after"]["statusReason"], why);
}

#[tokio::test]
async fn an_accepted_cancel_that_another_end_forestalled_is_not_claimed() {
    another_end(Deed::Terminate("Killed by operator.".into()), "Killed by operator.").await;
    let host = "Host EC2 (instance i-0abc) terminated.";
    another_end(Deed::Fail(host.into()), host).await;
}

#[tokio::test]
async fn a_bulk_cancel_claims_only_what_ended_for_its_reason() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 3);
    world.sim.when(&ids[1], After::Stopped(1), Deed::Terminate("Killed by operator.".into()));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(
        outcomes(&report),
        ["runnable-0 cancelled 1", "runnable-1 finished 1", "runnable-2 cancelled 1"]
    );
}

#[tokio::test]
async fn an_array_child_that_its_parents_cancel_ended_is_not_claimed_for_another_reason() {
    // One call at a time, so that it is certain whose cancel comes first.
    let world = World::with(&[("MAX_IN_FLIGHT", "1")]).await;
    world.sim.add(Job::new("a").array([JobStatus::Runnable, JobStatus::Runnable]));
    let payload = json!([
        {"jobId": "a", "reason": "The whole array."},
        {"jobId": "a:1", "reason": "Just this one."},
        {"jobId": "a:0", "reason": "The whole array."}
    ]);
    let report = world.report(&payload).await;
    let lines = outcomes(&report);
    assert_eq!(lines[..2], ["a cancelled 1", "a:1 finished 1"], "{report}");
    assert!(lines[2].starts_with("a:0 cancelled"), "the same reason cannot be told apart: {report}");
    assert!(report["results"][1]["why"].as_str().unwrap().contains("The whole array."), "{report}");
}

#[tokio::test]
async fn a_dependent_that_falls_with_a_cancelled_job_fell_by_itself() {
    let world = World::with(&[("MAX_IN_FLIGHT", "1")]).await;
    world.job("first", JobStatus::Runnable);
    world.sim.add(Job::new("second").status(JobStatus::Pending).depends_on(["first"]));
    let payload = json!([
        {"jobId": "first", "reason": "One."},
        {"jobId": "second", "reason": "Two."}
    ]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report)[0], "first cancelled 1");
    assert!(outcomes(&report)[1].starts_with("second finished"), "{report}");
}

#[tokio::test]
async fn a_dry_run_never_says_that_it_stopped_something() {
    let world = World::with(&TERMINATE).await;
    let ended = |id: &str| Job::new(id).status(JobStatus::Failed).status_reason(REASON);
    world.sim.add(ended("cancelled").cancelled());
    world.sim.add(ended("terminated").terminated());
    world.sim.add(Job::new("unreasoned").status(JobStatus::Failed).cancelled());
    world.sim.add(Job::new("marked").status(JobStatus::Runnable).cancelled().lag(CancelLag::Polls(9)));
    world.job("waiting", JobStatus::Runnable);
    world.job("busy", JobStatus::Running);
    let ids = ["cancelled", "terminated", "unreasoned", "marked", "waiting", "busy"];
    for (action, told) in [
        ("cancel", ["finished", "finished", "finished", "would_cancel", "would_cancel", "started"]),
        (
            "terminate",
            ["finished", "finished", "finished", "would_terminate", "would_terminate", "would_terminate"],
        ),
    ] {
        let payload = json!({"jobIds": ids, "reason": REASON, "action": action, "dryRun": true});
        let report = world.report(&payload).await;
        let expected: Vec<_> = ids.iter().zip(told).map(|(id, told)| format!("{id} {told} 0")).collect();
        assert_eq!(outcomes(&report), expected);
        assert!(report["results"].as_array().unwrap().iter().all(|result| result["dryRun"] == true));
    }
    assert_eq!(world.sim.count(Operation::DescribeJobs), world.sim.calls().len());
}

#[tokio::test]
async fn a_dry_run_takes_nothing_from_the_real_request_beside_it() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let real = request("a");
    let mut dry = request("a");
    dry["dryRun"] = true.into();
    // Whichever is first, one is carried out and the other says what it would have done.
    let report = world.report(&json!([dry, real, dry])).await;
    assert_eq!(outcomes(&report), ["a would_cancel 0", "a cancelled 1", "a would_cancel 0"]);
    let report = world.report(&json!([dry, real])).await;
    assert_eq!(outcomes(&report), ["a finished 0", "a cancelled 0"]);
}

#[tokio::test]
async fn anothers_cancel_of_a_running_job_is_no_sign_of_a_terminate_that_failed() {
    let vars = [TERMINATE[0], ("MAX_ATTEMPTS", "2")];
    // Marked before the first look, and (waiting then) between the look and the act.
    let before = Job::new("a").status(JobStatus::Running).cancelled();
    let between = Job::new("a")
        .status(JobStatus::Runnable)
        .lag(CancelLag::Polls(1000))
        .when(After::Described(1), Deed::Cancel("Theirs.".into()))
        .moves(After::Described(1), JobStatus::Running);
    for job in [before, between] {
        let world = World::with(&vars).await;
        world.sim.add(job);
        world.sim.fault(Fault::server_error().on(Operation::TerminateJob));
        let payload = json!({"jobId": "a", "reason": REASON, "action": "terminate"});
        let report = world.report(&payload).await;
        assert_eq!(report["results"][0]["outcome"], "unavailable", "{report}");
        let job = world.sim.job("a").unwrap();
        assert!(job.is_cancelled && !job.is_terminated && job.status == JobStatus::Running, "{job:?}");
    }
}

#[tokio::test]
async fn a_cancel_that_was_carried_out_unheard_and_then_forbidden_is_found_out() {
    for (operation, ids) in [(Operation::CancelJob, &["a"][..]), (Operation::CancelJobs, &["a", "b"])] {
        let world = World::new().await;
        runnable(&world, ids);
        world.sim.fault(Fault::drop_after().on(operation).nth(1));
        world.sim.fault(Fault::access_denied().on(operation).from(2));
        world.sim.fault(Fault::access_denied().on(Operation::CancelJob));
        let report = world.report(&json!({"jobIds": ids, "reason": REASON})).await;
        let lines = outcomes(&report);
        assert!(lines.iter().all(|line| line.contains(" cancelled ")), "{operation:?}: {lines:?}");
        assert!(world.sim.calls().iter().any(|call| call.status == 403), "{operation:?}");
    }
}

/// A first look that does not show a new job is not believed: there is another, two seconds later.
async fn overlooked_once(lag: Option<Lag>, fault: Option<Fault>) {
    let world = World::new().await;
    let job = Job::new("a").status(JobStatus::Runnable);
    world.sim.add(match lag {
        Some(lag) => job.shown_after(lag),
        None => job,
    });
    if let Some(fault) = fault {
        world.sim.fault(fault.on(Operation::DescribeJobs).nth(1));
    }
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a cancelled 1"], "{report}");
    assert_eq!(report["results"][0]["before"]["status"], "RUNNABLE");
}

#[tokio::test]
async fn a_new_job_that_the_first_look_leaves_out_is_cancelled() {
    overlooked_once(Some(Lag::Polls(1)), None).await;
}

#[tokio::test]
async fn a_look_answered_by_an_empty_object_says_nothing_of_the_job() {
    overlooked_once(None, Some(Fault::empty_object())).await;
}

#[tokio::test]
async fn a_look_answered_by_nothing_at_all_says_nothing_of_the_job() {
    overlooked_once(None, Some(Fault::empty_body())).await;
}

#[tokio::test]
async fn not_found_takes_two_looks_two_seconds_apart_and_no_cancel() {
    let world = World::new().await;
    let report = world.report(&request("nobody")).await;
    assert_eq!(outcomes(&report), ["nobody not_found 0"]);
    let calls = world.sim.calls();
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    assert!([first, second].iter().all(|call| call.operation == Operation::DescribeJobs));
    let apart = second.started.checked_sub(first.started).unwrap();
    assert!(apart >= Duration::from_secs(2), "{apart:?}");
    assert_eq!(world.logs()[0]["level"], "WARN");
}

/// A page with status 200 in place of an answer to this call is no acceptance: at first it is asked again, and where
/// there is nothing else, nothing is claimed.
async fn page_in_place_of(operation: Operation, ids: &[&str], action: &str, done: &str) {
    let world = World::with(&[TERMINATE[0], ("MAX_ATTEMPTS", "2")]).await;
    let payload = json!({"jobIds": ids, "reason": REASON, "action": action});
    runnable(&world, ids);
    world.sim.fault(Fault::html().on(operation).nth(1));
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ids.iter().map(|id| format!("{id} {done} 2")).collect::<Vec<_>>());

    world.sim.reset();
    runnable(&world, ids);
    for operation in [operation, Operation::CancelJob, Operation::TerminateJob] {
        world.sim.fault(Fault::html().on(operation));
    }
    let report = world.report(&payload).await;
    for (id, result) in ids.iter().zip(report["results"].as_array().unwrap()) {
        assert_eq!(result["outcome"], "unavailable", "{operation:?}");
        let why = result["why"].as_str().unwrap();
        assert!(why.contains("not Batch's") || why.contains("could not be read"), "{why}");
        assert_eq!(world.status(id), JobStatus::Runnable);
    }
}

#[tokio::test]
async fn the_page_of_a_proxy_is_no_acceptance() {
    page_in_place_of(Operation::CancelJob, &["a"], "cancel", "cancelled").await;
    page_in_place_of(Operation::TerminateJob, &["a"], "terminate", "terminated").await;
    page_in_place_of(Operation::CancelJobs, &["a", "b"], "cancel", "cancelled").await;
    page_in_place_of(Operation::TerminateJobs, &["a", "b"], "terminate", "terminated").await;
}

#[tokio::test]
async fn the_page_of_a_proxy_is_no_look() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    for nth in [1, 2] {
        world.sim.fault(Fault::html().on(Operation::DescribeJobs).nth(nth));
    }
    assert_eq!(world.cancel("a").await, "cancelled");
    assert_eq!(world.sim.count(Operation::DescribeJobs), 4);
}

#[tokio::test]
async fn a_job_shown_under_another_spelling_of_its_id_is_found() {
    for ids in [&["a-1"][..], &["a-1", "b-2", "c-3"]] {
        for operation in [Some(Operation::DescribeJobs), None] {
            let world = World::new().await;
            runnable(&world, ids);
            let fault = Fault::upper_case_ids();
            world.sim.fault(match operation {
                Some(operation) => fault.on(operation),
                None => fault,
            });
            let report = world.report(&json!({"jobIds": ids, "reason": REASON})).await;
            // Told by the id that was asked for, and asked for once.
            let told: Vec<_> = ids.iter().map(|id| format!("{id} cancelled 1")).collect();
            assert_eq!((outcomes(&report), world.sim.calls().len()), (told, 3), "{operation:?}");
        }
    }
}
