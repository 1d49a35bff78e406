//! Runs the whole function on an embedded AWS Batch, in one command: `cargo run --example local`.
//!
//! The payloads in `events/` go through the same code as on Lambda: the handler's stages, the SDK's client and real
//! HTTP, with a simulated Batch at the other end. What is printed for each is what became of every request; with
//! `--verbose` also the event, what Lambda would be answered, and the jobs before and after.
//!
//! - [`args`]: the command line.
//! - [`payloads`]: what to send.
//! - [`lambda`]: what Lambda is to the function: its settings, contexts and the answer it gets.
//! - [`jobs`]: jobs before and after; [`fleet`]: those there are.
//! - [`show`]: all that is printed about invocations, on the [`screen`], with JSON as [`layout`] has it.

mod args;
mod fleet;
mod jobs;
mod lambda;
mod layout;
mod payloads;
mod screen;
mod show;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use batch_canceller::log;
use clap::Parser;

use args::Args;
use jobs::Ledger;
use lambda::Lambda;
use payloads::Payload;
use screen::{Screen, escaped, on_one_line};
use show::Show;

/// The event that is sent once more with too little time left, which no payload can bring about.
const LATE: &str = "sqs-requests.json";

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "local: {}", on_one_line(&error.to_string()));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn start(args: &Args) -> Result<(), Box<dyn Error>> {
    if args.jobs {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", fleet::list(&lambda::embedded()?, Screen::stdout()))?;
        return Ok(out.flush()?);
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(args))
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let target = args.target()?;
    let payloads = payloads::read(&args.payloads)?;
    let config = lambda::config(&target)?;
    if args.logs {
        let subscriber = log::subscriber(config.log_level, io::stderr);
        tracing::subscriber::set_global_default(subscriber)?;
    }
    let (mut lambda, ledger) = Lambda::start(&target, config, args.logs).await?;
    let mut out = io::stdout().lock();
    if args.json {
        return print_answers(&mut out, &payloads, &mut lambda, args.remaining()).await;
    }
    let ledger = args.verbose.then_some(&ledger);
    let mut show = Show::new(&mut out, Screen::stdout(), args.verbose);
    show.opening(&lambda, &payloads)?;
    for payload in &payloads {
        show.event(payload)?;
        invoke(&mut show, payload, &mut lambda, ledger, args.remaining()).await?;
    }
    if let Some(late) = payloads.iter().find(|payload| payload.name == LATE && args.is_tour()) {
        let remaining = lambda.too_little_time();
        show.event_again(late, remaining)?;
        invoke(&mut show, late, &mut lambda, ledger, remaining).await?;
    }
    Ok(show.closing()?)
}

/// Prints nothing but what Lambda would be answered, a line for each payload.
async fn print_answers(
    out: &mut impl Write,
    payloads: &[Payload],
    lambda: &mut Lambda,
    remaining: Duration,
) -> Result<(), Box<dyn Error>> {
    for payload in payloads {
        let invocation = lambda.invoke(payload, remaining).await;
        writeln!(out, "{}", escaped(&invocation.answer.to_json()?))?;
    }
    Ok(out.flush()?)
}

/// Sends one payload and shows what came of it.
async fn invoke<W: Write>(
    show: &mut Show<W>,
    payload: &Payload,
    lambda: &mut Lambda,
    ledger: Option<&Ledger>,
    remaining: Duration,
) -> Result<(), Box<dyn Error>> {
    let before = ledger.map(Ledger::open);
    let invocation = lambda.invoke(payload, remaining).await;
    show.invocation(payload, &invocation)?;
    if let (Some(ledger), Some(before), Some(report)) = (ledger, before, &invocation.report) {
        show.jobs(ledger, &ledger.changes(&before, report))?;
    }
    Ok(())
}
