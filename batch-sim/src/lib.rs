//! An embedded AWS Batch for local runs, tests and benchmarks.
//!
//! It keeps jobs in memory and answers the six calls a canceller makes (`CancelJob`,
//! `CancelJobs`, `TerminateJob`, `TerminateJobs`, `DescribeJobs`, `ListJobs`) over HTTP, in Batch's
//! own wire format, so that any AWS SDK can talk to it through `AWS_ENDPOINT_URL_BATCH`.
//!
//! No job is started or ended by itself: jobs move when a call, a test or an [`Event`] moves them.
//! What follows from a move does happen: arrays end with their children, and a job that waits for
//! others goes on when they have succeeded and fails when one has failed.
//!
//! ```
//! use batch_sim::{Fault, Job, JobStatus, Operation, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let sim = Simulator::new();
//! sim.add(Job::new("a").status(JobStatus::Runnable).queue("nightly"));
//! sim.fault(Fault::throttled().on(Operation::CancelJob).first(2));
//! let server = sim.serve().await?;
//! println!("AWS_ENDPOINT_URL_BATCH={}", server.url());
//! # Ok(()) }
//! ```
//!
//! What can go wrong on demand:
//!
//! - answers that are wrong, late or lost, for some calls or for some time: [`Fault`];
//! - limits, by call or by item: [`RateLimit`], [`Buckets`], [`Shortfall`];
//! - stops that take their time, and new jobs that are not seen at first: [`CancelLag`], [`Lag`];
//! - other people, and jobs that fail by themselves, between two calls: [`Event`], [`Deed`];
//! - connections that die all at once: [`Kill`].
//!
//! A simulation that keeps its own time and wants no sockets uses [`World`], which is all of that
//! but the connections.
//!
//! The layers, each knowing only those above it:
//!
//! - `moment`, `status`, `calls`, `limits`, `settings`: the words, and the token buckets.
//! - `script`, `job`, `faults`, `fleet`: what a run starts from, in code or in JSON, and when faults
//!   strike.
//! - `shown`: what answers hold, as data.
//! - `chronicle`: what became of jobs, for whoever checks what others say of them.
//! - `state`: the job model. Pure: no clock, no network; `now` is an argument.
//! - `world`: the whole of Batch without HTTP, a method for each call. Pure too, and public: for
//!   simulations in one process.
//! - `wire`: Batch's requests, answers and errors as JSON.
//! - `exchange`: one call from its JSON to its answer, and the log of calls.
//! - `traffic`: connections and calls under way.
//! - `simulator`: the handle that tests hold; the one mutex and the clock.
//! - `admin`: `/_sim/…`, for steering a running simulator.
//! - `server`: HTTP for SDKs; `Simulator::serve…` live there, so that the handle knows no server.

mod admin;
mod calls;
mod chronicle;
mod exchange;
mod faults;
mod fleet;
mod job;
mod limits;
mod moment;
mod script;
mod server;
mod settings;
mod shown;
mod simulator;
mod state;
mod status;
mod traffic;
mod wire;
mod world;

pub use calls::{Call, Operation, Verb};
pub use chronicle::{Change, Happening, StoppedBy};
pub use faults::{Blow, ErrorAnswer, Fault, FaultKind, Trouble, When, Window};
pub use fleet::{Fleet, FleetError};
pub use job::{Job, JobView};
pub use limits::{Buckets, RateLimit, Shortfall};
pub use moment::Moment;
pub use script::{After, Deed, Event};
pub use server::Server;
pub use settings::{Bulk, CancelLag, Lag, Settings};
pub use shown::{ArrayShown, Attempt, BulkAnswer, Cursor, Dependency, ItemError, Page, Refusal, ShownJob};
pub use simulator::Simulator;
pub use state::{Filter, ListQuery};
pub use status::JobStatus;
pub use traffic::Kill;
pub use world::World;
