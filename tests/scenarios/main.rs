//! The whole function over real HTTP against the embedded Batch: one scenario a test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail"
)]

mod acting;
mod bounds;
mod bus;
mod events;
mod faults;
mod harness;
mod invariants;
mod policy;
mod replies;
mod requests;
mod schemas;
mod sweeps;
mod time;
mod trouble;
mod truth;
mod words;
