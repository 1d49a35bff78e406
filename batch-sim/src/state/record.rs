//! What is kept about one job.

use std::collections::BTreeMap;

use super::Slot;
use crate::chronicle::StoppedBy;
use crate::moment::millis;
use crate::shown::Attempt;
use crate::{CancelLag, Job, JobStatus, JobView, Verb};

/// A job and what the simulator knows about it beyond what it was told.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) job: Job,
    pub(crate) created_at: i64,
    pub(crate) family: Family,
    pub(super) stop: Option<Stop>,
    pub(super) described: u32,
    pub(super) listed: u32,
    /// What keeps answers from showing it.
    pub(super) unseen: Gate,
    /// The calls that stopped it, or tried to.
    pub(super) stops: u32,
    /// Those that failed by themselves.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether Batch has forgotten it; the record only keeps its place.
    pub(super) expired: bool,
    /// The order that ended it.
    pub(super) stopped_by: Option<StoppedBy>,
}

/// A job's place in an array.
#[derive(Debug)]
pub(crate) enum Family {
    Single,
    Parent { children: Vec<Slot>, tally: BTreeMap<JobStatus, usize> },
    Child { parent: Slot, index: usize },
}

/// An accepted order that has not yet taken effect.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) verb: Verb,
    pub(super) reason: String,
    pub(super) gate: Gate,
    pub(super) caller: Option<u64>,
}

/// What is left of the lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Polls(u32),
    Until(i64),
}

impl Gate {
    pub(super) fn new(lag: CancelLag, now: i64) -> Self {
        match lag {
            CancelLag::None => Self::Polls(0),
            CancelLag::Polls(looks) => Self::Polls(looks),
            CancelLag::For(time) => Self::Until(now.saturating_add(millis(time))),
        }
    }

    /// Counts a look.
    pub(super) fn poll(&mut self) {
        if let Self::Polls(left @ 1..) = self {
            *left -= 1;
        }
    }

    pub(super) fn is_open(self, now: i64) -> bool {
        match self {
            Self::Polls(left) => left == 0,
            Self::Until(then) => then <= now,
        }
    }
}

impl Record {
    pub(super) fn new(job: Job, created_at: i64, family: Family, now: i64) -> Self {
        let unseen = job.shown_after.map_or(CancelLag::None, CancelLag::from);
        Self {
            unseen: Gate::new(unseen, now),
            job,
            created_at,
            family,
            stop: None,
            described: 0,
            listed: 0,
            stops: 0,
            attempts: Vec::new(),
            expired: false,
            stopped_by: None,
        }
    }

    pub(crate) fn is_child(&self) -> bool {
        matches!(self.family, Family::Child { .. })
    }

    /// Whether `isCancelled` and `isTerminated` show; `early` if already while the lag lasts.
    pub(crate) fn shown_flags(&self, early: bool, now: i64) -> (bool, bool) {
        let hidden = !early && self.stop.as_ref().is_some_and(|s| !s.gate.is_open(now));
        (self.job.is_cancelled && !hidden, self.job.is_terminated && !hidden)
    }

    pub(super) fn living_children(&self) -> usize {
        let Family::Parent { tally, .. } = &self.family else {
            return 0;
        };
        let living = tally.iter().filter(|(status, _)| !status.has_ended());
        living.map(|(_, count)| count).sum()
    }

    pub(super) fn view(&self) -> JobView {
        let job = &self.job;
        JobView {
            id: job.id.clone(),
            name: job.name.clone(),
            queue: job.queue.clone(),
            definition: job.definition.clone(),
            status: job.status,
            status_reason: job.status_reason.clone(),
            is_cancelled: job.is_cancelled,
            is_terminated: job.is_terminated,
            is_stopping: self.stop.is_some(),
            created_at: self.created_at,
            started_at: job.started_at,
            stopped_at: job.stopped_at,
            share: job.share.clone(),
            tags: job.tags.clone(),
            described: self.described,
            listed: self.listed,
            attempts: self.attempts.len(),
        }
    }
}
