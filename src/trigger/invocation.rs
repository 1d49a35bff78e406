//! Lambda's record of an invocation, as it sends it to an on-failure destination: what was asked lies in its
//! `requestPayload`, and is to be had again from there.

use super::caution;
use super::reader::{Place, Reader};
use super::words::{encoded_twice, is_json_text};
use crate::object::{Object, kind};
use crate::request::{CancelRequest, Rejection};

/// A `requestContext` alone is no mark, since API Gateway sends one too; and a request may have members of these
/// names that are its producer's own.
pub(super) fn matches(object: &Object<'_>) -> bool {
    let has = |name| object.keys().any(|key| key == name);
    if has("requestPayload") && has("requestContext") {
        return true;
    }
    let is_record = || {
        let names_function =
            || object.object("requestContext").is_some_and(|context| context.get("functionArn").is_some());
        let answered = has("responseContext") || has("responsePayload");
        has("requestPayload") || has("requestContext") && (answered || names_function())
    };
    is_record() && !CancelRequest::names_jobs(object)
}

/// Nothing in the record tells who asked: whoever may send one may write into it what they like.
pub(super) fn read(reader: &mut Reader<'_>, record: &Object<'_>, place: Place<'_>) {
    let sender = place.sender_or_direct();
    let succeeded = record
        .object("requestContext")
        .is_some_and(|context| context.str("condition").as_deref() == Some("Success"));
    let rejection = match (caution::none_beside("`requestPayload`", record), record.get("requestPayload")) {
        (Err(stray), _) => stray,
        (Ok(()), _) if succeeded => Rejection::new(
            "requestContext",
            "tells of an invocation that succeeded, so that nothing is left to do",
            "send only the records of failed invocations (`OnFailure`)",
        ),
        (Ok(()), None) => Rejection::new(
            "requestPayload",
            "is missing from Lambda's record of a failed invocation, which leaves out what is too large",
            "send the request itself again",
        ),
        (Ok(()), Some(payload)) if is_json_text(payload) => encoded_twice("requestPayload"),
        (Ok(()), Some(payload)) if kind(payload) == "a string" => Rejection::new(
            "requestPayload",
            "is a string that is not JSON, as where Lambda has cut off what is too large",
            "send the request itself again",
        ),
        (Ok(()), Some(payload)) => return reader.value(payload, place.inside(&sender, "requestPayload")),
    };
    reader.deliver(&sender, Err(rejection));
}
