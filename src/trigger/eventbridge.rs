//! Events of an EventBridge bus: custom ones that carry a request, and AWS Batch's own.

use super::{Delivery, Source};
use crate::object::Object;
use crate::request::{CancelRequest, Rejection, Rules};

pub(super) fn matches(object: &Object<'_>) -> bool {
    object.str("detail-type").is_some() && object.str("source").is_some()
}

pub(super) fn delivery(event: &Object<'_>, rules: &Rules<'_>, id: &str) -> Delivery {
    Delivery {
        source: Source::EventBridge,
        id: event.str("id").unwrap_or(id.into()).into_owned(),
        group: None,
        request: request(event, rules),
    }
}

/// The request an event makes.
///
/// No event of AWS Batch brings a reason. For `Batch Job Queue Blocked` there is an evident one; any other
/// needs an input transformer that says why, so that a careless rule on `Batch Job State Change`
/// cancels nothing.
pub(super) fn request(event: &Object<'_>, rules: &Rules<'_>) -> Result<CancelRequest, Rejection> {
    let Some(detail) = event.object("detail") else {
        let remedy = "put the request, with `jobId` and `reason`, into the event's detail";
        return Err(Rejection::new("detail", "is missing or not an object", remedy));
    };
    let from_batch = event.str("source").as_deref() == Some("aws.batch");
    if !from_batch || detail.get("reason").is_some() {
        return CancelRequest::parse(&detail, rules);
    }
    if event.str("detail-type").as_deref() == Some("Batch Job Queue Blocked") {
        return queue_blocked(&detail, rules);
    }
    Err(Rejection::new(
        "detail.reason",
        "is missing, and this kind of AWS Batch event gives none by itself",
        "give the rule an input transformer that makes a request with `jobId` and `reason`",
    ))
}

fn queue_blocked(detail: &Object<'_>, rules: &Rules<'_>) -> Result<CancelRequest, Rejection> {
    let why = detail.str("statusReason");
    let reason = format!("Job queue blocked: {}", why.as_deref().unwrap_or("no status reason given"));
    CancelRequest::parse_or(detail, rules, Some(&reason))
}
