//! Where AWS is, as whom to call it and how to get there: what the clients of all its services share.
//!
//! It is put together by hand from the variables that Lambda sets. The SDK's own way, with profiles, SSO and roles,
//! takes a megabyte of code that a Lambda function never runs; it is there with the feature `profiles`.

mod http;
mod pool;

#[cfg(test)]
pub(crate) mod loopback;

use std::sync::Arc;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_batch::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_batch::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};

use crate::config::{ConfigError, Limits, Variables};

pub(crate) use pool::Pool;

/// Longest wait for a connection: a service that is there accepts one at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where AWS is, and as whom to call it.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    endpoints: Endpoints,
    pool: Arc<Pool>,
    attempt_timeout: Duration,
}

/// The addresses that are called instead of AWS's own.
#[derive(Debug)]
struct Endpoints {
    batch: Option<String>,
    sqs: Option<String>,
    eventbridge: Option<String>,
}

impl Aws {
    /// AWS as the environment names it.
    ///
    /// Region, endpoints and credentials are read from the variables that AWS's SDKs read. Lambda gives the
    /// credentials themselves, or the address of an endpoint that has them. Where it gives neither, the
    /// feature `profiles` looks into all the other places that the SDK knows.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a variable is missing or not valid.
    pub async fn from_env(
        limits: &Limits,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let vars = Variables::non_empty(lookup);
        let endpoints = Endpoints::read(&vars)?;
        let pool = http::pool(&vars, connect_timeout(limits))?;
        let Some(credentials) = credentials(&vars, pool.client()) else {
            return Ok(Self::new(from_profile(&pool).await?, endpoints, pool, limits));
        };
        let Some(region) = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION")) else {
            let needed = "the region in which to call AWS Batch";
            return Err(ConfigError::Missing { variable: "AWS_REGION", needed });
        };
        let config = SdkConfig::builder()
            .behavior_version(behavior())
            .credentials_provider(credentials)
            .region(Region::new(region))
            .use_fips(vars.flag("AWS_USE_FIPS_ENDPOINT")?)
            .use_dual_stack(vars.flag("AWS_USE_DUALSTACK_ENDPOINT")?);
        Ok(Self::new(config.build(), endpoints, pool, limits))
    }

    /// What is not AWS's own, such as an emulator, with made-up credentials.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `endpoint` is no URL that can be called.
    pub fn at(endpoint: &str, region: &str, limits: &Limits) -> Result<Self, ConfigError> {
        let named = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| endpoint.to_owned());
        Self::made_up(&Variables::non_empty(named), region, limits, None)
    }

    pub(crate) fn made_up<L: Fn(&str) -> Option<String>>(
        vars: &Variables<L>,
        region: &str,
        limits: &Limits,
        credentials: Option<SharedCredentialsProvider>,
    ) -> Result<Self, ConfigError> {
        let made_up =
            || SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "made up"));
        let config = SdkConfig::builder()
            .behavior_version(behavior())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials.unwrap_or_else(made_up));
        let pool = http::pool(vars, connect_timeout(limits))?;
        Ok(Self::new(config.build(), Endpoints::read(vars)?, pool, limits))
    }

    /// What every client is told: no retries of the SDK's own, and no wait without an end. Whoever calls ends slow
    /// calls, knowing the deadline; what comes before a call has its own limits, to be told from a service that does
    /// not answer.
    fn new(config: SdkConfig, endpoints: Endpoints, pool: Arc<Pool>, limits: &Limits) -> Self {
        let config = config
            .into_builder()
            .http_client(pool.client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect_timeout(limits)).build())
            .identity_cache(IdentityCache::lazy().load_timeout(limits.attempt_timeout * 3 / 4).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { config, endpoints, pool, attempt_timeout: limits.attempt_timeout }
    }

    /// The region that is called where nothing names another.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The connections to Batch, and to where the credentials are.
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// How long one call may take.
    pub(crate) fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    pub(crate) fn batch_endpoint(&self) -> Option<&str> {
        self.endpoints.batch.as_deref()
    }

    pub(crate) fn sqs_endpoint(&self) -> Option<&str> {
        self.endpoints.sqs.as_deref()
    }

    pub(crate) fn eventbridge_endpoint(&self) -> Option<&str> {
        self.endpoints.eventbridge.as_deref()
    }
}

impl Endpoints {
    fn read<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Result<Self, ConfigError> {
        Ok(Self {
            batch: http::endpoint(vars, http::BATCH)?,
            sqs: http::endpoint(vars, http::SQS)?,
            eventbridge: http::endpoint(vars, http::EVENTBRIDGE)?,
        })
    }
}

/// How the names of a region's endpoints end, such as `eu-west-1.amazonaws.com`.
///
/// The SDK knows AWS's partitions, but shows them only in the endpoints of Batch.
pub(crate) async fn domain(region: &str, dual_stack: bool) -> Option<String> {
    let params = Params::builder().region(region).use_fips(false).use_dual_stack(dual_stack).build().ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
    endpoint.url().strip_prefix("https://batch.").map(ToOwned::to_owned)
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

#[cfg(feature = "profiles")]
async fn from_profile(pool: &Arc<Pool>) -> Result<SdkConfig, ConfigError> {
    Ok(aws_config::defaults(behavior()).http_client(pool.client()).load().await)
}

#[cfg(not(feature = "profiles"))]
#[expect(clippy::unused_async, reason = "with the feature, it loads profiles")]
async fn from_profile(_: &Arc<Pool>) -> Result<SdkConfig, ConfigError> {
    let needed = "credentials; build with `--features profiles` to use a profile, SSO or a role";
    Err(ConfigError::Missing { variable: "AWS_ACCESS_KEY_ID", needed })
}

fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Well below the time that a call has, so that it is this that ends one which does not connect.
fn connect_timeout(limits: &Limits) -> Duration {
    CONNECT_TIMEOUT.min(limits.attempt_timeout / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_leaves_time_for_the_call() {
        let limits = crate::config::Config::from_lookup(|_| None).unwrap().limits;
        for (attempt_ms, connect_ms) in
            [(100, 50), (1_000, 500), (3_000, 1_500), (5_000, 2_000), (60_000, 2_000)]
        {
            let limits = Limits { attempt_timeout: Duration::from_millis(attempt_ms), ..limits.clone() };
            assert_eq!(connect_timeout(&limits), Duration::from_millis(connect_ms), "{attempt_ms}");
        }
    }

    #[tokio::test]
    async fn every_partition_has_its_own_domain() {
        for (region, plain, dual_stack) in [
            ("eu-west-1", "amazonaws.com", "api.aws"),
            ("us-gov-west-1", "amazonaws.com", "api.aws"),
            ("cn-north-1", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu", "api.amazonwebservices.eu"),
            ("us-iso-east-1", "c2s.ic.gov", "api.aws.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov", "api.aws.scloud"),
            ("eu-isoe-west-1", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
            ("us-isof-south-1", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
            // A region of an emulator's.
            ("local", "amazonaws.com", "api.aws"),
        ] {
            assert_eq!(domain(region, false).await, Some(format!("{region}.{plain}")));
            assert_eq!(domain(region, true).await, Some(format!("{region}.{dual_stack}")));
        }
    }
}
