//! Log lines: JSON, one for each result, one for each delivery that names several jobs, one for the invocation, and one
//! with its metrics.
//!
//! A message reads alone; its identifiers are fields as well, under the names that results use. Message bodies and
//! environment values are never logged. These lines are the audit of what was done: whatever level Lambda keeps, they
//! have it. What the function has to say about itself goes through `tracing`.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Serialize;
use serde_json::value::RawValue;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::Level;
use crate::engine::Tally;
use crate::job::Snapshot;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::publisher::Lost;
use crate::report::{Summary, SweepReport};
use crate::request::{Action, JobId};
use crate::result::ResultRecord;
use crate::trigger::RequestedBy;

/// A longer text is cut in a log line, in bytes as JSON has them: a reason can have six thousand.
const LONGEST_TEXT: usize = 480;

/// A subscriber that writes flat JSON lines of `level` and above, for what is no audit.
///
/// Other crates get a say only from WARN on: `lambda_runtime` writes whole payloads at TRACE.
pub fn subscriber<W>(level: Level, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = level.filter();
    let targets = Targets::new()
        .with_default(level.min(tracing::level_filters::LevelFilter::WARN))
        .with_target("batch_canceller", level);
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

/// Where audit lines go.
pub struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    /// The least level that Lambda keeps: every audit line has it.
    least: Level,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("least", &self.least).finish_non_exhaustive()
    }
}

impl Log {
    /// Lines go to `out`, and have at least this level.
    pub fn new(out: impl Write + Send + 'static, least: Level) -> Self {
        Self { out: Mutex::new(Box::new(out)), least }
    }

    /// Lines go where Lambda reads them.
    #[must_use]
    pub fn to_stdout(least: Level) -> Self {
        Self::new(io::stdout(), least)
    }

    /// The lines of one invocation.
    pub(crate) fn lines<'a>(&'a self, request_id: &'a str) -> Lines<'a> {
        Lines { log: self, request_id, now_ms: 0, timestamp: String::new(), text: Vec::new() }
    }
}

/// Lines of one invocation, gathered until they are passed on.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    log: &'a Log,
    request_id: &'a str,
    now_ms: u64,
    timestamp: String,
    text: Vec<u8>,
}

/// Gathered text is passed on when it gets longer than this.
const GATHERED: usize = 32 * 1024;

impl Lines<'_> {
    /// What is written from now on happens at `now_ms`, milliseconds since 1970.
    pub(crate) fn at(&mut self, now_ms: u64) {
        let now = DateTime::from_millis(i64::try_from(now_ms).unwrap_or(i64::MAX));
        self.timestamp = now.fmt(Format::DateTime).unwrap_or_default();
        self.now_ms = now_ms;
    }

    /// The time of what is written now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A result.
    pub(crate) fn result(&mut self, result: &ResultRecord<'_>) {
        let job = result.job_id.map_or("", JobId::as_str);
        let line = ResultLine {
            job_id: result.job_id,
            outcome: result.outcome,
            action: result.action,
            reason: result.reason.map(cut),
            reason_truncated: result.reason_truncated,
            dry_run: result.dry_run,
            clause: result.clause,
            why: result.why.map(cut),
            attempts: result.attempts,
            before: result.before.map(|before| Seen::of(before, None, true)),
            after: result.after.map(|after| Seen::of(after, result.reason, result.before.is_none())),
            metadata: result.metadata,
            sweep: result.sweep,
            requested_by: result.requested_by,
        };
        self.line(level(result.outcome), &sentence(result.outcome, job), &line);
    }

    /// A delivery that names several jobs: what they all have in common and results do not repeat.
    pub(crate) fn delivery(&mut self, jobs: usize, metadata: Option<&RawValue>, requested_by: &RequestedBy) {
        let message =
            if jobs > 0 { format!("A request names {jobs} jobs") } else { "A sweep begins".to_owned() };
        self.line(Level::Info, &message, &DeliveryLine { jobs, metadata, requested_by });
    }

    /// The invocation, under the policy of that SHA-256 if there is one.
    pub(crate) fn summary(&mut self, summary: &Summary<'_>, duration: Duration, policy: Option<&str>) {
        let (requested, settled) = (summary.requested(), summary.settled());
        let counts: Vec<_> =
            summary.outcomes.iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
        let Tally { api_calls, retries, throttled } = summary.tally;
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let line = SummaryLine {
            requested,
            settled,
            api_calls,
            retries,
            throttled,
            duration_ms,
            policy_sha256: policy,
        };
        let level = if settled == requested { Level::Info } else { Level::Warn };
        self.line(level, &format!("{settled} of {requested} settled: {}", counts.join(", ")), &line);
    }

    /// Results that are in the log, but not on the bus.
    pub(crate) fn events_lost(&mut self, lost: &Lost) {
        let message = format!("{} result events could not be published", lost.events);
        let line = LostLine { events_lost: lost.events, why: cut(&lost.why) };
        self.line(Level::Warn, &message, &line);
    }

    /// The invocation's metrics. At a level that Lambda keeps, like the rest: what it drops, CloudWatch never counts.
    pub(crate) fn metrics(&mut self, metrics: &Metrics<'_>) {
        self.line(Level::Info, "Metrics of the invocation", metrics);
    }

    /// A payload that nobody knows.
    pub(crate) fn unknown(&mut self, what: &str) {
        self.line(Level::Error, what, &());
        self.flush();
    }

    /// Passes on what was gathered. Where it cannot be written, there is nobody to tell.
    pub(crate) fn flush(&mut self) {
        if !self.text.is_empty() {
            let mut out = self.log.out.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = out.write_all(&self.text).and_then(|()| out.flush());
            self.text.clear();
        }
    }

    fn line(&mut self, level: Level, message: &str, fields: &impl Serialize) {
        let line = Line {
            timestamp: &self.timestamp,
            level: level.max(self.log.least).as_str(),
            message,
            request_id: self.request_id,
            fields,
        };
        let before = self.text.len();
        if serde_json::to_writer(&mut self.text, &line).is_err() {
            self.text.truncate(before);
            return;
        }
        self.text.push(b'\n');
        if self.text.len() > GATHERED {
            self.flush();
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a, F> {
    timestamp: &'a str,
    level: &'a str,
    message: &'a str,
    request_id: &'a str,
    #[serde(flatten)]
    fields: &'a F,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<&'a JobId>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reason_truncated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Cow<'a, str>>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Seen<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Seen<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep: Option<&'a SweepReport>,
    requested_by: &'a RequestedBy,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryLine<'a> {
    jobs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    requested_by: &'a RequestedBy,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryLine<'a> {
    requested: u64,
    settled: u64,
    api_calls: u64,
    retries: u64,
    throttled: u64,
    duration_ms: u64,
    #[serde(rename = "policySha256", skip_serializing_if = "Option::is_none")]
    policy_sha256: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LostLine<'a> {
    events_lost: u64,
    why: Cow<'a, str>,
}

/// A job as a line shows it: without what the line says anyway, and with the marks that are set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Seen<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_queue: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_cancelled: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_terminated: bool,
}

impl<'a> Seen<'a> {
    fn of(job: &'a Snapshot, reason: Option<&str>, named: bool) -> Self {
        let status_reason = job.status_reason.as_deref().filter(|text| Some(*text) != reason);
        Self {
            status: job.status.as_str(),
            status_reason: status_reason.map(cut),
            job_name: job.job_name.as_deref().filter(|_| named),
            job_queue: job.job_queue.as_deref().filter(|_| named),
            is_cancelled: job.is_cancelled == Some(true),
            is_terminated: job.is_terminated == Some(true),
        }
    }
}

/// The text, cut on a character boundary where it is too long for a line.
fn cut(text: &str) -> Cow<'_, str> {
    let mut cost = 0;
    let over = |(_, c): &(usize, char)| {
        cost += in_json(*c);
        cost > LONGEST_TEXT
    };
    match text.char_indices().find(over) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// How many bytes a character has within a JSON string.
fn in_json(c: char) -> usize {
    match c {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    }
}

/// The level follows what an operator must do: nothing, keep an eye on it, or mend something.
fn level(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Rejected | Outcome::Refused => Level::Error,
        Outcome::Accepted | Outcome::NotFound | Outcome::Unavailable | Outcome::NotAttempted => Level::Warn,
        _ => Level::Info,
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
        Outcome::Denied if job.is_empty() => "A sweep matches more jobs than it may stop".to_owned(),
        Outcome::Unavailable if job.is_empty() => {
            "Batch could not be had for a sweep: it goes back".to_owned()
        }
        Outcome::Denied => format!("The policy does not let job {job} be stopped"),
        Outcome::PreconditionFailed => format!("Job {job} is not as the request expected"),
        Outcome::Swept => "A sweep is done".to_owned(),
        Outcome::HandedOn => "A sweep was cut short, and what is left of it handed on".to_owned(),
        Outcome::WouldCancel => format!("Dry run: job {job} would be cancelled"),
        Outcome::WouldTerminate => format!("Dry run: job {job} would be terminated"),
        Outcome::Rejected => "A request was rejected".to_owned(),
        Outcome::Refused => format!("Batch refused the request for job {job}"),
        Outcome::Unavailable => {
            format!("Batch could not be had for job {job}: the request goes back")
        }
        Outcome::NotAttempted if job.is_empty() => "There was no room for a request: it goes back".to_owned(),
        Outcome::NotAttempted => format!("There was no time for job {job}: the request goes back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_by_what_it_takes_in_a_line() {
        for (c, kept) in
            [("a", 480), ("é", 240), ("€", 160), ("😀", 120), ("\"", 240), ("\n", 240), ("\u{1}", 80)]
        {
            assert_eq!(cut(&c.repeat(kept)), c.repeat(kept), "{c:?}");
            let shortened = cut(&c.repeat(kept + 1)).into_owned();
            assert_eq!(shortened, format!("{}…", c.repeat(kept)), "{c:?}");
            let line = serde_json::to_string(&shortened).unwrap_or_default();
            assert_eq!(line.len(), LONGEST_TEXT + "…".len() + 2, "{c:?}");
        }
    }

    #[test]
    fn a_level_follows_from_what_is_to_be_done() {
        use Outcome::*;
        for outcome in Outcome::ALL {
            let expected = match outcome {
                Rejected | Refused => Level::Error,
                Accepted | NotFound | Unavailable | NotAttempted => Level::Warn,
                Cancelled | Terminated | Cancelling | Terminating | Finished | Started | Denied
                | PreconditionFailed | Swept | HandedOn | WouldCancel | WouldTerminate => Level::Info,
            };
            assert_eq!(level(outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn every_line_has_the_least_level_that_lambda_keeps() {
        for (least, expected) in [
            (Level::Trace, ["INFO", "WARN", "ERROR"]),
            (Level::Info, ["INFO", "WARN", "ERROR"]),
            (Level::Warn, ["WARN", "WARN", "ERROR"]),
            (Level::Fatal, ["FATAL", "FATAL", "FATAL"]),
        ] {
            let log = Log::new(io::sink(), least);
            let mut lines = log.lines("request");
            lines.at(0);
            for level in [Level::Info, Level::Warn, Level::Error] {
                lines.line(level, "", &());
            }
            let text = String::from_utf8(lines.text).unwrap();
            let levels: Vec<_> = text
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].clone())
                .collect();
            assert_eq!(levels, expected, "{least:?}");
        }
    }

    #[test]
    fn a_line_shows_of_a_job_what_it_does_not_say_anyway() {
        let job = Snapshot {
            status_reason: Some("r".into()),
            job_name: Some("n".into()),
            job_queue: Some("q".into()),
            is_cancelled: Some(true),
            is_terminated: Some(false),
            ..Snapshot::of("FAILED".into())
        };
        let check = |reason, named, expected: &str| {
            assert_eq!(serde_json::to_string(&Seen::of(&job, reason, named)).unwrap(), expected);
        };
        let (marked, named) = (r#""isCancelled":true"#, r#""jobName":"n","jobQueue":"q""#);
        check(Some("r"), false, &format!(r#"{{"status":"FAILED",{marked}}}"#));
        check(Some("other"), false, &format!(r#"{{"status":"FAILED","statusReason":"r",{marked}}}"#));
        check(None, true, &format!(r#"{{"status":"FAILED","statusReason":"r",{named},{marked}}}"#));
    }

    #[test]
    fn lines_are_passed_on_when_there_are_many() {
        let log = Log::new(io::sink(), Level::Info);
        let mut lines = log.lines("request");
        for _ in 0..1000 {
            lines.line(Level::Info, &"m".repeat(100), &());
            assert!(lines.text.len() <= GATHERED);
        }
        lines.flush();
        assert!(lines.text.is_empty());
    }
}
