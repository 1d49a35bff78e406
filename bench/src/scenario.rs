//! What is run, and what of it is worth a plot.

use std::time::Duration;

use batch_sim::{Fault, RateLimit};

use crate::event::Size;

/// A named situation that every command is put into.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// One line for a reader of the tables.
    pub(crate) about: &'static str,
    pub(crate) size: Size,
    /// Invocations one after the other in one process; the first is cold, the others are warm.
    pub(crate) invocations: usize,
    pub(crate) repetitions: usize,
    /// How long the fake Batch takes to answer a call.
    pub(crate) latency: Duration,
    /// Whether the fake Batch is behind TLS.
    pub(crate) tls: bool,
    /// Whether calls fail now and then.
    pub(crate) trouble: bool,
    pub(crate) limit: Option<RateLimit>,
    /// Variables that every command gets.
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// The figures that would only take up room in its table.
    pub(crate) hides: &'static [&'static str],
    /// The figures of its plot; none, no plot.
    pub(crate) plot: &'static [&'static str],
}

/// Lambda's limit on a payload.
const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;

const FIFTY_A_SECOND: RateLimit = RateLimit { tps: 50.0, burst: 50, per_item: false };

const BASE: Scenario = Scenario {
    name: "",
    about: "",
    size: Size::Records(1),
    invocations: 1,
    repetitions: 5,
    latency: Duration::from_millis(20),
    tls: true,
    trouble: false,
    limit: None,
    env: &[],
    hides: &["start_ms", "start_cpu_ms"],
    plot: &[],
};

/// What means nothing for one message.
const OF_MANY: &[&str] = &["cpu_us_per_cancel", "connections", "in_flight"];

/// All scenarios, in the order in which they run.
pub(crate) const ALL: [Scenario; 8] = [
    Scenario {
        name: "cold",
        about: "1 message; plain HTTP, no latency: starting, and nothing else",
        invocations: 2,
        repetitions: 15,
        latency: Duration::ZERO,
        tls: false,
        hides: OF_MANY,
        plot: &["start_ms", "first_ms", "peak_mib"],
        ..BASE
    },
    Scenario {
        name: "cold-tls",
        about: "1 message; the same over TLS: trust store and handshake included",
        invocations: 2,
        repetitions: 15,
        latency: Duration::ZERO,
        hides: OF_MANY,
        plot: &["first_ms", "first_cpu_ms"],
        ..BASE
    },
    Scenario { name: "one", about: "1 message, warm; 20 ms a call, TLS", invocations: 10, ..BASE },
    Scenario {
        name: "batch",
        about: "1,000 messages; 20 ms a call, TLS",
        size: Size::Records(1_000),
        invocations: 3,
        repetitions: 3,
        plot: &["warm_ms", "cpu_us_per_cancel", "calls"],
        ..BASE
    },
    Scenario {
        name: "full",
        about: "as many messages as Lambda's 6 MB take; no latency, TLS",
        size: Size::Bytes(LARGEST_PAYLOAD),
        invocations: 2,
        repetitions: 3,
        latency: Duration::ZERO,
        plot: &["peak_mib", "first_ms"],
        ..BASE
    },
    Scenario {
        name: "faults",
        about: "100 messages; of the calls 5 % answer 500, 5 % answer 429, 1 % lose the connection; 20 ms a call, TLS",
        size: Size::Records(100),
        invocations: 10,
        trouble: true,
        ..BASE
    },
    Scenario {
        name: "limit",
        about: "300 messages; 50 calls a second pass, 50 at once; no bulk calls; 20 ms a call, TLS",
        size: Size::Records(300),
        repetitions: 3,
        limit: Some(FIFTY_A_SECOND),
        env: &[("BULK", "off")],
        plot: &["cancelled", "calls", "first_ms"],
        ..BASE
    },
    Scenario {
        name: "limit-items",
        about: "300 messages; 50 calls a second pass, 50 at once, and each job of a bulk call counts as one; 20 ms a call, TLS",
        size: Size::Records(300),
        repetitions: 3,
        limit: Some(RateLimit { per_item: true, ..FIFTY_A_SECOND }),
        plot: &["cancelled", "calls", "first_ms"],
        ..BASE
    },
];

impl Scenario {
    /// The same situation in a few hundred milliseconds: to see that it works, not how fast.
    pub(crate) fn small(self) -> Self {
        let size = match self.size {
            Size::Records(records) => Size::Records(records.min(60)),
            Size::Bytes(_) => Size::Bytes(200_000),
        };
        let limit = self.limit.map(|limit| RateLimit { burst: 30, tps: 100.0, ..limit });
        Self {
            size,
            limit,
            invocations: self.invocations.min(3),
            repetitions: 1,
            latency: self.latency.min(Duration::from_millis(2)),
            ..self
        }
    }

    /// What goes wrong in the fake Batch.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.latency.is_zero() {
            faults.push(Fault::latency(self.latency));
        }
        if self.trouble {
            faults.push(Fault::server_error().rate(0.05));
            faults.push(Fault::throttled().rate(0.05));
            // Half of the lost calls were carried out: the caller cannot know.
            faults.push(Fault::drop_before().rate(0.005));
            faults.push(Fault::drop_after().rate(0.005));
        }
        faults
    }

    /// Whether nothing stands in the way of cancelling every job.
    pub(crate) fn is_calm(&self) -> bool {
        !self.trouble && self.limit.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::figure;

    #[test]
    fn names_are_unique_and_figures_exist() {
        let names: HashSet<_> = ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), ALL.len());
        for key in ALL.iter().flat_map(|scenario| scenario.plot.iter().chain(scenario.hides)) {
            assert!(figure::find(key).is_some(), "{key}");
        }
    }

    #[test]
    fn small_scenarios_keep_their_trouble() {
        for scenario in ALL {
            let small = scenario.clone().small();
            assert_eq!(small.is_calm(), scenario.is_calm());
            assert_eq!(small.repetitions, 1);
            assert!(!matches!(small.size, Size::Records(61..)));
        }
    }
}
