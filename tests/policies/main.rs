//! The ready policies in `policies/`, the stacks beside them, and what `docs/policies.md` says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail"
)]

mod blocked;
mod cloudformation;
mod folder;
mod guide;
mod ready;
mod stacks;
mod world;
