//! Under a limit on calls, as close to its floor as one can come without knowing it.

use std::time::Duration;

use batch_canceller::batch::{CallError, FailureKind};
use batch_canceller::outcome::Outcome;

use crate::clockwork::{Clockwork, Cost, Limit, Op, Trouble, run, seconds};

fn limit(per_second: f64, burst: f64, cost: Cost, apart: bool) -> Limit {
    Limit { per_second, burst, apart, cost }
}

/// 300 single cancels take at most so many calls, and at most `time` times what it would take a client that knew the
/// limit: one call for each job, one for each 100 looks, and three latencies to go from look to confirm.
async fn single_calls(per_second: f64, burst: f64, latency_ms: u64, most_calls: usize, time: f64) {
    let limit = limit(per_second, burst, Cost::Call, false);
    let batch = Clockwork::new(latency_ms).limited(limit);
    let told = run(&batch, 300, seconds(600), &[("BULK", "off")]).await;
    let case = format!("{per_second} a second, a burst of {burst}, {latency_ms} ms");
    assert_eq!(told.count(Outcome::Cancelled), 300, "{case}");
    let floor = Duration::from_secs_f64((306.0 - burst) / per_second) + 3 * batch.latency;
    let (made, took) = (batch.calls(), batch.elapsed());
    assert!(made <= most_calls, "{case}: {made} calls, 306 needed");
    assert!(took <= floor.mul_f64(time), "{case}: {took:?}, the floor is {floor:?}");
}

#[tokio::test(start_paused = true)]
async fn single_calls_come_close_to_the_floor() {
    single_calls(50.0, 50.0, 20, 330, 1.08).await;
}

#[tokio::test(start_paused = true)]
async fn single_calls_come_close_whatever_the_limit_and_the_latency() {
    single_calls(50.0, 50.0, 1, 336, 1.1).await;
    single_calls(50.0, 50.0, 200, 336, 1.1).await;
    single_calls(50.0, 100.0, 20, 336, 1.1).await;
    // Where limits are unlike AWS's, finding them takes longer.
    single_calls(50.0, 10.0, 20, 345, 1.2).await;
    single_calls(10.0, 10.0, 20, 400, 1.2).await;
}

async fn bulk_calls(cost: Cost, apart: bool) {
    let batch = Clockwork::new(20).limited(limit(50.0, 50.0, cost, apart));
    let told = run(&batch, 300, seconds(60), &[]).await;
    let case = format!("{cost:?}, {}", if apart { "each operation apart" } else { "one bucket" });
    let looks = if apart { 0.0 } else { 6.0 };
    let tokens = if cost == Cost::Call { 12.0 } else { 300.0 + looks };
    let floor = Duration::from_secs_f64((tokens - 50.0_f64).max(0.0) / 50.0) + 3 * batch.latency;
    assert_eq!(told.count(Outcome::Cancelled), 300, "{case}");
    assert!(batch.elapsed() <= floor.mul_f64(1.3), "{case}: {:?}, the floor is {floor:?}", batch.elapsed());
}

#[tokio::test(start_paused = true)]
async fn few_bulk_calls_come_close_where_each_counts_as_one() {
    for apart in [false, true] {
        let batch = Clockwork::new(20).limited(limit(5.0, 5.0, Cost::Call, apart));
        let told = run(&batch, 1000, seconds(60), &[]).await;
        assert_eq!(told.count(Outcome::Cancelled), 1000, "{apart}");
        // Ten looks, twenty acts, ten looks more, of which five calls of each bucket are there at once.
        let calls: f64 = if apart { 20.0 } else { 40.0 };
        let floor = Duration::from_secs_f64((calls - 5.0) / 5.0) + 3 * batch.latency;
        assert!(
            batch.elapsed() <= floor.mul_f64(1.5),
            "{apart}: {:?}, the floor is {floor:?}",
            batch.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn bulk_calls_come_close_however_they_count() {
    for cost in [Cost::Call, Cost::Item, Cost::ItemsAtOnce] {
        for apart in [false, true] {
            bulk_calls(cost, apart).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_comes_after_a_long_calm_is_found_in_few_calls() {
    // 800 a second for ten seconds, then twenty.
    let calm = seconds(10);
    let begun = tokio::time::Instant::now();
    let tokens = std::sync::Mutex::new((20.0_f64, calm));
    let batch = Clockwork::new(20).when(move |call| {
        let now = begun.elapsed();
        if now < calm || call.op == Op::Describe {
            return None;
        }
        let mut tokens = tokens.lock().unwrap();
        tokens.0 = (tokens.0 + now.saturating_sub(tokens.1).as_secs_f64() * 20.0).min(20.0);
        tokens.1 = now;
        if tokens.0 < 1.0 {
            return Some(FailureKind::Throttled.into());
        }
        tokens.0 -= 1.0;
        None
    });
    let told = run(&batch, 8200, seconds(60), &[("BULK", "off")]).await;
    assert_eq!(told.count(Outcome::Cancelled), 8200);
    assert!(batch.failures() <= 80, "{} throttled calls", batch.failures());
}

/// Orders come one by one as jobs are settled, and under a limit each look for one job alone takes a cancel's turn.
#[tokio::test(start_paused = true)]
async fn looks_wait_for_company_while_there_is_enough_to_act_on() {
    let batch = Clockwork::new(20).limited(limit(500.0, 100.0, Cost::Call, false));
    let told = run(&batch, 4000, seconds(60), &[("BULK", "off"), ("MAX_IN_FLIGHT", "16")]).await;
    assert_eq!(told.count(Outcome::Cancelled), 4000);
    assert!(batch.count(Op::Describe) <= 100, "{} looks, 80 needed", batch.count(Op::Describe));
    let floor = Duration::from_secs_f64((4080.0 - 100.0) / 500.0) + 3 * batch.latency;
    assert!(batch.elapsed() <= floor.mul_f64(1.1), "{:?}, the floor is {floor:?}", batch.elapsed());
}

/// Two instances with 300 single cancels each share one limit.
#[tokio::test(start_paused = true)]
async fn two_instances_share_one_limit() {
    let limit = limit(50.0, 50.0, Cost::Call, false);
    let batch = Clockwork::new(20).limited(limit);
    let one = run(&batch, 300, seconds(60), &[("BULK", "off")]);
    let other = run(&batch, 300, seconds(60), &[("BULK", "off")]);
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one.count(Outcome::Cancelled) + other.count(Outcome::Cancelled), 600);
    let floor = Duration::from_secs_f64((612.0 - 50.0) / 50.0) + 3 * batch.latency;
    assert!(batch.elapsed() <= floor.mul_f64(1.2), "{:?}, the floor is {floor:?}", batch.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_for_an_hour_is_heeded_up_to_half_of_what_is_left() {
    for op in [Op::Describe, Op::Stop] {
        for kind in [FailureKind::Throttled, FailureKind::Server] {
            let batch = Clockwork::new(20).when(move |call| {
                let hour = CallError { retry_after: Some(seconds(3600)), ..CallError::new(kind) };
                (call.op == op && call.nth == 1).then_some(Trouble::Fails(hour))
            });
            let told = run(&batch, 1, seconds(30), &[]).await;
            assert_eq!(told.count(Outcome::Cancelled), 1, "{op:?} {kind:?}");
            assert!(batch.elapsed() >= seconds(4), "it is heeded: {:?}", batch.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everything_throttled_for_good_is_handed_back_after_few_calls() {
    let batch = Clockwork::new(20).when(|_| Some(FailureKind::Throttled.into()));
    let told = run(&batch, 400, seconds(20), &[]).await;
    assert_eq!(told.count(Outcome::Unavailable), 400, "{:?}", told.tally);
    assert!(batch.calls() <= 100, "{} calls", batch.calls());
}
