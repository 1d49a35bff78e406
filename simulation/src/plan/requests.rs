//! What is asked of the function in a run, and by which way it comes.

use std::sync::Arc;

use batch_canceller::request::{Action, Reason};
use serde_json::{Map, json};

use super::{JobPlan, SweepAsk};
use crate::Ms;
use crate::dice::Dice;
use crate::oracle::Test;
use crate::payload::{SENDER, written};

/// The start of every job's ARN.
const JOB_ARNS: &str = "arn:aws:batch:us-east-1:123456789012:job/";

/// What somebody sends.
#[derive(Debug, Clone)]
pub(crate) struct RequestPlan {
    pub(crate) at: Ms,
    pub(crate) via: Via,
    pub(crate) shape: Shape,
    /// Who puts it into a queue.
    pub(crate) sender: &'static str,
    /// What it asks for: several in a list, else one.
    pub(crate) wants: Arc<[Want]>,
}

/// By which way something comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By the standard queue, or by the one with order.
    Queue { fifo: bool, group: u8 },
    /// By an event bus, which invokes asynchronously.
    Bus,
    /// By a topic, which does so too.
    Topic,
    /// By a caller who waits for the answer, and calls again so many times if it is a failure.
    Direct { retries: u32 },
}

/// What is wrapped around requests, besides what the way itself does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Bare,
    Event,
    /// Batch's own event of a job that holds up its queue: it brings a reason of its own.
    Blocked,
    Notification,
    NotificationOfEvent,
    List,
    Records,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) json: String,
    /// What it means; `None` if it is malformed.
    pub(crate) ask: Option<Ask>,
}

/// What a request that is well-formed asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) jobs: Vec<String>,
    /// By what they look like, in place of their names.
    pub(crate) sweep: Option<Arc<SweepAsk>>,
    pub(crate) action: Action,
    /// As it is sent to Batch.
    pub(crate) reason: Reason,
    /// Whether it is to change nothing, by its own word or the deployment's.
    pub(crate) dry_run: bool,
    /// Whether it says so itself.
    pub(crate) says_dry_run: bool,
    /// The number in its metadata.
    pub(crate) run: Option<u64>,
    /// How the jobs must be.
    pub(crate) expect: Vec<Test>,
}

impl Ask {
    pub(crate) fn new(jobs: Vec<String>, action: Action, reason: Reason, dry_run: bool) -> Self {
        Self { jobs, sweep: None, action, reason, dry_run, says_dry_run: dry_run, run: None, expect: vec![] }
    }
}

pub(super) fn draw(
    dice: &mut Dice,
    jobs: &[JobPlan],
    calm_at: Ms,
    allow_terminate: bool,
) -> Vec<RequestPlan> {
    let ids: Vec<(String, Ms)> = jobs
        .iter()
        .flat_map(|job| std::iter::once(job.id.clone()).chain(job.child_ids()).map(|id| (id, job.submit_at)))
        .collect();
    let mut maker = Maker {
        ids: &ids,
        shares_reasons: dice.chance(0.5),
        many: dice.chance(0.4),
        malformed: dice.pick([0.0, 0.05, 0.2]),
        dry_runs: dice.pick([0.0, 0.1, 0.4]),
        terminates: dice.pick([0.0, 0.2, 0.6]),
        strangers: dice.pick([0.0, 0.05]),
        allow_terminate,
        number: 0,
        dice: dice.fork(),
    };
    let ways: Vec<Via> = [
        Via::Queue { fifo: false, group: 0 },
        Via::Queue { fifo: false, group: 0 },
        Via::Queue { fifo: true, group: 0 },
        Via::Bus,
        Via::Topic,
        Via::Direct { retries: 0 },
    ]
    .into_iter()
    .filter(|_| dice.chance(0.6))
    .collect();
    let shapes = dice.chance(0.5);
    let bursts = dice.chance(0.5);
    let requests = dice.pick([2, 10, 40, 120]);
    let mut at = 0;
    let one = |_| {
        at = if bursts && dice.chance(0.8) { at } else { dice.ms(0..=calm_at) };
        let via = match dice.choose(&ways).copied().unwrap_or(Via::Queue { fifo: false, group: 0 }) {
            Via::Queue { fifo: true, .. } => Via::Queue { fifo: true, group: dice.pick([0, 1, 2]) },
            Via::Direct { .. } => Via::Direct { retries: dice.pick([0, 0, 2]) },
            via => via,
        };
        let shape = if shapes { shape(dice, via) } else { Shape::Bare };
        let wants = if matches!(shape, Shape::List | Shape::Records) { dice.count(1..=4) } else { 1 };
        let (wants, earliest) = match shape {
            Shape::Blocked => maker.blocked(),
            Shape::Bare if matches!(via, Via::Queue { .. }) && maker.dice.chance(maker.malformed / 4.0) => {
                (Arc::new([Want { json: "jobId=job-0".to_owned(), ask: None }]) as Arc<[Want]>, 0)
            }
            _ => maker.wants(wants),
        };
        // Mostly about jobs that are there by then.
        let at = if dice.chance(0.9) { at.max(earliest + dice.pick([0, 100, 3_000])) } else { at };
        RequestPlan { at, via, shape, sender: SENDER, wants }
    };
    (0..requests).map(one).collect()
}

fn shape(dice: &mut Dice, via: Via) -> Shape {
    match via {
        Via::Queue { .. } => dice.pick([
            Shape::Bare,
            Shape::Event,
            Shape::Notification,
            Shape::NotificationOfEvent,
            Shape::List,
            Shape::Records,
        ]),
        Via::Bus => dice.pick([Shape::Bare, Shape::Blocked]),
        Via::Topic => dice.pick([Shape::Bare, Shape::Event, Shape::List]),
        Via::Direct { .. } => dice.pick([Shape::Bare, Shape::List]),
    }
}

struct Maker<'a> {
    ids: &'a [(String, Ms)],
    shares_reasons: bool,
    many: bool,
    malformed: f64,
    dry_runs: f64,
    terminates: f64,
    strangers: f64,
    allow_terminate: bool,
    number: usize,
    dice: Dice,
}

impl Maker<'_> {
    /// So many requests, and when the last of the jobs they name is there.
    fn wants(&mut self, count: usize) -> (Arc<[Want]>, Ms) {
        let mut earliest = 0;
        let wants = (0..count)
            .map(|_| {
                self.number += 1;
                if self.dice.chance(self.malformed) { self.malformed() } else { self.ask(&mut earliest) }
            })
            .collect();
        (wants, earliest)
    }

    fn ask(&mut self, earliest: &mut Ms) -> Want {
        let count = if self.many { self.dice.pick([1, 2, 5, 30]) } else { 1 };
        let jobs: Vec<String> = (0..count)
            .map(|_| match self.dice.choose(self.ids) {
                Some((id, at)) if !self.dice.chance(self.strangers) => {
                    *earliest = (*earliest).max(*at);
                    id.clone()
                }
                _ => format!("nobody-{}", self.number),
            })
            .collect();
        let reason = match self.dice.count(0..=19) {
            0 => format!("{} {}", self.number, "A long story. ".repeat(100)),
            _ if self.shares_reasons => {
                self.dice.pick(["Superseded.", "Too late.", "Nightly clean-up."]).to_owned()
            }
            _ => format!("Superseded by run {}.", self.number),
        };
        let terminate = self.dice.chance(self.terminates);
        let dry_run = self.dice.chance(self.dry_runs);
        let mut object = Map::new();
        object.insert("reason".into(), reason.as_str().into());
        if jobs.len() == 1 && self.dice.chance(0.8) {
            let id = jobs.first().map_or("", String::as_str);
            let as_arn = self.dice.chance(0.2);
            object.insert(
                "jobId".into(),
                if as_arn { format!("{JOB_ARNS}{id}") } else { id.to_owned() }.into(),
            );
        } else {
            object.insert("jobIds".into(), jobs.clone().into());
        }
        if terminate || self.dice.chance(0.1) {
            object.insert("action".into(), if terminate { "terminate" } else { "cancel" }.into());
        }
        if dry_run || self.dice.chance(0.1) {
            object.insert("dryRun".into(), dry_run.into());
        }
        let run = self.dice.chance(0.2).then_some(self.number);
        if let Some(run) = run {
            object.insert("metadata".into(), json!({"run": run}));
        }
        let run = run.and_then(|run| run.try_into().ok());
        let sent = Reason::new(&reason);
        let allowed = !terminate || self.allow_terminate;
        let action = if terminate { Action::Terminate } else { Action::Cancel };
        let ask =
            sent.filter(|_| allowed).map(|reason| Ask { run, ..Ask::new(jobs, action, reason, dry_run) });
        Want { json: written(&object), ask }
    }

    /// Batch's own event of a job that holds up its queue.
    fn blocked(&mut self) -> (Arc<[Want]>, Ms) {
        let (id, at) = self.dice.choose(self.ids).cloned().unwrap_or_default();
        let why = self
            .dice
            .pick(["MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - Too large.", "UNDETERMINED - Stuck."]);
        let json = json!({"jobId": id, "jobQueue": "default", "status": "RUNNABLE", "statusReason": why});
        let reason = Reason::new(&format!("Job queue blocked: {why}"));
        let ask = reason.map(|reason| Ask::new(vec![id], Action::Cancel, reason, false));
        (Arc::new([Want { json: written(&json), ask }]), at)
    }

    fn malformed(&mut self) -> Want {
        let id = self.dice.choose(self.ids).map_or("job-0", |(id, _)| id);
        let json = match self.dice.count(0..=7) {
            0 => json!({"jobId": id}),
            1 => json!({"reason": "No job."}),
            2 => json!({"jobId": "${jobId}", "reason": "A placeholder."}),
            3 => json!({"jobId": id, "reason": "A near miss.", "dry_run": true}),
            4 => json!({"jobId": id, "reason": "Not a boolean.", "dryRun": "true"}),
            5 => json!({"jobIds": [], "reason": "Nobody."}),
            6 => json!({"jobIds": [id, null], "reason": "One is wrong."}),
            _ => json!({"jobId": id, "reason": "  ", "action": "cancel"}),
        };
        Want { json: written(&json), ask: None }
    }
}
