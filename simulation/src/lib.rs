//! The whole system in one process, from one seed.

mod batch;
mod checker;
mod dice;
mod fault;
mod less;
mod payload;
mod plan;
mod queue;
mod run;
mod said;
mod shrink;
mod stage;
mod tally;
mod trace;
mod truth;

pub use checker::Violation;
pub use fault::Kind;
pub use less::Less;
pub use run::Run;
pub(crate) use run::now;
pub use shrink::shrink;
pub use tally::Tally;
pub use trace::Trace;

/// Virtual milliseconds since a run began.
pub type Ms = u64;

/// The wall clock at the start of every run, in milliseconds since 1970.
pub(crate) const EPOCH_MS: Ms = 1_800_000_000_000;

/// Runs a seed to its end.
#[must_use]
pub fn run(seed: u64, trace: Trace) -> Run {
    run_less(seed, &Less::default(), trace)
}

/// Runs a seed, with something left out, to its end.
#[must_use]
pub fn run_less(seed: u64, less: &Less, trace: Trace) -> Run {
    let mut plan = plan::Plan::new(seed);
    less.apply(&mut plan);
    run::run(plan, trace)
}
