//! What a policy and an expectation mean, in plain Rust: nothing here knows how patterns are written or read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use batch_sim::{JobStatus, ShownJob};

use crate::plan::Ask;
use crate::{EPOCH_MS, Ms};

/// Something of a request, of who asks, or of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Action,
    Reason,
    /// Whether the request itself is a dry run.
    DryRun,
    /// The number that requests give in their metadata.
    Run,
    Source,
    Sender,
    /// By the queue's bare name.
    Queue,
    Name,
    Share,
    Status,
    StatusReason,
    Tag(&'static str),
    AgeSeconds,
    RunningSeconds,
}

/// A question with a yes or a no. A field that is not there meets `Missing` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    There(Field),
    Missing(Field),
    Is(Field, Vec<&'static str>),
    Not(Field, Vec<&'static str>),
    Starts(Field, &'static str),
    NotStarts(Field, &'static str),
    Ends(Field, &'static str),
    Below(Field, u64),
    Least(Field, u64),
    Either(Vec<Self>),
}

/// A case that a policy knows: all of its tests hold.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub(crate) id: String,
    pub(crate) all: Vec<Test>,
}

/// A policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) deny: Vec<Clause>,
    pub(crate) allow: Vec<Clause>,
    /// The most jobs that one invocation may stop.
    pub(crate) most: Option<usize>,
}

/// Who asks, as the transport vouches for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) source: &'static str,
    pub(crate) sender: Option<&'static str>,
}

/// A job as one look showed it.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    /// When the answer came.
    pub(crate) at: Ms,
    pub(crate) status: JobStatus,
    pub(crate) status_reason: Option<String>,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) share: Option<String>,
    /// Its own, and its parent's where it has none of that name.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) age: u64,
    pub(crate) running: Option<u64>,
}

/// A request about a job as it was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) by: By,
    pub(crate) sight: &'a Sight,
}

enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u64),
}

impl Sight {
    pub(crate) fn of(job: &ShownJob, parent: Option<&ShownJob>, at: Ms) -> Self {
        let since = |then: i64| (EPOCH_MS + at).saturating_sub(then.unsigned_abs()) / 1_000;
        let mut tags = parent.and_then(|parent| parent.tags.clone()).unwrap_or_default();
        tags.extend(job.tags.clone().unwrap_or_default());
        let queue = job.queue.as_deref().unwrap_or_default();
        Self {
            at,
            status: job.status,
            status_reason: job.status_reason.clone(),
            name: job.name.clone(),
            queue: queue.rsplit('/').next().unwrap_or(queue).to_owned(),
            share: job.share.clone(),
            tags,
            age: since(job.created_at),
            running: job.started_at.filter(|_| job.status == JobStatus::Running).map(since),
        }
    }
}

impl<'a> Case<'a> {
    fn value(&self, field: Field) -> Option<Value<'a>> {
        let Self { ask, by, sight } = self;
        let text = |text: &'a str| Some(Value::Text(text.into()));
        match field {
            Field::Action => text(ask.action.as_str()),
            Field::Reason => text(ask.reason.as_str()),
            Field::DryRun => text(if ask.says_dry_run { "true" } else { "false" }),
            Field::Run => ask.run.map(Value::Number),
            Field::Source => text(by.source),
            Field::Sender => by.sender.and_then(text),
            Field::Queue => text(&sight.queue),
            Field::Name => text(&sight.name),
            Field::Share => sight.share.as_deref().and_then(text),
            Field::Status => text(sight.status.as_str()),
            Field::StatusReason => sight.status_reason.as_deref().and_then(text),
            Field::Tag(key) => sight.tags.get(key).and_then(|value| text(value)),
            Field::AgeSeconds => Some(Value::Number(sight.age)),
            Field::RunningSeconds => sight.running.map(Value::Number),
        }
    }

    fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        match self.value(field)? {
            Value::Number(number) => Some(number),
            Value::Text(_) => None,
        }
    }

    pub(crate) fn meets(&self, test: &Test) -> bool {
        match test {
            Test::There(field) => self.value(*field).is_some(),
            Test::Missing(field) => self.value(*field).is_none(),
            Test::Is(field, texts) => self.text(*field).is_some_and(|text| texts.contains(&&*text)),
            Test::Not(field, texts) => self.text(*field).is_some_and(|text| !texts.contains(&&*text)),
            Test::Starts(field, start) => self.text(*field).is_some_and(|text| text.starts_with(start)),
            Test::NotStarts(field, start) => self.text(*field).is_some_and(|text| !text.starts_with(start)),
            Test::Ends(field, end) => self.text(*field).is_some_and(|text| text.ends_with(end)),
            Test::Below(field, bound) => self.number(*field).is_some_and(|number| number < *bound),
            Test::Least(field, bound) => self.number(*field).is_some_and(|number| number >= *bound),
            Test::Either(tests) => tests.iter().any(|test| self.meets(test)),
        }
    }

    /// Whether the job is as the request expects it.
    pub(crate) fn is_expected(&self) -> bool {
        self.ask.expect.iter().all(|test| self.meets(test))
    }
}

impl Rules {
    /// Whether something is allowed, and the clause that decides.
    pub(crate) fn decide(&self, case: &Case<'_>) -> (bool, &str) {
        let applies = |clause: &&Clause| clause.all.iter().all(|test| case.meets(test));
        if let Some(clause) = self.deny.iter().find(applies) {
            return (false, &clause.id);
        }
        match self.allow.iter().find(applies) {
            Some(clause) => (true, &clause.id),
            None if self.allow.is_empty() => (true, "implicitAllow"),
            None => (false, "implicitDeny"),
        }
    }
}
