//! Sweeps: listings that become orders, and the count that comes before any act.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event_pattern::{Pattern, Value};
use serde::Serialize;

use crate::batch::{Listed, Listing, Which, is_spelt};
use crate::engine::Found;
use crate::order::{Order, Ordered, Seen};
use crate::outcome::{Outcome, Verdict, Wish};
use crate::policy::{Clause, Policy, Subject};
use crate::request::{CancelRequest, JobId, ListingOf, Sweep};

/// How far beyond its limit a sweep is counted, so that its result can say by how much.
const COUNTED_BEYOND: usize = 10;

/// Where a pass takes more pages than that, another costs too much; jobs go through their statuses in the order in which
/// these are listed, so that hardly any gets past.
const MOST_PAGES_TO_LIST_AGAIN: u64 = 20;

/// What a listing shows of a job, as far as patterns may rely on it (`JobSummary` in the API reference).
const IN_SUMMARIES: [&str; 9] = [
    "job.jobArn",
    "job.jobId",
    "job.jobName",
    "job.createdAt",
    "job.status",
    "job.statusReason",
    "job.startedAt",
    "job.stoppedAt",
    "job.shareIdentifier",
];

/// One sweep of an invocation.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    /// The place of its delivery.
    pub(crate) delivery: usize,
    request: &'a CancelRequest,
    sweep: &'a Sweep,
    dry_run: bool,
    /// What of its filter a summary can decide.
    prefilter: Option<Arc<Pattern>>,
    /// Whether a summary decides everything.
    summary_suffices: bool,
    /// The jobs that were listed and may be meant, so that none is ordered twice.
    listed: HashSet<JobId>,
    scanned: u64,
    matched: usize,
    /// Those that took a look to tell.
    met: HashSet<JobId>,
    /// Those that could not be looked at before all were counted, and may match as well.
    unseen: usize,
    /// Matches that another request of the invocation is about.
    elsewhere: HashSet<JobId>,
    pages: u64,
    passes: u32,
    /// How many of them earlier passes had found.
    listed_before: usize,
    is_cut_short: bool,
    failure: Option<String>,
    /// Of what the matches have in common, each with when it was created.
    ages: HashMap<String, Vec<(i64, JobId)>>,
    /// Those that are left alone, once all are counted.
    kept: Option<HashSet<JobId>>,
}

/// What a sweep came to, besides what became of each job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepSummary {
    /// The queue or the array job.
    #[serde(flatten)]
    pub of: SweepOf,
    /// Jobs that were listed.
    pub scanned: u64,
    /// Those that match.
    pub matched: u64,
    /// Whether there are more than that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Matches that were left alone for being the newest.
    pub kept: u64,
    /// How it was found out.
    pub plan: Plan,
    /// Whether it was to change nothing.
    #[serde(skip)]
    pub dry_run: bool,
}

/// Whose jobs were swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SweepOf {
    /// A queue's.
    JobQueue(Box<str>),
    /// An array job's.
    ArrayJobId(JobId),
}

/// How a sweep's jobs were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What decided about each job: the `summary` of the listing, or `DescribeJobs`.
    pub look: &'static str,
    /// Pages that were listed.
    pub pages: u64,
}

impl<'a> Progress<'a> {
    /// A sweep that a delivery asks for, to be judged by a policy too.
    pub(crate) fn new(
        delivery: usize,
        request: &'a CancelRequest,
        policy: Option<&Policy>,
        dry_run: bool,
    ) -> Option<Self> {
        let sweep = request.sweep.as_deref()?;
        let filter = sweep.filter.as_deref();
        let clauses = policy.into_iter().flat_map(|policy| policy.deny().iter().chain(policy.allow()));
        let patterns = filter.into_iter().chain(request.expect.as_deref()).chain(clauses.map(Clause::when));
        let by_tag = sweep.keep_newest.as_ref().is_some_and(|keep| !IN_SUMMARIES.contains(&&*keep.per));
        let summary_suffices =
            !by_tag && patterns.into_iter().all(|pattern| pattern.asks_only(is_in_summaries));
        Some(Self {
            delivery,
            request,
            sweep,
            dry_run: dry_run || request.dry_run,
            prefilter: filter.and_then(|filter| filter.restricted_to(is_in_summaries)).map(Arc::new),
            summary_suffices,
            listed: HashSet::new(),
            scanned: 0,
            matched: 0,
            met: HashSet::new(),
            unseen: 0,
            elsewhere: HashSet::new(),
            pages: 0,
            passes: 0,
            listed_before: 0,
            is_cut_short: false,
            failure: None,
            ages: HashMap::new(),
            kept: None,
        })
    }

    /// Whether its jobs must be described.
    pub(crate) fn needs_details(&self) -> bool {
        !self.summary_suffices
    }

    /// The questions to `ListJobs`, in the order in which jobs go through their statuses: a job that goes on meanwhile is
    /// met again.
    pub(crate) fn listings(&self) -> Vec<Listing> {
        let listing =
            |status: &_| Listing { of: self.sweep.of.clone(), which: Which::In(Clone::clone(status)) };
        self.sweep.status.iter().map(listing).collect()
    }

    /// What is ordered of a job that its listing shows; `subject` gives what patterns see of it. Jobs that are `taken` are
    /// another request's.
    pub(crate) fn listed(
        &mut self,
        job: Listed,
        subject: impl FnOnce(&Listed, &CancelRequest) -> Option<bool>,
        is_taken: bool,
    ) -> Found {
        self.scanned += u64::from(self.passes == 0);
        if self.listed.contains(&job.id) {
            return Found::Nothing;
        }
        if self.prefilter.is_some() && subject(&job, self.request) != Some(true) {
            return Found::Nothing;
        }
        if is_taken {
            self.elsewhere.insert(job.id);
            return Found::Nothing;
        }
        // A later pass lists the others once more, which counts once.
        self.scanned += u64::from(self.passes > 0);
        if self.summary_suffices {
            self.matched += 1;
            if self.matched > self.sweep.max_jobs {
                self.is_cut_short = self.matched > self.sweep.max_jobs.saturating_mul(COUNTED_BEYOND);
                return if self.is_cut_short { Found::Enough } else { Found::Nothing };
            }
        }
        self.listed.insert(job.id.clone());
        let CancelRequest { action, reason, .. } = self.request;
        let wish = Wish { action: *action, reason: reason.clone(), dry_run: self.dry_run };
        let place = self.listed.len();
        let ordered = Ordered { wish, delivery: self.delivery, place, clause: None };
        let seen = Seen { snapshot: job.snapshot, summary: job.summary };
        let seen = self.summary_suffices.then(|| Box::new(seen));
        Found::Order(Box::new(Order { id: job.id, wishes: vec![ordered], seen }))
    }

    /// What a listing shows first is looked at by this part of the filter.
    pub(crate) fn prefilter(&self) -> Option<Arc<Pattern>> {
        self.prefilter.clone()
    }

    /// Takes a job that was seen, and tells whether it is meant.
    pub(crate) fn meets(&mut self, subject: &Subject<'_>) -> bool {
        let document = subject.document();
        let id = match document.get("job.jobId") {
            Some(Value::Text(id)) => self.as_listed(id),
            _ => return false,
        };
        if !self.summary_suffices {
            if self.sweep.filter.as_ref().is_some_and(|filter| !filter.matches(document)) {
                return false;
            }
            if self.met.insert(id.clone()) {
                self.matched += 1;
            }
        }
        if let Some(keep) = &self.sweep.keep_newest
            && let Some(Value::Text(common)) = document.get(&keep.per)
        {
            let created = match document.get("job.createdAt") {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "milliseconds since 1970 are far from the bound"
                )]
                Some(Value::Number(ms)) => ms as i64,
                _ => 0,
            };
            self.ages.entry(common.to_owned()).or_default().push((created, id));
        }
        true
    }

    /// A job's id as its listing wrote it: another answer may write it otherwise.
    fn as_listed(&self, id: &str) -> JobId {
        let id = JobId::from(id);
        if self.listed.contains(&id) {
            return id;
        }
        self.listed.iter().find(|listed| is_spelt(listed, id.as_str())).cloned().unwrap_or(id)
    }

    /// A job that may be meant could not be looked at.
    pub(crate) fn misses(&mut self) {
        self.unseen += usize::from(self.kept.is_none());
    }

    /// Its listing has ended. Where that found something, it is listed again: jobs move on between two pages, and one may
    /// have got past.
    pub(crate) fn ends(&mut self, pages: u64, failure: Option<&str>) -> Vec<Listing> {
        let of_this_pass = pages - self.pages;
        self.pages = pages;
        self.failure = failure.map(ToOwned::to_owned);
        let has_found = self.listed.len() > self.listed_before;
        self.listed_before = self.listed.len();
        self.passes += 1;
        let again = has_found
            && failure.is_none()
            && self.matched <= self.sweep.max_jobs
            && of_this_pass <= MOST_PAGES_TO_LIST_AGAIN;
        if again { self.listings() } else { Vec::new() }
    }

    /// Whether a match is to be stopped, now that all are counted.
    pub(crate) fn keeps(&mut self, id: &JobId) -> bool {
        if self.whole().is_some() {
            return false;
        }
        let count = self.sweep.keep_newest.as_ref().map_or(0, |keep| keep.count);
        let ages = &mut self.ages;
        let kept = self.kept.get_or_insert_with(|| {
            let newest = |jobs: &mut Vec<(i64, JobId)>| {
                jobs.sort_unstable_by(|one, other| other.cmp(one));
                jobs.iter().take(count).map(|(_, id)| id.clone()).collect::<Vec<_>>()
            };
            ages.values_mut().flat_map(newest).collect()
        });
        !kept.contains(id)
    }

    /// What is said of the sweep as a whole: why none of its jobs was stopped, or that it is done.
    fn whole(&self) -> Option<Verdict> {
        if let Some(failure) = &self.failure {
            let why = format!("the jobs could not be listed, and none was stopped: {failure}");
            return Some(Verdict::because(Outcome::Unavailable, why));
        }
        let (matched, unseen, most) = (self.matched, self.unseen, self.sweep.max_jobs);
        if matched > most {
            let at_least = if self.is_cut_short { "at least " } else { "" };
            let why = format!("{at_least}{matched} jobs match, more than maxJobs ({most}): none was stopped");
            return Some(Verdict::because(Outcome::Denied, why));
        }
        (matched + unseen > most).then(|| {
            let why = format!(
                "{matched} jobs match, and with {unseen} that could not be looked at more than maxJobs ({most}) may: none was stopped"
            );
            Verdict::because(Outcome::Unavailable, why)
        })
    }

    /// The sweep's own result.
    pub(crate) fn into_result(self) -> (usize, Verdict, SweepSummary) {
        let elsewhere = || {
            let count = self.elsewhere.len();
            let why =
                format!("{count} of the matches are another request's here: the sweep comes back for them");
            Verdict::because(Outcome::NotAttempted, why)
        };
        let verdict = self.whole();
        let verdict = verdict.or_else(|| (!self.elsewhere.is_empty()).then(elsewhere));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let summary = SweepSummary {
            of: match &self.sweep.of {
                ListingOf::JobQueue(queue) => SweepOf::JobQueue(queue.clone()),
                ListingOf::ArrayJob(id) => SweepOf::ArrayJobId(id.clone()),
            },
            scanned: self.scanned,
            matched: count(self.matched),
            at_least: self.is_cut_short,
            kept: count(self.kept.map_or(0, |kept| kept.len())),
            plan: Plan {
                look: if self.summary_suffices { "summary" } else { "DescribeJobs" },
                pages: self.pages,
            },
            dry_run: self.dry_run,
        };
        (self.delivery, verdict.unwrap_or_else(|| Outcome::Swept.into()), summary)
    }
}

/// Whether a listing shows what a pattern asks about at this path.
fn is_in_summaries(path: &str) -> bool {
    !path.starts_with("job.") && path != "job" || IN_SUMMARIES.contains(&path)
}
