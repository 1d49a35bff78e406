//! When Batch says no: to one job, to each, or to the operation.

use std::time::Duration;

use batch_canceller::batch::{CallError, FailureKind};
use batch_canceller::engine::Memory;
use batch_canceller::outcome::Outcome;

use crate::clockwork::{Arrival, AsAsked, Clockwork, MINUTE, Op, Trouble, orders, run, run_with, seconds};

/// Calls to stop that it took for so many jobs, of which those that `is_bad` are refused, with every call that names
/// one.
async fn cost(kind: FailureKind, jobs: usize, is_bad: fn(usize) -> bool) -> usize {
    let number = |id: &str| id["job-".len()..].parse::<usize>().unwrap();
    let names_bad = move |call: &Arrival| call.jobs.iter().any(|id| is_bad(number(id.as_str())));
    let batch = Clockwork::new(20)
        .when(move |call| (call.op != Op::Describe && names_bad(call)).then(|| kind.into()));
    let told = run(&batch, jobs, seconds(60), &[]).await;
    let bad = (0..jobs).filter(|job| is_bad(*job)).count();
    assert_eq!(told.count(Outcome::Refused), bad, "{kind:?}");
    assert_eq!(told.count(Outcome::Cancelled), jobs - bad, "{kind:?}");
    batch.stops()
}

#[tokio::test(start_paused = true)]
async fn refusals_never_cost_much_more_than_single_calls() {
    for kind in [FailureKind::Refused, FailureKind::Denied] {
        let one = cost(kind, 50, |job| job == 17).await;
        assert!(one <= 13, "one of 50: {one}");
        let every_second = cost(kind, 1000, |job| job % 2 == 0).await;
        assert!(every_second <= 1100, "every second: {every_second}");
    }
    let all = cost(FailureKind::Refused, 1000, |_| true).await;
    assert!(all <= 1100, "all: {all}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_do_nothing_is_found_out_in_few_calls() {
    let calls = cost(FailureKind::Denied, 500, |_| true).await;
    assert!(calls < 100, "{calls} calls");
}

fn denied() -> CallError {
    CallError { code: Some("AccessDeniedException".into()), ..CallError::new(FailureKind::Denied) }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_denies_only_bulk_calls_is_remembered_for_a_while() {
    let batch = Clockwork::new(20).when(|call| (call.op == Op::StopMany).then(|| Trouble::Fails(denied())));
    let memory = Memory::new(true);
    let told = run_with(&batch, orders(60), MINUTE, &[], &memory, &AsAsked).await;
    assert_eq!(told.count(Outcome::Cancelled), 60);
    assert!(batch.stops() <= 66, "{} calls", batch.stops());
    let before = batch.count(Op::StopMany);

    let batch = Clockwork::new(20).when(|call| (call.op == Op::StopMany).then(|| Trouble::Fails(denied())));
    let told = run_with(&batch, orders(60), MINUTE, &[], &memory, &AsAsked).await;
    assert_eq!(
        (told.count(Outcome::Cancelled), batch.count(Op::StopMany)),
        (60, 0),
        "{before} the first time"
    );
}

#[tokio::test(start_paused = true)]
async fn missing_bulk_calls_are_asked_for_again_after_a_while() {
    let batch = Clockwork::new(20)
        .when(|call| (call.op == Op::StopMany && call.nth == 1).then(|| FailureKind::NoBulk.into()));
    let memory = Memory::new(true);
    let told = run_with(&batch, orders(40), MINUTE, &[], &memory, &AsAsked).await;
    assert_eq!(told.count(Outcome::Cancelled), 40);
    assert_eq!((batch.count(Op::StopMany), batch.count(Op::Stop)), (1, 40));

    tokio::time::advance(Duration::from_mins(10)).await;
    let batch = Clockwork::new(20);
    let told = run_with(&batch, orders(40), MINUTE, &[], &memory, &AsAsked).await;
    assert_eq!(told.count(Outcome::Cancelled), 40);
    assert_eq!((batch.count(Op::StopMany), batch.count(Op::Stop)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn denied_looks_are_not_asked_for_again() {
    let batch = Clockwork::new(20).when(|call| (call.op == Op::Describe).then(|| Trouble::Fails(denied())));
    let told = run(&batch, 300, MINUTE, &[]).await;
    assert_eq!((told.count(Outcome::Accepted), batch.really_stopped()), (300, 300));
    assert!(batch.count(Op::Describe) <= 3, "{} looks", batch.count(Op::Describe));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_was_denied_after_an_answer_was_lost_is_found_out() {
    let batch = Clockwork::new(20).when(|call| match (call.op, call.nth) {
        (Op::Stop, 1) => Some(Trouble::FailsAfterwards(CallError::new(FailureKind::Connection))),
        (Op::Stop, _) => Some(Trouble::Fails(denied())),
        _ => None,
    });
    let told = run(&batch, 1, MINUTE, &[]).await;
    assert_eq!((told.outcomes[&0], told.attempts[&0]), (Outcome::Cancelled, 2));
}

#[tokio::test(start_paused = true)]
async fn jobs_behind_many_denied_ones_are_tried_too() {
    for protected in [20, 40, 60] {
        for vars in [&[][..], &[("BULK", "off")]] {
            let number = |id: &str| id["job-".len()..].parse::<usize>().unwrap();
            let names_protected =
                move |call: &Arrival| call.jobs.iter().any(|id| number(id.as_str()) < protected);
            let batch = Clockwork::new(20).when(move |call| {
                (call.op != Op::Describe && names_protected(call)).then(|| Trouble::Fails(denied()))
            });
            let told = run(&batch, 100, MINUTE, vars).await;
            assert_eq!(told.count(Outcome::Cancelled), 100 - protected, "{protected} {vars:?}");
            assert_eq!(told.count(Outcome::Refused), protected, "{protected} {vars:?}");
        }
    }
}
