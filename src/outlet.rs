//! What leaves the function besides calls to Batch: the rest of a sweep for its queue, and results as events.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod wire;

use std::fmt::Debug;

use futures_util::future::BoxFuture;

#[cfg(feature = "aws")]
pub use aws::AwsOutlet;

/// Where messages and events go. One call each, no retries.
pub trait Outlet: Debug + Send + Sync {
    /// Puts a message into an SQS queue, and gives the id that it has there.
    fn send<'a>(&'a self, message: &'a Message<'a>) -> BoxFuture<'a, Result<String, OutletError>>;

    /// Puts at most [`MAX_EVENTS`] events onto an EventBridge bus, and gives what became of each, in their order: `None`
    /// for one that was taken.
    fn publish<'a>(
        &'a self,
        bus: &'a str,
        events: &'a [Event],
    ) -> BoxFuture<'a, Result<Vec<Option<OutletError>>, OutletError>>;
}

/// Most events one `PutEvents` takes (API reference).
pub const MAX_EVENTS: usize = 10;

/// A message for a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The queue's ARN.
    pub queue_arn: &'a str,
    /// What it says.
    pub body: String,
    /// In a FIFO queue: its group, and what tells it from others.
    pub fifo: Option<Fifo<'a>>,
}

/// What a message in a FIFO queue has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fifo<'a> {
    /// `MessageGroupId`.
    pub group: &'a str,
    /// `MessageDeduplicationId`.
    pub deduplication: String,
}

/// An event for a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `source`.
    pub source: &'static str,
    /// Its `detail-type`.
    pub detail_type: &'static str,
    /// Its `detail`, a JSON object.
    pub detail: String,
    /// The ARNs it is about.
    pub resources: Vec<String>,
}

/// Why something could not be handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OutletError {
    /// What the service or the connection said.
    pub message: String,
    /// Whether the same call may succeed later.
    pub is_passing: bool,
}
