//! The whole system in one process, from one seed.

mod batch;
mod checker;
mod dice;
mod fault;
mod payload;
mod plan;
mod queue;
mod run;
mod said;
mod stage;
mod tally;
mod trace;
mod truth;

pub use checker::Violation;
pub use fault::Kind;
pub use run::Run;
pub(crate) use run::now;
pub use tally::Tally;
pub use trace::Trace;

/// Virtual milliseconds since a run began.
pub type Ms = u64;

/// The wall clock at the start of every run, in milliseconds since 1970.
pub(crate) const EPOCH_MS: Ms = 1_800_000_000_000;

/// Runs a seed to its end.
#[must_use]
pub fn run(seed: u64, trace: Trace) -> Run {
    run::run(plan::Plan::new(seed), trace)
}
