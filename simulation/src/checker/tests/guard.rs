//! What goes against a policy or an expectation is noticed.

use std::collections::BTreeMap;

use batch_canceller::request::{Action, Reason};
use batch_sim::JobStatus;
use serde_json::json;

use super::{OURS, Scene};
use crate::checker::calls::Item;
use crate::oracle::{Clause, Field, Rules, Sight, Test};
use crate::plan::{Ask, Want};

const GUARDED: &str = "nothing is stopped that was not looked at and allowed";
const AT_ONCE: &str = "no more is stopped than may be at once";
const DENIED: &str = "what is denied is denied by the clause that is named";
const EXPECTED: &str = "what is not as expected was seen so";

fn clause(id: &str, test: Test) -> Clause {
    Clause { id: id.to_owned(), all: vec![test] }
}

/// Protects what has the tag `keep`, and lets only what is in the queue `dev` be stopped.
fn rules(most: Option<usize>) -> Rules {
    Rules {
        deny: vec![clause("protected", Test::There(Field::Tag("keep")))],
        allow: vec![clause("dev", Test::Is(Field::Queue, vec!["dev"]))],
        most,
    }
}

/// A request for these jobs under a policy, the first of which is RUNNABLE.
fn guarded(rules: Option<Rules>, jobs: &[&str], change: impl FnOnce(&mut Ask)) -> Scene {
    let jobs = jobs.iter().map(|job| (*job).to_owned()).collect();
    let mut ask = Ask::new(jobs, Action::Cancel, Reason::new(OURS).unwrap(), false);
    change(&mut ask);
    let mut scene = Scene::under(rules, Want { json: String::new(), ask: Some(ask) });
    scene.job(0, JobStatus::Runnable, None, None);
    scene
}

fn plain() -> Scene {
    guarded(Some(rules(None)), &["a"], |_| ())
}

/// One who expects `a` to be RUNNABLE.
fn expecting() -> Scene {
    guarded(None, &["a"], |ask| ask.expect = vec![Test::Is(Field::Status, vec!["RUNNABLE"])])
}

impl Scene {
    /// An answer shows the whole of a job.
    fn sees(&mut self, job: &str, status: JobStatus, queue: &str, tags: &[&str]) -> &mut Self {
        let sight = Sight {
            at: self.checker.now,
            status,
            status_reason: None,
            name: "job".to_owned(),
            queue: queue.to_owned(),
            share: None,
            tags: tags.iter().map(|key| ((*key).to_owned(), String::new())).collect::<BTreeMap<_, _>>(),
            age: 60,
            running: None,
        };
        self.checker.invocations[0].jobs.entry(job.to_owned()).or_default().sights.push(sight);
        self
    }

    fn stops(&mut self, job: &str) -> &mut Self {
        self.checker.call_starts(9, 0, &[job.to_owned()], Some((Action::Cancel, OURS)));
        self
    }

    fn tells(&mut self, job: &str, outcome: &str, clause: Option<&str>) -> &mut Self {
        let dry_run = outcome.starts_with("would_");
        self.line(&json!({
            "timestamp": "2027-01-15T08:00:00Z", "message": "", "jobId": job, "outcome": outcome,
            "action": "cancel", "reason": OURS, "dryRun": dry_run, "clause": clause, "requestedBy": {"id": "m"},
        }))
    }
}

#[test]
fn a_call_that_no_look_permits_is_noticed() {
    let runnable = JobStatus::Runnable;
    plain().sees("a", runnable, "dev", &[]).at(5_000).stops("a").breaks(&[]);
    plain().sees("a", runnable, "dev", &[]).at(5_001).stops("a").breaks(&[GUARDED]);
    plain().stops("a").breaks(&[GUARDED]);
    plain().sees("a", runnable, "prod", &[]).stops("a").breaks(&[GUARDED]);
    plain().sees("a", runnable, "dev", &["keep"]).stops("a").breaks(&[GUARDED]);
    // Allowed at first, but not when it was looked at again.
    let mut changed = plain();
    changed.sees("a", runnable, "dev", &[]).at(6_000).sees("a", runnable, "dev", &["keep"]);
    changed.stops("a").breaks(&[GUARDED]);
    // Also where a call before may have been carried out.
    let mut lost = plain();
    lost.sees("a", runnable, "dev", &[]).stop(7, Action::Cancel, OURS, Item::Failed);
    lost.at(20_000).stops("a").breaks(&[GUARDED]);
}

#[test]
fn a_call_that_goes_against_an_expectation_is_noticed() {
    expecting().sees("a", JobStatus::Runnable, "dev", &[]).stops("a").breaks(&[]);
    expecting().sees("a", JobStatus::Submitted, "dev", &[]).stops("a").breaks(&[GUARDED]);
    expecting().stops("a").breaks(&[GUARDED]);
    // Without either, a job may be stopped unseen.
    guarded(None, &["a"], |_| ()).stops("a").breaks(&[]);
}

#[test]
fn a_child_is_seen_only_together_with_its_parent() {
    let shown = |ids: &[&str]| {
        let mut scene = guarded(Some(rules(None)), &["a:0"], |_| ());
        let mut batch = batch_sim::World::default();
        let now = batch_sim::Moment::from_millis(0);
        let array = batch_sim::Job::new("a").array([JobStatus::Runnable]).queue("dev").tag("keep", "");
        batch.add(array, now);
        let asked: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let jobs = batch.describe_jobs(&asked, now).unwrap();
        scene.checker.call_starts(1, 0, &asked, None);
        scene.checker.shown(0, &asked, &jobs);
        scene
    };
    shown(&["a:0"]).stops("a:0").breaks(&[GUARDED]);
    shown(&["a:0", "a"]).stops("a:0").breaks(&[GUARDED]);
    shown(&["a:0", "a"]).tells("a:0", "denied", Some("protected")).breaks(&[super::TRUE]);
    shown(&["a"]).breaks(&["no call for what nobody asked for"]);
}

#[test]
fn a_false_word_about_what_held_a_job_back_is_noticed() {
    let runnable = JobStatus::Runnable;
    let free = || {
        let mut scene = plain();
        scene.sees("a", runnable, "dev", &[]);
        scene
    };
    let kept = || {
        let mut scene = plain();
        scene.sees("a", runnable, "dev", &["keep"]);
        scene
    };
    kept().tells("a", "denied", Some("protected")).breaks(&[]);
    kept().tells("a", "denied", Some("implicitDeny")).breaks(&[DENIED]);
    kept().tells("a", "denied", None).breaks(&[DENIED]);
    kept().tells("a", "finished", Some("dev")).breaks(&[DENIED, super::TRUE]);
    free().tells("a", "denied", Some("protected")).breaks(&[DENIED]);
    free().tells("a", "denied", Some("maxPerInvocation")).breaks(&[DENIED]);
    plain().tells("a", "denied", Some("protected")).breaks(&[DENIED]);
    plain().sees("a", runnable, "prod", &[]).tells("a", "denied", Some("implicitDeny")).breaks(&[]);
    expecting().sees("a", JobStatus::Submitted, "", &[]).tells("a", "precondition_failed", None).breaks(&[]);
    expecting().sees("a", runnable, "", &[]).tells("a", "precondition_failed", None).breaks(&[EXPECTED]);
    let ended = || {
        let mut scene = plain();
        scene.stopped(0, OURS, Some(7)).sees("a", JobStatus::Failed, "dev", &["keep"]).at(20);
        scene
    };
    ended().tells("a", "cancelled", None).breaks(&[]);
    ended().tells("a", "denied", Some("protected")).breaks(&[DENIED]);
}

#[test]
fn more_at_once_than_may_be_is_noticed() {
    let runnable = JobStatus::Runnable;
    let two = |most| {
        let mut scene = guarded(Some(rules(Some(most))), &["a", "b"], |_| ());
        scene.sees("a", runnable, "dev", &[]);
        scene
    };
    two(2).sees("b", runnable, "dev", &[]).stops("a").stops("b").breaks(&[]);
    two(1).sees("b", runnable, "dev", &[]).stops("a").stops("b").breaks(&[AT_ONCE]);
    // One has not been looked at.
    two(2).stops("a").breaks(&[AT_ONCE]);
    two(1).sees("b", runnable, "dev", &[]).tells("a", "denied", Some("maxPerInvocation")).breaks(&[]);
    two(2).sees("b", runnable, "dev", &[]).tells("a", "denied", Some("maxPerInvocation")).breaks(&[DENIED]);
    // A dry run keeps nobody else from anything.
    let mut dry = two(1);
    let ask = dry.checker.invocations[0].deliveries[0].wants[0].clone().ask.unwrap();
    let want = |job: &str, dry_run| Want {
        json: String::new(),
        ask: Some(Ask { jobs: vec![job.to_owned()], dry_run, ..ask.clone() }),
    };
    dry.checker.invocations[0].deliveries[0].wants = [want("a", false), want("b", true)].into();
    dry.checker.invocations[0].entries[1].want = 1;
    dry.sees("b", runnable, "dev", &[]).tells("a", "denied", Some("maxPerInvocation")).breaks(&[DENIED]);
    two(1).sees("b", runnable, "prod", &[]).tells("a", "denied", Some("maxPerInvocation")).breaks(&[DENIED]);
}

#[test]
fn a_plan_that_the_policy_would_not_allow_is_noticed() {
    let dry = |tags: &[&str]| {
        let mut scene = guarded(Some(rules(None)), &["a"], |ask| ask.dry_run = true);
        scene.sees("a", JobStatus::Runnable, "dev", tags);
        scene
    };
    dry(&[]).tells("a", "would_cancel", Some("dev")).breaks(&[]);
    dry(&["keep"]).tells("a", "would_cancel", None).breaks(&[GUARDED]);
    // A deployment's dry run writes nothing, whatever the request says.
    dry(&[]).stops("a").breaks(&["only what is wanted is stopped"]);
}
