//! AWS Batch, called as AWS's own tools call it.

use std::future::Future;

use batch_canceller::batch::SdkBatch;
use batch_canceller::config::{Config, Limits};

use crate::trouble::Trouble;

/// How long calls may all fail.
const PATIENCE_MS: &str = "2000";

/// The function's settings at their defaults, since those of the environment are its own. A person who has no credentials,
/// say, wants to know soon.
pub(crate) fn config() -> Result<Config, Trouble> {
    let setting = |name: &str| (name == "PATIENCE_MS").then(|| PATIENCE_MS.to_owned());
    Config::from_lookup(setting).map_err(|error| Trouble::new(error.to_string()))
}

/// The Batch of the environment and its profiles, and its region.
pub(crate) async fn connect(limits: &Limits) -> Result<(SdkBatch, Option<String>), Trouble> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let batch = SdkBatch::from_env(limits, variable).await;
    batch.map_err(|error| Trouble::new(error.to_string()))
}

/// Waits for what calls Batch.
pub(crate) fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::new(error.to_string()))?;
    Ok(runtime.block_on(work))
}
