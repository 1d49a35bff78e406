//! Where results go as they come: into the log, to the publisher, and into what the answer will need.

use std::time::Duration;

use crate::engine::{JobResult, Sink, Tally};
use crate::intake::{self, Intake};
use crate::log::Lines;
use crate::metrics::Metrics;
use crate::outcome::{Outcome, Verdict};
use crate::policy::Policy;
use crate::publisher::Publisher;
use crate::report::{Gathered, Summary, record, sweep_record};
use crate::sweep::Ended;
use crate::trigger::{Delivery, is_of_own_result};

/// The sink of an invocation.
pub(crate) struct Outbox<'a> {
    deliveries: &'a [Delivery],
    lines: Lines<'a>,
    clock: fn() -> u64,
    /// Whether time has passed since the lines were last told what time it is.
    is_late: bool,
    gathered: Gathered,
    publisher: &'a Publisher<'a>,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(
        deliveries: &'a [Delivery],
        lines: Lines<'a>,
        clock: fn() -> u64,
        keep: bool,
        publisher: &'a Publisher<'a>,
    ) -> Self {
        let gathered = Gathered::new(deliveries.len(), keep);
        Self { deliveries, lines, clock, is_late: false, gathered, publisher }
    }

    /// Tells what is known before any call: which deliveries are rejected, and for which there is no room.
    pub(crate) fn admit(&mut self, intake: &Intake) {
        for (place, delivery) in intake.deliveries.iter().enumerate() {
            match &delivery.request {
                Err(rejection) => {
                    self.whole(
                        place,
                        delivery,
                        1,
                        &Verdict::because(Outcome::Rejected, rejection.to_string()),
                    );
                }
                Ok(request) if place >= intake.room => {
                    let why = format!("the invocation has more than {} jobs without it", intake.max_jobs);
                    let verdict = Verdict::because(Outcome::NotAttempted, why);
                    // A sweep names no jobs, and is one result.
                    self.whole(place, delivery, request.jobs.len().max(1), &verdict);
                }
                Ok(request) if request.jobs.len() > 1 || request.sweep.is_some() => {
                    if request.sweep.is_some() {
                        self.gathered.expect_sweep(place);
                    }
                    self.lines.delivery(
                        request.jobs.len(),
                        request.metadata.as_deref(),
                        &delivery.requested_by,
                    );
                }
                Ok(_) => {}
            }
        }
    }

    /// How many of a sweep's jobs were stopped, if others are left.
    pub(crate) fn cut_short(&self, delivery: usize) -> Option<usize> {
        self.gathered.cut_short(delivery)
    }

    /// Tells what a sweep came to, after its jobs.
    pub(crate) fn sweep(&mut self, sweep: Ended) {
        if let Some(delivery) = self.deliveries.get(sweep.delivery) {
            let (verdict, report) = self.gathered.sweep(sweep);
            self.lines.at((self.clock)());
            let result = sweep_record(delivery, &verdict, &report);
            self.lines.result(&result);
            self.publisher.tell(&result);
        }
    }

    /// Writes the lines of the invocation as a whole, and gives what the answer needs.
    pub(crate) fn close(
        mut self,
        service: &str,
        tally: Tally,
        duration: Duration,
        policy: Option<&Policy>,
    ) -> Gathered {
        self.lines.at((self.clock)());
        let summary = Summary { outcomes: self.gathered.counts(), tally, omitted: 0 };
        self.lines.summary(&summary, duration, policy.map(Policy::sha256));
        let lost = self.publisher.lost();
        if lost.events > 0 {
            self.lines.events_lost(&lost);
        }
        if let Some(metrics) = Metrics::of(service, self.lines.now_ms(), summary.outcomes, tally, lost.events)
        {
            self.lines.metrics(&metrics);
        }
        self.lines.flush();
        self.gathered
    }

    /// One result for a whole delivery.
    fn whole(&mut self, place: usize, delivery: &Delivery, jobs: usize, verdict: &Verdict) {
        let mut result = record(delivery, verdict, None);
        // It goes back untouched, and will be told of when it is dealt with.
        result.metadata = None;
        self.lines.result(&result);
        if !is_of_own_result(delivery) {
            self.publisher.tell(&result);
        }
        self.gathered.delivery(place, verdict, jobs);
    }
}

impl Sink for Outbox<'_> {
    fn settled(&mut self, result: JobResult<'_>) {
        if std::mem::take(&mut self.is_late) {
            self.lines.at((self.clock)());
        }
        if let Some(delivery) = self.deliveries.get(result.ordered.delivery) {
            let mut record = record(delivery, result.verdict, Some(result));
            self.publisher.tell(&record);
            if intake::jobs(delivery) != 1 {
                record.metadata = None;
            }
            self.lines.result(&record);
        }
        self.gathered.job(result);
    }

    fn flush(&mut self) {
        self.lines.flush();
        self.is_late = true;
    }
}
