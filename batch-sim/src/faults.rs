//! What goes wrong, and when.
//!
//! A [`Fault`] is a kind of trouble and a matcher. Each fault counts the calls that it matches, by
//! operation, job and time, also those which another fault answers; the first one that strikes, in the order they were
//! added, decides the answer. Latencies add up and leave the answer to the others.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Operation;

mod build;
mod strike;

pub use strike::{Blow, Trouble};
pub(crate) use strike::{Faults, Target};

/// Trouble on demand: what, where and when.
///
/// ```
/// # use std::time::Duration;
/// # use batch_sim::{Fault, Operation};
/// let twice = Fault::server_error().on(Operation::CancelJob).job("a").first(2);
/// let lost = Fault::drop_after().on(Operation::CancelJobs).nth(1);
/// let noisy = Fault::item("ThrottlingException", "Rate exceeded").rate(0.1);
/// let outage = Fault::server_error().during(Duration::from_secs(1), Duration::from_secs(6));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only calls of this operation; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only calls (for item faults: only items) that name this job; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Only calls that arrive within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<Window>,
    /// Which of the matching calls.
    #[serde(default)]
    pub when: When,
    /// Whether the call takes effect although its answer is bad, late or lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried_out: bool,
}

/// The kinds of trouble.
///
/// In JSON: `{"error": {"status": 500, "code": "ServerException"}}`,
/// `{"answer": {"status": 200, "body": "{}"}}`, `"malformed"`, `"upperCaseIds"`,
/// `{"latencyMs": 200}`, `"hang"`, `"drop"`, `{"item": {"code": "…", "message": "…"}}`,
/// `"omitItem"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Answers with an error, or with anything else that is not what was asked for.
    #[serde(alias = "answer")]
    Error(ErrorAnswer),
    /// Answers 200 with a body that is not JSON.
    Malformed,
    /// Carries the call out and answers it, but spells the job's id, or without one every id, in
    /// upper case.
    UpperCaseIds,
    /// Waits before the call is carried out, or, if it is carried out, before the answer.
    #[serde(rename = "latencyMs", with = "crate::moment::as_millis")]
    Latency(Duration),
    /// Never answers; the connection stays open.
    Hang,
    /// Closes the connection without an answer.
    Drop,
    /// Lists a job of a bulk call under `errors`; the job is left alone.
    Item {
        /// E.g. `ThrottlingException`.
        code: String,
        /// Free text.
        message: String,
    },
    /// Lists a job of a bulk call nowhere; the job is left alone.
    OmitItem,
}

/// An answer in place of the right one, as free as the wire allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Sent as `x-amzn-errortype`, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Sent as `{"message": …}`; without, the body is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Sent as it is, in place of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Further headers, e.g. `x-amz-retry-after`; `content-type` replaces the usual one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A time on the simulator's clock, counted from the moment the fault was added.
///
/// In JSON: `{"fromMs": 1000, "untilMs": 6000}`; either may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins.
    #[serde(default, rename = "fromMs", with = "crate::moment::as_millis")]
    pub from: Duration,
    /// When it is over; `None` is never.
    #[serde(
        default,
        rename = "untilMs",
        with = "crate::moment::as_optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Duration>,
}

impl Window {
    fn contains(self, age: Duration) -> bool {
        self.from <= age && self.until.is_none_or(|until| age < until)
    }
}

/// Which of the matching calls (or items) a fault strikes, counted from 1.
///
/// In JSON: `"always"`, `{"first": 2}`, `{"nth": 3}`, `{"from": 2}`, `{"rate": 0.1}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// All of them.
    #[default]
    Always,
    /// The first so many.
    First(u64),
    /// Just that one.
    Nth(u64),
    /// That one and all after it.
    From(u64),
    /// This share of them (0 to 1), by a dice that falls alike in every run with the same seed.
    Rate(f64),
}
