//! The document that patterns see: a request, who asked, and the job it is about.

use event_pattern::{Document, DocumentError, Mark, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::Whole;
use crate::request::Action;
use crate::trigger::RequestedBy;

/// One job, and what one request after the other asks of it.
#[derive(Debug)]
pub struct Subject<'a> {
    document: Document<'a>,
    /// Where the part ends that is about the job; behind it stands what is about a request.
    job: Mark,
}

/// What a request asks, and who does.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Which of Batch's two verbs.
    pub action: Action,
    /// Why.
    pub reason: &'a str,
    /// Whether the request itself is a dry run.
    pub dry_run: bool,
    /// The producer's own data.
    pub metadata: Option<&'a RawValue>,
    /// Who asks.
    pub requested_by: &'a RequestedBy,
}

/// Why a job cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// What Batch sent of it, or its parent's tags, cannot be read.
    #[error("{0}")]
    Document(#[from] DocumentError),
    /// Which tags its parent has cannot be told.
    #[error("its parent's tags cannot be told")]
    Parent,
}

impl<'a> Subject<'a> {
    /// A job as Batch sent it, with its parent's tags under its own, at `now_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// When Batch's text cannot be read.
    pub fn read(whole: Whole<'a>, now_ms: u64) -> Result<Self, Unreadable> {
        let mut document = Document::new();
        document.json("job", whole.job.get())?;
        if let Some(tags) = whole.parent.map(tags).transpose()?.flatten() {
            document.fill("job.tags", tags.get())?;
        }
        if let Some(seconds) = seconds_since("job.createdAt", &document, now_ms) {
            document.number("ageSeconds", seconds);
        }
        // A job that waits for its next attempt, or is about to start it, still says when its last one started.
        let is_running = document.get("job.status") == Some(Value::Text("RUNNING"));
        if is_running && let Some(seconds) = seconds_since("job.startedAt", &document, now_ms) {
            document.number("runningSeconds", seconds);
        }
        let job = document.mark();
        Ok(Self { document, job })
    }

    /// Puts one request in the place of the one before.
    pub fn ask(&mut self, asked: Asked<'a>) {
        let Self { document, job } = self;
        let by = asked.requested_by;
        document.reset(*job);
        document.text("action", asked.action.as_str());
        document.text("reason", asked.reason);
        document.bool("dryRun", asked.dry_run);
        document.text("source", by.source.as_str());
        document.text("requestedBy.source", by.source.as_str());
        document.text("requestedBy.id", &by.id);
        for (field, value) in [
            ("requestedBy.senderId", &by.sender_id),
            ("requestedBy.queueArn", &by.queue_arn),
            ("requestedBy.topicArn", &by.topic_arn),
            ("requestedBy.eventSource", &by.event_source),
            ("requestedBy.detailType", &by.detail_type),
            ("requestedBy.account", &by.account),
        ] {
            if let Some(value) = value {
                document.text(field, value);
            }
        }
        if let Some(metadata) = asked.metadata {
            // It was read so when the request came.
            let _ = document.json("metadata", metadata.get());
        }
    }

    /// What patterns are held against.
    #[must_use]
    pub fn document(&self) -> &Document<'a> {
        &self.document
    }
}

/// The whole seconds since a time that a document gives in milliseconds since 1970.
fn seconds_since(field: &str, document: &Document<'_>, now_ms: u64) -> Option<u64> {
    let Value::Number(then) = document.get(field)? else {
        return None;
    };
    // Of a time that is none, nothing is concluded.
    let then = Some(then).filter(|then| *then > 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a double saturates, and no time that Batch gives is that large"
    )]
    let then = then as u64;
    Some(now_ms.saturating_sub(then) / 1000)
}

/// The tags in a `JobDetail`, unless it cannot be told which they are.
fn tags(job: &RawValue) -> Result<Option<&RawValue>, Unreadable> {
    #[derive(Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow)]
        tags: Option<&'a RawValue>,
    }
    serde_json::from_str::<Tagged<'_>>(job.get()).map(|job| job.tags).map_err(|_| Unreadable::Parent)
}
