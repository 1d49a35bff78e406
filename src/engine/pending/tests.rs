use super::*;
use crate::batch::FailureKind;
use crate::guard::Guard;
use crate::job::{JobStatus, Snapshot};
use crate::outcome::Wish;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Outcomes in the order in which they were told, with what was said of them.
#[derive(Default)]
struct Told(Vec<(Outcome, String)>);

impl Sink for Told {
    fn settled(&mut self, result: JobResult<'_>) {
        self.0.push((result.verdict.outcome, result.verdict.why.clone().unwrap_or_default()));
    }
}

impl Told {
    fn outcomes(&self) -> String {
        self.0.iter().map(|(outcome, _)| outcome.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// A job with wishes such as `cancel a, terminate b, dry c`.
fn job(wishes: &str) -> Box<Pending> {
    let wish = |(delivery, wish): (usize, &str)| {
        let (verb, reason) = wish.split_once(' ').unwrap();
        let action = if verb == "terminate" { Action::Terminate } else { Action::Cancel };
        let wish = Wish { action, reason: Reason::new(reason).unwrap(), dry_run: verb == "dry" };
        Ordered { wish, delivery, place: 0, clause: None }
    };
    let wishes = wishes.split(", ").filter(|wish| !wish.is_empty()).enumerate().map(wish).collect();
    Pending::new(Order { id: JobId::from("job"), wishes, seen: None })
}

/// A job as seen: a status, then `marked` or a reason.
fn seen(text: &str) -> Look {
    let (status, more) = text.split_once(' ').unwrap_or((text, ""));
    Look::Seen(Snapshot {
        is_cancelled: Some(!more.is_empty()),
        is_terminated: Some(false),
        status_reason: (!more.is_empty() && more != "marked").then(|| more.into()),
        ..Snapshot::of(JobStatus::from(status))
    })
}

fn looked(job: &mut Pending, look: Look, told: &mut Told) -> bool {
    job.looked(look, Duration::ZERO);
    let goes_on = job.judge(&Guard::new(None, &[], false, || 0), None, told);
    job.ask();
    goes_on
}

/// A job that was seen RUNNABLE and is to be cancelled.
fn to_be_cancelled() -> Box<Pending> {
    let mut job = job("cancel a");
    assert!(looked(&mut job, seen("RUNNABLE"), &mut Told::default()));
    job
}

#[test]
fn a_look_settles_what_needs_no_call_and_the_strongest_wish_is_asked_for() {
    let check = |wishes: &str, look: Look, told_then: &str, asks: &str| {
        let (mut job, mut told) = (job(wishes), Told::default());
        let goes_on = looked(&mut job, look, &mut told);
        assert_eq!(told.outcomes(), told_then, "{wishes}");
        let lane = match job.lane() {
            Lane::Act(action, reason) => format!("{} {}", action.as_str(), reason.as_str()),
            lane => format!("{lane:?}"),
        };
        assert_eq!((goes_on, &*lane), (asks != "Look", asks), "{wishes}");
    };
    check("cancel a", seen("RUNNABLE"), "", "cancel a");
    check("cancel a, cancel b", seen("RUNNABLE"), "", "cancel a");
    check("cancel a, terminate b, terminate c", seen("RUNNABLE"), "", "terminate b");
    check("dry a, cancel b", seen("RUNNABLE"), "would_cancel", "cancel b");
    check("dry a", seen("RUNNABLE"), "would_cancel", "Look");
    check("cancel a, terminate b", seen("RUNNING"), "started", "terminate b");
    check("cancel a, cancel b", seen("FAILED a"), "cancelled finished", "Look");
    check("cancel a, dry b", Look::Missing, "not_found not_found", "Look");
    check("dry a, cancel b", Look::Unseen("500".into()), "unavailable", "cancel b");
}

#[test]
fn a_job_is_missing_only_if_it_was_asked_for_two_seconds_after_an_answer_left_it_out() {
    let mut job = job("cancel a");
    for (began, now, expected) in [
        (0, 100, Look::NotShown),
        (50, 150, Look::NotShown),
        // Asked for too early, however late the answer.
        (2_099, 9_000, Look::NotShown),
        (2_100, 2_200, Look::Missing),
    ] {
        assert_eq!(job.not_shown(ms(began), ms(now)), expected, "{began} {now}");
        assert_eq!(job.second_look(), ms(2_100));
    }
    // Once shown, it counts anew.
    looked(&mut job, seen("RUNNABLE"), &mut Told::default());
    assert_eq!(job.not_shown(ms(5_000), ms(5_100)), Look::NotShown);
    job.confirmed(seen("RUNNABLE"), ms(6_000), &mut Told::default());
    assert_eq!(job.not_shown(ms(9_000), ms(9_100)), Look::NotShown);
}

#[test]
fn a_child_that_is_shown_without_its_parent_is_not_missing() {
    let mut job = job("cancel a:0");
    assert_eq!(job.parent_not_shown(ms(0), ms(100)), Look::NotShown);
    assert_eq!(job.second_look(), ms(2_100));
    // The first answer that leaves itself out, however long its parent has been missing.
    assert_eq!(job.not_shown(ms(2_100), ms(2_200)), Look::NotShown);
    assert_eq!(job.second_look(), ms(4_200));
    let parent = Look::Unseen("DescribeJobs does not show its parent".into());
    assert_eq!(job.parent_not_shown(ms(4_200), ms(4_300)), parent);
    assert_eq!(job.not_shown(ms(4_400), ms(4_500)), Look::NotShown);
}

/// Looks after an accepted cancel at 1 s, which is watched for three seconds: when each comes, and what is told.
#[track_caller]
fn check_polls(looks: &str, expected: &[u64], told_then: &str) {
    let (mut job, mut told) = (to_be_cancelled(), Told::default());
    job.acted(true, ms(1_000), ms(3_000));
    let (mut now, mut times) = (ms(1_000), Vec::new());
    loop {
        match job.confirmed(seen(looks), now, &mut told) {
            Next::LookAt(due) => now = due,
            next => {
                assert_eq!(next, Next::Done);
                break;
            }
        }
        times.push(u64::try_from(now.as_millis()).unwrap());
        assert!(times.len() < 10, "{looks}: {times:?}");
    }
    assert_eq!((&*times, &*told.outcomes()), (expected, told_then), "{looks}");
}

#[test]
fn looks_after_acting_come_ever_later_and_the_last_when_the_time_is_up() {
    check_polls("FAILED a", &[], "cancelled");
    check_polls("RUNNING", &[], "started");
    check_polls("RUNNABLE", &[1_100, 1_300, 1_700, 2_500, 4_000], "cancelling");
    check_polls("RUNNABLE marked", &[1_100, 1_300, 1_700, 2_500, 4_000], "cancelling");
    // It waits for other jobs, which may take days.
    check_polls("PENDING marked", &[1_100, 1_300, 1_700, 1_750], "cancelling");
}

#[test]
fn an_odd_answer_after_acting_is_waited_out() {
    // Seen before: it is there, so the next look comes as any other.
    let mut job = to_be_cancelled();
    job.acted(true, ms(0), ms(3_000));
    let look = job.not_shown(ms(10), ms(20));
    assert_eq!(job.confirmed(look, ms(20), &mut Told::default()), Next::LookAt(ms(120)));
    // Never seen: it may not exist, which two looks tell.
    let mut job = self::job("cancel a");
    looked(&mut job, Look::Unseen("500".into()), &mut Told::default());
    job.acted(true, ms(0), ms(3_000));
    let look = job.not_shown(ms(10), ms(20));
    assert_eq!(job.confirmed(look, ms(20), &mut Told::default()), Next::LookAt(ms(2_100)));
    let (look, mut told) = (job.not_shown(ms(2_100), ms(2_120)), Told::default());
    assert_eq!(job.confirmed(look, ms(2_120), &mut told), Next::Done);
    assert_eq!(told.outcomes(), "not_found");
}

#[test]
fn failures_count_within_a_stage() {
    let mut job = job("cancel a");
    assert_eq!(job.failures(), (0, ms(0)));
    job.failed_alone(ms(10));
    job.failed_alone(ms(20));
    job.note(&CallError::new(FailureKind::Server));
    assert_eq!((job.failures(), &*job.last_failure()), ((2, ms(10)), "Server"));
    looked(&mut job, seen("RUNNABLE"), &mut Told::default());
    assert_eq!((job.failures().0, &*job.last_failure()), (0, ""));
    job.failed_alone(ms(30));
    assert_eq!(job.failures(), (1, ms(30)));
    job.acted(true, ms(40), ms(0));
    assert_eq!(job.failures().0, 0);
}

#[test]
fn a_job_whose_calls_failed_is_looked_at_once_before_it_goes_on() {
    let (mut job, mut told) = (to_be_cancelled(), Told::default());
    job.call_failed(&CallError::new(FailureKind::Throttled));
    assert!(!job.pause_to_look(), "nothing can have been carried out");
    job.call_failed(&CallError::new(FailureKind::Timeout));
    assert!(job.may_have_been_stopped() && job.pause_to_look());
    assert_eq!(job.confirmed(seen("RUNNABLE"), ms(100), &mut told), Next::Act);
    assert_eq!(job.lane(), Lane::Act(Action::Cancel, Reason::new("a").unwrap()));
    assert!(!job.pause_to_look(), "it was looked at");
    assert_eq!(job.confirmed(seen("FAILED a"), ms(100), &mut told), Next::Done);
    assert_eq!(told.outcomes(), "cancelled");
}

#[test]
fn a_look_in_between_that_cannot_be_taken_leaves_nothing_behind() {
    let (mut job, mut told) = (job("cancel a, terminate b"), Told::default());
    assert!(looked(&mut job, seen("PENDING"), &mut told));
    job.call_failed(&CallError::new(FailureKind::Timeout));
    assert!(job.pause_to_look());
    assert_eq!(job.stop_confirming("500", &mut told), Next::Act, "the cancel has not been asked for");
    job.acted(true, ms(0), ms(0));
    assert_eq!(job.confirmed(seen("PENDING"), ms(100), &mut told), Next::Done, "nor is it again");
    assert_eq!(told.outcomes(), "unavailable cancelling");
}

/// What is said of a job that no further call is made for, after calls that failed in these ways; `look` where it
/// is looked at before.
#[track_caller]
fn check_given_up(failures: &[FailureKind], expected: &str, why: &str) {
    let (mut job, mut told) = (to_be_cancelled(), Told::default());
    for kind in failures {
        job.attempts += 1;
        job.call_failed(&CallError::new(*kind));
    }
    let next = job.stop_acting("500", ms(0), &mut told);
    let outcome = if next == Next::Done { told.outcomes() } else { "look".into() };
    assert_eq!(outcome, expected, "{failures:?}");
    let said = told.0.first().map_or("", |(_, why)| why);
    assert_eq!(said, why, "{failures:?}");
}

#[test]
fn a_job_that_is_given_up_is_looked_at_if_a_call_may_have_been_carried_out() {
    use FailureKind::*;
    check_given_up(&[], "unavailable", "not tried, since Batch kept failing (500)");
    check_given_up(&[Throttled], "unavailable", "Throttled");
    check_given_up(&[Throttled, Refused], "refused", "Refused");
    check_given_up(&[Refused, Throttled], "unavailable", "Throttled");
    check_given_up(&[Timeout], "look", "");
    check_given_up(&[Timeout, Denied], "look", "");
    // It was tried, and nothing was said of it.
    let (mut job, mut told) = (to_be_cancelled(), Told::default());
    job.attempts = 1;
    assert_eq!(job.stop_acting("500", ms(0), &mut told), Next::Done);
    assert_eq!(told.0, [(Outcome::Unavailable, "500".into())]);
}

#[test]
fn a_cancel_is_asked_for_where_a_terminate_is_refused() {
    let (mut job, mut told) = (job("cancel a, terminate b, cancel c"), Told::default());
    assert!(looked(&mut job, seen("RUNNABLE"), &mut told));
    assert_eq!(job.lane(), Lane::Act(Action::Terminate, Reason::new("b").unwrap()));
    job.attempts = 1;
    job.call_failed(&CallError::new(FailureKind::Denied));
    assert_eq!(job.stop_acting("", ms(0), &mut told), Next::Act);
    assert_eq!(told.outcomes(), "refused");
    assert_eq!(job.lane(), Lane::Act(Action::Cancel, Reason::new("a").unwrap()));
    job.acted(true, ms(0), ms(0));
    assert_eq!(job.confirmed(seen("FAILED a"), ms(100), &mut told), Next::Done);
    assert_eq!(told.outcomes(), "refused cancelled finished");
}

#[test]
fn what_became_of_a_terminate_is_not_told_of_the_cancel_that_comes_after_it() {
    let check = |failure, next, expected: &str| {
        let (mut job, mut told) = (job("cancel a, terminate b"), Told::default());
        assert!(looked(&mut job, seen("RUNNABLE"), &mut told));
        job.attempts = 1;
        job.call_failed(&CallError::new(failure));
        let paused = job.pause_to_look();
        let goes_on = if paused {
            job.stop_confirming("500", &mut told)
        } else {
            job.stop_acting("", ms(0), &mut told)
        };
        assert_eq!(goes_on, Next::Act, "{failure:?}");
        // The cancel is given up before it is tried.
        assert_eq!(job.stop_acting("500", ms(0), &mut told), next, "{failure:?}");
        assert_eq!(told.outcomes(), expected, "{failure:?}");
    };
    check(FailureKind::Denied, Next::Done, "refused unavailable");
    // The terminate may have been carried out.
    check(FailureKind::Timeout, Next::LookAt(ms(0)), "unavailable");
}

#[test]
fn a_job_that_is_denied_as_all_others_are_is_not_tried_and_a_cancel_is_asked_for_instead() {
    let check = |attempts, tried: &str| {
        let (mut job, mut told) = (job("cancel a, terminate b"), Told::default());
        assert!(looked(&mut job, seen("RUNNABLE"), &mut told));
        job.attempts = attempts;
        assert_eq!(job.not_tried("403", &mut told), Next::Act);
        assert_eq!(
            told.0,
            [(Outcome::Refused, format!("{tried}, since one job after the other was denied (403)"))]
        );
        assert_eq!(job.not_tried("403", &mut told), Next::Done);
    };
    check(0, "not tried");
    check(1, "not tried again");
}

#[test]
fn what_was_shown_after_acting_is_not_missing_when_an_answer_leaves_it_out() {
    for later in [Look::NotShown, Look::Missing] {
        let (mut job, mut told) = (job("cancel a"), Told::default());
        assert!(looked(&mut job, Look::Unseen("500".into()), &mut told));
        job.acted(true, ms(0), ms(300));
        assert!(matches!(job.confirmed(seen("PENDING"), ms(10), &mut told), Next::LookAt(_)));
        job.confirmed(later, ms(300), &mut told);
        assert_eq!(told.outcomes(), "cancelling");
    }
}

#[test]
fn a_request_in_whose_place_anothers_call_was_made_is_told_so() {
    let (mut job, mut told) = (job("cancel a, cancel b"), Told::default());
    assert!(looked(&mut job, seen("PENDING"), &mut told));
    job.acted(true, ms(0), ms(0));
    job.confirmed(seen("PENDING marked"), ms(10), &mut told);
    assert_eq!(told.outcomes(), "cancelling cancelling");
    assert_eq!(told.0[0].1, "");
    assert!(told.0[1].1.ends_with("that another request asked for: a"), "{}", told.0[1].1);
    // So is one that wished for less, for the same reason; but not where the job has ended.
    for (now, others) in [("PENDING marked", true), ("SUCCEEDED", false)] {
        let (mut job, mut told) = (self::job("cancel a, terminate a"), Told::default());
        assert!(looked(&mut job, seen("PENDING"), &mut told));
        job.acted(true, ms(0), ms(0));
        job.confirmed(seen(now), ms(10), &mut told);
        assert_eq!(told.0[0].1.contains("the terminate that another"), others, "{now}: {:?}", told.0);
        assert!(!told.0[1].1.contains("another request"), "{now}: {:?}", told.0);
    }
}

/// What is said when the time is up in this stage, after so many calls to stop the job and this failure.
#[track_caller]
fn check_out_of_time(
    stage: Stage,
    attempts: u32,
    failure: Option<FailureKind>,
    under_way: bool,
    expected: (&str, &str),
) {
    let (mut job, mut told) =
        (if stage == Stage::Look { job("cancel a") } else { to_be_cancelled() }, Told::default());
    job.attempts = attempts;
    if stage == Stage::Confirm {
        job.acted(true, ms(0), ms(0));
    }
    if let Some(kind) = failure {
        job.note(&CallError::new(kind));
    }
    job.out_of_time(stage, under_way, &mut told);
    let (_, why) = told.0.first().unwrap();
    assert_eq!(
        (&*told.outcomes(), why.as_str()),
        expected,
        "{stage:?}, {attempts}, {failure:?}, {under_way}"
    );
}

#[test]
fn the_time_is_up() {
    use FailureKind::Server;
    let not_attempted = ("not_attempted", "the deadline came first");
    check_out_of_time(Stage::Look, 0, None, false, not_attempted);
    check_out_of_time(Stage::Look, 0, None, true, ("unavailable", "the deadline came first"));
    let after_failure = ("unavailable", "the deadline came first; the last answer was: Server");
    check_out_of_time(Stage::Look, 0, Some(Server), false, after_failure);
    check_out_of_time(Stage::Act, 0, None, false, not_attempted);
    let not_accepted = ("unavailable", "the deadline came before Batch had accepted it");
    check_out_of_time(Stage::Act, 1, None, true, not_accepted);
    check_out_of_time(Stage::Act, 1, None, false, not_accepted);
    let unseen =
        ("accepted", "Batch accepted the call, but it could not be looked at: the deadline came first");
    check_out_of_time(Stage::Confirm, 1, None, false, unseen);
}

#[test]
fn the_time_is_up_after_a_look() {
    let mut told = Told::default();
    // One that left it out.
    let mut job = job("cancel a");
    job.not_shown(ms(0), ms(10));
    job.out_of_time(Stage::Look, false, &mut told);
    // One after acting that showed it.
    let mut job = to_be_cancelled();
    job.acted(true, ms(0), ms(3_000));
    job.confirmed(seen("RUNNABLE marked"), ms(0), &mut told);
    job.out_of_time(Stage::Confirm, true, &mut told);
    assert_eq!(told.outcomes(), "unavailable cancelling");
}

#[test]
fn what_was_seen_last_is_told_when_no_further_look_is_taken() {
    let (mut job, mut told) = (to_be_cancelled(), Told::default());
    job.acted(true, ms(0), ms(3_000));
    assert_eq!(job.confirmed(seen("RUNNABLE marked"), ms(0), &mut told), Next::LookAt(ms(100)));
    job.stop_confirming("500", &mut told);
    assert_eq!(told.outcomes(), "cancelling");
}

#[test]
fn a_name_and_a_queue_are_held_once() {
    struct Last(Option<Snapshot>);
    impl Sink for Last {
        fn settled(&mut self, result: JobResult<'_>) {
            self.0 = result.after.cloned();
        }
    }
    let named = |status: &str| {
        let Look::Seen(seen) = seen(status) else { unreachable!() };
        Look::Seen(Snapshot { job_name: Some("etl".into()), job_queue: Some("q".into()), ..seen })
    };
    for (before, kept) in [(named("RUNNABLE"), false), (Look::Unseen("500".into()), true)] {
        let (mut job, mut last) = (job("cancel a"), Last(None));
        looked(&mut job, before, &mut Told::default());
        job.acted(true, ms(0), ms(0));
        job.confirmed(named("FAILED a"), ms(0), &mut last);
        let after = last.0.unwrap();
        assert_eq!((after.job_name.is_some(), after.job_queue.is_some()), (kept, kept));
    }
}

#[test]
fn a_job_that_any_look_showed_was_seen_also_without_its_parent() {
    assert!(to_be_cancelled().was_seen());
    let mut bare = job("cancel a");
    bare.not_shown(ms(0), ms(10));
    assert!(!bare.was_seen());
    bare.parent_not_shown(ms(20), ms(30));
    bare.not_shown(ms(2_040), ms(2_050));
    assert!(bare.was_seen(), "answers that leave it out take nothing back");
}
