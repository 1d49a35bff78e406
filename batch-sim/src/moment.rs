//! Time as the pure parts get it.

use std::time::Duration;

/// The moment of a call, on both of the simulator's scales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Since the run began: what limits and faults go by.
    pub elapsed: Duration,
    /// Milliseconds since the epoch: what jobs go by.
    pub epoch_ms: i64,
}

impl Moment {
    /// The moment `elapsed` after the start of a run that began at `start_ms` since the epoch.
    #[must_use]
    pub fn new(start_ms: i64, elapsed: Duration) -> Self {
        Self { elapsed, epoch_ms: start_ms.saturating_add(millis(elapsed)) }
    }

    /// So many milliseconds into a run that began at the epoch.
    #[must_use]
    pub fn from_millis(ms: u64) -> Self {
        Self::new(0, Duration::from_millis(ms))
    }
}

/// A duration in the unit of the epoch's scale.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
