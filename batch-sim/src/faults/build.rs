//! Faults built by chaining.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ErrorAnswer, Fault, FaultKind, When, Window};
use crate::Operation;

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self { kind, operation: None, job: None, during: None, when: When::Always, carried_out: false }
    }

    fn answering(status: u16, code: Option<String>, message: Option<String>, body: Option<String>) -> Self {
        Self::new(FaultKind::Error(ErrorAnswer { status, code, message, body, headers: BTreeMap::new() }))
    }

    /// An error answer with this status, code and message.
    #[must_use]
    pub fn error(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::answering(status, Some(code.into()), Some(message.into()), None)
    }

    /// An answer with nothing but a status, e.g. 302 or 404: no code, an empty body.
    #[must_use]
    pub fn bare(status: u16) -> Self {
        Self::answering(status, None, None, None)
    }

    /// An answer with this status and body, whatever was asked.
    #[must_use]
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::answering(status, None, None, Some(body.into()))
    }

    /// 200 with `{}`: right for a cancel, though it was not carried out; an empty look otherwise.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::answer(200, "{}")
    }

    /// 200 with an empty body; the call takes no effect.
    #[must_use]
    pub fn empty_body() -> Self {
        Self::bare(200)
    }

    /// 200 with a page for people, as from a proxy; the call takes no effect.
    #[must_use]
    pub fn html() -> Self {
        let page = "<!doctype html><html><title>Sign in</title><body>Sign in</body></html>";
        Self::answer(200, page).header("content-type", "text/html")
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

    /// The right answer, but the ids in it are in upper case; with [`job`](Self::job) just that
    /// job's. The call takes effect.
    #[must_use]
    pub fn upper_case_ids() -> Self {
        Self::new(FaultKind::UpperCaseIds).carried_out()
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

    /// Adds a header to an answer in place of the right one; other kinds have none.
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

    /// Strikes only calls that arrive from `from` until before `until`, both since the moment the
    /// fault was added. Calls outside of that are not matches: `first`, `nth` and `from` count
    /// only those within.
    #[must_use]
    pub fn during(mut self, from: Duration, until: Duration) -> Self {
        self.during = Some(Window { from, until: Some(until) });
        self
    }

    /// [`during`](Self::during) the first `time` since the fault was added.
    #[must_use]
    pub fn for_the_first(self, time: Duration) -> Self {
        self.during(Duration::ZERO, time)
    }

    /// [`during`](Self::during) all the time that begins `time` after the fault was added.
    #[must_use]
    pub fn starting_after(mut self, time: Duration) -> Self {
        self.during = Some(Window { from: time, until: None });
        self
    }

    fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    pub(super) fn is_about_items(&self) -> bool {
        matches!(self.kind, FaultKind::Item { .. } | FaultKind::OmitItem)
    }
}
