//! The publisher on a paused clock, against a bus that does as it is told.

use std::sync::Mutex;

use futures_util::future::{BoxFuture, join};
use tokio::time::sleep;

use super::*;
use crate::config::Config;
use crate::outcome::Outcome;
use crate::outlet::Message;
use crate::request::JobId;
use crate::trigger::{RequestedBy, Source};

const LATENCY: Duration = Duration::from_millis(20);

/// What a bus does with the `n`th call, from 0, that has so many events.
type Says = fn(usize, usize) -> Answer;

/// A bus that remembers the details of what it took, call by call.
#[derive(Debug)]
struct Bus {
    says: Says,
    latency: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: usize,
    sizes: Vec<usize>,
    taken: Vec<String>,
    at_once: usize,
    most_at_once: usize,
}

impl Bus {
    fn new(says: Says) -> Self {
        Self { says, latency: LATENCY, seen: Mutex::default() }
    }
}

impl Outlet for Bus {
    fn send<'a>(&'a self, _: &'a Message<'a>) -> BoxFuture<'a, Result<String, OutletError>> {
        panic!("nothing is sent")
    }

    fn publish<'a>(&'a self, bus: &'a str, events: &'a [Event]) -> BoxFuture<'a, Answer> {
        assert_eq!(bus, "results");
        let call = {
            let mut seen = self.seen.lock().unwrap();
            seen.at_once += 1;
            seen.most_at_once = seen.most_at_once.max(seen.at_once);
            seen.sizes.push(events.len());
            seen.calls += 1;
            seen.calls - 1
        };
        Box::pin(async move {
            sleep(self.latency).await;
            let answer = (self.says)(call, events.len());
            let mut seen = self.seen.lock().unwrap();
            seen.at_once -= 1;
            if let Ok(entries) = &answer {
                let taken = events.iter().zip(entries).filter(|(_, error)| error.is_none());
                seen.taken.extend(taken.map(|(event, _)| event.detail.clone()));
            }
            answer
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as a bus answers")]
fn takes_all(_: usize, events: usize) -> Answer {
    Ok(vec![None; events])
}

fn error(is_passing: bool) -> OutletError {
    OutletError { message: "no".into(), is_passing }
}

fn limits() -> Limits {
    Config::from_lookup(|_| None).unwrap().limits
}

/// Publishes `results` results, one every `each`, within a budget, and gives what was lost and how long it took.
async fn publish(bus: &Bus, results: usize, each: Duration, budget: Duration) -> (Lost, Duration) {
    fastrand::seed(42);
    let limits = limits();
    let publisher = Publisher::new(Some(("results", Some(bus))), ("r", ""), &limits, budget, results);
    let begun = Instant::now();
    let work = async {
        for job in 0..results {
            if !each.is_zero() {
                sleep(each).await;
            }
            tell(&publisher, &format!("job-{job}"), "r");
        }
        publisher.close();
    };
    join(work, publisher.publish(begun + budget)).await;
    (publisher.lost(), begun.elapsed())
}

fn tell(publisher: &Publisher<'_>, id: &str, reason: &str) {
    publisher.tell(&ResultRecord {
        job_id: Some(&JobId::from(id)),
        outcome: Outcome::Cancelled,
        action: None,
        reason: Some(reason),
        reason_truncated: false,
        dry_run: false,
        clause: None,
        why: None,
        before: None,
        after: None,
        attempts: 1,
        metadata: None,
        sweep: None,
        requested_by: &RequestedBy::new(Source::Direct, "r"),
    });
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn ten_go_in_a_call_and_four_calls_at_once() {
    let bus = Bus::new(takes_all);
    let (lost, took) = publish(&bus, 1_005, Duration::ZERO, MINUTE).await;
    let seen = bus.seen.into_inner().unwrap();
    assert_eq!((lost.events, seen.calls, seen.most_at_once), (0, 101, 4));
    assert_eq!(seen.sizes, [vec![10; 100], vec![5]].concat());
    let mut taken = seen.taken;
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 1_005);
    assert_eq!(took, LATENCY * 26);
}

#[tokio::test(start_paused = true)]
async fn they_leave_while_results_still_come() {
    let bus = Bus::new(takes_all);
    let each = Duration::from_millis(10);
    let (lost, took) = publish(&bus, 95, each, MINUTE).await;
    assert_eq!(lost.events, 0);
    assert_eq!(bus.seen.into_inner().unwrap().sizes, [vec![10; 9], vec![5]].concat());
    assert_eq!(took, each * 95 + LATENCY, "only the last call is left when the work is done");
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_passing_is_tried_again_and_only_that() {
    // Of each call's events, the first is not taken; of the first call's, none.
    let bus = Bus::new(|call, events| match call {
        0 => Err(error(true)),
        1..=4 => Ok((0..events).map(|event| (event == 0).then(|| error(true))).collect()),
        _ => takes_all(call, events),
    });
    let (lost, _) = publish(&bus, 100, Duration::ZERO, MINUTE).await;
    let mut taken = bus.seen.into_inner().unwrap().taken;
    taken.sort();
    let count = taken.len();
    taken.dedup();
    assert_eq!((lost.events, count, taken.len()), (0, 100, 100));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_fails_again_and_again_is_lost_alone() {
    // The first event of the first call is refused.
    let bus = Bus::new(|call, events| {
        Ok((0..events).map(|event| (call + event == 0).then(|| error(false))).collect())
    });
    let (lost, _) = publish(&bus, 11, Duration::ZERO, MINUTE).await;
    let seen = bus.seen.into_inner().unwrap();
    assert_eq!((lost.events, lost.why.as_str(), seen.taken.len(), seen.sizes), (1, "no", 10, vec![10, 1]));
    // One event is throttled whenever it comes, and others are taken: it is tried five times.
    let says: Says =
        |_, events| Ok((0..events).map(|event| (event + 1 == events).then(|| error(true))).collect());
    let bus = Bus { latency: Duration::ZERO, ..Bus::new(says) };
    let (lost, _) = publish(&bus, 9, Duration::ZERO, Duration::from_mins(10)).await;
    let seen = bus.seen.into_inner().unwrap();
    assert_eq!((lost.events, seen.taken.len(), seen.sizes), (1, 8, vec![9, 1, 1, 1, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_says_no_is_asked_three_times() {
    let bus = Bus::new(|_, _| Err(error(false)));
    let (lost, took) = publish(&bus, 1_000, Duration::ZERO, MINUTE).await;
    assert_eq!((lost.events, lost.why.as_str()), (1_000, "no"));
    // Four were under way before the first no.
    assert!(bus.seen.into_inner().unwrap().calls <= 4);
    assert_eq!(took, LATENCY);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_is_probed_one_call_at_a_time() {
    let bus = Bus::new(|_, _| Err(error(true)));
    let (lost, took) = publish(&bus, 1_000, Duration::ZERO, MINUTE).await;
    assert_eq!(lost.events, 1_000);
    let calls = bus.seen.into_inner().unwrap().calls;
    assert!((4..20).contains(&calls), "{calls} calls");
    // A twentieth of a second for each forty results, and half a second.
    assert!(took <= Duration::from_millis(25 * 50 + 500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn while_results_come_a_bus_that_is_down_is_given_up_after_patience() {
    let bus = Bus::new(|_, _| Err(error(true)));
    let (lost, took) = publish(&bus, 1_000, Duration::from_millis(50), Duration::from_mins(2)).await;
    assert_eq!((lost.events, took), (1_000, Duration::from_secs(50)), "nobody waits for it");
    assert!(bus.seen.into_inner().unwrap().calls < 25);
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_when_the_bus_does_not_answer() {
    let bus = Bus { latency: Duration::from_hours(1), ..Bus::new(takes_all) };
    for (budget, most) in
        [(MINUTE, Duration::from_millis(550)), (Duration::from_secs(1), Duration::from_millis(250))]
    {
        let (lost, took) = publish(&bus, 5, Duration::ZERO, budget).await;
        assert_eq!((lost.events, took), (5, most));
    }
    // Results that come when the budget is over are lost at once.
    let (lost, took) = publish(&bus, 10, Duration::from_millis(200), Duration::from_secs(1)).await;
    assert_eq!((lost.events, took), (10, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded() {
    let bus = Bus { latency: Duration::from_hours(1), ..Bus::new(takes_all) };
    let limits = limits();
    let publisher = Publisher::new(Some(("results", Some(&bus))), ("r", ""), &limits, MINUTE, 1_000);
    let reason = "x".repeat(100_000);
    for job in 0..1_000 {
        tell(&publisher, &format!("job-{job}"), &reason);
        assert!(publisher.queue().bytes <= MOST_WAITING + 110_000);
    }
    assert!((700..900).contains(&publisher.lost().events), "{:?}", publisher.lost());
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_there_is_nothing_to_do_and_nothing_kept() {
    let limits = limits();
    let publisher = Publisher::new(None, ("r", ""), &limits, MINUTE, 1_000);
    tell(&publisher, "a", "r");
    publisher.publish(Instant::now() + MINUTE).await;
    assert_eq!((publisher.kept(), publisher.lost().events), (Duration::ZERO, 0));
    assert!(publisher.queue().waiting.is_empty());
    // A setting that is not honoured is told.
    let publisher = Publisher::new(Some(("results", None)), ("r", ""), &limits, MINUTE, 1_000);
    tell(&publisher, "a", "r");
    publisher.publish(Instant::now() + MINUTE).await;
    tell(&publisher, "b", "r");
    assert_eq!((publisher.kept(), publisher.lost().events), (Duration::ZERO, 2));
}

#[test]
fn what_is_kept_grows_with_the_results_up_to_a_part_of_the_budget() {
    let check = |results, budget_ms, kept_ms| {
        let kept = kept(Duration::from_millis(budget_ms), results);
        assert_eq!(kept, Duration::from_millis(kept_ms), "{results} in {budget_ms} ms");
    };
    check(1, 60_000, 550);
    check(40, 60_000, 550);
    check(41, 60_000, 600);
    check(1_000, 60_000, 1_750);
    check(10_000, 60_000, 13_000);
    check(100_000, 60_000, 15_000);
    check(usize::MAX, 60_000, 15_000);
    check(1, 1_000, 250);
    check(1, 0, 0);
}
