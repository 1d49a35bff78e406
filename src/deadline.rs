//! How long an invocation may go on calling Batch.

use std::time::Duration;

/// The budget when the deadline is unknown.
pub const DEFAULT_BUDGET: Duration = Duration::from_secs(30);

/// What reporting one result takes, with the share of a CPU that a small function has.
const A_RESULT: Duration = Duration::from_micros(100);

/// Reporting has at most this share, whatever may be found: by then most of it is reported already.
const MOST_FOR_REPORTING: u32 = 4;

/// The time from `now_ms` in which calls may be under way: up to Lambda's `deadline_ms` (both milliseconds
/// since 1970), less what reporting so many `results` needs, and the `reserve` for everything else.
///
/// A deadline in the past means unknown, not "stop now" (`cargo lambda watch` sends one in 1970): whoever
/// is really past it is no longer running.
#[must_use]
pub fn budget(deadline_ms: u64, now_ms: u64, reserve: Duration, results: usize) -> Duration {
    let reporting = A_RESULT.saturating_mul(u32::try_from(results).unwrap_or(u32::MAX));
    match deadline_ms.checked_sub(now_ms) {
        None | Some(0) => DEFAULT_BUDGET,
        Some(left) => {
            let left = Duration::from_millis(left);
            left.saturating_sub(reserve.saturating_add(reporting.min(left / MOST_FOR_REPORTING)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_reserve_and_takes_a_past_deadline_as_unknown() {
        let now = 1_800_000_000_000;
        let check = |deadline, expected: Duration| {
            assert_eq!(budget(deadline, now, Duration::from_secs(1), 0), expected, "{deadline}");
        };
        check(now + 60_000, Duration::from_secs(59));
        check(now + 1_500, Duration::from_millis(500));
        check(now + 900, Duration::ZERO);
        check(now, DEFAULT_BUDGET);
        check(now - 1, DEFAULT_BUDGET);
        check(600_000, DEFAULT_BUDGET);
        check(0, DEFAULT_BUDGET);
    }

    #[test]
    fn reporting_many_results_has_its_share() {
        let left = |results| budget(60_000, 1, Duration::from_secs(1), results);
        assert!(left(10_000) + Duration::from_secs(1) <= left(0), "{:?}", left(10_000));
        assert_eq!(left(usize::MAX), Duration::from_secs_f64((60.0 - 0.001) * 0.75 - 1.0));
    }
}
