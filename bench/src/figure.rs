//! The figures that tables and plots show.

use crate::episode::Measured;
use crate::stats::real;

/// One measured quantity. Less is better, except for `cancelled`.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    /// Its name in the JSON and in a scenario's plot.
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) of: fn(&Measured) -> Option<f64>,
    /// Whether a zero needs no row.
    pub(crate) only_if_any: bool,
}

const fn figure(key: &'static str, label: &'static str, of: fn(&Measured) -> Option<f64>) -> Figure {
    Figure { key, label, of, only_if_any: false }
}

/// All figures, in the order of a table.
pub(crate) const ALL: [Figure; 20] = [
    figure("start_ms", "process start to first /next, ms", |m| m.start_ms),
    figure("start_cpu_ms", "its CPU time, ms", |m| m.start_cpu_ms),
    figure("first_ms", "first invocation, ms", |m| m.first_ms),
    figure("first_cpu_ms", "its CPU time, ms", |m| m.first_cpu_ms),
    figure("warm_ms", "warm invocation, ms", |m| m.warm_ms),
    figure("warm_cpu_ms", "its CPU time, ms", |m| m.warm_cpu_ms),
    figure("slowest_ms", "slowest invocation, ms", |m| m.slowest_ms),
    figure("cpu_us_per_cancel", "CPU time per cancelled job, µs", |m| m.cpu_us_per_cancel),
    figure("peak_mib", "peak memory, MiB", |m| m.peak_mib),
    figure("calls", "calls to Batch per invocation", |m| m.calls),
    Figure { only_if_any: true, ..figure("failed_calls", "failed calls, in all", |m| some(m.failed_calls)) },
    figure("connections", "connections", |m| some(m.connections)),
    figure("in_flight", "most calls in flight", |m| some(m.in_flight)),
    figure("cancelled", "cancelled, % of the messages", |m| share(m.cancelled, m.records)),
    Figure {
        only_if_any: true,
        ..figure("returned", "sent back, % of the messages", |m| share(m.returned, m.records))
    },
    Figure {
        only_if_any: true,
        ..figure("needless", "sent back though cancelled, messages", |m| some(m.needless))
    },
    Figure {
        only_if_any: true,
        ..figure("errors", "invocations that failed or took too long", |m| some(m.errors))
    },
    Figure { only_if_any: true, ..figure("claims", "reported cancelled, in all", |m| some(m.claims)) },
    figure("lost", "lost: acknowledged, not cancelled", |m| some(m.lost)),
    figure("false_claims", "false: reported cancelled, not cancelled", |m| some(m.false_claims)),
];

/// The figure with this key.
pub(crate) fn find(key: &str) -> Option<Figure> {
    ALL.into_iter().find(|figure| figure.key == key)
}

#[expect(clippy::unnecessary_wraps, reason = "every figure may be missing, also if a count never is")]
fn some(count: usize) -> Option<f64> {
    Some(real(count))
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| real(part) / real(whole) * 100.0)
}
