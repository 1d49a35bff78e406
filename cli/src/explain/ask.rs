//! The request that is made up around a job.

use std::sync::Arc;

use batch_canceller::engine::Whole;
use batch_canceller::policy::{Asked, Subject, Unreadable};
use batch_canceller::request::{Action, Reason};
use batch_canceller::trigger::{RequestedBy, Source};
use serde_json::value::RawValue;

use crate::args;
use crate::json::{fault, kind};
use crate::trouble::Trouble;

/// What is asked, and by whom.
#[derive(Debug)]
pub(super) struct Asker {
    action: Action,
    reason: Reason,
    dry_run: bool,
    metadata: Option<Box<RawValue>>,
    requested_by: RequestedBy,
}

impl Asker {
    pub(super) fn new(request: &args::Request) -> Result<Self, Trouble> {
        let source = match request.source {
            args::Source::Sqs => Source::Sqs,
            args::Source::Sns => Source::Sns,
            args::Source::Eventbridge => Source::EventBridge,
            args::Source::Direct => Source::Direct,
        };
        let action = match request.action {
            args::Action::Cancel => Action::Cancel,
            args::Action::Terminate => Action::Terminate,
        };
        let given = |text: &Option<String>| text.as_deref().map(Arc::from);
        Ok(Self {
            action,
            reason: Reason::new(&request.reason)
                .ok_or_else(|| Trouble::new("--reason: it is empty, and no request is without one"))?,
            dry_run: request.dry_run,
            metadata: request.metadata.as_deref().map(metadata).transpose()?,
            requested_by: RequestedBy {
                sender_id: given(&request.sender_id),
                queue_arn: given(&request.queue_arn),
                topic_arn: given(&request.topic_arn),
                event_source: given(&request.event_source),
                detail_type: given(&request.detail_type),
                account: given(&request.account),
                ..RequestedBy::new(source, &request.delivery_id)
            },
        })
    }

    /// The document that the function would make of it, at a time in milliseconds since 1970.
    pub(super) fn subject<'a>(&'a self, whole: Whole<'a>, now_ms: u64) -> Result<Subject<'a>, Unreadable> {
        let mut subject = Subject::read(whole, now_ms)?;
        subject.ask(Asked {
            action: self.action,
            reason: self.reason.as_str(),
            dry_run: self.dry_run,
            metadata: self.metadata.as_deref(),
            requested_by: &self.requested_by,
        });
        Ok(subject)
    }
}

fn metadata(text: &str) -> Result<Box<RawValue>, Trouble> {
    let value = RawValue::from_string(text.trim().to_owned());
    let value = value.map_err(|error| Trouble::at("--metadata", fault(&error)))?;
    if !value.get().starts_with('{') {
        return Err(Trouble::at("--metadata", format!("it is {}, not an object", kind(&value))));
    }
    event_pattern::Document::parse(value.get()).map_err(|error| Trouble::at("--metadata", error))?;
    Ok(value)
}
