//! Which jobs an invocation is about, each once, and which deliveries wait on them.

use std::collections::HashMap;

use crate::request::{Action, CancelRequest, JobId, Reason};
use crate::trigger::Delivery;

/// One job to deal with, however many deliveries ask for it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// What is to be done: the strongest that any delivery asks for.
    pub action: Action,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// The reason of the first delivery that asked for this action.
    pub reason: Reason,
}

/// The jobs of an invocation in first-seen order, and the way back from the deliveries.
#[derive(Debug)]
pub struct Plan {
    /// Each job once. Two calls for one job would race, and either could take the other's effect for its own.
    /// Only dry runs stand apart, one for each action, since their answer says what each would do.
    pub jobs: Vec<Job>,
    /// For each delivery the indexes of its jobs in `jobs`, one for each id it names; none when rejected.
    pub wanted: Vec<Vec<usize>>,
}

impl Plan {
    /// Plans the well-formed deliveries.
    #[must_use]
    pub fn new(deliveries: &[Delivery]) -> Self {
        let mut jobs: Vec<Job> = Vec::with_capacity(deliveries.len());
        let mut known = HashMap::with_capacity(deliveries.len());
        let mut place = |id: &JobId, request: &CancelRequest| {
            let CancelRequest { action, dry_run, reason, .. } = request;
            let index = *known.entry((id.clone(), dry_run.then_some(*action))).or_insert(jobs.len());
            match jobs.get_mut(index) {
                Some(job) if job.action < *action => {
                    (job.action, job.reason) = (*action, reason.clone());
                }
                Some(_) => {}
                None => {
                    let reason = reason.clone();
                    jobs.push(Job { id: id.clone(), action: *action, dry_run: *dry_run, reason });
                }
            }
            index
        };
        let wanted = deliveries
            .iter()
            .map(|delivery| match &delivery.request {
                Ok(request) => request.jobs.iter().map(|id| place(id, request)).collect(),
                Err(_) => Vec::new(),
            })
            .collect();
        Self { jobs, wanted }
    }
}
