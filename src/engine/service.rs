//! How Batch takes one kind of call: whether it is there, and how fast it may be called. Pure: time comes in as
//! the time since the invocation began, randomness as a number from 0 up to 1.
//!
//! **Health.** A few failures in a row may be chance, or one job's. From then on the service counts as down, and
//! is probed: one call at a time, a few a second at most, until one gets an answer. How long it has been failing
//! is told by time, from the start of the first call that failed.
//!
//! **Pace.** Until Batch throttles, calls start as they come. From then on they keep to a rate: at first the one
//! that Batch has put up with, then growing, cut whenever Batch throttles again, and never past twice of what was
//! really reached. AWS's limits are buckets that fill while calls are slow, so a pace that swings around the limit
//! uses all of it.
//!
//! **Window.** Nobody says whether a bulk call counts as one call or as many as it has jobs. Where the larger ones
//! do not pass, smaller ones may: a bulk call that is throttled as a whole, and again at a slower pace, halves the
//! window, one that passes doubles it.

use std::time::Duration;

use crate::backoff::{PROBE, THROTTLED};
use crate::batch::MAX_STOP;

/// So many failures in a row, and the service counts as down.
const TRIP: u32 = 4;

/// How long bulk calls may fail while single ones pass.
const BULK_PATIENCE: Duration = Duration::from_secs(4);

/// How many seconds' worth of calls AWS's limits commonly let through at once. Calls that passed before the first
/// cut are taken to have used that up.
const BURST_SECONDS: f64 = 1.0;

/// The slowest first guess, in calls a second: a single throttled call among few tells little.
const LEAST_GUESS: f64 = 20.0;

/// So many calls between two cuts tell a pace.
const TELLING: u32 = 4;

/// What a cut leaves of the pace.
const CUT: f64 = 0.8;

/// How much a pace grows in a second, as a share of what the last cut left.
const GROWTH: f64 = 0.1;

/// The slowest pace, in calls a second.
const SLOWEST: f64 = 2.0;

/// The least growth in a second, in calls a second.
const LEAST_GROWTH: f64 = 1.0;

/// The longest waits are shares of the time that is left; with less than this, no further call would be answered.
const LEAST_HOLD: Duration = Duration::from_millis(200);

/// A call that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) started: Duration,
    pub(super) now: Duration,
    /// How many jobs it named.
    pub(super) jobs: usize,
}

/// What there is to wait for, and how long at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// What Batch asked for.
    pub(super) retry_after: Option<Duration>,
    /// When the time for such calls is up: no wait is longer than half of what is left.
    pub(super) until: Duration,
    /// A random number from 0 up to 1.
    pub(super) unit: f64,
}

impl Wait {
    fn end(self, now: Duration, wait: Duration) -> Duration {
        let most = (self.until.saturating_sub(now) / 2).max(LEAST_HOLD);
        now + wait.max(self.retry_after.unwrap_or_default()).min(most)
    }
}

/// One view of the service, for one kind of call.
#[derive(Debug)]
pub(super) struct Service {
    /// Calls under way.
    in_flight: usize,
    /// Nothing starts before.
    opens: Duration,
    /// Failures in a row, throttling apart.
    run: u32,
    /// When the first call of that run started.
    failing_since: Duration,
    /// When a call last got an answer.
    answered: Option<Duration>,
    /// How long answers lately took.
    latency: Duration,
    pace: Option<Pace>,
    /// Calls that passed since the last cut, or since the start.
    passed: u32,
    /// Calls that passed in the present second and the most in one since the last cut.
    second: (u64, u32),
    reached: u32,
    /// Cuts since a call last passed.
    cuts_in_a_row: u32,
    window: usize,
    window_cut: Option<Duration>,
}

/// Calls a second, growing since a cut.
#[derive(Debug, Clone, Copy)]
struct Pace {
    after_cut: f64,
    /// Whether too few calls had passed since the cut before to tell a pace by. What this one left is a guess,
    /// and the pace doubles each second until Batch says that it is too fast.
    guessed: bool,
    /// When it was cut. Calls that started earlier tell nothing new about it.
    cut: Duration,
    /// When the next call is due.
    next: Duration,
}

impl Pace {
    fn at(&self, now: Duration, reached: u32) -> f64 {
        let seconds = now.saturating_sub(self.cut).as_secs_f64();
        let grown = if self.guessed {
            self.after_cut * seconds.exp2()
        } else {
            self.after_cut + seconds * (self.after_cut * GROWTH).max(LEAST_GROWTH)
        };
        grown.min((2.0 * f64::from(reached)).max(2.0 * self.after_cut))
    }
}

impl Service {
    pub(super) fn new() -> Self {
        Self {
            in_flight: 0,
            opens: Duration::ZERO,
            run: 0,
            failing_since: Duration::ZERO,
            answered: None,
            latency: Duration::ZERO,
            pace: None,
            passed: 0,
            second: (0, 0),
            reached: 0,
            cuts_in_a_row: 0,
            window: MAX_STOP,
            window_cut: None,
        }
    }

    /// Whether one more call may start.
    pub(super) fn is_open(&self, now: Duration) -> bool {
        !(self.is_down() && self.in_flight > 0) && self.opens_at(now) <= now
    }

    /// When one more call may start, as far as time decides it.
    pub(super) fn opens_at(&self, now: Duration) -> Duration {
        let paced = self.pace.map_or(Duration::ZERO, |pace| pace.next);
        self.opens.max(paced).max(now)
    }

    fn is_down(&self) -> bool {
        self.run >= TRIP
    }

    /// Whether some probes have failed, too.
    pub(super) fn is_long_down(&self) -> bool {
        self.run >= 2 * TRIP
    }

    /// Whether only an answer can tell if more calls may start.
    pub(super) fn awaits_answer(&self) -> bool {
        self.is_down() && self.in_flight > 0
    }

    /// Most jobs of a bulk call.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// How long an answer takes, as far as seen.
    pub(super) fn latency(&self) -> Duration {
        self.latency
    }

    /// The time that so many calls take at the present pace.
    pub(super) fn time_for(&self, calls: usize, now: Duration) -> Duration {
        let calls = f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
        self.pace.map_or(Duration::ZERO, |pace| Duration::from_secs_f64(calls / pace.at(now, self.reached)))
    }

    /// Since when every call has failed, where the last ones have.
    pub(super) fn failing_since(&self) -> Option<Duration> {
        (self.run > 0).then_some(self.failing_since)
    }

    /// Whether a call got an answer after `moment`.
    pub(super) fn answered_since(&self, moment: Duration) -> bool {
        self.answered.is_some_and(|answered| answered >= moment)
    }

    /// A call starts.
    pub(super) fn started(&mut self, now: Duration) {
        self.in_flight += 1;
        if let Some(pace) = &mut self.pace {
            let interval = Duration::from_secs_f64(1.0 / pace.at(now, self.reached));
            // A timer that wakes late makes up for it, but for no more than one call.
            pace.next = pace.next.max(now.saturating_sub(interval)) + interval;
        }
    }

    /// A call was answered, if only by a no. Tells whether the service had counted as down.
    pub(super) fn answered(&mut self, call: Ended) -> bool {
        let was_down = self.heard_back(call);
        self.cuts_in_a_row = 0;
        self.passed += 1;
        let second = call.now.as_secs();
        self.second = if self.second.0 == second { (second, self.second.1 + 1) } else { (second, 1) };
        self.reached = self.reached.max(self.second.1);
        if call.jobs >= self.window.div_ceil(2) {
            self.window = (self.window * 2).min(MAX_STOP);
        }
        was_down
    }

    /// A call was throttled: as a whole, or `in_part`, where some of its jobs were dealt with. Tells whether the
    /// service had counted as down.
    pub(super) fn throttled(&mut self, call: Ended, in_part: bool, wait: Wait) -> bool {
        let was_down = self.heard_back(call);
        let now = call.now;
        if in_part {
            self.cuts_in_a_row = 0;
            self.passed += 1;
        } else if call.jobs > 1
            && self.cuts_in_a_row > 0
            && self.window_cut.is_none_or(|cut| call.started > cut)
        {
            // A slower pace alone did not help.
            self.window = (call.jobs.min(self.window) / 2).max(1);
            self.window_cut = Some(now);
        }
        let mut hold = Duration::ZERO;
        if self.pace.is_none_or(|pace| call.started > pace.cut) {
            self.cut(now);
            hold = THROTTLED.delay(self.cuts_in_a_row, wait.unit);
        }
        self.opens = self.opens.max(wait.end(now, hold));
        was_down
    }

    /// A call failed otherwise.
    pub(super) fn failed(&mut self, call: Ended, wait: Wait) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.run == 0 {
            self.failing_since = call.started;
        }
        self.run += 1;
        let probe = self.run.checked_sub(TRIP).map(|run| PROBE.delay(run + 1, wait.unit.midpoint(1.0)));
        if probe.is_some() || wait.retry_after.is_some() {
            self.opens = self.opens.max(wait.end(call.now, probe.unwrap_or_default()));
        }
        if wait.retry_after.is_some() {
            // Who waits as asked does not lose patience meanwhile.
            self.failing_since = self.opens;
        }
    }

    /// There was an answer. Tells whether the service had counted as down.
    fn heard_back(&mut self, call: Ended) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        let was_down = self.is_down();
        if was_down {
            self.opens = call.now;
        }
        self.run = 0;
        self.answered = Some(call.now);
        let took = call.now.saturating_sub(call.started);
        self.latency = if self.latency.is_zero() { took } else { (self.latency * 3 + took) / 4 };
        was_down
    }

    fn cut(&mut self, now: Duration) {
        let passed = f64::from(self.passed);
        let left = match self.pace {
            None => {
                let lately = f64::from(self.reached).min(passed / (now.as_secs_f64() + BURST_SECONDS));
                lately.max(LEAST_GUESS)
            }
            Some(pace) => {
                let since = now.saturating_sub(pace.cut).as_secs_f64();
                let measured = (passed + 1.0) / since.max(0.05);
                (pace.at(now, self.reached) * CUT).min(measured).max(SLOWEST)
            }
        };
        let guessed = self.pace.is_none() || self.passed < TELLING;
        self.pace = Some(Pace { after_cut: left, guessed, cut: now, next: now });
        (self.passed, self.reached, self.second.1) = (0, 0, 0);
        self.cuts_in_a_row += 1;
    }
}

/// Whether it is only bulk calls that fail, where there is a single call that does the same. While single ones pass,
/// the bulk call is probed, one at a time; single calls, which are many, are made only once it has failed for long.
#[derive(Debug, Default)]
pub(super) struct BulkHealth {
    in_flight: usize,
    /// Since when every bulk call has failed.
    failing_since: Option<Duration>,
    /// Whether a single call got an answer meanwhile.
    singles_pass: bool,
    /// When it is next probed, and how often it was.
    opens: Duration,
    probes: u32,
}

impl BulkHealth {
    /// Whether a bulk call may start.
    pub(super) fn is_open(&self, now: Duration) -> bool {
        !self.singles_pass || self.in_flight == 0 && self.opens <= now
    }

    /// Whether it is known that only bulk calls fail.
    pub(super) fn is_alone(&self) -> bool {
        self.singles_pass
    }

    /// When one may start, as far as time decides it.
    pub(super) fn opens_at(&self) -> Duration {
        if self.singles_pass { self.opens } else { Duration::ZERO }
    }

    /// A call for so many jobs starts.
    pub(super) fn started(&mut self, jobs: usize) {
        self.in_flight += usize::from(jobs > 1);
    }

    /// A call was answered, if only by a no or by throttling.
    pub(super) fn answered(&mut self, call: Ended) {
        if call.jobs > 1 {
            *self = Self { in_flight: self.in_flight.saturating_sub(1), ..Self::default() };
        } else if self.failing_since.is_some() {
            self.singles_pass = true;
        }
    }

    /// A call failed. Tells whether bulk calls have failed for so long beside single ones that pass that they are
    /// better done without.
    pub(super) fn failed(&mut self, call: Ended, unit: f64) -> bool {
        if call.jobs == 1 {
            return false;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        let since = *self.failing_since.get_or_insert(call.started);
        if self.singles_pass {
            self.probes += 1;
            self.opens = call.now + PROBE.delay(self.probes, unit.midpoint(1.0));
        }
        self.singles_pass && call.now >= since + BULK_PATIENCE
    }
}
#[cfg(test)]
mod tests;
