//! The connections to a service, which can be thrown away as a whole.
//!
//! The HTTP client keeps idle connections for later calls. A NAT gateway that forgets, or a failover, kills all of
//! them at once, and without a word: each further call would meet the next dead one, and take it for the service.
//! So one bad end is enough to give up a pool that has nothing to show since that call began.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use tokio::time::Instant;

use crate::batch::{CallError, FailureKind};

/// A pool without an answer for so long counts as idle: its connections may have died unnoticed.
const IDLE: Duration = Duration::from_secs(1);

/// A pool of connections, and how to get another one.
pub(crate) struct Pool {
    open: Arc<dyn Fn() -> SharedHttpConnector + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    history: History,
    /// The SDK asks for it once a call, so that calls under way keep the pool they began with.
    connector: SharedHttpConnector,
}

impl Pool {
    /// A pool as `open` makes them. It is called again for each later one, within a call.
    pub(super) fn new(open: impl Fn() -> SharedHttpConnector + Send + Sync + 'static) -> Arc<Self> {
        Self::opened_by(Arc::new(open))
    }

    fn opened_by(open: Arc<dyn Fn() -> SharedHttpConnector + Send + Sync>) -> Arc<Self> {
        let state = State { history: History::default(), connector: open() };
        Arc::new(Self { open, state: Mutex::new(state) })
    }

    /// A pool for another service: what happens to that one's connections says nothing of these.
    pub(crate) fn another(&self) -> Arc<Self> {
        Self::opened_by(Arc::clone(&self.open))
    }

    /// An HTTP client over whatever pool there is at the time of a call.
    pub(crate) fn client(self: &Arc<Self>) -> SharedHttpClient {
        let pool = Arc::clone(self);
        http_client_fn(move |_, _| pool.state().connector.clone())
    }

    /// Makes a call, and the same once more if all that failed is a connection that had been idle.
    ///
    /// The second answer counts where `settles` says so. Otherwise it is the first failure that does: the call
    /// may have been carried out, which a second answer does not make undone.
    pub(crate) async fn call<T, F>(
        &self,
        make: impl Fn() -> F,
        settles: impl Fn(&Result<T, CallError>) -> bool,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let (first, idle) = self.watched(make()).await;
        match first {
            Err(lost) if idle && lost.kind == FailureKind::Connection => {
                let (second, _) = self.watched(make()).await;
                if settles(&second) { second } else { Err(lost) }
            }
            first => first,
        }
    }

    /// Makes a call and takes note of its end; also tells whether the pool was idle before.
    async fn watched<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> (Result<T, CallError>, bool) {
        let begin = self.state().history.begin(Instant::now());
        let mut watch = Watch { pool: self, begin, end: End::Silent };
        let result = call.await;
        watch.end = End::of(result.as_ref().err());
        (result, begin.idle)
    }

    fn ended(&self, begin: Begin, end: End) {
        let mut state = self.state();
        if state.history.end(begin, end, Instant::now()) {
            tracing::info!("A call ended badly after others had gone well: all connections are replaced.");
            let old = std::mem::replace(&mut state.connector, (self.open)());
            drop(state);
            // Closes its idle connections.
            drop(old);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("history", &self.state().history).finish_non_exhaustive()
    }
}

/// Notes a call's end also where it is given up, since whoever waits for it just drops it.
struct Watch<'a> {
    pool: &'a Pool,
    begin: Begin,
    end: End,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.pool.ended(self.begin, self.end);
    }
}

/// How a call ended, as far as it tells of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There was an answer, whatever it said.
    Answered,
    /// The connection was lost.
    Lost,
    /// Nothing came.
    Silent,
    /// It had no connection.
    Unreached,
}

impl End {
    fn of(error: Option<&CallError>) -> Self {
        match error {
            Some(CallError { status: None, kind: FailureKind::Connection, .. }) => Self::Lost,
            Some(CallError { status: None, kind: FailureKind::Timeout, .. }) => Self::Silent,
            Some(CallError { status: None, kind: FailureKind::Unreached, .. }) => Self::Unreached,
            _ => Self::Answered,
        }
    }
}

/// What there was to see of a pool when a call began.
#[derive(Debug, Clone, Copy)]
struct Begin {
    pool: u64,
    answers: u64,
    idle: bool,
}

/// What a pool has to show.
#[derive(Debug, Default)]
struct History {
    /// Which pool it is: calls of an earlier one say nothing about it.
    pool: u64,
    answers: u64,
    last_answer: Option<Instant>,
}

impl History {
    fn begin(&self, now: Instant) -> Begin {
        let idle = self.last_answer.is_some_and(|last| now.saturating_duration_since(last) > IDLE);
        Begin { pool: self.pool, answers: self.answers, idle }
    }

    /// Takes a call's end, and tells whether the pool is to be replaced, whose history this then is.
    ///
    /// A pool without any answer holds only fresh connections, which are as good as others would be; one with an
    /// answer since the call began is alive.
    fn end(&mut self, begin: Begin, end: End, now: Instant) -> bool {
        if begin.pool != self.pool {
            return false;
        }
        match end {
            End::Answered => {
                self.answers += 1;
                self.last_answer = Some(now);
                false
            }
            End::Lost | End::Silent if self.answers > 0 && self.answers == begin.answers => {
                *self = Self { pool: self.pool + 1, ..Self::default() };
                true
            }
            End::Lost | End::Silent | End::Unreached => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays calls `a` to `z` on one pool: `+a` begins one, `a=` ends it with an answer, `a!` loses its
    /// connection, `a?` gives it up, `a-` never had one, and a number lets milliseconds pass. Tells which ends
    /// replaced the pool, and which calls began on an idle one.
    #[track_caller]
    fn check(events: &str, replaced: &str, idle: &str) {
        let mut now = Instant::now();
        let mut history = History::default();
        let mut calls = std::collections::HashMap::new();
        let (mut seen_replaced, mut seen_idle) = (String::new(), String::new());
        for event in events.split_whitespace() {
            if let Ok(ms) = event.parse() {
                now += Duration::from_millis(ms);
                continue;
            }
            let (first, second) = event.split_at(1);
            if first == "+" {
                let begin = history.begin(now);
                if begin.idle {
                    seen_idle += second;
                }
                calls.insert(second, begin);
                continue;
            }
            let end = match second {
                "=" => End::Answered,
                "!" => End::Lost,
                "?" => End::Silent,
                "-" => End::Unreached,
                other => panic!("{other}"),
            };
            if history.end(calls[first], end, now) {
                seen_replaced += first;
            }
        }
        assert_eq!((seen_replaced.as_str(), seen_idle.as_str()), (replaced, idle), "{events}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_replaced_when_a_call_ends_badly_on_connections_that_were_good_before() {
        // Lost, and given up.
        check("+a a= +b b!", "b", "");
        check("+a a= +b b?", "b", "");
        // No connection was to be had: that says nothing of those there are.
        check("+a a= +b b-", "", "");
        // A fresh connection failed: another would be no better.
        check("+a a! +b b?", "", "");
        check("+a a- +b b!", "", "");
        // Nor is it, once the pool was replaced.
        check("+a a= +b b! +c c! +d d?", "b", "");
        // Until there was an answer again.
        check("+a a= +b b! +c c= +d d?", "bd", "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_gives_answers_is_kept() {
        check("+a a= +b +c c= b!", "", "");
        check("+a a= +b +c c= b?", "", "");
        // The next bad end that began after the last answer counts.
        check("+a a= +b +c c= +d b! d!", "d", "");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_an_earlier_pool_do_not_touch_the_present_one() {
        check("+a a= +b +c +d b! c! d?", "b", "");
        // Neither for worse nor for better.
        check("+a a= +b +c +d b! +e e= c? d=", "b", "");
        check("+a a= +b +c b! c= +d d!", "b", "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_idle_a_second_after_its_last_answer() {
        check("+a a= 1000 +b", "", "");
        check("+a a= 1001 +b", "", "b");
        check("5000 +a a= +b", "", "");
        // However many wait, until one is answered.
        check("+a a= 2000 +b +c b= +d", "", "bc");
        // A fresh pool is not.
        check("+a a= 2000 +b b! +c", "b", "b");
        check("+a a! 2000 +b", "", "");
    }

    #[test]
    fn whatever_has_a_status_was_answered() {
        use FailureKind::*;
        for (status, kind, expected) in [
            (None, Connection, End::Lost),
            (None, Timeout, End::Silent),
            (None, Unreached, End::Unreached),
            (Some(408), Timeout, End::Answered),
            (Some(503), Server, End::Answered),
            (None, Server, End::Answered),
        ] {
            let error = CallError { status, ..CallError::new(kind) };
            assert_eq!(End::of(Some(&error)), expected, "{status:?} {kind:?}");
        }
        assert_eq!(End::of(None), End::Answered);
    }
}
