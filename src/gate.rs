//! One gate that every call to Batch passes, so that all slow down together.
//!
//! Additive growth, multiplicative cut: each success widens it a little, throttling halves it and closes it
//! for a while. Pure: time comes in as the time since the invocation began.

use std::time::Duration;

use crate::backoff::{THROTTLED, TRANSIENT};

/// What the end of a call says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feedback {
    /// Nothing out of the ordinary.
    Fine,
    /// The call, or an item of it, came too fast.
    Throttled {
        /// What Batch asked to wait.
        retry_after: Option<Duration>,
    },
    /// So many rounds of calls in a row have failed altogether.
    Failing {
        /// How many.
        rounds: u32,
    },
}

/// Lets through as many calls at once as Batch has lately put up with.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `MAX_IN_FLIGHT`.
    most: f64,
    /// Calls that may be under way at once; at least 1.
    width: f64,
    in_flight: usize,
    /// Nothing starts before.
    opens: Duration,
    /// When the width was last cut. Calls started earlier tell nothing new about it.
    cut: Option<Duration>,
    /// Cuts since the last success.
    cuts: u32,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        Self { most, width: most, in_flight: 0, opens: Duration::ZERO, cut: None, cuts: 0 }
    }

    /// Whether one more call may start.
    pub(crate) fn is_open(&self, now: Duration) -> bool {
        let in_flight = f64::from(u32::try_from(self.in_flight).unwrap_or(u32::MAX));
        now >= self.opens && in_flight + 1.0 <= self.width
    }

    /// When a closed gate opens again; `None` when it is not time that it waits for.
    pub(crate) fn opens_at(&self, now: Duration) -> Option<Duration> {
        Some(self.opens).filter(|opens| *opens > now)
    }

    /// A call starts.
    pub(crate) fn enter(&mut self) {
        self.in_flight += 1;
    }

    /// A call has ended. `started` is when it began, `unit` a random number from 0 up to 1.
    pub(crate) fn leave(&mut self, feedback: Feedback, now: Duration, started: Duration, unit: f64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match feedback {
            Feedback::Fine => {
                self.width = (self.width + 1.0 / self.width).min(self.most);
                self.cuts = 0;
            }
            Feedback::Throttled { retry_after } => {
                if self.cut.is_none_or(|cut| started >= cut) {
                    self.width = (self.width / 2.0).max(1.0);
                    self.cut = Some(now);
                    self.cuts += 1;
                    self.hold(now + THROTTLED.delay(self.cuts, unit));
                }
                self.hold(now + retry_after.unwrap_or_default());
            }
            Feedback::Failing { rounds } => self.hold(now + TRANSIENT.delay(rounds, unit)),
        }
    }

    fn hold(&mut self, until: Duration) {
        self.opens = self.opens.max(until);
    }
}
