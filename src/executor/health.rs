//! Whether Batch is there at all. Pure.

use crate::batch::CallError;
use crate::config::Limits;
use crate::gate::Feedback;

/// Fewer failures than this in a row may be one job's, and say nothing about the service.
const LEAST_ROUND: usize = 4;

/// Whether Batch answers a kind of call at all. Reading and writing calls fail apart from each other.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Calls in a row that failed in a way that may pass, throttling apart.
    failed_in_a_row: usize,
    /// Set when no more such calls are to be made.
    pub(super) down: Option<CallError>,
}

impl Health {
    /// Batch gave an answer, if only a refusal.
    pub(super) fn answered(&mut self) {
        self.failed_in_a_row = 0;
    }

    /// A call failed. A round is as many failures in a row as calls may be under way: after each round all
    /// calls wait, and after as many rounds as a job has attempts, hammering helps nobody.
    pub(super) fn failed(&mut self, error: &CallError, limits: &Limits) -> Feedback {
        let round = limits.max_in_flight.max(LEAST_ROUND);
        self.failed_in_a_row += 1;
        let rounds = u32::try_from(self.failed_in_a_row / round).unwrap_or(u32::MAX);
        if rounds >= limits.max_attempts {
            self.down = Some(error.clone());
        }
        Feedback::Failed { rounds: self.failed_in_a_row.is_multiple_of(round).then_some(rounds) }
    }
}
