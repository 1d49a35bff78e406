//! The Lambda function's binary: wires the pieces and runs.

use std::process::ExitCode;
use std::sync::Arc;

use batch_canceller::batch::SdkBatch;
use batch_canceller::config::{Config, Level};
use batch_canceller::handler::{Function, handle};
use batch_canceller::log::{self, Log};
use lambda_runtime::{Error, service_fn};

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("The function cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Error> {
    let config = Config::from_lookup(variable);
    let level = config.as_ref().map_or(Level::Info, |config| config.log_level);
    tracing::subscriber::set_global_default(log::subscriber(level, std::io::stdout))?;
    let config = config?;
    // One invocation at a time needs one thread; only Lambda Managed Instances send several.
    let concurrent = variable("AWS_LAMBDA_MAX_CONCURRENCY").is_some_and(|most| most != "1");
    let mut runtime = if concurrent {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    runtime.enable_all().build()?.block_on(run(config))
}

async fn run(config: Config) -> Result<(), Error> {
    let (batch, region) = SdkBatch::from_env(&config.limits, variable).await?;
    let log = Log::to_stdout(config.log_level);
    let function = Arc::new(Function::new(batch, config, region, log));
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
