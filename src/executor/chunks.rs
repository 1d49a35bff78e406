//! Gathers jobs into calls: full chunks first, partly filled ones when nothing more can join them. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::mem;
use std::time::Duration;

use crate::batch::{MAX_DESCRIBE, MAX_STOP};
use crate::request::{Action, Reason};

/// The longest a job waits for company while earlier stages are still busy.
const LINGER: Duration = Duration::from_secs(1);

/// The three kinds of calls a job goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// `DescribeJobs` before acting.
    Look,
    /// `CancelJob(s)` or `TerminateJob(s)`.
    Act,
    /// `DescribeJobs` after acting.
    Confirm,
}

/// One call to make, for jobs given by their index in the plan.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) stage: Stage,
    pub(super) jobs: Vec<usize>,
}

/// Jobs on their way into calls.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    looks: Vec<usize>,
    /// One call can carry one action and one reason only.
    acts: BTreeMap<(Action, Reason), Vec<usize>>,
    confirms: Vec<usize>,
    /// Since when a partly filled chunk of acts or confirms waits.
    acts_since: Option<Duration>,
    confirms_since: Option<Duration>,
    /// Calls that only wait for the gate.
    ready: BTreeMap<Stage, VecDeque<Call>>,
    /// Jobs that are due again at a time.
    later: BinaryHeap<Reverse<(Duration, Stage, usize)>>,
}

impl Chunks {
    pub(super) fn look(&mut self, job: usize) {
        self.looks.push(job);
        if self.looks.len() >= MAX_DESCRIBE {
            let jobs = mem::take(&mut self.looks);
            self.ready(Call { stage: Stage::Look, jobs });
        }
    }

    pub(super) fn act(&mut self, job: usize, action: Action, reason: &Reason, now: Duration) {
        let chunk = self.acts.entry((action, reason.clone())).or_default();
        chunk.push(job);
        if chunk.len() >= MAX_STOP {
            let jobs = mem::take(chunk);
            self.acts.remove(&(action, reason.clone()));
            self.ready(Call { stage: Stage::Act, jobs });
        } else {
            self.acts_since.get_or_insert(now);
        }
    }

    pub(super) fn confirm(&mut self, job: usize, now: Duration) {
        self.confirms.push(job);
        if self.confirms.len() >= MAX_DESCRIBE {
            let jobs = mem::take(&mut self.confirms);
            self.ready(Call { stage: Stage::Confirm, jobs });
        } else {
            self.confirms_since.get_or_insert(now);
        }
    }

    /// Puts a call in front of those of its stage.
    pub(super) fn first(&mut self, call: Call) {
        self.ready.entry(call.stage).or_default().push_front(call);
    }

    /// Has `job` come back at `due`, see [`Chunks::take_due`].
    pub(super) fn later(&mut self, due: Duration, stage: Stage, job: usize) {
        self.later.push(Reverse((due, stage, job)));
    }

    /// The next job that is due by `now`.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(Stage, usize)> {
        let Reverse((due, ..)) = self.later.peek()?;
        if *due > now {
            return None;
        }
        self.later.pop().map(|Reverse((_, stage, job))| (stage, job))
    }

    /// Makes every job due at once that waits for a stage which is meant.
    pub(super) fn hurry(&mut self, is_meant: impl Fn(Stage) -> bool) {
        let later = mem::take(&mut self.later);
        let hurried = |Reverse((due, stage, job))| {
            Reverse((if is_meant(stage) { Duration::ZERO } else { due }, stage, job))
        };
        self.later = later.into_iter().map(hurried).collect();
    }

    /// The next call to make. Acts come before looks, to end what was begun, and confirms last, since an
    /// unconfirmed job is still dealt with. `looking` and `acting` tell whether such calls are under way.
    pub(super) fn next(&mut self, now: Duration, looking: bool, acting: bool) -> Option<Call> {
        self.fill(now, looking, acting);
        [Stage::Act, Stage::Look, Stage::Confirm]
            .into_iter()
            .find_map(|stage| self.ready.get_mut(&stage).and_then(VecDeque::pop_front))
    }

    /// When a waiting job is next due, or a partly filled chunk has waited long enough.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let later = self.later.peek().map(|Reverse((due, ..))| *due);
        let lingering =
            [self.acts_since, self.confirms_since].into_iter().flatten().map(|since| since + LINGER);
        later.into_iter().chain(lingering).min()
    }

    /// Readies partly filled chunks which nothing that is under way can fill any further.
    fn fill(&mut self, now: Duration, looking: bool, acting: bool) {
        let looks = mem::take(&mut self.looks);
        if !looks.is_empty() {
            self.ready(Call { stage: Stage::Look, jobs: looks });
        }
        let has_waited = |since: Option<Duration>| since.is_some_and(|since| since + LINGER <= now);

        let looking = looking || self.has_ready(Stage::Look);
        if !looking || has_waited(self.acts_since) {
            self.acts_since = None;
            for jobs in mem::take(&mut self.acts).into_values() {
                self.ready(Call { stage: Stage::Act, jobs });
            }
        }
        let acting = looking || acting || self.has_ready(Stage::Act) || !self.acts.is_empty();
        if !acting || has_waited(self.confirms_since) {
            self.confirms_since = None;
            let jobs = mem::take(&mut self.confirms);
            if !jobs.is_empty() {
                self.ready(Call { stage: Stage::Confirm, jobs });
            }
        }
    }

    fn has_ready(&self, stage: Stage) -> bool {
        self.ready.get(&stage).is_some_and(|calls| !calls.is_empty())
    }

    fn ready(&mut self, call: Call) {
        self.ready.entry(call.stage).or_default().push_back(call);
    }
}
