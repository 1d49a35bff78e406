//! What can go wrong, and how often in this run.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;

use crate::Ms;
use crate::dice::Dice;

/// A kind of trouble. Each run has a random subset of them, each with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Kind {
    /// An answer takes seconds.
    SlowAnswer,
    /// A 5xx for a call that was not carried out.
    ErrorBefore,
    /// A 5xx for a call that was carried out all the same.
    ErrorAfter,
    /// The connection breaks before the call gets there.
    LostBefore,
    /// The connection breaks before the answer gets back.
    LostAfter,
    /// No answer, and the call was not carried out.
    Hang,
    /// No answer, but the call was carried out.
    HangAfter,
    /// No answer, and the call is carried out much later.
    LateEffect,
    /// There is no connection to send the call over.
    Unreached,
    /// A 403 that passes: an expired token, a stale signature.
    TurnedAway,
    /// A 429 out of the blue.
    Throttled,
    /// A 429 that says how long to wait.
    RetryAfter,
    /// A bulk call is throttled for some of its jobs.
    ItemThrottled,
    /// A bulk call fails for some of its jobs.
    ItemFailed,
    /// A bulk answer leaves a job out.
    ItemOmitted,
    /// An answer to `DescribeJobs` shows nothing.
    NothingShown,
    /// An answer spells ids in upper case.
    UpperCase,
    /// An answer shows somebody else's job in place of one.
    Stranger,
    /// A limit on calls a second.
    RateLimit,
    /// Some operations fail, or all, for some time.
    Outage,
    /// A message is delivered twice, at the same time or one after the other.
    Duplicate,
    /// A message comes again although it was deleted.
    LostDelete,
    /// Lambda ends an instance in the middle of anything.
    Kill,
    /// Lambda takes a fresh instance although there is a warm one.
    ColdStart,
    /// The first calls after a long pause meet a dead connection or a stale signature.
    Thaw,
}

impl Kind {
    /// Those that end a whole call.
    pub(crate) const OF_CALLS: [Self; 12] = [
        Self::SlowAnswer,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::LostBefore,
        Self::LostAfter,
        Self::Hang,
        Self::HangAfter,
        Self::LateEffect,
        Self::Unreached,
        Self::TurnedAway,
        Self::Throttled,
        Self::RetryAfter,
    ];
}

/// As options name it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// How often each kind strikes in this run; those that are not listed never do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rates(BTreeMap<Kind, f64>);

impl Rates {
    /// A random subset with random rates. One run in ten has none at all: then nothing may go wrong.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        if dice.chance(0.1) {
            return Self::default();
        }
        let share = dice.pick([0.1, 0.3, 0.5]);
        let drawn = Kind::value_variants().iter().filter_map(|&kind| {
            let rate = dice.pick([0.01, 0.03, 0.1, 0.3]);
            dice.chance(share).then_some((kind, rate))
        });
        Self(drawn.collect())
    }

    pub(crate) fn of(&self, kind: Kind) -> f64 {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.0.contains_key(&kind)
    }

    pub(crate) fn remove(&mut self, kind: Kind) {
        self.0.remove(&kind);
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.0.keys().copied().collect()
    }
}

/// A time during which calls fail in one way.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    pub(crate) from: Ms,
    pub(crate) until: Ms,
    /// Of looks, of calls that stop jobs, or of both.
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    pub(crate) how: Kind,
}

impl Outage {
    pub(crate) fn draw(dice: &mut Dice, calm_at: Ms) -> Self {
        let from = dice.ms(0..=calm_at);
        let length = dice.pick([2_000, 10_000, 60_000, 600_000]);
        let (reads, writes) = dice.pick([(true, false), (false, true), (true, true)]);
        let how = dice.pick([
            Kind::ErrorBefore,
            Kind::ErrorAfter,
            Kind::LostBefore,
            Kind::Hang,
            Kind::HangAfter,
            Kind::Unreached,
            Kind::TurnedAway,
            Kind::Throttled,
        ]);
        Self { from, until: from + length, reads, writes, how }
    }

    pub(crate) fn strikes(&self, is_read: bool, now: Ms) -> bool {
        self.from <= now && now < self.until && if is_read { self.reads } else { self.writes }
    }
}
