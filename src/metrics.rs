//! What CloudWatch counts of an invocation: one log line in its Embedded Metric Format. Pure.
//!
//! Written by hand. `metrique-writer-format-emf` of awslabs writes the same line, and more safely where there are many of
//! them. For one of an invocation it was too much: 45 crates more, and 27 kB of the package instead of 5.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::engine::Tally;
use crate::outcome::Outcome;

/// The namespace of every metric.
const NAMESPACE: &str = "BatchCanceller";

/// The one dimension: the function's name. Each value of a dimension makes metrics of its own, to be paid for.
const DIMENSION: &str = "service";

/// The metrics of an invocation, without those that are zero.
#[derive(Debug)]
pub(crate) struct Metrics<'a> {
    service: &'a str,
    now_ms: u64,
    counts: Vec<(&'static str, u64)>,
}

impl<'a> Metrics<'a> {
    /// What there is to count of the function `service`, if anything. The time is in milliseconds since 1970.
    pub(crate) fn of(
        service: &'a str,
        now_ms: u64,
        outcomes: &BTreeMap<Outcome, u64>,
        tally: Tally,
        events_lost: u64,
    ) -> Option<Self> {
        let mut counts = BTreeMap::new();
        let results = outcomes
            .iter()
            .flat_map(|(outcome, count)| names(*outcome).iter().map(move |name| (*name, *count)));
        let others =
            [("Calls", tally.api_calls), ("Throttled", tally.throttled), ("EventsLost", events_lost)];
        for (name, count) in results.chain(others).filter(|(_, count)| *count > 0) {
            *counts.entry(name).or_default() += count;
        }
        (!counts.is_empty()).then(|| Self { service, now_ms, counts: counts.into_iter().collect() })
    }
}

/// The metrics that a result counts for. Alarms and dashboards go by these names.
fn names(outcome: Outcome) -> &'static [&'static str] {
    match outcome {
        Outcome::Cancelled | Outcome::Terminated | Outcome::Cancelling | Outcome::Terminating => &["Stopped"],
        Outcome::Accepted => &["Stopped", "NotConfirmed"],
        Outcome::Started => &["Started"],
        Outcome::Finished => &["Finished"],
        Outcome::NotFound => &["NotFound"],
        Outcome::Denied => &["Denied"],
        Outcome::PreconditionFailed => &["PreconditionFailed"],
        Outcome::WouldCancel | Outcome::WouldTerminate => &["WouldStop"],
        Outcome::Rejected => &["Rejected"],
        Outcome::Refused => &["Refused"],
        Outcome::Unavailable => &["Unavailable"],
        Outcome::NotAttempted => &["NotAttempted"],
        // What became of its jobs is counted.
        Outcome::Swept | Outcome::HandedOn => &[],
    }
}

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metrics = self.counts.iter().map(|(name, _)| Definition { name, unit: "Count" });
        let directive =
            Directive { namespace: NAMESPACE, dimensions: [[DIMENSION]], metrics: metrics.collect() };
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("_aws", &Aws { timestamp: self.now_ms, cloud_watch_metrics: [directive] })?;
        line.serialize_entry(DIMENSION, self.service)?;
        for (name, count) in &self.counts {
            line.serialize_entry(name, count)?;
        }
        line.end()
    }
}

/// What tells CloudWatch that the line holds metrics, and which of its members these are.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Aws {
    timestamp: u64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The members of the line besides `_aws`, or `null` for no line; `_aws` must name all of them.
    #[track_caller]
    fn check(outcomes: &[(Outcome, u64)], tally: Tally, events_lost: u64, expected: &Value) {
        let outcomes = outcomes.iter().copied().collect();
        let metrics = Metrics::of("f", 1_800_000_000_000, &outcomes, tally, events_lost);
        let mut line = serde_json::to_value(&metrics).unwrap();
        if let Some(line) = line.as_object_mut() {
            let aws = line.remove("_aws").unwrap();
            let names = line.keys().filter(|name| *name != "service");
            let metrics: Vec<_> = names.map(|name| json!({"Name": name, "Unit": "Count"})).collect();
            let directive =
                json!({"Namespace": "BatchCanceller", "Dimensions": [["service"]], "Metrics": metrics});
            assert_eq!(aws, json!({"Timestamp": 1_800_000_000_000_u64, "CloudWatchMetrics": [directive]}));
        }
        assert_eq!(line, *expected);
    }

    #[test]
    fn what_is_zero_is_left_out_and_so_is_a_line_that_says_nothing() {
        let none = Tally::default();
        check(&[], none, 0, &Value::Null);
        check(&[(Outcome::Swept, 1), (Outcome::HandedOn, 1)], none, 0, &Value::Null);
        check(&[(Outcome::Rejected, 2)], none, 0, &json!({"service": "f", "Rejected": 2}));
        check(
            &[],
            Tally { api_calls: 3, retries: 2, throttled: 1 },
            4,
            &json!({"service": "f", "Calls": 3, "Throttled": 1, "EventsLost": 4}),
        );
    }

    #[test]
    fn results_count_by_what_an_operator_asks_about() {
        let each: Vec<_> = Outcome::ALL.into_iter().map(|outcome| (outcome, 1)).collect();
        check(
            &each,
            Tally::default(),
            0,
            &json!({"service": "f", "Stopped": 5, "NotConfirmed": 1, "Started": 1, "Finished": 1, "NotFound": 1,
                "Denied": 1, "PreconditionFailed": 1, "WouldStop": 2, "Rejected": 1, "Refused": 1, "Unavailable": 1,
                "NotAttempted": 1}),
        );
    }
}
