//! The job model by table: what stands before, what is done, what is seen after.

use std::time::Duration;

use super::*;
use crate::{After, CancelLag, Deed, Lag, Verb};
use JobStatus::{Failed, Pending, Runnable, Running, Starting, Submitted, Succeeded};
use Verb::{Cancel, Terminate};

const NOW: i64 = 1_000_000;

fn state(jobs: impl IntoIterator<Item = Job>) -> State {
    let mut state = State::default();
    for job in jobs {
        state.add(job, NOW);
    }
    state
}

fn stop(state: &mut State, id: &str, verb: Verb, lag: CancelLag) {
    state.set_lag(lag);
    state.stop(id, verb, "ours", NOW);
}

fn look(state: &mut State, id: &str) {
    let shown = state.find(&[id.to_owned()]);
    state.described(&shown, NOW);
}

/// Status, the two flags, and whether the status reason is ours.
#[track_caller]
fn check(state: &State, id: &str, expect: (JobStatus, bool, bool, bool)) {
    let job = state.view(id).unwrap();
    let ours = job.status_reason.as_deref() == Some("ours");
    let seen = (job.status, job.is_cancelled, job.is_terminated, ours);
    assert_eq!(seen, expect, "{id}");
}

#[test]
fn each_verb_meets_each_status() {
    for (verb, before, expect) in [
        (Cancel, Submitted, (Failed, true, false, true)),
        (Cancel, Pending, (Failed, true, false, true)),
        (Cancel, Runnable, (Failed, true, false, true)),
        (Cancel, Starting, (Starting, false, false, false)),
        (Cancel, Running, (Running, false, false, false)),
        (Cancel, Succeeded, (Succeeded, false, false, false)),
        (Cancel, Failed, (Failed, false, false, false)),
        (Terminate, Submitted, (Failed, false, true, true)),
        (Terminate, Pending, (Failed, false, true, true)),
        (Terminate, Runnable, (Failed, false, true, true)),
        (Terminate, Starting, (Failed, false, true, true)),
        (Terminate, Running, (Failed, false, true, true)),
        (Terminate, Succeeded, (Succeeded, false, false, false)),
        (Terminate, Failed, (Failed, false, false, false)),
    ] {
        let mut state = state([Job::new("a").status(before).status_reason("theirs")]);
        stop(&mut state, "a", verb, CancelLag::None);
        check(&state, "a", expect);
        let stopped = state.view("a").unwrap().stopped_at;
        assert_eq!(stopped.is_some(), expect.0.has_ended(), "{verb:?} {before:?}");
    }
}

#[test]
fn an_unknown_job_changes_nothing() {
    let mut state = state([Job::new("a")]);
    stop(&mut state, "b", Cancel, CancelLag::None);
    assert_eq!(state.views().len(), 1);
    check(&state, "a", (Runnable, false, false, false));
    assert!(!state.act("b", Deed::Move(Running), NOW));
}

#[test]
fn a_held_job_is_flagged_at_once_and_fails_with_its_last_dependency() {
    let mut state = state([
        Job::new("first").status(Running),
        Job::new("second").status(Running),
        Job::new("held").status(Pending).depends_on(["first", "second"]),
        Job::new("next").status(Pending).depends_on(["held"]),
    ]);
    stop(&mut state, "held", Cancel, CancelLag::None);
    stop(&mut state, "next", Terminate, CancelLag::None);
    check(&state, "held", (Pending, true, false, false));
    state.act("first", Deed::Move(Succeeded), NOW);
    check(&state, "held", (Pending, true, false, false));
    check(&state, "next", (Pending, false, true, false));
    state.act("second", Deed::Move(Failed), NOW);
    check(&state, "held", (Failed, true, false, true));
    check(&state, "next", (Failed, false, true, true));
}

/// What becomes of a job that depends on `first` and `second` when those end.
#[track_caller]
fn check_dependent(status: JobStatus, ends: [(&str, JobStatus); 2], expect: (JobStatus, Option<&str>)) {
    let mut state = state([
        Job::new("first").status(Running),
        Job::new("second").status(Running),
        Job::new("next").status(status).depends_on(["first", "second"]),
    ]);
    for (id, end) in ends {
        state.act(id, Deed::Move(end), NOW);
    }
    let job = state.view("next").unwrap();
    assert_eq!((job.status, job.status_reason.as_deref()), expect, "{status:?} {ends:?}");
    assert!(!job.is_cancelled && !job.is_terminated);
}

#[test]
fn a_dependent_goes_on_or_fails_by_itself() {
    let failed = (Failed, Some("Dependent job failed"));
    check_dependent(Pending, [("first", Succeeded), ("second", Succeeded)], (Runnable, None));
    check_dependent(Pending, [("first", Succeeded), ("second", Starting)], (Pending, None));
    check_dependent(Pending, [("first", Running), ("second", Failed)], failed);
    check_dependent(Submitted, [("first", Failed), ("second", Running)], failed);
    check_dependent(Submitted, [("first", Succeeded), ("second", Succeeded)], (Submitted, None));
    check_dependent(Runnable, [("first", Failed), ("second", Failed)], (Runnable, None));
    check_dependent(Running, [("first", Failed), ("second", Failed)], (Running, None));
}

#[test]
fn a_cancel_fails_what_depends_on_the_job_and_what_depends_on_that() {
    let mut state = state([
        Job::new("c").status(Pending).depends_on(["b"]),
        Job::new("b").status(Pending).depends_on(["a"]),
        Job::new("p").depends_on(["a"]).array([Pending, Pending]),
        Job::new("a"),
    ]);
    stop(&mut state, "a", Cancel, CancelLag::None);
    check(&state, "a", (Failed, true, false, true));
    for id in ["b", "c", "p", "p:0", "p:1"] {
        check(&state, id, (Failed, false, false, false));
        assert_eq!(state.view(id).unwrap().status_reason.as_deref(), Some("Dependent job failed"));
    }
}

#[test]
fn a_stop_accepted_before_says_why_the_dependent_failed() {
    for lag in [CancelLag::None, CancelLag::Polls(9)] {
        let mut state = state([
            Job::new("a").status(Running),
            Job::new("other").status(Running),
            Job::new("held").status(Pending).depends_on(["a", "other"]),
        ]);
        stop(&mut state, "held", Cancel, lag);
        state.act("a", Deed::Move(Failed), NOW);
        check(&state, "held", (Failed, true, false, true));
    }
}

#[test]
fn a_stopped_dependent_never_becomes_runnable() {
    let mut state =
        state([Job::new("a").status(Running), Job::new("held").status(Pending).depends_on(["a"])]);
    stop(&mut state, "held", Cancel, CancelLag::Polls(1));
    state.act("a", Deed::Move(Succeeded), NOW);
    check(&state, "held", (Pending, true, false, false));
    look(&mut state, "held");
    check(&state, "held", (Failed, true, false, true));
}

#[test]
fn a_job_meets_dependencies_that_ended_before_it_came() {
    for (end, expect) in [(Succeeded, Runnable), (Failed, Failed)] {
        let dependent = || Job::new("next").status(Pending).depends_on(["a"]);
        let ended = || Job::new("a").status(end);
        for jobs in [[ended(), dependent()], [dependent(), ended()]] {
            assert_eq!(state(jobs).view("next").unwrap().status, expect);
        }
    }
}

#[test]
fn an_unknown_dependency_holds_for_good() {
    let mut state = state([Job::new("held").status(Pending).depends_on(["nobody"])]);
    stop(&mut state, "held", Cancel, CancelLag::None);
    check(&state, "held", (Pending, true, false, false));
}

#[test]
fn cancelling_an_array_spares_started_children_and_ends_with_them() {
    let mut state = state([Job::new("p").array([Running, Runnable, Starting, Succeeded])]);
    check(&state, "p", (Pending, false, false, false));
    stop(&mut state, "p", Cancel, CancelLag::None);
    check(&state, "p", (Pending, true, false, false));
    check(&state, "p:0", (Running, false, false, false));
    check(&state, "p:1", (Failed, true, false, true));
    check(&state, "p:3", (Succeeded, false, false, false));
    state.act("p:0", Deed::Move(Succeeded), NOW);
    check(&state, "p", (Pending, true, false, false));
    state.act("p:2", Deed::Move(Succeeded), NOW);
    check(&state, "p", (Failed, true, false, true));
}

#[test]
fn terminating_an_array_ends_all_its_living_children() {
    let mut state = state([Job::new("p").array([Running, Runnable, Succeeded])]);
    stop(&mut state, "p", Cancel, CancelLag::None);
    stop(&mut state, "p", Terminate, CancelLag::None);
    check(&state, "p", (Failed, true, true, true));
    check(&state, "p:0", (Failed, false, true, true));
    check(&state, "p:1", (Failed, true, false, true));
    check(&state, "p:2", (Succeeded, false, false, false));
}

#[test]
fn an_array_left_alone_ends_as_its_children_do() {
    for (children, expect) in [
        (vec![Succeeded, Succeeded], Succeeded),
        (vec![Succeeded, Failed], Failed),
        (vec![Succeeded, Running], Pending),
    ] {
        let state = state([Job::new("p").array(children)]);
        assert_eq!(state.view("p").unwrap().status, expect);
    }
}

#[test]
fn a_cancel_can_take_a_number_of_looks() {
    let mut state = state([Job::new("a"), Job::new("quick").lag(CancelLag::None)]);
    for id in ["a", "quick"] {
        stop(&mut state, id, Cancel, CancelLag::Polls(2));
    }
    check(&state, "quick", (Failed, true, false, true));
    check(&state, "a", (Runnable, true, false, false));
    look(&mut state, "a");
    check(&state, "a", (Runnable, true, false, false));
    look(&mut state, "a");
    check(&state, "a", (Failed, true, false, true));
}

#[test]
fn looks_at_an_array_are_looks_at_its_children() {
    let mut state = state([Job::new("p").array([Runnable, Runnable])]);
    stop(&mut state, "p", Cancel, CancelLag::Polls(2));
    look(&mut state, "p");
    look(&mut state, "p:0");
    check(&state, "p:0", (Failed, true, false, true));
    check(&state, "p:1", (Runnable, true, false, false));
    check(&state, "p", (Pending, true, false, false));
    look(&mut state, "p");
    check(&state, "p:1", (Failed, true, false, true));
    check(&state, "p", (Failed, true, false, true));
}

#[test]
fn a_cancel_can_take_time() {
    let mut state = state([Job::new("a").status(Running)]);
    let lag = CancelLag::For(Duration::from_millis(10));
    stop(&mut state, "a", Terminate, lag);
    state.advance(NOW + 9);
    check(&state, "a", (Running, false, true, false));
    state.advance(NOW + 10);
    check(&state, "a", (Failed, false, true, true));
}

#[test]
fn a_flag_can_hide_while_the_lag_lasts() {
    let mut state = state([Job::new("a")]);
    stop(&mut state, "a", Cancel, CancelLag::Polls(1));
    let flags = |state: &State, early| state.record(Slot(0)).shown_flags(early, NOW);
    assert_eq!(flags(&state, true), (true, false));
    assert_eq!(flags(&state, false), (false, false));
    look(&mut state, "a");
    assert_eq!(flags(&state, false), (true, false));
}

#[test]
fn a_job_that_starts_outruns_a_cancel_under_way_but_not_a_terminate() {
    let mut state = state([Job::new("a"), Job::new("b")]);
    stop(&mut state, "a", Cancel, CancelLag::Polls(1));
    stop(&mut state, "b", Terminate, CancelLag::Polls(1));
    for id in ["a", "b"] {
        state.act(id, Deed::Move(Running), NOW);
        look(&mut state, id);
    }
    check(&state, "a", (Running, true, false, false));
    check(&state, "b", (Failed, false, true, true));
}

#[test]
fn a_job_moves_after_the_look_that_was_named() {
    let mut state = state([Job::new("a").moves(After::Described(2), Starting)]);
    look(&mut state, "a");
    check(&state, "a", (Runnable, false, false, false));
    look(&mut state, "a");
    check(&state, "a", (Starting, false, false, false));
    state.when("a", After::Described(1), Deed::Move(Running));
    state.when("a", After::Listed(1), Deed::Move(Succeeded));
    look(&mut state, "a");
    check(&state, "a", (Running, false, false, false));
    let shown = state.find(&["a".to_owned()]);
    state.listed(&shown, NOW);
    check(&state, "a", (Succeeded, false, false, false));
}

fn theirs() -> String {
    "theirs".to_owned()
}

/// A job after `ours` with this lag, where `deed` was done right after the accepted call.
#[track_caller]
fn check_race(
    status: JobStatus,
    ours: Verb,
    lag: CancelLag,
    deed: &Deed,
    expect: (JobStatus, bool, bool, bool),
) {
    let mut state = state([Job::new("a").status(status).when(After::Stopped(1), deed.clone())]);
    stop(&mut state, "a", ours, lag);
    look(&mut state, "a");
    let job = state.view("a").unwrap();
    let by_us = job.status_reason.as_deref() == Some("ours");
    let seen = (job.status, job.is_cancelled, job.is_terminated, by_us);
    assert_eq!(seen, expect, "{status:?} {ours:?} {lag:?} {deed:?}");
}

#[test]
fn others_can_act_right_after_an_accepted_stop() {
    for lag in [CancelLag::None, CancelLag::Polls(1)] {
        check_race(Runnable, Cancel, lag, &Deed::Terminate(theirs()), (Failed, true, true, false));
        check_race(Runnable, Cancel, lag, &Deed::Cancel(theirs()), (Failed, true, false, true));
        check_race(Runnable, Terminate, lag, &Deed::Cancel(theirs()), (Failed, false, true, true));
        check_race(Runnable, Terminate, lag, &Deed::Terminate(theirs()), (Failed, false, true, true));
        check_race(Runnable, Cancel, lag, &Deed::Fail(theirs()), (Failed, true, false, false));
        check_race(Runnable, Cancel, lag, &Deed::Move(Running), (Running, true, false, false));
        // The call is counted although it came too late.
        check_race(Running, Cancel, lag, &Deed::Terminate(theirs()), (Failed, false, true, false));
        check_race(Running, Cancel, lag, &Deed::Fail(theirs()), (Failed, false, false, false));
    }
}

#[test]
fn others_can_act_between_a_look_and_a_stop() {
    for (deed, expect) in [
        (Deed::Cancel(theirs()), (Failed, true, false, false)),
        (Deed::Terminate(theirs()), (Failed, false, true, false)),
        (Deed::Fail(theirs()), (Failed, false, false, false)),
    ] {
        let mut state = state([Job::new("a").when(After::Described(1), deed)]);
        look(&mut state, "a");
        stop(&mut state, "a", Cancel, CancelLag::None);
        check(&state, "a", expect);
        assert_eq!(state.view("a").unwrap().status_reason, Some(theirs()));
    }
}

#[test]
fn the_cancel_of_others_has_the_lag_of_any_and_the_look_before_does_not_count() {
    let mut state = state([Job::new("a").when(After::Described(1), Deed::Cancel(theirs()))]);
    state.set_lag(CancelLag::Polls(1));
    look(&mut state, "a");
    check(&state, "a", (Runnable, true, false, false));
    look(&mut state, "a");
    check(&state, "a", (Failed, true, false, false));
}

#[test]
fn events_set_off_at_once_follow_the_order_in_which_they_were_added() {
    let mut state = state([Job::new("a")
        .when(After::Described(1), Deed::Terminate(theirs()))
        .when(After::Described(1), Deed::Move(Running))
        .when(After::Described(1), Deed::Move(Starting))
        .lag(CancelLag::Polls(9))]);
    look(&mut state, "a");
    check(&state, "a", (Starting, false, true, false));
}

#[test]
fn a_job_is_tried_again_until_its_attempts_are_used_up() {
    let mut state = state([
        Job::new("a").status(Running).started_at(7).attempts(2),
        Job::new("next").status(Pending).depends_on(["a"]),
    ]);
    let fail = |state: &mut State| state.act("a", Deed::Fail(theirs()), NOW);
    fail(&mut state);
    check(&state, "a", (Runnable, false, false, false));
    check(&state, "next", (Pending, false, false, false));
    let job = state.view("a").unwrap();
    assert_eq!((job.started_at, job.stopped_at, job.status_reason), (None, None, None));
    let first = &state.record(Slot(0)).attempts[0];
    assert_eq!((first.started_at, first.stopped_at, &first.status_reason), (Some(7), NOW, &theirs()));
    state.act("a", Deed::Move(Starting), NOW);
    fail(&mut state);
    check(&state, "a", (Failed, false, false, false));
    check(&state, "next", (Failed, false, false, false));
    assert_eq!(state.view("a").unwrap().attempts, 2);
}

#[test]
fn a_stopped_job_and_one_that_never_started_are_not_tried_again() {
    let mut state = state(["a", "b", "c"].map(|id| Job::new(id).status(Running).attempts(9)));
    state.act("c", Deed::Move(Runnable), NOW);
    stop(&mut state, "a", Terminate, CancelLag::None);
    stop(&mut state, "b", Terminate, CancelLag::Polls(9));
    for id in ["b", "c"] {
        state.act(id, Deed::Fail(theirs()), NOW);
    }
    check(&state, "a", (Failed, false, true, true));
    check(&state, "b", (Failed, false, true, false));
    check(&state, "c", (Failed, false, false, false));
    assert_eq!(state.view("c").unwrap().attempts, 0);
}

#[test]
fn an_array_fails_by_its_living_children() {
    let mut state = state([Job::new("p").array([Running, Succeeded, Runnable])]);
    state.act("p", Deed::Fail(theirs()), NOW);
    for (id, status) in [("p:0", Failed), ("p:1", Succeeded), ("p:2", Failed), ("p", Failed)] {
        check(&state, id, (status, false, false, false));
    }
}

#[test]
fn an_ended_job_can_disappear() {
    let mut state = state([Job::new("p").array([Failed]), Job::new("a").status(Succeeded), Job::new("b")]);
    for id in ["p", "a", "b"] {
        assert!(state.act(id, Deed::Expire, NOW));
    }
    let left: Vec<_> = state.views().into_iter().map(|job| job.id).collect();
    assert_eq!(left, ["b"]);
    assert_eq!(state.jobs().len(), 1);
    assert_eq!(state.find(&["a", "p:0", "p"]), []);
    assert!(!state.act("a", Deed::Expire, NOW));
    check_list(&mut state, Scope::Queue("default".to_owned()), None, &["b"]);
    state.add(Job::new("a"), NOW);
    check(&state, "a", (Runnable, false, false, false));
}

#[test]
fn a_look_shows_known_jobs_once_in_the_order_asked() {
    let state = state([Job::new("a"), Job::new("b")]);
    let ids = ["b", "gone", "a", "b"].map(str::to_owned);
    assert_eq!(state.find(&ids), [Slot(1), Slot(0)]);
}

#[test]
fn jobs_read_back_can_be_added_again() {
    let jobs = [
        Job::new("a").status(Running).tag("k", "v"),
        Job::new("p").array([Running, Failed]),
        Job::new("ended").array([Failed]).status(Failed).status_reason("ours"),
    ];
    let once = state(jobs).jobs();
    assert_eq!(state(once.clone()).jobs(), once);
}

const ROOT: &str = "arn:aws:batch:r:1";

#[track_caller]
fn check_list(state: &mut State, scope: Scope, filter: Option<Filter>, expect: &[&str]) {
    let query = ListQuery { scope, status: None, filter, limit: 100, after: None };
    let (slots, next) = state.list(&query, ROOT, NOW);
    let ids: Vec<_> = slots.iter().map(|&s| &state.record(s).job.id).collect();
    assert_eq!(ids, expect, "{query:?}");
    assert_eq!(next, None);
}

#[test]
fn lists_show_a_queue_an_array_or_a_multi_node_job() {
    let mut state = state([
        Job::new("a").queue("q").created_at(1),
        Job::new("b").queue(format!("{ROOT}:job-queue/q")).created_at(2),
        Job::new("c").queue("other"),
        Job::new("p").queue("q").created_at(0).array([Running, Failed]),
        Job::new("m#0").queue("q"),
    ]);
    let queue = |q: &str| Scope::Queue(q.to_owned());
    check_list(&mut state, queue("q"), None, &["b", "a", "p"]);
    check_list(&mut state, queue(&format!("{ROOT}:job-queue/q")), None, &["b", "a", "p"]);
    check_list(&mut state, queue("arn:aws:batch:r:2:job-queue/q"), None, &[]);
    check_list(&mut state, Scope::Array("p".to_owned()), None, &["p:0", "p:1"]);
    check_list(&mut state, Scope::Array("a".to_owned()), None, &[]);
    check_list(&mut state, Scope::MultiNode("m".to_owned()), None, &["m#0"]);
}

#[test]
fn a_new_job_is_left_out_until_asked_for_often_enough_or_long_enough() {
    let seen = |state: &mut State, now| {
        let slots = state.look(&["a", "b"], now);
        slots.iter().map(|&slot| state.record(slot).job.id.clone()).collect::<Vec<_>>()
    };
    let queue = || Scope::Queue("default".to_owned());
    let mut state = state([
        Job::new("a").shown_after(Lag::Polls(3)),
        Job::new("b").shown_after(Lag::For(Duration::from_millis(10))),
    ]);
    assert_eq!(seen(&mut state, NOW), [""; 0]);
    check_list(&mut state, Scope::Queue("other".to_owned()), None, &[]);
    check_list(&mut state, queue(), None, &[]);
    assert_eq!(seen(&mut state, NOW + 9), [""; 0]);
    assert_eq!(seen(&mut state, NOW + 9), ["a"]);
    check_list(&mut state, queue(), None, &["a"]);
    assert_eq!(seen(&mut state, NOW + 10), ["a", "b"]);
}

#[test]
fn a_job_left_out_is_stopped_as_any_other() {
    let mut state = state([Job::new("a").shown_after(Lag::Polls(9))]);
    stop(&mut state, "a", Cancel, CancelLag::None);
    check(&state, "a", (Failed, true, false, true));
    assert_eq!(state.look(&["a"], NOW), []);
}

#[test]
fn filters_match_as_documented() {
    let definition = format!("{ROOT}:job-definition/etl:2");
    let mut state = state([
        Job::new("a").name("Etl").created_at(30).share("s"),
        Job::new("b").name("etl-2").created_at(20).definition(&definition),
        Job::new("c").name("x").created_at(10).definition("etl:1"),
    ]);
    let one = |text: &str| vec![text.to_owned()];
    for (filter, expect) in [
        (Filter::Name(one("ETL")), &["a"][..]),
        (Filter::Name(one("eTl*")), &["a", "b"]),
        (Filter::Definition(one("etl")), &["b", "c"]),
        (Filter::Definition(one("et*")), &["b", "c"]),
        (Filter::Definition(one("ETL")), &[]),
        (Filter::Definition(one(&definition)), &["b"]),
        (Filter::CreatedBefore(20), &["c"]),
        (Filter::CreatedAfter(20), &["a"]),
        (Filter::Share(one("s")), &["a"]),
    ] {
        check_list(&mut state, Scope::Queue("default".to_owned()), Some(filter), expect);
    }
}

#[test]
fn pages_neither_repeat_nor_skip_when_jobs_move_between_them() {
    let mut state = state((0..5).map(|n| Job::new(format!("{n}")).created_at(-n / 2)));
    let mut query = ListQuery {
        scope: Scope::Queue("default".to_owned()),
        status: Some(Runnable),
        filter: None,
        limit: 2,
        after: None,
    };
    let mut pages = Vec::new();
    loop {
        let (slots, next) = state.list(&query, ROOT, NOW);
        pages.push(slots.iter().map(|s| s.0).collect::<Vec<_>>());
        state.act("0", Deed::Move(Running), NOW);
        query.after = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![0, 1], vec![2, 3], vec![4]]);
}
