//! Puts results onto an event bus while the invocation goes on, and for a little while after its calls.
//!
//! Whoever has a result only leaves it here: a bus that is slow or down keeps nobody waiting and fails nothing. What
//! cannot be put onto it in the share of time that is kept for that is lost, and counted.
//!
//! Memory is bounded by [`MOST_WAITING`]: what comes while so much waits is lost as well. Events are made at the rate at
//! which Batch takes cancels, and leave in parallel, ten a call; a bus must be down for that to happen.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::backoff::TRANSIENT;
use crate::config::Limits;
use crate::events::{self, Origin};
use crate::outlet::{Event, MAX_EVENTS, Outlet, OutletError};
use crate::result::ResultRecord;

/// Most calls at once.
const MOST_IN_FLIGHT: usize = 4;

/// Most bytes of events that wait.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// How often one event is tried while others are taken.
const ATTEMPTS: u32 = 5;

/// So many calls that are refused, one after the other and none taken in between, and the next would be as well.
const MOST_REFUSALS: u32 = 3;

/// What is kept of an invocation's time to publish what its calls leave behind: to connect and to be answered, then for
/// as many calls as its results take, and never more than a part of it.
const FIRST_CALL: Duration = Duration::from_millis(500);
const A_ROUND: Duration = Duration::from_millis(50);
const MOST_OF_A_BUDGET: u32 = 4;

/// What publishes the results of one invocation.
#[derive(Debug)]
pub(crate) struct Publisher<'a> {
    /// Where to, if anywhere, and the way there.
    to: Option<(&'a str, Option<&'a dyn Outlet>)>,
    request_id: &'a str,
    function: Option<Origin<'a>>,
    limits: &'a Limits,
    /// What is kept for it once there are no more results.
    kept: Duration,
    queue: Mutex<Queue>,
    changed: Notify,
}

/// What is to be published.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Events in calls under way.
    in_flight: usize,
    lost: Lost,
    /// Since when there are no more results.
    closed: Option<Instant>,
    /// Whether nothing is published any more.
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    size: usize,
    /// How often it was not taken where others were.
    failures: u32,
}

/// What could not be published.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many events.
    pub(crate) events: u64,
    /// Why, of the last of them.
    pub(crate) why: String,
}

impl<'a> Publisher<'a> {
    /// Publishes up to so many `results` of the invocation `request_id` of the function with that ARN, whose budget is
    /// `whole`. Without a bus, it does nothing and keeps nothing.
    pub(crate) fn new(
        to: Option<(&'a str, Option<&'a dyn Outlet>)>,
        (request_id, function_arn): (&'a str, &'a str),
        limits: &'a Limits,
        whole: Duration,
        results: usize,
    ) -> Self {
        let kept = if let Some((_, Some(_))) = to { kept(whole, results) } else { Duration::ZERO };
        let function = Origin::of(function_arn);
        Self { to, request_id, function, limits, kept, queue: Mutex::default(), changed: Notify::new() }
    }

    /// What is kept of the budget for it.
    pub(crate) fn kept(&self) -> Duration {
        self.kept
    }

    /// Takes a result to publish.
    pub(crate) fn tell(&self, result: &ResultRecord<'_>) {
        if self.to.is_none() {
            return;
        }
        let event = events::event(result, self.request_id, self.function);
        let mut queue = self.queue();
        match event {
            None => queue.lose(1, "a result is larger than an event may be"),
            Some(_) if queue.is_over => queue.lose(1, ""),
            Some(_) if queue.bytes > MOST_WAITING => queue.lose(1, "too many waited for the bus"),
            Some(event) => queue.push(Waiting { size: events::size(&event), event, failures: 0 }),
        }
        if queue.waiting.len() >= MAX_EVENTS || queue.bytes >= events::MAX_CALL_BYTES {
            self.changed.notify_one();
        }
    }

    /// There are no more results.
    pub(crate) fn close(&self) {
        self.queue().closed = Some(Instant::now());
        self.changed.notify_one();
    }

    /// What could not be published.
    pub(crate) fn lost(&self) -> Lost {
        self.queue().lost.clone()
    }

    /// Publishes what comes until it is [closed](Self::close), and what is left for as long as is kept for that; never
    /// past `until`.
    pub(crate) async fn publish(&self, until: Instant) {
        let Some((bus, Some(outlet))) = self.to else { return self.queue().give_up() };
        let most = MOST_IN_FLIGHT.min(self.limits.max_in_flight);
        let mut in_flight = FuturesUnordered::new();
        let mut pace = Pace::default();
        loop {
            let now = Instant::now();
            let ends = self.queue().closed.map_or(until, |closed| until.min(closed + self.kept));
            if now >= ends || pace.is_hopeless(now, self.limits.patience) {
                break;
            }
            while pace.lets(in_flight.len(), most, now)
                && let Some(batch) = self.next_batch()
            {
                let limit = self.limits.attempt_timeout.min(ends - now);
                in_flight.push(async move {
                    let (events, rest): (Vec<_>, Vec<_>) = batch.into_iter().map(Waiting::into_parts).unzip();
                    let answer = put(outlet, bus, &events, limit).await;
                    (events.into_iter().zip(rest).map(Waiting::from_parts).collect(), answer)
                });
            }
            if in_flight.is_empty() && self.queue().is_done() {
                break;
            }
            tokio::select! {
                biased;
                Some((batch, answer)) = in_flight.next() => self.answered(batch, answer, &mut pace),
                () = self.changed.notified() => {}
                () = sleep_until(pace.opens.filter(|opens| *opens > now).unwrap_or(ends).min(ends)) => {}
            }
        }
        self.queue().give_up();
    }

    /// The events of the next call, as soon as no more of them fit into it.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        let count = events::batch(queue.waiting.iter().map(|waiting| waiting.size));
        let is_full = count == MAX_EVENTS || count < queue.waiting.len();
        if count == 0 || !is_full && queue.closed.is_none() {
            return None;
        }
        let batch: Vec<_> = queue.waiting.drain(..count).collect();
        queue.bytes -= batch.iter().map(|waiting| waiting.size).sum::<usize>();
        queue.in_flight += batch.len();
        Some(batch)
    }

    /// Takes what became of a call.
    fn answered(&self, batch: Vec<Waiting>, answer: Answer, pace: &mut Pace) {
        let mut queue = self.queue();
        queue.in_flight -= batch.len();
        let now = Instant::now();
        match answer {
            Ok(entries) => {
                let (mut taken, mut passing) = (false, false);
                for (mut waiting, error) in batch.into_iter().zip(entries) {
                    let Some(error) = error else {
                        taken = true;
                        continue;
                    };
                    waiting.failures += 1;
                    passing |= error.is_passing;
                    if error.is_passing && waiting.failures < ATTEMPTS {
                        queue.lost.why = error.message;
                        queue.push(waiting);
                    } else {
                        queue.lose(1, &error.message);
                    }
                }
                match (taken, passing) {
                    (true, false) => pace.succeeded(),
                    (true, true) => pace.succeeded_in_part(now),
                    (false, true) => pace.failed(now),
                    (false, false) => pace.refused(),
                }
            }
            Err(error) if error.is_passing => {
                // It is not about these events: others may go first.
                queue.lost.why = error.message;
                for waiting in batch {
                    queue.push(waiting);
                }
                pace.failed(now);
            }
            Err(error) => {
                queue.lose(batch.len(), &error.message);
                pace.refused();
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of each event of a call, or of the call.
type Answer = Result<Vec<Option<OutletError>>, OutletError>;

async fn put(outlet: &dyn Outlet, bus: &str, events: &[Event], limit: Duration) -> Answer {
    timeout(limit, outlet.publish(bus, events)).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} ms", limit.as_millis());
        Err(OutletError { message, is_passing: true })
    })
}

/// What is kept of a budget to publish so many results.
fn kept(budget: Duration, results: usize) -> Duration {
    let rounds = u32::try_from(results.div_ceil(MAX_EVENTS * MOST_IN_FLIGHT)).unwrap_or(u32::MAX);
    A_ROUND.saturating_mul(rounds).saturating_add(FIRST_CALL).min(budget / MOST_OF_A_BUDGET)
}

impl Queue {
    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.size;
        self.waiting.push_back(waiting);
    }

    fn lose(&mut self, events: usize, why: &str) {
        self.lost.events += u64::try_from(events).unwrap_or(u64::MAX);
        if !why.is_empty() {
            why.clone_into(&mut self.lost.why);
        }
    }

    fn is_done(&self) -> bool {
        self.closed.is_some() && self.waiting.is_empty()
    }

    /// What is not published by now is lost, and so is all that comes yet.
    fn give_up(&mut self) {
        let why = if self.lost.why.is_empty() { "there was no time, or no way to the bus" } else { "" };
        self.lose(self.waiting.len() + self.in_flight, why);
        (self.waiting, self.bytes, self.in_flight, self.is_over) = (VecDeque::new(), 0, 0, true);
    }
}

impl Waiting {
    fn into_parts(self) -> (Event, (usize, u32)) {
        (self.event, (self.size, self.failures))
    }

    fn from_parts((event, (size, failures)): (Event, (usize, u32))) -> Self {
        Self { event, size, failures }
    }
}

/// When calls may start, by how the last ones went: while they fail, one at a time, with growing pauses.
#[derive(Debug, Default)]
struct Pace {
    /// Failed calls in a row, and since when.
    failures: u32,
    failing_since: Option<Instant>,
    /// Refused calls in a row.
    refusals: u32,
    /// When the next call may start.
    opens: Option<Instant>,
}

impl Pace {
    fn lets(&self, in_flight: usize, most: usize, now: Instant) -> bool {
        let most = if self.failures + self.refusals > 0 { 1 } else { most };
        in_flight < most && self.opens.is_none_or(|opens| opens <= now)
    }

    fn is_hopeless(&self, now: Instant, patience: Duration) -> bool {
        self.refusals >= MOST_REFUSALS || self.failing_since.is_some_and(|since| now - since >= patience)
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn succeeded_in_part(&mut self, now: Instant) {
        let opens = Some(now + TRANSIENT.delay(2, fastrand::f64()));
        *self = Self { opens, ..Self::default() };
    }

    fn failed(&mut self, now: Instant) {
        self.failures += 1;
        self.failing_since.get_or_insert(now);
        self.opens = Some(now + TRANSIENT.delay(self.failures, fastrand::f64()));
    }

    fn refused(&mut self) {
        self.refusals += 1;
    }
}

#[cfg(test)]
mod tests;
