//! AWS Batch behind a trait in the function's own terms, and the adapter to the SDK.
//!
//! The adapter is the only file that imports `aws_sdk_batch`. SDK retries are off: its token bucket is
//! shared by the whole process and refills through successes only, it never sees the items of a bulk
//! answer, and it passes over a 429 without an error code. [`crate::executor`] has the one retry loop.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_batch::Client;
use aws_sdk_batch::config::Credentials;
use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_batch::types::JobDetail;
use aws_smithy_http_client::tls;

use crate::config::Limits;
use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, JobId, Reason};

/// Most ids one `DescribeJobs` takes (API reference).
pub const MAX_DESCRIBE: usize = 100;

/// Most jobs one `CancelJobs` or `TerminateJobs` takes (API reference).
pub const MAX_STOP: usize = 50;

/// Longest wait for a connection: a service that is there accepts one at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What this function needs of AWS Batch. One call each, no retries.
pub trait BatchApi: Send + Sync {
    /// `DescribeJobs` for at most [`MAX_DESCRIBE`] ids. Jobs that Batch does not know are left out.
    fn describe(&self, ids: &[JobId]) -> impl Future<Output = Result<Described, CallError>> + Send;

    /// `CancelJob` or `TerminateJob` for one job, `CancelJobs` or `TerminateJobs` for up to [`MAX_STOP`].
    /// That Batch accepted it does not mean that it did anything.
    fn stop(
        &self,
        action: Action,
        ids: &[JobId],
        reason: &Reason,
    ) -> impl Future<Output = Result<Stopped, CallError>> + Send;
}

/// The jobs a `DescribeJobs` showed, by id.
pub type Described = HashMap<String, Snapshot>;

/// What Batch answered for each job. It answers a bulk call with 200 even when it refused every one.
#[derive(Debug, Default)]
pub struct Stopped {
    accepted: HashSet<String>,
    errors: HashMap<String, CallError>,
}

impl Stopped {
    /// An answer that accepted some jobs and failed for others.
    pub fn new(
        accepted: impl IntoIterator<Item = String>,
        errors: impl IntoIterator<Item = (String, CallError)>,
    ) -> Self {
        Self { accepted: accepted.into_iter().collect(), errors: errors.into_iter().collect() }
    }

    /// What the answer says of one job. Leaving it out says nothing, which is tried again.
    pub(crate) fn take(&mut self, id: &JobId) -> Result<(), CallError> {
        match self.errors.remove(id.as_str()) {
            Some(error) => Err(error),
            None if self.accepted.contains(id.as_str()) => Ok(()),
            None => Err(CallError {
                message: "Batch's answer left the job out".into(),
                ..CallError::new(FailureKind::Server)
            }),
        }
    }
}

/// Why a call failed, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Too many calls: try again, and let all calls slow down.
    Throttled,
    /// Batch failed (5xx), or its answer made no sense: try again.
    Server,
    /// No answer in time; it may have been carried out: try again.
    Timeout,
    /// No connection, or it was lost; it may have been carried out: try again.
    Connection,
    /// Batch says the request is wrong (4xx). It may be one job of several that it means.
    Refused,
    /// Batch says the caller may not do this.
    Denied,
    /// There is no such operation here: make single calls.
    NoBulk,
}

/// A failed call, or a failed item of a bulk answer.
#[derive(Debug, Clone)]
pub struct CallError {
    /// What to do about it.
    pub kind: FailureKind,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// AWS's error code, where one came.
    pub code: Option<String>,
    /// What Batch or the connection said.
    pub message: String,
    /// How long Batch asks to wait (`x-amz-retry-after`).
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// A failure about which nothing more is known.
    #[must_use]
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, status: None, code: None, message: String::new(), retry_after: None }
    }

    /// No answer within `limit`.
    #[must_use]
    pub fn timed_out(limit: Duration) -> Self {
        Self {
            message: format!("no answer within {} ms", limit.as_millis()),
            ..Self::new(FailureKind::Timeout)
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use FailureKind::{Connection, Server, Throttled, Timeout};
        matches!(self.kind, Throttled | Server | Timeout | Connection)
    }

    /// Whether it is the rate of calls that Batch objects to.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.kind == FailureKind::Throttled
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| status.to_string());
        let head =
            [status.as_deref(), self.code.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        match (head.as_str(), self.message.as_str()) {
            ("", "") => write!(f, "{:?}", self.kind),
            ("", message) => f.write_str(message),
            (head, "") => f.write_str(head),
            (head, message) => write!(f, "{head}: {message}"),
        }
    }
}

/// Batch through the SDK's client.
#[derive(Debug, Clone)]
pub struct SdkBatch {
    client: Client,
}

impl SdkBatch {
    /// A client from the environment (region, credentials, `AWS_ENDPOINT_URL_BATCH`, profiles), and the
    /// region it calls.
    pub async fn from_env(limits: &Limits) -> (Self, Option<String>) {
        Self::load(settings(limits)).await
    }

    /// A client for a Batch that is not AWS's own, such as an emulator, with made-up credentials.
    pub async fn at(endpoint: &str, region: &str, limits: &Limits) -> Self {
        let made_up = Credentials::new("local", "local", None, None, "made up");
        let settings = settings(limits).endpoint_url(endpoint).credentials_provider(made_up);
        Self::load(settings.region(Region::new(region.to_owned()))).await.0
    }

    async fn load(settings: ConfigLoader) -> (Self, Option<String>) {
        let config = settings.load().await;
        let region = config.region().map(ToString::to_string);
        (Self { client: Client::new(&config) }, region)
    }
}

/// What both kinds of client share: no retries of the SDK's own, and no wait without an end.
fn settings(limits: &Limits) -> ConfigLoader {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    // The executor ends slow attempts, since it knows the deadline; only connecting has its own limit.
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT.min(limits.attempt_timeout)).build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Both bulk calls answer in the same form, in types of their own.
macro_rules! stopped {
    ($output:expr) => {{
        let output = $output;
        let failed = output.errors.unwrap_or_default().into_iter();
        let errors = failed.map(|item| {
            let error = item_error(item.code.as_deref(), item.message.as_deref());
            (item.job.unwrap_or_default(), error)
        });
        Stopped::new(output.successful.unwrap_or_default(), errors)
    }};
}

impl BatchApi for SdkBatch {
    async fn describe(&self, ids: &[JobId]) -> Result<Described, CallError> {
        let sent = self.client.describe_jobs().set_jobs(Some(strings(ids))).send().await;
        let jobs = sent.map_err(|error| call_error(&error))?.jobs.unwrap_or_default();
        Ok(jobs.into_iter().filter_map(|job| Some((job.job_id.clone()?, snapshot(job)))).collect())
    }

    async fn stop(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        match (action, ids) {
            (Action::Cancel, [id]) => {
                let call = self.client.cancel_job().job_id(id.as_str()).reason(reason.as_str());
                call.send()
                    .await
                    .map(|_| Stopped::new([id.to_string()], []))
                    .map_err(|error| call_error(&error))
            }
            (Action::Terminate, [id]) => {
                let call = self.client.terminate_job().job_id(id.as_str()).reason(reason.as_str());
                call.send()
                    .await
                    .map(|_| Stopped::new([id.to_string()], []))
                    .map_err(|error| call_error(&error))
            }
            (Action::Cancel, ids) => {
                let call = self.client.cancel_jobs().set_jobs(Some(strings(ids))).reason(reason.as_str());
                Ok(stopped!(call.send().await.map_err(|error| without_bulk(call_error(&error)))?))
            }
            (Action::Terminate, ids) => {
                let call = self.client.terminate_jobs().set_jobs(Some(strings(ids))).reason(reason.as_str());
                Ok(stopped!(call.send().await.map_err(|error| without_bulk(call_error(&error)))?))
            }
        }
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
    }
}

fn call_error<E>(error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let response = error.raw_response();
    let status = response.map(|response| response.status().as_u16());
    let code = error.code();
    let kind = match error {
        SdkError::TimeoutError(_) => FailureKind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => FailureKind::Timeout,
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => classify(status, code),
        // Nothing was answered, credentials that could not be had included.
        _ => FailureKind::Connection,
    };
    CallError {
        kind,
        status,
        code: code.map(Into::into),
        message: error.message().map_or_else(|| cause(error), Into::into),
        retry_after: response.and_then(retry_after),
    }
}

/// The innermost cause, which says what happened; the outer layers only say that something did.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let ms = response.headers().get("x-amz-retry-after")?.parse().ok()?;
    Some(Duration::from_millis(ms))
}

/// Sorts a failed call by its HTTP status first, since Batch sends error codes that no model lists, and then
/// by its code.
fn classify(status: Option<u16>, code: Option<&str>) -> FailureKind {
    match status {
        Some(429) => FailureKind::Throttled,
        _ if code.is_some_and(is_throttling) => FailureKind::Throttled,
        // A success whose body could not be read says nothing about what was done.
        Some(200..=299 | 500..=599) | None => FailureKind::Server,
        Some(408) => FailureKind::Timeout,
        Some(401 | 403) => FailureKind::Denied,
        Some(_) => FailureKind::Refused,
    }
}

fn is_throttling(code: &str) -> bool {
    ["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown"].iter().any(|mark| code.contains(mark))
}

/// Recognises that the bulk operations do not exist here. AWS's API Gateway answers an unknown path with
/// 403 `MissingAuthenticationTokenException`; others with 404 or an unknown-operation error.
fn without_bulk(error: CallError) -> CallError {
    let code = error.code.as_deref().unwrap_or_default();
    let unknown = matches!(error.status, Some(404 | 405 | 501))
        || code.contains("MissingAuthenticationToken")
        || code.contains("UnknownOperation");
    if unknown { CallError { kind: FailureKind::NoBulk, ..error } } else { error }
}

/// Sorts an item of a bulk answer, which has a code but no status.
fn item_error(code: Option<&str>, message: Option<&str>) -> CallError {
    let name = code.unwrap_or_default();
    let kind = match name {
        _ if is_throttling(name) => FailureKind::Throttled,
        "ServerException"
        | "InternalServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => FailureKind::Server,
        _ if name.starts_with("AccessDenied") => FailureKind::Denied,
        _ => FailureKind::Refused,
    };
    CallError {
        code: code.map(Into::into),
        message: message.unwrap_or_default().into(),
        ..CallError::new(kind)
    }
}
