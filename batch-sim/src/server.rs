//! HTTP: connections by hand, since faults must be able to close them without an answer.

use std::fmt;
use std::future::{self, Future};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use std::{io, thread};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use self::line::Line;
use crate::wire::{self, Answer};
use crate::{Blow, FaultKind, Operation, Simulator, admin};

mod line;

/// A simulator that listens; dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    url: String,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// The endpoint, `http://address:port`, for `AWS_ENDPOINT_URL_BATCH`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Serving, which the handle itself knows nothing of.
impl Simulator {
    /// Serves on a free port of the loopback interface, in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn serve(&self) -> io::Result<Server> {
        self.serve_on((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Serves on this address, in the current tokio runtime; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn serve_on(&self, address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let (server, serving) = start(self.clone(), listener)?;
        tokio::spawn(serving);
        Ok(server)
    }

    /// Serves on a free loopback port from a thread of its own, for callers without a runtime and
    /// for benchmarks that must not share theirs.
    ///
    /// # Errors
    ///
    /// If no port can be bound or no thread started.
    pub fn serve_on_thread(&self) -> io::Result<Server> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (server, serving) = {
            // The caller may be inside a runtime, where blocking on this one would panic.
            let _entered = runtime.enter();
            start(self.clone(), TcpListener::from_std(listener)?)?
        };
        thread::Builder::new().name("batch-sim".to_owned()).spawn(move || runtime.block_on(serving))?;
        Ok(server)
    }
}

/// The server's handle, and the future that serves until the handle is dropped.
fn start(sim: Simulator, listener: TcpListener) -> io::Result<(Server, impl Future<Output = ()>)> {
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel();
    Ok((Server { url, _stop: stop }, accept(sim, listener, stopped)))
}

async fn accept(sim: Simulator, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
    // Owns the connections: they end with this future.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // An error is about a client that is gone again, or about too many open files,
                // which gets better when connections end.
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                };
                // A delayed packet would cost the client 40 ms; without the option it is only slow.
                let _ = stream.set_nodelay(true);
                let number = sim.traffic().connect();
                let sim = sim.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| respond(&sim, number, request));
                    let line = Line::new(stream, number, sim.clone());
                    // An error is a client that left, or a fault that closed the connection.
                    let _ = http1::Builder::new().serve_connection(line, service).await;
                });
            }
        }
    }
}

/// The reason for a connection to be closed without an answer.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}

async fn respond(
    sim: &Simulator,
    connection: usize,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let operation = Operation::from_path(head.uri.path()).filter(|_| head.method == Method::POST);
    // From here on, as a slow body is a call under way too.
    let _in_flight = operation.map(|_| sim.traffic().enter());
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    match operation {
        Some(operation) => call(sim, operation, &body).await,
        None => Ok(respond_with(
            admin::answer(sim, connection, &head.method, head.uri.path(), &body)
                .unwrap_or_else(Answer::unknown_path),
            "00000000-0000-4000-8000-ffffffffffff",
        )),
    }
}

/// A call to Batch, with whatever is to befall it.
async fn call(sim: &Simulator, operation: Operation, body: &[u8]) -> Result<Response<Full<Bytes>>, Closed> {
    let request = wire::parse(operation, body);
    let (number, trouble) = sim.exchange().admit(&request, sim.now());
    pause(trouble.before).await;
    let perform = || sim.exchange().perform(&request, number, sim.now());
    let answer = match trouble.blow {
        None => {
            let answer = perform();
            pause(trouble.after).await;
            answer
        }
        Some(Blow { kind: FaultKind::UpperCaseIds, job, .. }) => {
            let answer = perform().in_upper_case(job.as_deref());
            pause(trouble.after).await;
            answer
        }
        Some(blow) => {
            if blow.carried_out {
                perform();
            }
            pause(trouble.after).await;
            match blow.kind {
                FaultKind::Error(error) => Answer::fault(error),
                FaultKind::Drop => return Err(Closed),
                FaultKind::Hang => future::pending().await,
                // What is left is Malformed: latencies and items decide no answer.
                _ => Answer::ok(b"<html>not json".to_vec()),
            }
        }
    };
    sim.exchange().log.finish(number, answer.status);
    Ok(respond_with(answer, &wire::request_id(number)))
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn respond_with(answer: Answer, request_id: &str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(answer.status).header("x-amzn-requestid", request_id);
    if !answer.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        response = response.header("content-type", "application/json");
    }
    if let Some(code) = answer.code {
        response = response.header("x-amzn-errortype", code.as_ref());
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(answer.body)).unwrap_or_else(|error| {
        // A fault can ask for a status or header that HTTP does not have.
        let text = format!("the fault cannot be sent: {error}");
        respond_with(Answer::error(500, "ServerException", &text), request_id)
    })
}
