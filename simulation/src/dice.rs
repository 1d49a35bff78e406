//! Everything random, from one seed.

use std::ops::RangeInclusive;

use crate::Ms;

/// A stream of random decisions, the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A stream of its own: what is drawn from one leaves the others as they are.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// Yes, in this share of all cases.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.0.f64() < share
    }

    /// A duration from the range, small ones as likely as large ones.
    pub(crate) fn ms(&mut self, range: RangeInclusive<Ms>) -> Ms {
        self.0.u64(range)
    }

    pub(crate) fn count(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.usize(range)
    }

    /// One of these.
    #[expect(clippy::indexing_slicing, reason = "the index is below the length")]
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        items[self.0.usize(..N)]
    }

    /// One of these, if there is any.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        self.0.choice(items)
    }
}
