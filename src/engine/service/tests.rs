use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The end of the time for calls, in milliseconds.
const UNTIL: u64 = 30_000;

/// Plays what happens, one `time event` each, separated by `;`, times in milliseconds. Jitter is at its longest.
///
/// - `call 50` a call with so many jobs starts, `call` one with one job;
/// - `ok`, `fail`, `throttled`, `partly` the oldest call ends so; `fail 700` with a wish to wait for that long;
/// - `open`, `shut`: a call may start, or not; `opens 520`: when time lets one; `waits`: only an answer does, `free`
///   not so;
/// - `failing 0`, `well`: since when every call has failed; `long`, `not-long`: whether some probes have, too;
/// - `heard 20`, `silent 20`: whether there was an answer since then;
/// - `window 25`, `latency 20`;
/// - `back`, `not-back`: whether the call that ended last found that a service is back that was down.
#[track_caller]
fn check(steps: &str) {
    let mut service = Service::new();
    let mut under_way = std::collections::VecDeque::new();
    let mut back = false;
    for step in steps.split(';').map(str::trim) {
        let mut words = step.split(' ');
        let now = ms(words.next().unwrap().parse().unwrap());
        let word = words.next().unwrap();
        let number: Option<u64> = words.next().map(|number| number.parse().unwrap());
        let time = number.map(ms);
        let mut ended = || {
            let (started, jobs) = under_way.pop_front().unwrap();
            Ended { started, now, jobs }
        };
        let wait = Wait { retry_after: time, until: ms(UNTIL), unit: 1.0 };
        match word {
            "call" => {
                under_way.push_back((now, usize::try_from(number.unwrap_or(1)).unwrap()));
                service.started(now);
            }
            "ok" => back = service.answered(ended()),
            "fail" => service.failed(ended(), wait),
            "throttled" => back = service.throttled(ended(), false, wait),
            "partly" => back = service.throttled(ended(), true, wait),
            "open" => assert!(service.is_open(now), "{step} of {steps}: {service:?}"),
            "shut" => assert!(!service.is_open(now), "{step} of {steps}: {service:?}"),
            "waits" => assert!(service.awaits_answer(), "{step} of {steps}"),
            "free" => assert!(!service.awaits_answer(), "{step} of {steps}"),
            "opens" => assert_eq!(Some(service.opens_at(now)), time, "{step} of {steps}"),
            "failing" => assert_eq!(service.failing_since(), time, "{step} of {steps}"),
            "well" => assert_eq!(service.failing_since(), None, "{step} of {steps}"),
            "long" => assert!(service.is_long_down(), "{step} of {steps}"),
            "not-long" => assert!(!service.is_long_down(), "{step} of {steps}"),
            "heard" => assert!(service.answered_since(time.unwrap()), "{step} of {steps}"),
            "silent" => assert!(!service.answered_since(time.unwrap()), "{step} of {steps}"),
            "window" => assert_eq!(Some(service.window() as u64), number, "{step} of {steps}"),
            "latency" => assert_eq!(Some(service.latency()), time, "{step} of {steps}"),
            "back" => assert!(back, "{step} of {steps}"),
            "not-back" => assert!(!back, "{step} of {steps}"),
            _ => panic!("{step}"),
        }
    }
}

/// Four calls that fail in a row, the last at 40.
const DOWN: &str = "0 call; 10 fail; 10 call; 20 fail; 20 call; 30 fail; 30 open; 30 call; 40 fail";

#[test]
fn three_failures_are_chance_and_four_a_service_that_is_down() {
    check("0 open; 0 well; 0 call; 0 open; 10 fail; 10 open; 10 failing 0");
    check("0 call; 10 fail; 10 call; 20 fail; 20 call; 30 fail; 30 open; 30 failing 0");
    check(&format!("{DOWN}; 40 shut; 40 opens 90; 89 shut; 90 open; 90 failing 0"));
    // One answer in between, and the count begins anew.
    check(
        "0 call; 5 fail; 5 call; 9 fail; 9 call; 10 ok; 10 well; 10 call; 20 fail; 20 call; 30 fail; 30 open; 30 failing 10",
    );
    // Only a service that is down makes wait for an answer.
    check("0 call; 0 free; 10 fail; 10 free");
    // Failures of calls that were under way together count alike.
    check(
        "0 call; 0 call; 0 call; 0 call; 10 fail; 10 fail; 10 fail; 10 open; 10 fail; 10 shut; 10 failing 0",
    );
}

#[test]
fn a_service_that_is_down_is_probed_by_one_call_at_a_time_twice_a_second_at_least() {
    let probes =
        format!("{DOWN}; 40 free; 90 call; 90 shut; 90 waits; 5000 shut; 100 fail; 100 shut; 100 opens 200");
    check(&probes);
    let longer = "200 call; 200 fail; 200 opens 400; 400 call; 400 fail; 400 opens 800; 400 not-long; 800 call; \
                  800 fail; 800 opens 1300; 800 long; 1300 call; 1300 fail; 1300 opens 1800; 1800 open";
    check(&format!("{probes}; {longer}"));
    // What was under way when it went down is waited for.
    check(
        "0 call; 0 call; 0 call; 0 call; 0 call; 9 fail; 9 fail; 9 fail; 9 fail; 9 waits; 500 shut; 600 fail; 600 opens 700",
    );
}

#[test]
fn the_first_answer_of_any_kind_and_it_is_back() {
    check(&format!("{DOWN}; 90 call; 100 ok; 100 back; 100 open; 100 well"));
    check(&format!("{DOWN}; 90 call; 100 throttled; 100 back; 100 well"));
    check(&format!("{DOWN}; 90 call; 100 partly; 100 back; 100 well"));
    check("0 call; 10 fail; 10 call; 20 ok; 20 not-back");
}

#[test]
fn an_answer_of_any_kind_is_remembered_and_a_failure_is_none() {
    check("0 silent 0; 0 call; 10 ok; 10 heard 10; 10 silent 11; 20 call; 30 fail; 30 silent 11");
    check("0 call; 10 throttled; 10 heard 10; 10 call; 20 partly; 20 heard 20");
}

#[test]
fn a_wish_to_wait_is_a_floor_and_no_longer_than_half_of_what_is_left() {
    check("0 call; 0 fail 700; 0 opens 700; 699 shut; 700 open; 700 failing 700");
    check("0 call; 0 throttled 700; 0 opens 700");
    // An hour.
    check("10000 call; 10000 fail 3600000; 10000 opens 20000");
    check("10000 call; 10000 throttled 3600000; 10000 opens 20000");
    // Less than the probe waits anyway.
    check(&format!("{DOWN}; 90 call; 100 fail 1; 100 opens 200"));
    // There is next to no time left.
    check("29900 call; 29900 fail 3600000; 29900 opens 30100");
    check("31000 call; 31000 throttled 3600000; 31000 opens 31200");
}

#[test]
fn the_window_is_halved_by_whole_throttled_calls_once_a_round_trip_and_doubles_as_they_pass() {
    // A slower pace is tried first.
    let slowed = "0 call 50; 20 throttled; 20 window 50";
    check(&format!(
        "{slowed}; 500 call 50; 520 throttled; 520 window 25; 900 call 25; 920 throttled; 920 window 12"
    ));
    // The others of the same round trip tell nothing new.
    check(&format!(
        "{slowed}; 500 call 50; 500 call 50; 500 call 50; 520 throttled; 520 throttled; 520 throttled; 520 window 25"
    ));
    // Nor does one that started at the very moment.
    check(&format!("{slowed}; 500 call 50; 520 throttled; 520 call 25; 540 throttled; 540 window 25"));
    // A smaller call that does not pass tells more.
    check(&format!("{slowed}; 500 call 10; 520 throttled; 520 window 5"));
    check(&format!("{slowed}; 500 call; 520 throttled; 520 window 50"));
    check(&format!(
        "{slowed}; 500 call 2; 520 throttled; 520 window 1; 900 call; 920 throttled; 920 window 1"
    ));
    check("0 call 50; 20 partly; 20 window 50");
    let halved =
        "0 call 50; 20 throttled; 300 call 50; 320 throttled; 500 call 25; 520 throttled; 520 window 12";
    check(&format!(
        "{halved}; 900 call 12; 920 ok; 920 window 24; 930 call 24; 940 ok; 940 window 48; 950 call 24; 960 ok; 960 window 50"
    ));
    // One that is less than half full tells nothing.
    check(&format!("{halved}; 900 call 5; 920 ok; 920 window 12; 930 call 6; 940 ok; 940 window 24"));
    check(&format!("{halved}; 900 call 12; 920 partly; 920 window 12"));
}

#[test]
fn latency_is_that_of_answers_and_follows_them_slowly() {
    check(
        "0 latency 0; 0 call; 20 ok; 20 latency 20; 20 call; 80 ok; 80 latency 30; 80 call; 2000 fail; 2000 latency 30",
    );
    check("0 call; 40 throttled; 40 latency 40");
}

/// A service to which calls were made at so many a second for so long, and all were answered at once.
fn calm(per_second: u32, lasts: Duration) -> (Service, Duration) {
    let mut service = Service::new();
    let now = pass(&mut service, per_second, Duration::ZERO, lasts);
    (service, now)
}

/// That many calls a second pass, from `now` on. Gives when the last one does.
fn pass(service: &mut Service, per_second: u32, now: Duration, lasts: Duration) -> Duration {
    let gap = Duration::from_secs(1) / per_second;
    let mut at = now;
    while at < now + lasts {
        service.started(at);
        service.answered(Ended { started: at, now: at, jobs: 1 });
        at += gap;
    }
    at
}

/// One call is throttled.
fn throttle(service: &mut Service, now: Duration) {
    service.started(now);
    let wait = Wait { retry_after: None, until: ms(600_000), unit: 0.0 };
    service.throttled(Ended { started: now, now, jobs: 1 }, false, wait);
}

/// The pace, in calls a second.
fn pace(service: &Service, now: Duration) -> f64 {
    service.pace.map_or(f64::INFINITY, |pace| pace.at(now, service.reached))
}

#[track_caller]
fn check_pace(service: &Service, now: Duration, least: f64, most: f64) {
    let pace = pace(service, now);
    assert!((least..=most).contains(&pace), "{pace} a second at {now:?}: {service:?}");
}

#[test]
fn there_is_no_pace_until_batch_throttles() {
    let (service, now) = calm(500, ms(3000));
    assert!(service.is_open(now) && pace(&service, now).is_infinite());
    assert_eq!(service.time_for(1000, now), Duration::ZERO);
}

#[test]
fn the_first_guess_is_what_batch_put_up_with() {
    for (per_second, lasts, least, most) in [
        // A second's worth of calls may have been saved up.
        (100, 9_000, 85.0, 95.0),
        (100, 1_000, 45.0, 55.0),
        // Too few to tell.
        (1, 5_000, LEAST_GUESS, LEAST_GUESS),
    ] {
        let (mut service, now) = calm(per_second, ms(lasts));
        throttle(&mut service, now);
        check_pace(&service, now, least, most);
    }
    // After a long calm, no more than was ever reached in a second.
    let (mut service, now) = calm(1, ms(60_000));
    let now = pass(&mut service, 30, now, ms(1000));
    throttle(&mut service, now);
    check_pace(&service, now, 20.0, 30.0);
}

#[test]
fn each_cut_leaves_less_and_no_pace_is_slower_than_two_a_second() {
    let (mut service, mut now) = calm(100, ms(9_000));
    throttle(&mut service, now);
    let guess = pace(&service, now);
    now = pass(&mut service, 90, now, ms(1000));
    throttle(&mut service, now);
    // Cut from what it had grown to, but to no more than what passed and the one that did not.
    assert!(guess * CUT * 2.0 > 91.0);
    check_pace(&service, now, 90.5, 91.5);
    for _ in 0..60 {
        now += ms(100);
        throttle(&mut service, now);
    }
    check_pace(&service, now, SLOWEST, SLOWEST);
}

#[test]
fn calls_of_one_round_trip_cut_once() {
    let (mut service, now) = calm(100, ms(9_000));
    let wait = Wait { retry_after: None, until: ms(600_000), unit: 0.0 };
    for _ in 0..16 {
        service.started(now);
    }
    for after in 0..16 {
        service.throttled(Ended { started: now, now: now + ms(20 + after), jobs: 1 }, false, wait);
    }
    check_pace(&service, now, 80.0, 95.0);
    let cut = now + ms(20);
    let left = pace(&service, cut);
    service.throttled(Ended { started: cut, now: cut + ms(20), jobs: 1 }, false, wait);
    check_pace(&service, cut, left, left);
}

#[test]
fn calls_that_pass_in_part_tell_a_pace() {
    let (mut service, now) = calm(100, ms(9_000));
    let wait = Wait { retry_after: None, until: ms(600_000), unit: 0.0 };
    let call = Ended { started: now, now: now + ms(20), jobs: 50 };
    (0..=TELLING).for_each(|_| service.started(now));
    service.throttled(call, false, wait);
    for _ in 0..TELLING {
        service.throttled(call, true, wait);
    }
    let now = now + ms(200);
    throttle(&mut service, now);
    let told = pace(&service, now);
    check_pace(&service, now + ms(1000), told * 1.09, told * 1.11);
}

#[test]
fn a_pace_grows_slowly_and_a_guess_fast_but_never_past_twice_of_what_was_reached() {
    let (mut service, now) = calm(100, ms(9_000));
    throttle(&mut service, now);
    let guess = pace(&service, now);
    // Idle, it stays within twice of what the cut left.
    check_pace(&service, now + ms(500), guess * 1.4, guess * 1.5);
    check_pace(&service, now + ms(600_000), guess * 2.0, guess * 2.0);
    // A pace that was told by calls between two cuts grows by a tenth a second.
    let now = pass(&mut service, 90, now, ms(1000));
    throttle(&mut service, now);
    let told = pace(&service, now);
    check_pace(&service, now + ms(1000), told * 1.09, told * 1.11);
    check_pace(&service, now + ms(600_000), told * 2.0, told * 2.0);
    let later = pass(&mut service, 300, now, ms(3000));
    check_pace(&service, later + ms(600_000), 590.0, 610.0);
}

#[test]
fn a_slow_pace_gains_a_call_a_second() {
    let mut service = Service::new();
    let mut now = ms(10_000);
    for _ in 0..40 {
        throttle(&mut service, now);
        now += ms(3_000);
        now = pass(&mut service, 4, now, ms(1250));
    }
    throttle(&mut service, now);
    let told = pace(&service, now);
    assert!(told < 4.0, "{told}");
    check_pace(&service, now + ms(1000), told + LEAST_GROWTH, told + LEAST_GROWTH);
}

#[test]
fn calls_are_spread_by_the_pace_and_a_late_timer_makes_up_for_one() {
    let (mut service, now) = calm(100, ms(9_000));
    throttle(&mut service, now);
    let gap = Duration::from_secs_f64(1.0 / pace(&service, now));
    assert!(service.is_open(now));
    service.started(now);
    assert!(!service.is_open(now) && service.is_open(now + gap));
    // Five gaps too late: two calls at once, not six.
    let late = now + gap * 6;
    service.started(late);
    assert!(service.is_open(late));
    service.started(late);
    assert!(!service.is_open(late));
}

#[test]
fn the_time_for_calls_follows_from_the_pace() {
    let (mut service, now) = calm(100, ms(9_000));
    throttle(&mut service, now);
    let expected = Duration::from_secs_f64(90.0 / pace(&service, now));
    assert_eq!(service.time_for(90, now), expected);
    assert_eq!(service.time_for(0, now), Duration::ZERO);
}

#[test]
fn throttling_again_and_again_waits_longer_until_a_call_passes() {
    let mut service = Service::new();
    let wait = |now| Wait { retry_after: None, until: now + ms(600_000), unit: 1.0 };
    let mut now = ms(5_000);
    let mut throttled = |service: &mut Service| {
        service.started(now);
        service.throttled(Ended { started: now, now, jobs: 1 }, false, wait(now));
        let waits = service.opens_at(now).saturating_sub(now);
        now += ms(10_000);
        waits.as_millis()
    };
    let waits: Vec<_> = (0..7).map(|_| throttled(&mut service)).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000]);
    pass(&mut service, 1, ms(75_001), ms(1));
    assert!(throttled(&mut service) < 1000);
}

/// Plays calls with several jobs and single ones, as [`check`] does; an end names how many jobs the call had.
///
/// - `open`, `shut`: a bulk call may start, or not; `opens 520`: when time lets one;
/// - `alone`, `alike`: whether it is known that only bulk calls fail;
/// - `without`, `with`: whether the call that failed last showed that bulk calls are better done without.
#[track_caller]
fn check_bulk(steps: &str) {
    let mut health = BulkHealth::default();
    let mut under_way: Vec<(Duration, usize)> = Vec::new();
    let mut without = false;
    for step in steps.split(';').map(str::trim) {
        let words: Vec<_> = step.split(' ').collect();
        let now = ms(words[0].parse().unwrap());
        let number: u64 = words.get(2).map_or(1, |number| number.parse().unwrap());
        let jobs = usize::try_from(number).unwrap();
        let mut ended = || {
            let oldest = under_way.iter().position(|call| call.1 == jobs).unwrap();
            Ended { started: under_way.remove(oldest).0, now, jobs }
        };
        match words[1] {
            "call" => {
                under_way.push((now, jobs));
                health.started(jobs);
            }
            "ok" => health.answered(ended()),
            "fail" => without = health.failed(ended(), 1.0),
            "open" => assert!(health.is_open(now), "{step} of {steps}: {health:?}"),
            "shut" => assert!(!health.is_open(now), "{step} of {steps}: {health:?}"),
            "opens" => assert_eq!(health.opens_at(), ms(number), "{step} of {steps}"),
            "alone" => assert!(health.is_alone(), "{step} of {steps}"),
            "alike" => assert!(!health.is_alone(), "{step} of {steps}"),
            "without" => assert!(without, "{step} of {steps}"),
            "with" => assert!(!without, "{step} of {steps}"),
            _ => panic!("{step}"),
        }
    }
}

/// A bulk call that failed, while a single one that came later passed.
const ALONE: &str = "5000 call 50; 5010 fail 50; 5010 with; 5010 alike; 5010 call; 5020 ok; 5020 alone";

#[test]
fn bulk_calls_fail_alone_only_where_a_single_one_passes_meanwhile() {
    check_bulk(ALONE);
    check_bulk(
        "0 open; 0 call 50; 0 open; 0 call 50; 10 fail 50; 10 alike; 10 open; 9000 fail 50; 9000 with; 9000 open",
    );
    // Single calls that fail, or that passed before, tell nothing.
    check_bulk("0 call; 10 fail; 10 call; 20 ok; 20 alike");
    check_bulk("0 call; 10 ok; 10 call 50; 20 fail 50; 20 alike; 20 call; 30 fail; 30 alike");
    check_bulk("0 call 50; 10 ok 50; 10 call; 20 ok; 20 alike");
}

#[test]
fn a_bulk_call_that_fails_alone_is_probed_one_at_a_time_ever_later() {
    let probed =
        format!("{ALONE}; 5020 open; 5020 opens 0; 5020 call 50; 5020 shut; 5030 fail 50; 5030 opens 5080");
    check_bulk(&format!(
        "{probed}; 5079 shut; 5080 open; 5080 call 50; 5100 fail 50; 5100 opens 5200; 5200 call 50; 5200 fail 50; 5200 opens 5400"
    ));
    // Single calls do not count.
    check_bulk(&format!("{ALONE}; 5020 call; 5020 open"));
    // Those that were under way before are waited for, also past an answer.
    check_bulk("0 call 50; 0 call 50; 10 fail 50; 10 call; 20 ok; 20 shut; 30 fail 50; 30 opens 80; 80 open");
    check_bulk("0 call 50; 0 call 50; 0 call 50; 10 ok 50; 20 fail 50; 20 call; 30 ok; 30 shut");
    // One that passes, and they may come as before.
    check_bulk(&format!(
        "{probed}; 5080 call 50; 5090 ok 50; 5090 alike; 5090 open; 5090 opens 0; 5090 call 50; 5090 open"
    ));
}

#[test]
fn bulk_calls_are_better_done_without_once_they_alone_have_failed_for_four_seconds() {
    check_bulk(&format!(
        "{ALONE}; 5080 call 50; 8999 fail 50; 8999 with; 8999 call 50; 9000 fail 50; 9000 without"
    ));
    check_bulk(&format!("{ALONE}; 9000 call; 9000 fail; 9000 with"));
    // One that passed in between, and the time begins anew.
    check_bulk(&format!(
        "{ALONE}; 6000 call 50; 6010 ok 50; 6010 call 50; 6020 fail 50; 6020 call; 6030 ok; 9500 call 50; 9500 fail 50; 9500 with"
    ));
}
