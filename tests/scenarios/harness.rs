//! A Batch, a function that calls it, and words to say what should come of a payload.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use batch_canceller::batch::SdkBatch;
use batch_canceller::clock;
use batch_canceller::config::{Config, Level};
use batch_canceller::handler::{Function, Keep, handle, process};
use batch_canceller::log::{self, Log};
use batch_canceller::reply::{InvocationError, Reply};
use batch_sim::{Job, JobStatus, Server, Simulator};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::bus::Bus;
use crate::schemas;

/// The reason that every request of these scenarios gives.
pub(crate) const REASON: &str = "Superseded by run 42.";

pub(crate) struct World {
    pub(crate) sim: Simulator,
    pub(crate) function: Function<SdkBatch>,
    /// How long after its start an invocation's deadline is, in milliseconds.
    pub(crate) remaining_ms: u64,
    /// The event bus, if the function knows of one.
    pub(crate) bus: Bus,
    logs: Logs,
    server: Option<Server>,
}

impl World {
    /// A function with default settings but a short watch over what was accepted, and little patience.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A function with these environment variables.
    pub(crate) async fn with(vars: &[(&str, &str)]) -> Self {
        let sim = Simulator::new();
        let server = sim.serve().await.unwrap();
        let config = Config::from_lookup(|name| {
            let set = vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
            let default = match name {
                "CONFIRM_TIMEOUT_MS" => Some("150"),
                "PATIENCE_MS" => Some("600"),
                _ => None,
            };
            set.or_else(|| default.map(ToOwned::to_owned))
        });
        let config = config.unwrap();
        let batch = SdkBatch::at(server.url(), "us-east-1", &config.limits).unwrap();
        let logs = Logs::default();
        let log = Log::new(logs.clone(), config.log_level);
        let bus = Bus::default();
        let function = Function::new(batch, config, Some("us-east-1".to_owned()), log)
            .with_outlet(Box::new(bus.clone()));
        Self { sim, function, remaining_ms: 30_000, bus, logs, server: Some(server) }
    }

    /// Adds jobs in a status, and gives their ids.
    pub(crate) fn jobs(&self, status: JobStatus, count: usize) -> Vec<String> {
        let ids: Vec<String> =
            (0..count).map(|n| format!("{}-{n}", status.as_str().to_lowercase())).collect();
        for id in &ids {
            self.job(id, status);
        }
        ids
    }

    pub(crate) fn job(&self, id: &str, status: JobStatus) {
        self.sim.add(Job::new(id).status(status));
    }

    fn event<T: serde::Serialize>(&self, payload: &T) -> LambdaEvent<Box<serde_json::value::RawValue>> {
        let mut context = Context::default();
        context.request_id = "request-1".into();
        context.invoked_function_arn =
            "arn:aws:lambda:us-east-1:123456789012:function:batch-canceller".into();
        context.deadline =
            if self.remaining_ms == 0 { 600_000 } else { clock::unix_ms() + self.remaining_ms };
        LambdaEvent::new(to_raw_value(payload).unwrap(), context)
    }

    /// The answer that Lambda gets.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Value, InvocationError> {
        let _guard = tracing::subscriber::set_default(log::subscriber(Level::Info, self.logs.clone()));
        match handle(&self.function, self.event(payload)).await? {
            Reply::PartialBatch(partial) => Ok(serde_json::to_value(partial).unwrap()),
            Reply::Report(report) => Ok(serde_json::from_str(report.get()).unwrap()),
        }
    }

    /// The report on a payload, whatever the answer would be.
    pub(crate) async fn report(&self, payload: &Value) -> Value {
        self.report_within(payload, usize::MAX).await
    }

    /// The report, of at most so many bytes.
    pub(crate) async fn report_within(&self, payload: &Value, limit: usize) -> Value {
        let _guard = tracing::subscriber::set_default(log::subscriber(Level::Info, self.logs.clone()));
        let event = self.event(payload);
        let report = process(&self.function, event.payload, &event.context, Keep::Always).await.unwrap();
        let report: Value = serde_json::from_str(&report.to_json(limit, str::len)).unwrap();
        report["results"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(|result| schemas::check(&schemas::RESULT, result));
        report
    }

    /// The outcome of cancelling one job.
    pub(crate) async fn cancel(&self, id: &str) -> String {
        let report = self.report(&request(id)).await;
        assert_eq!(report["results"].as_array().unwrap().len(), 1, "{report}");
        report["results"][0]["outcome"].as_str().unwrap().to_owned()
    }

    /// Closes Batch's port and every connection.
    pub(crate) fn hang_up(&mut self) {
        self.server = None;
    }

    /// The log lines so far.
    pub(crate) fn logs(&self) -> Vec<Value> {
        self.logs.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn log_text(&self) -> String {
        self.logs.text()
    }

    pub(crate) fn status(&self, id: &str) -> JobStatus {
        self.sim.job(id).unwrap().status
    }
}

/// Whatever a scenario is about, what it said must be as the schemas have it.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.logs().iter().for_each(schemas::check_line);
            self.bus.details().iter().for_each(|detail| schemas::check(&schemas::RESULT, detail));
        }
    }
}

/// A direct request for one job.
pub(crate) fn request(id: &str) -> Value {
    json!({"jobId": id, "reason": REASON})
}

/// A direct request for several.
pub(crate) fn requests(ids: &[String]) -> Value {
    json!({"jobIds": ids, "reason": REASON})
}

/// A batch of SQS messages `m0`, `m1`, … with these bodies.
pub(crate) fn sqs<T: ToString>(bodies: impl IntoIterator<Item = T>) -> Value {
    let record = |(n, body): (usize, T)| sqs_record(&format!("m{n}"), &body.to_string());
    json!({"Records": bodies.into_iter().enumerate().map(record).collect::<Vec<_>>()})
}

pub(crate) fn sqs_record(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:cancellations",
        "awsRegion": "us-east-1"
    })
}

/// A message of a FIFO queue.
pub(crate) fn fifo_record(id: &str, group: &str, body: &Value) -> Value {
    let mut record = sqs_record(id, &body.to_string());
    record["attributes"]["MessageGroupId"] = group.into();
    record["eventSourceARN"] = "arn:aws:sqs:us-east-1:123456789012:cancellations.fifo".into();
    record
}

/// The message ids of a partial batch response.
pub(crate) fn failures(reply: &Value) -> Vec<&str> {
    let list = reply["batchItemFailures"].as_array().unwrap();
    list.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

/// Each result as `job outcome attempts`, in order.
pub(crate) fn outcomes(report: &Value) -> Vec<String> {
    let line = |result: &Value| {
        let mut line = String::new();
        let job = result["jobId"].as_str().unwrap_or("-");
        write!(line, "{job} {} {}", result["outcome"].as_str().unwrap(), result["attempts"]).unwrap();
        line
    };
    report["results"].as_array().unwrap().iter().map(line).collect()
}

/// Log lines, gathered.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
