//! Log lines: flat JSON, one for each result and one for the invocation.
//!
//! A message reads alone; its identifiers are fields as well, under the names that results use. Message
//! bodies and environment values are never logged.

use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::outcome::Outcome;
use crate::report::{Report, ResultRecord};
use crate::request::{Action, JobId};
use crate::trigger::UnknownPayload;

/// A subscriber that writes flat JSON lines of `level` and above.
///
/// Other crates get a say only from WARN on: `lambda_runtime` writes whole payloads at TRACE.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("batch_canceller", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer)
        .with_filter(targets);
    tracing_subscriber::registry().with(lines)
}

/// `tracing::event!` wants its level at compile time.
macro_rules! line {
    ($level:expr, $($fields:tt)*) => {
        match $level {
            Level::ERROR => tracing::error!($($fields)*),
            Level::WARN => tracing::warn!($($fields)*),
            _ => tracing::info!($($fields)*),
        }
    };
}

/// Logs a report: a line for each result, then one for the invocation.
pub(crate) fn log(report: &Report, request_id: &str, duration: Duration) {
    for result in report.results() {
        log_result(&result, request_id);
    }
    let summary = report.summary();
    let (requested, settled, tally) = (summary.requested(), summary.settled(), summary.tally);
    let counts: Vec<_> =
        summary.outcomes.iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    line!(
        if settled == requested { Level::INFO } else { Level::WARN },
        requestId = request_id,
        requested,
        settled,
        apiCalls = tally.api_calls,
        retries = tally.retries,
        throttled = tally.throttled,
        durationMs = duration_ms,
        "{settled} of {requested} settled: {}",
        counts.join(", ")
    );
}

/// Logs a payload that nobody knows.
pub(crate) fn log_unknown(unknown: &UnknownPayload, request_id: &str) {
    tracing::error!(requestId = request_id, "{unknown}");
}

fn log_result(result: &ResultRecord<'_>, request_id: &str) {
    let job = result.job_id.map_or("", JobId::as_str);
    line!(
        level(result.outcome),
        requestId = request_id,
        jobId = result.job_id.map(JobId::as_str),
        outcome = result.outcome.as_str(),
        action = result.action.map(Action::as_str),
        reason = result.reason,
        why = result.why.as_deref(),
        attempts = result.attempts,
        jobName = result.before.and_then(|before| before.job_name.as_deref()),
        jobQueue = result.before.and_then(|before| before.job_queue.as_deref()),
        statusBefore = result.before.map(|before| before.status.as_str()),
        statusReasonBefore = result.before.and_then(|before| before.status_reason.as_deref()),
        statusAfter = result.after.map(|after| after.status.as_str()),
        metadata = result.metadata.map(serde_json::value::RawValue::get),
        source = result.delivery.source.as_str(),
        deliveryId = result.delivery.id,
        "{}",
        sentence(result.outcome, job)
    );
}

/// The level follows what an operator must do: nothing, keep an eye on it, or mend something.
fn level(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Rejected | Outcome::Refused => Level::ERROR,
        Outcome::Accepted | Outcome::Unavailable | Outcome::NotAttempted => Level::WARN,
        _ => Level::INFO,
    }
}

fn sentence(outcome: Outcome, job: &str) -> String {
    match outcome {
        Outcome::Cancelled => format!("Job {job} is cancelled"),
        Outcome::Terminated => format!("Job {job} is terminated"),
        Outcome::Cancelling => format!("Job {job} is being cancelled"),
        Outcome::Terminating => format!("Job {job} is being terminated"),
        Outcome::Accepted => {
            format!("Batch accepted the request for job {job}, but its effect was not seen")
        }
        Outcome::Finished => format!("Job {job} had ended, not provably by this request"),
        Outcome::Started => format!("Job {job} has started and goes on: a cancel does not stop it"),
        Outcome::NotFound => format!("Batch does not know job {job}"),
        Outcome::WouldCancel => format!("Dry run: job {job} would be cancelled"),
        Outcome::WouldTerminate => format!("Dry run: job {job} would be terminated"),
        Outcome::Rejected => "A request was rejected".to_owned(),
        Outcome::Refused => format!("Batch refused the request for job {job}"),
        Outcome::Unavailable => {
            format!("Batch could not be had for job {job}: the request goes back")
        }
        Outcome::NotAttempted => format!("There was no time for job {job}: the request goes back"),
    }
}
