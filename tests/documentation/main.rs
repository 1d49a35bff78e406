//! What the pages say, tried: queries on real log lines, callers' requests on the function's own parser, and that each
//! block of commands is tested or says what it needs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail"
)]

mod callers;
mod commands;
mod insights;
mod pages;
mod queries;
