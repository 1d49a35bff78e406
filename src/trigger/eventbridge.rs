//! Events of an EventBridge bus: custom ones that carry a request, and AWS Batch's own.

use super::envelope::Envelope;
use super::reader::{Place, Reader, Sender};
use super::requested_by::{Recent, RequestedBy};
use super::words::{encoded_twice, is_json_text};
use super::{Source, caution, invocation, own_result};
use crate::object::{Json, Object, string};
use crate::request::{CancelRequest, JobId, Rejection, Rules, service_job};

pub(super) fn matches(object: &Object<'_>) -> bool {
    object.str("detail-type").is_some() && object.str("source").is_some()
}

/// Who put an event that the bus itself handed over.
fn sender(event: &Object<'_>, id: &str, recent: &mut Recent) -> Sender {
    let requested_by = RequestedBy {
        event_source: recent.event_source.share(event.str("source")),
        detail_type: recent.detail_type.share(event.str("detail-type")),
        account: recent.account.share(event.str("account")),
        ..RequestedBy::new(Source::EventBridge, &event.str("id").unwrap_or(id.into()))
    };
    Sender { requested_by, group: None }
}

/// Reads what an event asks for.
pub(super) fn read(reader: &mut Reader<'_>, event: &Object<'_>, place: Place<'_>) {
    let sender = place.sender_or(|| sender(event, place.id(), reader.recent()));
    let detail = match detail(event) {
        Ok(detail) => detail,
        Err(rejection) => return reader.deliver(&sender, Err(rejection)),
    };
    // Lambda's destinations can be a bus too, from which a rule or a replay brings the record back.
    if invocation::matches(&detail) {
        reader.open(Envelope::Invocation(detail), place.inside(&sender, "detail"));
    } else if own_result::matches(&detail) {
        reader.deliver(&sender, Err(own_result::rejection()));
    } else {
        let request = request(event, &detail, reader.rules());
        reader.deliver(&sender, request);
    }
}

fn detail<'a>(event: &Object<'a>) -> Result<Object<'a>, Rejection> {
    caution::none_beside_detail(event)?;
    let detail = event.get("detail");
    match detail.map(Json::of) {
        Some(Json::Object(detail)) => Ok(detail),
        _ if detail.is_some_and(is_json_text) => Err(encoded_twice("detail")),
        _ => Err(Rejection::new(
            "detail",
            "is missing or not an object",
            "put the request, with `jobId` and `reason`, into the event's detail",
        )),
    }
}

/// The request an event makes.
///
/// No event of AWS Batch brings a reason. For `Batch Job Queue Blocked` there is an evident one; any other
/// needs an input transformer that says why, so that a careless rule on `Batch Job State Change`
/// cancels nothing.
fn request(event: &Object<'_>, detail: &Object<'_>, rules: &Rules<'_>) -> Result<CancelRequest, Rejection> {
    if event.str("source").as_deref() != Some("aws.batch") {
        return CancelRequest::parse(detail, rules);
    }
    let kind = event.str("detail-type").unwrap_or_default();
    if kind.starts_with("Batch Service Job") {
        return Err(service_job().at("detail-type"));
    }
    of_this_function(event, detail, rules)?;
    if detail.get("reason").is_some() {
        return CancelRequest::parse(detail, rules);
    }
    if kind == "Batch Job Queue Blocked" {
        let why = detail.str("statusReason");
        let reason = format!("Job queue blocked: {}", why.as_deref().unwrap_or("no status reason given"));
        return CancelRequest::parse_or(detail, rules, Some(&reason));
    }
    Err(Rejection::new(
        "detail.reason",
        "is missing, and this kind of AWS Batch event gives none by itself",
        "give the rule an input transformer that makes a request with `jobId` and `reason`",
    ))
}

/// That an event of AWS Batch is about a job that this function can reach: a bus may gather those of many
/// regions and accounts, whose jobs Batch here does not know.
fn of_this_function(event: &Object<'_>, detail: &Object<'_>, rules: &Rules<'_>) -> Result<(), Rejection> {
    let text = |object: &Object<'_>, name| {
        object.get(name).map(|value| string(value).unwrap_or_default().into_owned())
    };
    if let Some(account) = text(event, "account") {
        rules.check_account(&account).map_err(|wrong| wrong.at("account"))?;
    }
    if let Some(region) = text(event, "region") {
        rules.check_region(&region).map_err(|wrong| wrong.at("region"))?;
    }
    match text(detail, "jobArn") {
        None => Ok(()),
        Some(arn) => JobId::parse_arn(&arn, rules).map(drop).map_err(|wrong| wrong.at("detail.jobArn")),
    }
}
