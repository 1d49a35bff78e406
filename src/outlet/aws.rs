//! SQS and EventBridge over the runtime under the SDK.
//!
//! The one operation here goes through the runtime that Batch's client has brought along, which signs, connects and
//! keeps time as it does for that one: it takes 40 kB of the package, and the SDK's two clients took 140.
//!
//! It does not pass on Lambda's trace header, as the SDK's clients do: by it, Lambda ends a chain of some sixteen
//! invocations that call each other through a queue, and the rest of a long sweep may take more.

use std::sync::{Arc, OnceLock};

use aws_config::Region;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::wire::{Answer, Call, PUT_EVENTS, Queue, SEND_MESSAGE, put_events, region_of_bus, send_message};
use super::{Event, Message, Outlet, OutletError};
use crate::aws::{Aws, Pool, domain};
use crate::batch::CallError;
use crate::batch::failure::call_error;

/// SQS and EventBridge. What it costs to call either is paid at the first call.
#[derive(Debug)]
pub struct AwsOutlet {
    aws: Aws,
    sqs: OnceLock<Line>,
    eventbridge: OnceLock<Line>,
}

/// What calls to one service have in common.
#[derive(Debug)]
struct Line {
    pool: Arc<Pool>,
    /// By how much the service's clock is ahead, as its answers tell.
    clock: SharedInterceptor,
}

impl AwsOutlet {
    /// SQS and EventBridge where and as whom the rest of AWS is called.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws, sqs: OnceLock::new(), eventbridge: OnceLock::new() }
    }

    async fn send_message(&self, message: &Message<'_>) -> Result<String, OutletError> {
        let queue = Queue::of(message.queue_arn)?;
        // Also where another endpoint is called: it is the queue's name there.
        let url = queue.url(&self.domain(queue.region, false).await?);
        let body = send_message(message, &url)?;
        let endpoint = self.aws.sqs_endpoint();
        self.call(&SEND_MESSAGE, &self.sqs, endpoint, queue.region, body).await?.sent()
    }

    async fn put_events(&self, bus: &str, events: &[Event]) -> Result<Vec<Option<OutletError>>, OutletError> {
        let Some(region) = region_of_bus(bus).or(self.aws.region()) else {
            return Err(OutletError { message: "there is no region to call".into(), is_passing: false });
        };
        let body = put_events(bus, events)?;
        let endpoint = self.aws.eventbridge_endpoint();
        self.call(&PUT_EVENTS, &self.eventbridge, endpoint, region, body).await?.published(events.len())
    }

    async fn call(
        &self,
        call: &'static Call,
        line: &OnceLock<Line>,
        endpoint: Option<&str>,
        region: &str,
        body: String,
    ) -> Result<Answer, OutletError> {
        let endpoint = match endpoint {
            Some(url) => url.to_owned(),
            None => self.endpoint(call, region).await?,
        };
        let line = line.get_or_init(|| Line {
            pool: self.aws.pool().another(),
            clock: SharedInterceptor::new(ServiceClockSkewInterceptor::new()),
        });
        let operation = self.operation(call, line, &endpoint, region);
        let operation = &operation;
        let make = || {
            let body = body.clone();
            async move { operation.invoke(body).await.map_err(|error| call_error(&error)) }
        };
        let limit = self.aws.attempt_timeout();
        let answer = timeout(limit, line.pool.call(make, |_| true)).await;
        Ok(answer.unwrap_or_else(|_| Err(CallError::timed_out(limit)))?)
    }

    async fn endpoint(&self, call: &Call, region: &str) -> Result<String, OutletError> {
        let config = self.aws.config();
        let (fips, dual_stack) =
            (config.use_fips().unwrap_or_default(), config.use_dual_stack().unwrap_or_default());
        let domain = self.domain(region, dual_stack).await?;
        Ok(format!("https://{}.{domain}", call.prefix(region, fips, dual_stack)))
    }

    async fn domain(&self, region: &str, dual_stack: bool) -> Result<String, OutletError> {
        domain(region, dual_stack)
            .await
            .ok_or_else(|| OutletError { message: format!("{region:?} has no endpoints"), is_passing: false })
    }

    /// The operation gives whatever is answered; what it means is [`super::wire`]'s matter.
    fn operation(
        &self,
        call: &'static Call,
        line: &Line,
        endpoint: &str,
        region: &str,
    ) -> Operation<String, Answer, ErrorMetadata> {
        let config = self.aws.config();
        let mut layer = Layer::new(call.service);
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(Region::new(region.to_owned()).into()),
            name: Some(call.endpoint.into()),
            ..SigV4OperationSigningConfig::default()
        });
        layer.store_put(ApiMetadata::new(call.endpoint, env!("CARGO_PKG_VERSION")));
        if let Some(timeouts) = config.timeout_config() {
            layer.store_put(timeouts.clone());
        }
        if let Some(protection) = config.stalled_stream_protection() {
            layer.store_put(protection);
        }
        let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new(call.service)
            .with_auth_scheme_option_resolver(Some(schemes))
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_identity_cache(config.identity_cache())
            .with_interceptor(line.clock.clone())
            .with_interceptor(UserAgentInterceptor::new());
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let shared =
            StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
        Operation::builder()
            .service_name(call.service)
            .operation_name(call.operation)
            .http_client(line.pool.client())
            .endpoint_url(endpoint)
            .no_retry()
            .runtime_plugin(shared)
            .serializer(|body: String| {
                let request = http::Request::post("/")
                    .header(CONTENT_TYPE, call.content_type)
                    .header("x-amz-target", call.target)
                    .body(SdkBody::from(body))?;
                Ok(HttpRequest::try_from(request)?)
            })
            .deserializer(|response| Ok(answer(response)))
            .build()
    }
}

fn answer(response: &HttpResponse) -> Answer {
    let header = |name: &str| response.headers().get(name);
    Answer {
        status: response.status().as_u16(),
        code: header("x-amzn-errortype").or_else(|| header("x-amzn-query-error")).map(ToOwned::to_owned),
        body: response.body().bytes().unwrap_or_default().to_vec(),
    }
}

impl Outlet for AwsOutlet {
    fn send<'a>(&'a self, message: &'a Message<'a>) -> BoxFuture<'a, Result<String, OutletError>> {
        self.send_message(message).boxed()
    }

    fn publish<'a>(
        &'a self,
        bus: &'a str,
        events: &'a [Event],
    ) -> BoxFuture<'a, Result<Vec<Option<OutletError>>, OutletError>> {
        self.put_events(bus, events).boxed()
    }
}

#[cfg(test)]
mod tests;
