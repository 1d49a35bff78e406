//! Who knows the truth, and holds what the function does and says against it.
//!
//! Everything is checked as it happens: each call when it starts, each result when it is written, each reply when it
//! is given, each message when it is deleted or given up; and at the end, that nothing is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use batch_canceller::request::Action;
use batch_sim::JobStatus;

use crate::Ms;
use crate::oracle::{By, Rules, Sight};
use crate::plan::{Ask, Want};
use crate::truth::Truth;

pub(crate) mod calls;
mod claims;
mod facts;
mod guard;
mod replies;
mod sweeps;
mod swept;

pub(crate) use replies::{End, Told};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When it was noticed, in virtual milliseconds.
    pub at: Ms,
    /// Which promise.
    pub promise: &'static str,
    /// By what.
    pub text: String,
}

/// What the checker goes by.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Whether Batch sends marks.
    pub(crate) has_marks: bool,
    /// Whether they show as soon as a call is accepted.
    pub(crate) marks_at_once: bool,
    pub(crate) max_in_flight: usize,
    pub(crate) max_jobs: usize,
    /// The time before the deadline in which no call starts.
    pub(crate) reserve: Ms,
    /// How long a job is watched after a call to stop it.
    pub(crate) watch: Ms,
    /// What the policy means, if there is one.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// All that was seen of the function so far.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) terms: Terms,
    pub(crate) truth: Truth,
    pub(crate) violations: Vec<Violation>,
    /// What cannot be told apart, by kind.
    pub(crate) ambiguities: BTreeMap<&'static str, u64>,
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// The most by which a line's timestamp was older than the line.
    pub(crate) stalest: Ms,
    pub(crate) invocations: Vec<Invocation>,
    /// Which invocation made a call that stops jobs.
    callers: HashMap<u64, usize>,
    now: Ms,
}

/// An invocation, and what it has seen and said.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
pub(crate) struct Invocation {
    started: Ms,
    deadline: Ms,
    deliveries: Vec<Delivery>,
    entries: Vec<Entry>,
    /// How many of them were about a job that is named.
    named: usize,
    jobs: BTreeMap<String, Job>,
    in_flight: usize,
    calls: u64,
    /// Calls that failed, as a whole or in part, or were given up.
    failures: u64,
    is_over: bool,
    has_summary: bool,
    /// Whether an answer took long, so that there may not have been time for everything.
    is_slow: bool,
    /// Calls that were answered as they should.
    answered: u64,
    /// Whether a policy, or a request of it, asks how jobs are.
    is_guarded: bool,
    listings: sweeps::Listings,
    /// Of which jobs it said that they would be stopped.
    planned: BTreeSet<String>,
}

/// What an invocation gets from one message, event or caller.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: Arc<str>,
    pub(crate) request: usize,
    pub(crate) wants: Arc<[Want]>,
    /// The one of them that it is about, if not all.
    pub(crate) only: Option<usize>,
    /// The message group of a queue with order.
    pub(crate) group: Option<u8>,
    pub(crate) by: By,
}

/// A result that there must be.
#[derive(Debug)]
struct Entry {
    delivery: usize,
    want: usize,
    role: Role,
    /// `None` for a malformed request, and for a sweep as a whole.
    job: Option<String>,
    /// Whether it is settled, once it was told.
    told: Option<bool>,
    /// As it was told, for a job of a sweep.
    outcome: String,
}

/// What a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A job that a request names.
    Named,
    Malformed,
    /// A sweep as a whole.
    Sweep,
    /// A job that a sweep has found.
    Swept,
}

/// What an invocation knows of a job.
#[derive(Debug, Default)]
struct Job {
    /// The answers that were to tell of it.
    looks: Vec<Look>,
    /// Calls to stop it that were started.
    stops: u32,
    accepted: Option<Action>,
    /// The reason that the last of them gave.
    reason: Option<String>,
    refused: bool,
    /// How answers to looks at the whole of it showed it, with its parent if it has one.
    sights: Vec<Sight>,
    /// Whether such an answer left out its parent.
    was_parentless: bool,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    began: Ms,
    ended: Ms,
    shown: Option<JobStatus>,
    /// Whether it may have been asked for only because of a child, so that nothing of it was taken.
    as_parent: bool,
}

impl Checker {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            truth: Truth::default(),
            violations: Vec::new(),
            ambiguities: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            stalest: 0,
            invocations: Vec::new(),
            callers: HashMap::new(),
            now: 0,
        }
    }

    pub(crate) fn at(&mut self, now: Ms) {
        self.now = now;
    }

    /// The number of the invocation that begins next.
    pub(crate) fn next_invocation(&self) -> usize {
        self.invocations.len()
    }

    /// An invocation begins.
    pub(crate) fn begins(&mut self, deadline: Ms, deliveries: Vec<Delivery>) {
        let mut entries = Vec::new();
        for (delivery, Delivery { wants, only, .. }) in deliveries.iter().enumerate() {
            for (want, Want { ask, .. }) in wants.iter().enumerate() {
                if only.is_some_and(|only| only != want) {
                    continue;
                }
                let entry =
                    |role, job| Entry { delivery, want, role, job, told: None, outcome: String::new() };
                match ask {
                    None => entries.push(entry(Role::Malformed, None)),
                    Some(Ask { sweep: Some(_), .. }) => entries.push(entry(Role::Sweep, None)),
                    Some(ask) => {
                        entries.extend(ask.jobs.iter().map(|job| entry(Role::Named, Some(job.clone()))));
                    }
                }
            }
        }
        let asks_more =
            |want: &Want| want.ask.as_ref().is_some_and(|ask| !ask.expect.is_empty() || ask.sweep.is_some());
        let expects = |delivery: &Delivery| delivery.wants.iter().any(asks_more);
        let is_guarded = self.terms.rules.is_some() || deliveries.iter().any(expects);
        self.invocations.push(Invocation {
            started: self.now,
            deadline,
            deliveries,
            named: entries.iter().filter(|entry| entry.role == Role::Named).count(),
            entries,
            jobs: BTreeMap::new(),
            in_flight: 0,
            calls: 0,
            failures: 0,
            is_over: false,
            has_summary: false,
            is_slow: false,
            answered: 0,
            is_guarded,
            listings: sweeps::Listings::default(),
            planned: BTreeSet::new(),
        });
    }

    pub(crate) fn violation(&mut self, promise: &'static str, text: impl Into<String>) {
        self.violations.push(Violation { at: self.now, promise, text: text.into() });
    }

    fn ambiguity(&mut self, what: &'static str) {
        *self.ambiguities.entry(what).or_default() += 1;
    }
}

impl Invocation {
    fn ask(&self, entry: &Entry) -> Option<&Ask> {
        self.deliveries.get(entry.delivery)?.wants.get(entry.want)?.ask.as_ref()
    }

    /// What is asked for a job by its name.
    fn names<'a>(&'a self, job: &'a str) -> impl Iterator<Item = (&'a Entry, &'a Ask)> {
        let is_it = move |entry: &&Entry| entry.role == Role::Named && entry.job.as_deref() == Some(job);
        self.entries.iter().filter(is_it).filter_map(|entry| Some((entry, self.ask(entry)?)))
    }

    /// What is asked for a job, by its name or by a sweep.
    fn asks<'a>(&'a self, job: &'a str) -> impl Iterator<Item = (&'a Entry, &'a Ask)> {
        self.names(job).chain(self.sweeps_of(job))
    }

    fn is_settled(&self, delivery: usize) -> bool {
        let mut own = self.entries.iter().filter(|entry| entry.delivery == delivery);
        own.all(|entry| entry.told == Some(true))
    }
}

#[cfg(test)]
mod tests;
