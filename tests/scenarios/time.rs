//! Deadlines: the function answers in time, whatever Batch does.

use std::time::Duration;

use batch_sim::{CancelLag, Fault, Job, JobStatus, Operation};
use tokio::time::timeout;

use crate::harness::{World, failures, outcomes, request, requests, sqs};

/// Runs what must end before its deadline; the margin is only there so that a bug ends the test.
async fn in_time<T>(world: &World, work: impl Future<Output = T>) -> T {
    let deadline = Duration::from_millis(world.remaining_ms);
    timeout(deadline, work).await.expect("the handler answers before Lambda's deadline")
}

#[tokio::test]
async fn hanging_on_every_call_still_answers_with_each_request_accounted_for() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "500")]).await;
    world.remaining_ms = 1500;
    world.sim.fault(Fault::hang());
    let ids = world.jobs(JobStatus::Runnable, 120);
    let report = in_time(&world, world.report(&requests(&ids))).await;
    assert_eq!(report["summary"]["requested"], 120);
    assert_eq!(report["summary"]["unavailable"], 120);
}

#[tokio::test]
async fn hanging_on_looks_leaves_time_to_cancel() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "500")]).await;
    world.remaining_ms = 2000;
    world.sim.fault(Fault::hang().on(Operation::DescribeJobs));
    let ids = world.jobs(JobStatus::Runnable, 3);
    let report = in_time(&world, world.report(&requests(&ids))).await;
    assert_eq!(report["summary"]["accepted"], 3);
    assert!(ids.iter().all(|id| world.status(id) == JobStatus::Failed));
}

#[tokio::test]
async fn no_time_left_means_not_attempted_and_no_call() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "60000")]).await;
    world.remaining_ms = 20_000;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&request("a")).await;
    assert_eq!(outcomes(&report), ["a not_attempted 0"]);
    assert!(world.sim.calls().is_empty());
}

#[tokio::test]
async fn what_the_deadline_cuts_off_comes_back_and_is_done_the_next_time() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "500")]).await;
    world.remaining_ms = 1200;
    let ids = world.jobs(JobStatus::Runnable, 2);
    world.sim.fault(Fault::hang().on(Operation::CancelJobs));
    let payload = sqs(ids.iter().map(|id| request(id)));
    let reply = in_time(&world, world.invoke(&payload)).await.unwrap();
    assert_eq!(failures(&reply), ["m0", "m1"]);

    world.sim.clear_faults();
    let reply = world.invoke(&payload).await.unwrap();
    assert!(failures(&reply).is_empty());
    assert!(ids.iter().all(|id| world.status(id) == JobStatus::Failed));
}

#[tokio::test]
async fn an_unconfirmed_cancel_at_the_deadline_is_not_called_cancelled() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "500"), ("CONFIRM_TIMEOUT_MS", "60000")]).await;
    world.remaining_ms = 1500;
    world.sim.add(Job::new("a").status(JobStatus::Runnable).lag(CancelLag::Polls(1000)));
    let report = in_time(&world, world.report(&request("a"))).await;
    assert_eq!(outcomes(&report), ["a cancelling 1"]);
}

#[tokio::test]
async fn a_deadline_in_1970_means_unknown() {
    let mut world = World::new().await;
    world.remaining_ms = 0;
    world.job("a", JobStatus::Runnable);
    assert_eq!(world.cancel("a").await, "cancelled");
}
