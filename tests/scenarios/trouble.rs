//! What passes is waited for, and what is not Batch's word is not taken for one.

use std::time::Duration;

use batch_sim::{Fault, Job, JobStatus, Kill, Operation};
use serde_json::json;
use tokio::time;

use crate::harness::{REASON, World, outcomes, request, requests};

/// Lets time pass for the function and for the simulator, without waiting.
async fn pass(time: Duration) {
    time::pause();
    time::advance(time).await;
    time::resume();
}

/// The fault hits one call of a lone cancel: the look, the cancel, or the look afterwards. Each is made once more.
async fn hits_one_call(fault: &Fault) {
    for (operation, nth, attempts) in
        [(Operation::DescribeJobs, 1, 1), (Operation::CancelJob, 1, 2), (Operation::DescribeJobs, 2, 1)]
    {
        let case = format!("{operation:?} {nth}: {fault:?}");
        let world = World::new().await;
        world.job("a", JobStatus::Runnable);
        world.sim.fault(fault.clone().on(operation).nth(nth));
        let report = world.report(&request("a")).await;
        assert_eq!(outcomes(&report), [format!("a cancelled {attempts}")], "{case}");
        assert_eq!(
            report["results"][0]["before"]["status"], "RUNNABLE",
            "the look was not done without: {case}"
        );
        assert_eq!(report["summary"]["apiCalls"], 4, "{case}");
    }
}

#[tokio::test]
async fn credentials_and_clocks_that_are_off_for_a_moment_are_no_refusal() {
    for (status, code) in [
        (403, "InvalidSignatureException"),
        (403, "SignatureDoesNotMatch"),
        (403, "ExpiredToken"),
        (403, "ExpiredTokenException"),
        (403, "RequestTimeTooSkewed"),
        (403, "UnrecognizedClientException"),
        (401, "UnrecognizedClientException"),
        (400, "RequestExpired"),
    ] {
        hits_one_call(&Fault::error(status, code, "Signature expired")).await;
    }
}

#[tokio::test]
async fn a_bare_status_is_not_batchs_no() {
    for status in [302, 400, 401, 403, 404, 407, 421, 425] {
        hits_one_call(&Fault::bare(status)).await;
    }
}

#[tokio::test]
async fn a_bulk_call_that_is_turned_away_for_a_moment_is_made_again() {
    let passing = ["InvalidSignatureException", "ExpiredTokenException", "UnrecognizedClientException"];
    let passing = passing.map(|code| Fault::error(403, code, ""));
    for fault in passing.into_iter().chain([302, 403, 407, 421, 425].map(Fault::bare)) {
        let world = World::new().await;
        let ids = world.jobs(JobStatus::Runnable, 50);
        world.sim.fault(fault.clone().on(Operation::CancelJobs).nth(1));
        let report = world.report(&requests(&ids)).await;
        assert_eq!(report["summary"]["cancelled"], 50, "{fault:?}");
        assert_eq!(world.sim.count(Operation::CancelJobs), 2, "{fault:?}");
        assert_eq!(world.sim.count(Operation::CancelJob), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn what_keeps_turning_calls_away_is_unavailable_and_never_refused() {
    for fault in [Fault::error(403, "ExpiredTokenException", "The token is expired"), Fault::bare(407)] {
        let world = World::new().await;
        let ids = world.jobs(JobStatus::Runnable, 60);
        for operation in [Operation::CancelJob, Operation::CancelJobs] {
            world.sim.fault(fault.clone().on(operation));
        }
        let report = world.report(&requests(&ids)).await;
        assert_eq!(report["summary"]["unavailable"], 60, "{fault:?}");
        assert!(world.sim.calls().len() < 30, "{} calls", world.sim.calls().len());
    }
}

/// A function that has as many connections as it may have calls under way.
async fn with_a_full_pool() -> World {
    // A silent connection is given up long before patience ends.
    let vars = [("BULK", "off"), ("ATTEMPT_TIMEOUT_MS", "1000"), ("PATIENCE_MS", "10000")];
    let world = World::with(&vars).await;
    // As slow as it takes for all to be under way together.
    world.sim.fault(Fault::latency(Duration::from_millis(50)));
    let ids = world.jobs(JobStatus::Runnable, 64);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 64);
    assert!((16..=32).contains(&world.sim.connections()), "{} connections", world.sim.connections());
    world.sim.clear_faults();
    world.sim.clear_calls();
    world
}

#[tokio::test]
async fn connections_that_died_while_idle_cost_one_connection_and_no_attempt() {
    let world = with_a_full_pool().await;
    pass(Duration::from_mins(1)).await;
    world.sim.kill_connections(Kill::Reset);
    world.job("lone", JobStatus::Runnable);
    let report = world.report(&request("lone")).await;
    assert_eq!(outcomes(&report), ["lone cancelled 1"]);
    assert_eq!(report["results"][0]["before"]["status"], "RUNNABLE", "it was looked at");
    assert_eq!((&report["summary"]["retries"], world.sim.connections()), (&json!(0), 1));
}

#[tokio::test]
async fn a_pool_that_died_in_the_midst_of_work_costs_one_call_and_not_sixteen() {
    for how in [Kill::Reset, Kill::BlackHole] {
        let world = with_a_full_pool().await;
        world.sim.kill_connections(how);
        world.job("lone", JobStatus::Runnable);
        let report = world.report(&request("lone")).await;
        assert_eq!(outcomes(&report), ["lone cancelled 1"], "{how:?}");
        assert_eq!(report["results"][0]["before"]["status"], "RUNNABLE", "it was looked at: {how:?}");
        assert_eq!(report["results"][0]["after"]["status"], "FAILED", "and confirmed: {how:?}");
        assert!(report["summary"]["retries"].as_u64().unwrap() <= 1, "{how:?}: {report}");
        assert_eq!(world.sim.connections(), 1, "{how:?}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_as_such() {
    let mut world = World::with(&[("MAX_ATTEMPTS", "1")]).await;
    world.job("a", JobStatus::Runnable);
    world.hang_up();
    let report = world.report(&request("a")).await;
    assert_eq!(report["results"][0]["outcome"], "unavailable");
    let why = report["results"][0]["why"].as_str().unwrap();
    assert!(why.contains("could not connect") && !why.contains("no answer"), "{why}");
}

#[tokio::test]
async fn one_bare_404_does_not_switch_bulk_calls_off_for_good() {
    let world = World::new().await;
    world.sim.fault(Fault::bare(404).on(Operation::CancelJobs).nth(1));
    let ids = world.jobs(JobStatus::Runnable, 40);
    let report = world.report(&requests(&ids[..20])).await;
    assert_eq!((&report["summary"]["cancelled"], world.sim.count(Operation::CancelJobs)), (&json!(20), 1));
    pass(Duration::from_mins(10)).await;
    let report = world.report(&requests(&ids[20..])).await;
    assert_eq!((&report["summary"]["cancelled"], world.sim.count(Operation::CancelJobs)), (&json!(20), 2));
    assert_eq!(world.sim.count(Operation::CancelJob), 20, "all of them the first time");
}

#[tokio::test]
async fn bulk_calls_that_alone_are_denied_cost_little_and_are_remembered() {
    let world = World::new().await;
    world.sim.fault(Fault::access_denied().on(Operation::CancelJobs));
    let ids = world.jobs(JobStatus::Runnable, 120);
    for (ids, most) in [(&ids[..60], 66), (&ids[60..], 60)] {
        world.sim.clear_calls();
        let report = world.report(&requests(ids)).await;
        assert_eq!(report["summary"]["cancelled"], 60);
        let calls = world.sim.count(Operation::CancelJobs) + world.sim.count(Operation::CancelJob);
        assert!(calls <= most, "{calls} calls to cancel 60 jobs");
    }
}

#[tokio::test]
async fn a_wish_to_wait_for_an_hour_does_not_end_the_run() {
    for (name, value) in [("x-amz-retry-after", "3600000"), ("retry-after", "3600")] {
        let mut world = World::with(&[("DEADLINE_RESERVE_MS", "100")]).await;
        // Half of what is left is waited at the most.
        world.remaining_ms = 2000;
        world.job("a", JobStatus::Runnable);
        let fault = Fault::error(503, "ServiceUnavailable", "").header(name, value);
        world.sim.fault(fault.on(Operation::CancelJob).nth(1));
        assert_eq!(world.cancel("a").await, "cancelled", "{name}");
    }
}

#[tokio::test]
async fn a_job_that_batch_chokes_on_in_bulk_passes_alone() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 50);
    world.sim.fault(Fault::server_error().on(Operation::CancelJobs).job(&ids[17]));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 50, "{}", report["summary"]);
}

#[tokio::test]
async fn a_job_held_by_a_dependency_keeps_a_batch_for_a_moment_only() {
    let world = World::with(&[("CONFIRM_TIMEOUT_MS", "3000")]).await;
    let mut ids = world.jobs(JobStatus::Runnable, 10);
    world.job("other", JobStatus::Running);
    world.sim.add(
        Job::new("held")
            .status(JobStatus::Pending)
            .depends_on(["other"])
            .lag(batch_sim::CancelLag::Polls(1000)),
    );
    ids.push("held".into());
    let report = world.report(&json!({"jobIds": ids, "reason": REASON})).await;
    assert_eq!((&report["summary"]["cancelled"], &report["summary"]["cancelling"]), (&json!(10), &json!(1)));
    let calls = world.sim.calls();
    let last = calls.last().unwrap().started.checked_sub(calls[0].started).unwrap();
    assert!(last < Duration::from_millis(2500), "the last look came after {last:?}");
}
