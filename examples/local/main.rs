//! Runs the whole function on an embedded AWS Batch, in one command: `cargo run --example local`.
//!
//! The payloads in `events/` go through the same code as on Lambda: the handler's stages, the SDK's client and real
//! HTTP, with a simulated Batch at the other end. What is printed for each is the event, what Lambda would be
//! answered, what became of every request, and the jobs before and after.
//!
//! - [`args`]: the command line.
//! - [`payloads`]: what to send.
//! - [`lambda`]: what Lambda is to the function: its settings, contexts and the answer it gets.
//! - [`jobs`]: jobs before and after.
//! - [`show`]: all that is printed, with [`json`], [`table`] and [`paint`].

mod args;
mod jobs;
mod json;
mod lambda;
mod paint;
mod payloads;
mod show;
mod table;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use batch_canceller::log;

use args::{Command, Options};
use jobs::Ledger;
use lambda::Lambda;
use paint::Paint;
use payloads::Payload;
use show::Show;

/// The event that is sent once more with too little time left, which no payload can bring about.
const LATE: &str = "sqs-requests.json";

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "local: {error}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn start() -> Result<(), Box<dyn Error>> {
    match args::parse(std::env::args_os().skip(1))? {
        Command::Help => Ok(io::stdout().write_all(args::HELP.as_bytes())?),
        Command::Run(options) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&options))
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let payloads = payloads::read(&options.payloads)?;
    let config = lambda::config(&options.target)?;
    if options.logs {
        let subscriber = log::subscriber(config.log_level, io::stderr);
        tracing::subscriber::set_global_default(subscriber)?;
    }
    let (mut lambda, ledger) = Lambda::start(&options.target, config, options.logs).await?;
    let mut out = io::stdout().lock();
    if options.json {
        return print_answers(&mut out, &payloads, &mut lambda, options).await;
    }
    let mut show = Show::new(&mut out, Paint::for_stdout());
    show.opening(&lambda, &payloads)?;
    for payload in &payloads {
        show.event(payload)?;
        invoke(&mut show, payload, &mut lambda, &ledger, options.remaining()).await?;
    }
    if let Some(late) = payloads.iter().find(|payload| payload.name == LATE && options.is_tour()) {
        let remaining = lambda.too_little_time();
        show.event_again(late, remaining)?;
        invoke(&mut show, late, &mut lambda, &ledger, remaining).await?;
    }
    Ok(show.closing()?)
}

/// Prints nothing but what Lambda would be answered, a line for each payload.
async fn print_answers(
    out: &mut impl Write,
    payloads: &[Payload],
    lambda: &mut Lambda,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    for payload in payloads {
        let invocation = lambda.invoke(payload, options.remaining()).await;
        writeln!(out, "{}", invocation.answer.to_json()?)?;
    }
    Ok(out.flush()?)
}

/// Sends one payload and shows what came of it.
async fn invoke<W: Write>(
    show: &mut Show<W>,
    payload: &Payload,
    lambda: &mut Lambda,
    ledger: &Ledger,
    remaining: Duration,
) -> Result<(), Box<dyn Error>> {
    let before = ledger.open();
    let invocation = lambda.invoke(payload, remaining).await;
    show.answer(&invocation.answer)?;
    if let Some(report) = &invocation.report {
        show.results(report)?;
        show.jobs(ledger, &ledger.changes(&before, report))?;
    }
    Ok(())
}
