//! What is left of a sweep that was cut short goes into its queue as a new message.
//!
//! One that is not settled comes back by itself, but only so often, and then lies in the dead-letter queue though it made
//! headway each time. A new message has all its receives before it. There is an end to it: each stops at least one job,
//! and all together stop no more than the first was allowed to.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::backoff::TRANSIENT;
use crate::outlet::{Fifo, Message, Outlet, OutletError};
use crate::policy::{Clause, Policy};
use crate::request::CancelRequest;
use crate::trigger::{Delivery, Source};

/// What of an invocation's time is kept for handing on, where there may be something.
const SHARE: u32 = 10;
const MOST: Duration = Duration::from_secs(1);

/// How often it is tried.
const ATTEMPTS: u32 = 3;

/// What is kept of a budget to hand on what is left of sweeps.
pub(crate) fn kept(budget: Duration, deliveries: &[Delivery]) -> Duration {
    let is_sweep =
        |delivery: &Delivery| delivery.request.as_ref().is_ok_and(|request| request.sweep.is_some());
    if deliveries.iter().any(is_sweep) { MOST.min(budget / SHARE) } else { Duration::ZERO }
}

/// The message that asks for the rest of a sweep, of whose jobs so many were stopped. Nothing where it had better come
/// back by itself: without headway it would go round for ever; and the new message is this function's own, so where
/// it counts who asks, the rest would be judged by another's rights.
pub(crate) fn message<'a>(
    delivery: &'a Delivery,
    policy: Option<&Policy>,
    stopped: usize,
) -> Option<Message<'a>> {
    let request = delivery.request.as_ref().ok()?;
    let sweep = request.sweep.as_deref()?;
    let queue_arn = delivery.requested_by.queue_arn.as_deref()?;
    let max_jobs = sweep.max_jobs.checked_sub(stopped).filter(|most| *most > 0)?;
    if delivery.source() != Source::Sqs || stopped == 0 || request.dry_run || asks_who(request, policy) {
        return None;
    }
    let fifo = delivery
        .group
        .as_ref()
        .map(|group| Fifo { group: group.as_str(), deduplication: format!("{}-rest", delivery.id()) });
    Some(Message { queue_arn, body: sweep.asked.for_at_most(max_jobs), fifo })
}

/// Whether a request or the policy minds who asks, and by which way.
fn asks_who(request: &CancelRequest, policy: Option<&Policy>) -> bool {
    let clauses = policy.into_iter().flat_map(|policy| policy.deny().iter().chain(policy.allow()));
    let filter = request.sweep.as_deref().and_then(|sweep| sweep.filter.as_deref());
    let mut patterns = clauses.map(Clause::when).chain(filter).chain(request.expect.as_deref());
    let is_about_another = |path: &str| !path.starts_with("requestedBy") && path != "source";
    !patterns.all(|pattern| pattern.asks_only(is_about_another))
}

/// Puts a message into its queue, and gives its id there.
///
/// # Errors
///
/// When that does not succeed in time.
pub(crate) async fn hand_on(
    outlet: &dyn Outlet,
    message: &Message<'_>,
    attempt_timeout: Duration,
    until: Instant,
) -> Result<String, OutletError> {
    let mut attempt = 1;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let limit = attempt_timeout.min(left);
        let sent = timeout(limit, outlet.send(message)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} ms", limit.as_millis());
            Err(OutletError { message, is_passing: true })
        });
        let delay = TRANSIENT.delay(attempt, 0.5);
        match sent {
            Err(error) if error.is_passing && attempt < ATTEMPTS && delay < left => sleep(delay).await,
            sent => return sent,
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;
    use crate::request::Rules;
    use crate::trigger::deliveries;

    const RULES: Rules<'_> = Rules { region: None, account: None, allow_terminate: true };

    fn record(request: &Value) -> Value {
        json!({
            "messageId": "m-1",
            "body": request.to_string(),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:requests",
            "attributes": {"SenderId": "AROA:someone"}
        })
    }

    /// What is handed on of a payload of which so many jobs were stopped: the body, or `null`.
    #[track_caller]
    fn check(payload: &Value, policy: Option<&Value>, stopped: usize, expected: &Value) {
        let policy = policy.map(|policy| Policy::parse(&policy.to_string()).unwrap());
        let deliveries = deliveries(&to_raw_value(payload).unwrap(), &RULES, "r").unwrap();
        let rest = message(&deliveries[0], policy.as_ref(), stopped);
        let body = rest.map_or(Value::Null, |rest| serde_json::from_str(&rest.body).unwrap());
        assert_eq!(body, *expected, "{payload}");
    }

    #[test]
    fn the_rest_is_the_same_request_for_as_many_jobs_less() {
        let request = json!({
            "sweep": {"jobQueue": "q", "maxJobs": 100, "where": {"job": {"jobName": ["a"]}},
                      "keepNewest": {"per": "jobName"}},
            "reason": "r", "action": "terminate", "expect": {"status": ["RUNNABLE"]},
            "metadata": {"ticket": 7.5}
        });
        let mut rest = request.clone();
        rest["sweep"]["maxJobs"] = 60.into();
        check(&json!({"Records": [record(&request)]}), None, 40, &rest);
        // What it came wrapped in stays behind, and so does what is not the request's.
        let event = json!({
            "source": "ops", "detail-type": "Sweep",
            "detail": {"sweep": {"jobQueue": "q", "maxJobs": 5}, "reason": "r", "note": "mine"}
        });
        let rest = json!({"sweep": {"jobQueue": "q", "maxJobs": 3}, "reason": "r"});
        check(&json!({"Records": [record(&event)]}), None, 2, &rest);
    }

    #[test]
    fn what_makes_no_headway_or_minds_who_asks_comes_back_by_itself() {
        let request = json!({"sweep": {"jobQueue": "q", "maxJobs": 10}, "reason": "r"});
        let none = |request: &Value, policy: Option<&Value>, stopped| {
            check(&json!({"Records": [record(request)]}), policy, stopped, &Value::Null);
        };
        none(&request, None, 0);
        none(&request, None, 10);
        check(&request, None, 1, &Value::Null);
        none(&json!({"jobId": "a", "reason": "r"}), None, 1);
        let mut dry = request.clone();
        dry["dryRun"] = true.into();
        none(&dry, None, 1);
        let mut filtered = request.clone();
        filtered["sweep"]["where"] = json!({"requestedBy": {"senderId": [{"suffix": ":ci"}]}});
        none(&filtered, None, 1);
        for when in [
            json!({"requestedBy": {"senderId": [{"anything-but": {"suffix": ":ci"}}]}}),
            json!({"source": ["eventbridge"]}),
        ] {
            none(&request, Some(&json!({"deny": [{"id": "a", "when": when}]})), 1);
        }
        let by_tag = json!({"deny": [{"id": "a", "when": {"job": {"tags": {"x": ["y"]}}}}]});
        let rest = json!({"sweep": {"jobQueue": "q", "maxJobs": 9}, "reason": "r"});
        check(&json!({"Records": [record(&request)]}), Some(&by_tag), 1, &rest);
    }

    #[test]
    fn in_a_fifo_queue_it_stays_in_its_group() {
        let mut record = record(&json!({"sweep": {"jobQueue": "q", "maxJobs": 10}, "reason": "r"}));
        record["eventSourceARN"] = "arn:aws:sqs:eu-west-1:123456789012:requests.fifo".into();
        record["attributes"]["MessageGroupId"] = "team".into();
        let payload = to_raw_value(&json!({"Records": [record]})).unwrap();
        let deliveries = deliveries(&payload, &RULES, "r").unwrap();
        let rest = message(&deliveries[0], None, 1).unwrap();
        assert_eq!(rest.fifo, Some(Fifo { group: "team", deduplication: "m-1-rest".into() }));
    }

    #[test]
    fn time_is_kept_only_where_there_is_a_sweep() {
        let of = |payload: &Value| deliveries(&to_raw_value(payload).unwrap(), &RULES, "r").unwrap();
        let sweep = of(&json!({"sweep": {"jobQueue": "q", "maxJobs": 10}, "reason": "r"}));
        let named = of(&json!({"jobId": "a", "reason": "r"}));
        assert_eq!(kept(Duration::from_secs(50), &sweep), Duration::from_secs(1));
        assert_eq!(kept(Duration::from_secs(2), &sweep), Duration::from_millis(200));
        assert_eq!(kept(Duration::from_secs(50), &named), Duration::ZERO);
    }
}
