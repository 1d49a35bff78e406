//! A Batch, and a function under a policy that calls it.

use std::io;

use batch_canceller::batch::SdkBatch;
use batch_canceller::clock;
use batch_canceller::config::Config;
use batch_canceller::handler::{Function, Keep, process};
use batch_canceller::log::Log;
use batch_sim::{Server, Simulator};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) sim: Simulator,
    function: Function<SdkBatch>,
    _server: Server,
}

impl World {
    /// A function with these environment variables, and a short watch over what was accepted.
    pub(crate) async fn with(vars: &[(&str, &str)]) -> Self {
        let sim = Simulator::new();
        let server = sim.serve().await.unwrap();
        let config = Config::from_lookup(|name| {
            let set = vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
            set.or_else(|| (name == "CONFIRM_TIMEOUT_MS").then(|| "150".to_owned()))
        });
        let config = config.unwrap();
        let batch = SdkBatch::at(server.url(), "us-east-1", &config.limits).unwrap();
        let log = Log::new(io::sink(), config.log_level);
        let function = Function::new(batch, config, Some("us-east-1".to_owned()), log);
        Self { sim, function, _server: server }
    }

    /// The results of a payload.
    pub(crate) async fn results(&self, payload: &Value) -> Vec<Value> {
        let mut context = Context::default();
        context.request_id = "request-1".into();
        context.invoked_function_arn =
            "arn:aws:lambda:us-east-1:123456789012:function:batch-canceller".into();
        context.deadline = clock::unix_ms() + 30_000;
        let event: LambdaEvent<Box<RawValue>> = LambdaEvent::new(to_raw_value(payload).unwrap(), context);
        let report = process(&self.function, event.payload, &event.context, Keep::Always).await.unwrap();
        let report: Value = serde_json::from_str(&report.to_json(usize::MAX, str::len)).unwrap();
        report["results"].as_array().unwrap().clone()
    }

    /// Each result of a payload as `outcome clause`.
    pub(crate) async fn told(&self, payload: &Value) -> Vec<String> {
        let results = self.results(payload).await;
        let text = |result: &Value, field: &str| result[field].as_str().unwrap_or("-").to_owned();
        results.iter().map(|result| [text(result, "outcome"), text(result, "clause")].join(" ")).collect()
    }
}

/// A message with this body from the queue of this name.
pub(crate) fn message(queue: &str, body: &str) -> Value {
    json!({"Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": "AIDAEXAMPLE0SERVICE01"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:123456789012:{queue}"),
        "awsRegion": "us-east-1"
    }]})
}
