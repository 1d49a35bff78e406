//! What is gathered of an invocation's results: counts, what is not settled, and as many results as an answer can
//! hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::engine::{JobResult, Tally};
use crate::job::Snapshot;
use crate::order::Ordered;
use crate::outcome::{Outcome, Verdict};
use crate::request::JobId;
use crate::result::ResultRecord;
use crate::sweep::{Ended, Falling, SweepSummary};
use crate::trigger::Delivery;

/// Most results that are kept for an answer. None that is shorter than this fits more.
const MOST_KEPT: usize = crate::reply::MAX_REPORT_BYTES / 64;

/// An invocation that has been dealt with, as far as its answer needs it.
#[derive(Debug)]
pub struct Report {
    deliveries: Vec<Delivery>,
    gathered: Gathered,
    tally: Tally,
}

/// What is gathered while results come in.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// By what comes first in an answer: what is not settled, then in the order in which it was asked for.
    kept: BTreeMap<(bool, usize, usize), Kept>,
    most: usize,
    /// Results by outcome.
    counts: BTreeMap<Outcome, u64>,
    /// Whether each delivery has a result that is not settled.
    unsettled: Vec<bool>,
    /// What became of the jobs of each delivery that is a sweep.
    swept: BTreeMap<usize, Swept>,
    /// How many results stand within those of sweeps.
    told_by_sweeps: u64,
}

/// What became of a sweep's jobs.
#[derive(Debug, Default)]
struct Swept {
    outcomes: BTreeMap<Outcome, u64>,
    /// The first hundred of each outcome.
    ids: BTreeMap<Outcome, Vec<JobId>>,
    /// Those that were stopped, or would be.
    stopped: Vec<JobId>,
}

/// So many ids of each outcome stand in a sweep's result. The log has them all.
const IDS_OF_A_SWEEP: usize = 100;

/// What a sweep came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// What it found.
    #[serde(flatten)]
    pub summary: SweepSummary,
    /// Matches that are not settled: they are found when it comes again.
    pub left: u64,
    /// What became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// The first hundred of each outcome.
    pub job_ids: BTreeMap<Outcome, Vec<JobId>>,
    /// What fails with those that were stopped, or would be, since it depends on them: as far as it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependents: Option<Falling>,
}

/// One result that may go into an answer.
#[derive(Debug)]
struct Kept {
    verdict: Verdict,
    /// `None` for a delivery as a whole.
    job: Option<KeptJob>,
    sweep: Option<Arc<SweepReport>>,
}

#[derive(Debug)]
struct KeptJob {
    id: JobId,
    ordered: Ordered,
    before: Option<Snapshot>,
    after: Option<Snapshot>,
    attempts: u32,
}

impl Gathered {
    /// Nothing yet of so many deliveries. Without `keep`, no result is kept for an answer.
    pub(crate) fn new(deliveries: usize, keep: bool) -> Self {
        Self {
            kept: BTreeMap::new(),
            most: if keep { MOST_KEPT } else { 0 },
            counts: BTreeMap::new(),
            unsettled: vec![false; deliveries],
            swept: BTreeMap::new(),
            told_by_sweeps: 0,
        }
    }

    /// Takes a job's result.
    pub(crate) fn job(&mut self, result: JobResult<'_>) {
        let JobResult { id, ordered, verdict, before, after, attempts } = result;
        self.count(ordered.delivery, verdict.outcome, 1);
        if let Some(swept) = self.swept.get_mut(&ordered.delivery) {
            self.told_by_sweeps += 1;
            *swept.outcomes.entry(verdict.outcome).or_default() += 1;
            let ids = swept.ids.entry(verdict.outcome).or_default();
            if ids.len() < IDS_OF_A_SWEEP {
                ids.push(id.clone());
            }
            if verdict.outcome.is_stopped() {
                swept.stopped.push(id.clone());
            }
            return;
        }
        self.keep(ordered.delivery, ordered.place, verdict, || {
            let job = KeptJob {
                id: id.clone(),
                ordered: ordered.clone(),
                before: before.cloned(),
                after: after.cloned(),
                attempts,
            };
            Some(job)
        });
    }

    /// Takes one result for a whole delivery, which stands for so many jobs.
    pub(crate) fn delivery(&mut self, delivery: usize, verdict: &Verdict, jobs: usize) {
        self.count(delivery, verdict.outcome, jobs);
        self.keep(delivery, 0, verdict, || None);
    }

    /// A delivery turns out to be a sweep.
    pub(crate) fn expect_sweep(&mut self, delivery: usize) {
        self.swept.insert(delivery, Swept::default());
    }

    /// How many of a sweep's jobs were stopped, if others are left.
    pub(crate) fn cut_short(&self, delivery: usize) -> Option<usize> {
        let swept = self.swept.get(&delivery)?;
        swept.outcomes.keys().any(|outcome| !outcome.is_settled()).then_some(swept.stopped.len())
    }

    /// Takes what a sweep came to, after the results of its jobs.
    pub(crate) fn sweep(&mut self, sweep: Ended) -> (Verdict, Arc<SweepReport>) {
        let Ended { delivery, verdict, summary, dependents } = sweep;
        let Swept { outcomes, ids: job_ids, stopped } = self.swept.remove(&delivery).unwrap_or_default();
        let left = outcomes.iter().filter(|(outcome, _)| !outcome.is_settled()).map(|(_, count)| count).sum();
        let dependents = dependents.falling_with(&stopped);
        let report = Arc::new(SweepReport { summary, left, outcomes, job_ids, dependents });
        self.count(delivery, verdict.outcome, 1);
        if verdict.outcome == Outcome::HandedOn
            && let Some(unsettled) = self.unsettled.get_mut(delivery)
        {
            *unsettled = false;
        }
        self.keep(delivery, 0, &verdict, || None);
        let key = (verdict.outcome.is_settled(), delivery, 0);
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.sweep = Some(report.clone());
        }
        (verdict, report)
    }

    pub(crate) fn counts(&self) -> &BTreeMap<Outcome, u64> {
        &self.counts
    }

    fn count(&mut self, delivery: usize, outcome: Outcome, results: usize) {
        *self.counts.entry(outcome).or_default() += u64::try_from(results).unwrap_or(u64::MAX);
        if let Some(unsettled) = self.unsettled.get_mut(delivery) {
            *unsettled |= !outcome.is_settled();
        }
    }

    fn keep(
        &mut self,
        delivery: usize,
        place: usize,
        verdict: &Verdict,
        job: impl FnOnce() -> Option<KeptJob>,
    ) {
        let key = (verdict.outcome.is_settled(), delivery, place);
        let is_full = self.kept.len() >= self.most;
        if is_full && self.kept.last_key_value().is_none_or(|(last, _)| *last < key) {
            return;
        }
        self.kept.insert(key, Kept { verdict: verdict.clone(), job: job(), sweep: None });
        if is_full {
            self.kept.pop_last();
        }
    }
}

impl Report {
    pub(crate) fn new(deliveries: Vec<Delivery>, gathered: Gathered, tally: Tally) -> Self {
        Self { deliveries, gathered, tally }
    }

    /// Each delivery, and whether all its results are settled.
    pub fn deliveries(&self) -> impl Iterator<Item = (&Delivery, bool)> {
        self.deliveries.iter().zip(self.gathered.unsettled.iter().map(|unsettled| !unsettled))
    }

    /// The results that were kept, in the order of the deliveries and of the ids in them.
    pub fn results(&self) -> impl Iterator<Item = ResultRecord<'_>> {
        let mut kept: Vec<_> = self.gathered.kept.iter().collect();
        kept.sort_unstable_by_key(|((_, delivery, place), _)| (*delivery, *place));
        kept.into_iter().filter_map(|((_, delivery, _), kept)| self.record(*delivery, kept))
    }

    /// Counts over the results.
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary { outcomes: &self.gathered.counts, tally: self.tally, omitted: 0 }
    }

    /// The report as JSON that costs at most `limit`, as `cost` counts it. Where it does not fit, what the requests
    /// themselves said is left out; then, of the results, those that are settled first. The summary counts what was
    /// `omitted`; the log has everything.
    #[must_use]
    pub fn to_json(&self, limit: usize, cost: impl Fn(&str) -> usize) -> String {
        // The summary and the braces around both.
        const FRAME: usize = 1024;
        let limit = limit.saturating_sub(FRAME);
        let all = self.summary().requested().saturating_sub(self.gathered.told_by_sweeps);
        let write = |json: String, spent: &mut usize| {
            *spent += cost(&json) + 1;
            (*spent <= limit && !json.is_empty()).then_some(json)
        };
        let mut spent = 0;
        let full: Option<Vec<_>> = self.results().map(|record| write(to_json(&record), &mut spent)).collect();
        let list = full.unwrap_or_else(|| {
            let mut spent = 0;
            let kept = self.gathered.kept.iter();
            let records = kept.filter_map(|((_, delivery, place), kept)| {
                Some(((*delivery, *place), self.record(*delivery, kept)?))
            });
            let mut lean: Vec<_> = records
                .map_while(|(key, record)| {
                    Some((key, write(record.to_lean_json().unwrap_or_default(), &mut spent)?))
                })
                .collect();
            lean.sort_unstable_by_key(|(key, _)| *key);
            lean.into_iter().map(|(_, json)| json).collect()
        });
        let omitted = all.saturating_sub(u64::try_from(list.len()).unwrap_or(u64::MAX));
        let summary = to_json(&Summary { omitted, ..self.summary() });
        format!(r#"{{"summary":{summary},"results":[{}]}}"#, list.join(","))
    }

    fn record<'a>(&'a self, delivery: usize, kept: &'a Kept) -> Option<ResultRecord<'a>> {
        let delivery = self.deliveries.get(delivery)?;
        let job = kept.job.as_ref().map(|job| JobResult {
            id: &job.id,
            ordered: &job.ordered,
            verdict: &kept.verdict,
            before: job.before.as_ref(),
            after: job.after.as_ref(),
            attempts: job.attempts,
        });
        match &kept.sweep {
            Some(report) => Some(sweep_record(delivery, &kept.verdict, report)),
            None => Some(record(delivery, &kept.verdict, job)),
        }
    }
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The record of one result: of a job, or of a delivery as a whole.
pub(crate) fn record<'a>(
    delivery: &'a Delivery,
    verdict: &'a Verdict,
    job: Option<JobResult<'a>>,
) -> ResultRecord<'a> {
    let request = delivery.request.as_ref().ok();
    let wish = job.map(|job| &job.ordered.wish);
    ResultRecord {
        job_id: job.map(|job| job.id),
        outcome: verdict.outcome,
        action: wish.map(|wish| wish.action),
        reason: wish.map(|wish| wish.reason.as_str()),
        reason_truncated: wish.is_some_and(|wish| wish.reason.truncated()),
        dry_run: wish.is_some_and(|wish| wish.dry_run),
        clause: job.and_then(|job| job.ordered.clause.as_deref()),
        why: verdict.why.as_deref(),
        before: job.and_then(|job| job.before),
        after: job.and_then(|job| job.after),
        attempts: job.map_or(0, |job| job.attempts),
        metadata: request.and_then(|request| request.metadata.as_deref()),
        sweep: None,
        requested_by: &delivery.requested_by,
    }
}

/// The record of a sweep as a whole.
pub(crate) fn sweep_record<'a>(
    delivery: &'a Delivery,
    verdict: &'a Verdict,
    report: &'a SweepReport,
) -> ResultRecord<'a> {
    let request = delivery.request.as_ref().ok();
    ResultRecord {
        action: request.map(|request| request.action),
        reason: request.map(|request| request.reason.as_str()),
        reason_truncated: request.is_some_and(|request| request.reason.truncated()),
        dry_run: report.summary.dry_run,
        sweep: Some(report),
        ..record(delivery, verdict, None)
    }
}

/// Counts over an invocation's results.
#[derive(Debug, Clone)]
pub struct Summary<'a> {
    /// How many results there are of each outcome that occurred.
    pub outcomes: &'a BTreeMap<Outcome, u64>,
    /// What it took.
    pub tally: Tally,
    /// Results that an answer leaves out, to stay within its limit.
    pub omitted: u64,
}

impl Summary<'_> {
    /// How many results there are.
    #[must_use]
    pub fn requested(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// How many of them are settled.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| outcome.is_settled()).map(|(_, count)| count).sum()
    }
}

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("requested", &self.requested())?;
        map.serialize_entry("settled", &self.settled())?;
        for (outcome, count) in self.outcomes {
            map.serialize_entry(outcome, count)?;
        }
        map.serialize_entry("apiCalls", &self.tally.api_calls)?;
        map.serialize_entry("retries", &self.tally.retries)?;
        map.serialize_entry("throttled", &self.tally.throttled)?;
        if self.omitted > 0 {
            map.serialize_entry("omitted", &self.omitted)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
