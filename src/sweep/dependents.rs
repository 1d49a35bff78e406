//! What falls with the jobs that a sweep stops, as far as it was seen. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use event_pattern::{Document, Value};
use serde::Serialize;

use crate::request::JobId;

/// So many ids stand in a result.
const IDS: usize = 100;

/// Jobs, and those that were seen to wait for them.
#[derive(Debug, Default)]
pub(crate) struct Dependents(HashMap<JobId, Vec<JobId>>);

/// Jobs that fail when others do, since they depend on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Falling {
    /// How many.
    pub seen: usize,
    /// The first hundred of them.
    pub job_ids: Vec<JobId>,
}

impl Dependents {
    /// Takes down what a job waits for.
    pub(super) fn seen(&mut self, id: &JobId, job: &Document<'_>) {
        for value in job.values("job.dependsOn.jobId") {
            if let Value::Text(other) = value {
                let waiting = self.0.entry(JobId::from(other)).or_default();
                if !waiting.contains(id) {
                    waiting.push(id.clone());
                }
            }
        }
    }

    /// What falls with these jobs, besides themselves, directly or by way of others. Nothing if nothing does.
    pub(crate) fn falling_with(&self, stopped: &[JobId]) -> Option<Falling> {
        if self.0.is_empty() {
            return None;
        }
        let stopped: HashSet<&JobId> = stopped.iter().collect();
        let mut next: Vec<&JobId> = stopped.iter().copied().collect();
        let mut falling = BTreeSet::new();
        while let Some(id) = next.pop() {
            let waiting = self.0.get(id).into_iter().flatten();
            next.extend(waiting.filter(|other| !stopped.contains(other) && falling.insert(*other)));
        }
        (!falling.is_empty()).then(|| Falling {
            seen: falling.len(),
            job_ids: falling.into_iter().take(IDS).cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs as `id<what it waits for`, those that are stopped, and those that fall with them.
    #[track_caller]
    fn check(jobs: &[(&str, &[&str])], stopped: &[&str], expected: &[&str]) {
        let mut dependents = Dependents::default();
        for (id, others) in jobs {
            let on: Vec<_> = others.iter().map(|id| serde_json::json!({"jobId": id})).collect();
            let json = serde_json::json!({"job": {"jobId": id, "dependsOn": on}}).to_string();
            dependents.seen(&JobId::from(*id), &Document::parse(&json).unwrap());
        }
        let ids = |ids: &[&str]| ids.iter().map(|id| JobId::from(*id)).collect::<Vec<_>>();
        let falling = dependents.falling_with(&ids(stopped));
        let told = falling.map(|falling| (falling.seen, falling.job_ids));
        assert_eq!(told, (!expected.is_empty()).then(|| (expected.len(), ids(expected))));
    }

    #[test]
    fn what_waits_for_a_stopped_job_falls_with_it_and_so_on() {
        check(&[], &["a"], &[]);
        check(&[("b", &["a"]), ("c", &["b"]), ("d", &["x"])], &["a"], &["b", "c"]);
        check(&[("c", &["a", "b"]), ("c", &["a", "b"])], &["a", "b"], &["c"]);
        check(&[("b", &["a"])], &["b"], &[]);
        check(&[("b", &["a"])], &["a", "b"], &[]);
        check(&[("b", &["c"]), ("c", &["b", "a"])], &["a"], &["b", "c"]);
    }
}
