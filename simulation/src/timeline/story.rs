//! What a trace tells, by whom it is about.

use std::collections::BTreeMap;

use batch_canceller::request::Action;
use batch_sim::{Change, Deed, Happening, JobStatus, StoppedBy};

use crate::Ms;
use crate::checker::End;
use crate::checker::calls::Item;
use crate::plan::{Of, Via, Want};
use crate::stage::Asked;
use crate::trace::{Scene, What, list_jobs};

#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) requests: BTreeMap<usize, Request>,
    pub(super) instances: BTreeMap<usize, Instance>,
    pub(super) calls: BTreeMap<u64, Call>,
    /// By length and then by name, so that 10 comes after 2.
    pub(super) jobs: BTreeMap<(usize, String), Job>,
    pub(super) calm: Option<Ms>,
    pub(super) moments: Vec<Ms>,
    pub(super) end: Ms,
    invocations: BTreeMap<usize, Vec<(std::sync::Arc<str>, usize)>>,
    /// Which request a message carries.
    carried: BTreeMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) sent: Ms,
    pub(super) via: Via,
    /// What it is called where it comes from.
    pub(super) names: Vec<String>,
    pub(super) asks: String,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) marks: Vec<(Ms, Mark, String)>,
    /// What was last said of each of its jobs.
    pub(super) results: BTreeMap<String, String>,
}

/// An invocation, as the request or the instance sees it.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) invocation: usize,
    pub(super) from: Ms,
    pub(super) until: Option<Ms>,
    pub(super) ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Fine,
    /// There is an error, or it comes back.
    Back,
    Killed,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Sent,
    Back,
    Done,
    Dead,
}

#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Debug)]
pub(super) struct Call {
    invocation: usize,
    pub(super) kind: CallKind,
    pub(super) what: String,
    pub(super) from: Ms,
    pub(super) until: Option<Ms>,
    pub(super) ending: CallEnding,
    pub(super) told: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    Look,
    Act,
    /// A look at what has been acted upon.
    Confirm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallEnding {
    Answered,
    /// Batch says no to it.
    Refused,
    Failed,
    /// Nobody waits for it any more.
    GivenUp,
}

#[derive(Debug, Default)]
pub(super) struct Job {
    /// Each with the time from which on it stands there.
    pub(super) steps: Vec<(Ms, JobStatus)>,
    pub(super) deeds: Vec<(Ms, String)>,
    pub(super) ended: Option<(Ms, Who, String)>,
    pub(super) forgotten: Option<Ms>,
}

/// Who ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Function(u64),
    Others,
    Itself,
}

impl Story {
    pub(super) fn of(scenes: &[Scene]) -> Self {
        let mut story = Self::default();
        for Scene { at, what } in scenes {
            story.moments.push(*at);
            story.end = story.end.max(*at);
            story.scene(*at, what);
        }
        story
    }

    fn scene(&mut self, at: Ms, what: &What) {
        match what {
            What::Calm => self.calm = Some(at),
            What::Sent { request, via, wants, .. } => self.sent(at, *request, *via, wants),
            What::Carried { message, request } => {
                self.carried.insert(message.clone(), *request);
                if let Some(own) = self.requests.get_mut(request) {
                    own.names.push(message.clone());
                    // The first is there as soon as it is sent.
                    if own.names.len() > 1 {
                        own.marks.push((at, Mark::Sent, format!("{message} is put into the queue")));
                    }
                }
            }
            What::Received { invocation, instance, deliveries } => {
                let delivery =
                    Delivery { invocation: *invocation, from: at, until: None, ending: Ending::Fine };
                self.instances.entry(*instance).or_default().deliveries.push(delivery.clone());
                self.invocations.insert(*invocation, deliveries.clone());
                for (id, request) in deliveries {
                    let Some(own) = self.requests.get_mut(request) else { continue };
                    if own.names.is_empty() {
                        own.names.push(id.to_string());
                    }
                    // A list has several deliveries in one invocation.
                    if own.deliveries.last().is_none_or(|last| last.invocation != *invocation) {
                        own.deliveries.push(delivery.clone());
                    }
                }
            }
            What::Said { instance, result: Some(result), .. } => {
                let request = self.current(*instance).and_then(|deliveries| {
                    deliveries.iter().find(|(id, _)| **id == *result.id).map(|(_, request)| *request)
                });
                if let Some(own) = request.and_then(|request| self.requests.get_mut(&request)) {
                    own.results.insert(result.job.clone().unwrap_or_default(), result.outcome.clone());
                }
            }
            What::Said { .. } | What::PutBack(_) | What::RecordPutBack(_) => {}
            What::Ended { invocation, end } => self.ended(at, *invocation, end),
            What::ComesBack(message) => {
                self.mark(message, at, Mark::Back);
                self.came_back(message);
            }
            What::Deleted { message, .. } => self.mark(message, at, Mark::Done),
            What::Died(message) => self.mark(message, at, Mark::Dead),
            What::GivenUp(request) => {
                if let Some(own) = self.requests.get_mut(request) {
                    own.marks.push((at, Mark::Dead, "goes to the on-failure destination".to_owned()));
                }
            }
            What::CallStarts { invocation, call, asked, ids } => {
                self.call_starts(at, *invocation, *call, asked, ids);
            }
            What::CallReturns { call, error, items } => {
                if let Some(call) = self.calls.get_mut(call) {
                    let is = |item: Item| items.iter().any(|(_, of)| *of == item);
                    call.until = Some(at);
                    call.ending = if error.is_some() && is(Item::Failed) || is(Item::Failed) {
                        CallEnding::Failed
                    } else if is(Item::Refused) {
                        CallEnding::Refused
                    } else {
                        CallEnding::Answered
                    };
                    let items = items.iter().map(|(id, item)| format!("{id} {}", item_told(*item)));
                    call.told = error.clone().unwrap_or_else(|| items.collect::<Vec<_>>().join(", "));
                }
            }
            What::CallDropped(call) => {
                if let Some(call) = self.calls.get_mut(call) {
                    (call.until, call.ending) = (Some(at), CallEnding::GivenUp);
                    "is given up without an answer".clone_into(&mut call.told);
                }
            }
            What::Changed(change) => self.changed(at, change),
            What::Deed { job, deed } => {
                let deed = match deed {
                    Deed::Cancel(reason) => format!("other people cancel it: {reason}"),
                    Deed::Terminate(reason) => format!("other people terminate it: {reason}"),
                    other => format!("other people: {other:?}"),
                };
                self.job(job).deeds.push((at, deed));
            }
        }
    }

    fn sent(&mut self, at: Ms, number: usize, via: Via, wants: &[Want]) {
        let marks = vec![(at, Mark::Sent, "is sent".to_owned())];
        let request = Request {
            sent: at,
            via,
            names: Vec::new(),
            asks: asked(wants),
            deliveries: Vec::new(),
            marks,
            results: BTreeMap::new(),
        };
        self.requests.insert(number, request);
    }

    /// From when to when somebody works.
    pub(super) fn work(&self) -> Vec<(Ms, Ms)> {
        let deliveries = self.instances.values().flat_map(|instance| &instance.deliveries);
        deliveries.map(|own| (own.from, own.until.unwrap_or(self.end))).collect()
    }

    /// What the invocation on an instance got.
    fn current(&self, instance: usize) -> Option<&[(std::sync::Arc<str>, usize)]> {
        let invocation = self.instances.get(&instance)?.deliveries.last()?.invocation;
        self.invocations.get(&invocation).map(Vec::as_slice)
    }

    fn ended(&mut self, at: Ms, invocation: usize, end: &End) {
        let ending = match end {
            End::Replied(_) => Ending::Fine,
            End::Failed { .. } => Ending::Back,
            End::Killed { .. } | End::Panicked => Ending::Killed,
        };
        let of_instances = self.instances.values_mut().flat_map(|instance| &mut instance.deliveries);
        let requests = self.requests.values_mut();
        let queues = |via: Via| matches!(via, Via::Queue { .. });
        for request in requests {
            for delivery in request.deliveries.iter_mut().filter(|own| own.invocation == invocation) {
                (delivery.until, delivery.ending) = (Some(at), ending);
                if !queues(request.via) && !request.names.iter().any(|name| self.carried.contains_key(name)) {
                    let (mark, told) = match ending {
                        Ending::Fine => (Mark::Done, "is answered"),
                        Ending::Back | Ending::Killed => (Mark::Back, "is answered by an error"),
                    };
                    request.marks.push((at, mark, told.to_owned()));
                }
            }
        }
        for delivery in of_instances.filter(|own| own.invocation == invocation) {
            (delivery.until, delivery.ending) = (Some(at), ending);
        }
    }

    fn mark(&mut self, message: &str, at: Ms, mark: Mark) {
        let told = match mark {
            Mark::Sent => "is sent",
            Mark::Back => "comes back",
            Mark::Done => "is acknowledged",
            Mark::Dead => "goes to the dead-letter queue",
        };
        if let Some(own) = self.carried.get(message).and_then(|request| self.requests.get_mut(request)) {
            own.marks.push((at, mark, format!("{message} {told}")));
        }
    }

    fn came_back(&mut self, message: &str) {
        let own = self.carried.get(message).and_then(|request| self.requests.get_mut(request));
        let Some(last) = own.and_then(|own| own.deliveries.last_mut()) else { return };
        let invocation = last.invocation;
        let of_instances = self.instances.values_mut().flat_map(|instance| &mut instance.deliveries);
        let same = of_instances.filter(|own| own.invocation == invocation);
        for delivery in same.chain([last]).filter(|own| own.ending == Ending::Fine) {
            delivery.ending = Ending::Back;
        }
    }

    fn call_starts(&mut self, at: Ms, invocation: usize, number: u64, asked: &Asked, ids: &[String]) {
        let acted = |call: &Call| call.invocation == invocation && call.kind == CallKind::Act;
        let verb = match asked {
            Asked::Stop(action, _) => format!("{action:?}Job{}", if ids.len() > 1 { "s" } else { "" }),
            Asked::Show { .. } => "DescribeJobs".to_owned(),
            Asked::List { listing, .. } => list_jobs(listing),
        };
        let kind = match asked.stop() {
            Some(_) => CallKind::Act,
            None if self.calls.values().any(acted) => CallKind::Confirm,
            None => CallKind::Look,
        };
        let call = Call {
            invocation,
            kind,
            what: format!("{verb} {}", ids.join(" ")),
            from: at,
            until: None,
            ending: CallEnding::GivenUp,
            told: "never comes back".to_owned(),
        };
        self.calls.insert(number, call);
    }

    fn job(&mut self, id: &str) -> &mut Job {
        self.jobs.entry((id.len(), id.to_owned())).or_default()
    }

    fn changed(&mut self, at: Ms, change: &Change) {
        let job = self.job(&change.id);
        match &change.what {
            Happening::Added(status) => job.steps.push((at, *status)),
            Happening::Moved { to, reason, by, .. } => {
                job.steps.push((at, *to));
                if to.has_ended() {
                    let who = match by {
                        None => Who::Itself,
                        Some(StoppedBy { caller: Some(call), .. }) => Who::Function(*call),
                        Some(StoppedBy { caller: None, .. }) => Who::Others,
                    };
                    job.ended = Some((at, who, reason.clone().unwrap_or_default()));
                }
            }
            Happening::Expired => job.forgotten = Some(at),
        }
    }
}

impl Job {
    /// Whether other people ended it just then.
    pub(super) fn ended_by_others_at(&self, at: Ms) -> bool {
        self.ended.as_ref().is_some_and(|(ended, who, _)| *ended == at && *who == Who::Others)
    }
}

fn item_told(item: Item) -> String {
    match item {
        Item::Shown(Some(status)) => format!("is shown {}", status.as_str()),
        Item::Shown(None) => "is not shown".to_owned(),
        Item::Accepted => "accepted".to_owned(),
        Item::Refused => "refused".to_owned(),
        Item::Failed => "failed".to_owned(),
    }
}

/// What somebody wants, in few words.
fn asked(wants: &[Want]) -> String {
    let [want] = wants else {
        return format!("{} requests", wants.len());
    };
    let Some(ask) = &want.ask else {
        return "malformed".to_owned();
    };
    let verb = match ask.action {
        Action::Cancel => "cancel",
        Action::Terminate => "terminate",
    };
    let jobs = match ask.jobs.as_slice() {
        _ if let Some(sweep) = &ask.sweep => format!("by a sweep of {}", of(&sweep.of)),
        [job] => job.clone(),
        jobs => format!("{} jobs", jobs.len()),
    };
    format!("{verb} {jobs}{}", if ask.dry_run { " (dry run)" } else { "" })
}

fn of(of: &Of) -> &str {
    match of {
        Of::Queue(queue) => queue,
        Of::Array(id) => id,
    }
}
