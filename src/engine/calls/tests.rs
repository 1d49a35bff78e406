use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A lane by its name: `look`, `confirm`, or an act with a reason: `cancel-a`, `terminate-b`.
fn lane(name: &str) -> Lane {
    match name.split_once('-') {
        None if name == "look" => Lane::Look,
        None => Lane::Confirm,
        Some((verb, reason)) => {
            let action = if verb == "cancel" { Action::Cancel } else { Action::Terminate };
            Lane::Act(action, Reason::new(reason).unwrap())
        }
    }
}

fn name(lane: &Lane) -> String {
    match lane {
        Lane::Look => "look".into(),
        Lane::Confirm => "confirm".into(),
        Lane::Act(action, reason) => format!("{}-{}", action.as_str(), reason.as_str()),
    }
}

/// Jobs as `0-99 120`.
fn ranges(jobs: &[usize]) -> String {
    let runs = jobs.chunk_by(|one, next| one + 1 == *next);
    let run = |run: &[usize]| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    };
    runs.map(run).collect::<Vec<_>>().join(" ")
}

/// Plays steps, separated by `;`, and compares the calls that were taken.
///
/// - `+look 3` three more jobs come into the lane, numbered on from the last;
/// - `@500` it is 500 ms after the beginning;
/// - `limit 10` no call has more jobs than that;
/// - `look`, `act`, `confirm` takes the next call while more may come, `look!` when none will;
/// - of the call taken last: `fail 50` it failed as a whole and comes back after 50 ms, `halve 50` in halves,
///   `wait 50` unchanged; `back`, `halves` and `singly` put it, its halves or its jobs at the head of their lane;
/// - `rejoin` the service is back; `drain 30` the jobs up to there are taken out.
#[track_caller]
fn check(steps: &str, expected: &str) {
    let mut calls = Calls::default();
    let (mut job, mut now, mut limit) = (0, Duration::ZERO, usize::MAX);
    let mut last: Option<(Lane, Parcel<usize>)> = None;
    let mut told = Vec::new();
    for step in steps.split(';').map(str::trim) {
        let (word, number) = step.split_once(' ').unwrap_or((step, "0"));
        let number: usize = number.parse().unwrap();
        let due = now + ms(number as u64);
        if let Some(name) = word.strip_prefix('+') {
            for _ in 0..number {
                calls.push(lane(name), job, now);
                job += 1;
            }
        } else if let Some(time) = word.strip_prefix('@') {
            now = ms(time.parse().unwrap());
        } else if let Some(stage) = match word.trim_end_matches('!') {
            "look" => Some(Stage::Look),
            "act" => Some(Stage::Act),
            "confirm" => Some(Stage::Confirm),
            _ => None,
        } {
            calls.wake(now);
            let most = |lane: &Lane| limit.min(lane.most());
            last = calls.take(stage, most, !word.ends_with('!'), now);
            let call = last.as_ref().map(|(lane, parcel)| format!("{} {}", name(lane), ranges(&parcel.jobs)));
            told.push(call.unwrap_or_else(|| "-".into()));
        } else if word == "limit" {
            limit = number;
        } else if word == "rejoin" {
            calls.rejoin(|_| true);
        } else if word == "drain" {
            assert_eq!(calls.drain(|_, job| *job < number).len(), number, "{steps}");
        } else {
            let (lane, mut parcel) = last.take().unwrap();
            match word {
                "fail" => {
                    parcel.failed(now);
                    calls.later(lane, parcel, due);
                }
                "wait" => calls.later(lane, parcel, due),
                "halve" => parcel.halves().into_iter().for_each(|half| calls.later(lane.clone(), half, due)),
                "back" => calls.first(lane, parcel, now),
                "halves" => {
                    let [one, other] = parcel.halves();
                    calls.first(lane.clone(), other, now);
                    calls.first(lane, one, now);
                }
                "singly" => calls.first(lane, Parcel::singly(parcel.jobs), now),
                _ => panic!("{step}"),
            }
        }
    }
    assert_eq!(told.join(" | "), expected, "{steps}");
}

#[test]
fn a_full_call_goes_at_once_and_a_partly_filled_one_waits_two_seconds_at_most() {
    check("look; look!", "- | -");
    check("+look 250; look; look; look", "look 0-99 | look 100-199 | -");
    check("+cancel-a 120; act; act; act", "cancel-a 0-49 | cancel-a 50-99 | -");
    // Nothing more will come.
    check("+look 3; look; look!", "- | look 0-2");
    // Two seconds have passed, since the first came or since the last call of the lane went.
    check("+look 3; @1999; look; @2000; look", "- | look 0-2");
    check("+look 101; @900; look; @2000; look; @2900; look", "look 0-99 | - | look 100");
    check("@500; +confirm 1; @2400; +confirm 1; @2500; confirm", "confirm 0-1");
    // A smaller limit is sooner full; none at all lets nothing go.
    check("limit 2; +cancel-a 5; act; act; act; act!", "cancel-a 0-1 | cancel-a 2-3 | - | cancel-a 4");
    check("limit 0; +look 500; @5000; look; look!", "- | -");
    // What was taken out fills no call.
    check("+cancel-a 40; drain 30; act; +cancel-a 40; act", "- | cancel-a 30-79");
}

#[test]
fn a_call_that_failed_goes_again_as_it_was_joined_with_what_else_is_due() {
    check("+look 3; look!; fail 50; @49; look!; @50; look", "look 0-2 | - | look 0-2");
    check("+look 3; look!; fail 50; +look 4; @50; look; look!", "look 0-2 | - | look 3-6 0-2");
    // What does not fit goes later, whole; of what has not failed, as much as fits.
    check("+look 60; look!; fail 50; @50; +look 60; look!; look!", "look 0-59 | look 60-119 | look 0-59");
    check("+look 60; look!; fail 50; @50; +look 40; look!", "look 0-59 | look 60-99 0-59");
    check("+look 60; look!; wait 0; +look 60; look!; look!", "look 0-59 | look 60-119 0-39 | look 40-59");
    check("+look 60; look!; back; +look 60; look; look!", "look 0-59 | look 0-99 | look 100-119");
    check(
        "+look 60; look!; fail 0; look; +look 60; fail 0; look!; look!",
        "look 0-59 | look 0-59 | look 60-119 | look 0-59",
    );
    // What is next in its lane goes before what has waited longer.
    check(
        "+cancel-a 50; act; +cancel-a 10; back; act!; act!",
        "cancel-a 0-49 | cancel-a 0-49 | cancel-a 50-59",
    );
}

#[test]
fn halves_are_never_joined_until_the_service_is_back_and_then_once() {
    check("+look 8; look!; halve 0; look; look", "look 0-7 | look 0-3 | look 4-7");
    check("+look 9; look!; halves; look!; look!", "look 0-8 | look 0-4 | look 5-8");
    check(
        "+look 8; look!; halve 0; +look 9; look!; look!; look!",
        "look 0-7 | look 8-16 | look 0-3 | look 4-7",
    );
    let apart = "+look 8; look!; halve 0; look; halve 0";
    check(&format!("{apart}; look!; look!; look!"), "look 0-7 | look 0-3 | look 4-7 | look 0-1 | look 2-3");
    check(&format!("{apart}; look; wait 0; rejoin; look!"), "look 0-7 | look 0-3 | look 4-7 | look 0-7");
    // Halved again, it stays so.
    let again = format!("{apart}; look; wait 0; rejoin; look!; halve 0; rejoin");
    check(
        &format!("{again}; look!; look!"),
        "look 0-7 | look 0-3 | look 4-7 | look 0-7 | look 0-3 | look 4-7",
    );
    // So does what was joined with it.
    check(
        "+look 8; look!; halve 0; rejoin; +look 2; look!; halve 0; rejoin; look!; look!",
        "look 0-7 | look 8-9 0-7 | look 8-9 0-2 | look 3-7",
    );
    // Those that wait longer come at once.
    check("+look 8; look!; halve 900; rejoin; look!", "look 0-7 | look 0-7");
}

#[test]
fn what_must_go_alone_does_and_stays_alone() {
    check("+look 3; look!; singly; look; look; look; look", "look 0-2 | look 0 | look 1 | look 2 | -");
    check(
        "+look 2; look!; singly; rejoin; +look 3; look!; look!; look!",
        "look 0-1 | look 0 | look 1 | look 2-4",
    );
}

#[test]
fn a_parcel_counts_its_failures_and_that_of_two_which_failed_more_often_is_the_joint_ones() {
    let check = |one: &[u64], other: &[u64], expected: (u32, u64)| {
        let parcel = |failures: &[u64]| {
            let mut parcel = Parcel::of(vec![1]);
            for now in failures {
                parcel.failed(ms(*now));
            }
            parcel
        };
        let mut joined = parcel(one);
        assert!(joined.join(parcel(other), 2).is_none());
        assert_eq!(joined.failed(ms(90)), (expected.0, ms(expected.1)), "{one:?} {other:?}");
        let [mut half, _] = joined.halves();
        assert_eq!(half.failed(ms(99)), (1, ms(99)));
    };
    check(&[], &[], (1, 90));
    check(&[10], &[], (2, 10));
    check(&[], &[20], (2, 20));
    check(&[10], &[20], (2, 10));
    check(&[10, 30], &[20], (3, 10));
    check(&[10], &[20, 30], (3, 20));
}

#[test]
fn after_an_outage_what_failed_waits_no_longer_and_what_is_put_off_for_another_cause_does() {
    check("+look 3; look!; fail 5000; look!; rejoin; look!", "look 0-2 | - | look 0-2");
    check(
        "+confirm 3; confirm!; wait 5000; rejoin; confirm!; @5000; confirm!",
        "confirm 0-2 | - | confirm 0-2",
    );
    check(
        "+look 3; look!; singly; look!; wait 500; rejoin; look!; look!; look!; @500; look!",
        "look 0-2 | look 0 | look 1 | look 2 | - | look 0",
    );
}

#[test]
fn acts_take_turns_so_that_no_reason_starves_another() {
    check(
        "+cancel-a 150; +cancel-b 60; +terminate-a 50; act; act; act; act; act; act!",
        "cancel-a 0-49 | cancel-b 150-199 | terminate-a 210-259 | cancel-a 50-99 | cancel-a 100-149 | cancel-b 200-209",
    );
    // One that waits for company does not keep the others.
    check("+cancel-a 1; +cancel-b 50; act; act; act!", "cancel-b 1-50 | - | cancel-a 0");
    // A lane that was empty joins behind the others.
    check(
        "+cancel-a 50; act; +cancel-b 100; +cancel-a 50; act; act; act",
        "cancel-a 0-49 | cancel-b 50-99 | cancel-a 150-199 | cancel-b 100-149",
    );
}

#[test]
fn what_is_put_off_to_the_same_time_comes_back_in_its_order() {
    let puts_off = "limit 2; +look 6; look; wait 70; look; wait 50; look; wait 50";
    check(
        &format!("{puts_off}; @50; look; look; look; @70; look"),
        "look 0-1 | look 2-3 | look 4-5 | look 2-3 | look 4-5 | - | look 0-1",
    );
    check(
        &format!("{puts_off}; @70; look; look; look"),
        "look 0-1 | look 2-3 | look 4-5 | look 2-3 | look 4-5 | look 0-1",
    );
    let (six, again) = ("look; wait 50; ".repeat(6), "; look".repeat(6));
    let told = "look 0 | look 1 | look 2 | look 3 | look 4 | look 5";
    check(&format!("limit 1; +look 6; {six}@50{again}"), &format!("{told} | {told}"));
}

#[test]
fn it_tells_when_something_is_due() {
    let mut calls = Calls::default();
    assert_eq!(calls.next_due(ms(0)), None);
    calls.later(Lane::Look, Parcel::of(vec![1]), ms(300));
    calls.later(Lane::Look, Parcel::of(Vec::new()), ms(100));
    assert_eq!(calls.next_due(ms(0)), Some(ms(300)), "nothing is no parcel");
    calls.push(lane("cancel-a"), 2, ms(50));
    calls.push(lane("cancel-b"), 3, ms(60));
    calls.wake(ms(300));
    assert_eq!(calls.next_due(ms(300)), Some(ms(2050)));
    assert_eq!(calls.next_due(ms(2050)), Some(ms(2300)), "what may go needs no waking");
    assert_eq!(calls.next_due(ms(2300)), None);
}

#[test]
fn jobs_that_go_alone_are_drawn_by_chance_and_all_are_where_there_are_no_bulk_calls() {
    let check = |no_bulk: bool, alone: usize| {
        let (mut calls, cancels) = (Calls::default(), lane("cancel-a"));
        (0..10).for_each(|job| calls.push(cancels.clone(), job, ms(0)));
        calls.first(cancels.clone(), Parcel::singly((10..40).collect()), ms(0));
        calls.shuffle(&cancels, no_bulk, &mut fastrand::Rng::with_seed(42));
        calls.shuffle(&lane("cancel-b"), no_bulk, &mut fastrand::Rng::with_seed(42));
        let limit = |_: &Lane| if no_bulk { 1 } else { 50 };
        let mut taken = std::iter::from_fn(|| calls.take(Stage::Act, limit, false, ms(0)));
        let singles: Vec<_> = taken.by_ref().take(alone).flat_map(|(_, parcel)| parcel.jobs).collect();
        let rest: Vec<_> = taken.map(|(_, parcel)| ranges(&parcel.jobs)).collect();
        assert!(!singles.is_sorted(), "{singles:?}");
        assert_eq!(rest.concat(), if no_bulk { "" } else { "0-9" });
        let mut sorted = singles;
        sorted.sort_unstable();
        assert_eq!(sorted, (40 - alone..40).collect::<Vec<_>>());
    };
    check(false, 30);
    check(true, 40);
}

/// What is done to calls, at random.
#[derive(Debug, Clone)]
enum Step {
    Push(u8, usize),
    Pass(u64),
    Take { stage: u8, limit: usize, more: bool, then: u8, after: u64 },
    Rejoin(u8),
    Drain { stage: u8, every: usize },
}

const LANES: [&str; 6] = ["look", "confirm", "cancel-a", "cancel-b", "terminate-a", "terminate-b"];
const STAGES: [Stage; 3] = [Stage::Look, Stage::Act, Stage::Confirm];

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u8, 1..130_usize).prop_map(|(lane, jobs)| Step::Push(lane, jobs)),
        2 => (1..1500_u64).prop_map(Step::Pass),
        8 => (0..3_u8, prop::sample::select(vec![0, 1, 7, 50, 100]), any::<bool>(), 0..7_u8, 0..400_u64)
            .prop_map(|(stage, limit, more, then, after)| Step::Take { stage, limit, more, then, after }),
        1 => (0..6_u8).prop_map(Step::Rejoin),
        1 => (0..3_u8, 1..4_usize).prop_map(|(stage, every)| Step::Drain { stage, every }),
    ]
}

/// Where a job is, as simply as that can be told.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Ready,
    Late { due: Duration, failed: bool },
}

proptest! {
    #[test]
    fn no_job_is_lost_or_there_twice_and_the_counts_are_true(steps in prop::collection::vec(any_step(), 1..80)) {
        let mut calls = Calls::default();
        let mut model: BTreeMap<usize, (Lane, Place)> = BTreeMap::new();
        let (mut next, mut now) = (0, Duration::ZERO);
        for step in steps {
            match step {
                Step::Push(which, jobs) => {
                    for _ in 0..jobs {
                        let lane = lane(LANES[usize::from(which)]);
                        calls.push(lane.clone(), next, now);
                        model.insert(next, (lane, Place::Ready));
                        next += 1;
                    }
                }
                Step::Pass(time) => now += ms(time),
                Step::Take { stage, limit, more, then, after } => {
                    calls.wake(now);
                    for (_, place) in model.values_mut() {
                        if matches!(place, Place::Late { due, .. } if *due <= now) {
                            *place = Place::Ready;
                        }
                    }
                    let stage = STAGES[usize::from(stage)];
                    let most = |lane: &Lane| limit.min(lane.most());
                    if let Some((lane, mut parcel)) = calls.take(stage, most, more, now) {
                        prop_assert_eq!(lane.stage(), stage);
                        prop_assert!(!parcel.jobs.is_empty() && parcel.jobs.len() <= most(&lane));
                        prop_assert!(parcel.jobs.len() <= parcel.most);
                        for job in &parcel.jobs {
                            prop_assert_eq!(model.remove(job), Some((lane.clone(), Place::Ready)));
                        }
                        if (1..4).contains(&then) {
                            parcel.failed(now);
                        }
                        let due = now + ms(after);
                        let failed = parcel.has_failed();
                        let jobs = parcel.jobs.clone();
                        let place = match then {
                            0 => None,
                            1 => {
                                calls.first(lane.clone(), parcel, now);
                                Some(Place::Ready)
                            }
                            2 => {
                                calls.later(lane.clone(), parcel, due);
                                Some(Place::Late { due, failed })
                            }
                            3 => {
                                parcel.halves().into_iter().for_each(|half| calls.later(lane.clone(), half, due));
                                Some(Place::Late { due, failed: jobs.len() > 2 })
                            }
                            4 => {
                                calls.first(lane.clone(), Parcel::singly(parcel.jobs), now);
                                Some(Place::Ready)
                            }
                            _ => {
                                calls.later(lane.clone(), Parcel::of(parcel.jobs), due);
                                Some(Place::Late { due, failed: false })
                            }
                        };
                        let place = place.into_iter().flat_map(|place| jobs.iter().map(move |job| (*job, place.clone())));
                        model.extend(place.map(|(job, place)| (job, (lane.clone(), place))));
                    } else if !more && limit > 0 {
                        let stays = model.values().any(|(lane, place)| lane.stage() == stage && *place == Place::Ready);
                        prop_assert!(!stays, "nothing more comes, and still it waits");
                    }
                }
                Step::Rejoin(which) => {
                    let meant = lane(LANES[usize::from(which)]);
                    calls.rejoin(|lane| *lane == meant);
                    for (lane, place) in model.values_mut() {
                        if let Place::Late { due, failed: true } = place && *lane == meant {
                            *due = Duration::ZERO;
                        }
                    }
                }
                Step::Drain { stage, every } => {
                    let is_meant = |lane: &Lane, job: &usize| lane.stage() == STAGES[usize::from(stage)] && job.is_multiple_of(every);
                    let mut drained = calls.drain(is_meant);
                    let meant = model.extract_if(.., |job, (lane, _)| is_meant(lane, job));
                    let meant: Vec<_> = meant.map(|(job, (lane, _))| (lane, job)).collect();
                    drained.sort_by_key(|(_, job)| *job);
                    prop_assert_eq!(drained, meant);
                }
            }
            for stage in STAGES {
                let of_stage = || model.values().filter(|(lane, _)| lane.stage() == stage);
                prop_assert_eq!(calls.waiting(stage), of_stage().count());
                prop_assert_eq!(calls.ready(stage), of_stage().filter(|(_, place)| *place == Place::Ready).count());
            }
        }
        let mut left: Vec<_> = calls.drain(|_, _| true).into_iter().map(|(_, job)| job).collect();
        left.sort_unstable();
        prop_assert_eq!(left, model.keys().copied().collect::<Vec<_>>());
        for stage in STAGES {
            prop_assert_eq!(calls.waiting(stage), 0);
            prop_assert!(calls.take(stage, |_| 1, false, now).is_none());
        }
    }
}
