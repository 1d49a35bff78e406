//! The whole system in one process, on one virtual clock, from one seed: to hold the function's promises against the
//! truth, in numbers that nobody reaches by hand.
//!
//! ```text
//!  producers ─► queues ──┐                           ┌─► Batch: jobs that go on by themselves,
//!  bus, topic ─► async ──┼─► Lambda ─► the function ─┤   calls late, lost, refused, throttled
//!  callers ──────────────┘   instances      │        └─► results ─► the checker, who knows
//!                                           reply                   what really happened
//! ```
//!
//! - `plan` draws from the seed, before anything happens, all that is to happen by itself: jobs, other people's deeds,
//!   requests, and which kinds of trouble ([`Kind`]) there are, how often each. Each run has a random subset of them,
//!   and one in ten has none. At some time trouble stops, after which everything must settle.
//! - `stage` is everything but the function, on one agenda: `life` moves the jobs, `sources` sends and redelivers,
//!   `lambda` starts, freezes and kills instances, `calls` carries calls to Batch and back. `queue` has SQS's rules.
//! - Some runs have sweeps: `stage::listing` shows the function pages of Batch's jobs, some of which are submitted and
//!   go on meanwhile.
//! - Some runs have a policy, and requests that expect something: `pattern` writes them down, `oracle` knows what they
//!   mean.
//! - `batch` is Batch as the function calls it, and what listens to its log. The function itself is the real one, from
//!   the payload to the reply: only the SDK is left out.
//! - `checker` holds each call, each result, each reply and each end against the `truth`: `calls`, `guard`,
//!   `sweeps`, `facts`, `claims`, `swept`, `replies`.
//! - `run` is the one loop; [`Less`] and [`shrink()`] make a failing run smaller; `trace` keeps its story, which
//!   [`timeline()`] draws.
//!
//! A run is one thread, and its clock is tokio's, paused: it jumps to whatever is due next, so that hours pass in
//! milliseconds. The same seed gives the same run to the letter. turmoil brings hosts and a network, and the function
//! behind its port knows neither; madsim replaces tokio, and would test another program than the one that is deployed;
//! stateright explores a model, of which the real code would have to be a copy; proptest's state machines shrink well,
//! but know no time. What is needed besides tokio's clock is an ordered map of what is due.
//!
//! What is not simulated: the SDK and its connections (`tests/process` has those), several invocations at once in one
//! instance, and the time that computing takes.

mod batch;
mod checker;
mod dice;
mod fault;
mod less;
mod oracle;
mod pattern;
mod payload;
mod plan;
mod queue;
mod run;
mod said;
mod shrink;
mod stage;
mod tally;
mod timeline;
mod trace;
mod truth;

pub use checker::Violation;
pub use fault::Kind;
pub use less::Less;
pub use run::Run;
pub(crate) use run::now;
pub use shrink::shrink;
pub use tally::Tally;
pub use timeline::timeline;
pub use trace::{Scene, Trace};

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
