//! `batch-sim`: the embedded AWS Batch as a program, for local runs.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::{fs, future, io};

use batch_sim::{Fleet, Simulator};

const HELP: &str = "\
An embedded AWS Batch: jobs in memory, moved only by calls.

Usage: batch-sim [--port N] [--host ADDRESS] [--fleet FILE]

  --port N        the port; 0 takes a free one (default 0)
  --host ADDRESS  the IP address to listen on (default 127.0.0.1)
  --fleet FILE    the jobs, settings and faults to start from, as JSON
  --help          this text

Point any AWS SDK or CLI at it by AWS_ENDPOINT_URL_BATCH. Steer it by HTTP under /_sim/.
";

#[derive(Debug)]
struct Args {
    address: SocketAddr,
    fleet: Option<String>,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => return print(HELP).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(problem) => return fail(&problem),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem),
    }
}

/// The arguments, or `None` if only help is wanted.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = 0;
    let mut fleet = None;
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--port" => port = number(&value()?)?,
            "--host" => host = ip(&value()?)?,
            "--fleet" => fleet = Some(value()?),
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{arg} is not known; see --help")),
        }
    }
    let address = SocketAddr::new(host, port);
    Ok(Some(Args { address, fleet }))
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("--port {text} is not a port from 0 to 65535"))
}

fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("--host {text} is not an IP address"))
}

fn run(args: &Args) -> Result<(), String> {
    let sim = Simulator::new();
    if let Some(path) = &args.fleet {
        let json = fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
        sim.seed(&Fleet::from_json(&json).map_err(|e| format!("{path} is {e}"))?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    runtime.block_on(async {
        let address = args.address;
        let server = sim.serve_on(address).await;
        let server = server.map_err(|e| format!("cannot listen on {address}: {e}"))?;
        let url = server.url();
        print(&format!("listening on {url}\nAWS_ENDPOINT_URL_BATCH={url}\n"))
            .map_err(|e| format!("cannot print: {e}"))?;
        // Ctrl-C ends the process.
        future::pending().await
    })
}

/// Flushed, so that a parent process can wait for the line.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn fail(problem: &str) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "batch-sim: {problem}");
    ExitCode::from(2)
}
