//! The command line.

use std::ffi::OsString;
use std::time::Duration;

/// What an invocation has of time, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const HELP: &str = "\
Runs the whole function on an embedded AWS Batch and shows what becomes of each request.

Usage: cargo run --example local -- [OPTIONS] [FILE…]

  FILE…               the payloads to send, `-` being standard input (default: every file in events/)
  --json              print only what Lambda would be answered, one JSON document a line
  --logs              write the function's log lines to standard error
  --remaining-ms N    how much of the function's time is left when it is invoked (default 30000)
  --endpoint URL      use the AWS Batch at this address, such as a running batch-sim
  --aws               use the real AWS Batch, with the environment's region and credentials
  --yes               confirm that jobs may be stopped there
  --help              this text

A request of your own, or a sweep such as events/direct-sweep.json, finds the jobs of examples/fleet.json; with
\"dryRun\": true it only says what it would do.

The function's settings are read from the environment as on Lambda. On the embedded AWS Batch three have other
defaults, so that the payloads show all there is in little time: ALLOW_TERMINATE=true, CONFIRM_TIMEOUT_MS=400 and
MAX_ATTEMPTS=3.

Exit status: 2 when a payload cannot be read or an option is wrong, otherwise 0, also when the function fails.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) target: Target,
    pub(crate) json: bool,
    pub(crate) logs: bool,
    remaining: Option<Duration>,
    /// Paths, or `-`; none for every sample.
    pub(crate) payloads: Vec<String>,
}

impl Options {
    /// What each invocation has of time.
    pub(crate) fn remaining(&self) -> Duration {
        self.remaining.unwrap_or(TIMEOUT)
    }

    /// Whether everything is to be shown, as nothing in particular was asked for.
    pub(crate) fn is_tour(&self) -> bool {
        self.payloads.is_empty() && self.remaining.is_none() && self.target == Target::Embedded
    }
}

/// The AWS Batch to call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Embedded,
    At(String),
    Aws,
}

/// Reads the arguments.
///
/// A Batch that is not the embedded one needs `--yes`, or nothing is sent at all.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut args =
        args.map(|arg| arg.into_string().map_err(|arg| format!("{} is not Unicode", arg.display())));
    let mut options =
        Options { target: Target::Embedded, json: false, logs: false, remaining: None, payloads: Vec::new() };
    let mut yes = false;
    while let Some(arg) = args.next().transpose()? {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || match inline.clone() {
            Some(value) => Ok(value),
            None => args.next().unwrap_or_else(|| Err(format!("{flag} needs a value"))),
        };
        match flag {
            "--help" | "-h" => return Ok(Command::Help),
            "--remaining-ms" => options.remaining = Some(remaining(&value()?)?),
            "--endpoint" => aim(&mut options.target, Target::At(endpoint(value()?)?))?,
            _ if inline.is_some() => return Err(unknown(&arg)),
            "--json" => options.json = true,
            "--logs" => options.logs = true,
            "--aws" => aim(&mut options.target, Target::Aws)?,
            "--yes" => yes = true,
            "-" => options.payloads.push(arg),
            _ if arg.starts_with('-') => return Err(unknown(&arg)),
            _ => options.payloads.push(arg),
        }
    }
    match &options.target {
        Target::At(url) if !yes => Err(format!("this may stop jobs at {url}: add --yes to go on")),
        Target::Aws if !yes => Err("this may stop jobs on AWS: add --yes to go on".to_owned()),
        _ => Ok(Command::Run(options)),
    }
}

fn unknown(arg: &str) -> String {
    format!("{arg} is not known; see --help")
}

fn aim(target: &mut Target, at: Target) -> Result<(), String> {
    if *target != Target::Embedded {
        return Err("give --endpoint or --aws once, and not both".to_owned());
    }
    *target = at;
    Ok(())
}

fn endpoint(url: String) -> Result<String, String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url)
    } else {
        Err(format!("--endpoint {url} is not a URL such as http://127.0.0.1:8000"))
    }
}

/// Not 0: a deadline that is not in the future means to the function that it is unknown.
fn remaining(ms: &str) -> Result<Duration, String> {
    match ms.parse() {
        Ok(ms @ 1..=900_000) => Ok(Duration::from_millis(ms)),
        _ => Err(format!("--remaining-ms {ms} is not a number from 1 to 900000")),
    }
}
