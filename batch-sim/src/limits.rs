//! A limit on calls a second: token buckets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Operation;

/// How many calls a second pass; the rest is answered 429 `TooManyRequestsException`.
///
/// `DescribeJobs` and `ListJobs` always cost one token. Whether operations share the tokens, and
/// what meets a bulk call that is short of them, is said by [`Buckets`] and [`Shortfall`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Tokens a second.
    pub tps: f64,
    /// Tokens in a full bucket, the state it starts in.
    pub burst: u32,
    /// Whether each item of a bulk call costs a token, and not just the call.
    #[serde(default)]
    pub per_item: bool,
}

/// Whose tokens a [`RateLimit`] counts.
///
/// In JSON: `"shared"` or `"perOperation"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Buckets {
    /// One bucket for all operations.
    #[default]
    Shared,
    /// A bucket for each operation, all with the same rate and burst.
    PerOperation,
}

/// What meets a bulk call with more items than there are tokens, if each item costs one.
///
/// In JSON: `"items"` or `"call"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shortfall {
    /// The items beyond the tokens come back as `ThrottlingException` items of a 200 answer.
    #[default]
    Items,
    /// The whole call is answered 429 and takes no token; with more items than the burst, always.
    Call,
}

/// Which calls pass, and how many of their items.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    buckets: Buckets,
    shortfall: Shortfall,
    started: Duration,
    /// Those used so far; a shared one stands under `None`.
    used: BTreeMap<Option<Operation>, Bucket>,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit, buckets: Buckets, shortfall: Shortfall, now: Duration) -> Self {
        Self { limit, buckets, shortfall, started: now, used: BTreeMap::new() }
    }

    /// How many items of a call pass; `None` if the call itself does not.
    pub(crate) fn admit(&mut self, operation: Operation, items: usize, now: Duration) -> Option<usize> {
        let key = match self.buckets {
            Buckets::Shared => None,
            Buckets::PerOperation => Some(operation),
        };
        let (limit, started) = (self.limit, self.started);
        let bucket = self.used.entry(key).or_insert_with(|| Bucket::new(limit, started));
        match (operation.is_bulk() && limit.per_item, self.shortfall) {
            (false, _) => bucket.take_all(1, now).then_some(items),
            (true, Shortfall::Items) => Some(bucket.take(items, now)),
            (true, Shortfall::Call) => bucket.take_all(items, now).then_some(items),
        }
    }
}

/// The tokens left under a [`RateLimit`].
#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    fn new(limit: RateLimit, now: Duration) -> Self {
        Self { limit, tokens: f64::from(limit.burst), filled: now }
    }

    /// Takes up to `wanted` tokens at `now`; says how many it got.
    fn take(&mut self, wanted: usize, now: Duration) -> usize {
        self.fill(now);
        let mut got = 0;
        while got < wanted && self.tokens >= 1.0 {
            self.tokens -= 1.0;
            got += 1;
        }
        got
    }

    /// Takes `wanted` tokens at `now`, or none; says whether it got them.
    fn take_all(&mut self, wanted: usize, now: Duration) -> bool {
        self.fill(now);
        let wanted = u32::try_from(wanted).map_or(f64::INFINITY, f64::from);
        let enough = self.tokens >= wanted;
        if enough {
            self.tokens -= wanted;
        }
        enough
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.limit.tps).min(f64::from(self.limit.burst));
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{CancelJob, CancelJobs, DescribeJobs, TerminateJobs};

    const LIMIT: RateLimit = RateLimit { tps: 10.0, burst: 3, per_item: true };

    #[test]
    fn a_burst_passes_then_the_rate() {
        let mut bucket = Bucket::new(LIMIT, Duration::ZERO);
        // (milliseconds, wanted, got)
        for (ms, wanted, got) in [(0, 2, 2), (0, 2, 1), (0, 1, 0), (99, 1, 0), (210, 5, 2), (10_000, 50, 3)] {
            let now = Duration::from_millis(ms);
            assert_eq!(bucket.take(wanted, now), got, "{wanted} at {ms} ms");
        }
    }

    #[test]
    fn all_or_none_leaves_the_tokens_of_what_it_refuses() {
        let mut bucket = Bucket::new(LIMIT, Duration::ZERO);
        for (ms, wanted, got) in
            [(0, 4, false), (0, 3, true), (199, 2, false), (200, 2, true), (9_000, 4, false)]
        {
            let now = Duration::from_millis(ms);
            assert_eq!(bucket.take_all(wanted, now), got, "{wanted} at {ms} ms");
        }
    }

    /// What passes of these calls, made at once against a burst of 3.
    #[track_caller]
    fn check(per_item: bool, buckets: Buckets, shortfall: Shortfall, expect: [Option<usize>; 6]) {
        let limit = RateLimit { per_item, ..LIMIT };
        let mut limiter = Limiter::new(limit, buckets, shortfall, Duration::ZERO);
        let calls = [
            (CancelJobs, 2),
            (TerminateJobs, 2),
            (CancelJob, 1),
            (CancelJobs, 2),
            (DescribeJobs, 100),
            (CancelJobs, 1),
        ];
        let passed = calls.map(|(operation, items)| limiter.admit(operation, items, Duration::ZERO));
        assert_eq!(passed, expect, "{per_item} {buckets:?} {shortfall:?}");
    }

    #[test]
    fn tokens_go_by_call_or_item_shared_or_not_in_part_or_whole() {
        use Buckets::{PerOperation, Shared};
        use Shortfall::{Call, Items};
        let no = None;
        for shortfall in [Items, Call] {
            check(false, Shared, shortfall, [Some(2), Some(2), Some(1), no, no, no]);
            check(false, PerOperation, shortfall, [Some(2), Some(2), Some(1), Some(2), Some(100), Some(1)]);
        }
        check(true, Shared, Items, [Some(2), Some(1), no, Some(0), no, Some(0)]);
        check(true, Shared, Call, [Some(2), no, Some(1), no, no, no]);
        check(true, PerOperation, Items, [Some(2), Some(2), Some(1), Some(1), Some(100), Some(0)]);
        check(true, PerOperation, Call, [Some(2), Some(2), Some(1), no, Some(100), Some(1)]);
    }
}
