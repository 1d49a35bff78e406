//! Cancels AWS Batch jobs on request and says truthfully what became of each one.
pub mod batch;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod executor;
pub mod handler;
pub mod job;
pub mod outcome;
pub mod plan;
pub mod reply;
pub mod report;
pub mod request;
pub mod telemetry;
pub mod trigger;

mod backoff;
mod gate;
mod object;
