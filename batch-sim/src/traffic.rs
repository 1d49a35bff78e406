//! Connections and calls under way: how many there are, and which connections are dead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How connections die: idle ones do so in numbers, when a NAT forgets them or a server fails over.
///
/// In JSON: `"reset"` or `"blackHole"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kill {
    /// Their next use is answered by a TCP reset.
    Reset,
    /// They stay open, but nothing that is sent over them arrives, in either direction.
    BlackHole,
}

/// What is counted and known about connections and calls.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    in_flight: AtomicUsize,
    high_water: AtomicUsize,
    connections: AtomicUsize,
    /// All connections ever: the number of the next one.
    opened: AtomicUsize,
    cut: Mutex<Option<Cut>>,
}

/// The last killing; it reaches all that an earlier one could.
#[derive(Clone, Copy, Debug)]
struct Cut {
    how: Kill,
    below: usize,
    spared: Option<usize>,
}

impl Traffic {
    /// Counts a new connection; says its number.
    pub(crate) fn connect(&self) -> usize {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    /// Kills every connection there is but the spared one.
    pub(crate) fn kill(&self, how: Kill, spared: Option<usize>) {
        let below = self.opened.load(Ordering::Relaxed);
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(Cut { how, below, spared });
    }

    /// How a connection was killed, if it was.
    pub(crate) fn fate(&self, connection: usize) -> Option<Kill> {
        let cut = *self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.filter(|cut| connection < cut.below && cut.spared != Some(connection)).map(|cut| cut.how)
    }

    /// Counts a call as under way for as long as the guard lives.
    pub(crate) fn enter(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.high_water.fetch_max(now, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    pub(crate) fn high_water(&self) -> usize {
        self.high_water.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Forgets the counts; the numbers of connections go on.
    pub(crate) fn clear(&self) {
        self.high_water.store(0, Ordering::Relaxed);
        self.connections.store(0, Ordering::Relaxed);
    }
}

/// A call under way, also while it hangs; over when answered or when the client is gone.
pub(crate) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kill::{BlackHole, Reset};

    #[test]
    fn a_killing_reaches_the_connections_so_far_and_the_last_one_counts() {
        let traffic = Traffic::default();
        let fates = || [0, 1, 2].map(|n| traffic.fate(n));
        assert_eq!([traffic.connect(), traffic.connect()], [0, 1]);
        assert_eq!(fates(), [None; 3]);
        traffic.kill(BlackHole, None);
        traffic.clear();
        assert_eq!(traffic.connect(), 2);
        assert_eq!(fates(), [Some(BlackHole), Some(BlackHole), None]);
        traffic.kill(Reset, Some(1));
        assert_eq!(fates(), [Some(Reset), None, Some(Reset)]);
    }
}
