//! What becomes of jobs when Batch fails, throttles, hangs or answers oddly.

use std::time::Duration;

use batch_sim::{Fault, Job, JobStatus, Operation, RateLimit};

use crate::harness::{World, outcomes, request, requests};

/// A fault that passes after two calls is survived, and the third attempt counts.
async fn survives(fault: Fault) {
    let kind = format!("{fault:?}");
    // The fault hits the act alone; a hang must end before the test's patience does.
    let world = World::with(&[("ATTEMPT_TIMEOUT_MS", "150")]).await;
    world.job("a", JobStatus::Runnable);
    world.sim.fault(fault.on(Operation::CancelJob).first(2));
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a cancelled 3"], "{kind}");
    assert_eq!(report["summary"]["retries"], 2, "{kind}");
    assert_eq!(world.sim.count(Operation::CancelJob), 3, "{kind}");
}

#[tokio::test]
async fn every_passing_fault_is_tried_again() {
    survives(Fault::server_error()).await;
    survives(Fault::bare(502)).await;
    survives(Fault::error(500, "AuthorizerConfigurationException", "")).await;
    survives(Fault::error(503, "ServiceUnavailable", "Slow down")).await;
    survives(Fault::hang()).await;
    survives(Fault::drop_before()).await;
}

#[tokio::test]
async fn every_kind_of_throttling_is_tried_again() {
    survives(Fault::throttled()).await;
    survives(Fault::throttled_bare()).await;
    survives(Fault::error(400, "ThrottlingException", "Rate exceeded")).await;
}

/// A call that took effect although its answer never came is found out.
async fn found_out(fault: Fault) {
    let kind = format!("{fault:?}");
    let world = World::with(&[("MAX_ATTEMPTS", "1"), ("ATTEMPT_TIMEOUT_MS", "150")]).await;
    world.job("a", JobStatus::Runnable);
    world.sim.fault(fault.on(Operation::CancelJob));
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a cancelled 1"], "{kind}");
}

#[tokio::test]
async fn a_cancel_whose_answer_was_lost_is_found_out_by_a_look() {
    found_out(Fault::drop_after()).await;
    found_out(Fault::malformed()).await;
    found_out(Fault::hang().carried_out()).await;
    found_out(Fault::server_error().carried_out()).await;
}

#[tokio::test]
async fn a_refusal_is_final_and_carries_batchs_words() {
    for fault in
        [Fault::client_error(), Fault::access_denied(), Fault::error(400, "ValidationException", "no")]
    {
        let world = World::new().await;
        world.job("a", JobStatus::Runnable);
        let kind = format!("{fault:?}");
        world.sim.fault(fault.on(Operation::CancelJob));
        let report = world.report(&request("a")).await;
        assert_eq!(outcomes(&report), ["a refused 1"], "{kind}");
        let why = report["results"][0]["why"].as_str().unwrap();
        assert!(why.contains("Exception: "), "{why}");
        assert_eq!(world.sim.count(Operation::CancelJob), 1, "{kind}");
    }
}

#[tokio::test]
async fn items_of_a_bulk_answer_fail_alone_and_are_tried_again_alone() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 6);
    let item = |code: &str, job: &str| Fault::item(code, "said Batch").job(job);
    world.sim.fault(item("ThrottlingException", &ids[0]).first(1));
    world.sim.fault(item("ServerException", &ids[1]).first(1));
    world.sim.fault(item("ValidationException", &ids[2]));
    world.sim.fault(item("AccessDenied", &ids[3]));
    world.sim.fault(Fault::omitted_item().job(&ids[4]).first(1));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(
        outcomes(&report),
        [
            "runnable-0 cancelled 2",
            "runnable-1 cancelled 2",
            "runnable-2 refused 1",
            "runnable-3 refused 1",
            "runnable-4 cancelled 2",
            "runnable-5 cancelled 1"
        ]
    );
    assert!(report["results"][2]["why"].as_str().unwrap().contains("said Batch"));
}

#[tokio::test]
async fn one_job_that_batch_chokes_on_does_not_hurt_the_others_of_its_call() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 40);
    // Batch refuses any call that names this job, whatever else is in it.
    for operation in [Operation::DescribeJobs, Operation::CancelJobs, Operation::CancelJob] {
        world.sim.fault(Fault::client_error().on(operation).job(&ids[17]));
    }
    let report = world.report(&requests(&ids)).await;
    for (index, line) in outcomes(&report).iter().enumerate() {
        let expected = if index == 17 { "refused" } else { "cancelled" };
        assert!(line.contains(expected), "{line}");
    }
}

#[tokio::test]
async fn one_protected_job_does_not_have_the_others_of_its_call_denied() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 40);
    for operation in [Operation::CancelJobs, Operation::CancelJob] {
        world.sim.fault(Fault::access_denied().on(operation).job(&ids[17]));
    }
    let report = world.report(&requests(&ids)).await;
    assert_eq!((&report["summary"]["cancelled"], &report["summary"]["refused"]), (&39.into(), &1.into()));
}

#[tokio::test]
async fn a_role_that_may_cancel_nothing_is_found_out_in_few_calls() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 500);
    for operation in [Operation::CancelJobs, Operation::CancelJob] {
        world.sim.fault(Fault::access_denied().on(operation));
    }
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["refused"], 500);
    let calls = world.sim.count(Operation::CancelJobs) + world.sim.count(Operation::CancelJob);
    assert!(calls < 200, "{calls} calls");
}

#[tokio::test]
async fn batch_asks_for_time_and_gets_it() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    world.sim.fault(Fault::throttled().header("x-amz-retry-after", "700").on(Operation::CancelJob).first(1));
    assert_eq!(world.cancel("a").await, "cancelled");
    let calls = world.sim.calls();
    let cancels: Vec<_> = calls.iter().filter(|call| call.operation == Operation::CancelJob).collect();
    let waited = cancels[1].started.checked_sub(cancels[0].started).unwrap();
    assert!(waited >= Duration::from_millis(700), "{waited:?}");
}

#[tokio::test]
async fn a_service_that_is_down_is_not_hammered() {
    let world = World::with(&[("BULK", "off"), ("MAX_ATTEMPTS", "3"), ("MAX_IN_FLIGHT", "4")]).await;
    let ids = world.jobs(JobStatus::Runnable, 200);
    for operation in [Operation::CancelJob, Operation::CancelJobs] {
        world.sim.fault(Fault::server_error().on(operation));
    }
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["unavailable"], 200);
    let calls = world.sim.count(Operation::CancelJob);
    assert!(calls < 60, "{calls} calls for 200 jobs that could not be cancelled");
    let untried = report["results"].as_array().unwrap().iter().filter(|result| result["attempts"] == 0);
    for result in untried {
        assert!(result["why"].as_str().unwrap().contains("not tried"), "{result}");
    }
    assert!(ids.iter().all(|id| world.status(id) == JobStatus::Runnable));
}

#[tokio::test]
async fn one_job_that_always_fails_does_not_make_the_service_count_as_down() {
    let world = World::with(&[("BULK", "off"), ("MAX_ATTEMPTS", "2")]).await;
    let ids = world.jobs(JobStatus::Runnable, 40);
    world.sim.fault(Fault::server_error().on(Operation::CancelJob).job(&ids[0]));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 39);
    assert_eq!(report["summary"]["unavailable"], 1);
}

#[tokio::test]
async fn nothing_is_lost_under_a_rate_limit() {
    let world = World::with(&[("BULK", "off")]).await;
    let ids = world.jobs(JobStatus::Runnable, 60);
    let limit = RateLimit { tps: 100.0, burst: 10, per_item: false };
    world.sim.settings(|settings| settings.limit = Some(limit));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 60, "{}", report["summary"]);
}

#[tokio::test]
async fn nothing_is_lost_when_the_items_of_bulk_calls_are_limited() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 100);
    let limit = RateLimit { tps: 200.0, burst: 20, per_item: true };
    world.sim.settings(|settings| settings.limit = Some(limit));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 100, "{}", report["summary"]);
}

#[tokio::test]
async fn noise_on_every_operation_loses_nothing() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 300);
    world.sim.fault(Fault::server_error().rate(0.15));
    world.sim.fault(Fault::throttled_bare().rate(0.05));
    world.sim.fault(Fault::drop_after().rate(0.1));
    world.sim.fault(Fault::item("ServerException", "").rate(0.1));
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["requested"], 300);
    for result in report["results"].as_array().unwrap() {
        let id = result["jobId"].as_str().unwrap();
        let cancelled = world.status(id) == JobStatus::Failed;
        match result["outcome"].as_str().unwrap() {
            "cancelled" => assert!(cancelled, "{result}"),
            "unavailable" | "accepted" => {}
            other => panic!("{other}: {result}"),
        }
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_reached_is_unavailable() {
    let world = World::with(&[("MAX_ATTEMPTS", "2")]).await;
    world.sim.add(Job::new("a").status(JobStatus::Runnable));
    world.sim.fault(Fault::drop_before());
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a unavailable 2"]);
}
