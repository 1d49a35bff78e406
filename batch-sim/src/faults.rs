//! What goes wrong, and when.
//!
//! A [`Fault`] is a kind of trouble and a matcher. Each fault counts the calls that it matches,
//! also those which another fault answers; the first one that strikes, in the order they were
//! added, decides the answer. Latencies add up and leave the answer to the others.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Operation;

mod strike;

pub(crate) use strike::Faults;
pub use strike::{Blow, Trouble};

/// Trouble on demand: what, where and when.
///
/// ```
/// # use batch_sim::{Fault, Operation};
/// let twice = Fault::server_error().on(Operation::CancelJob).job("a").first(2);
/// let lost = Fault::drop_after().on(Operation::CancelJobs).nth(1);
/// let noisy = Fault::item("ThrottlingException", "Rate exceeded").rate(0.1);
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
    /// Which of the matching calls.
    #[serde(default)]
    pub when: When,
    /// Whether the call takes effect although its answer is bad, late or lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried_out: bool,
}

/// The kinds of trouble.
///
/// In JSON: `{"error": {"status": 500, "code": "ServerException"}}`, `"malformed"`,
/// `{"latencyMs": 200}`, `"hang"`, `"drop"`, `{"item": {"code": "…", "message": "…"}}`,
/// `"omitItem"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Answers with an error.
    Error(ErrorAnswer),
    /// Answers 200 with a body that is not JSON.
    Malformed,
    /// Waits before the call is carried out, or, if it is carried out, before the answer.
    #[serde(rename = "latencyMs", with = "crate::settings::millis")]
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

/// An error answer, as free as the wire allows.
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
    /// Further headers, e.g. `x-amz-retry-after`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
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

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self { kind, operation: None, job: None, when: When::Always, carried_out: false }
    }

    /// An error answer with this status, code and message.
    #[must_use]
    pub fn error(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Error(ErrorAnswer {
            status,
            code: Some(code.into()),
            message: Some(message.into()),
            headers: BTreeMap::new(),
        }))
    }

    /// An error answer with nothing but a status: no code, an empty body.
    #[must_use]
    pub fn bare(status: u16) -> Self {
        Self::new(FaultKind::Error(ErrorAnswer {
            status,
            code: None,
            message: None,
            headers: BTreeMap::new(),
        }))
    }

    /// 500 `ServerException`.
    #[must_use]
    pub fn server_error() -> Self {
        Self::error(500, "ServerException", "Internal server error")
    }

    /// 429 `TooManyRequestsException`.
    #[must_use]
    pub fn throttled() -> Self {
        Self::error(429, "TooManyRequestsException", "Too Many Requests")
    }

    /// 429 without a code and with an empty body, which no SDK retries.
    #[must_use]
    pub fn throttled_bare() -> Self {
        Self::bare(429)
    }

    /// 400 `ClientException`.
    #[must_use]
    pub fn client_error() -> Self {
        Self::error(400, "ClientException", "The request was refused")
    }

    /// 403 `AccessDeniedException`.
    #[must_use]
    pub fn access_denied() -> Self {
        Self::error(403, "AccessDeniedException", "User is not authorized")
    }

    /// 200 with a body that is not JSON; the call takes effect.
    #[must_use]
    pub fn malformed() -> Self {
        Self::new(FaultKind::Malformed).carried_out()
    }

    /// A delay before the call is carried out; a client that leaves meanwhile was never heard.
    /// With [`carried_out`](Self::carried_out) the call takes effect first and the answer is late.
    #[must_use]
    pub fn latency(delay: Duration) -> Self {
        Self::new(FaultKind::Latency(delay))
    }

    /// No answer, ever; the call takes no effect.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(FaultKind::Hang)
    }

    /// The connection closes before the call takes effect.
    #[must_use]
    pub fn drop_before() -> Self {
        Self::new(FaultKind::Drop)
    }

    /// The connection closes after the call took effect: the caller cannot know.
    #[must_use]
    pub fn drop_after() -> Self {
        Self::new(FaultKind::Drop).carried_out()
    }

    /// A job of a bulk call comes back under `errors`.
    #[must_use]
    pub fn item(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Item { code: code.into(), message: message.into() })
    }

    /// A job of a bulk call comes back nowhere.
    #[must_use]
    pub fn omitted_item() -> Self {
        Self::new(FaultKind::OmitItem)
    }

    /// Adds a header to an error answer; other kinds have none.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let FaultKind::Error(answer) = &mut self.kind {
            answer.headers.insert(name.into(), value.into());
        }
        self
    }

    /// Lets the call take effect although its answer is bad, late or lost.
    #[must_use]
    pub fn carried_out(mut self) -> Self {
        self.carried_out = true;
        self
    }

    /// Strikes only this operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Strikes only calls, or items, that name this job.
    #[must_use]
    pub fn job(mut self, id: impl Into<String>) -> Self {
        self.job = Some(id.into());
        self
    }

    /// Strikes every matching call; the default.
    #[must_use]
    pub fn always(self) -> Self {
        self.when(When::Always)
    }

    /// Strikes the first `n` matching calls.
    #[must_use]
    pub fn first(self, n: u64) -> Self {
        self.when(When::First(n))
    }

    /// Strikes only the `n`-th matching call, from 1.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.when(When::Nth(n))
    }

    /// Strikes the `n`-th matching call, from 1, and all after it.
    #[must_use]
    pub fn from(self, n: u64) -> Self {
        self.when(When::From(n))
    }

    /// Strikes this share of the matching calls, 0 to 1.
    #[must_use]
    pub fn rate(self, share: f64) -> Self {
        self.when(When::Rate(share))
    }

    fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    fn is_about_items(&self) -> bool {
        matches!(self.kind, FaultKind::Item { .. } | FaultKind::OmitItem)
    }
}
