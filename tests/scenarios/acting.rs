//! What becomes of jobs that Batch answers for.

use batch_sim::{After, Bulk, CancelLag, Fault, Job, JobStatus, Operation};
use serde_json::json;

use crate::harness::{REASON, World, outcomes, request, requests};

#[tokio::test]
async fn a_waiting_job_is_cancelled_with_the_reason_and_the_state_before_is_kept() {
    let world = World::new().await;
    let queue = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly";
    let job = Job::new("a").status(JobStatus::Runnable).name("etl").queue(queue);
    world.sim.add(job.status_reason("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too large"));

    let report = world.report(&request("a")).await;

    let seen = world.sim.job("a").unwrap();
    assert_eq!((seen.status, seen.status_reason.as_deref()), (JobStatus::Failed, Some(REASON)));
    assert_eq!(
        report["results"],
        json!([{
            "jobId": "a", "outcome": "cancelled", "action": "cancel", "reason": REASON, "attempts": 1,
            "before": {
                "status": "RUNNABLE", "statusReason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too large",
                "jobName": "etl", "jobQueue": queue, "isCancelled": false, "isTerminated": false
            },
            "after": {"status": "FAILED", "statusReason": REASON, "isCancelled": true, "isTerminated": false},
            "requestedBy": {"source": "direct", "id": "request-1"}
        }])
    );
    assert_eq!(
        report["summary"],
        json!({"requested": 1, "settled": 1, "cancelled": 1, "apiCalls": 3, "retries": 0, "throttled": 0})
    );
}

#[tokio::test]
async fn every_state_gets_its_own_outcome() {
    let world = World::new().await;
    for status in [
        JobStatus::Submitted,
        JobStatus::Pending,
        JobStatus::Runnable,
        JobStatus::Starting,
        JobStatus::Running,
        JobStatus::Succeeded,
        JobStatus::Failed,
    ] {
        world.job(status.as_str(), status);
    }
    let ids = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED", "nobody"];

    let report = world.report(&requests(&ids.map(String::from))).await;

    assert_eq!(
        outcomes(&report),
        [
            "SUBMITTED cancelled 1",
            "PENDING cancelled 1",
            "RUNNABLE cancelled 1",
            "STARTING started 0",
            "RUNNING started 0",
            "SUCCEEDED finished 0",
            "FAILED finished 0",
            "nobody not_found 0"
        ]
    );
    // Three waited: one look, one bulk cancel, one confirm; and one look more for the one that was not shown.
    assert_eq!(report["summary"]["apiCalls"], 4);
    assert_eq!(world.status("RUNNING"), JobStatus::Running);
}

#[tokio::test]
async fn a_job_that_starts_between_look_and_cancel_is_not_called_cancelled() {
    let world = World::new().await;
    world.sim.add(Job::new("a").status(JobStatus::Runnable).moves(After::Described(1), JobStatus::Starting));
    assert_eq!(world.cancel("a").await, "started");
    assert_eq!(world.sim.count(Operation::CancelJob), 1);
}

#[tokio::test]
async fn a_job_that_ends_between_look_and_cancel_is_finished() {
    let world = World::new().await;
    world.sim.add(Job::new("a").status(JobStatus::Runnable).moves(After::Described(1), JobStatus::Succeeded));
    assert_eq!(world.cancel("a").await, "finished");
}

#[tokio::test]
async fn a_cancel_that_takes_time_is_watched_until_it_is_done() {
    let world = World::with(&[("CONFIRM_TIMEOUT_MS", "5000")]).await;
    // The first look, and one after the cancel, still show the job waiting.
    world.sim.add(Job::new("a").status(JobStatus::Runnable).lag(CancelLag::Polls(1)));
    assert_eq!(world.cancel("a").await, "cancelled");
    assert_eq!(world.sim.count(Operation::DescribeJobs), 3);
}

#[tokio::test]
async fn a_cancel_that_takes_longer_than_the_watch_is_cancelling() {
    let world = World::new().await;
    world.sim.add(Job::new("a").status(JobStatus::Runnable).lag(CancelLag::Polls(1000)));
    assert_eq!(world.cancel("a").await, "cancelling");
}

#[tokio::test]
async fn a_job_that_waits_for_others_is_cancelling_even_where_no_flag_shows_yet() {
    let world = World::new().await;
    world.sim.settings(|settings| settings.flag_during_lag = false);
    world.job("other", JobStatus::Running);
    world.sim.add(Job::new("a").status(JobStatus::Pending).depends_on(["other"]));
    assert_eq!(world.cancel("a").await, "cancelling");
}

#[tokio::test]
async fn an_array_takes_its_waiting_children_along_and_ends_when_the_started_ones_do() {
    let world = World::new().await;
    world.sim.add(Job::new("a").array([JobStatus::Runnable, JobStatus::Running, JobStatus::Succeeded]));
    assert_eq!(world.cancel("a").await, "cancelling");
    assert_eq!(world.status("a:0"), JobStatus::Failed);
    assert_eq!(world.status("a:1"), JobStatus::Running);
    world.sim.set_status("a:1", JobStatus::Succeeded);
    assert_eq!(world.cancel("a").await, "cancelled");
}

#[tokio::test]
async fn a_single_child_of_an_array_is_cancelled_by_its_own_id() {
    let world = World::new().await;
    world.sim.add(Job::new("a").array([JobStatus::Runnable, JobStatus::Runnable]));
    assert_eq!(world.cancel("a:1").await, "cancelled");
    assert_eq!(world.status("a:0"), JobStatus::Runnable);
}

#[tokio::test]
async fn terminate_stops_started_work_where_it_is_allowed() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    let ids = [JobStatus::Runnable, JobStatus::Starting, JobStatus::Running].map(|status| {
        world.job(status.as_str(), status);
        status.as_str()
    });
    let report = world.report(&json!({"jobIds": ids, "reason": REASON, "action": "terminate"})).await;
    assert_eq!(outcomes(&report), ["RUNNABLE terminated 1", "STARTING terminated 1", "RUNNING terminated 1"]);
    assert_eq!(world.sim.count(Operation::TerminateJobs), 1);
    assert_eq!(world.sim.count(Operation::CancelJobs), 0);
}

#[tokio::test]
async fn a_single_terminate_that_takes_its_time_is_terminating() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    world.sim.add(Job::new("a").status(JobStatus::Running).lag(CancelLag::Polls(1000)));
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "action": "terminate"})).await;
    assert_eq!(outcomes(&report), ["a terminating 1"]);
    assert_eq!(world.sim.count(Operation::TerminateJob), 1);
}

#[tokio::test]
async fn terminate_is_rejected_where_it_is_not_allowed() {
    let world = World::new().await;
    world.job("a", JobStatus::Running);
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "action": "terminate"})).await;
    assert_eq!(outcomes(&report), ["- rejected 0"]);
    assert!(world.sim.calls().is_empty());
}

#[tokio::test]
async fn a_terminate_whose_effect_does_not_show_is_only_accepted() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    world.sim.settings(|settings| settings.flag_during_lag = false);
    world.sim.add(Job::new("a").status(JobStatus::Running).lag(CancelLag::Polls(1000)));
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "action": "terminate"})).await;
    assert_eq!(outcomes(&report), ["a accepted 1"]);
    assert!(report["results"][0]["why"].as_str().unwrap().contains("still RUNNING"));
}

#[tokio::test]
async fn a_dry_run_looks_and_changes_nothing() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    world.job("a", JobStatus::Runnable);
    world.job("b", JobStatus::Running);
    let payload = json!([
        {"jobIds": ["a", "b"], "reason": REASON, "dryRun": true},
        {"jobId": "b", "reason": REASON, "dryRun": true, "action": "terminate"}
    ]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["a would_cancel 0", "b started 0", "b would_terminate 0"]);
    assert!(world.sim.calls().iter().all(|call| call.operation == Operation::DescribeJobs));
}

#[tokio::test]
async fn a_dry_run_and_a_real_request_for_one_job_are_kept_apart() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let payload = json!([{"jobId": "a", "reason": REASON, "dryRun": true}, {"jobId": "a", "reason": REASON}]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["a would_cancel 0", "a cancelled 1"]);
}

#[tokio::test]
async fn one_job_asked_for_twice_is_one_call_and_each_request_is_told_by_its_own_reason() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let payload = json!([
        {"jobId": "a", "reason": "First."},
        {"jobId": " a ", "reason": "Second."},
        {"jobId": "a", "reason": "First."}
    ]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["a cancelled 1", "a finished 1", "a cancelled 1"]);
    assert!(report["results"][1]["why"].as_str().unwrap().contains("First."), "{report}");
    assert_eq!(world.sim.count(Operation::CancelJob), 1);
    assert_eq!(world.sim.job("a").unwrap().status_reason.as_deref(), Some("First."));
}

#[tokio::test]
async fn requests_in_one_batch_are_told_whose_work_an_earlier_end_was() {
    for reasons in [["A", "B"], ["B", "A"]] {
        let world = World::new().await;
        world.sim.add(Job::new("a").status(JobStatus::Failed).cancelled().status_reason("A"));
        let payload = json!(reasons.map(|reason| json!({"jobId": "a", "reason": reason})));
        let told = reasons.map(|reason| if reason == "A" { "a cancelled 0" } else { "a finished 0" });
        assert_eq!(outcomes(&world.report(&payload).await), told);
    }
}

#[tokio::test]
async fn a_job_to_be_cancelled_and_terminated_is_terminated_once_and_only_the_terminate_claims_it() {
    let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
    for (id, status, others) in
        [("a", JobStatus::Runnable, "finished 1"), ("b", JobStatus::Running, "started 0")]
    {
        world.job(id, status);
        let payload = json!([
            {"jobId": id, "reason": "First."},
            {"jobId": id, "reason": "Second.", "action": "terminate"},
            {"jobId": id, "reason": "Third."}
        ]);
        let report = world.report(&payload).await;
        let others = format!("{id} {others}");
        assert_eq!(outcomes(&report), [others.clone(), format!("{id} terminated 1"), others]);
        assert_eq!(world.sim.job(id).unwrap().status_reason.as_deref(), Some("Second."));
        assert_eq!(report["results"][0]["reason"], "First.");
    }
    assert_eq!((world.sim.count(Operation::CancelJob), world.sim.count(Operation::TerminateJob)), (0, 2));
}

#[tokio::test]
async fn a_cancel_does_not_suffer_from_a_terminate_that_is_refused() {
    for fault in [Fault::access_denied(), Fault::client_error(), Fault::server_error()] {
        let world = World::with(&[("ALLOW_TERMINATE", "true")]).await;
        let ids = world.jobs(JobStatus::Runnable, 3);
        for operation in [Operation::TerminateJob, Operation::TerminateJobs] {
            world.sim.fault(fault.clone().on(operation));
        }
        let kind = format!("{fault:?}");
        let payload = json!([
            {"jobIds": ids, "reason": "First."},
            {"jobIds": ids, "reason": "Second.", "action": "terminate"},
        ]);
        let report = world.report(&payload).await;
        assert_eq!(report["summary"]["cancelled"], 3, "{kind}: {report}");
        let terminates = report["summary"]["refused"].as_u64().or(report["summary"]["unavailable"].as_u64());
        assert_eq!(terminates, Some(3), "{kind}");
        assert!(ids.iter().all(|id| world.sim.job(id).unwrap().status_reason.as_deref() == Some("First.")));
    }
}

#[tokio::test]
async fn a_redelivered_request_finds_its_own_work() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    assert_eq!(world.cancel("a").await, "cancelled");
    let again = world.report(&request("a")).await;
    assert_eq!(outcomes(&again), ["a cancelled 0"]);
    let other = world.report(&json!({"jobId": "a", "reason": "Another reason."})).await;
    assert_eq!(outcomes(&other), ["a finished 0"]);
    assert_eq!(world.sim.count(Operation::CancelJob), 1);
}

#[tokio::test]
async fn a_batch_without_flags_is_believed_only_on_the_reason() {
    let world = World::new().await;
    world.sim.settings(|settings| settings.flags = false);
    world.job("a", JobStatus::Runnable);
    assert_eq!(world.cancel("a").await, "cancelled");
    // Seen only after it ended, it could have been anyone's.
    assert_eq!(world.cancel("a").await, "finished");
}

#[tokio::test]
async fn a_long_reason_is_cut_and_the_result_says_so() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&json!({"jobId": "a", "reason": "ä".repeat(2000)})).await;
    assert_eq!(report["results"][0]["reasonTruncated"], true);
    let stored = world.sim.job("a").unwrap().status_reason.unwrap();
    assert_eq!((stored.chars().count(), stored.ends_with("ä…")), (1024, true));
}

#[tokio::test]
async fn a_thousand_jobs_with_one_reason_take_forty_calls() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 1000);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 1000);
    assert_eq!(world.sim.count(Operation::DescribeJobs), 20);
    assert_eq!(world.sim.count(Operation::CancelJobs), 20);
    assert_eq!(report["summary"]["apiCalls"], 40);
    // One for each call in flight, and what the client opens meanwhile before another becomes free.
    assert!(world.sim.connections() <= 32, "{} connections", world.sim.connections());
}

#[tokio::test]
async fn jobs_are_grouped_by_reason_and_a_group_of_one_is_a_single_call() {
    let world = World::new().await;
    let ids = world.jobs(JobStatus::Runnable, 4);
    let payload = json!([
        {"jobIds": [ids[0], ids[2]], "reason": "One."},
        {"jobId": ids[1], "reason": "Two."},
        {"jobId": ids[3], "reason": "One."}
    ]);
    world.report(&payload).await;
    let calls = world.sim.calls();
    let bulk: Vec<_> = calls.iter().filter(|call| call.operation == Operation::CancelJobs).collect();
    assert_eq!((bulk.len(), bulk[0].jobs.len(), bulk[0].reason.as_deref()), (1, 3, Some("One.")));
    assert_eq!(world.sim.count(Operation::CancelJob), 1);
}

#[tokio::test]
async fn without_bulk_calls_single_ones_do_it_and_that_is_remembered() {
    for bulk in [Bulk::Missing404, Bulk::Missing403, Bulk::Missing400] {
        let world = World::new().await;
        world.sim.settings(|settings| settings.bulk = bulk);
        let ids = world.jobs(JobStatus::Runnable, 60);
        let first = world.report(&requests(&ids[..30])).await;
        let second = world.report(&requests(&ids[30..])).await;
        for report in [first, second] {
            assert!(outcomes(&report).iter().all(|line| line.ends_with("cancelled 1")), "{bulk:?}: {report}");
        }
        assert_eq!(world.sim.count(Operation::CancelJobs), 1, "{bulk:?}");
        assert_eq!(world.sim.count(Operation::CancelJob), 60, "{bulk:?}");
        let told = world
            .logs()
            .iter()
            .filter(|line| line["message"].as_str().unwrap().contains("no bulk calls"))
            .count();
        assert_eq!(told, 1, "{bulk:?}");
    }
}

#[tokio::test]
async fn bulk_off_makes_single_calls_only() {
    let world = World::with(&[("BULK", "off")]).await;
    let ids = world.jobs(JobStatus::Runnable, 5);
    let report = world.report(&requests(&ids)).await;
    assert_eq!(report["summary"]["cancelled"], 5);
    assert_eq!((world.sim.count(Operation::CancelJobs), world.sim.count(Operation::CancelJob)), (0, 5));
}

#[tokio::test]
async fn an_outage_of_describe_jobs_does_not_stop_cancels() {
    let world = World::with(&[("MAX_ATTEMPTS", "2")]).await;
    world.sim.fault(Fault::server_error().on(Operation::DescribeJobs).always());
    let ids = world.jobs(JobStatus::Runnable, 3);
    let report = world.report(&requests(&ids)).await;
    for (id, line) in ids.iter().zip(outcomes(&report)) {
        assert_eq!(line, format!("{id} accepted 1"));
        assert_eq!(world.status(id), JobStatus::Failed);
    }
    assert!(report["results"][0]["why"].as_str().unwrap().contains("500 ServerException"));
}

#[tokio::test]
async fn a_dry_run_without_a_look_has_nothing_to_say() {
    let world = World::with(&[("MAX_ATTEMPTS", "1")]).await;
    world.sim.fault(Fault::access_denied().on(Operation::DescribeJobs).always());
    world.job("a", JobStatus::Runnable);
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "dryRun": true})).await;
    assert_eq!(outcomes(&report), ["a unavailable 0"]);
}

#[tokio::test]
async fn a_flag_that_was_there_before_proves_nothing_about_a_failed_terminate() {
    let world = World::with(&[("ALLOW_TERMINATE", "true"), ("MAX_ATTEMPTS", "2")]).await;
    world.sim.add(Job::new("a").array([JobStatus::Running, JobStatus::Runnable]));
    assert_eq!(world.cancel("a").await, "cancelling");
    world.sim.fault(Fault::server_error().on(Operation::TerminateJob));
    let report = world.report(&json!({"jobId": "a", "reason": "Now stop.", "action": "terminate"})).await;
    // As often as there was patience for it.
    let calls = world.sim.count(Operation::TerminateJob);
    assert!(calls >= 1, "{calls}");
    assert_eq!(outcomes(&report), [format!("a unavailable {calls}")]);
}

#[tokio::test]
async fn anothers_old_cancel_is_not_claimed_after_a_failed_look() {
    let world = World::with(&[("MAX_ATTEMPTS", "2")]).await;
    world.sim.add(Job::new("a").status(JobStatus::Failed).cancelled().status_reason("By Bob, last week."));
    world.sim.fault(Fault::server_error().on(Operation::DescribeJobs).first(2));
    assert_eq!(world.cancel("a").await, "finished");
}

#[tokio::test]
async fn a_dry_run_has_all_the_time_for_its_look() {
    let mut world = World::with(&[("DEADLINE_RESERVE_MS", "100")]).await;
    world.remaining_ms = 2500;
    world.job("a", JobStatus::Runnable);
    world.sim.fault(Fault::latency(std::time::Duration::from_secs(1)));
    let report = world.report(&json!({"jobId": "a", "reason": REASON, "dryRun": true})).await;
    assert_eq!(outcomes(&report), ["a would_cancel 0"]);
}
