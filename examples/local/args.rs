//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, value_parser};

/// What an invocation has of time, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

const NOTES: &str = "\
Examples:
  cargo run --example local -- --verbose events/sqs-fifo.json
  echo '{\"jobId\": \"ac8efe12-1c59-49f1-ba2d-de83458bfed0\", \"reason\": \"Not needed.\"}' |
    cargo run --example local -- -

A request of your own, or a sweep such as events/direct-sweep.json, finds the jobs of --jobs; with
\"dryRun\": true it only says what it would do.

The function's settings are read from the environment as on Lambda. On the embedded AWS Batch four
have other defaults, so that the payloads show all there is in little time: ALLOW_TERMINATE=true,
CONFIRM_TIMEOUT_MS=400, MAX_ATTEMPTS=3 and PATIENCE_MS=500.

Exit status:
  0  every payload was sent, also when the function fails
  2  a payload cannot be read or is empty, or an option is wrong: nothing was sent";

/// Run the whole function on an embedded AWS Batch, and show what becomes of each request.
///
/// For each event there is a table: the job, the outcome, its status before and after, why, and which SQS messages come
/// back.
#[derive(Debug, Parser)]
#[command(name = "local", bin_name = "cargo run --example local --", max_term_width = 100, after_help = NOTES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct Args {
    /// The payloads to send: files, directories of .json files, `-` for standard input [default: events/].
    #[arg(value_name = "FILE")]
    pub(crate) payloads: Vec<PathBuf>,
    /// Show each event, the whole answer, and the jobs before and after as well; JSON within strings is laid out too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// List the jobs of the embedded AWS Batch (examples/fleet.json), and send nothing.
    #[arg(long, conflicts_with_all = ["payloads", "verbose", "json", "logs", "remaining_ms", "endpoint", "aws"])]
    pub(crate) jobs: bool,
    /// Print only what Lambda would be answered, one JSON document a line.
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) json: bool,
    /// Write the function's log lines to standard error.
    #[arg(long)]
    pub(crate) logs: bool,
    /// How much of the function's time is left when it is invoked, from 1 to 900000 [default: 30000].
    // Not 0: a deadline that is not in the future means to the function that it is unknown.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=900_000))]
    remaining_ms: Option<u64>,
    /// Use the AWS Batch at this address, such as a running batch-sim; needs --yes.
    #[arg(long, value_name = "URL", value_parser = endpoint, conflicts_with = "aws")]
    endpoint: Option<String>,
    /// Use the real AWS Batch, with the environment's region and credentials; needs --yes.
    #[arg(long)]
    aws: bool,
    /// Confirm that jobs may be stopped there.
    #[arg(long)]
    yes: bool,
}

/// The AWS Batch to call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Embedded,
    At(String),
    Aws,
}

impl Args {
    /// Which Batch is meant. One that is not the embedded one needs `--yes`, or nothing is sent at all.
    pub(crate) fn target(&self) -> Result<Target, String> {
        match &self.endpoint {
            Some(url) if !self.yes => Err(format!("this may stop jobs at {url}: add --yes to go on")),
            None if self.aws && !self.yes => Err("this may stop jobs on AWS: add --yes to go on".to_owned()),
            Some(url) => Ok(Target::At(url.clone())),
            None if self.aws => Ok(Target::Aws),
            None => Ok(Target::Embedded),
        }
    }

    /// What each invocation has of time.
    pub(crate) fn remaining(&self) -> Duration {
        self.remaining_ms.map_or(TIMEOUT, Duration::from_millis)
    }

    /// Whether everything is to be shown, as nothing in particular was asked for.
    pub(crate) fn is_tour(&self) -> bool {
        self.payloads.is_empty() && self.remaining_ms.is_none() && self.endpoint.is_none() && !self.aws
    }
}

fn endpoint(url: &str) -> Result<String, String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url.to_owned())
    } else {
        Err("write a URL such as http://127.0.0.1:8000".to_owned())
    }
}
