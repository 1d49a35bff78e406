//! What is to be done to one job, and who waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::job::Snapshot;
use crate::outcome::Wish;
use crate::request::{CancelRequest, JobId};

/// One job, and all that is wanted of it.
///
/// Each job of an invocation is ordered once: two calls for one job would race, and either could take the
/// other's effect for its own.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which job.
    pub id: JobId,
    /// What each request wants of it, in their order.
    pub wishes: Vec<Ordered>,
    /// How a listing shows it, where that is all there is to see.
    pub seen: Option<Box<Seen>>,
}

/// A job as a listing shows it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What results report of it.
    pub snapshot: Snapshot,
    /// What patterns see of it.
    pub summary: Box<RawValue>,
}

/// A wish, and whose it is.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// What is wanted.
    pub wish: Wish,
    /// The place of the delivery among those of the invocation.
    pub delivery: usize,
    /// The place of the job's id among those that the delivery names.
    pub place: usize,
    /// The clause of the policy that decided, once one has.
    pub clause: Option<Arc<str>>,
}

/// The orders that requests make, each job once, in first-seen order. A request comes with its delivery's place.
/// With `dry_run`, none is to change anything.
pub(crate) fn orders<'a>(
    requests: impl Iterator<Item = (usize, &'a CancelRequest)>,
    dry_run: bool,
) -> Vec<Order> {
    let mut orders: Vec<Order> = Vec::new();
    let mut known: HashMap<JobId, usize> = HashMap::new();
    for (delivery, request) in requests {
        let CancelRequest { jobs, reason, action, .. } = request;
        let dry_run = dry_run || request.dry_run;
        for (place, id) in jobs.iter().enumerate() {
            let wish = Wish { action: *action, reason: reason.clone(), dry_run };
            let ordered = Ordered { wish, delivery, place, clause: None };
            let at = *known.entry(id.clone()).or_insert(orders.len());
            match orders.get_mut(at) {
                Some(order) => order.wishes.push(ordered),
                None => orders.push(Order { id: id.clone(), wishes: vec![ordered], seen: None }),
            }
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Action, Reason};

    /// Orders as `job: delivery.place …`.
    #[track_caller]
    fn check(requests: &[&[&str]], expected: &[&str]) {
        let request = |ids: &&[&str]| CancelRequest {
            jobs: ids.iter().map(|id| JobId::from(*id)).collect(),
            reason: Reason::new("r").unwrap(),
            action: Action::Cancel,
            dry_run: false,
            expect: None,
            metadata: None,
            sweep: None,
        };
        let requests: Vec<_> = requests.iter().map(request).collect();
        let line = |order: &Order| {
            let who: Vec<_> = order.wishes.iter().map(|o| format!("{}.{}", o.delivery, o.place)).collect();
            format!("{}: {}", order.id, who.join(" "))
        };
        let lines: Vec<_> = orders(requests.iter().enumerate(), false).iter().map(line).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn each_job_is_ordered_once_whoever_asks() {
        check(&[], &[]);
        check(&[&["a", "b"], &["c"]], &["a: 0.0", "b: 0.1", "c: 1.0"]);
        check(&[&["a"], &["b", "a"], &["a"]], &["a: 0.0 1.1 2.0", "b: 1.0"]);
        check(&[&["a", "a"]], &["a: 0.0 0.1"]);
    }
}
