//! Sweeps: listings that become orders, and the count that comes before any act.

mod course;
mod dependents;
mod filters;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event_pattern::{Document, Pattern, Value};
use serde::Serialize;

use crate::batch::{Listed, Listing, Question, Which};
use crate::job::JobStatus;
use crate::order::{Order, Ordered, Seen};
use crate::outcome::{Outcome, Verdict, Wish};
use crate::policy::{Clause, Policy, Subject};
use crate::request::{Action, CancelRequest, JobId, ListingOf, Sweep};
use course::Course;
use filters::filters;

pub(crate) use dependents::Dependents;
pub use dependents::Falling;

/// How far beyond its limit a sweep is counted, so that its result can say by how much.
const COUNTED_BEYOND: usize = 10;

/// Where a pass takes more pages than that, another costs too much, unless jobs were seen to move meanwhile: they go
/// through their statuses in the order in which these are listed, so that hardly any gets past.
const MOST_PAGES_TO_LIST_AGAIN: u64 = 20;

/// A dry run looks at so many jobs at the most only to see what they depend on.
const MOST_LOOKED_AT_FOR_DEPENDENTS: usize = 10_000;

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
    course: Course,
    /// The jobs that were listed and may be meant, so that none is ordered twice.
    listed: HashSet<JobId>,
    scanned: u64,
    matched: usize,
    /// Those that only a look can tell of, until it did.
    to_look_at: HashSet<JobId>,
    /// How many are looked at for what they depend on.
    looked_at: usize,
    dependents: Dependents,
    /// Those that could not be looked at before all were counted, and may match as well.
    unseen: usize,
    /// Matches that another request of the invocation is about.
    elsewhere: HashSet<JobId>,
    pages: u64,
    pages_of_pass: u64,
    passes: u32,
    confirm_pages: u64,
    /// How many were listed before the present pass.
    listed_before: usize,
    /// Whether a match was listed in two places of one pass.
    has_moved: bool,
    failure: Option<String>,
    /// Of what the matches have in common, each with when it was created.
    ages: HashMap<String, Vec<(i64, JobId)>>,
    /// Those that are left alone, once all are counted.
    kept: Option<HashSet<JobId>>,
}

/// Whether a job is meant that a listing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meant {
    /// By what the listing shows.
    Surely,
    /// Only a look can tell.
    Perhaps,
}

/// A sweep that is done with, or given up.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The place of its delivery.
    pub(crate) delivery: usize,
    /// What is said of it as a whole.
    pub(crate) verdict: Verdict,
    pub(crate) summary: SweepSummary,
    pub(crate) dependents: Dependents,
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
    /// Which these are; results only count them.
    #[serde(skip)]
    pub kept_ids: HashSet<JobId>,
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
    /// Which of Batch's own filters saved pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<&'static str>,
    /// Pages that were listed.
    pub pages: u64,
    /// How often the jobs were listed.
    pub passes: u32,
    /// Pages of ended jobs that were listed afterwards, in the place of looks at each.
    #[serde(skip_serializing_if = "is_zero")]
    pub confirm_pages: u64,
}

impl<'a> Progress<'a> {
    /// A sweep that a delivery asks for, to be judged by a policy too.
    pub(crate) fn new(
        delivery: usize,
        request: &'a CancelRequest,
        policy: Option<&Policy>,
        dry_run: bool,
        now_ms: u64,
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
            course: Course::new(
                sweep.of.clone(),
                sweep.status.clone(),
                filter.map(|filter| filters(filter, now_ms)).unwrap_or_default(),
            ),
            listed: HashSet::new(),
            scanned: 0,
            matched: 0,
            to_look_at: HashSet::new(),
            looked_at: 0,
            dependents: Dependents::default(),
            unseen: 0,
            elsewhere: HashSet::new(),
            pages: 0,
            pages_of_pass: 0,
            passes: 0,
            confirm_pages: 0,
            listed_before: 0,
            has_moved: false,
            failure: None,
            ages: HashMap::new(),
            kept: None,
        })
    }

    /// Whether so many match that counting is over.
    fn counts_no_further(&self) -> bool {
        self.matched > self.sweep.max_jobs.saturating_mul(COUNTED_BEYOND)
    }

    /// Whether some of its jobs must be described.
    pub(crate) fn needs_details(&self) -> bool {
        !self.summary_suffices || self.looks_for_dependents() || self.may_stop_started_work()
    }

    /// Whether its calls stop a job also where it has started since it was listed.
    pub(crate) fn may_stop_started_work(&self) -> bool {
        self.request.action == Action::Terminate
    }

    /// What is said of a job that is to be terminated, and has gone on from the statuses that are swept.
    pub(crate) fn went_on(&self, status: &JobStatus) -> Option<Verdict> {
        let is_swept = status.has_ended() || self.sweep.status.contains(status);
        (self.may_stop_started_work() && !is_swept).then(|| {
            let why = format!("it is {} by now, and the sweep is not about such jobs", status.as_str());
            Verdict::because(Outcome::PreconditionFailed, why)
        })
    }

    /// Whether it is only asked about, so that a look at what its jobs depend on is worth while.
    fn looks_for_dependents(&self) -> bool {
        self.dry_run && self.sweep.status.contains(&JobStatus::Pending)
    }

    /// The first page to ask for.
    pub(crate) fn begin(&mut self) -> Option<Question> {
        self.course.begin()
    }

    /// Whether it makes use of what patterns see of a listed job.
    pub(crate) fn reads_summaries(&self) -> bool {
        self.prefilter.is_some() || self.course.samples()
    }

    /// Whether a job that its listing shows may be meant, and is to be ordered; `document` is what patterns see of it, if
    /// it can be read. Jobs that are `taken` are another request's.
    pub(crate) fn listed(
        &mut self,
        job: &Listed,
        document: Option<&Document<'_>>,
        is_taken: bool,
    ) -> Option<Meant> {
        let status = &job.snapshot.status;
        let id = job.id.folded();
        self.scanned += u64::from(self.passes == 0);
        self.course.shown(document, status);
        if self.counts_no_further() || self.course.shows_any_status() && !self.sweep.status.contains(status) {
            return None;
        }
        if self.listed.contains(&id) {
            self.has_moved |= self.passes == 0 && !self.course.shows_any_status();
            return None;
        }
        let is_out = |filter: &Arc<Pattern>| !document.is_some_and(|document| filter.matches(document));
        let is_out = self.prefilter.as_ref().is_some_and(is_out);
        let waits = self.looks_for_dependents()
            && *status == JobStatus::Pending
            && self.looked_at < MOST_LOOKED_AT_FOR_DEPENDENTS;
        if is_out && !waits {
            return None;
        }
        if is_taken {
            if !is_out {
                self.elsewhere.insert(id);
            }
            return None;
        }
        // A later pass lists the others once more, which counts once.
        self.scanned += u64::from(self.passes > 0);
        let is_seen = self.summary_suffices && !waits;
        if is_seen {
            self.matched += 1;
            if self.matched > self.sweep.max_jobs {
                return None;
            }
        }
        self.looked_at += usize::from(waits);
        if !is_seen {
            self.to_look_at.insert(id.clone());
        }
        self.listed.insert(id);
        Some(if is_seen { Meant::Surely } else { Meant::Perhaps })
    }

    /// What is ordered of such a job.
    pub(crate) fn order(&self, job: Listed, meant: Meant) -> Order {
        let CancelRequest { action, reason, .. } = self.request;
        let wish = Wish { action: *action, reason: reason.clone(), dry_run: self.dry_run };
        let place = self.listed.len();
        let ordered = Ordered { wish, delivery: self.delivery, place, clause: None };
        let seen = Seen { snapshot: job.snapshot, summary: job.summary };
        let seen = (meant == Meant::Surely).then(|| Box::new(seen));
        Order { id: job.id, wishes: vec![ordered], seen }
    }

    /// Takes a job that was seen, and tells whether it is meant.
    pub(crate) fn meets(&mut self, subject: &Subject<'_>) -> bool {
        let document = subject.document();
        let id = match document.get("job.jobId") {
            Some(Value::Text(id)) => JobId::from(id).folded(),
            _ => return false,
        };
        let is_counted = !self.to_look_at.remove(&id);
        self.dependents.seen(&id, document);
        if self.sweep.filter.as_ref().is_some_and(|filter| !filter.matches(document)) {
            return false;
        }
        self.matched += usize::from(!is_counted);
        if let Some(keep) = &self.sweep.keep_newest
            && self.kept.is_none()
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

    /// A job that may be meant could not be looked at.
    pub(crate) fn misses(&mut self) {
        self.unseen += usize::from(self.kept.is_none());
    }

    /// A page has ended. Gives the next one, if there is any to ask for.
    ///
    /// Where a pass has found something, there is another: jobs move on between two pages, and one may have got past.
    pub(crate) fn page_ends(&mut self, next: Option<String>, has_time: bool) -> Option<Question> {
        self.pages += 1;
        self.pages_of_pass += 1;
        if self.counts_no_further() {
            self.passes += 1;
            return None;
        }
        if let Some(question) = self.course.page_ends(next) {
            return Some(question);
        }
        self.passes += 1;
        let pages_of_pass = std::mem::take(&mut self.pages_of_pass);
        let has_found = self.listed.len() > self.listed_before;
        self.listed_before = self.listed.len();
        let is_worth_while = pages_of_pass <= MOST_PAGES_TO_LIST_AGAIN || std::mem::take(&mut self.has_moved);
        if has_found && has_time && is_worth_while && self.matched <= self.sweep.max_jobs {
            self.course.begin()
        } else {
            None
        }
    }

    /// A page cannot be had.
    pub(crate) fn fails(&mut self, why: &str) {
        self.failure = Some(why.to_owned());
    }

    /// The listing of its jobs that have failed, as those do which are stopped.
    pub(crate) fn failed_jobs(&self) -> Listing {
        Listing { of: self.sweep.of.clone(), which: Which::In(JobStatus::Failed) }
    }

    /// So many pages of these were listed.
    pub(crate) fn confirmed(&mut self, pages: u64) {
        self.confirm_pages += pages;
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
        !kept.contains(&id.folded())
    }

    /// What is said of the sweep as a whole: why none of its jobs was stopped, or that it is done.
    fn whole(&self) -> Option<Verdict> {
        if let Some(failure) = &self.failure {
            let why = format!("the jobs could not be listed, and none was stopped: {failure}");
            return Some(Verdict::because(Outcome::Unavailable, why));
        }
        let (matched, unseen, most) = (self.matched, self.unseen, self.sweep.max_jobs);
        if matched > most {
            let at_least = if self.counts_no_further() { "at least " } else { "" };
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
    pub(crate) fn end(self) -> Ended {
        let elsewhere = || {
            let count = self.elsewhere.len();
            let why =
                format!("{count} of the matches are another request's here: the sweep comes back for them");
            Verdict::because(Outcome::NotAttempted, why)
        };
        let verdict = self.whole();
        let verdict = verdict.or_else(|| (!self.elsewhere.is_empty()).then(elsewhere));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let at_least = self.counts_no_further();
        let kept_ids = self.kept.unwrap_or_default();
        let summary = SweepSummary {
            of: match &self.sweep.of {
                ListingOf::JobQueue(queue) => SweepOf::JobQueue(queue.clone()),
                ListingOf::ArrayJob(id) => SweepOf::ArrayJobId(id.clone()),
            },
            scanned: self.scanned,
            matched: count(self.matched),
            at_least,
            kept: count(kept_ids.len()),
            kept_ids,
            plan: Plan {
                look: if self.summary_suffices { "summary" } else { "DescribeJobs" },
                filter: self.course.filter(),
                pages: self.pages,
                passes: self.passes,
                confirm_pages: self.confirm_pages,
            },
            dry_run: self.dry_run,
        };
        let verdict = verdict.unwrap_or_else(|| Outcome::Swept.into());
        Ended { delivery: self.delivery, verdict, summary, dependents: self.dependents }
    }
}

/// Whether a listing shows what a pattern asks about at this path.
fn is_in_summaries(path: &str) -> bool {
    !path.starts_with("job.") && path != "job" || IN_SUMMARIES.contains(&path)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
