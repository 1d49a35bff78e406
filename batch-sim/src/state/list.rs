//! `ListJobs`: which jobs a query shows, in which order, a page at a time.

use std::cmp::Reverse;

use super::{Record, Slot, State};
use crate::{Cursor, Job, JobStatus};

const MAX_PAGE: usize = 1000;
const MAX_FILTERED_PAGE: usize = 100;

/// A question put to `ListJobs`, with what Batch makes of what is left open.
///
/// ```
/// use batch_sim::{Filter, JobStatus, ListQuery};
/// let runnable = ListQuery::queue("nightly").status(JobStatus::Runnable).limit(10);
/// let named = ListQuery::filtered("nightly", Filter::Name(vec!["etl-*".to_owned()]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    pub(crate) scope: Scope,
    /// The status to show; `None` shows all.
    pub(crate) status: Option<JobStatus>,
    pub(crate) filter: Option<Filter>,
    /// At most so many to a page.
    pub(crate) limit: usize,
    /// The last job of the page before.
    pub(crate) after: Option<Cursor>,
}

/// Whose jobs a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Queue(String),
    Array(String),
    MultiNode(String),
}

/// One filter; any of several values matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `JOB_NAME`: case-insensitive; a trailing `*` matches any rest.
    Name(Vec<String>),
    /// `JOB_DEFINITION`: a name means any of its revisions, an ARN exactly one; a trailing `*`
    /// works on names only.
    Definition(Vec<String>),
    /// `BEFORE_CREATED_AT`, in milliseconds since the epoch.
    CreatedBefore(i64),
    /// `AFTER_CREATED_AT`, in milliseconds since the epoch.
    CreatedAfter(i64),
    /// `SHARE_IDENTIFIER`.
    Share(Vec<String>),
}

impl State {
    /// A page of jobs and, if there are more, where the next begins.
    pub(crate) fn list(
        &mut self,
        query: &ListQuery,
        arn_root: &str,
        now: i64,
    ) -> (Vec<Slot>, Option<Cursor>) {
        let mut found: Vec<(Cursor, Slot)> = Vec::new();
        for slot in self.candidates(&query.scope) {
            let record = self.record(slot);
            let cursor = Cursor(Reverse(record.created_at), slot.0);
            let wanted = query.after.is_none_or(|after| after < cursor) && query.shows(record, arn_root);
            if !wanted || record.expired {
                continue;
            }
            let unseen = &mut self.record_mut(slot).unseen;
            if unseen.is_open(now) {
                found.push((cursor, slot));
            }
            unseen.poll();
        }
        found.sort_unstable();
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|&(cursor, _)| cursor);
        (found.into_iter().map(|(_, slot)| slot).collect(), next)
    }

    fn candidates(&self, scope: &Scope) -> Vec<Slot> {
        match scope {
            Scope::Array(id) => self.slots.get(id).map(|&slot| self.children(slot)).unwrap_or_default(),
            Scope::Queue(_) | Scope::MultiNode(_) => (0..self.records.len()).map(Slot).collect(),
        }
    }
}

impl ListQuery {
    /// The RUNNING jobs of a queue, by name or ARN, at most 1,000 to a page.
    #[must_use]
    pub fn queue(queue: impl Into<String>) -> Self {
        Self::new(Scope::Queue(queue.into()), None)
    }

    /// The jobs of a queue that a filter lets through, whatever their status, at most 100 to a page.
    #[must_use]
    pub fn filtered(queue: impl Into<String>, filter: Filter) -> Self {
        Self::new(Scope::Queue(queue.into()), Some(filter))
    }

    /// The RUNNING children of an array.
    #[must_use]
    pub fn array(id: impl Into<String>) -> Self {
        Self::new(Scope::Array(id.into()), None)
    }

    /// The RUNNING nodes of a multi-node job.
    #[must_use]
    pub fn multi_node(id: impl Into<String>) -> Self {
        Self::new(Scope::MultiNode(id.into()), None)
    }

    pub(crate) fn new(scope: Scope, filter: Option<Filter>) -> Self {
        let status = filter.is_none().then_some(JobStatus::Running);
        let limit = if filter.is_some() { MAX_FILTERED_PAGE } else { MAX_PAGE };
        Self { scope, status, filter, limit, after: None }
    }

    /// Only jobs that stand there; Batch ignores it beside a filter other than by share.
    #[must_use]
    pub fn status(mut self, status: JobStatus) -> Self {
        if matches!(self.filter, None | Some(Filter::Share(_))) {
            self.status = Some(status);
        }
        self
    }

    /// At most so many to a page, from 1 to what is the most anyway.
    #[must_use]
    pub fn limit(mut self, most: usize) -> Self {
        self.limit = most.clamp(1, self.limit);
        self
    }

    /// Goes on where the page before ended.
    #[must_use]
    pub fn after(mut self, page: Cursor) -> Self {
        self.after = Some(page);
        self
    }

    fn shows(&self, record: &Record, arn_root: &str) -> bool {
        let job = &record.job;
        let in_scope = match &self.scope {
            Scope::Queue(queue) => {
                !record.is_child()
                    && main_node(&job.id).is_none()
                    && same_resource(&job.queue, queue, arn_root, ":job-queue/")
            }
            Scope::Array(_) => true,
            Scope::MultiNode(id) => main_node(&job.id) == Some(id),
        };
        in_scope
            && self.status.is_none_or(|status| status == job.status)
            // Batch applies filters to jobs of a queue, not to children or nodes.
            && self
                .filter
                .as_ref()
                .filter(|_| matches!(self.scope, Scope::Queue(_)))
                .is_none_or(|filter| filter.accepts(record, arn_root))
    }
}

impl Filter {
    fn accepts(&self, record: &Record, arn_root: &str) -> bool {
        match self {
            Self::Name(patterns) => patterns.iter().any(|p| name_matches(&record.job.name, p)),
            Self::Definition(patterns) => {
                patterns.iter().any(|p| definition_matches(&record.job, p, arn_root))
            }
            Self::CreatedBefore(ms) => record.created_at < *ms,
            Self::CreatedAfter(ms) => record.created_at > *ms,
            Self::Share(shares) => record.job.share.as_ref().is_some_and(|s| shares.contains(s)),
        }
    }
}

/// The main job of a multi-node job's node, whose id is `main#index`.
fn main_node(id: &str) -> Option<&str> {
    id.rsplit_once('#').map(|(main, _)| main)
}

/// Whether two spellings, each a bare name or an ARN, mean the same resource.
fn same_resource(ours: &str, theirs: &str, arn_root: &str, kind: &str) -> bool {
    let names = |arn: &str, name: &str| {
        arn.strip_prefix(arn_root).and_then(|rest| rest.strip_prefix(kind)) == Some(name)
    };
    ours == theirs || names(ours, theirs) || names(theirs, ours)
}

/// Case-insensitive; a trailing `*` matches any rest.
fn name_matches(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// A name means any of its revisions, an ARN exactly one; a trailing `*` works on names only.
fn definition_matches(job: &Job, pattern: &str, arn_root: &str) -> bool {
    if pattern.starts_with("arn:") {
        return same_resource(&job.definition, pattern, arn_root, ":job-definition/");
    }
    let full = job.definition.rsplit('/').next().unwrap_or_default();
    let name = full.split(':').next().unwrap_or_default();
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
