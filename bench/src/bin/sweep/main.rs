//! `sweep`: one command on one queue of any size, and what that took, as a line of JSON. See `bench/sweep`.
//!
//! - `queue`: a job queue at a byte a job, pure.
//! - `server`: the queue behind a socket.

mod queue;
mod server;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use bench::process::{self, Process};
use bench::runtime_api::{self, Invocation, Signal};
use clap::Parser;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use queue::{Layout, Queue};
use server::Server;

/// The longest that a function may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// What Lambda gives an invocation at the most.
const DEADLINE: Duration = Duration::from_mins(15);

/// Runs one command on a queue of its own, and prints what that took.
#[derive(Debug, Parser)]
#[command(
    after_help = "Ends with 1 if not all jobs that are wanted were stopped, or others were, or it was said so."
)]
struct Args {
    /// Jobs in the queue.
    #[arg(long)]
    jobs: usize,
    /// Those to be cancelled, whose names begin with `etl-`.
    #[arg(long)]
    wanted: usize,
    /// Where they are.
    #[arg(long, value_enum, default_value = "even")]
    layout: Layout,
    /// What the command is to find has no filter of Batch's, so that no page of one counts as possible.
    #[arg(long)]
    unfiltered: bool,
    /// How long a call takes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    latency: u64,
    /// The event of a function. Without one, the command is a script, which ends by itself.
    #[arg(long)]
    event: Option<String>,
    /// Where what the command prints is kept.
    #[arg(long)]
    log: PathBuf,
    /// The command, its arguments last.
    #[arg(required = true, last = true)]
    argv: Vec<String>,
}

/// What a command was seen to use.
#[derive(Debug, Default)]
struct Used {
    time: Duration,
    /// Of the invocation alone, where there is one.
    cpu: Duration,
    peak_bytes: u64,
    answer: Option<Value>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "sweep: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    if args.wanted > args.jobs {
        return Err("there cannot be more wanted jobs than jobs".into());
    }
    let queue = Queue::new(args.jobs, args.wanted, args.layout);
    let least = queue.least(!args.unfiltered);
    let server = Server::start(queue, Duration::from_millis(args.latency))?;
    let endpoint = format!("http://{}", server.address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let used = runtime.block_on(async {
        match &args.event {
            Some(event) => invoked(args, event, &endpoint).await,
            None => script(args, &endpoint).await,
        }
    })?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let world = server.world();
    let (cancelled, wrong) = world.queue.stopped();
    let claimed = claims(&args.log)?;
    let seen = world.seen.clone();
    let record = json!({
        "jobs": args.jobs, "wanted": args.wanted, "latencyMs": args.latency,
        "cancelled": cancelled, "wrong": wrong, "claimed": claimed,
        "least": least, "calls": seen.calls, "failedCalls": seen.failed,
        "connections": seen.connections, "mostInFlight": seen.most_in_flight,
        "seconds": used.time.as_secs_f64(), "cpuSeconds": used.cpu.as_secs_f64(),
        "userSeconds": duration(usage.user_time()).as_secs_f64(),
        "systemSeconds": duration(usage.system_time()).as_secs_f64(),
        "peakBytes": used.peak_bytes, "logBytes": fs::metadata(&args.log)?.len(),
        "serverCpuSeconds": seen.cpu.as_secs_f64(), "answer": used.answer,
    });
    writeln!(io::stdout(), "{record}")?;
    Ok(cancelled == args.wanted && wrong == 0 && (args.event.is_none() || claimed == args.wanted))
}

/// Runs a script to its end.
async fn script(args: &Args, endpoint: &str) -> Result<Used, Box<dyn Error>> {
    let env = process::environment(endpoint, "");
    let started = Instant::now();
    let mut process = Process::start(&args.argv, &env, &args.log)?;
    let status = process.exit().await?;
    let time = started.elapsed();
    if !status.success() {
        return Err(format!("{}: {status}; see {}", args.argv.join(" "), args.log.display()).into());
    }
    // All of the children's, which are this one and its own.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(Used {
        time,
        cpu: duration(usage.user_time()) + duration(usage.system_time()),
        peak_bytes: u64::try_from(usage.max_rss()).unwrap_or_default() * 1024,
        answer: None,
    })
}

/// Hands one event to a function, and waits for its answer.
async fn invoked(args: &Args, event: &str, endpoint: &str) -> Result<Used, Box<dyn Error>> {
    const REQUEST: &str = "8476a536-e9f4-11e8-9739-000000000000";
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let env = process::environment(endpoint, &listener.local_addr()?.to_string());
    let (signal, mut signals) = mpsc::unbounded_channel();
    let lambda = tokio::spawn(runtime_api::serve(listener, signal));
    let process = Process::start(&args.argv, &env, &args.log)?;
    let gauge = process.gauge();
    let Some(Signal::Next { give, .. }) = timeout(PATIENCE, signals.recv()).await? else {
        return Err("the function did not start".into());
    };
    let (before, handed) = (gauge.cpu(), Instant::now());
    let invocation =
        Invocation { request: REQUEST.to_owned(), time: DEADLINE, payload: event.to_owned().into() };
    give.send(invocation).map_err(|_| "the function left")?;
    let answer = timeout(DEADLINE, signals.recv()).await?;
    let Some(Signal::Answer { at, body, is_error, .. }) = answer else {
        return Err("the function did something else than to answer".into());
    };
    // It frees and writes what it has, and then asks for more.
    let _ = timeout(PATIENCE, signals.recv()).await?;
    let used = Used {
        time: at - handed,
        cpu: gauge.cpu().saturating_sub(before),
        peak_bytes: gauge.peak_bytes().unwrap_or_default(),
        answer: Some(serde_json::from_slice(&body).unwrap_or(Value::Null)),
    };
    process.kill().await;
    lambda.abort();
    if is_error {
        return Err(format!("the function failed: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(used)
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default())
}

/// How many jobs a log says were cancelled.
fn claims(log: &Path) -> io::Result<usize> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        job_id: Option<&'a str>,
        outcome: Option<&'a str>,
    }
    let mut claims = 0;
    for line in BufReader::new(fs::File::open(log)?).lines() {
        let line = line?;
        if let Ok(Line { job_id: Some(_), outcome: Some("cancelled") }) = serde_json::from_str(&line) {
            claims += 1;
        }
    }
    Ok(claims)
}
