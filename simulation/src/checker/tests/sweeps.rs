//! What sweeps do wrong is noticed.

use std::sync::Arc;

use batch_canceller::batch::{Listing, Which};
use batch_canceller::request::{Action, ListingOf, Reason};
use batch_sim::{Change, Happening, JobStatus, ListQuery, Moment, World};
use serde_json::{Value, json};

use super::{OURS, Scene};
use crate::checker::sweeps::{COUNTED, MEANT, NEWEST, ONCE, TOO_MANY};
use crate::checker::swept::{ALL, TRUE_COUNTS};
use crate::oracle::{Field, Test};
use crate::plan::{Ask, JobPlan, Of, SweepAsk, Want};

/// Each job of the queue by its id, and when it was submitted, all with the name `etl`.
const JOBS: [(&str, u64); 3] = [("a", 10), ("b", 20), ("c", 30)];

/// A sweep of what is RUNNABLE in `q`, which holds three jobs since before it came.
fn sweep(change: impl FnOnce(&mut SweepAsk)) -> Scene {
    let mut sweep =
        SweepAsk { of: Of::Queue("q"), status: vec![JobStatus::Runnable], all: vec![], keep: None, most: 3 };
    change(&mut sweep);
    let ask = Ask::new(vec![], Action::Cancel, Reason::new(OURS).unwrap(), false);
    let ask = Ask { sweep: Some(Arc::new(sweep)), ..ask };
    let mut scene = Scene::of(Want { json: String::new(), ask: Some(ask) });
    for (id, at) in JOBS {
        let what = Happening::Added(JobStatus::Runnable);
        scene.checker.truth.note(Change { id: id.to_owned(), at: 0, what }, at);
        scene.checker.truth.submitted(&JobPlan::idle(id, "etl", "q"), at);
    }
    scene.at(100);
    scene
}

fn listing(status: JobStatus) -> Listing {
    let of = ListingOf::JobQueue("q".into());
    Listing { of, which: Which::In(status.as_str().into()) }
}

impl Scene {
    /// One page shows these jobs.
    fn lists(&mut self, ids: &[&str]) -> &mut Self {
        let mut world = World::default();
        for id in ids {
            world.add(batch_sim::Job::new(*id).name("etl").queue("q"), Moment::from_millis(0));
        }
        let query = ListQuery::queue("q").status(JobStatus::Runnable);
        let page = world.list_jobs(&query, Moment::from_millis(0)).unwrap();
        self.checker.call_starts(1, 0, &[], None);
        self.checker.listing_starts(0, &listing(JobStatus::Runnable));
        let began = self.checker.now;
        self.at(began + 50).checker.listed(0, &listing(JobStatus::Runnable), &page.jobs);
        self.checker.call_ends(0, began, None, &[], false);
        self
    }

    fn cancels(&mut self, ids: &[&str]) -> &mut Self {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.checker.call_starts(9, 0, &ids, Some((Action::Cancel, OURS)));
        self
    }

    fn finds(&mut self, id: &str) -> &mut Self {
        self.line(&json!({
            "timestamp": "2027-01-15T08:00:00Z", "jobId": id, "outcome": "denied", "action": "cancel", "reason": OURS,
            "requestedBy": {"id": "m"}, "clause": "x",
        }));
        // Without a policy nothing is denied, which is noticed, and is not what this is about.
        self.checker.violations.retain(|violation| [ONCE, MEANT].contains(&violation.promise));
        self
    }

    fn sums(&mut self, outcome: &str, sweep: &Value) -> &mut Self {
        self.line(&json!({
            "timestamp": "2027-01-15T08:00:00Z", "outcome": outcome, "action": "cancel", "reason": OURS,
            "requestedBy": {"id": "m"}, "sweep": sweep,
        }))
    }
}

/// What a sweep says that has denied these, of so many that match.
fn said(ids: &[&str], matched: usize) -> Value {
    let (outcomes, job_ids) = if ids.is_empty() {
        (json!({}), json!({}))
    } else {
        (json!({"denied": ids.len()}), json!({"denied": ids}))
    };
    json!({"scanned": 3, "matched": matched, "kept": 0, "left": 0, "plan": {"pages": 1}, "outcomes": outcomes,
        "jobIds": job_ids})
}

#[test]
fn an_honest_sweep_breaks_nothing() {
    sweep(|_| ()).lists(&["a", "b", "c"]).cancels(&["a", "b", "c"]).breaks(&[]);
    let mut told = sweep(|_| ());
    told.lists(&["a", "b", "c"]).finds("a").finds("b").finds("c");
    told.sums("swept", &said(&["a", "b", "c"], 3)).breaks(&[]);
}

#[test]
fn a_job_that_no_sweep_means_is_noticed() {
    let nobody = "only what is wanted is stopped";
    sweep(|_| ()).lists(&["a", "b"]).cancels(&["c"]).breaks(&["no call for what nobody asked for", nobody]);
    let named = |sweep: &mut SweepAsk| sweep.all = vec![Test::Starts(Field::Name, "train")];
    sweep(named).lists(&["a", "b", "c"]).cancels(&["a"]).breaks(&[MEANT]);
    sweep(named).lists(&["a", "b", "c"]).finds("a").breaks(&[MEANT]);
}

#[test]
fn stopping_one_of_too_many_is_noticed() {
    sweep(|sweep| sweep.most = 2).lists(&["a", "b", "c"]).cancels(&["a"]).breaks(&[TOO_MANY]);
    // Also where the listing has not shown them.
    sweep(|sweep| sweep.most = 2).lists(&["a", "b"]).cancels(&["a"]).breaks(&[TOO_MANY]);
}

#[test]
fn stopping_the_newest_is_noticed() {
    let keep = |sweep: &mut SweepAsk| sweep.keep = Some((Field::Name, 2));
    sweep(keep).lists(&["a", "b", "c"]).cancels(&["a"]).breaks(&[]);
    sweep(keep).lists(&["a", "b", "c"]).cancels(&["b"]).breaks(&[NEWEST]);
    sweep(keep).lists(&["a", "b", "c"]).cancels(&["c"]).breaks(&[NEWEST]);
}

#[test]
fn listing_on_when_some_are_stopped_is_noticed() {
    let mut scene = sweep(|_| ());
    scene.lists(&["a", "b", "c"]).cancels(&["a"]).lists(&["b", "c"]).breaks(&[COUNTED]);
    let mut confirming = sweep(|_| ());
    confirming.lists(&["a", "b", "c"]).cancels(&["a"]);
    confirming.checker.listing_starts(0, &listing(JobStatus::Failed));
    confirming.breaks(&[]);
}

#[test]
fn a_job_that_is_told_of_twice_or_not_at_all_is_noticed() {
    sweep(|_| ()).lists(&["a", "b", "c"]).finds("a").finds("a").breaks(&[ONCE]);
    let mut missed = sweep(|_| ());
    missed.lists(&["a", "b", "c"]).finds("a").finds("b").sums("swept", &said(&["a", "b"], 2)).breaks(&[ALL]);
    // The newest is left alone, and the others are not.
    let keep = |sweep: &mut SweepAsk| sweep.keep = Some((Field::Name, 1));
    let mut kept = sweep(keep);
    kept.lists(&["a", "b", "c"]).finds("a").finds("b").sums("swept", &said(&["a", "b"], 3)).breaks(&[]);
    let mut spared = sweep(keep);
    spared.lists(&["a", "b", "c"]).finds("a").sums("swept", &said(&["a"], 3)).breaks(&[ALL]);
}

#[test]
fn false_counts_are_noticed() {
    let check = |matched, told: &[&str], as_told: &[&str], promises: &[&str]| {
        let mut scene = sweep(|_| ());
        scene.lists(&["a", "b", "c"]);
        for id in told {
            scene.finds(id);
        }
        scene.sums("swept", &said(as_told, matched)).breaks(promises);
    };
    let all = ["a", "b", "c"];
    check(4, &all, &all, &[TRUE_COUNTS]);
    check(2, &all, &all, &[TRUE_COUNTS]);
    check(3, &all, &["a", "b"], &[TRUE_COUNTS]);
    check(3, &all, &["a", "b", "d"], &[TRUE_COUNTS]);
    sweep(|_| ()).lists(&["a", "b", "c"]).sums("denied", &said(&[], 3)).breaks(&[TRUE_COUNTS]);
}
