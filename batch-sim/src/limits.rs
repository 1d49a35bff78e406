//! A limit on calls a second: a token bucket.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Operation;

/// How many calls a second pass; the rest is answered 429 `TooManyRequestsException`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Tokens a second.
    pub tps: f64,
    /// Tokens in a full bucket, the state it starts in.
    pub burst: u32,
    /// Whether each item of a bulk call costs a token; those beyond come back as
    /// `ThrottlingException` items of a 200 answer.
    #[serde(default)]
    pub per_item: bool,
}

/// The tokens left under a [`RateLimit`].
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    pub(crate) fn new(limit: RateLimit, now: Duration) -> Self {
        Self { limit, tokens: f64::from(limit.burst), filled: now }
    }

    /// Takes up to `wanted` tokens at `now`; says how many it got.
    fn take(&mut self, wanted: usize, now: Duration) -> usize {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.limit.tps).min(f64::from(self.limit.burst));
        self.filled = now;
        let mut got = 0;
        while got < wanted && self.tokens >= 1.0 {
            self.tokens -= 1.0;
            got += 1;
        }
        got
    }

    /// How many items of a call pass; `None` if the call itself does not.
    pub(crate) fn admit(&mut self, operation: Operation, items: usize, now: Duration) -> Option<usize> {
        if operation.is_bulk() && self.limit.per_item {
            return Some(self.take(items, now));
        }
        (self.take(1, now) == 1).then_some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate() {
        let limit = RateLimit { tps: 10.0, burst: 3, per_item: true };
        let mut bucket = Bucket::new(limit, Duration::ZERO);
        // (milliseconds, wanted, got)
        for (ms, wanted, got) in [(0, 2, 2), (0, 2, 1), (0, 1, 0), (99, 1, 0), (210, 5, 2), (10_000, 50, 3)] {
            let now = Duration::from_millis(ms);
            assert_eq!(bucket.take(wanted, now), got, "{wanted} at {ms} ms");
        }
    }
}
