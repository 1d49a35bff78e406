//! How much of an invocation is taken on: at most `MAX_JOBS` jobs, whole deliveries only. Pure.

use crate::order::{Order, orders};
use crate::request::{CancelRequest, Rejection};
use crate::trigger::{Delivery, Source};

/// The deliveries of an invocation, and how many of them there is room for.
#[derive(Debug)]
pub(crate) struct Intake {
    /// In their order.
    pub(crate) deliveries: Vec<Delivery>,
    /// From this place on they go back untouched.
    pub(crate) room: usize,
    /// The most jobs of an invocation.
    pub(crate) max_jobs: usize,
}

/// Takes on deliveries up to `max_jobs` jobs.
///
/// What is beyond goes back, where the source takes it back in part. Else the whole payload is rejected, since coming
/// again would change nothing; and so is a delivery that exceeds the limit alone.
pub(crate) fn admit(mut deliveries: Vec<Delivery>, max_jobs: usize) -> Intake {
    let in_part = deliveries.iter().all(|delivery| delivery.requested_by.source == Source::Sqs);
    let all: usize = deliveries.iter().map(jobs).sum();
    for delivery in &mut deliveries {
        let named = if in_part { jobs(delivery) } else { all };
        if delivery.request.is_ok() && named > max_jobs {
            delivery.request = Err(Rejection::new(
                "jobIds",
                format!(
                    "names {named} jobs with all else that came with it, more than the {max_jobs} of an invocation"
                ),
                "spread them over several messages, or raise MAX_JOBS",
            ));
        }
    }
    let mut taken = 0;
    let fits = |delivery: &Delivery| {
        taken += jobs(delivery);
        taken > max_jobs
    };
    let room = deliveries.iter().position(fits).unwrap_or(deliveries.len());
    Intake { deliveries, room, max_jobs }
}

impl Intake {
    /// How many results there will be.
    pub(crate) fn results(&self) -> usize {
        let each =
            |(place, delivery): (usize, &Delivery)| if place < self.room { jobs(delivery).max(1) } else { 1 };
        self.deliveries.iter().enumerate().map(each).sum()
    }

    /// The orders of the deliveries that there is room for.
    pub(crate) fn orders(&self) -> Vec<Order> {
        let taken = self.deliveries.iter().enumerate().take(self.room);
        orders(taken.filter_map(|(place, delivery)| Some((place, delivery.request.as_ref().ok()?))))
    }
}

/// How many jobs a delivery names.
pub(crate) fn jobs(delivery: &Delivery) -> usize {
    delivery.request.as_ref().map_or(0, |request: &CancelRequest| request.jobs.len())
}
