//! One gate that every call to Batch passes, so that all slow down together. Pure: time comes in as the time
//! since the invocation began.
//!
//! Until Batch throttles, a call may start as soon as fewer than `MAX_IN_FLIGHT` are under way. From the first
//! throttled call on, calls start at a pace: at first the rate that Batch has put up with, then growing
//! steadily, and cut by a share whenever Batch throttles again. Since Batch's limit is a bucket that fills
//! while calls are slow, a pace that swings around the limit uses all of it.

use std::time::Duration;

use crate::backoff::{THROTTLED, TRANSIENT};

/// What the end of a call says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feedback {
    /// Nothing out of the ordinary.
    Fine,
    /// The call, or an item of it, came too fast.
    Throttled {
        /// Whether other items of it were let through.
        in_part: bool,
        /// What Batch asked to wait.
        retry_after: Option<Duration>,
    },
    /// The call failed otherwise.
    Failed {
        /// Where it was the last of a round of calls that all failed: how many such rounds in a row.
        rounds: Option<u32>,
    },
}

/// How many seconds' worth of calls AWS's limits commonly let through at once. Calls that passed before the
/// first cut are taken to have used that up.
const BURST_SECONDS: f64 = 1.0;

/// The slowest first guess, in calls a second: a single throttled call among few tells little.
const LEAST_GUESS: f64 = 20.0;

/// So many calls between two cuts tell a pace.
const TELLING: u32 = 4;

/// What a cut leaves of the pace.
const CUT: f64 = 0.8;

/// How much a pace grows in a second, as a share of what the last cut left.
const GROWTH: f64 = 0.1;

/// The slowest pace, and the least growth a second, in calls a second.
const SLOWEST: f64 = 2.0;

/// With less time left than this, another call would not be answered.
const LEAST_HOLD: Duration = Duration::from_millis(200);

/// Lets calls through as fast as Batch has lately put up with.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `MAX_IN_FLIGHT`.
    most: usize,
    /// When the invocation's time is up.
    end: Duration,
    in_flight: usize,
    /// Nothing starts before.
    opens: Duration,
    pace: Option<Pace>,
    /// Calls that passed since the last cut, or since the start.
    passed: u32,
    /// Cuts since a call last passed.
    cuts_in_a_row: u32,
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
    fn at(&self, now: Duration) -> f64 {
        let seconds = now.saturating_sub(self.cut).as_secs_f64();
        if self.guessed {
            self.after_cut * seconds.exp2()
        } else {
            self.after_cut + seconds * (self.after_cut * GROWTH).max(SLOWEST)
        }
    }
}

impl Gate {
    pub(crate) fn new(most: usize, end: Duration) -> Self {
        Self { most, end, in_flight: 0, opens: Duration::ZERO, pace: None, passed: 0, cuts_in_a_row: 0 }
    }

    /// Whether one more call may start.
    pub(crate) fn is_open(&self, now: Duration) -> bool {
        self.in_flight < self.most && self.opens_at(now).is_none()
    }

    /// When a gate that is closed for a time opens again.
    pub(crate) fn opens_at(&self, now: Duration) -> Option<Duration> {
        let paced = self.pace.map_or(Duration::ZERO, |pace| pace.next);
        Some(self.opens.max(paced)).filter(|opens| *opens > now)
    }

    /// A call starts.
    pub(crate) fn enter(&mut self, now: Duration) {
        self.in_flight += 1;
        if let Some(pace) = &mut self.pace {
            let interval = Duration::from_secs_f64(1.0 / pace.at(now));
            // A timer that wakes late makes up for it, but for no more than one call.
            pace.next = pace.next.max(now.saturating_sub(interval)) + interval;
        }
    }

    /// A call has ended. `started` is when it began, `unit` a random number from 0 up to 1.
    pub(crate) fn leave(&mut self, feedback: Feedback, now: Duration, started: Duration, unit: f64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match feedback {
            Feedback::Fine => {
                self.passed += 1;
                self.cuts_in_a_row = 0;
            }
            Feedback::Throttled { in_part, retry_after } => {
                if in_part {
                    self.cuts_in_a_row = 0;
                }
                if self.pace.is_none_or(|pace| started > pace.cut) {
                    self.cut(now);
                    self.hold_off(now, THROTTLED.delay(self.cuts_in_a_row, unit));
                }
                self.opens = self.opens.max(now + retry_after.unwrap_or_default());
            }
            Feedback::Failed { rounds: Some(rounds) } => self.hold_off(now, TRANSIENT.delay(rounds, unit)),
            Feedback::Failed { rounds: None } => {}
        }
    }

    fn cut(&mut self, now: Duration) {
        let left = match self.pace {
            None => (f64::from(self.passed) / (now.as_secs_f64() + BURST_SECONDS)).max(LEAST_GUESS),
            Some(pace) => (pace.at(now) * CUT).max(SLOWEST),
        };
        let guessed = self.pace.is_none() || self.passed < TELLING;
        self.pace = Some(Pace { after_cut: left, guessed, cut: now, next: now });
        self.passed = 0;
        self.cuts_in_a_row += 1;
    }

    /// Waits, but hardly ever longer than half of the time that is left: as long as there is some, it is used.
    fn hold_off(&mut self, now: Duration, wait: Duration) {
        let most = (self.end.saturating_sub(now) / 2).max(LEAST_HOLD);
        self.opens = self.opens.max(now + wait.min(most));
    }
}
