//! The lives of jobs, which go on whether anybody looks or not: the truth that a run is held against.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use batch_canceller::job::{JobStatus, Snapshot};
use batch_canceller::request::{Action, JobId};

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Starts,
    Succeeds,
    /// It fails by itself.
    Fails(&'static str),
    /// A call to stop it, with this reason, comes to its end.
    Stopped(Action, Box<str>),
}

/// One job, from before the first call on.
#[derive(Debug)]
pub(crate) struct Life {
    /// What it was from when on; empty, if there never was such a job.
    states: Vec<(Duration, Snapshot)>,
    to_come: BTreeMap<(Duration, usize), Change>,
    /// Before, `DescribeJobs` leaves it out.
    shows: Duration,
}

impl Life {
    fn of(states: Vec<(Duration, Snapshot)>) -> Self {
        Self { states, to_come: BTreeMap::new(), shows: Duration::ZERO }
    }

    pub(crate) fn starting_as(snapshot: Snapshot) -> Self {
        Self::of(vec![(Duration::ZERO, snapshot)])
    }

    pub(crate) fn none() -> Self {
        Self::of(Vec::new())
    }

    pub(crate) fn shown_from(self, shows: Duration) -> Self {
        Self { shows, ..self }
    }

    pub(crate) fn with(mut self, at: Duration, change: Change) -> Self {
        self.plan(at, change);
        self
    }

    pub(crate) fn exists(&self) -> bool {
        !self.states.is_empty()
    }

    /// What it was at any time up to `end`.
    pub(crate) fn until(&self, end: Duration) -> impl Iterator<Item = &Snapshot> {
        self.states.iter().filter(move |(since, _)| *since <= end).map(|(_, state)| state)
    }

    fn plan(&mut self, at: Duration, change: Change) {
        self.to_come.insert((at, self.to_come.len() + self.states.len()), change);
    }

    /// Lives on up to `now`.
    fn live(&mut self, now: Duration) -> Option<&Snapshot> {
        while let Some(next) = self.to_come.first_entry().filter(|next| next.key().0 <= now) {
            let ((at, _), change) = next.remove_entry();
            let changed = self.states.last().and_then(|(_, state)| changed(state, &change));
            self.states.extend(changed.map(|changed| (at, changed)));
        }
        self.states.last().map(|(_, state)| state)
    }
}

fn changed(state: &Snapshot, change: &Change) -> Option<Snapshot> {
    let (is_waiting, mut state) = (!state.status.has_started(), state.clone());
    if state.status.has_ended() {
        return None;
    }
    match change {
        Change::Starts if is_waiting => state.status = JobStatus::Running,
        // A cancel does not end what has started.
        Change::Starts | Change::Stopped(Action::Cancel, _) if !is_waiting => return None,
        Change::Starts => {}
        Change::Succeeds => state.status = JobStatus::Succeeded,
        Change::Fails(reason) => {
            (state.status, state.status_reason) = (JobStatus::Failed, Some((*reason).into()));
        }
        Change::Stopped(action, reason) => {
            (state.status, state.status_reason) = (JobStatus::Failed, Some(reason.clone()));
            mark(&mut state, *action);
        }
    }
    Some(state)
}

fn mark(state: &mut Snapshot, action: Action) {
    let mark = match action {
        Action::Cancel => &mut state.is_cancelled,
        Action::Terminate => &mut state.is_terminated,
    };
    // A Batch that sends no marks sends none of these either.
    *mark = mark.map(|_| true);
}

/// Every job there is: those that nothing is said of are RUNNABLE until somebody stops them.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    jobs: HashMap<JobId, Life>,
    /// Those that a call was carried out for that ends them.
    pub(crate) stopped: HashSet<JobId>,
    /// When calls to stop each were carried out, whether or not they did anything.
    carried_out: HashMap<JobId, Vec<Duration>>,
}

impl Lives {
    pub(crate) fn insert(&mut self, id: &str, life: Life) {
        self.jobs.insert(JobId::from(id), life);
    }

    pub(crate) fn of(&mut self, id: &JobId, now: Duration) -> &Life {
        let life = self.jobs.entry(id.clone()).or_insert_with(|| Life::starting_as(snapshot("RUNNABLE")));
        life.live(now);
        life
    }

    /// How many calls to stop the job were carried out until a moment.
    pub(crate) fn carried_out(&self, id: &JobId, until: Duration) -> usize {
        let all = self.carried_out.get(id).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|at| **at <= until).count()
    }

    /// The job as `DescribeJobs` has it.
    pub(crate) fn shown(&mut self, id: &JobId, now: Duration) -> Option<Snapshot> {
        let life = self.of(id, now);
        life.states.last().filter(|_| now >= life.shows).map(|(_, state)| state.clone())
    }

    /// A call to stop the job is carried out: it is marked now, if it is `marked` before its end, and ends after `lag`.
    pub(crate) fn stop(
        &mut self,
        id: &JobId,
        action: Action,
        reason: &str,
        now: Duration,
        lag: Duration,
        marked: bool,
    ) {
        self.carried_out.entry(id.clone()).or_default().push(now);
        self.of(id, now);
        let Some(life) = self.jobs.get_mut(id) else { return };
        let Some((_, state)) = life.states.last().filter(|(_, state)| !state.status.has_ended()) else {
            return;
        };
        let spared = action == Action::Cancel && state.status.has_started();
        if marked {
            let mut state = state.clone();
            mark(&mut state, action);
            life.states.push((now, state));
        }
        if !spared {
            self.stopped.insert(id.clone());
            life.plan(now + lag, Change::Stopped(action, reason.into()));
            life.live(now);
        }
    }
}

/// A job that nobody has touched.
pub(crate) fn snapshot(status: &str) -> Snapshot {
    Snapshot {
        is_cancelled: Some(false),
        is_terminated: Some(false),
        ..Snapshot::of(JobStatus::from(status))
    }
}
