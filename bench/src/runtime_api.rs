//! A fake Lambda Runtime API: hands out invocations and takes answers, one function at a time.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

const ROOT: &str = "/2018-06-01/runtime/";

/// The function's ARN, of the account and region that the events name.
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:bench";

/// What the function did.
#[derive(Debug)]
pub enum Signal {
    /// It asks for an invocation.
    Next {
        /// When it asked.
        at: Instant,
        /// Takes the invocation.
        give: oneshot::Sender<Invocation>,
    },
    /// It answered one.
    Answer {
        /// When the whole answer was there.
        at: Instant,
        /// The id of the invocation.
        request: String,
        /// What it said.
        body: Bytes,
        /// Whether it failed.
        is_error: bool,
    },
    /// It could not start.
    InitError(Bytes),
}

/// One invocation, as the function gets it.
#[derive(Debug)]
pub struct Invocation {
    /// Its id.
    pub request: String,
    /// How long it may take.
    pub time: Duration,
    /// The event.
    pub payload: Bytes,
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, signals: mpsc::UnboundedSender<Signal>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Without it answers would only be slower.
        let _ = stream.set_nodelay(true);
        let signals = signals.clone();
        connections.spawn(async move {
            let service = service_fn(|request| respond(&signals, request));
            // An error is a function that was killed.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    signals: &mpsc::UnboundedSender<Signal>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let at = Instant::now();
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
    if head.method == Method::GET && path == "invocation/next" {
        let (give, given) = oneshot::channel();
        // Fails only when the episode is over.
        let _ = signals.send(Signal::Next { at, give });
        return Ok(match given.await {
            Ok(invocation) => hand_out(invocation),
            Err(_) => status(StatusCode::SERVICE_UNAVAILABLE),
        });
    }
    let Ok(body) = body.collect().await else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let Some(signal) = answer(path, body.to_bytes()) else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let _ = signals.send(signal);
    Ok(status(StatusCode::ACCEPTED))
}

fn answer(path: &str, body: Bytes) -> Option<Signal> {
    if path == "init/error" {
        return Some(Signal::InitError(body));
    }
    let (request, kind) = path.strip_prefix("invocation/")?.split_once('/')?;
    let is_error = match kind {
        "response" => false,
        "error" => true,
        _ => return None,
    };
    Some(Signal::Answer { at: Instant::now(), request: request.to_owned(), body, is_error })
}

fn hand_out(invocation: Invocation) -> Response<Full<Bytes>> {
    let deadline = now() + invocation.time;
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", invocation.request)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", FUNCTION_ARN)
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        .body(Full::new(invocation.payload))
        .unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
    *response.status_mut() = status;
    response
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a wall-clock time")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_by_their_path() {
        let told = |path| match answer(path, Bytes::new()) {
            Some(Signal::Answer { request, is_error, .. }) => format!("{request} {is_error}"),
            Some(other) => format!("{other:?}"),
            None => "unknown".to_owned(),
        };
        assert_eq!(told("invocation/r-1/response"), "r-1 false");
        assert_eq!(told("invocation/r-1/error"), "r-1 true");
        assert_eq!(told("init/error"), "InitError(b\"\")");
        assert_eq!(told("invocation/r-1/other"), "unknown");
        assert_eq!(told("elsewhere"), "unknown");
    }
}
