//! Which jobs an invocation is about, each once, and which deliveries wait on them.

use std::collections::HashMap;

use crate::request::{Action, JobId, Reason};
use crate::trigger::Delivery;

/// One job to deal with, however many deliveries ask for it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// What is asked.
    pub action: Action,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// The reason of the first delivery that asked.
    pub reason: Reason,
}

/// The jobs of an invocation in first-seen order, and the way back from the deliveries.
#[derive(Debug)]
pub struct Plan {
    /// Unique by id, action and dry run. A job asked for as a dry run and in earnest stands twice, or the
    /// dry run's answer would be taken for the real one's.
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
        let wanted = deliveries
            .iter()
            .map(|delivery| {
                let Ok(request) = &delivery.request else {
                    return Vec::new();
                };
                let place = |id: &JobId| {
                    *known.entry((id.clone(), request.action, request.dry_run)).or_insert_with(|| {
                        jobs.push(Job {
                            id: id.clone(),
                            action: request.action,
                            dry_run: request.dry_run,
                            reason: request.reason.clone(),
                        });
                        jobs.len() - 1
                    })
                };
                request.jobs.iter().map(place).collect()
            })
            .collect();
        Self { jobs, wanted }
    }
}
