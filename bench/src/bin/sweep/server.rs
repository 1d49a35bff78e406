//! The queue behind a socket, on a thread of its own: how often each operation was called, and what answering cost.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use nix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::queue::{Answer, Queue};

/// What is known of a queue, and what it was asked.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) queue: Queue,
    pub(crate) seen: Seen,
}

/// What was asked of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: BTreeMap<&'static str, u64>,
    pub(crate) failed: u64,
    pub(crate) connections: u64,
    pub(crate) most_in_flight: u64,
    in_flight: u64,
    /// What the thread has used so far.
    pub(crate) cpu: Duration,
}

/// A server that runs until the program ends.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
}

impl Server {
    /// Serves a queue, each answer so long after its question.
    pub(crate) fn start(queue: Queue, latency: Duration) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let world = Arc::new(Mutex::new(World { queue, seen: Seen::default() }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&world);
        thread::Builder::new().name("queue".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                serve(&listener, &shared, latency).await;
            });
        })?;
        Ok(Self { address, world })
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

async fn serve(listener: &tokio::net::TcpListener, world: &Arc<Mutex<World>>, latency: Duration) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without it answers would only be slower.
        let _ = stream.set_nodelay(true);
        let world = Arc::clone(world);
        lock(&world).seen.connections += 1;
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&world, request, latency));
            // An error is a client that left.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    world: &Mutex<World>,
    request: Request<Incoming>,
    latency: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let due = Instant::now() + latency;
    let (head, body) = request.into_parts();
    // Of a client that leaves, nothing is to be done.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let asked = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (is_good, body) = {
        let mut world = lock(world);
        world.seen.in_flight += 1;
        world.seen.most_in_flight = world.seen.most_in_flight.max(world.seen.in_flight);
        let answer = answer(&mut world, head.uri.path(), &asked);
        world.seen.failed += u64::from(!answer.0);
        answer
    };
    // What it takes to make the answer is in it, as it is with a real one.
    sleep_until(due).await;
    let mut world = lock(world);
    world.seen.in_flight -= 1;
    world.seen.cpu = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Into::into);
    let response = Response::builder().status(if is_good { 200 } else { 400 });
    let response = response.header("content-type", "application/json");
    let response = if is_good { response } else { response.header("x-amzn-errortype", "ClientException") };
    Ok(response.body(Full::new(body.into())).unwrap_or_default())
}

fn answer(world: &mut World, path: &str, asked: &Value) -> Answer {
    let operation = match path {
        "/v1/listjobs" if asked.get("filters").is_some() => "ListJobs, filtered",
        "/v1/listjobs" if asked.get("jobStatus").and_then(Value::as_str) == Some("FAILED") => {
            "ListJobs, FAILED"
        }
        "/v1/listjobs" => "ListJobs",
        "/v1/describejobs" => "DescribeJobs",
        "/v1/canceljob" => "CancelJob",
        "/v1/canceljobs" => "CancelJobs",
        "/v1/terminatejob" => "TerminateJob",
        "/v1/terminatejobs" => "TerminateJobs",
        _ => "unknown",
    };
    *world.seen.calls.entry(operation).or_default() += 1;
    match path {
        "/v1/listjobs" => world.queue.list(asked),
        "/v1/describejobs" => world.queue.describe(asked),
        "/v1/canceljob" | "/v1/canceljobs" => world.queue.stop(asked, true),
        "/v1/terminatejob" | "/v1/terminatejobs" => world.queue.stop(asked, false),
        _ => (false, Vec::new()),
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
