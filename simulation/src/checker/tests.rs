//! The checker is not blind: each broken promise is noticed, and what is honest is not.

use std::sync::Arc;

use batch_canceller::request::{Action, Reason};
use batch_sim::{Change, Happening, JobStatus, StoppedBy, Verb};
use serde_json::json;

use super::calls::Item;
use super::{Checker, Delivery, End, Terms};
use crate::oracle::{By, Rules};
use crate::plan::{Ask, Want};
use crate::said::Line;

const OURS: &str = "ours";

/// One invocation, begun at 0, that gets message `m` with one request about job `a`.
struct Scene {
    checker: Checker,
}

impl Scene {
    fn new(action: Action, dry_run: bool) -> Self {
        let reason = Reason::new(OURS).unwrap();
        Self::of(Want {
            json: String::new(),
            ask: Some(Ask::new(vec!["a".to_owned()], action, reason, dry_run)),
        })
    }

    fn of(want: Want) -> Self {
        Self::under(None, want)
    }

    fn under(rules: Option<Rules>, want: Want) -> Self {
        let mut checker = Checker::new(Terms {
            has_marks: true,
            marks_at_once: true,
            max_in_flight: 2,
            max_jobs: 10,
            reserve: 1_000,
            watch: 3_000,
            rules: rules.map(Arc::new),
        });
        let wants: Arc<[Want]> = Arc::new([want]);
        let delivery =
            Delivery { id: "m".into(), request: 0, wants, only: None, group: None, by: By::default() };
        checker.begins(60_000, vec![delivery]);
        Self { checker }
    }

    fn at(&mut self, now: u64) -> &mut Self {
        self.checker.at(now);
        self
    }

    fn job(&mut self, at: u64, to: JobStatus, reason: Option<&str>, by: Option<StoppedBy>) -> &mut Self {
        let what = match to {
            JobStatus::Runnable => Happening::Added(to),
            _ => Happening::Moved { from: JobStatus::Runnable, to, reason: reason.map(Into::into), by },
        };
        self.checker.truth.note(Change { id: "a".to_owned(), at: 0, what }, at);
        self
    }

    fn stopped(&mut self, at: u64, reason: &str, caller: Option<u64>) -> &mut Self {
        self.job(at, JobStatus::Failed, Some(reason), Some(StoppedBy { verb: Verb::Cancel, caller }))
    }

    fn look(&mut self, began: u64, ended: u64, shown: Option<JobStatus>) -> &mut Self {
        self.at(began).checker.call_starts(0, 0, &["a".to_owned()], None);
        self.at(ended).checker.call_ends(0, began, None, &[("a".to_owned(), Item::Shown(shown))], false);
        self
    }

    fn stop(&mut self, call: u64, action: Action, reason: &str, item: Item) -> &mut Self {
        let began = self.checker.now;
        self.checker.call_starts(call, 0, &["a".to_owned()], Some((action, reason)));
        let failed = item == Item::Failed;
        self.checker.call_ends(0, began, Some(action), &[("a".to_owned(), item)], failed);
        self
    }

    fn says(&mut self, outcome: &str, attempts: u32) -> &mut Self {
        let ask = self.checker.invocations[0].deliveries[0].wants[0].ask.clone();
        let (action, dry_run) = ask.map_or(("cancel", false), |ask| (ask.action.as_str(), ask.dry_run));
        self.line(&json!({
            "timestamp": "2027-01-15T08:00:00Z", "message": "", "jobId": "a", "outcome": outcome, "action": action,
            "reason": OURS, "dryRun": dry_run, "attempts": attempts, "requestedBy": {"id": "m"},
        }))
    }

    fn line(&mut self, line: &serde_json::Value) -> &mut Self {
        let text = line.to_string();
        self.checker.line(0, &Line::parse(&text).unwrap());
        self
    }

    fn sums_up(&mut self, requested: u64, settled: u64) -> &mut Self {
        let calls = self.checker.invocations[0].calls;
        self.line(&json!({
            "timestamp": "", "message": "", "requested": requested, "settled": settled, "apiCalls": calls,
        }))
    }

    fn replies(&mut self, failures: &[&str]) -> &mut Self {
        let failures: Vec<_> = failures.iter().map(|id| json!({"itemIdentifier": id})).collect();
        let end = End::Replied(json!({"batchItemFailures": failures}).to_string());
        self.checker.ends(0, &end);
        self.checker.answered_batch(0, &end);
        self
    }

    /// That just this was noticed.
    #[track_caller]
    fn breaks(&self, promises: &[&str]) {
        let noticed: Vec<_> = self.checker.violations.iter().map(|violation| violation.promise).collect();
        assert_eq!(noticed, promises, "{:?}", self.checker.violations);
    }
}

const TRUE: &str = "nothing is claimed that is not so";

fn cancel() -> Scene {
    let mut scene = Scene::new(Action::Cancel, false);
    scene.job(0, JobStatus::Runnable, None, None);
    scene
}

#[test]
fn an_honest_cancel_breaks_nothing() {
    let mut scene = cancel();
    scene.look(0, 50, Some(JobStatus::Runnable)).stop(7, Action::Cancel, OURS, Item::Accepted);
    scene.stopped(50, OURS, Some(7)).look(60, 90, Some(JobStatus::Failed)).says("cancelled", 1);
    scene.sums_up(1, 1).replies(&[]);
    scene.breaks(&[]);
    assert!(scene.checker.ambiguities.is_empty());
}

#[test]
fn a_false_claim_to_have_stopped_a_job_is_noticed() {
    cancel().says("cancelled", 0).breaks(&[TRUE]);
    cancel().job(10, JobStatus::Running, None, None).at(20).says("cancelled", 0).breaks(&[TRUE]);
    cancel().stopped(10, "theirs", None).at(20).says("cancelled", 0).breaks(&[TRUE]);
    cancel().job(10, JobStatus::Failed, Some(OURS), None).at(20).says("cancelled", 0).breaks(&[TRUE]);
    cancel().stopped(10, OURS, Some(7)).at(20).says("terminated", 0).breaks(&[TRUE]);
    cancel().says("cancelling", 0).breaks(&[TRUE, TRUE]);
    cancel().says("accepted", 0).breaks(&[TRUE, TRUE]);
}

#[test]
fn another_person_with_the_same_reason_is_an_ambiguity_and_counted() {
    let mut scene = cancel();
    scene.stopped(10, OURS, None).at(20).says("cancelled", 0).breaks(&[]);
    assert_eq!(scene.checker.ambiguities.values().sum::<u64>(), 1);
}

#[test]
fn a_false_word_about_a_job_that_goes_on_or_has_ended_is_noticed() {
    cancel().says("finished", 0).breaks(&[TRUE]);
    cancel().says("started", 0).breaks(&[TRUE]);
    cancel().says("would_cancel", 0).breaks(&[TRUE]);
    cancel().says("refused", 0).breaks(&[TRUE]);
    cancel().says("gone", 0).breaks(&[TRUE]);
    let mut own = cancel();
    own.stop(7, Action::Cancel, OURS, Item::Accepted).stopped(0, OURS, Some(7));
    own.at(20).says("finished", 1).breaks(&[TRUE]);
    let mut refused = cancel();
    refused.stop(7, Action::Cancel, OURS, Item::Failed).stopped(0, OURS, Some(7));
    refused.stop(8, Action::Cancel, OURS, Item::Refused).at(20).says("refused", 2).breaks(&[TRUE]);
}

#[test]
fn not_found_takes_two_looks_two_seconds_apart_and_none_that_shows_it() {
    cancel().says("not_found", 0).breaks(&[TRUE]);
    cancel().look(0, 50, None).look(2_049, 2_100, None).says("not_found", 0).breaks(&[TRUE]);
    cancel().look(0, 50, None).look(2_050, 2_100, None).says("not_found", 0).breaks(&[]);
    let mut shown = cancel();
    shown.look(0, 50, Some(JobStatus::Runnable)).look(60, 70, None).look(2_070, 2_100, None);
    shown.says("not_found", 0).breaks(&[TRUE]);
    let mut again = cancel();
    again.look(0, 50, None).look(60, 70, Some(JobStatus::Runnable)).look(2_080, 2_100, None);
    again.says("not_found", 0).breaks(&[TRUE, TRUE]);
}

#[test]
fn a_write_that_nobody_wants_is_noticed() {
    const WANTED: &str = "only what is wanted is stopped";
    let dry = || {
        let mut scene = Scene::new(Action::Cancel, true);
        scene.job(0, JobStatus::Runnable, None, None);
        scene
    };
    dry().stop(7, Action::Cancel, OURS, Item::Accepted).breaks(&[WANTED]);
    dry().says("cancelled", 0).breaks(&["a dry run changes nothing", TRUE]);
    cancel().stop(7, Action::Terminate, OURS, Item::Accepted).breaks(&[WANTED]);
    cancel().stop(7, Action::Cancel, "theirs", Item::Accepted).breaks(&[WANTED]);
    let mut malformed = Scene::of(Want { json: String::new(), ask: None });
    malformed.stop(7, Action::Cancel, OURS, Item::Accepted);
    malformed.breaks(&["no call for what nobody asked for", WANTED]);
}

#[test]
fn calls_in_vain_too_many_or_too_late_are_noticed() {
    cancel()
        .look(0, 9, Some(JobStatus::Failed))
        .stop(7, Action::Cancel, OURS, Item::Accepted)
        .breaks(&["no call in vain"]);
    cancel()
        .look(0, 9, Some(JobStatus::Running))
        .stop(7, Action::Cancel, OURS, Item::Accepted)
        .breaks(&["no call in vain"]);
    let mut twice = cancel();
    twice.stop(7, Action::Cancel, OURS, Item::Accepted).stop(8, Action::Cancel, OURS, Item::Accepted);
    twice.breaks(&["nothing is hammered"]);
    let mut many = cancel();
    (0..3).for_each(|call| many.checker.call_starts(call, 0, &["a".to_owned()], None));
    many.breaks(&["at most MAX_IN_FLIGHT calls at once"]);
    let mut late = cancel();
    late.at(59_001).checker.call_starts(1, 0, &["a".to_owned()], None);
    late.breaks(&["no call outside the budget"]);
    let mut hammered = cancel();
    for n in 0..40 {
        hammered.look(n * 10, n * 10 + 5, Some(JobStatus::Runnable));
    }
    hammered.checker.calls_are_few(0);
    hammered.breaks(&["nothing is hammered"]);
}

#[test]
fn a_result_that_is_missing_or_given_twice_is_noticed() {
    const ONE: &str = "one result each";
    let done = || {
        let mut scene = cancel();
        scene.job(5, JobStatus::Succeeded, None, None).at(20).says("finished", 0);
        scene
    };
    done().sums_up(1, 1).replies(&[]).breaks(&[]);
    done().says("finished", 0).breaks(&[ONE]);
    done().sums_up(1, 0).breaks(&["the summary is true"]);
    done().replies(&[]).breaks(&[ONE]);
    cancel().sums_up(0, 0).replies(&["m"]).breaks(&[ONE]);
    cancel().at(59_500).sums_up(0, 0).replies(&["m"]).breaks(&[ONE, "an answer before the deadline"]);
}

#[test]
fn a_message_that_is_lost_or_comes_back_for_nothing_is_noticed() {
    const SUBSET: &str = "`batchItemFailures` is a subset of the received ids";
    const QUIET: &str = "what can be settled is settled";
    let done = || {
        let mut scene = cancel();
        scene.job(5, JobStatus::Succeeded, None, None).at(20).says("finished", 0).sums_up(1, 1);
        scene
    };
    done().replies(&["m"]).breaks(&["what is settled does not come back"]);
    done().replies(&["x"]).breaks(&[SUBSET]);
    done().replies(&[""]).breaks(&[SUBSET]);
    done().replies(&["m", "m"]).breaks(&[SUBSET]);
    cancel().says("unavailable", 0).sums_up(1, 0).replies(&[]).breaks(&[QUIET, "nothing is lost"]);
    cancel().says("unavailable", 0).sums_up(1, 0).replies(&["m"]).breaks(&[QUIET]);
    let mut changed = cancel();
    changed.checker.gave_up("m", "{}", "{ }");
    changed.breaks(&["nothing is lost"]);
    let mut late = cancel();
    late.at(60_000).checker.ends(0, &End::Killed { deadline: true });
    late.breaks(&["an answer before the deadline"]);
}

mod guard;
mod sweeps;
