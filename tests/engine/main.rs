//! The engine on a clock that stands still but for its calls: exact times and counts, no waiting.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to fail")]

mod budget;
mod chance;
mod clockwork;
mod limits;
mod lives;
mod outages;
mod refusals;
