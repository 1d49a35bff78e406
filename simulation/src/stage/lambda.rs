//! Lambda: instances, and invocations from their start to their end.

use crate::Ms;
use crate::checker::{Delivery, End, Told};
use crate::fault::Kind;
use crate::queue::Message;
use crate::said::Line;
use crate::trace::{ResultLine, What};

use super::Stage;

/// After so long a pause, connections are dead and signatures stale.
const LONG_PAUSE: Ms = 30_000;

/// An instance of the function.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) invocation: Option<usize>,
    last_used: Ms,
    /// So many calls meet what a long pause leaves behind.
    pub(super) thawing: usize,
}

/// What an invocation is for.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Batch { queue: usize, messages: Vec<Message> },
    Async(usize),
    Direct(usize),
}

/// What an invocation gets.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) payload: String,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) request_id: Option<String>,
}

/// An invocation that is to start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) invocation: usize,
    pub(crate) instance: usize,
    pub(crate) request_id: String,
    pub(crate) payload: String,
    pub(crate) deadline: Ms,
    /// When Lambda ends it, if it has not ended by then.
    pub(crate) killed_at: Ms,
}

impl Stage {
    pub(super) fn start(&mut self, origin: Origin, work: Work) {
        let Work { payload, deliveries, request_id } = work;
        let instance = self.instance();
        let timeout = self.plan.lambda.timeout;
        let deadline = self.now + timeout;
        let killed_at =
            if self.strikes(Kind::Kill) { self.now + self.dice.ms(0..=timeout) } else { deadline };
        self.tally.deliveries += u64::try_from(deliveries.len()).unwrap_or_default();
        self.tally.invocations += 1;
        let invocation = self.checker.next_invocation();
        self.say(|| What::Received {
            invocation,
            instance,
            deliveries: deliveries.iter().map(|delivery| (delivery.id.clone(), delivery.request)).collect(),
        });
        self.checker.begins(deadline, deliveries);
        self.origins.push(origin);
        self.running += 1;
        if let Some(instance) = self.instances.get_mut(&instance) {
            instance.invocation = Some(invocation);
        }
        let request_id = request_id.unwrap_or_else(|| format!("invocation-{invocation}"));
        self.starts.push(Start { invocation, instance, request_id, payload, deadline, killed_at });
    }

    /// An instance writes a line of its log.
    pub(crate) fn hear(&mut self, instance: usize, text: &str, line: &Line<'_>) {
        let invocation = self.instances.get(&instance).and_then(|instance| instance.invocation);
        self.say(|| said(instance, text, line));
        match invocation {
            Some(invocation) => self.checker.line(invocation, line),
            None => self.checker.violation(
                "one result each",
                format!("instance {instance} speaks while nobody asks: {text}"),
            ),
        }
    }

    /// The instance that was used last, or a fresh one.
    fn instance(&mut self) -> usize {
        let cold = self.strikes(Kind::ColdStart);
        let free = self.instances.iter().filter(|(_, instance)| instance.invocation.is_none());
        let warm = free.max_by_key(|(_, instance)| instance.last_used).map(|(number, _)| *number);
        if let Some(number) = warm.filter(|_| !cold) {
            let idle = self.instances.get(&number).map_or(0, |instance| self.now - instance.last_used);
            let thawing =
                if idle > LONG_PAUSE && self.strikes(Kind::Thaw) { self.dice.count(1..=4) } else { 0 };
            if let Some(instance) = self.instances.get_mut(&number) {
                instance.thawing = thawing;
            }
            return number;
        }
        self.hired += 1;
        self.tally.instances += 1;
        self.instances.insert(self.hired, Instance { invocation: None, last_used: self.now, thawing: 0 });
        self.hired
    }

    /// An invocation has ended.
    pub(crate) fn finish(&mut self, invocation: usize, instance: usize, end: &End, now: Ms) {
        self.advance(now);
        self.running -= 1;
        self.say(|| What::Ended { invocation, end: end.clone() });
        self.checker.ends(invocation, end);
        match end {
            End::Replied(_) | End::Failed { .. } => {
                if let Some(instance) = self.instances.get_mut(&instance) {
                    (instance.invocation, instance.last_used) = (None, now);
                }
            }
            End::Killed { .. } | End::Panicked => {
                self.instances.remove(&instance);
            }
        }
        let Some(origin) = self.origins.get(invocation).cloned() else {
            return;
        };
        match origin {
            Origin::Batch { queue, messages } => {
                let told = self.checker.answered_batch(invocation, end);
                self.batch_ends(queue, &messages, &told);
            }
            Origin::Async(number) => {
                let told = self.checker.answered_whole(invocation, end);
                let error = match end {
                    End::Failed { error_type, message } => (error_type.as_str(), message.as_str()),
                    _ => ("Sandbox.Timedout", "Task timed out"),
                };
                self.async_ends(number, told, error);
            }
            Origin::Direct(number) => {
                let told: Told = self.checker.answered_whole(invocation, end);
                self.call_ends(number, told);
            }
        }
        for queue in 0..self.queues.len() {
            self.arm(queue, now);
        }
    }
}

/// What a line says, in short.
fn said(instance: usize, text: &str, line: &Line<'_>) -> What {
    let (Some(outcome), Some(by)) = (&line.outcome, &line.requested_by) else {
        return What::Said { instance, text: text.to_owned(), result: None };
    };
    let why = line.why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
    let job = line.job_id.as_deref();
    let text =
        format!("to {}: {} {outcome}, after {} attempts{why}", by.id, job.unwrap_or("all"), line.attempts);
    let result =
        ResultLine { id: by.id.to_string(), job: job.map(str::to_owned), outcome: outcome.to_string() };
    What::Said { instance, text, result: Some(result) }
}
