//! The adapter to the SDK: the only file that imports `aws_sdk_batch`.
//!
//! SDK retries are off: its token bucket is shared by the whole process and refills through successes only, it
//! never sees the items of a bulk answer, and it passes over a 429 without an error code. The executor has the
//! one retry loop.
//!
//! The client is built by hand from the variables that Lambda sets. The SDK's own way, with profiles, SSO and
//! roles, takes a megabyte of code that a Lambda function never runs; it is there with the feature `profiles`.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_batch::Client;
use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::config::{Builder, Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_batch::types::JobDetail;

use super::{BatchApi, CallError, Described, FailureKind, Stopped, http};
use crate::config::{ConfigError, Limits, Variables};
use crate::job::{JobStatus, Snapshot};
use crate::request::{Action, JobId, Reason};

/// Longest wait for a connection: a service that is there accepts one at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Batch through the SDK's client.
#[derive(Debug, Clone)]
pub struct SdkBatch {
    client: Client,
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
        let http = http::client(&vars, connect_timeout(limits))?;
        let Some(credentials) = credentials(&vars, &http) else {
            return Self::from_profile(limits, http).await;
        };
        let Some(region) = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION")) else {
            let needed = "the region in which to call AWS Batch";
            return Err(ConfigError::Missing { variable: "AWS_REGION", needed });
        };
        let mut settings = settings(limits, http)
            .credentials_provider(credentials)
            .region(Region::new(region.clone()))
            .use_fips(vars.flag("AWS_USE_FIPS_ENDPOINT")?)
            .use_dual_stack(vars.flag("AWS_USE_DUALSTACK_ENDPOINT")?);
        settings.set_endpoint_url(http::endpoint(&vars)?);
        Ok((Self { client: Client::from_conf(settings.build()) }, Some(region)))
    }

    /// A client for a Batch that is not AWS's own, such as an emulator, with made-up credentials.
    ///
    /// # Errors
    ///
    /// None but [`ConfigError`], and that only if the HTTP client cannot be set up.
    pub fn at(endpoint: &str, region: &str, limits: &Limits) -> Result<Self, ConfigError> {
        let named = |name: &str| (name == "AWS_ENDPOINT_URL_BATCH").then(|| endpoint.to_owned());
        let http = http::client(&Variables::non_empty(named), connect_timeout(limits))?;
        let settings = settings(limits, http)
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("local", "local", None, None, "made up"));
        Ok(Self { client: Client::from_conf(settings.build()) })
    }

    #[cfg(feature = "profiles")]
    async fn from_profile(
        limits: &Limits,
        http: SharedHttpClient,
    ) -> Result<(Self, Option<String>), ConfigError> {
        let shared = aws_config::defaults(behavior()).http_client(http.clone()).load().await;
        let settings = Builder::from(&shared)
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(limits))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let region = shared.region().map(ToString::to_string);
        Ok((Self { client: Client::from_conf(settings.build()) }, region))
    }

    #[cfg(not(feature = "profiles"))]
    #[expect(clippy::unused_async, reason = "with the feature, it loads profiles")]
    async fn from_profile(_: &Limits, _: SharedHttpClient) -> Result<(Self, Option<String>), ConfigError> {
        let needed = "credentials; build with `--features profiles` to use a profile, SSO or a role";
        Err(ConfigError::Missing { variable: "AWS_ACCESS_KEY_ID", needed })
    }
}

/// The credentials that the environment holds or points to.
fn credentials<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
    http: &SharedHttpClient,
) -> Option<SharedCredentialsProvider> {
    if vars.get("AWS_ACCESS_KEY_ID").is_some() {
        return Some(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    }
    ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        .into_iter()
        .find_map(|variable| vars.get(variable))?;
    let how = ProviderConfig::without_region().with_http_client(http.clone());
    Some(SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&how).build()))
}

/// What every client has: no retries of the SDK's own, and no wait without an end.
fn settings(limits: &Limits, http: SharedHttpClient) -> Builder {
    aws_sdk_batch::Config::builder()
        .behavior_version(behavior())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(limits))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The executor ends slow attempts, since it knows the deadline; only connecting has its own limit.
fn timeouts(limits: &Limits) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(connect_timeout(limits)).build()
}

fn connect_timeout(limits: &Limits) -> Duration {
    CONNECT_TIMEOUT.min(limits.attempt_timeout)
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
        // With a code, the cause is but the code once more.
        message: match (error.message(), code) {
            (Some(message), _) => message.to_owned(),
            (None, Some(_)) => String::new(),
            (None, None) => cause(error),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_sorted_by_its_status_and_then_by_its_code() {
        use FailureKind::*;
        let check =
            |status, code, expected| assert_eq!(classify(status, code), expected, "{status:?} {code:?}");
        check(Some(500), Some("ServerException"), Server);
        check(Some(500), Some("AuthorizerConfigurationException"), Server);
        check(Some(502), None, Server);
        check(Some(504), None, Server);
        check(Some(200), None, Server);
        check(None, None, Server);
        check(Some(429), Some("TooManyRequestsException"), Throttled);
        check(Some(429), None, Throttled);
        check(Some(400), Some("ThrottlingException"), Throttled);
        check(Some(503), Some("SlowDown"), Throttled);
        check(Some(408), None, Timeout);
        check(Some(400), Some("ClientException"), Refused);
        check(Some(400), Some("ValidationException"), Refused);
        check(Some(404), None, Refused);
        check(Some(403), Some("AccessDeniedException"), Denied);
        check(Some(403), Some("ExpiredTokenException"), Denied);
        check(Some(401), None, Denied);
    }

    #[test]
    fn missing_bulk_calls_are_told_from_refused_ones() {
        let check = |status, code: Option<&str>, missing| {
            let error = CallError {
                status: Some(status),
                code: code.map(Into::into),
                ..CallError::new(classify(Some(status), code))
            };
            assert_eq!(without_bulk(error).kind == FailureKind::NoBulk, missing, "{status} {code:?}");
        };
        check(404, None, true);
        check(405, None, true);
        check(501, None, true);
        check(403, Some("MissingAuthenticationTokenException"), true);
        check(400, Some("UnknownOperationException"), true);
        check(403, Some("AccessDeniedException"), false);
        check(400, Some("ClientException"), false);
        check(500, Some("ServerException"), false);
        check(429, None, false);
    }

    #[test]
    fn an_item_of_a_bulk_answer_is_sorted_by_its_code() {
        use FailureKind::*;
        let check = |code, expected| assert_eq!(item_error(code, Some("text")).kind, expected, "{code:?}");
        check(Some("ThrottlingException"), Throttled);
        check(Some("ServerException"), Server);
        check(Some("AccessDenied"), Denied);
        check(Some("AccessDeniedException"), Denied);
        check(Some("ValidationException"), Refused);
        check(Some("ClientException"), Refused);
        check(None, Refused);
    }
}
