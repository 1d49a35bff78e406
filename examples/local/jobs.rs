//! Jobs before and after an invocation.

use std::collections::HashSet;

use batch_canceller::job::Snapshot;
use batch_canceller::report::Report;
use batch_canceller::request::JobId;
use batch_sim::{JobView, Simulator};

/// Where to look jobs up.
pub(crate) enum Ledger {
    /// In the embedded Batch itself, which knows of every change, and not only of those the function reports.
    Embedded(Simulator),
    /// In the function's own results.
    Results,
}

/// One job's state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) flag: &'static str,
    pub(crate) reason: String,
}

/// One job that an invocation was about.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) before: Option<State>,
    /// None when it did not change, or was not looked at again.
    pub(crate) after: Option<State>,
}

impl Ledger {
    /// The heading for what this ledger can tell.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "jobs on the embedded AWS Batch",
            Self::Results => "jobs, as the function saw them",
        }
    }

    /// What a single state means: in the embedded Batch that the job has not changed, in a result only that nobody
    /// looked at it twice.
    pub(crate) fn once(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "unchanged",
            Self::Results => "seen once",
        }
    }

    /// Every job as it stands before an invocation, where that can be known.
    pub(crate) fn open(&self) -> Vec<JobView> {
        match self {
            Self::Embedded(sim) => sim.jobs(),
            Self::Results => Vec::new(),
        }
    }

    /// The jobs that the results are about, and whatever else has changed.
    pub(crate) fn changes(&self, before: &[JobView], report: &Report) -> Vec<Change> {
        match self {
            Self::Embedded(sim) => embedded(before, &sim.jobs(), report),
            Self::Results => reported(report),
        }
    }
}

fn embedded(before: &[JobView], after: &[JobView], report: &Report) -> Vec<Change> {
    let named = report.results().filter_map(|result| result.job_id);
    let sweeps = report.results().filter_map(|result| result.sweep);
    let swept = sweeps.flat_map(|sweep| sweep.job_ids.values().flatten().chain(&sweep.summary.kept_ids));
    let meant: HashSet<&str> = named.chain(swept).map(JobId::as_str).collect();
    before
        .iter()
        .zip(after)
        .filter_map(|(before, after)| {
            let (then, now) = (State::from(before), State::from(after));
            let changed = then != now;
            (changed || meant.contains(&*before.id)).then(|| Change {
                id: before.id.clone(),
                name: before.name.clone(),
                before: Some(then),
                after: changed.then_some(now),
            })
        })
        .collect()
}

fn reported(report: &Report) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for result in report.results() {
        let Some(id) = result.job_id else { continue };
        let seen = result.before.or(result.after);
        if seen.is_none() || changes.iter().any(|change| change.id == id.as_str()) {
            continue;
        }
        let name = seen.and_then(|seen| seen.job_name.as_deref());
        changes.push(Change {
            id: id.as_str().to_owned(),
            name: name.unwrap_or_default().to_owned(),
            before: result.before.map(State::from),
            after: result.after.map(State::from),
        });
    }
    changes
}

impl From<&JobView> for State {
    fn from(job: &JobView) -> Self {
        Self {
            status: job.status.as_str().to_owned(),
            flag: flag(job.is_cancelled, job.is_terminated),
            reason: job.status_reason.clone().unwrap_or_default(),
        }
    }
}

impl From<&Snapshot> for State {
    fn from(seen: &Snapshot) -> Self {
        Self {
            status: seen.status.to_string(),
            flag: flag(seen.is_cancelled == Some(true), seen.is_terminated == Some(true)),
            reason: seen.status_reason.as_deref().unwrap_or_default().to_owned(),
        }
    }
}

fn flag(is_cancelled: bool, is_terminated: bool) -> &'static str {
    match (is_cancelled, is_terminated) {
        (_, true) => "isTerminated",
        (true, false) => "isCancelled",
        (false, false) => "",
    }
}
