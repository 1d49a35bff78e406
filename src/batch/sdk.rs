//! The adapter to the SDK. Nothing outside of its folder knows of `aws_sdk_batch`.
//!
//! SDK retries are off: its token bucket is shared by the whole process and refills through successes only, it
//! never sees the items of a bulk answer, and it passes over a 429 without an error code. Whoever calls
//! has the one retry loop.
//!
//! The client is built by hand from the variables that Lambda sets. The SDK's own way, with profiles, SSO and
//! roles, takes a megabyte of code that a Lambda function never runs; it is there with the feature `profiles`.

use std::sync::Arc;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_batch::Client;
use aws_sdk_batch::config::{
    Builder, Credentials, IdentityCache, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_batch::operation::list_jobs::builders::ListJobsFluentBuilder;
use aws_sdk_batch::types::{JobDetail, KeyValuesPair};

use super::answer::{AcceptanceCheck, Details, NotBatchs, PageReader};
use super::failure::{call_error, item_error, without_bulk};
use super::pool::Pool;
use super::{
    BatchApi, CallError, Described, Detail, FailureKind, Filter, Listing, MAX_FILTERED, MAX_LISTED, Page,
    Shown, Stopped, Which, http,
};
use crate::config::{ConfigError, Limits, Variables};
use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, JobId, ListingOf, Reason};

/// Longest wait for a connection: a service that is there accepts one at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Batch through the SDK's client.
#[derive(Debug, Clone)]
pub struct SdkBatch {
    client: Client,
    pool: Arc<Pool>,
}

impl SdkBatch {
    /// A client from the environment, and the region it calls.
    ///
    /// Region, endpoint and credentials are read from the variables that AWS's SDKs read. Lambda gives the
    /// credentials themselves, or the address of an endpoint that has them. Where it gives neither, the
    /// feature `profiles` looks into all the other places that the SDK knows.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a variable is missing or not valid.
    pub async fn from_env(
        limits: &Limits,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Option<String>), ConfigError> {
        let vars = Variables::non_empty(lookup);
        let endpoint = http::endpoint(&vars)?;
        let pool = http::pool(&vars, connect_timeout(limits))?;
        let Some(credentials) = credentials(&vars, pool.client()) else {
            return Self::from_profile(limits, pool).await;
        };
        let Some(region) = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION")) else {
            let needed = "the region in which to call AWS Batch";
            return Err(ConfigError::Missing { variable: "AWS_REGION", needed });
        };
        let mut config = aws_sdk_batch::Config::builder()
            .behavior_version(behavior())
            .credentials_provider(credentials)
            .region(Region::new(region.clone()))
            .use_fips(vars.flag("AWS_USE_FIPS_ENDPOINT")?)
            .use_dual_stack(vars.flag("AWS_USE_DUALSTACK_ENDPOINT")?);
        config.set_endpoint_url(endpoint);
        Ok((Self::new(config, limits, pool), Some(region)))
    }

    /// A client for a Batch that is not AWS's own, such as an emulator, with made-up credentials.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `endpoint` is no URL that can be called.
    pub fn at(endpoint: &str, region: &str, limits: &Limits) -> Result<Self, ConfigError> {
        let named = |name: &str| (name == "AWS_ENDPOINT_URL_BATCH").then(|| endpoint.to_owned());
        let vars = Variables::non_empty(named);
        let mut config = aws_sdk_batch::Config::builder()
            .behavior_version(behavior())
            .region(Region::new(region.to_owned()))
            .credentials_provider(Credentials::new("local", "local", None, None, "made up"));
        config.set_endpoint_url(http::endpoint(&vars)?);
        Ok(Self::new(config, limits, http::pool(&vars, connect_timeout(limits))?))
    }

    #[cfg(feature = "profiles")]
    async fn from_profile(limits: &Limits, pool: Arc<Pool>) -> Result<(Self, Option<String>), ConfigError> {
        let shared = aws_config::defaults(behavior()).http_client(pool.client()).load().await;
        let region = shared.region().map(ToString::to_string);
        Ok((Self::new(Builder::from(&shared), limits, pool), region))
    }

    #[cfg(not(feature = "profiles"))]
    #[expect(clippy::unused_async, reason = "with the feature, it loads profiles")]
    async fn from_profile(_: &Limits, _: Arc<Pool>) -> Result<(Self, Option<String>), ConfigError> {
        let needed = "credentials; build with `--features profiles` to use a profile, SSO or a role";
        Err(ConfigError::Missing { variable: "AWS_ACCESS_KEY_ID", needed })
    }

    /// A client that knows where and as whom to call, and is told what every client has: no retries of the SDK's
    /// own, and no wait without an end. Whoever calls ends slow calls, knowing the deadline; what comes
    /// before a call has its own limits, to be told from a Batch that does not answer.
    fn new(config: Builder, limits: &Limits, pool: Arc<Pool>) -> Self {
        let config = config
            .http_client(pool.client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect_timeout(limits)).build())
            .identity_cache(IdentityCache::lazy().load_timeout(limits.attempt_timeout * 3 / 4).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(AcceptanceCheck);
        Self { client: Client::from_conf(config.build()), pool }
    }
}

/// The credentials that the environment holds or points to.
fn credentials<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
    http: SharedHttpClient,
) -> Option<SharedCredentialsProvider> {
    if vars.get("AWS_ACCESS_KEY_ID").is_some() {
        return Some(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    }
    ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        .into_iter()
        .find_map(|variable| vars.get(variable))?;
    let how = ProviderConfig::without_region().with_http_client(http);
    Some(SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&how).build()))
}

fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Well below the time that a call has, so that it is this that ends one which does not connect.
fn connect_timeout(limits: &Limits) -> Duration {
    CONNECT_TIMEOUT.min(limits.attempt_timeout / 2)
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
