//! How long to wait before trying again. Pure: randomness comes in as a number.

use std::time::Duration;

/// An exponential backoff with full jitter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The longest first wait.
    first: Duration,
    /// The longest wait of all.
    most: Duration,
}

/// After a server error, a timeout or a lost connection: soon, since such faults are mostly short and a
/// whole batch waits on its slowest job.
pub(crate) const TRANSIENT: Backoff =
    Backoff { first: Duration::from_millis(50), most: Duration::from_secs(5) };

/// After throttling: slower, since what is short is the rate.
pub(crate) const THROTTLED: Backoff =
    Backoff { first: Duration::from_millis(100), most: Duration::from_secs(5) };

/// Between two probes of a service that is down: so that it is found out soon that it is back, at a few calls a
/// second.
pub(crate) const PROBE: Backoff =
    Backoff { first: Duration::from_millis(50), most: Duration::from_millis(500) };

impl Backoff {
    /// The wait after the `failures`th failure in a row (the first is 1): `unit`, a number from 0 up to 1,
    /// of the first wait doubled each time.
    pub(crate) fn delay(self, failures: u32, unit: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.most).mul_f64(unit.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_takes_the_given_share() {
        let longest = |failures| TRANSIENT.delay(failures, 1.0).as_millis();
        assert_eq!(
            (1..=9).map(longest).collect::<Vec<_>>(),
            [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]
        );
        assert_eq!(longest(u32::MAX), 5000);
        assert_eq!(longest(0), 50);
        assert_eq!(TRANSIENT.delay(3, 0.5).as_millis(), 100);
        assert_eq!(TRANSIENT.delay(3, 0.0), Duration::ZERO);
    }

    #[test]
    fn throttling_starts_slower_than_a_server_error() {
        assert!(THROTTLED.delay(1, 1.0) > TRANSIENT.delay(1, 1.0));
    }
}
