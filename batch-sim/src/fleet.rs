//! A fleet file: the jobs, settings and faults a run starts from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Fault, Job, Settings};

/// What a run starts from.
///
/// ```
/// let fleet = batch_sim::Fleet::from_json(r#"{
///   "jobs": [
///     {"id": "a", "status": "RUNNABLE", "queue": "nightly", "tags": {"team": "etl"}},
///     {"id": "b", "status": "RUNNABLE", "moves": [{"after": {"described": 1}, "to": "RUNNING"}]},
///     {"id": "c", "array": ["RUNNING", "RUNNABLE"]},
///     {"id": "d", "status": "PENDING", "dependsOn": ["a"], "shownAfter": {"forMs": 2000}},
///     {"id": "e", "status": "RUNNING", "attempts": 3,
///      "events": [{"after": {"stopped": 1}, "does": {"terminate": "by somebody else"}}]}
///   ],
///   "settings": {
///     "lag": {"polls": 1},
///     "limit": {"tps": 50, "burst": 50, "perItem": true},
///     "buckets": "perOperation",
///     "shortfall": "call"
///   },
///   "faults": [
///     {"kind": {"error": {"status": 500}}, "operation": "CancelJob", "when": {"first": 1}},
///     {"kind": "hang", "during": {"fromMs": 1000, "untilMs": 6000}},
///     {"kind": {"answer": {"status": 200, "body": "<html>"}}, "when": {"nth": 3}}
///   ]
/// }"#)?;
/// assert_eq!(fleet.jobs.len(), 5);
/// # Ok::<_, batch_sim::FleetError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fleet {
    /// The jobs, in the order they were submitted.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// The settings; none leaves them as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// Faults to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl Fleet {
    /// Reads a fleet from JSON.
    ///
    /// # Errors
    ///
    /// On text that is not JSON, and on names it does not know: a misspelt setting must not pass
    /// as a default.
    pub fn from_json(json: &str) -> Result<Self, FleetError> {
        serde_json::from_str(json).map_err(FleetError)
    }
}

/// Why a fleet could not be read, with line and column.
#[derive(Debug)]
pub struct FleetError(serde_json::Error);

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a fleet: {}", self.0)
    }
}

impl std::error::Error for FleetError {}
