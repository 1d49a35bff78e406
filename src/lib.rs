//! Cancels AWS Batch jobs on request and says truthfully what became of each one.
//!
//! The crate is a Lambda function; its binary wires the pieces and runs. One invocation is one line:
//!
//! ```text
//! payload ─► trigger ─► deliveries ─► plan ─► look ─► decide ─► act ─► confirm ─► report ─► reply
//! ```
//!
//! - [`trigger`] recognises where a payload comes from and splits it into deliveries;
//! - [`request`] parses what each asks for into types that cannot hold anything else;
//! - [`plan`] lists each job once;
//! - [`executor`] makes every call to Batch, through [`batch`], under one [`deadline`];
//! - [`outcome`] decides what to do about a job and what may be said of it: the heart;
//! - [`report`] and [`reply`] write the results and the answer for each source;
//! - [`handler`] names these stages in order, and nothing else.
//!
//! Three tenets settle every question: nothing is lost, nothing is claimed that was not seen, nothing is
//! stopped that should not be. What follows from them, and must stay true:
//!
//! - every delivery gets a result, and a malformed one never fails its neighbours;
//! - only messages that were received are reported back to SQS, each once;
//! - no call starts inside the deadline reserve, nor more than `MAX_IN_FLIGHT` at once;
//! - `cancelled` is said only after `DescribeJobs` said so;
//! - parsing, deciding and reporting are pure: only [`batch`], [`executor`], [`clock`] and the binary touch the
//!   world;
//! - message bodies are never logged, nor environment values but that of a setting which is refused at start.

pub mod batch;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod engine;
pub mod handler;
pub mod job;
pub mod log;
pub mod order;
pub mod outcome;
pub mod reply;
pub mod report;
pub mod request;
pub mod result;
pub mod trigger;

mod backoff;
mod intake;
mod object;
mod outbox;
