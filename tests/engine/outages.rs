//! When Batch fails: tried again as long as there is a point in it, and no more than that.

use std::time::Duration;

use batch_canceller::batch::FailureKind;
use batch_canceller::outcome::Outcome;

use crate::clockwork::{Clockwork, MINUTE, Op, Trouble, run, seconds};

const ALL: [Op; 3] = [Op::Describe, Op::Stop, Op::StopMany];
const STOPS: [Op; 2] = [Op::Stop, Op::StopMany];

/// How long so many jobs take while nothing fails.
async fn calm(jobs: usize) -> Duration {
    let batch = Clockwork::new(20);
    run(&batch, jobs, seconds(30), &[]).await;
    batch.elapsed()
}

/// These operations fail from `begins` on for `lasts`: everything is confirmed, a second later at most than it would
/// have been without. Returns how many calls came on top.
async fn outage(ops: &'static [Op], jobs: usize, begins: Duration, lasts: Duration) -> usize {
    let batch = Clockwork::new(20).when(move |call| {
        let strikes = ops.contains(&call.op) && (begins..begins + lasts).contains(&call.at);
        strikes.then(|| FailureKind::Server.into())
    });
    let told = run(&batch, jobs, seconds(30), &[]).await;
    let case = format!("{ops:?} fail for {lasts:?} after {begins:?}, {jobs} jobs");
    assert_eq!(told.count(Outcome::Cancelled), jobs, "{case}");
    let most = lasts + calm(jobs).await + seconds(1);
    assert!(batch.elapsed() <= begins + most, "{case}: {:?}", batch.elapsed());
    let (calls, failed) = (batch.calls(), batch.failures());
    assert!(failed <= 100, "{case}: {failed} failed calls");
    calls - failed
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_some_seconds_is_sat_out() {
    for jobs in [1, 50, 1000] {
        let needed = {
            let batch = Clockwork::new(20);
            run(&batch, jobs, seconds(30), &[]).await;
            batch.calls()
        };
        for lasts in [seconds(1), seconds(2), seconds(5)] {
            for ops in [&ALL[..], &ALL[..1], &STOPS[..]] {
                for begins in [0, 15, 30, 50] {
                    let passed = outage(ops, jobs, Duration::from_millis(begins), lasts).await;
                    assert!(
                        passed <= needed + 2,
                        "{ops:?}, {jobs} jobs, {lasts:?}: {passed} calls, {needed} needed"
                    );
                }
            }
        }
    }
}

/// The first `k` calls of an operation fail: as many more calls are made, and two.
async fn first_fail(op: Op, k: usize, jobs: usize, vars: &[(&str, &str)]) {
    let needed = {
        let batch = Clockwork::new(20);
        run(&batch, jobs, MINUTE, vars).await;
        batch.calls()
    };
    let batch = Clockwork::new(20)
        .when(move |call| (call.op == op && call.nth <= k).then(|| FailureKind::Server.into()));
    let told = run(&batch, jobs, MINUTE, vars).await;
    let case = format!("{k} of {op:?} fail, {jobs} jobs");
    assert_eq!(told.count(Outcome::Cancelled), jobs, "{case}");
    assert!(batch.calls() <= needed + k + 2, "{case}: {} calls, {needed} needed", batch.calls());
}

#[tokio::test(start_paused = true)]
async fn invariant_10_k_failed_calls_cost_at_most_k_and_two_more() {
    for k in [1, 2, 3, 5, 8, 13, 20] {
        for jobs in [50, 100, 400, 1000] {
            // More than that, while single calls pass, is an outage of bulk calls.
            if k <= 13 {
                first_fail(Op::StopMany, k, jobs, &[]).await;
            }
            first_fail(Op::Describe, k, jobs, &[]).await;
            first_fail(Op::Stop, k, jobs, &[("BULK", "off")]).await;
        }
        first_fail(Op::Stop, k, 1, &[]).await;
        first_fail(Op::Describe, k, 1, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_failed_call_costs_one_more() {
    for (op, jobs) in [(Op::StopMany, 50), (Op::Describe, 100), (Op::Stop, 1)] {
        let batch = Clockwork::new(20)
            .when(move |call| (call.op == op && call.nth == 1).then(|| FailureKind::Server.into()));
        let told = run(&batch, jobs, seconds(30), &[]).await;
        assert_eq!(told.count(Outcome::Cancelled), jobs);
        let needed = if jobs == 100 { 4 } else { 3 };
        assert_eq!(batch.calls(), needed + 1, "{op:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_fails_and_is_handed_back_after_few_calls() {
    for kind in
        [FailureKind::Server, FailureKind::Connection, FailureKind::Unreached, FailureKind::TurnedAway]
    {
        let batch = Clockwork::new(20).when(move |_| Some(kind.into()));
        let told = run(&batch, 400, seconds(20), &[]).await;
        assert_eq!(told.count(Outcome::Unavailable), 400, "{kind:?}");
        assert!(batch.calls() <= 100, "{kind:?}: {} calls", batch.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_long_before_a_long_budget() {
    let batch =
        Clockwork::new(20).when(|call| STOPS.contains(&call.op).then(|| FailureKind::TurnedAway.into()));
    let told = run(&batch, 400, seconds(600), &[]).await;
    assert_eq!(told.count(Outcome::Unavailable), 400);
    assert!(batch.elapsed() < seconds(12), "{:?}", batch.elapsed());
    assert!(told.whys.values().all(|why| !why.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn jobs_at_the_head_that_batch_fails_for_do_not_keep_the_others() {
    let is_bad = |id: &str| ["job-0", "job-1", "job-2", "job-3"].contains(&id);
    let batch = Clockwork::new(20).when(move |call| {
        (call.op == Op::Stop && call.jobs.iter().any(|id| is_bad(id.as_str())))
            .then(|| FailureKind::Server.into())
    });
    let vars = [("MAX_ATTEMPTS", "1"), ("MAX_IN_FLIGHT", "1"), ("BULK", "off")];
    let told = run(&batch, 20, seconds(30), &vars).await;
    assert_eq!((told.count(Outcome::Cancelled), told.count(Outcome::Unavailable)), (16, 4));
    assert!(batch.elapsed() < seconds(5), "{:?}", batch.elapsed());
}

#[tokio::test(start_paused = true)]
async fn jobs_that_batch_chokes_on_do_not_hurt_the_others_of_their_calls() {
    for bad in
        [&["job-17"][..], &["job-3", "job-44"], &["job-0", "job-1", "job-2"], &["job-7", "job-55", "job-90"]]
    {
        for jobs in [50, 100, 300] {
            let batch = Clockwork::new(20).when(move |call| {
                (call.op == Op::StopMany && bad.iter().any(|id| call.names(id)))
                    .then(|| FailureKind::Server.into())
            });
            let told = run(&batch, jobs, seconds(60), &[]).await;
            assert_eq!(told.count(Outcome::Cancelled), jobs, "{bad:?}: alone they pass");
            assert!(batch.stops() <= jobs + 40, "{bad:?} of {jobs}: {} calls", batch.stops());

            let batch = Clockwork::new(20).when(move |call| {
                (call.op != Op::Describe && bad.iter().any(|id| call.names(id)))
                    .then(|| FailureKind::Server.into())
            });
            let told = run(&batch, jobs, seconds(60), &[]).await;
            let there = bad.iter().filter(|id| id["job-".len()..].parse::<usize>().unwrap() < jobs).count();
            assert_eq!(told.count(Outcome::Unavailable), there, "{bad:?} of {jobs}");
            assert_eq!(told.count(Outcome::Cancelled), jobs - there, "{bad:?} of {jobs}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn looks_that_choke_on_a_job_are_taken_apart_too() {
    let batch = Clockwork::new(20)
        .when(|call| (call.op == Op::Describe && call.names("job-17")).then(|| FailureKind::Server.into()));
    let told = run(&batch, 100, seconds(30), &[]).await;
    assert_eq!(told.count(Outcome::Cancelled), 99, "{:?}", told.outcomes);
    assert_eq!(told.outcomes[&17], Outcome::Accepted);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_looks_keeps_no_job_alive() {
    let batch = Clockwork::new(20).when(|call| (call.op == Op::Describe).then(|| FailureKind::Server.into()));
    let told = run(&batch, 100, seconds(60), &[]).await;
    assert_eq!((told.count(Outcome::Accepted), batch.really_stopped()), (100, 100));
    assert!(batch.calls() <= 80, "{} calls", batch.calls());
}

#[tokio::test(start_paused = true)]
async fn looks_that_are_throttled_keep_no_job_alive() {
    let batch =
        Clockwork::new(20).when(|call| (call.op == Op::Describe).then(|| FailureKind::Throttled.into()));
    let told = run(&batch, 100, seconds(30), &[]).await;
    assert_eq!(
        (told.count(Outcome::Accepted), batch.really_stopped()),
        (100, 100),
        "{:?}",
        told.whys.get(&0)
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_calls_are_cut_off_and_handed_back() {
    let batch = Clockwork::new(20).when(|_| Some(crate::clockwork::Trouble::Hangs));
    let told = run(&batch, 250, MINUTE, &[]).await;
    assert_eq!(told.count(Outcome::Unavailable), 250);
    assert!(batch.calls() <= 40, "{} calls", batch.calls());
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_bulk_calls_only_is_got_round() {
    for trouble in [FailureKind::Server.into(), FailureKind::TurnedAway.into(), Trouble::Hangs] {
        for jobs in [50, 300] {
            let trouble: Trouble = trouble.clone();
            let case = format!("{trouble:?}, {jobs} jobs");
            let batch =
                Clockwork::new(20).when(move |call| (call.op == Op::StopMany).then(|| trouble.clone()));
            let told = run(&batch, jobs, MINUTE, &[("ATTEMPT_TIMEOUT_MS", "1000")]).await;
            assert_eq!(told.count(Outcome::Cancelled), jobs, "{case}");
            assert!(batch.count(Op::StopMany) <= 40, "{case}: {}", batch.count(Op::StopMany));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_batch_chokes_on_is_found_in_little_time() {
    for bad in 0..50 {
        let bad = format!("job-{bad}");
        let batch = Clockwork::new(20).when(move |call| {
            (call.op == Op::StopMany && call.names(&bad)).then(|| FailureKind::Server.into())
        });
        let told = run(&batch, 50, MINUTE, &[("PATIENCE_MS", "600")]).await;
        assert_eq!(told.count(Outcome::Cancelled), 50);
        assert!(batch.elapsed() < seconds(3), "{:?}", batch.elapsed());
    }
}
