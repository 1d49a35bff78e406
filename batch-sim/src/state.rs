//! The job model: what cancelling, terminating, looking and time do to jobs.
//!
//! Pure: the caller passes `now`, in milliseconds since the epoch. A cancel or terminate that
//! Batch accepted becomes a `Stop` on the job; the job ends when nothing holds the stop back:
//! neither the lag, nor unfinished dependencies, nor living children. A job that waits for others
//! becomes RUNNABLE when all of them have succeeded, and FAILED as soon as one has failed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::chronicle::{Chronicle, Happening};
use crate::{CancelLag, Job, JobStatus, JobView};

mod events;
mod list;
mod record;
mod settle;
mod stop;
#[cfg(test)]
mod tests;

pub(crate) use list::Scope;
pub use list::{Filter, ListQuery};
pub(crate) use record::{Family, Record};
use record::{Gate, Stop};

/// Every job there is.
#[derive(Debug, Default)]
pub(crate) struct State {
    records: Vec<Record>,
    slots: HashMap<String, Slot>,
    /// The jobs that wait for the job with this id to end.
    dependents: HashMap<String, Vec<Slot>>,
    /// How long stops take for jobs without a lag of their own.
    lag: CancelLag,
    /// When lags run out, in milliseconds since the epoch.
    due: BTreeSet<(i64, Slot)>,
    pub(crate) chronicle: Chronicle,
}

/// Where a job's record stands; records are never removed singly, so it stays valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(usize);

impl State {
    pub(crate) fn new(lag: CancelLag) -> Self {
        Self { lag, ..Self::default() }
    }

    /// For stops accepted from now on.
    pub(crate) fn set_lag(&mut self, lag: CancelLag) {
        self.lag = lag;
    }

    /// Adds a job and, for an array, its children; a job with the same id is replaced.
    pub(crate) fn add(&mut self, mut job: Job, now: i64) {
        let created_at = job.created_at.unwrap_or(now);
        if job.status.has_started() || job.status == JobStatus::Succeeded {
            job.started_at.get_or_insert(created_at);
        }
        if job.status.has_ended() {
            job.stopped_at.get_or_insert(now);
        }
        let statuses = std::mem::take(&mut job.array);
        let parent = self.put(job, created_at, Family::Single, now);
        let mut work = vec![parent];
        if !statuses.is_empty() {
            self.add_children(parent, statuses, now);
            work = self.family(parent);
        }
        let added = work.iter().filter_map(|&slot| self.dependents.get(&self.record(slot).job.id));
        let waiting: Vec<_> = added.flatten().copied().collect();
        work.extend(waiting);
        self.settle(work, now);
    }

    fn add_children(&mut self, parent: Slot, statuses: Vec<JobStatus>, now: i64) {
        let created_at = self.record(parent).created_at;
        let mut tally: BTreeMap<_, _> = JobStatus::ALL.into_iter().map(|s| (s, 0)).collect();
        let mut children = Vec::with_capacity(statuses.len());
        for (index, status) in statuses.into_iter().enumerate() {
            *tally.entry(status).or_default() += 1;
            let mut child = self.record(parent).job.clone();
            child.id = format!("{}:{index}", child.id);
            child.status = status;
            child.events.clear();
            // A child has no tags of its own. Whether Batch shows it with its parent's is not documented.
            child.tags.clear();
            let started = status.has_started() || status == JobStatus::Succeeded;
            child.started_at = started.then_some(created_at);
            child.stopped_at = status.has_ended().then_some(now);
            children.push(self.put(child, created_at, Family::Child { parent, index }, now));
        }
        let record = self.record_mut(parent);
        record.family = Family::Parent { children, tally };
        if record.living_children() > 0 {
            record.job.status = JobStatus::Pending;
            record.job.started_at = None;
            record.job.stopped_at = None;
        }
    }

    fn put(&mut self, job: Job, created_at: i64, family: Family, now: i64) -> Slot {
        let id = job.id.clone();
        let depends_on = job.depends_on.clone();
        self.chronicle.note(now, || (id.clone(), Happening::Added(job.status)));
        let record = Record::new(job, created_at, family, now);
        let new = Slot(self.records.len());
        let slot = *self.slots.entry(id).or_insert(new);
        if slot == new {
            self.records.push(record);
        } else {
            *self.record_mut(slot) = record;
        }
        for dependency in depends_on {
            self.dependents.entry(dependency).or_default().push(slot);
        }
        slot
    }

    fn change(&mut self, slot: Slot, status: JobStatus, now: i64, work: &mut Vec<Slot>) {
        let record = self.record_mut(slot);
        let before = std::mem::replace(&mut record.job.status, status);
        if status == JobStatus::Running {
            record.job.started_at.get_or_insert(now);
        }
        if status.has_ended() {
            record.job.stopped_at.get_or_insert(now);
        } else {
            record.job.stopped_at = None;
        }
        if let Some(record) = self.records.get(slot.0) {
            self.chronicle.note(now, || {
                let Record { job, stopped_by: by, .. } = record;
                let reason = job.status_reason.clone();
                (job.id.clone(), Happening::Moved { from: before, to: status, reason, by: *by })
            });
        }
        if let Family::Child { parent, .. } = self.record(slot).family {
            if let Family::Parent { tally, .. } = &mut self.record_mut(parent).family {
                let old = tally.entry(before).or_default();
                *old = old.saturating_sub(1);
                *tally.entry(status).or_default() += 1;
            }
            work.push(parent);
        }
        if status.has_ended()
            && let Some(dependents) = self.dependents.get(&self.record(slot).job.id)
        {
            work.extend(dependents);
        }
    }

    fn children(&self, slot: Slot) -> Vec<Slot> {
        match &self.record(slot).family {
            Family::Parent { children, .. } => children.clone(),
            Family::Single | Family::Child { .. } => Vec::new(),
        }
    }

    /// The job and, of an array, its children.
    fn family(&self, slot: Slot) -> Vec<Slot> {
        let mut family = vec![slot];
        family.extend(self.children(slot));
        family
    }

    /// The known jobs among `ids`, each once, in the order asked.
    fn find(&self, ids: &[impl AsRef<str>]) -> Vec<Slot> {
        let mut seen = HashSet::with_capacity(ids.len());
        let known = ids.iter().filter_map(|id| self.slots.get(id.as_ref()).copied());
        known.filter(|slot| seen.insert(slot.0)).collect()
    }

    /// What an answer about `ids` shows; being left out counts as a look that was in vain.
    pub(crate) fn look(&mut self, ids: &[impl AsRef<str>], now: i64) -> Vec<Slot> {
        let mut slots = self.find(ids);
        slots.retain(|&slot| {
            let unseen = &mut self.record_mut(slot).unseen;
            let shown = unseen.is_open(now);
            unseen.poll();
            shown
        });
        slots
    }

    pub(crate) fn view(&self, id: &str) -> Option<JobView> {
        self.slots.get(id).map(|&slot| self.record(slot).view())
    }

    /// Every job, children included, in the order they were added.
    pub(crate) fn views(&self) -> Vec<JobView> {
        self.records.iter().filter(|r| !r.expired).map(Record::view).collect()
    }

    /// The jobs as they stand, in the form in which they were added.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let tops = self.records.iter().filter(|r| !r.is_child() && !r.expired);
        tops.map(|record| {
            let mut job = record.job.clone();
            job.created_at = Some(record.created_at);
            if let Family::Parent { children, .. } = &record.family {
                job.array = children.iter().map(|&slot| self.record(slot).job.status).collect();
            }
            job
        })
        .collect()
    }

    #[expect(clippy::indexing_slicing, reason = "only `put` makes slots, and no record is removed")]
    pub(crate) fn record(&self, slot: Slot) -> &Record {
        &self.records[slot.0]
    }

    #[expect(clippy::indexing_slicing, reason = "only `put` makes slots, and no record is removed")]
    fn record_mut(&mut self, slot: Slot) -> &mut Record {
        &mut self.records[slot.0]
    }
}
