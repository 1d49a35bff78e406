//! AWS Batch for one who only looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use batch_canceller::batch::{BatchApi, CallError, Described, Detail, FailureKind, Listing, Page, Stopped};
use batch_canceller::request::{Action, JobId, Reason};
use serde::Deserialize;

/// A Batch that can be asked, remembers what its listings showed, and is never told to stop anything: no such call can
/// leave here, whatever the function decides.
pub(super) struct Onlooker<B> {
    batch: B,
    listed: Arc<Mutex<HashMap<JobId, InListing>>>,
}

/// What a listing shows of a job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InListing {
    pub(super) job_name: Option<String>,
    pub(super) status: Option<String>,
    /// In milliseconds since 1970.
    pub(super) created_at: Option<u64>,
}

impl<B> Onlooker<B> {
    pub(super) fn new(batch: B) -> Self {
        Self { batch, listed: Arc::default() }
    }

    /// What it remembers.
    pub(super) fn listed(&self) -> Arc<Mutex<HashMap<JobId, InListing>>> {
        self.listed.clone()
    }
}

impl<B: BatchApi> BatchApi for Onlooker<B> {
    async fn describe(&self, ids: &[JobId], detail: Detail) -> Result<Described, CallError> {
        self.batch.describe(ids, detail).await
    }

    async fn list(&self, listing: &Listing, page: Option<&str>) -> Result<Page, CallError> {
        let page = self.batch.list(listing, page).await?;
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        for job in &page.jobs {
            let shown = serde_json::from_str(job.summary.get()).unwrap_or_default();
            listed.insert(job.id.clone(), shown);
        }
        drop(listed);
        Ok(page)
    }

    async fn stop(&self, _: Action, _: &[JobId], _: &Reason) -> Result<Stopped, CallError> {
        let message = "nothing is stopped where a sweep is only checked".into();
        Err(CallError { message, ..CallError::new(FailureKind::Denied) })
    }
}
