//! The story of a run, scene by scene.

use std::fmt;
use std::sync::Arc;

use batch_canceller::batch::{Filter, Listing, Which};
use batch_canceller::request::ListingOf;
use batch_sim::{Change, Deed, Happening};

use crate::Ms;
use crate::checker::End;
use crate::checker::calls::Item;
use crate::plan::{Via, Want};
use crate::stage::Asked;

/// What is kept of the story.
#[derive(Debug, Clone, Default)]
pub enum Trace {
    /// Nothing.
    #[default]
    Off,
    /// Every scene.
    Kept(Vec<Scene>),
}

/// Something that happened, at some time; as text, a line of the story.
#[derive(Debug, Clone)]
pub struct Scene {
    pub(crate) at: Ms,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// From now on nothing goes wrong any more.
    Calm,
    Sent {
        request: usize,
        via: Via,
        body: Arc<str>,
        wants: Arc<[Want]>,
    },
    /// A message is put into a queue.
    Carried {
        message: String,
        request: usize,
    },
    Received {
        invocation: usize,
        instance: usize,
        /// Each by its id, with the request that it is about.
        deliveries: Vec<(Arc<str>, usize)>,
    },
    Said {
        instance: usize,
        text: String,
        result: Option<ResultLine>,
    },
    Ended {
        invocation: usize,
        end: End,
    },
    ComesBack(Arc<str>),
    Deleted {
        message: Arc<str>,
        in_vain: bool,
    },
    /// A message goes to the dead-letter queue.
    Died(Arc<str>),
    /// A request goes to the on-failure destination.
    GivenUp(usize),
    /// A message is taken out of the dead-letter queue.
    PutBack(Arc<str>),
    RecordPutBack(usize),
    CallStarts {
        invocation: usize,
        call: u64,
        asked: Asked,
        ids: Vec<String>,
    },
    CallReturns {
        call: u64,
        error: Option<String>,
        items: Vec<(String, Item)>,
    },
    CallDropped(u64),
    Changed(Change),
    Deed {
        job: String,
        deed: Deed,
    },
}

/// A result as the function wrote it into its log.
#[derive(Debug, Clone)]
pub(crate) struct ResultLine {
    /// Of the delivery.
    pub(crate) id: String,
    /// `None` for all of them.
    pub(crate) job: Option<String>,
    pub(crate) outcome: String,
}

impl Trace {
    pub(crate) fn note(&mut self, at: Ms, what: impl FnOnce() -> What) {
        if let Self::Kept(scenes) = self {
            scenes.push(Scene { at, what: what() });
        }
    }

    /// The story so far.
    #[must_use]
    pub fn scenes(&self) -> &[Scene] {
        match self {
            Self::Off => &[],
            Self::Kept(scenes) => scenes,
        }
    }

    /// The same as text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.scenes().iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8}.{:03} {}", self.at / 1_000, self.at % 1_000, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calm => f.write_str("-- from now on nothing goes wrong any more --"),
            Self::Sent { request, via, body, .. } => {
                write!(f, "request {request} is sent by {via:?}: {body}")
            }
            Self::Carried { message, request } => write!(f, "message {message} carries request {request}"),
            Self::Received { invocation, instance, deliveries } => {
                let ids: Vec<&str> = deliveries.iter().map(|(id, _)| &**id).collect();
                write!(f, "invocation {invocation} on instance {instance} gets {}", ids.join(", "))
            }
            Self::Said { instance, text, .. } => write!(f, "instance {instance} says: {text}"),
            Self::Ended { invocation, end } => write!(f, "invocation {invocation} ends: {end:?}"),
            Self::ComesBack(message) => write!(f, "{message} comes back"),
            Self::Deleted { message, in_vain } => {
                write!(f, "{message} is deleted{}", if *in_vain { ", in vain" } else { "" })
            }
            Self::Died(message) => write!(f, "{message} goes to the dead-letter queue"),
            Self::GivenUp(request) => write!(f, "request {request} goes to the on-failure destination"),
            Self::PutBack(message) => write!(f, "{message} is put back"),
            Self::RecordPutBack(request) => {
                write!(f, "the record of request {request} is put into the queue")
            }
            Self::CallStarts { invocation, call, asked, ids } => {
                write!(f, "invocation {invocation} makes call {call}: ")?;
                match asked {
                    Asked::Show { .. } => f.write_str("DescribeJobs")?,
                    Asked::Stop(action, reason) => {
                        write!(f, "{action:?}Job{} {reason:?}", if ids.len() > 1 { "s" } else { "" })?;
                    }
                    Asked::List { listing, page } => {
                        return write!(f, "{}, {}", list_jobs(listing), page.as_deref().unwrap_or("page 0"));
                    }
                }
                write!(f, " {}", ids.join(" "))
            }
            Self::CallReturns { call, error, items } => {
                let items: Vec<_> = items.iter().map(|(id, item)| format!("{id} {item:?}")).collect();
                let error = error.as_ref().map(|error| format!("{error} ")).unwrap_or_default();
                write!(f, "call {call} is answered: {error}{}", items.join(", "))
            }
            Self::CallDropped(call) => write!(f, "call {call} is given up"),
            Self::Changed(change) => changed(f, change),
            Self::Deed { job, deed } => write!(f, "somebody else does to {job}: {deed:?}"),
        }
    }
}

/// A question to `ListJobs` in few words.
pub(crate) fn list_jobs(listing: &Listing) -> String {
    let of = match &listing.of {
        ListingOf::JobQueue(queue) => &**queue,
        ListingOf::ArrayJob(id) => id.as_str(),
    };
    let which = match &listing.which {
        Which::In(status) => status.as_str().to_owned(),
        Which::Filtered(Filter::JobName(name)) => format!("by the name {name}"),
        Which::Filtered(Filter::CreatedBefore(ms)) => format!("created before {ms}"),
        Which::Filtered(Filter::CreatedAfter(ms)) => format!("created after {ms}"),
        Which::Filtered(Filter::ShareIdentifier(share, status)) => {
            format!("{} of share {share}", status.as_str())
        }
    };
    format!("ListJobs {of} {which}")
}

fn changed(f: &mut fmt::Formatter<'_>, Change { id, what, .. }: &Change) -> fmt::Result {
    match what {
        Happening::Added(status) => write!(f, "{id} is submitted: {}", status.as_str()),
        Happening::Moved { from, to, reason, by } => {
            write!(f, "{id}: {} -> {}", from.as_str(), to.as_str())?;
            if let Some(reason) = reason {
                write!(f, " {reason:?}")?;
            }
            match by {
                None => Ok(()),
                Some(by) => match by.caller {
                    Some(call) => write!(f, ", by call {call} ({:?})", by.verb),
                    None => write!(f, ", by somebody else ({:?})", by.verb),
                },
            }
        }
        Happening::Expired => write!(f, "{id} is forgotten"),
    }
}
