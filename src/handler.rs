//! One invocation, from payload to reply.

use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::batch::BatchApi;
use crate::config::Config;
use crate::executor::{Memory, carry_out};
use crate::plan::Plan;
use crate::reply::{InvocationError, Reply, reply};
use crate::report::Report;
use crate::request::Rules;
use crate::trigger::{UnknownPayload, deliveries};
use crate::{clock, deadline, telemetry};

/// What lasts from one invocation to the next.
#[derive(Debug)]
pub struct Function<B> {
    batch: B,
    config: Config,
    region: Option<String>,
    memory: Memory,
}

impl<B: BatchApi> Function<B> {
    /// A function that calls `batch`, which is in `region`.
    #[must_use]
    pub fn new(batch: B, config: Config, region: Option<String>) -> Self {
        let memory = Memory::new(config.bulk);
        Self { batch, config, region, memory }
    }

    fn rules<'a>(&'a self, context: &'a Context) -> Rules<'a> {
        Rules {
            region: self.region.as_deref(),
            account: account(&context.invoked_function_arn),
            allow_terminate: self.config.allow_terminate,
        }
    }
}

/// Handles one invocation.
///
/// The payload stays unparsed until it is known what it is: one that fails a typed deserialisation would
/// never get here, and could not be reported on.
///
/// # Errors
///
/// When the payload is unknown, or when something is not settled and the source takes no partial answer.
pub async fn handle<B: BatchApi>(
    function: &Function<B>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Reply, InvocationError> {
    let LambdaEvent { payload, context } = event;
    reply(&process(function, payload, &context).await?)
}

/// Deals with every request of a payload.
///
/// # Errors
///
/// When the payload is unknown.
pub async fn process<B: BatchApi>(
    function: &Function<B>,
    payload: Box<RawValue>,
    context: &Context,
) -> Result<Report, UnknownPayload> {
    let begun = Instant::now();
    let Function { batch, config, memory, .. } = function;
    let deliveries = deliveries(&payload, &function.rules(context), &context.request_id)
        .inspect_err(|unknown| telemetry::log_unknown(unknown, &context.request_id))?;
    drop(payload);
    let plan = Plan::new(&deliveries);
    let budget = deadline::budget(context.deadline, clock::unix_ms(), config.deadline_reserve);
    let execution = carry_out(batch, &plan.jobs, &config.limits, memory, budget).await;
    let report = Report::new(deliveries, plan, execution);
    telemetry::log(&report, &context.request_id, begun.elapsed());
    Ok(report)
}

/// The account in a function's ARN, where it is one (`cargo lambda watch` sends something else).
fn account(function_arn: &str) -> Option<&str> {
    match function_arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", _, account, _] => Some(account),
        _ => None,
    }
}
