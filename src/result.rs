//! One result as answers and log lines write it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::job::Snapshot;
use crate::outcome::Outcome;
use crate::request::{Action, JobId};
use crate::trigger::RequestedBy;

/// What became of one job of one delivery, or why the delivery was rejected.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultRecord<'a> {
    /// Which job; absent when the request was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<&'a JobId>,
    /// What became of it.
    pub outcome: Outcome,
    /// What was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The reason that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Whether the producer's reason was longer than Batch takes.
    #[serde(skip_serializing_if = "is_false")]
    pub reason_truncated: bool,
    /// Whether nothing was to be changed.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The clause of the policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<&'a str>,
    /// One sentence, where the outcome alone does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    /// The job before acting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<&'a Snapshot>,
    /// The job when it was last seen after acting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<&'a Snapshot>,
    /// Calls to stop the job that were started.
    pub attempts: u32,
    /// The producer's own data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// Who asked.
    pub requested_by: &'a RequestedBy,
}

impl ResultRecord<'_> {
    /// The result as JSON, without what its request itself said: also not where Batch shows that again as the job's
    /// `statusReason`, as it does for each job that was stopped.
    pub(crate) fn to_lean_json(&self) -> serde_json::Result<String> {
        let (before, after) =
            (self.before.map(|seen| self.lean(seen)), self.after.map(|seen| self.lean(seen)));
        let lean = ResultRecord {
            reason: None,
            metadata: None,
            before: before.as_ref(),
            after: after.as_ref(),
            ..self.clone()
        };
        serde_json::to_string(&lean)
    }

    fn lean(&self, seen: &Snapshot) -> Snapshot {
        let mut seen = seen.clone();
        seen.status_reason.take_if(|text| Some(&**text) == self.reason);
        seen
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}
