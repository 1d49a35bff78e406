//! What became of every request of an invocation, and how that is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::executor::{Execution, Tally};
use crate::job::Snapshot;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::request::{Action, JobId};
use crate::trigger::{Delivery, Source};

/// An invocation that has been dealt with.
#[derive(Debug)]
pub struct Report {
    deliveries: Vec<Delivery>,
    plan: Plan,
    execution: Execution,
}

impl Report {
    pub(crate) fn new(deliveries: Vec<Delivery>, plan: Plan, execution: Execution) -> Self {
        Self { deliveries, plan, execution }
    }

    /// Each delivery with its results: one for every job id it names, or one for its rejection.
    pub fn deliveries(&self) -> impl Iterator<Item = (&Delivery, impl Iterator<Item = ResultRecord<'_>>)> {
        self.deliveries.iter().zip(&self.plan.wanted).map(|(delivery, wanted)| {
            let rejected = delivery.request.is_err().then(|| ResultRecord::rejected(delivery));
            let jobs = wanted.iter().filter_map(|&job| self.result(delivery, job));
            (delivery, rejected.into_iter().chain(jobs))
        })
    }

    /// Every result, in the order of the deliveries and of the ids in them.
    pub fn results(&self) -> impl Iterator<Item = ResultRecord<'_>> {
        self.deliveries().flat_map(|(_, results)| results)
    }

    /// Counts over the results.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut outcomes = BTreeMap::new();
        for result in self.results() {
            *outcomes.entry(result.outcome).or_default() += 1;
        }
        Summary { outcomes, tally: self.execution.tally, omitted: 0 }
    }

    /// The report as JSON of at most `limit` bytes, as `cost` counts them. Past that it lists only what is
    /// not settled, as far as it fits, and its summary counts what was `omitted`; the log has everything.
    #[must_use]
    pub fn to_json(&self, limit: usize, cost: impl Fn(&str) -> usize) -> String {
        // The summary and the braces around both.
        const FRAME: usize = 1024;
        let write = |keep: &dyn Fn(Outcome) -> bool| {
            let (mut list, mut spent, mut omitted) = (String::new(), FRAME, 0);
            for result in self.results() {
                let json = serde_json::to_string(&result).unwrap_or_default();
                let price = cost(&json) + 1;
                if json.is_empty() || !keep(result.outcome) || spent + price > limit {
                    omitted += 1;
                    continue;
                }
                spent += price;
                if !list.is_empty() {
                    list.push(',');
                }
                list.push_str(&json);
            }
            (list, omitted)
        };
        let (mut list, mut omitted) = write(&|_| true);
        if omitted > 0 {
            (list, omitted) = write(&|outcome| !outcome.is_settled());
        }
        let summary = serde_json::to_string(&Summary { omitted, ..self.summary() }).unwrap_or_default();
        format!(r#"{{"summary":{summary},"results":[{list}]}}"#)
    }

    fn result<'a>(&'a self, delivery: &'a Delivery, job: usize) -> Option<ResultRecord<'a>> {
        let request = delivery.request.as_ref().ok()?;
        let job = self.plan.jobs.get(job).zip(self.execution.results.get(job));
        let (job, result) = job?;
        Some(ResultRecord {
            job_id: Some(&job.id),
            outcome: result.verdict.outcome,
            action: Some(job.action),
            reason: Some(job.reason.as_str()),
            reason_truncated: job.reason.truncated(),
            dry_run: job.dry_run,
            why: result.verdict.why.as_deref().map(Cow::Borrowed),
            before: result.before.as_ref(),
            after: result.after.as_ref(),
            attempts: result.attempts,
            metadata: request.metadata.as_deref(),
            delivery: DeliveryRef { source: delivery.source, id: &delivery.id },
        })
    }
}

/// One result: what became of one job of one delivery, or why the delivery was rejected.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultRecord<'a> {
    /// Which job; absent when the request was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<&'a JobId>,
    /// What became of it.
    pub outcome: Outcome,
    /// What was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The reason that was, or would have been, sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Whether the producer's reason was longer than Batch takes.
    #[serde(skip_serializing_if = "is_false")]
    pub reason_truncated: bool,
    /// Whether nothing was to be changed.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// One sentence, where the outcome alone does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Cow<'a, str>>,
    /// The job before acting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<&'a Snapshot>,
    /// The job when it was last seen after acting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<&'a Snapshot>,
    /// Calls to stop the job that were started.
    pub attempts: u32,
    /// The producer's own data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// Who asked.
    pub delivery: DeliveryRef<'a>,
}

/// The delivery that a result belongs to.
#[derive(Debug, Serialize)]
pub struct DeliveryRef<'a> {
    /// Where it came from.
    pub source: Source,
    /// Its id there.
    pub id: &'a str,
}

impl<'a> ResultRecord<'a> {
    fn rejected(delivery: &'a Delivery) -> Self {
        Self {
            job_id: None,
            outcome: Outcome::Rejected,
            action: None,
            reason: None,
            reason_truncated: false,
            dry_run: false,
            why: delivery.request.as_ref().err().map(|rejection| rejection.to_string().into()),
            before: None,
            after: None,
            attempts: 0,
            metadata: None,
            delivery: DeliveryRef { source: delivery.source, id: &delivery.id },
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Counts over an invocation's results.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How many results there are of each outcome that occurred.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// What it took.
    pub tally: Tally,
    /// Results that a reply leaves out, to stay within Lambda's limit.
    pub omitted: u64,
}

impl Summary {
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

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("requested", &self.requested())?;
        map.serialize_entry("settled", &self.settled())?;
        for (outcome, count) in &self.outcomes {
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
