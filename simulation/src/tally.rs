//! Counts over runs.

use std::collections::BTreeMap;

use crate::Ms;
use crate::fault::Kind;

/// What there was in one run, or in many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seeds.
    pub runs: u64,
    /// Messages, events and direct calls that were delivered, each as often as it was.
    pub deliveries: u64,
    /// Invocations of the function.
    pub invocations: u64,
    /// Instances that were started.
    pub instances: u64,
    /// Calls to Batch.
    pub calls: u64,
    /// Those that failed.
    pub failed_calls: u64,
    /// The time that passed in the runs, in milliseconds.
    pub virtual_ms: Ms,
    /// The most by which a log line's timestamp was older than the line, in milliseconds.
    pub stalest: Ms,
    /// Runs under a policy.
    pub policies: u64,
    /// Runs in which requests expect something of their jobs.
    pub expecting: u64,
    /// Runs in which requests are sweeps.
    pub sweeping: u64,
    /// Pages that were listed for them.
    pub pages: u64,
    /// How often each kind of trouble struck.
    pub faults: BTreeMap<Kind, u64>,
    /// Results by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// What could not be told apart.
    pub ambiguities: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.deliveries += other.deliveries;
        self.invocations += other.invocations;
        self.instances += other.instances;
        self.calls += other.calls;
        self.failed_calls += other.failed_calls;
        self.policies += other.policies;
        self.expecting += other.expecting;
        self.sweeping += other.sweeping;
        self.pages += other.pages;
        self.virtual_ms += other.virtual_ms;
        self.stalest = self.stalest.max(other.stalest);
        other.faults.iter().for_each(|(kind, count)| *self.faults.entry(*kind).or_default() += count);
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        other
            .ambiguities
            .iter()
            .for_each(|(kind, count)| *self.ambiguities.entry(kind).or_default() += count);
    }
}
