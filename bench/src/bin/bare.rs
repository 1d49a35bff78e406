//! The floor: a bare `lambda_runtime` that does nothing and says so, by sending the whole batch back.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Box<RawValue>>| {
        Ok::<Value, Error>(json!({"batchItemFailures": [{"itemIdentifier": ""}]}))
    }))
    .await
}
