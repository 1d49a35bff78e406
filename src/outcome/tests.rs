use proptest::prelude::*;

use super::*;
use Action::{Cancel, Terminate};

const OURS: &str = "Superseded by run 42.";

fn wish(action: Action) -> Wish {
    Wish { action, reason: Reason::new(OURS).unwrap(), dry_run: false }
}

/// A look written as `STATUS [marks] [reason]`, or as `missing`, `not-shown` or `unseen`. The marks are some of `c`
/// (cancelled) and `t` (terminated), `-` for none, or `no-marks` where Batch sends none; the reason is `ours`, `blank`
/// or any other word.
fn look(text: &str) -> Look {
    let mut words = text.split(' ');
    let status = words.next().unwrap();
    let marks = words.next().unwrap_or("-");
    let mark = |letter| (marks != "no-marks").then(|| marks.contains(letter));
    match status {
        "missing" => Look::Missing,
        "not-shown" => Look::NotShown,
        "unseen" => Look::Unseen("500".into()),
        status => Look::Seen(Snapshot {
            status_reason: words.next().map(|whose| match whose {
                "ours" => OURS.into(),
                "blank" => "".into(),
                other => other.into(),
            }),
            is_cancelled: mark('c'),
            is_terminated: mark('t'),
            ..Snapshot::of(JobStatus::from(status))
        }),
    }
}

/// What became of the calls: `none`, `accepted`, `unknown`, `failed` or `refused`.
fn call(text: &str) -> Call {
    match text {
        "none" => Call::NotMade,
        "accepted" => Call::Accepted,
        "unknown" => Call::Unknown("timed out".into()),
        "failed" => Call::Failed { error: "429".into(), refused: false },
        "refused" => Call::Failed { error: "403".into(), refused: true },
        other => panic!("{other}"),
    }
}

#[test]
fn decides_by_where_the_job_stands() {
    use Outcome::*;
    let check = |before: &str, action, expected: Option<Outcome>| {
        let told = judge(&wish(action), &look(before)).map(|verdict| verdict.outcome);
        assert_eq!(told, expected, "{before}, {action:?}");
    };
    for waiting in ["SUBMITTED", "PENDING", "RUNNABLE", "PENDING c ours", "HIBERNATING"] {
        check(waiting, Cancel, None);
        check(waiting, Terminate, None);
    }
    for started in ["STARTING", "RUNNING", "RUNNING c"] {
        check(started, Cancel, Some(Started));
        check(started, Terminate, None);
    }
    for action in [Cancel, Terminate] {
        check("SUCCEEDED", action, Some(Finished));
        check("SUCCEEDED c ours", action, Some(Finished));
        check("FAILED - other", action, Some(Finished));
        check("FAILED - ours", action, Some(Finished));
        check("FAILED c other", action, Some(Finished));
        check("FAILED c", action, Some(Finished));
        check("FAILED t", action, Some(Finished));
        // Not seen alive, and nothing marks it.
        check("FAILED no-marks ours", action, Some(Finished));
        check("missing", action, Some(NotFound));
        check("not-shown", action, Some(Unavailable));
        check("unseen", action, None);
    }
    // The request comes again and finds its own work.
    check("FAILED c ours", Cancel, Some(Cancelled));
    check("FAILED t ours", Terminate, Some(Terminated));
    check("FAILED c ours", Terminate, Some(Terminated));
    check("FAILED t ours", Cancel, Some(Cancelled));
}

#[test]
fn a_dry_run_never_acts_nor_takes_anything_for_its_work() {
    use Outcome::*;
    let check = |before: &str, action, expected| {
        let wish = Wish { dry_run: true, ..wish(action) };
        let verdict = judge(&wish, &look(before)).unwrap_or_else(|| panic!("{before}: a dry run acts"));
        assert_eq!(verdict.outcome, expected, "{before}");
    };
    check("RUNNABLE", Cancel, WouldCancel);
    check("RUNNABLE", Terminate, WouldTerminate);
    check("RUNNING", Cancel, Started);
    check("RUNNING", Terminate, WouldTerminate);
    check("SUCCEEDED", Cancel, Finished);
    check("FAILED c ours", Cancel, Finished);
    check("FAILED t ours", Terminate, Finished);
    check("missing", Cancel, NotFound);
    check("not-shown", Cancel, Unavailable);
    check("unseen", Cancel, Unavailable);
}

/// `before | call | now` → the claim.
#[track_caller]
fn check(action: Action, row: &str, claims: fn(Verdict) -> Claim, outcome: Outcome) -> String {
    let [before, made, now] = row.split(" | ").collect::<Vec<_>>()[..] else {
        panic!("{row}");
    };
    let claim = claim(&wish(action), &look(before), &call(made), &look(now));
    let verdict = claim.clone().into_verdict();
    assert_eq!(verdict.outcome, outcome, "{action:?}: {row}");
    assert_eq!(claim, claims(verdict.clone()), "{action:?}: {row}");
    verdict.why.unwrap_or_default()
}

#[test]
fn a_failed_job_is_this_requests_work_by_its_reason() {
    use Claim::Final;
    use Outcome::*;
    for made in ["accepted", "unknown", "refused", "failed"] {
        for (action, done) in [(Cancel, Cancelled), (Terminate, Terminated)] {
            for before in ["RUNNABLE", "RUNNABLE c", "unseen", "not-shown", "missing"] {
                check(action, &format!("{before} | {made} | FAILED c ours"), Final, done);
                check(action, &format!("{before} | {made} | FAILED t ours"), Final, done);
                check(action, &format!("{before} | {made} | FAILED - ours"), Final, Finished);
                for marks in ["-", "c", "t", "ct", "no-marks"] {
                    let row = format!("{before} | {made} | FAILED {marks} other");
                    let why = check(action, &row, Final, Finished);
                    assert!(why.contains("other"), "{row}: {why}");
                }
            }
            // A Batch that sends no marks must have shown it alive.
            check(action, &format!("RUNNABLE no-marks | {made} | FAILED no-marks ours"), Final, done);
            check(action, &format!("unseen | {made} | FAILED no-marks ours"), Final, Finished);
            check(action, &format!("not-shown | {made} | FAILED no-marks ours"), Final, Finished);
        }
    }
}

#[test]
fn without_a_reason_only_an_accepted_call_and_its_own_new_mark_prove_it() {
    use Claim::Final;
    use Outcome::*;
    check(Cancel, "RUNNABLE | accepted | FAILED c", Final, Cancelled);
    check(Terminate, "RUNNING | accepted | FAILED t", Final, Terminated);
    check(Terminate, "RUNNING c | accepted | FAILED ct", Final, Terminated);
    check(Cancel, "RUNNABLE | accepted | FAILED c blank", Final, Cancelled);
    check(Cancel, "RUNNABLE | unknown | FAILED c blank", Final, Finished);
    // The other verb's mark, an old one, one that may be old, one after a call that was not accepted.
    check(Cancel, "RUNNABLE | accepted | FAILED t", Final, Finished);
    check(Terminate, "RUNNABLE | accepted | FAILED c", Final, Finished);
    check(Cancel, "RUNNABLE c | accepted | FAILED c", Final, Finished);
    check(Cancel, "unseen | accepted | FAILED c", Final, Finished);
    check(Cancel, "RUNNABLE | unknown | FAILED c", Final, Finished);
    check(Cancel, "RUNNABLE | refused | FAILED c", Final, Finished);
    check(Cancel, "RUNNABLE | accepted | FAILED -", Final, Finished);
    check(Cancel, "RUNNABLE no-marks | accepted | FAILED no-marks", Final, Finished);
    // It was marked, but started all the same, and ended otherwise.
    let ran = Look::Seen(Snapshot { started_at: Some(1), ..look("FAILED c").snapshot().unwrap().clone() });
    let told = claim(&wish(Cancel), &look("RUNNABLE"), &call("accepted"), &ran);
    assert_eq!(told.into_verdict().outcome, Finished);
}

#[test]
fn why_an_end_is_not_this_requests_work_is_said() {
    let check = |dry_run, seen: &str, why: &str| {
        let verdict = judge(&Wish { dry_run, ..wish(Cancel) }, &look(seen)).unwrap();
        assert_eq!(verdict, Verdict::because(Outcome::Finished, why), "{seen}, dry run: {dry_run}");
    };
    for dry_run in [false, true] {
        check(dry_run, "FAILED c", "Batch gives no reason for its end");
        check(dry_run, "FAILED c blank", "Batch gives no reason for its end");
        check(dry_run, "FAILED c other", "its end has another reason: other");
    }
    check(false, "FAILED - ours", "it carries this reason, but nothing shows that it was stopped for it");
    check(true, "FAILED c ours", "by a request with this reason");
}

#[test]
fn a_job_that_lives_is_under_way_only_if_batch_accepted_the_call() {
    use Claim::{Final, Late, Soon};
    use Outcome::*;
    // Started before the cancel came.
    for made in ["accepted", "unknown", "failed"] {
        for now in ["STARTING", "RUNNING", "RUNNING c ours"] {
            check(Cancel, &format!("RUNNABLE | {made} | {now}"), Final, Started);
        }
    }
    check(Cancel, "RUNNABLE | accepted | SUCCEEDED", Final, Finished);
    // Marked, or waiting.
    assert_eq!(check(Cancel, "RUNNABLE | accepted | RUNNABLE c ours", Soon, Cancelling), "");
    let waits = check(Cancel, "RUNNABLE | accepted | RUNNABLE", Soon, Cancelling);
    assert_eq!(waits, "Batch accepted it; the job is still RUNNABLE");
    check(Cancel, "RUNNABLE c | accepted | RUNNABLE c", Soon, Cancelling);
    check(Cancel, "unseen | accepted | SUBMITTED", Soon, Cancelling);
    check(Cancel, "PENDING | accepted | PENDING", Soon, Cancelling);
    check(Cancel, "PENDING | accepted | PENDING c", Late, Cancelling);
    check(Terminate, "PENDING c | accepted | PENDING ct", Late, Terminating);
    check(Terminate, "RUNNING | accepted | RUNNING t", Soon, Terminating);
    // Started, and nothing shows that it will end.
    check(Terminate, "RUNNING | accepted | RUNNING", Soon, Accepted);
    check(Terminate, "RUNNING | accepted | RUNNING c", Soon, Accepted);
    check(Terminate, "RUNNING t | accepted | RUNNING t", Soon, Accepted);
    check(Terminate, "unseen | accepted | RUNNING t", Soon, Accepted);
    // No answer: whatever mark there is may be another's.
    for now in ["RUNNABLE", "RUNNABLE c", "PENDING", "PENDING c"] {
        check(Cancel, &format!("RUNNABLE | unknown | {now}"), Soon, Unavailable);
    }
    for now in ["RUNNING", "RUNNING c", "RUNNING t"] {
        check(Terminate, &format!("RUNNING | unknown | {now}"), Soon, Unavailable);
    }
    check(Cancel, "RUNNABLE | failed | RUNNABLE", Soon, Unavailable);
    check(Cancel, "RUNNABLE | refused | RUNNABLE", Soon, Refused);
}

#[test]
fn a_job_that_is_not_seen_is_told_by_what_became_of_the_call() {
    use Claim::{Final, Soon};
    use Outcome::*;
    for now in ["unseen", "not-shown", "missing"] {
        check(Cancel, &format!("RUNNABLE | accepted | {now}"), Soon, Accepted);
        check(Cancel, &format!("RUNNABLE | unknown | {now}"), Soon, Unavailable);
        check(Cancel, &format!("RUNNABLE | refused | {now}"), Soon, Refused);
        check(Cancel, &format!("RUNNABLE | none | {now}"), Soon, NotAttempted);
    }
    check(Cancel, "unseen | accepted | unseen", Soon, Accepted);
    check(Cancel, "unseen | accepted | not-shown", Soon, Accepted);
    check(Cancel, "unseen | accepted | missing", Final, NotFound);
    check(Cancel, "unseen | unknown | missing", Final, NotFound);
}

#[test]
fn a_failure_is_remembered_for_what_it_may_have_done() {
    use FailureKind::*;
    let after = |first: &str, kinds: &[FailureKind]| {
        let mut call = call(first);
        for kind in kinds {
            call.failed(&CallError::new(*kind));
        }
        match call {
            Call::NotMade => "none",
            Call::Accepted => "accepted",
            Call::Unknown(_) => "unknown",
            Call::Failed { refused: false, .. } => "failed",
            Call::Failed { refused: true, .. } => "refused",
        }
    };
    for (first, kinds, expected) in [
        ("none", &[][..], "none"),
        ("none", &[Throttled], "failed"),
        ("none", &[Unreached, TurnedAway], "failed"),
        ("none", &[Throttled, Denied], "refused"),
        ("none", &[Refused], "refused"),
        // It may have been carried out, whatever is said later.
        ("none", &[Server], "unknown"),
        ("none", &[Timeout, Denied], "unknown"),
        ("none", &[Refused, Connection, Throttled], "unknown"),
        // What was accepted once stays so.
        ("accepted", &[Server, Refused], "accepted"),
    ] {
        assert_eq!(after(first, kinds), expected, "{first}, {kinds:?}");
    }
}

/// Every look there is, every call, and every wish.
fn any_look() -> impl Strategy<Value = Look> {
    let status = prop::sample::select(vec![
        "SUBMITTED",
        "PENDING",
        "RUNNABLE",
        "STARTING",
        "RUNNING",
        "SUCCEEDED",
        "FAILED",
        "HIBERNATING",
    ]);
    let mark = || prop::option::of(any::<bool>());
    let reason = prop::sample::select(vec![None, Some(""), Some(OURS), Some("Another.")]);
    let seen = (status, mark(), mark(), reason).prop_map(|(status, is_cancelled, is_terminated, reason)| {
        let status_reason = reason.map(Into::into);
        Look::Seen(Snapshot { status_reason, is_cancelled, is_terminated, ..Snapshot::of(status.into()) })
    });
    prop_oneof![
        6 => seen,
        1 => prop::sample::select(vec!["missing", "not-shown", "unseen"]).prop_map(look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn nothing_is_ever_claimed_against_the_evidence(
        before in any_look(),
        made in prop::sample::select(vec!["none", "accepted", "unknown", "failed", "refused"]),
        now in any_look(),
        action in prop::sample::select(vec![Cancel, Terminate]),
        dry_run in any::<bool>(),
    ) {
        let wish = Wish { dry_run, ..wish(action) };
        let judged = judge(&wish, &now);
        let claimed = claim(&wish, &before, &call(made), &now).into_verdict();
        for outcome in judged.iter().chain([&claimed]).map(|verdict| verdict.outcome) {
            let seen = now.snapshot();
            match outcome {
                Outcome::Cancelled | Outcome::Terminated => {
                    let seen = seen.unwrap();
                    prop_assert!(!dry_run);
                    prop_assert_eq!(&seen.status, &JobStatus::Failed);
                    let reason = seen.status_reason.as_deref();
                    prop_assert!(matches!(reason, None | Some("")) || reason == Some(OURS));
                    prop_assert!(seen.is_marked() || seen.has_no_marks());
                }
                Outcome::Cancelling | Outcome::Terminating => {
                    prop_assert_eq!(made, "accepted");
                    prop_assert!(!seen.unwrap().status.has_ended());
                }
                Outcome::Accepted => prop_assert_eq!(made, "accepted"),
                Outcome::Finished => prop_assert!(seen.unwrap().status.has_ended()),
                Outcome::Started => {
                    prop_assert!(seen.unwrap().status.has_started());
                    prop_assert_eq!(action, Cancel);
                }
                Outcome::NotFound => prop_assert_eq!(&now, &Look::Missing),
                Outcome::Refused => prop_assert_eq!(made, "refused"),
                _ => {}
            }
            if seen.is_some_and(|seen| seen.status.has_ended()) {
                prop_assert!(matches!(outcome, Outcome::Cancelled | Outcome::Terminated | Outcome::Finished));
            }
        }
        prop_assert!(judged.is_some() || !dry_run, "a dry run never acts");
    }
}

#[test]
fn every_outcome_is_listed_once_and_written_as_it_is_named() {
    for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome as usize, place);
        assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{}\"", outcome.as_str()));
    }
}
