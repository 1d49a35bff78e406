//! What is run, and what of it is worth a plot.

use std::time::Duration;

use batch_sim::{Buckets, Fault, RateLimit, Settings, Shortfall};

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
    /// How long every call fails, from the first invocation on.
    pub(crate) outage: Duration,
    pub(crate) limit: Option<RateLimit>,
    pub(crate) buckets: Buckets,
    pub(crate) shortfall: Shortfall,
    /// Time that a function has for an invocation. Who needs more is ended, as by Lambda.
    pub(crate) timeout: Duration,
    /// Tags of every job, each of about a hundred bytes: most of what `DescribeJobs` shows of it.
    pub(crate) tags: usize,
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
const FIFTY_ITEMS_A_SECOND: RateLimit = RateLimit { per_item: true, ..FIFTY_A_SECOND };
/// Bulk calls are few: they meet no limit but a low one.
const FIVE_A_SECOND: RateLimit = RateLimit { tps: 5.0, burst: 10, per_item: false };

/// Longer than any invocation.
const FOR_GOOD: Duration = Duration::from_hours(1);

const BASE: Scenario = Scenario {
    name: "",
    about: "",
    size: Size::Records(1),
    invocations: 1,
    repetitions: 5,
    latency: Duration::from_millis(20),
    tls: true,
    trouble: false,
    outage: Duration::ZERO,
    limit: None,
    buckets: Buckets::Shared,
    shortfall: Shortfall::Items,
    // The slowest way through the largest batch takes some of it.
    timeout: Duration::from_mins(10),
    tags: 0,
    env: &[],
    hides: &["start_ms", "start_cpu_ms", "slowest_ms"],
    plot: &[],
};

/// Batch as an account may meet it that cancels much: each job of a bulk call counts.
const LIMITED: Scenario =
    Scenario { size: Size::Records(300), repetitions: 3, limit: Some(FIFTY_ITEMS_A_SECOND), ..BASE };

/// What means nothing for one message.
const OF_MANY: &[&str] = &["cpu_us_per_cancel", "connections", "in_flight", "slowest_ms"];

/// All scenarios, in the order in which they run.
pub(crate) const ALL: [Scenario; 15] = [
    Scenario {
        name: "cold",
        about: "1 message; plain HTTP, no latency: starting, and nothing else",
        invocations: 2,
        repetitions: 9,
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
        repetitions: 9,
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
        invocations: 6,
        repetitions: 3,
        plot: &["warm_ms", "cpu_us_per_cancel", "calls"],
        ..BASE
    },
    Scenario {
        name: "details",
        about: "1,000 messages; 3 kB of details a job; 20 ms a call, TLS",
        size: Size::Records(1_000),
        invocations: 6,
        repetitions: 3,
        tags: 26,
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
        invocations: 4,
        trouble: true,
        hides: &["start_ms", "start_cpu_ms"],
        plot: &["first_ms", "warm_ms", "slowest_ms"],
        ..BASE
    },
    Scenario {
        name: "outage",
        about: "1,000 messages; every call answers 500 for the first 2 s; 60 s to do it; 20 ms a call, TLS",
        size: Size::Records(1_000),
        repetitions: 3,
        outage: Duration::from_secs(2),
        timeout: Duration::from_mins(1),
        plot: &["first_ms", "cancelled", "calls"],
        ..BASE
    },
    Scenario {
        name: "down",
        about: "400 messages; every call answers 500; 30 s to do it; 20 ms a call, TLS",
        size: Size::Records(400),
        repetitions: 1,
        outage: FOR_GOOD,
        timeout: Duration::from_secs(30),
        ..BASE
    },
    Scenario {
        name: "limit",
        about: "300 messages; 50 calls a second pass, 50 at once; no bulk calls; 20 ms a call, TLS",
        limit: Some(FIFTY_A_SECOND),
        env: &[("BULK", "off")],
        ..LIMITED
    },
    Scenario {
        name: "limit-items",
        about: "300 messages; 50 jobs a second pass, 50 at once, and a look counts as one; 20 ms a call, TLS",
        plot: &["cancelled", "calls", "first_ms"],
        ..LIMITED
    },
    Scenario {
        name: "limit-items-each",
        about: "the same with a limit of its own for each operation",
        buckets: Buckets::PerOperation,
        ..LIMITED
    },
    Scenario {
        name: "limit-items-whole",
        about: "300 messages; 50 jobs a second pass, 50 at once, a call with more is refused as a whole; 20 ms a call, TLS",
        shortfall: Shortfall::Call,
        ..LIMITED
    },
    Scenario {
        name: "limit-calls",
        about: "1,000 messages; 5 calls a second pass, 10 at once, whatever their size; 20 ms a call, TLS",
        size: Size::Records(1_000),
        limit: Some(FIVE_A_SECOND),
        ..LIMITED
    },
    Scenario {
        name: "limit-calls-each",
        about: "the same with a limit of its own for each operation",
        size: Size::Records(1_000),
        limit: Some(FIVE_A_SECOND),
        buckets: Buckets::PerOperation,
        ..LIMITED
    },
];

impl Scenario {
    /// The same situation in a few hundred milliseconds: to see that it works, not how fast.
    pub(crate) fn small(self) -> Self {
        let size = match self.size {
            Size::Records(records) => Size::Records(records.min(60)),
            Size::Bytes(_) => Size::Bytes(200_000),
        };
        let (outage, timeout) = if self.is_down() {
            (self.outage, Duration::from_secs(2))
        } else {
            (self.outage.min(Duration::from_millis(200)), self.timeout)
        };
        let limit =
            self.limit.map(|limit| RateLimit { burst: limit.burst.min(30), tps: limit.tps * 2.0, ..limit });
        Self {
            size,
            limit,
            outage,
            timeout,
            invocations: self.invocations.min(3),
            repetitions: 1,
            latency: self.latency.min(Duration::from_millis(2)),
            ..self
        }
    }

    /// How the fake Batch is set up.
    pub(crate) fn apply_to(&self, settings: &mut Settings) {
        settings.limit = self.limit;
        settings.buckets = self.buckets;
        settings.shortfall = self.shortfall;
    }

    /// What goes wrong in the fake Batch, once there is an invocation.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.outage.is_zero() {
            faults.push(Fault::server_error().for_the_first(self.outage));
        }
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
        !self.trouble && self.outage.is_zero() && self.limit.is_none()
    }

    /// Whether no job can be cancelled.
    pub(crate) fn is_down(&self) -> bool {
        self.outage > self.timeout
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
            assert_eq!((small.is_calm(), small.is_down()), (scenario.is_calm(), scenario.is_down()));
            assert_eq!(small.repetitions, 1);
            assert!(!matches!(small.size, Size::Records(61..)));
        }
    }
}
