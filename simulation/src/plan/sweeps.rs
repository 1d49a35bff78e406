//! Sweeps: requests that name no job, but say what the jobs look like.
//!
//! They are drawn by dice of their own, so that the other runs are what they would be without them.

use std::sync::Arc;

use batch_canceller::request::Action;
use batch_sim::JobStatus;
use serde_json::{Map, Value, json};

use super::{Ask, JobPlan, RequestPlan, Shape, Want};
use crate::Ms;
use crate::dice::Dice;
use crate::oracle::{Field, Test};
use crate::pattern;
use crate::payload::{ACCOUNT, REGION, written};

/// What a run's dice are not forked from.
const OWN: u64 = 0x7377_6565_7073_0001;

/// The most sweeps of a run: each reads many pages, and comes again.
const MOST: usize = 6;

/// The jobs that a request means by what they look like.
#[derive(Debug, Clone)]
pub(crate) struct SweepAsk {
    pub(crate) of: Of,
    pub(crate) status: Vec<JobStatus>,
    /// What must hold of them besides.
    pub(crate) all: Vec<Test>,
    /// So many of the newest that share a field are left alone.
    pub(crate) keep: Option<(Field, usize)>,
    /// If there are more, none is stopped.
    pub(crate) most: usize,
}

/// Whose jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of {
    Queue(&'static str),
    Array(String),
}

/// What there is of them in a run.
#[derive(Debug)]
pub(super) struct Sweeps {
    dice: Dice,
    /// The share of requests that are sweeps.
    share: f64,
}

impl Sweeps {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ OWN);
        let share = if dice.chance(0.15) { dice.pick([0.1, 0.3, 1.0]) } else { 0.0 };
        Self { dice, share }
    }

    /// The most jobs on a page of a listing.
    pub(super) fn page(&mut self, jobs: usize) -> usize {
        if self.share == 0.0 {
            return 1_000;
        }
        let page = self.dice.count(1..=7);
        // Listing many jobs one by one takes longer than any invocation, which is of use now and then.
        if self.dice.chance(0.9) { page.max(jobs / 10) } else { page }
    }

    /// Makes some requests sweeps, and jobs such as sweeps tell apart. Jobs whose names and queues a policy tells apart
    /// stay as they are.
    pub(super) fn apply(&mut self, jobs: &mut [JobPlan], requests: &mut [RequestPlan], terminates: bool) {
        if self.share == 0.0 {
            return;
        }
        let dice = &mut self.dice;
        for job in &mut *jobs {
            if job.queue == "default" && job.name == "job" && job.tags.is_empty() {
                job.queue = dice.pick(["default", "default", "dev-etl"]);
                job.name = dice.pick(["job", "etl-nightly", "etl-hourly", "train"]);
                if dice.chance(0.5) {
                    job.tags.push(("team", dice.pick(["etl", "ml"])));
                }
            }
            job.share = dice.pick([None, Some("team-a"), Some("team-b")]);
        }
        let mut left = MOST;
        for (number, request) in requests.iter_mut().enumerate() {
            if request.shape == Shape::Blocked || left == 0 || !dice.chance(self.share) {
                continue;
            }
            let several = request.wants.len() > 1;
            let wants = request.wants.iter().enumerate().map(|(place, want)| match &want.ask {
                Some(ask) if left > 0 && (!several || dice.chance(0.7)) => {
                    left -= 1;
                    // Results tell two sweeps of one message apart by their reasons only.
                    let reason = several.then(|| format!("Swept by {number}, {place}."));
                    swept(ask, reason, jobs, terminates, dice)
                }
                _ => want.clone(),
            });
            request.wants = wants.collect();
            come_meanwhile(jobs, request.at, dice);
        }
    }
}

/// Some jobs are submitted while the pages are read, and soon go on.
fn come_meanwhile(jobs: &mut [JobPlan], at: Ms, dice: &mut Dice) {
    for job in jobs {
        if dice.chance(0.2) {
            job.submit_at = at + dice.pick([0, 100, 500, 3_000]);
            job.pace = job.pace.min(3_000);
        }
    }
}

/// A sweep in the place of a request for jobs.
fn swept(ask: &Ask, reason: Option<String>, jobs: &[JobPlan], terminates: bool, dice: &mut Dice) -> Want {
    let action = if terminates && dice.chance(0.3) { Action::Terminate } else { Action::Cancel };
    let reason = reason.and_then(|text| batch_canceller::request::Reason::new(&text));
    let reason = reason.unwrap_or_else(|| ask.reason.clone());
    let of = of(jobs, dice);
    let status = status(action, dice);
    let all = if dice.chance(0.6) { tests(dice) } else { vec![] };
    let keep = dice.chance(0.3).then(|| {
        (dice.pick([Field::Name, Field::Name, Field::Share, Field::Tag("team")]), dice.pick([1, 1, 2, 5]))
    });
    let most = dice.pick([2, 10, 100, 1_000, 1_000]);
    let sweep = SweepAsk { of, status, all, keep, most };
    let mut json = json(&sweep, dice);
    let is_malformed = dice.chance(0.03);
    if is_malformed {
        match dice.count(0..=3) {
            0 => drop(json.remove("maxJobs")),
            1 => drop(json.insert("maxjobs".into(), 10.into())),
            2 => drop(json.insert("status".into(), json!(["SUCCEEDED"]))),
            _ => drop(json.insert("where".into(), json!({}))),
        }
    }
    let mut object = Map::new();
    object.insert("reason".into(), reason.as_str().into());
    if action == Action::Terminate || dice.chance(0.1) {
        object.insert("action".into(), action.as_str().into());
    }
    if ask.says_dry_run || dice.chance(0.1) {
        object.insert("dryRun".into(), ask.says_dry_run.into());
    }
    object.insert("sweep".into(), json.into());
    let sweep = Some(Arc::new(sweep));
    let ask = Ask { sweep, ..Ask::new(vec![], action, reason, ask.says_dry_run) };
    Want { json: written(&object), ask: Some(ask).filter(|_| !is_malformed) }
}

fn of(jobs: &[JobPlan], dice: &mut Dice) -> Of {
    let arrays: Vec<&JobPlan> = jobs.iter().filter(|job| job.children > 0).collect();
    match dice.choose(&arrays) {
        Some(array) if dice.chance(0.2) => Of::Array(array.id.clone()),
        _ => Of::Queue(dice.choose(jobs).map_or("default", |job| job.queue)),
    }
}

fn status(action: Action, dice: &mut Dice) -> Vec<JobStatus> {
    use JobStatus::{Pending, Runnable, Running, Starting, Submitted};
    let waits = vec![Submitted, Pending, Runnable];
    match (action, dice.count(0..=3)) {
        (_, 0) => vec![Runnable],
        (Action::Terminate, 1) => vec![Running],
        (Action::Terminate, 2 | 3) => vec![Submitted, Pending, Runnable, Starting, Running],
        (Action::Cancel, 1) => vec![Submitted, Runnable],
        _ => waits,
    }
}

/// What a page can tell of a job, and what takes a look at the whole of it.
fn tests(dice: &mut Dice) -> Vec<Test> {
    match dice.count(0..=8) {
        0 => vec![Test::Starts(Field::Name, "etl-")],
        1 => vec![Test::Is(Field::Name, vec!["job"])],
        2 => vec![Test::Least(Field::AgeSeconds, dice.pick([1, 5, 60]))],
        3 => vec![Test::Below(Field::AgeSeconds, dice.pick([2, 10, 60]))],
        4 => vec![Test::Is(Field::Share, vec!["team-a"])],
        5 => vec![Test::Ends(Field::Name, "ly"), Test::Missing(Field::StatusReason)],
        6 => vec![Test::Is(Field::Tag("team"), vec!["etl"])],
        7 => vec![Test::Missing(Field::Tag("keep")), Test::Not(Field::Name, vec!["train"])],
        _ => vec![Test::Either(vec![
            Test::Is(Field::Tag("team"), vec!["ml"]),
            Test::Is(Field::Share, vec!["team-b"]),
        ])],
    }
}

fn json(sweep: &SweepAsk, dice: &mut Dice) -> Map<String, Value> {
    let mut json = Map::new();
    match &sweep.of {
        Of::Array(id) => json.insert("arrayJobId".into(), id.as_str().into()),
        Of::Queue(name) if dice.chance(0.3) => {
            let arn = format!("arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{name}");
            json.insert("jobQueue".into(), arn.into())
        }
        Of::Queue(name) => json.insert("jobQueue".into(), (*name).into()),
    };
    let waits = [JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable];
    if sweep.status != waits || dice.chance(0.2) {
        let names: Vec<&str> = sweep.status.iter().rev().map(|status| status.as_str()).collect();
        json.insert("status".into(), names.into());
    }
    if !sweep.all.is_empty() {
        json.insert("where".into(), pattern::filter(&sweep.all, dice));
    }
    if let Some((per, count)) = &sweep.keep {
        let per = match per {
            Field::Tag(key) => format!("tags.{key}"),
            Field::Share => "shareIdentifier".to_owned(),
            _ => "jobName".to_owned(),
        };
        let mut keep = Map::new();
        keep.insert("per".into(), per.into());
        if *count > 1 || dice.chance(0.5) {
            keep.insert("count".into(), (*count).into());
        }
        json.insert("keepNewest".into(), keep.into());
    }
    json.insert("maxJobs".into(), sweep.most.into());
    json
}
