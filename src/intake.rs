//! How much of an invocation is taken on: at most `MAX_JOBS` jobs, whole deliveries only. Pure.

use crate::order::{Order, orders};
use crate::request::{CancelRequest, Rejection};
use crate::trigger::{Delivery, takes_back_in_part};

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
    let in_part = takes_back_in_part(&deliveries);
    // A message may hold several requests, and goes back as a whole.
    let is_one = |one: &Delivery, other: &Delivery| !in_part || one.id() == other.id();
    let (mut taken, mut room) = (0, 0);
    let mut is_full = false;
    for message in deliveries.chunk_by_mut(is_one) {
        let named: usize = message.iter().map(jobs).sum();
        if named > max_jobs {
            for delivery in message.iter_mut().filter(|delivery| delivery.request.is_ok()) {
                delivery.request = Err(Rejection::new(
                    "jobIds",
                    format!(
                        "names {named} jobs with all else that came with it, more than the {max_jobs} of an invocation"
                    ),
                    "spread them over several messages, or raise MAX_JOBS",
                ));
            }
        } else {
            taken += named;
            is_full |= taken > max_jobs;
        }
        if !is_full {
            room += message.len();
        }
    }
    Intake { deliveries, room, max_jobs }
}

impl Intake {
    /// How many results there will be at most.
    pub(crate) fn results(&self) -> usize {
        let each = |(place, delivery): (usize, &Delivery)| {
            if place < self.room { most_results(delivery) } else { 1 }
        };
        self.deliveries.iter().enumerate().map(each).sum()
    }

    /// The deliveries that there is room for.
    pub(crate) fn taken(&self) -> &[Delivery] {
        self.deliveries.get(..self.room).unwrap_or(&self.deliveries)
    }

    /// The orders of the deliveries that there is room for; with `dry_run`, to change nothing.
    pub(crate) fn orders(&self, dry_run: bool) -> Vec<Order> {
        let taken = self.deliveries.iter().enumerate().take(self.room);
        orders(taken.filter_map(|(place, delivery)| Some((place, delivery.request.as_ref().ok()?))), dry_run)
    }
}

/// How many results a delivery may have: one at least, and for a sweep one for each job that it may find.
fn most_results(delivery: &Delivery) -> usize {
    let sweep = delivery.request.as_ref().ok().and_then(|request| request.sweep.as_ref());
    sweep.map_or_else(|| jobs(delivery).max(1), |sweep| sweep.max_jobs + 1)
}

/// How many jobs a delivery names.
pub(crate) fn jobs(delivery: &Delivery) -> usize {
    delivery.request.as_ref().map_or(0, |request: &CancelRequest| request.jobs.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::request::Rules;
    use crate::trigger::deliveries;

    /// Requests that name so many jobs each (none: a malformed one), and what becomes of them with room for ten jobs:
    /// `+` taken, `-` back untouched, `x` rejected; then the number of results, and of orders.
    #[track_caller]
    fn check(is_sqs: bool, jobs: &[usize], expected: &str, results: usize, orders: usize) {
        let request = |(number, jobs): (usize, &usize)| {
            let ids: Vec<_> = (0..*jobs).map(|job| format!("{number}-{job}")).collect();
            json!({"jobIds": ids, "reason": "r"})
        };
        let requests: Vec<_> = jobs.iter().enumerate().map(request).collect();
        let record = |(n, request): (usize, &serde_json::Value)| json!({"eventSource": "aws:sqs", "messageId": format!("m{n}"), "body": request.to_string()});
        let records: Vec<_> = requests.iter().enumerate().map(record).collect();
        let payload = if is_sqs { json!({"Records": records}) } else { json!(requests) };
        let rules = Rules { region: None, account: None, allow_terminate: false };
        let deliveries = deliveries(&to_raw_value(&payload).unwrap(), &rules, "request").unwrap();
        let intake = admit(deliveries, 10);
        let told = intake.deliveries.iter().enumerate().map(|(place, delivery)| match &delivery.request {
            Err(_) => 'x',
            Ok(_) if place < intake.room => '+',
            Ok(_) => '-',
        });
        assert_eq!(told.collect::<String>(), expected, "{jobs:?}");
        assert_eq!((intake.results(), intake.orders(false).len()), (results, orders), "{jobs:?}");
    }

    #[test]
    fn as_many_whole_deliveries_are_taken_on_as_there_is_room_for() {
        check(true, &[1, 2, 3], "+++", 6, 6);
        check(true, &[5, 5], "++", 10, 10);
        check(true, &[5, 5, 1], "++-", 11, 10);
        // Nothing overtakes what had no room.
        check(true, &[6, 5, 1], "+--", 8, 6);
        // One that is malformed names no jobs, and is told so whether there is room or not.
        check(true, &[5, 0, 5, 1, 0], "+x+-x", 13, 10);
    }

    #[test]
    fn a_delivery_that_exceeds_the_limit_alone_is_rejected_and_the_others_are_not() {
        check(true, &[11], "x", 1, 0);
        check(true, &[3, 11, 4], "+x+", 8, 7);
    }

    #[test]
    fn a_message_with_several_requests_is_taken_on_or_left_as_a_whole() {
        let check = |bodies: &[&[usize]], expected: &str| {
            let request = |jobs: &usize| {
                let ids: Vec<String> = (0..*jobs).map(|job| format!("{jobs}-{job}")).collect();
                json!({"jobIds": ids, "reason": "r"})
            };
            let record = |(n, jobs): (usize, &&[usize])| {
                let body = json!(jobs.iter().map(request).collect::<Vec<_>>()).to_string();
                json!({"eventSource": "aws:sqs", "messageId": format!("m{n}"), "body": body})
            };
            let payload = json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()});
            let rules = Rules { region: None, account: None, allow_terminate: false };
            let deliveries = deliveries(&to_raw_value(&payload).unwrap(), &rules, "request").unwrap();
            let intake = admit(deliveries, 10);
            let told =
                intake.deliveries.iter().enumerate().map(|(place, delivery)| match &delivery.request {
                    Err(_) => 'x',
                    Ok(_) if place < intake.room => '+',
                    Ok(_) => '-',
                });
            assert_eq!(told.collect::<String>(), expected, "{bodies:?}");
        };
        check(&[&[4, 5], &[1]], "+++");
        check(&[&[4], &[3, 4], &[1]], "+---");
        // Alone it would never fit: coming again would change nothing.
        check(&[&[6, 5], &[1]], "xx+");
    }

    #[test]
    fn a_sweep_may_have_as_many_results_as_it_may_find_jobs() {
        let request = json!({"sweep": {"jobQueue": "q", "maxJobs": 500}, "reason": "r"});
        let rules = Rules { region: None, account: None, allow_terminate: false };
        let deliveries = deliveries(&to_raw_value(&request).unwrap(), &rules, "request").unwrap();
        let intake = admit(deliveries, 10);
        assert_eq!((intake.results(), intake.orders(false).len()), (501, 0));
    }

    #[test]
    fn what_cannot_be_handed_back_in_part_is_taken_on_as_a_whole_or_rejected() {
        check(false, &[5, 5], "++", 10, 10);
        check(false, &[5, 5, 1], "xxx", 3, 0);
        check(false, &[11], "x", 1, 0);
    }
}
