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

/// A duration as a whole number of milliseconds in JSON.
pub(crate) mod as_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        time.as_millis().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// The same for a duration that may be left out.
pub(crate) mod as_optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_millis()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
