//! What Lambda is to the function: it starts it, hands it contexts and payloads, and takes its answers.

use std::env;
use std::error::Error;
use std::time::Duration;

use batch_canceller::batch::SdkBatch;
use batch_canceller::clock;
use batch_canceller::config::{Config, ConfigError};
use batch_canceller::handler::{Function, Keep, process};
use batch_canceller::log::Log;
use batch_canceller::reply::{InvocationError, Reply, reply};
use batch_canceller::report::Report;
use batch_sim::{Fleet, FleetError, Server, Simulator};
use lambda_runtime::{Context, Diagnostic};

use crate::args::Target;
use crate::jobs::Ledger;
use crate::payloads::Payload;

const FLEET: &str = include_str!("../fleet.json");

/// Where the fleet and the payloads live.
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

/// The function as it stands between invocations, warm after the first.
pub(crate) struct Lambda {
    function: Function<SdkBatch>,
    function_arn: String,
    deadline_reserve: Duration,
    invocations: usize,
    place: String,
    /// The embedded Batch listens as long as this lives.
    _server: Option<Server>,
}

/// One invocation, as the function saw it and as Lambda sees it.
pub(crate) struct Invocation {
    /// What became of every request; none when the payload was not recognised.
    pub(crate) report: Option<Report>,
    pub(crate) answer: Answer,
}

/// What Lambda is answered.
pub(crate) enum Answer {
    Reply(Reply),
    /// The invocation failed.
    Error(Diagnostic),
}

impl Answer {
    /// The document that an invoker would receive.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Reply(reply) => serde_json::to_string(reply),
            Self::Error(error) => serde_json::to_string(error),
        }
    }
}

impl Lambda {
    /// Starts the function against a Batch, and keeps book of the jobs there. With `logs`, its log goes to standard
    /// error.
    pub(crate) async fn start(
        target: &Target,
        config: Config,
        logs: bool,
    ) -> Result<(Self, Ledger), Box<dyn Error>> {
        let deadline_reserve = config.deadline_reserve;
        let mut server = None;
        let mut ledger = Ledger::Results;
        let (batch, region, place) = match target {
            Target::Embedded => {
                let sim = embedded()?;
                let listening = sim.serve().await?;
                let batch = SdkBatch::at(listening.url(), REGION, &config.limits)?;
                let place = format!("an embedded AWS Batch at {}", listening.url());
                server = Some(listening);
                ledger = Ledger::Embedded(sim);
                (batch, Some(REGION.to_owned()), place)
            }
            Target::At(url) => {
                let region = variable("AWS_REGION").unwrap_or_else(|| REGION.to_owned());
                let batch = SdkBatch::at(url, &region, &config.limits)?;
                (batch, Some(region), format!("the AWS Batch at {url}"))
            }
            Target::Aws => {
                let (batch, region) = SdkBatch::from_env(&config.limits, variable).await?;
                let named = region.as_deref().unwrap_or("no region");
                let place = format!("AWS Batch in {named}");
                (batch, region, place)
            }
        };
        let log = if logs {
            Log::new(std::io::stderr(), config.log_level)
        } else {
            Log::new(std::io::sink(), config.log_level)
        };
        let lambda = Self {
            function_arn: function_arn(target, region.as_deref()),
            function: Function::new(batch, config, region, log),
            deadline_reserve,
            invocations: 0,
            place,
            _server: server,
        };
        Ok((lambda, ledger))
    }

    /// Which Batch is called, in words.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// So little that all of it is kept in reserve, and nothing is tried.
    pub(crate) fn too_little_time(&self) -> Duration {
        self.deadline_reserve / 2
    }

    /// Invokes the function with a payload and so much time until its deadline.
    pub(crate) async fn invoke(&mut self, payload: &Payload, remaining: Duration) -> Invocation {
        self.invocations += 1;
        let mut context = Context::default();
        context.request_id = format!("local-{}", self.invocations);
        context.invoked_function_arn.clone_from(&self.function_arn);
        context.deadline = clock::unix_ms() + u64::try_from(remaining.as_millis()).unwrap_or(0);
        // The two halves of `handle`, since its answer alone does not hold every result.
        let (report, answer) =
            match process(&self.function, payload.json.clone(), &context, Keep::Always).await {
                Ok(report) => {
                    let answer = reply(&report);
                    (Some(report), answer)
                }
                Err(unknown) => (None, Err(InvocationError::from(unknown))),
            };
        let answer = match answer {
            Ok(reply) => Answer::Reply(reply),
            Err(error) => Answer::Error(error.into()),
        };
        Invocation { report, answer }
    }
}

/// The embedded Batch, with its jobs as they stand at first.
pub(crate) fn embedded() -> Result<Simulator, FleetError> {
    let sim = Simulator::new();
    sim.seed(&Fleet::from_json(FLEET)?);
    Ok(sim)
}

/// The function's settings: the environment's, and on the embedded Batch defaults under which the payloads show all
/// outcomes in little time. Elsewhere nothing is loosened: there may be real jobs.
pub(crate) fn config(target: &Target) -> Result<Config, ConfigError> {
    let embedded = *target == Target::Embedded;
    Config::from_lookup(|name| {
        let default = match name {
            "ALLOW_TERMINATE" => Some("true"),
            "CONFIRM_TIMEOUT_MS" => Some("400"),
            "MAX_ATTEMPTS" => Some("3"),
            "PATIENCE_MS" => Some("500"),
            _ => None,
        };
        variable(name).or_else(|| default.filter(|_| embedded).map(Into::into))
    })
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// On AWS nobody knows the account before asking, and job ARNs of another one than the function's are rejected: there
/// the function has a bare name instead, as under other local runners.
fn function_arn(target: &Target, region: Option<&str>) -> String {
    match (target, region) {
        (Target::Embedded | Target::At(_), Some(region)) => {
            format!("arn:aws:lambda:{region}:{ACCOUNT}:function:batch-canceller")
        }
        _ => "batch-canceller".to_owned(),
    }
}
