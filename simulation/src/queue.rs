//! A queue by SQS's rules. Pure: time comes in, and what is random is the caller's.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Ms;
use crate::plan::QueuePlan;

/// A queue with its dead-letter queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) plan: QueuePlan,
    /// In the order in which they were sent.
    messages: Vec<Message>,
    pub(crate) dead: Vec<Message>,
}

/// A message that has not been deleted.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: Arc<str>,
    pub(crate) body: Arc<str>,
    /// Which request it carries.
    pub(crate) request: usize,
    pub(crate) group: Option<u8>,
    pub(crate) receives: u32,
    /// From when it can be received.
    visible: Ms,
}

/// What a look for messages brings.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) batch: Vec<Message>,
    /// What was received too often, and lies in the dead-letter queue now.
    pub(crate) died: Vec<Message>,
}

impl Message {
    pub(crate) fn visible(&self) -> Ms {
        self.visible
    }
}

impl Queue {
    pub(crate) fn new(plan: QueuePlan) -> Self {
        Self { plan, messages: Vec::new(), dead: Vec::new() }
    }

    pub(crate) fn send(&mut self, id: &str, body: Arc<str>, request: usize, group: Option<u8>, now: Ms) {
        self.messages.push(Message { id: id.into(), body, request, group, receives: 0, visible: now });
    }

    /// Takes out up to a batch of what is visible. In a queue with order, a group whose message is being dealt with
    /// is held back.
    pub(crate) fn receive(&mut self, now: Ms) -> Received {
        let mut received = Received::default();
        let mut held: BTreeSet<u8> = BTreeSet::new();
        if self.plan.fifo {
            let busy = self.messages.iter().filter(|message| message.visible > now);
            held.extend(busy.filter_map(|message| message.group));
        }
        let (most, max_receives) = (self.plan.batch_size, self.plan.max_receives);
        let until = now + self.plan.visibility;
        let died = self.messages.extract_if(.., |message| {
            let is_free = message.visible <= now && message.group.is_none_or(|group| !held.contains(&group));
            if received.batch.len() >= most || !is_free {
                // Nothing of the group may overtake it.
                held.extend(message.group.filter(|_| self.plan.fifo));
                return false;
            }
            if message.receives >= max_receives {
                return true;
            }
            message.receives += 1;
            message.visible = until;
            received.batch.push(message.clone());
            false
        });
        received.died = died.collect();
        self.dead.extend(received.died.iter().cloned());
        received
    }

    /// Deletes a message; says whether it was still there.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| &*message.id != id);
        before > self.messages.len()
    }

    /// A message is there (again), to be received from `visible` on: one that was delivered although its time-out had
    /// begun, or was deleted in vain.
    pub(crate) fn reappear(&mut self, message: &Message, visible: Ms) {
        match self.messages.iter_mut().find(|other| other.id == message.id) {
            Some(there) => there.visible = visible,
            None => self.messages.push(Message { visible, ..message.clone() }),
        }
    }

    /// When the next message can be received, if there is any.
    pub(crate) fn next_visible(&self) -> Option<Ms> {
        self.messages.iter().map(|message| message.visible).min()
    }

    pub(crate) fn waiting(&self) -> &[Message] {
        &self.messages
    }

    /// Takes everything out of the dead-letter queue.
    pub(crate) fn take_dead(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.dead)
    }
}
