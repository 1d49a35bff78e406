//! The Lambda function's binary: wires the pieces and runs.

use std::process::ExitCode;
use std::sync::Arc;

use batch_canceller::aws::Aws;
use batch_canceller::batch::SdkBatch;
use batch_canceller::config::{Config, Level};
use batch_canceller::handler::{Function, handle};
use batch_canceller::log::{self, Log};
use batch_canceller::outlet::AwsOutlet;
use lambda_runtime::{Error, service_fn};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let (runtime, function) = match start() {
        Ok(started) => started,
        Err(error) => {
            tracing::error!("The function cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(function)) {
        Ok(()) => ExitCode::SUCCESS,
        // An invocation that could not be read cannot be answered either. Lambda learns of it by the end of the
        // process, and retries it where it would retry any other that failed.
        Err(error) => {
            tracing::error!(
                "The function ends: Lambda's runtime API failed, or an invocation's headers (such as its client \
                 context) could not be read: {error}. What was done stands in the lines before; an invocation \
                 without any was not begun"
            );
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(Runtime, Function<SdkBatch>), Error> {
    let config = Config::from_lookup(variable);
    let level = config.as_ref().map_or(Level::Info, |config| config.log_level);
    tracing::subscriber::set_global_default(log::subscriber(level, std::io::stdout))?;
    let config = config?;
    if let Some(policy) = &config.policy {
        tracing::info!(
            policySha256 = policy.sha256(),
            "The function starts under a policy with {} deny and {} allow clauses",
            policy.deny().len(),
            policy.allow().len()
        );
    }
    // One invocation at a time needs one thread; only Lambda Managed Instances send several.
    let concurrent = variable("AWS_LAMBDA_MAX_CONCURRENCY").is_some_and(|most| most != "1");
    let mut runtime = if concurrent { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = runtime.enable_all().build()?;
    let aws = runtime.block_on(Aws::from_env(&config.limits, variable))?;
    let batch = SdkBatch::new(&aws);
    let region = aws.region().map(ToOwned::to_owned);
    let log = Log::to_stdout(config.log_level);
    let function = Function::new(batch, config, region, log);
    Ok((runtime, function.with_outlet(Box::new(AwsOutlet::new(aws)))))
}

/// Takes invocations for as long as Lambda has some.
async fn serve(function: Function<SdkBatch>) -> Result<(), Error> {
    let function = Arc::new(function);
    lambda_runtime::run_concurrent(service_fn(move |event| {
        let function = Arc::clone(&function);
        async move { handle(&function, event).await }
    }))
    .await
}

/// An environment variable's value. One that is not Unicode counts too, so that it is refused and not
/// passed over.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
