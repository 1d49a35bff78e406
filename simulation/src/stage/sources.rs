//! Where requests come from: producers, queues, asynchronous invocations, and callers who wait.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lambda::{Origin, Work};
use super::{Event, Stage};
use crate::Ms;
use crate::checker::{Delivery, Told};
use crate::fault::Kind;
use crate::oracle::By;
use crate::payload::{self, Record};
use crate::plan::{Shape, Via};
use crate::queue::Message;
use crate::trace::What;

/// Lambda's asynchronous invocations: so many, so long after the one before.
pub(super) const ASYNC_PAUSES: [Ms; 2] = [60_000, 120_000];

/// How long who finds no free instance waits.
pub(super) const THROTTLED_PAUSE: Ms = 1_000;

/// An asynchronous invocation.
#[derive(Debug, Clone)]
pub(super) struct Async {
    request: usize,
    payload: Arc<str>,
    attempts: usize,
}

/// A call by somebody who waits for the answer.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    request: usize,
    retries: u32,
}

/// What lies at the destination of asynchronous invocations that failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) request: usize,
    record: Arc<str>,
}

impl Stage {
    pub(super) fn send(&mut self, number: usize) {
        let Some(request) = self.plan.requests.get(number) else {
            return;
        };
        let (via, shape, wants) = (request.via, request.shape, request.wants.clone());
        let body: Arc<str> = payload::body(request, number).into();
        if let Some(sent) = self.sent.get_mut(number) {
            sent.body = body.clone();
        }
        self.say(|| What::Sent { request: number, via, body: body.clone(), wants });
        match via {
            Via::Queue { fifo, group } => {
                self.put(usize::from(fifo), body, number, fifo.then_some(group));
            }
            Via::Bus | Via::Topic => {
                let payload: Arc<str> = match via {
                    Via::Bus if shape == Shape::Blocked => body.to_string(),
                    Via::Bus => payload::event(&body, number),
                    _ => payload::topic(&body, number),
                }
                .into();
                let copies = if self.strikes(Kind::Duplicate) { 2 } else { 1 };
                for _ in 0..copies {
                    self.asyncs.push(Async { request: number, payload: payload.clone(), attempts: 0 });
                    self.at(self.now, Event::Invoke(self.asyncs.len() - 1));
                }
            }
            Via::Direct { retries } => {
                self.directs.push(Direct { request: number, retries });
                self.at(self.now, Event::Call(self.directs.len() - 1));
            }
        }
    }

    fn put(&mut self, queue: usize, body: Arc<str>, request: usize, group: Option<u8>) {
        self.messages += 1;
        let (id, now) = (format!("m{}", self.messages), self.now);
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.send(&id, body, request, group, now);
        }
        self.say(|| What::Carried { message: id, request });
        self.arm(queue, now);
    }

    /// The queue is looked into when the next message can be received, but not before `from`.
    pub(super) fn arm(&mut self, queue: usize, from: Ms) {
        let Some(there) = self.queues.get(queue) else {
            return;
        };
        let visible = there.waiting().iter().map(Message::visible).filter(|visible| *visible >= from).min();
        let visible = if from <= self.now { there.next_visible() } else { visible };
        let Some(at) = visible.map(|visible| visible.max(from) + there.plan.window) else {
            return;
        };
        if let Some(poll) = self.polls.get_mut(queue)
            && poll.is_none_or(|due| due > at)
        {
            *poll = Some(at);
            self.at(at, Event::Poll(queue));
        }
    }

    pub(super) fn poll(&mut self, number: usize) {
        let now = self.now;
        let (Some(queue), Some(poll)) = (self.queues.get_mut(number), self.polls.get_mut(number)) else {
            return;
        };
        if *poll != Some(now) {
            return;
        }
        *poll = None;
        if self.running >= self.plan.lambda.concurrency {
            *poll = Some(now + THROTTLED_PAUSE);
            self.at(now + THROTTLED_PAUSE, Event::Poll(number));
            return;
        }
        let received = queue.receive(now);
        let fifo = queue.plan.fifo;
        for message in &received.died {
            self.say(|| What::Died(message.id.clone()));
            self.gave_up(message.request, &message.id, &message.body);
        }
        if received.batch.is_empty() {
            return self.arm(number, now + 1);
        }
        for message in &received.batch {
            if !fifo && self.strikes(Kind::Duplicate) {
                let visible = now + self.dice.pick([0, 100, 5_000]);
                if let Some(queue) = self.queues.get_mut(number) {
                    queue.reappear(message, visible);
                }
            }
        }
        let records: Vec<Record<'_>> = received
            .batch
            .iter()
            .map(|message| Record {
                sender: self
                    .plan
                    .requests
                    .get(message.request)
                    .map_or(payload::SENDER, |request| request.sender),
                id: &message.id,
                body: &message.body,
                receives: message.receives,
                group: message.group,
            })
            .collect();
        let payload = payload::batch(&records);
        let deliveries =
            received.batch.iter().map(|message| self.delivery(&message.id, message.request, Some(message)));
        let deliveries = deliveries.collect();
        self.start(
            Origin::Batch { queue: number, messages: received.batch },
            Work { payload, deliveries, request_id: None },
        );
        self.arm(number, now + 1);
    }

    /// What is delivered of a request: in a message, or else by its own way.
    fn delivery(&self, id: &str, request: usize, message: Option<&Message>) -> Delivery {
        let plan = self.plan.requests.get(request);
        let wants = plan.map_or_else(|| Arc::new([]) as Arc<[_]>, |plan| plan.wants.clone());
        let source = match plan.map(|plan| plan.via) {
            _ if message.is_some() => "sqs",
            Some(Via::Bus) => "eventbridge",
            Some(Via::Topic) => "sns",
            _ => "direct",
        };
        let by = By { source, sender: plan.map(|plan| plan.sender).filter(|_| message.is_some()) };
        Delivery {
            id: id.into(),
            request,
            wants,
            only: None,
            group: message.and_then(|message| message.group),
            by,
        }
    }

    /// An answer to an event source mapping.
    pub(super) fn batch_ends(&mut self, queue: usize, messages: &[Message], told: &[Told]) {
        let now = self.now;
        for (message, told) in messages.iter().zip(told) {
            if *told == Told::Unsettled {
                self.say(|| What::ComesBack(message.id.clone()));
                continue;
            }
            self.settled(message.request);
            let is_lost = self.queues.get(queue).is_some_and(|queue| !queue.plan.fifo)
                && self.strikes(Kind::LostDelete);
            let pause = self.dice.pick([0, 1_000, 30_000]);
            self.say(|| What::Deleted { message: message.id.clone(), in_vain: is_lost });
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.delete(&message.id);
                if is_lost {
                    queue.reappear(message, now + pause);
                }
            }
        }
        self.arm(queue, now);
    }

    pub(super) fn invoke(&mut self, number: usize) {
        if self.running >= self.plan.lambda.concurrency {
            self.at(self.now + THROTTLED_PAUSE, Event::Invoke(number));
            return;
        }
        let Some(asynchronous) = self.asyncs.get_mut(number) else {
            return;
        };
        asynchronous.attempts += 1;
        let (request, payload) = (asynchronous.request, asynchronous.payload.to_string());
        let id = match self.plan.requests.get(request).map(|request| request.via) {
            Some(Via::Bus) => format!("event-{request}"),
            _ => format!("note-{request}"),
        };
        let deliveries = vec![self.delivery(&id, request, None)];
        self.start(Origin::Async(number), Work { payload, deliveries, request_id: None });
    }

    pub(super) fn async_ends(&mut self, number: usize, told: Told, error: (&str, &str)) {
        let Some(Async { request, payload, attempts }) = self.asyncs.get(number).cloned() else {
            return;
        };
        if told == Told::Settled {
            return self.settled(request);
        }
        if let Some(pause) = attempts.checked_sub(1).and_then(|attempt| ASYNC_PAUSES.get(attempt)) {
            self.at(self.now + pause, Event::Invoke(number));
            return;
        }
        let record: Arc<str> = payload::failed_invocation(&payload, error.0, error.1).into();
        self.say(|| What::GivenUp(request));
        self.checker.gave_up(&format!("request {request}"), &payload, requested(&record).unwrap_or_default());
        self.ended();
        self.failures.push(Failure { request, record });
    }

    pub(super) fn call(&mut self, number: usize) {
        let Some(Direct { request, .. }) = self.directs.get(number).cloned() else {
            return;
        };
        if self.running >= self.plan.lambda.concurrency {
            return self.call_ends(number, Told::Unsettled);
        }
        let request_id = format!("direct-{number}-{}", self.origins.len());
        let payload = self.sent.get(request).map_or_else(String::new, |sent| sent.body.to_string());
        let (shape, wants) =
            self.plan.requests.get(request).map_or((Shape::Bare, 0), |plan| (plan.shape, plan.wants.len()));
        let deliveries = if shape == Shape::List {
            let one = |index| Delivery {
                only: Some(index),
                ..self.delivery(&format!("{request_id}[{index}]"), request, None)
            };
            (0..wants).map(one).collect()
        } else {
            vec![self.delivery(&request_id, request, None)]
        };
        self.start(Origin::Direct(number), Work { payload, deliveries, request_id: Some(request_id) });
    }

    pub(super) fn call_ends(&mut self, number: usize, told: Told) {
        let pause = self.dice.pick([1_000, 5_000, 30_000]);
        let Some(direct) = self.directs.get_mut(number) else {
            return;
        };
        let request = direct.request;
        if told == Told::Settled {
            self.settled(request);
        } else if let Some(left) = direct.retries.checked_sub(1) {
            direct.retries = left;
            self.at(self.now + pause, Event::Call(number));
        } else {
            // The caller knows.
            self.ended();
        }
    }

    /// What lies in dead-letter queues and at destinations is put back as it is.
    pub(super) fn redrive(&mut self) {
        for number in 0..self.queues.len() {
            let dead = self.queues.get_mut(number).map(super::Queue::take_dead).unwrap_or_default();
            for message in dead {
                self.say(|| What::PutBack(message.id.clone()));
                self.put(number, message.body, message.request, message.group);
            }
        }
        for Failure { request, record } in std::mem::take(&mut self.failures) {
            self.say(|| What::RecordPutBack(request));
            self.put(0, record, request, None);
        }
    }

    fn settled(&mut self, request: usize) {
        if let Some(sent) = self.sent.get_mut(request) {
            sent.settled = true;
        }
        self.ended();
    }

    /// A message lies in a dead-letter queue.
    fn gave_up(&mut self, request: usize, id: &str, lies: &str) {
        let sent = self.sent.get(request).map(|sent| sent.body.clone()).unwrap_or_default();
        let is_record = requested(lies).is_some();
        if !is_record {
            self.checker.gave_up(id, &sent, lies);
        }
        self.ended();
    }

    fn ended(&mut self) {
        self.last_end = self.now;
    }
}

/// What was asked, in Lambda's record of a failed invocation.
fn requested(record: &str) -> Option<&str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Failed<'a> {
        #[serde(borrow)]
        request_payload: &'a RawValue,
    }
    serde_json::from_str::<Failed<'_>>(record).ok().map(|failed| failed.request_payload.get())
}
