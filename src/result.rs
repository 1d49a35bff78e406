//! One result as answers and log lines write it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::job::Snapshot;
use crate::outcome::Outcome;
use crate::report::SweepReport;
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
    /// What a sweep came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<&'a SweepReport>,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::job::JobStatus;
    use crate::trigger::Source;

    /// A record of a job that was seen with this `statusReason` before and after, in full and without what its request
    /// said.
    #[track_caller]
    fn check(status_reason: &str, flags: bool, full: &Value, lean: &Value) {
        let id = JobId::from("a");
        let seen = Snapshot { status_reason: Some(status_reason.into()), ..Snapshot::of(JobStatus::Failed) };
        let metadata = serde_json::value::to_raw_value(&json!({"run": 42})).unwrap();
        let record = ResultRecord {
            job_id: Some(&id),
            outcome: Outcome::Cancelled,
            action: Some(Action::Cancel),
            reason: Some("r"),
            reason_truncated: flags,
            dry_run: flags,
            clause: None,
            why: None,
            before: Some(&seen),
            after: Some(&seen),
            attempts: 1,
            metadata: Some(&metadata),
            sweep: None,
            requested_by: &RequestedBy::new(Source::Direct, "r1"),
        };
        assert_eq!(serde_json::to_value(&record).unwrap(), *full);
        assert_eq!(serde_json::from_str::<Value>(&record.to_lean_json().unwrap()).unwrap(), *lean);
    }

    #[test]
    fn what_a_request_said_is_left_out_also_where_batch_repeats_it() {
        let by = json!({"source": "direct", "id": "r1"});
        let other = json!({"status": "FAILED", "statusReason": "other"});
        check(
            "other",
            false,
            &json!({"jobId": "a", "outcome": "cancelled", "action": "cancel", "reason": "r", "before": other,
                "after": other, "attempts": 1, "metadata": {"run": 42}, "requestedBy": by}),
            &json!({"jobId": "a", "outcome": "cancelled", "action": "cancel", "before": other, "after": other,
                "attempts": 1, "requestedBy": by}),
        );
        let (ours, lean) = (json!({"status": "FAILED", "statusReason": "r"}), json!({"status": "FAILED"}));
        check(
            "r",
            true,
            &json!({"jobId": "a", "outcome": "cancelled", "action": "cancel", "reason": "r", "reasonTruncated": true,
                "dryRun": true, "before": ours, "after": ours, "attempts": 1, "metadata": {"run": 42},
                "requestedBy": by}),
            &json!({"jobId": "a", "outcome": "cancelled", "action": "cancel", "reasonTruncated": true,
                "dryRun": true, "before": lean, "after": lean, "attempts": 1, "requestedBy": by}),
        );
    }
}
