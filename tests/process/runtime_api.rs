//! A Lambda Runtime API that hands out what a test sends, and the process that asks it for work.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use batch_canceller::clock;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Notify, mpsc, watch};

/// The function's process, with a clean environment but for Lambda's variables and a test's own.
pub(crate) struct Bootstrap {
    child: Child,
    api: Arc<Api>,
    answers: mpsc::UnboundedReceiver<Result<Value, Value>>,
}

/// How a process ended.
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
}

impl From<Output> for Exit {
    fn from(output: Output) -> Self {
        Self { code: output.status.code(), output: String::from_utf8(output.stdout).unwrap() }
    }
}

struct Api {
    events: Mutex<VecDeque<Event>>,
    arrived: Notify,
    answer: mpsc::UnboundedSender<Result<Value, Value>>,
    /// How many ask for work.
    waiting: watch::Sender<usize>,
}

/// An invocation: its payload, and what Lambda says of it in headers besides what it always says.
struct Event {
    payload: String,
    headers: Vec<(&'static str, &'static str)>,
}

impl Bootstrap {
    pub(crate) async fn start(vars: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (answer, answers) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            events: Mutex::default(),
            arrived: Notify::new(),
            answer,
            waiting: watch::Sender::new(0),
        });
        tokio::spawn(serve(listener, Arc::clone(&api)));
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "batch-canceller"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_SESSION_TOKEN", "example"),
            ("MAX_ATTEMPTS", "2"),
            ("CONFIRM_TIMEOUT_MS", "0"),
        ];
        let child = Command::new(env!("CARGO_BIN_EXE_batch-canceller"))
            .env_clear()
            .envs(lambda)
            .envs(vars.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, api, answers }
    }

    /// Sends one event and waits for its answer: a reply, or an error with `errorType` and `errorMessage`.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Value> {
        self.send(event);
        self.answer().await
    }

    pub(crate) fn send(&self, event: &Value) {
        self.send_with(event, &[]);
    }

    pub(crate) fn send_with(&self, event: &Value, headers: &[(&'static str, &'static str)]) {
        let event = Event { payload: event.to_string(), headers: headers.to_vec() };
        self.api.events.lock().unwrap().push_back(event);
        self.api.arrived.notify_one();
    }

    pub(crate) async fn answer(&mut self) -> Result<Value, Value> {
        tokio::select! {
            answer = self.answers.recv() => answer.unwrap(),
            exit = self.child.wait() => panic!("the function ended without an answer: {exit:?}"),
        }
    }

    /// Waits until so many workers of the process ask for work at once.
    pub(crate) async fn until_waiting(&self, count: usize) {
        self.api.waiting.subscribe().wait_for(|waiting| *waiting >= count).await.unwrap();
    }

    /// What it prints, as it comes: more than a pipe holds would stop it.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// The most memory that the process ever had, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn most_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Ends the process; what it had printed.
    pub(crate) async fn stop(mut self) -> Exit {
        self.child.start_kill().unwrap();
        self.exited().await
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exited(self) -> Exit {
        self.child.wait_with_output().await.unwrap().into()
    }
}

impl Api {
    async fn next(&self) -> Event {
        self.waiting.send_modify(|waiting| *waiting += 1);
        loop {
            let event = self.events.lock().unwrap().pop_front();
            if let Some(event) = event {
                self.waiting.send_modify(|waiting| *waiting -= 1);
                return event;
            }
            self.arrived.notified().await;
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if request.method() == Method::GET {
            let Event { payload, headers } = self.next().await;
            let response = headers
                .into_iter()
                .fold(Response::builder(), |response, (name, value)| response.header(name, value));
            return response
                .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                .header("lambda-runtime-deadline-ms", (clock::unix_ms() + 60_000).to_string())
                .header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:123456789012:function:batch-canceller",
                )
                .body(payload.into())
                .unwrap();
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        self.answer.send(if path.ends_with("/error") { Err(body) } else { Ok(body) }).unwrap();
        Response::builder().status(202).body(Full::default()).unwrap()
    }
}

async fn serve(listener: TcpListener, api: Arc<Api>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let api = Arc::clone(&api);
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(api.handle(request).await) });
            // A process that was ended leaves its connection half way.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
