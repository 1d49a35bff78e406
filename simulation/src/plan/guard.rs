//! What keeps jobs from being stopped in a run: its policy, and what requests expect of their jobs.
//!
//! It is drawn by dice of its own, so that the other runs are what they would be without it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Ask, JobPlan, RequestPlan, Via, Want};
use crate::dice::Dice;
use crate::oracle::{Clause, Field, Rules, Test};
use crate::pattern;
use crate::payload::{SENDER, written};

/// The senders of messages; the first is who stands in envelopes that somebody wrote by hand.
const SENDERS: [&str; 3] = [SENDER, "AROACI:build", "AROAINTERN:anna"];

/// What a run's dice are not forked from.
const OWN: u64 = 0x6775_6172_645f_0001;

/// What there is of it in a run.
#[derive(Debug)]
pub(super) struct Guard {
    dice: Dice,
    pub(super) rules: Option<Arc<Rules>>,
    /// The policy's text, and whether every request is a dry run by an environment variable.
    pub(super) policy: Option<String>,
    pub(super) is_dry_run: bool,
    /// Whether nothing is done in earnest.
    pub(super) is_dry: bool,
    /// How many of the requests expect something.
    expects: f64,
}

impl Guard {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ OWN);
        let has_policy = dice.chance(0.3);
        let is_dry_run = dice.chance(if has_policy { 0.1 } else { 0.02 });
        let expects = if dice.chance(0.25) { dice.pick([0.1, 0.4, 1.0]) } else { 0.0 };
        let mut guard = Self { dice, rules: None, policy: None, is_dry_run, is_dry: is_dry_run, expects };
        if has_policy {
            let is_plan = guard.dice.chance(0.1);
            let rules = rules(&mut guard.dice);
            guard.policy = Some(pattern::policy(&rules, is_plan, &mut guard.dice));
            guard.rules = Some(Arc::new(rules));
            guard.is_dry |= is_plan;
        }
        guard
    }

    fn is_idle(&self) -> bool {
        self.rules.is_none() && self.expects == 0.0 && !self.is_dry
    }

    /// Makes jobs such as there are under a policy.
    pub(super) fn jobs(&mut self, jobs: &mut [JobPlan]) {
        if self.is_idle() {
            return;
        }
        let dice = &mut self.dice;
        let [tagged, kept] = [dice.pick([0.3, 1.0]), dice.pick([0.0, 0.2, 0.5])];
        for job in jobs {
            job.queue = dice.pick(["default", "dev-etl", "dev-ml", "prod"]);
            job.name = dice.pick(["job", "etl-nightly", "etl-hourly", "train"]);
            if dice.chance(tagged) {
                job.tags.push(("team", dice.pick(["etl", "ml", "web"])));
            }
            if dice.chance(kept) {
                job.tags.push(("keep", dice.pick(["", "yes"])));
            }
        }
    }

    /// Makes requests such as there are under a policy.
    pub(super) fn requests(&mut self, requests: &mut [RequestPlan]) {
        if self.is_idle() {
            return;
        }
        let dice = &mut self.dice;
        for request in requests {
            if matches!(request.via, Via::Queue { .. }) {
                request.sender = dice.pick(SENDERS);
            }
            let (expects, is_dry) = (self.expects, self.is_dry);
            request.wants = request.wants.iter().map(|want| guarded(want, expects, is_dry, dice)).collect();
        }
    }
}

fn guarded(want: &Want, expects: f64, is_dry: bool, dice: &mut Dice) -> Want {
    let Some(ask) = &want.ask else {
        return want.clone();
    };
    let mut ask = Ask { dry_run: ask.dry_run || is_dry, ..ask.clone() };
    let Some(mut json) =
        serde_json::from_str::<Map<String, Value>>(&want.json).ok().filter(|_| dice.chance(expects))
    else {
        return Want { json: want.json.clone(), ask: Some(ask) };
    };
    if dice.chance(0.05) {
        let (name, value) = match dice.count(0..=4) {
            0 => ("expect", json!({"status": "RUNNABLE"})),
            1 => ("expect", json!({})),
            2 => ("expect", json!({"job": {"status": ["RUNNABLE"]}})),
            3 => ("expect", json!({"statusReason": [{"prefx": "M"}]})),
            _ => ("Expect", json!({"status": ["RUNNABLE"]})),
        };
        json.insert(name.into(), value);
        return Want { json: written(&json), ask: None };
    }
    ask.expect = match dice.count(0..=5) {
        0 => vec![Test::Missing(Field::StatusReason)],
        1 => vec![Test::Is(Field::Status, vec!["RUNNABLE"]), Test::Least(Field::AgeSeconds, 2)],
        2 => vec![Test::Is(Field::Tag("team"), vec!["etl", "ml"])],
        3 => vec![Test::Missing(Field::Tag("keep")), Test::Below(Field::AgeSeconds, dice.pick([10, 600]))],
        4 => vec![Test::Either(vec![
            Test::Is(Field::Status, vec!["SUBMITTED", "PENDING", "RUNNABLE"]),
            Test::Least(Field::RunningSeconds, dice.pick([1, 5, 60])),
        ])],
        _ => vec![Test::Is(Field::Status, vec!["SUBMITTED", "PENDING", "RUNNABLE"])],
    };
    json.insert("expect".into(), pattern::expect(&ask.expect, dice));
    Want { json: written(&json), ask: Some(ask) }
}

fn rules(dice: &mut Dice) -> Rules {
    let share = dice.pick([0.1, 0.2]);
    let deny = clauses(denied(dice), share, dice);
    let allow = if dice.chance(0.4) { clauses(allowed(dice), 0.4, dice) } else { vec![] };
    let most = (dice.chance(0.4) || deny.is_empty() && allow.is_empty()).then(|| dice.count(1..=8));
    Rules { deny, allow, most }
}

/// Some of these, in any order.
fn clauses(mut all: Vec<(&'static str, Vec<Test>)>, share: f64, dice: &mut Dice) -> Vec<Clause> {
    let mut chosen = Vec::new();
    while !all.is_empty() {
        let (id, all) = all.swap_remove(dice.count(0..=all.len() - 1));
        if dice.chance(share) {
            chosen.push(Clause { id: id.to_owned(), all });
        }
    }
    chosen
}

fn denied(dice: &mut Dice) -> Vec<(&'static str, Vec<Test>)> {
    use Field::{
        Action, AgeSeconds, DryRun, Name, Queue, Reason, Run, RunningSeconds, Sender, Source, Status,
    };
    use Test::{Below, Either, Ends, Is, Least, Missing, Not, NotStarts, Starts, There};
    let terminates = || Is(Action, vec!["terminate"]);
    let seconds = dice.pick([1, 3, 10, 60]);
    vec![
        ("protected", vec![There(Field::Tag("keep"))]),
        ("protected-by-word", vec![Is(Field::Tag("keep"), vec!["yes"])]),
        ("not-development", vec![NotStarts(Queue, "dev-")]),
        ("too-young", vec![Below(AgeSeconds, seconds)]),
        ("too-old", vec![Least(AgeSeconds, seconds * 100)]),
        (
            "only-ci-terminates",
            vec![terminates(), Either(vec![Missing(Sender), Not(Sender, vec!["AROACI:build"])])],
        ),
        (
            "nobody-knows-them",
            vec![Either(vec![Is(Sender, vec!["AROAINTERN:anna"]), Is(Source, vec!["sns"])])],
        ),
        (
            "has-just-started",
            vec![terminates(), Either(vec![Missing(RunningSeconds), Below(RunningSeconds, seconds)])],
        ),
        ("starts", vec![Is(Status, vec!["STARTING", "RUNNING"])]),
        ("tidy", vec![Starts(Reason, "Nightly"), Ends(Name, "-hourly")]),
        ("old-runs", vec![Below(Run, dice.pick([3, 20]))]),
        ("says-something", vec![There(Field::StatusReason)]),
        ("production-in-earnest", vec![Is(Queue, vec!["prod", "default"]), Is(DryRun, vec!["false"])]),
        ("other-teams", vec![Not(Field::Tag("team"), vec!["etl", "ml"]), Missing(Run)]),
    ]
}

fn allowed(dice: &mut Dice) -> Vec<(&'static str, Vec<Test>)> {
    use Field::{Action, AgeSeconds, Queue, Reason, Sender, Status};
    use Test::{Ends, Is, Least, Missing, Starts};
    vec![
        ("development", vec![Starts(Queue, "dev-")]),
        ("etl", vec![Is(Field::Tag("team"), vec!["etl"]), Missing(Field::Tag("keep"))]),
        ("ci", vec![Is(Sender, vec!["AROACI:build", SENDER])]),
        ("waits", vec![Is(Status, vec!["SUBMITTED", "PENDING", "RUNNABLE"])]),
        ("grown-up", vec![Least(AgeSeconds, dice.pick([1, 5, 30]))]),
        ("cancels", vec![Is(Action, vec!["cancel"]), Ends(Reason, ".")]),
    ]
}
