//! One episode: a fresh fake AWS and a fresh process, some invocations, and what came of them.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use batch_sim::{Job, JobStatus, JobView, Operation, Simulator};
use bench::process::{self, Gauge, Process};
use bench::runtime_api::{self, Invocation, Signal};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::args::Command;
use crate::event::{self, Event};
use crate::front::{self, Identity};
use crate::ledger::{self, Answer};
use crate::machine;
use crate::scenario::Scenario;
use crate::stats::{median, real};

/// The longest that a function may take to start, and to ask for more after an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What one episode showed. Times are in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// Why it went no further, if it did not.
    pub(crate) failure: Option<String>,
    /// From just before the process is started to its first request for an invocation.
    pub(crate) start_ms: Option<f64>,
    pub(crate) start_cpu_ms: Option<f64>,
    /// The first invocation, from handing it out to having read the answer; its CPU time ends with the next
    /// request for an invocation.
    pub(crate) first_ms: Option<f64>,
    pub(crate) first_cpu_ms: Option<f64>,
    /// The median of the later ones.
    pub(crate) warm_ms: Option<f64>,
    pub(crate) warm_cpu_ms: Option<f64>,
    /// The slowest of all.
    pub(crate) slowest_ms: Option<f64>,
    /// CPU time of the warm invocations, or else of the first, for each job cancelled in them.
    pub(crate) cpu_us_per_cancel: Option<f64>,
    pub(crate) peak_mib: Option<f64>,
    /// Calls to the fake Batch, for each invocation.
    pub(crate) calls: Option<f64>,
    /// How often each operation was called, all invocations together.
    pub(crate) operations: BTreeMap<Operation, usize>,
    /// Calls that were answered with an error, or not at all.
    pub(crate) failed_calls: usize,
    pub(crate) connections: usize,
    /// The most calls under way at the same time.
    pub(crate) in_flight: usize,
    pub(crate) records: usize,
    pub(crate) cancelled: usize,
    pub(crate) returned: usize,
    pub(crate) needless: usize,
    /// Invocations that ended with an error, or not in time.
    pub(crate) errors: usize,
    /// Acknowledged although the job is not cancelled.
    pub(crate) lost: usize,
    /// Reported as cancelled although it is not.
    pub(crate) false_claims: usize,
    /// Reported as cancelled, rightly or not.
    pub(crate) claims: usize,
    /// CPUs' worth of work that this machine did for others meanwhile.
    pub(crate) others_cpus: f64,
}

impl Measured {
    /// Whether the function did its work and told the truth about it.
    pub(crate) fn is_clean(&self) -> bool {
        self.failure.is_none() && self.lost == 0 && self.false_claims == 0
    }
}

/// One invocation, seen from outside.
#[derive(Debug)]
struct Turn {
    took: Duration,
    cpu: Duration,
    answer: Answer,
}

/// What `drive` saw, as far as it came.
#[derive(Debug, Default)]
struct Observed {
    /// Time and CPU time until the process asked for its first invocation.
    start: Option<(Duration, Duration)>,
    turns: Vec<Turn>,
    cpu: Duration,
    peak_bytes: Option<u64>,
}

/// Runs a command once. All commands get the same events and the same dice in the same repetition.
///
/// # Errors
///
/// When the fakes cannot be set up. Whatever the command does wrong is in the answer instead.
pub(crate) async fn run(
    command: &Command,
    scenario: &Scenario,
    repetition: usize,
    identity: &Identity,
    log: &Path,
) -> Result<Measured, Box<dyn Error>> {
    let seed = u64::try_from(repetition)? * 1_000_003;
    let events: Vec<_> =
        (0..scenario.invocations).zip(seed..).map(|(_, seed)| event::build(scenario.size, seed)).collect();
    let sim = simulator(scenario, &events, seed);
    let batch = sim.serve_on_thread()?;

    let mut servers = JoinSet::new();
    let (mut endpoint, mut trust) = (batch.url().to_owned(), Vec::new());
    if scenario.tls {
        let upstream: SocketAddr = endpoint.trim_start_matches("http://").parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        endpoint = format!("https://{}", listener.local_addr()?);
        trust = trusting(identity);
        servers.spawn(front::serve(listener, identity.acceptor.clone(), upstream));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let env = environment(command, scenario, &endpoint, &listener.local_addr()?.to_string(), trust);
    let (signal, mut signals) = mpsc::unbounded_channel();
    servers.spawn(runtime_api::serve(listener, signal));

    let (busy, own) = (machine::busy(), machine::own());
    let started = Instant::now();
    let mut process = match Process::start(&command.argv, &env, log) {
        Ok(process) => process,
        Err(error) => {
            let failure = format!("{} cannot be started: {error}", command.argv.join(" "));
            return Ok(Measured { failure: Some(failure), ..Measured::default() });
        }
    };
    let mut observed = Observed::default();
    let outcome = tokio::select! {
        outcome = drive(&mut observed, process.gauge(), &mut signals, scenario, &sim, &events, started) => outcome,
        how = process.ended() => Err(how),
    };
    process.kill().await;
    let others = machine::busy().saturating_sub(busy + machine::own().saturating_sub(own) + observed.cpu);

    let said = fs::read(log).unwrap_or_default();
    let mut measured = judge(&sim, &events, &observed, &String::from_utf8_lossy(&said));
    measured.failure = outcome.err();
    measured.others_cpus = others.as_secs_f64() / started.elapsed().as_secs_f64();
    Ok(measured)
}

/// A Batch that has the events' jobs, all waiting to run.
fn simulator(scenario: &Scenario, events: &[Event], seed: u64) -> Simulator {
    let sim = Simulator::new();
    for record in events.iter().flat_map(|event| &event.records) {
        let job = Job::new(&record.job).name("nightly").queue("production");
        sim.add(
            (0..scenario.tags)
                .fold(job, |job, tag| job.tag(format!("cost-center-{tag}"), "4711 ".repeat(16))),
        );
    }
    sim.settings(|settings| {
        scenario.apply_to(settings);
        settings.seed = seed;
    });
    sim
}

/// How each of the common TLS libraries is told what to trust.
fn trusting(identity: &Identity) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let bundle = text(&identity.bundle);
    vec![
        ("SSL_CERT_FILE", bundle.clone()),
        ("AWS_CA_BUNDLE", bundle),
        // Node adds it to the roots that it has built in.
        ("NODE_EXTRA_CA_CERTS", text(&identity.authority)),
    ]
}

/// What every function is given, what to trust, and what the scenario and the command ask for.
fn environment(
    command: &Command,
    scenario: &Scenario,
    batch: &str,
    runtime_api: &str,
    trust: Vec<(&'static str, String)>,
) -> Vec<(String, String)> {
    let mut env = process::environment(batch, runtime_api);
    env.extend(trust.into_iter().map(|(name, value)| (name.to_owned(), value)));
    env.extend(scenario.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    env.extend(command.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    env
}

/// Plays Lambda: hands out the events one after the other.
async fn drive(
    observed: &mut Observed,
    gauge: Gauge,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    scenario: &Scenario,
    sim: &Simulator,
    events: &[Event],
    started: Instant,
) -> Result<(), String> {
    let (asked, mut give) = next(signals).await?;
    observed.cpu = gauge.cpu();
    observed.start = Some((asked - started, observed.cpu));
    // Only now, so that what lasts a while strikes all alike, however long they take to start.
    for fault in scenario.faults() {
        sim.fault(fault);
    }
    for (number, event) in events.iter().enumerate() {
        let request = format!("8476a536-e9f4-11e8-9739-{number:012x}");
        let payload = event.payload.clone().into();
        let before = gauge.cpu();
        let handed = Instant::now();
        let invocation = Invocation { request: request.clone(), time: scenario.timeout, payload };
        give.send(invocation).map_err(|_| "the process left while it waited for an invocation")?;
        let answer = timeout(scenario.timeout, self::answer(signals, &request)).await;
        let in_time = answer.is_ok();
        let (answered, answer) = answer.unwrap_or_else(|_| Ok((Instant::now(), Answer::Error)))?;
        let asked = if in_time { next(signals).await.map(Some) } else { Ok(None) };
        // The answer stands, whatever becomes of the process.
        observed.cpu = gauge.cpu();
        observed.peak_bytes = gauge.peak_bytes();
        observed.turns.push(Turn {
            took: answered - handed,
            cpu: observed.cpu.saturating_sub(before),
            answer,
        });
        // Lambda ends whoever is late.
        let Some((_, next)) = asked? else { break };
        give = next;
    }
    Ok(())
}

async fn next(
    signals: &mut mpsc::UnboundedReceiver<Signal>,
) -> Result<(Instant, oneshot::Sender<Invocation>), String> {
    let signal = timeout(PATIENCE, signal(signals)).await;
    match signal.map_err(|_| format!("nothing came for {} s", PATIENCE.as_secs()))?? {
        Signal::Next { at, give } => Ok((at, give)),
        Signal::InitError(body) => Err(format!("it could not start: {}", String::from_utf8_lossy(&body))),
        Signal::Answer { request, .. } => Err(format!("it answered {request} twice, or out of turn")),
    }
}

async fn answer(
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    expected: &str,
) -> Result<(Instant, Answer), String> {
    match signal(signals).await? {
        Signal::Answer { at, request, body, is_error } if request == expected => {
            Ok((at, if is_error { Answer::Error } else { Answer::Response(body.to_vec()) }))
        }
        _ => Err(format!("it did something else than to answer {expected}")),
    }
}

async fn signal(signals: &mut mpsc::UnboundedReceiver<Signal>) -> Result<Signal, String> {
    signals.recv().await.ok_or_else(|| "the fake Runtime API stopped".to_owned())
}

/// Puts together what was seen from outside and what the fake Batch knows.
fn judge(sim: &Simulator, events: &[Event], observed: &Observed, log: &str) -> Measured {
    let stopped: HashSet<String> = sim.jobs().into_iter().filter(is_stopped).map(|job| job.id).collect();
    let is_cancelled = |job: &str| stopped.contains(job);
    let claims = ledger::claims(log, is_cancelled);
    let calls = sim.calls();
    let mut measured = Measured {
        failed_calls: calls.iter().filter(|call| call.status != 200).count(),
        connections: sim.connections(),
        in_flight: sim.high_water(),
        claims: claims.made,
        false_claims: claims.wrong,
        start_ms: observed.start.map(|(time, _)| ms(time)),
        start_cpu_ms: observed.start.map(|(_, cpu)| ms(cpu)),
        peak_mib: observed.peak_bytes.map(|bytes| real(usize::try_from(bytes / 1024).unwrap_or(0)) / 1024.0),
        ..Measured::default()
    };
    for call in &calls {
        *measured.operations.entry(call.operation).or_default() += 1;
    }
    let mut cancelled = Vec::new();
    for (turn, event) in observed.turns.iter().zip(events) {
        let account = ledger::settle(&event.records, &turn.answer, is_cancelled);
        cancelled.push(account.cancelled);
        measured.records += event.records.len();
        measured.cancelled += account.cancelled;
        measured.returned += account.returned;
        measured.needless += account.needless;
        measured.lost += account.lost;
        measured.errors += usize::from(matches!(turn.answer, Answer::Error));
    }
    if !observed.turns.is_empty() {
        measured.calls = Some(real(calls.len()) / real(observed.turns.len()));
    }
    if let Some((first, warm)) = observed.turns.split_first() {
        measured.first_ms = Some(ms(first.took));
        measured.first_cpu_ms = Some(ms(first.cpu));
        measured.warm_ms = median(&warm.iter().map(|turn| ms(turn.took)).collect::<Vec<_>>());
        measured.slowest_ms = observed.turns.iter().map(|turn| ms(turn.took)).max_by(f64::total_cmp);
        measured.warm_cpu_ms = median(&warm.iter().map(|turn| ms(turn.cpu)).collect::<Vec<_>>());
    }
    let skipped = usize::from(observed.turns.len() > 1);
    let cpu: Duration = observed.turns.iter().skip(skipped).map(|turn| turn.cpu).sum();
    let jobs: usize = cancelled.iter().skip(skipped).sum();
    measured.cpu_us_per_cancel = (jobs > 0).then(|| ms(cpu) * 1000.0 / real(jobs));
    measured
}

fn is_stopped(job: &JobView) -> bool {
    job.status == JobStatus::Failed && (job.is_cancelled || job.is_terminated)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
