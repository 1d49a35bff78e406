//! What a failed call means.
//!
//! An answer is sorted by its HTTP status first, since Batch sends error codes that no model lists, and then by
//! its code. A call without an answer is sorted by how far it got: what never left can be told for certain, and
//! all else may have been carried out.

use std::error::Error;
use std::time::Duration;

use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::HttpError;
use hyper_util::client::legacy::Error as ClientError;

use super::answer::NotBatchs;
use super::{CallError, FailureKind};

/// An error of the SDK's in the function's own terms.
pub(crate) fn call_error<E>(error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(failure) => answered(failure.raw(), error.code(), error.message()),
        SdkError::ResponseError(failure) if last(error).is::<NotBatchs>() => {
            answered(failure.raw(), None, None)
        }
        SdkError::ResponseError(failure) => {
            let message = format!("the answer could not be read: {}", cause(error));
            answered(failure.raw(), None, Some(&message))
        }
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => unanswered(error),
            None => failed(FailureKind::Connection, cause(error)),
        },
        SdkError::TimeoutError(_) => failed(FailureKind::Timeout, cause(error)),
        _ => failed(FailureKind::Unreached, format!("could not be sent: {}", causes(error))),
    }
}

/// The most of a message and of a code that is kept, in bytes: they stand in results, of which an answer must hold
/// many, and a proxy may say whatever it likes.
pub(crate) const LONGEST_MESSAGE: usize = 1_000;
pub(crate) const LONGEST_CODE: usize = 100;

fn failed(kind: FailureKind, message: String) -> CallError {
    CallError { message: shortened(message, LONGEST_MESSAGE), ..CallError::new(kind) }
}

pub(crate) fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// A failure that an answer tells of.
fn answered(response: &HttpResponse, code: Option<&str>, message: Option<&str>) -> CallError {
    let header = |name: &str| response.headers().get(name);
    let status = response.status().as_u16();
    // The SDK looks for a code only where the body is JSON.
    let code = code.or_else(|| header("x-amzn-errortype")).map(bare);
    let silent = response.body().bytes().is_none_or(<[u8]>::is_empty);
    let message = match (message, code, header("content-type")) {
        (Some(message), ..) => message.to_owned(),
        (None, Some(_), _) => String::new(),
        (None, None, _) if silent => String::new(),
        (None, None, Some(form)) => format!("{NotBatchs} ({form})"),
        (None, None, None) => NotBatchs.to_string(),
    };
    CallError {
        status: Some(status),
        code: code.map(|code| shortened(code.to_owned(), LONGEST_CODE)),
        retry_after: retry_after(header),
        ..failed(kind(status, code), message)
    }
}

/// A failure without an answer.
fn unanswered(error: &ConnectorError) -> CallError {
    let source = error.source().unwrap_or(error);
    let client = source.downcast_ref::<ClientError>();
    if client.is_some_and(ClientError::is_connect) {
        failed(FailureKind::Unreached, format!("could not connect: {}", cause(source)))
    } else if error.is_timeout() {
        failed(FailureKind::Timeout, cause(source))
    } else if client.is_some() {
        failed(FailureKind::Connection, format!("connection lost: {}", cause(source)))
    } else if source.is::<HttpError>() && !error.is_user() {
        failed(FailureKind::Server, format!("the answer could not be read: {}", cause(source)))
    } else {
        // What comes before the HTTP client: credentials, the endpoint, the signature.
        failed(FailureKind::Unreached, format!("could not be sent: {}", causes(source)))
    }
}

/// The innermost cause, which says what happened; the outer layers only say that something did.
fn cause(error: &(dyn Error + 'static)) -> String {
    last(error).to_string()
}

fn last<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    layers(error).last().unwrap_or(error)
}

/// All causes, each once. Where several parts had a hand in it, the innermost does not say whose it is.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = layers(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

/// An error and its sources, but for a bare "timed out", of which the layer above tells more.
fn layers<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source().filter(|source| !source.is::<TimedOutError>()))
}

/// Sorts an answer.
fn kind(status: u16, code: Option<&str>) -> FailureKind {
    let code = code.unwrap_or_default();
    match status {
        429 => FailureKind::Throttled,
        _ if is_throttling(code) => FailureKind::Throttled,
        408 => FailureKind::Timeout,
        400..=499 => said_no(code).unwrap_or(FailureKind::TurnedAway),
        300..=399 => FailureKind::TurnedAway,
        // A success whose body could not be read says nothing about what was done.
        _ => FailureKind::Server,
    }
}

/// Sorts an item of a bulk answer, which has a code but no status.
pub(super) fn item_error(code: Option<&str>, message: Option<&str>) -> CallError {
    let code = code.map(bare);
    let name = code.unwrap_or_default();
    let kind = if is_throttling(name) {
        FailureKind::Throttled
    } else {
        said_no(name).unwrap_or(FailureKind::Server)
    };
    CallError {
        code: code.map(|code| shortened(code.to_owned(), LONGEST_CODE)),
        ..failed(kind, message.unwrap_or_default().to_owned())
    }
}

/// The codes that are a final no. All others pass: expired credentials are renewed, a clock is set.
fn said_no(code: &str) -> Option<FailureKind> {
    match code {
        "ClientException" | "ValidationException" => Some(FailureKind::Refused),
        _ if code.starts_with("AccessDenied") => Some(FailureKind::Denied),
        _ => None,
    }
}

pub(crate) fn is_throttling(code: &str) -> bool {
    ["Throttl", "TooManyRequests", "LimitExceeded", "SlowDown"].iter().any(|mark| code.contains(mark))
}

/// Recognises that the bulk operations do not exist here. AWS's API Gateway answers an unknown path with
/// 403 `MissingAuthenticationTokenException`; others with 404 or an unknown-operation error.
pub(super) fn without_bulk(error: CallError) -> CallError {
    let code = error.code.as_deref().unwrap_or_default();
    let unknown = matches!(error.status, Some(404 | 405 | 501))
        || code.contains("MissingAuthenticationToken")
        || code.contains("UnknownOperation");
    if unknown { CallError { kind: FailureKind::NoBulk, ..error } } else { error }
}

/// A code without the namespace before it and the URL after it that AWS's protocols allow.
pub(crate) fn bare(code: &str) -> &str {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code)
}

/// How long an answer asks to wait. The HTTP dates that `retry-after` may hold are nothing that Batch sends.
fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let number = |name| header(name).and_then(|value| value.trim().parse().ok());
    number("x-amz-retry-after")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureKind::*;

    #[test]
    fn an_answer_is_sorted_by_its_status_and_then_by_its_code() {
        for (status, code, expected) in [
            (200, "", Server),
            (204, "", Server),
            (500, "ServerException", Server),
            (500, "AuthorizerConfigurationException", Server),
            (500, "ClientException", Server),
            (501, "", Server),
            (502, "", Server),
            (503, "AccessDeniedException", Server),
            (504, "", Server),
            (429, "TooManyRequestsException", Throttled),
            (429, "AccessDeniedException", Throttled),
            (429, "", Throttled),
            (400, "ThrottlingException", Throttled),
            (400, "Throttling", Throttled),
            (400, "RequestLimitExceeded", Throttled),
            (403, "TooManyRequestsException", Throttled),
            (408, "ThrottledException", Throttled),
            (503, "SlowDown", Throttled),
            (408, "", Timeout),
            (408, "RequestTimeout", Timeout),
            (400, "ClientException", Refused),
            (400, "ValidationException", Refused),
            (404, "ClientException", Refused),
            (400, "AccessDenied", Denied),
            (401, "AccessDeniedException", Denied),
            (403, "AccessDeniedException", Denied),
            (302, "", TurnedAway),
            (302, "ClientException", TurnedAway),
            (304, "", TurnedAway),
            (400, "", TurnedAway),
            (400, "RequestExpired", TurnedAway),
            (400, "IncompleteSignature", TurnedAway),
            (401, "", TurnedAway),
            (403, "", TurnedAway),
            (403, "ExpiredToken", TurnedAway),
            (403, "ExpiredTokenException", TurnedAway),
            (403, "InvalidSignatureException", TurnedAway),
            (403, "MissingAuthenticationTokenException", TurnedAway),
            (403, "RequestTimeTooSkewed", TurnedAway),
            (403, "SignatureDoesNotMatch", TurnedAway),
            (403, "UnrecognizedClientException", TurnedAway),
            (404, "", TurnedAway),
            (404, "UnknownOperationException", TurnedAway),
            (407, "", TurnedAway),
            (413, "", TurnedAway),
            (421, "", TurnedAway),
            (425, "", TurnedAway),
        ] {
            let code = Some(code).filter(|code| !code.is_empty());
            assert_eq!(kind(status, code), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn missing_bulk_calls_are_told_by_what_was_answered_and_not_by_what_it_would_mean_elsewhere() {
        for (status, code, missing) in [
            (404, None, true),
            (404, Some("ClientException"), true),
            (405, None, true),
            (501, None, true),
            (403, Some("MissingAuthenticationTokenException"), true),
            (403, Some("MissingAuthenticationToken"), true),
            (400, Some("UnknownOperationException"), true),
            (403, Some("AccessDeniedException"), false),
            (403, None, false),
            (400, Some("ClientException"), false),
            (500, Some("ServerException"), false),
            (429, None, false),
            (302, None, false),
        ] {
            let before = kind(status, code);
            let error = without_bulk(CallError {
                status: Some(status),
                code: code.map(Into::into),
                ..CallError::new(before)
            });
            assert_eq!(error.kind, if missing { NoBulk } else { before }, "{status} {code:?}");
        }
    }

    #[test]
    fn an_item_of_a_bulk_answer_is_sorted_by_its_code() {
        for (code, expected) in [
            (Some("ThrottlingException"), Throttled),
            (Some("ServerException"), Server),
            (Some("SomethingNew"), Server),
            (Some(""), Server),
            (None, Server),
            (Some("AccessDenied"), Denied),
            (Some("AccessDeniedException"), Denied),
            (Some("ValidationException"), Refused),
            (Some("ClientException"), Refused),
            (Some("com.amazonaws.batch#ClientException:http://internal.example/"), Refused),
        ] {
            assert_eq!(item_error(code, Some("text")).kind, expected, "{code:?}");
        }
    }

    #[test]
    fn the_wait_asked_for_is_read_in_aws_milliseconds_or_http_seconds() {
        for (aws, http, expected) in [
            (Some("1500"), None, Some(1_500)),
            (Some("1500"), Some("7"), Some(1_500)),
            (None, Some("7"), Some(7_000)),
            (None, Some(" 7 "), Some(7_000)),
            (Some("soon"), Some("7"), Some(7_000)),
            (None, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (None, Some("-1"), None),
            (None, None, None),
        ] {
            let header = |name: &str| if name == "retry-after" { http } else { aws };
            assert_eq!(retry_after(header), expected.map(Duration::from_millis), "{aws:?} {http:?}");
        }
    }
}
