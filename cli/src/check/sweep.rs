//! What would become of the jobs of a sweep.
//!
//! The function itself tells, in a dry run: its lines about jobs are gathered, and what they do not say is taken from the
//! listings that pass by.

mod onlooker;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use batch_canceller::clock;
use batch_canceller::config::Config;
use batch_canceller::handler::{Function, Keep, process};
use batch_canceller::log::Log;
use batch_canceller::outcome::Outcome;
use batch_canceller::policy::Policy;
use batch_canceller::request::{JobId, Rules};
use batch_canceller::sweep::SweepSummary;
use batch_canceller::trigger::deliveries;
use lambda_runtime::Context;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::warned;
use crate::args::{self, CheckOutput};
use crate::input::{self, Text};
use crate::lint::{self, Warning};
use crate::output::{self, Screen, swept, table};
use crate::trouble::Trouble;
use crate::{batch, json};
use onlooker::{InListing, Onlooker};

/// What names the request where nothing else does.
const REQUEST_ID: &str = "check";

/// How long all may take: as long as Lambda lets a function run.
const TIMEOUT_MS: u64 = 900_000;

/// What would become of a newest job that a sweep leaves alone.
pub(crate) const KEPT: &str = "kept";

/// What a sweep would come to.
#[derive(Debug)]
pub(crate) struct Swept<'p> {
    pub(crate) policy: &'p Policy,
    /// What messages call the file of the sweep.
    pub(crate) file: String,
    /// What would become of the sweep as a whole.
    pub(crate) outcome: Outcome,
    pub(crate) why: Option<String>,
    /// The function's own counts.
    pub(crate) counts: Counts,
    /// From the oldest to the newest.
    pub(crate) jobs: Vec<JobRow>,
    pub(crate) warnings: Vec<Warning>,
}

/// What a sweep's result counts, beside its limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    #[serde(flatten)]
    pub(crate) of: SweepSummary,
    pub(crate) max_jobs: usize,
    /// Matches of which nothing can be told.
    pub(crate) left: u64,
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
}

/// A job, and what would become of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobRow {
    pub(crate) job_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_seconds: Option<u64>,
    /// An outcome, or [`KEPT`].
    pub(crate) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// What a line of the function's log says of a job.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    job_id: String,
    outcome: String,
    clause: Option<String>,
    why: Option<String>,
    before: Option<Before>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    status: String,
    job_name: Option<String>,
}

/// Reads, looks and prints, and tells whether the sweep would be carried out.
pub(super) fn run(
    args: &args::Check,
    path: &PathBuf,
    screen: Screen,
    errors: Screen,
) -> Result<bool, Trouble> {
    if args.output == CheckOutput::Junit {
        return Err(Trouble::new("--output junit: it is for cases: a sweep has `table` and `json`"));
    }
    input::one_stdin(&[&args.policy, path])?;
    let policy = Arc::new(input::policy(&args.policy)?);
    let text = input::read(path)?;
    let swept = batch::wait_for(sweep(&policy, &text))??;
    if args.output == CheckOutput::Table {
        output::complain(&table::warnings(&swept.warnings, errors))?;
    }
    output::print(&match args.output {
        CheckOutput::Json => swept::json(&swept)?,
        _ => swept::text(&swept, screen),
    })?;
    let is_told = swept.outcome == Outcome::Swept && swept.counts.left == 0;
    Ok(is_told && !(args.deny_warnings && warned(&swept.warnings) > 0))
}

/// What a sweep would come to now, under a policy.
async fn sweep<'p>(policy: &'p Arc<Policy>, text: &Text) -> Result<Swept<'p>, Trouble> {
    let payload = json::whole(&text.text).map_err(|(line, what)| Trouble::at(text.at(line), what))?;
    let config = Config {
        dry_run: true,
        policy: Some(policy.clone()),
        // What a deployment allows is not in question here.
        allow_terminate: true,
        ..batch::config()?
    };
    let (batch, region) = batch::connect(&config.limits).await?;
    let rules = Rules { region: region.as_deref(), account: None, allow_terminate: true };
    let max_jobs = max_jobs(payload, &rules).map_err(|what| Trouble::at(&text.name, what))?;

    let onlooker = Onlooker::new(batch);
    let listed = onlooker.listed();
    let lines = Lines::default();
    let log = Log::new(lines.clone(), config.log_level);
    let function = Function::new(onlooker, config, region, log);
    let mut context = Context::default();
    REQUEST_ID.clone_into(&mut context.request_id);
    let now = clock::unix_ms();
    context.deadline = now + TIMEOUT_MS;
    let report = process(&function, payload.to_owned(), &context, Keep::Always).await;
    let report = report.map_err(|unknown| Trouble::at(&text.name, unknown))?;

    let (result, sweep) = report
        .results()
        .find_map(|result| Some((result.clone(), result.sweep?)))
        .ok_or_else(|| Trouble::at(&text.name, "the function has no result for the sweep"))?;
    let listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Swept {
        policy,
        file: text.name.clone(),
        outcome: result.outcome,
        why: result.why.map(ToOwned::to_owned),
        counts: Counts {
            of: sweep.summary.clone(),
            max_jobs,
            left: sweep.left,
            outcomes: sweep.outcomes.clone(),
        },
        jobs: jobs(&lines.text(), &sweep.summary.kept_ids, &listed, now),
        warnings: lint::lint(policy),
    })
}

/// The limit of the one sweep that a payload asks for, or why the function would not take it on.
fn max_jobs(payload: &RawValue, rules: &Rules<'_>) -> Result<usize, String> {
    let deliveries = deliveries(payload, rules, REQUEST_ID).map_err(|unknown| unknown.to_string())?;
    let [delivery] = deliveries.as_slice() else {
        return Err(format!("it holds {} requests: give one, with `sweep`", deliveries.len()));
    };
    let request = delivery.request.as_ref().map_err(ToString::to_string)?;
    match &request.sweep {
        Some(sweep) => Ok(sweep.max_jobs),
        None => Err("it names its jobs: give a request with `sweep`, or try it with `explain --job`".into()),
    }
}

/// Every job that there is something to say of: those that the log has, and those that are kept.
fn jobs(log: &[u8], kept: &HashSet<JobId>, listed: &HashMap<JobId, InListing>, now: u64) -> Vec<JobRow> {
    let job = |id: &JobId, outcome: String| {
        let InListing { job_name, status, created_at } = listed.get(id).cloned().unwrap_or_default();
        JobRow {
            job_id: id.as_str().to_owned(),
            job_name,
            status,
            created_at,
            age_seconds: created_at.and_then(|created| now.checked_sub(created)).map(|ms| ms / 1000),
            outcome,
            clause: None,
            why: None,
        }
    };
    // The invocation has lines of its own.
    let lines = log.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    let mut jobs: HashMap<JobId, JobRow> =
        kept.iter().map(|id| (id.clone(), job(id, KEPT.to_owned()))).collect();
    for Line { job_id, outcome, clause, why, before } in lines {
        let id = JobId::from(job_id.as_str());
        let mut told = JobRow { clause, why, ..job(&id, outcome) };
        if let Some(Before { status, job_name }) = before {
            told.status = Some(status);
            told.job_name = job_name.or(told.job_name);
        }
        jobs.insert(id, told);
    }
    let mut jobs: Vec<_> = jobs.into_values().collect();
    jobs.sort_unstable_by(|one, other| (one.created_at, &one.job_id).cmp(&(other.created_at, &other.job_id)));
    jobs
}

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
