//! The adapter to the SDK. Nothing outside of its folder knows of `aws_sdk_batch`.
//!
//! SDK retries are off: its token bucket is shared by the whole process and refills through successes only, it
//! never sees the items of a bulk answer, and it passes over a 429 without an error code. Whoever calls
//! has the one retry loop.

use std::sync::Arc;

use aws_sdk_batch::Client;
use aws_sdk_batch::config::Builder;
use aws_sdk_batch::operation::list_jobs::builders::ListJobsFluentBuilder;
use aws_sdk_batch::types::{JobDetail, KeyValuesPair};

use super::answer::{AcceptanceCheck, Details, NotBatchs, PageReader};
use super::failure::{call_error, item_error, without_bulk};
use super::{
    BatchApi, CallError, Described, Detail, FailureKind, Filter, Listing, MAX_FILTERED, MAX_LISTED, Page,
    Shown, Stopped, Which,
};
use crate::aws::{Aws, Pool};
use crate::config::{ConfigError, Limits};
use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, JobId, ListingOf, Reason};

/// Batch through the SDK's client.
#[derive(Debug, Clone)]
pub struct SdkBatch {
    client: Client,
    pool: Arc<Pool>,
}

impl SdkBatch {
    /// Batch where and as whom the rest of AWS is called.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        let mut config = Builder::from(aws.config()).interceptor(AcceptanceCheck);
        if let Some(url) = aws.batch_endpoint() {
            config.set_endpoint_url(Some(url.to_owned()));
        }
        Self { client: Client::from_conf(config.build()), pool: Arc::clone(aws.pool()) }
    }

    /// A client from the environment, and the region it calls; see [`Aws::from_env`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a variable is missing or not valid.
    pub async fn from_env(
        limits: &Limits,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Option<String>), ConfigError> {
        let aws = Aws::from_env(limits, lookup).await?;
        Ok((Self::new(&aws), aws.region().map(ToOwned::to_owned)))
    }

    /// A client for a Batch that is not AWS's own; see [`Aws::at`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `endpoint` is no URL that can be called.
    pub fn at(endpoint: &str, region: &str, limits: &Limits) -> Result<Self, ConfigError> {
        Ok(Self::new(&Aws::at(endpoint, region, limits)?))
    }
}

/// Both bulk calls answer in the same form, in types of their own.
macro_rules! stopped {
    ($sent:expr) => {{
        let output = $sent.map_err(|error| without_bulk(call_error(&error)))?;
        let failed = output.errors.unwrap_or_default().into_iter();
        let errors = failed.map(|item| {
            let error = item_error(item.code.as_deref(), item.message.as_deref());
            (item.job.unwrap_or_default(), error)
        });
        Ok(Stopped::new(output.successful.unwrap_or_default(), errors))
    }};
}

impl BatchApi for SdkBatch {
    async fn describe(&self, ids: &[JobId], detail: Detail) -> Result<Described, CallError> {
        self.pool.call(|| self.describe_once(ids, detail), |_| true).await
    }

    async fn list(&self, listing: &Listing, page: Option<&str>) -> Result<Page, CallError> {
        self.pool.call(|| self.list_once(listing, page), |_| true).await
    }

    async fn stop(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        self.pool.call(|| self.stop_once(action, ids, reason), says_no_to_nobody).await
    }
}

impl SdkBatch {
    async fn describe_once(&self, ids: &[JobId], detail: Detail) -> Result<Described, CallError> {
        let call = self.client.describe_jobs().set_jobs(Some(strings(ids)));
        let kept = Details::default();
        let sent = match detail {
            Detail::Reported => call.send().await,
            Detail::Whole => call.customize().interceptor(kept.clone()).send().await,
        };
        let jobs = sent.map_err(|error| call_error(&error))?.jobs.unwrap_or_default();
        let details = kept.take();
        if detail == Detail::Whole && details.len() != jobs.len() {
            return Err(CallError { message: NotBatchs.to_string(), ..CallError::new(FailureKind::Server) });
        }
        let mut details = details.into_iter();
        let shown = jobs.into_iter().filter_map(|mut job| {
            let detail = details.next();
            Some((job.job_id.take()?, Shown { snapshot: snapshot(job), detail }))
        });
        Ok(Described::new(ids, shown))
    }

    async fn list_once(&self, listing: &Listing, page: Option<&str>) -> Result<Page, CallError> {
        let call = match &listing.which {
            Which::In(status) => {
                self.client.list_jobs().job_status(status.as_str().into()).max_results(MAX_LISTED)
            }
            Which::Filtered(filter) => filtered(self.client.list_jobs(), filter).max_results(MAX_FILTERED),
        };
        let call = match &listing.of {
            ListingOf::JobQueue(queue) => call.job_queue(&**queue),
            ListingOf::ArrayJob(id) => call.array_job_id(id.as_str()),
        };
        let reader = PageReader::default();
        let call = call.set_next_token(page.map(ToOwned::to_owned)).customize().interceptor(reader.clone());
        call.send().await.map_err(|error| call_error(&error))?;
        reader.take().ok_or_else(|| CallError {
            message: NotBatchs.to_string(),
            ..CallError::new(FailureKind::Server)
        })
    }

    async fn stop_once(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        let reason = reason.as_str();
        match (action, ids) {
            (Action::Cancel, [id]) => {
                let sent = self.client.cancel_job().job_id(id.as_str()).reason(reason).send().await;
                sent.map(|_| Stopped::new([id.to_string()], [])).map_err(|error| call_error(&error))
            }
            (Action::Terminate, [id]) => {
                let sent = self.client.terminate_job().job_id(id.as_str()).reason(reason).send().await;
                sent.map(|_| Stopped::new([id.to_string()], [])).map_err(|error| call_error(&error))
            }
            (Action::Cancel, ids) => {
                stopped!(self.client.cancel_jobs().set_jobs(Some(strings(ids))).reason(reason).send().await)
            }
            (Action::Terminate, ids) => {
                stopped!(
                    self.client.terminate_jobs().set_jobs(Some(strings(ids))).reason(reason).send().await
                )
            }
        }
    }
}

/// Whether an answer says no to no job. A no would be taken to mean that nothing was done, and what was done by
/// an earlier call, nobody knows.
fn says_no_to_nobody(result: &Result<Stopped, CallError>) -> bool {
    match result {
        Ok(stopped) => stopped.errors.values().all(|error| error.kind.may_have_worked()),
        Err(error) => error.kind.may_have_worked(),
    }
}

/// A call for the jobs that a filter lets through.
fn filtered(call: ListJobsFluentBuilder, filter: &Filter) -> ListJobsFluentBuilder {
    let call = call.filters(KeyValuesPair::builder().name(filter.name()).values(filter.value()).build());
    match filter {
        Filter::ShareIdentifier(_, status) => call.job_status(status.as_str().into()),
        _ => call,
    }
}

fn strings(ids: &[JobId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

fn snapshot(job: JobDetail) -> Snapshot {
    Snapshot {
        status: JobStatus::from(job.status.as_ref().map_or("", |status| status.as_str())),
        status_reason: job.status_reason.map(Into::into),
        job_name: job.job_name.map(Into::into),
        job_queue: job.job_queue.map(Into::into),
        is_cancelled: job.is_cancelled,
        is_terminated: job.is_terminated,
        started_at: job.started_at,
    }
}

#[cfg(test)]
mod tests;
