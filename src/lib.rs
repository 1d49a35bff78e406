//! Cancels AWS Batch jobs on request and says truthfully what became of each one.
//!
//! The crate is a Lambda function; its binary wires the pieces and runs. One invocation is one line:
//!
//! ```text
//! payload ─► trigger ─► deliveries ─► orders ─► look ─► judge ─► act ─► confirm ─► results ─► reply
//! ```
//!
//! - [`trigger`] recognises where a payload comes from and splits it into deliveries;
//! - [`request`] parses what each asks for into types that cannot hold anything else;
//! - `intake` takes on as many jobs as one invocation may have, and [`order`] lists each job once, with all that is
//!   wanted of it;
//! - [`engine`] makes every call to Batch, through [`batch`], under one budget ([`deadline`]), and hands on each result
//!   as soon as it is final;
//! - [`outcome`] judges what to do about a job and what may be claimed of it: the heart;
//! - `guard` holds what would be stopped against the [`policy`] and against what requests expect;
//! - [`sweep`] makes orders of what listings show, where a request names jobs by what they look like;
//! - `rest` hands on what is left of a sweep that was cut short, through the [`outlet`];
//! - `outbox` takes the results: into the [`log`], `metrics` and `events`, and into what the [`report`] and the
//!   [`reply`] to each source need; `publisher` puts the events onto their bus meanwhile;
//! - [`handler`] names these stages in order, and nothing else.
//!
//! Four tenets settle every question: nothing is lost, nothing is claimed that was not seen, nothing is stopped that
//! should not be, nothing is hammered. What follows from them, and must stay true:
//!
//! - every delivery gets a result, and a malformed one never fails its neighbours;
//! - only messages that were received are reported back to SQS, each once;
//! - no call starts inside the deadline reserve, nor more than `MAX_IN_FLIGHT` at once;
//! - under a policy, an `expect` or a dry run, nothing is written without a look and an allow;
//! - `cancelled` is said only after `DescribeJobs` said so;
//! - a failed call costs one call more, not thirty: the engine has one view of the service for each kind of call;
//! - parsing, judging, claiming and reporting are pure: only `aws`, [`batch`], [`outlet`], [`engine`], [`clock`] and the
//!   binary touch the world;
//! - message bodies are never logged, nor environment values but that of a setting which is refused at start.

#[cfg(feature = "aws")]
pub mod aws;
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
pub mod outlet;
pub mod policy;
pub mod reply;
pub mod report;
pub mod request;
pub mod result;
pub mod sweep;
pub mod trigger;

mod backoff;
mod events;
mod guard;
mod intake;
mod metrics;
mod object;
mod outbox;
mod publisher;
mod rest;
