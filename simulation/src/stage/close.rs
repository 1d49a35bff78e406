//! The end of a run: what must not be left, and by when.

use super::Stage;
use super::sources::{ASYNC_PAUSES, THROTTLED_PAUSE};
use crate::Ms;
use crate::plan::Via;

impl Stage {
    /// At the end of a run, each request is settled, or lies where it can be put back from.
    pub(super) fn nothing_is_left(&mut self) {
        let mut dead: Vec<usize> = self.failures.iter().map(|failure| failure.request).collect();
        for queue in &self.queues {
            dead.extend(queue.dead.iter().map(|message| message.request));
        }
        let left: Vec<_> =
            self.queues.iter().flat_map(|queue| queue.waiting().iter().map(|m| m.id.clone())).collect();
        if !left.is_empty() {
            self.checker.violation("nothing is lost", format!("{left:?} are left in the queues for good"));
        }
        for (number, request) in self.plan.requests.iter().enumerate() {
            let is_direct = matches!(request.via, Via::Direct { .. });
            let is_settled = self.sent.get(number).is_some_and(|sent| sent.settled);
            if !is_settled && !is_direct && !dead.contains(&number) {
                self.checker.violation(
                    "nothing is lost",
                    format!("request {number} is neither settled nor given up"),
                );
            }
        }
        let bound = self.bound();
        if self.last_end > bound {
            let text = format!("the last request came to its end at {} ms, after {bound} ms", self.last_end);
            self.checker.violation("everything settles", text);
        }
    }

    /// By when everything must have come to an end: each message can be received so often, and in a queue with order,
    /// one may have to wait for all others.
    fn bound(&self) -> Ms {
        let count = |number: usize| Ms::try_from(number).unwrap_or(Ms::MAX);
        let requests = count(self.plan.requests.len());
        let last = self
            .plan
            .requests
            .iter()
            .map(|request| request.at)
            .chain(self.plan.redrives.iter().copied())
            .max();
        let from = last.unwrap_or_default().max(self.plan.calm_at);
        let timeout = self.plan.lambda.timeout;
        let one = |queue: &super::Queue| {
            let plan = &queue.plan;
            let rounds = Ms::from(plan.max_receives) + 1;
            let round = plan.visibility + timeout + plan.window + THROTTLED_PAUSE;
            rounds * round * if plan.fifo { requests + 1 } else { 2 }
        };
        let busy = (requests * 3 + 10) * (timeout + THROTTLED_PAUSE);
        from + self.queues.iter().map(one).max().unwrap_or_default() + ASYNC_PAUSES.iter().sum::<Ms>() + busy
    }
}
