//! One budget: what it is spent on, and that it is never overdrawn.

use std::time::Duration;

use batch_canceller::batch::FailureKind;
use batch_canceller::engine::{Judge, Memory, Ruling, Whole};
use batch_canceller::order::Ordered;
use batch_canceller::outcome::{Look, Outcome, Verdict, judge};

use crate::chance::Asked;
use crate::clockwork::{
    AsAsked, Clockwork, Cost, Limit, MINUTE, Op, Trouble, orders, run, run_with, seconds,
};
use crate::lives::{Change, Life, snapshot};

#[tokio::test(start_paused = true)]
async fn invariant_4_no_call_starts_outside_the_budget() {
    let batch = Clockwork::new(20);
    let budget = Duration::from_millis(500);
    let told = run(&batch, 300, budget, &[("BULK", "off"), ("MAX_IN_FLIGHT", "2")]).await;
    let last = batch.arrivals.lock().unwrap().last().unwrap().at;
    assert!(last < budget, "the last call started at {last:?}");
    assert!(told.count(Outcome::NotAttempted) > 200);
    assert_eq!(batch.most_in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn invariant_6_at_most_max_in_flight_calls_are_under_way() {
    for most in [1, 3, 16] {
        let batch = Clockwork::new(20);
        let vars = [("BULK", "off"), ("MAX_IN_FLIGHT", &*most.to_string())];
        run(&batch, 200, MINUTE, &vars).await;
        assert_eq!(batch.most_in_flight(), most);
    }
}

#[tokio::test(start_paused = true)]
async fn one_job_takes_three_calls_one_after_another() {
    let batch = Clockwork::new(20);
    let told = run(&batch, 1, MINUTE, &[]).await;
    assert_eq!(told.count(Outcome::Cancelled), 1);
    assert_eq!((batch.calls(), batch.elapsed()), (3, Duration::from_millis(60)));
}

#[tokio::test(start_paused = true)]
async fn looks_acts_and_confirms_overlap() {
    let batch = Clockwork::new(20);
    let told = run(&batch, 1000, MINUTE, &[]).await;
    assert_eq!(told.count(Outcome::Cancelled), 1000);
    assert_eq!(batch.calls(), 40);
    // Ten looks, as many of twenty acts as may be under way, the rest beside the first confirms.
    assert!(batch.elapsed() <= Duration::from_millis(80), "{:?}", batch.elapsed());
}

#[tokio::test(start_paused = true)]
async fn with_too_little_time_fewer_are_acted_on_and_not_fewer_confirmed() {
    for (vars, budget) in [
        (&[("BULK", "off")][..], 4000),
        (&[("BULK", "off"), ("MAX_IN_FLIGHT", "4")], 4000),
        (&[("BULK", "off"), ("MAX_IN_FLIGHT", "1")], 20_000),
    ] {
        let batch = Clockwork::new(20);
        let told = run(&batch, 10_000, Duration::from_millis(budget), vars).await;
        let (confirmed, stopped) = (told.count(Outcome::Cancelled), batch.really_stopped());
        assert!(stopped < 10_000 && confirmed * 10 >= stopped * 8, "{vars:?}: {confirmed} of {stopped}");
        assert!(stopped > 500, "{vars:?}: {stopped}");
        assert_eq!(
            told.count(Outcome::Accepted),
            0,
            "{vars:?}: {:?}",
            told.whys.values().find(|why| why.contains("accepted"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_that_start_meanwhile_are_told_so_however_little_time_is_left() {
    let mut batch = Clockwork::new(20);
    for job in 0..10_000 {
        batch = batch.job(&format!("job-{job}"), if job % 2 == 0 { "RUNNING" } else { "RUNNABLE" });
    }
    // Not known before: the first looks fail.
    let batch = batch
        .when(|call| (call.op == Op::Describe && call.at < seconds(2)).then(|| FailureKind::Server.into()));
    let told = run(&batch, 10_000, seconds(6), &[("BULK", "off")]).await;
    assert_eq!(told.count(Outcome::Accepted), 0);
    assert!(told.count(Outcome::Started) > 100, "{}", told.count(Outcome::Started));
}

#[tokio::test(start_paused = true)]
async fn looks_that_take_most_of_the_time_are_taken_all_the_same() {
    let mut batch = Clockwork::new(200);
    for job in 0..2000 {
        batch = batch.job(&format!("job-{job}"), "RUNNING");
    }
    let told = run(&batch, 2000, seconds(6), &[("MAX_IN_FLIGHT", "1")]).await;
    assert_eq!((told.count(Outcome::Started), batch.stops()), (2000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_leaves_time_to_confirm_too() {
    let batch = Clockwork::new(400);
    let told = run(&batch, 3000, seconds(10), &[("BULK", "off")]).await;
    let (confirmed, stopped) = (told.count(Outcome::Cancelled), batch.really_stopped());
    assert!(stopped > 100 && confirmed * 10 >= stopped * 8, "{confirmed} of {stopped}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_hangs_leaves_time_to_look() {
    let batch = Clockwork::new(20).when(|call| (call.op == Op::StopMany).then_some(Trouble::Hangs));
    let told = run(&batch, 50, seconds(4), &[]).await;
    assert_eq!(told.count(Outcome::Unavailable), 50);
    assert!(batch.count(Op::Describe) >= 2, "it looked afterwards");
}

#[tokio::test(start_paused = true)]
async fn a_second_look_waits_two_seconds_and_no_job_is_missing_before() {
    // Left out by the first look only.
    let batch = Clockwork::new(20)
        .when(|call| (call.op == Op::Describe && call.nth == 1).then_some(Trouble::ShowsNothing));
    let told = run(&batch, 3, seconds(30), &[]).await;
    assert_eq!(told.count(Outcome::Cancelled), 3);
    let looks: Vec<_> = batch.arrivals.lock().unwrap().iter().map(|call| call.at).take(2).collect();
    assert!(looks[1] >= looks[0] + seconds(2), "{looks:?}");

    let batch = Clockwork::new(20).when(|call| (call.op == Op::Describe).then_some(Trouble::ShowsNothing));
    let told = run(&batch, 3, seconds(30), &[]).await;
    assert_eq!((told.count(Outcome::NotFound), batch.calls()), (3, 2));

    // No time for two looks: it is not said to be missing.
    let batch = Clockwork::new(20).when(|call| (call.op == Op::Describe).then_some(Trouble::ShowsNothing));
    let told = run(&batch, 3, seconds(2), &[]).await;
    assert_eq!(told.count(Outcome::Unavailable), 3);
}

#[tokio::test(start_paused = true)]
async fn an_odd_look_after_acting_is_taken_again() {
    let batch = Clockwork::new(20)
        .when(|call| (call.op == Op::Describe && call.nth == 2).then_some(Trouble::ShowsNothing));
    let told = run(&batch, 3, seconds(30), &[]).await;
    assert_eq!(told.count(Outcome::Cancelled), 3);
}

#[tokio::test(start_paused = true)]
async fn one_slow_cancel_does_not_slow_the_next_lone_one() {
    let memory = Memory::new(true);
    let mut slow = Clockwork::new(20);
    slow.effect = seconds(2);
    run_with(&slow, orders(1), MINUTE, &[], &memory, &AsAsked).await;
    let batch = Clockwork::new(20);
    run_with(&batch, orders(1), MINUTE, &[], &memory, &AsAsked).await;
    assert_eq!(batch.elapsed(), Duration::from_millis(60));
}

/// Acts only once all are judged, and then on none if there are more than so many.
struct AtMost(usize, std::sync::atomic::AtomicUsize);

impl Judge for AtMost {
    fn holds_acts(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, look: &'a Look, _: Option<Whole<'a>>) -> impl FnMut(&mut Ordered) -> Ruling + 'a {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        |ordered| judge(&ordered.wish, look).into()
    }

    fn release(&self, _: &mut Ordered, jobs: usize) -> Ruling {
        (jobs > self.0)
            .then(|| Verdict::because(Outcome::Refused, format!("{jobs} jobs are too many")))
            .into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_barrier_holds_every_act_until_all_is_judged() {
    let jobs = 3000;
    let judge = AtMost(jobs, std::sync::atomic::AtomicUsize::new(0));
    let batch = Clockwork::new(20);
    let told = run_with(&batch, orders(jobs), MINUTE, &[], &Memory::new(true), &judge).await;
    assert_eq!(told.count(Outcome::Cancelled), judge.0);
    assert_eq!(judge.1.load(std::sync::atomic::Ordering::Relaxed), jobs);
    let arrivals = batch.arrivals.lock().unwrap();
    let looks = jobs.div_ceil(100);
    let first_act = arrivals.iter().position(|call| call.op != Op::Describe).unwrap();
    assert_eq!(first_act, looks, "no act before the last look");
}

#[tokio::test(start_paused = true)]
async fn more_than_are_allowed_at_once_are_all_left_alone() {
    for (jobs, stopped) in [(30, 30), (31, 0)] {
        let judge = AtMost(30, std::sync::atomic::AtomicUsize::new(0));
        let batch = Clockwork::new(20).job("job-7", "RUNNING");
        let told = run_with(&batch, orders(jobs + 1), MINUTE, &[], &Memory::new(true), &judge).await;
        assert_eq!((told.count(Outcome::Started), batch.really_stopped()), (1, stopped));
        assert_eq!(told.count(Outcome::Refused), jobs - stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_be_looked_at_does_not_hold_the_others_for_ever() {
    let judge = Asked { holds: true, is_careful: true };
    let batch = Clockwork::new(20).when(|call| {
        let chokes = call.op == Op::Describe && call.names("job-3");
        chokes.then_some(FailureKind::Server.into())
    });
    let told = run_with(&batch, orders(10), seconds(30), &[], &Memory::new(true), &judge).await;
    assert_eq!((told.count(Outcome::Cancelled), told.outcomes[&3]), (9, Outcome::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn what_is_acted_on_late_is_looked_at_once_more() {
    let judge = Asked { holds: false, is_careful: true };
    let limit = Limit { per_second: 10.0, burst: 5.0, apart: true, cost: Cost::Call };
    let batch = Clockwork::new(20).limited(limit);
    let jobs = 200;
    let told = run_with(&batch, orders(jobs), MINUTE, &[("BULK", "off")], &Memory::new(false), &judge).await;
    assert_eq!(told.count(Outcome::Cancelled), jobs);
    let arrivals = batch.arrivals.lock().unwrap();
    for (place, stop) in arrivals.iter().enumerate().filter(|(_, call)| call.op == Op::Stop) {
        let id = stop.jobs[0].as_str();
        let look =
            arrivals[..place].iter().rev().find(|call| call.op == Op::Describe && call.names(id)).unwrap();
        assert!(
            stop.at < look.at + seconds(6),
            "{id} is acted on at {:?}, and was looked at at {:?}",
            stop.at,
            look.at
        );
    }
    let looks = batch.count(Op::Describe);
    assert!(looks <= 60, "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_shown_is_not_missing_for_being_left_out_later() {
    let judge = Asked { holds: false, is_careful: true };
    let batch = Clockwork::new(20).when(|call| match call.op {
        Op::Describe => (call.nth > 1).then_some(Trouble::ShowsNothing),
        // Nothing comes of these, and so nothing needs to be looked for.
        Op::Stop | Op::StopMany => Some(FailureKind::TurnedAway.into()),
    });
    let patient = [("PATIENCE_MS", "20000")];
    let told = run_with(&batch, orders(1), MINUTE, &patient, &Memory::new(true), &judge).await;
    assert!(batch.count(Op::Describe) > 2, "it was looked at again, twice");
    assert_eq!(told.outcomes[&0], Outcome::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_keeps_failing_is_not_repeated_without_a_look() {
    let judge = Asked { holds: false, is_careful: true };
    for starts in [false, true] {
        let until = seconds(8);
        let mut batch = Clockwork::new(20).when(move |call| {
            (call.op != Op::Describe && call.at < until).then(|| FailureKind::Server.into())
        });
        if starts {
            batch =
                batch.life("job-0", Life::starting_as(snapshot("RUNNABLE")).with(seconds(3), Change::Starts));
        }
        let told = run_with(&batch, orders(1), MINUTE, &[], &Memory::new(true), &judge).await;
        let arrivals = batch.arrivals.lock().unwrap();
        for (place, stop) in arrivals.iter().enumerate().filter(|(_, call)| call.op == Op::Stop) {
            let look = arrivals[..place].iter().rev().find(|call| call.op == Op::Describe).unwrap();
            assert!(stop.at < look.at + seconds(6), "{:?} after a look at {:?}", stop.at, look.at);
        }
        assert_eq!(told.outcomes[&0], if starts { Outcome::Started } else { Outcome::Cancelled });
    }
}
