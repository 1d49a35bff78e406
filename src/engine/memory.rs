//! What is remembered of Batch for the life of the process.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::CallError;

/// How long bulk calls are not asked for after they were found missing. One odd answer must not make the process do
/// without them for good, and a region without them is asked in vain but once in this time.
const BULK_PAUSE: Duration = Duration::from_mins(5);

/// Whether there are bulk calls.
#[derive(Debug)]
pub struct Memory {
    /// `None` where they are switched off.
    bulk: Option<Mutex<Bulk>>,
}

#[derive(Debug, Clone, Copy)]
enum Bulk {
    Assumed,
    /// Found missing: to be asked for again then.
    Missing(Instant),
}

impl Memory {
    /// Nothing is known yet but whether bulk calls may be tried.
    #[must_use]
    pub fn new(bulk: bool) -> Self {
        Self { bulk: bulk.then(|| Mutex::new(Bulk::Assumed)) }
    }

    pub(super) fn has_bulk(&self) -> bool {
        self.bulk.as_ref().is_some_and(|bulk| match *bulk.lock().unwrap_or_else(PoisonError::into_inner) {
            Bulk::Assumed => true,
            Bulk::Missing(until) => until <= Instant::now(),
        })
    }

    pub(super) fn no_bulk(&self, answer: &CallError) {
        if !self.has_bulk() {
            return;
        }
        if let Some(bulk) = &self.bulk {
            *bulk.lock().unwrap_or_else(PoisonError::into_inner) = Bulk::Missing(Instant::now() + BULK_PAUSE);
            tracing::warn!(%answer, "AWS Batch takes no bulk calls here: making single calls for a while");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::FailureKind;

    #[tokio::test(start_paused = true)]
    async fn bulk_calls_found_missing_are_asked_for_again_after_a_while() {
        let memory = Memory::new(true);
        let missing = CallError::new(FailureKind::NoBulk);
        assert!(memory.has_bulk());
        for _ in 0..2 {
            memory.no_bulk(&missing);
            assert!(!memory.has_bulk());
            tokio::time::advance(BULK_PAUSE / 2).await;
            // One more answer to a call that was under way tells nothing new.
            memory.no_bulk(&missing);
            tokio::time::advance(BULK_PAUSE / 2).await;
            assert!(memory.has_bulk());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_calls_that_are_switched_off_stay_so() {
        let memory = Memory::new(false);
        memory.no_bulk(&CallError::new(FailureKind::NoBulk));
        tokio::time::advance(BULK_PAUSE * 2).await;
        assert!(!memory.has_bulk());
    }
}
