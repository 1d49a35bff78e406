//! What a value is, in words that repeat nothing of it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::object::{Json, kind, string};
use crate::request::Rejection;

/// What is not recognised, without a name or value from it.
pub(super) fn describe(json: &Json<'_>) -> Cow<'static, str> {
    match json {
        Json::Object(object) => match (object.keys().count(), object.array("Records")) {
            (0, _) => "it is an empty object".into(),
            (_, Some(records)) if records.is_empty() => "its `Records` are empty".into(),
            (_, Some(_)) => "its `Records` hold none of SQS's or SNS's".into(),
            (1, None) => "it is an object with one member, which is not known".into(),
            (count, None) => format!("it is an object with {count} members, none of which is known").into(),
        },
        Json::Array(_) => "it is an array".into(),
        Json::Scalar(value) => match kind(value) {
            "an object" => "it is an object with a name that is not valid Unicode".into(),
            _ if is_json_text(value) => "it is JSON text, encoded twice: encode it once".into(),
            kind => format!("it is {kind}").into(),
        },
    }
}

/// The same with an object's names, for whoever sent it.
pub(super) fn describe_with_names(json: &Json<'_>) -> Cow<'static, str> {
    const MOST_NAMES: usize = 12;
    const MOST_CHARS: usize = 40;
    let Json::Object(object) = json else { return describe(json) };
    let mut names: Vec<String> = object
        .keys()
        .take(MOST_NAMES)
        .map(|name| format!("`{}`", name.chars().take(MOST_CHARS).collect::<String>()))
        .collect();
    if object.keys().nth(MOST_NAMES).is_some() {
        names.push("…".into());
    }
    match names.as_slice() {
        [] => describe(json),
        [only] if only == "`Records`" => describe(json),
        _ => format!("its keys are {}", names.join(", ")).into(),
    }
}

/// Text without a byte-order mark, which some editors and runtimes put before it.
pub(super) fn without_byte_order_mark(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_ascii_whitespace())
}

/// Whether a value is a string whose text is an object or array in JSON, however often it was encoded.
///
/// Such a value is never opened: where one encoding too many is made, a later change that mends it would
/// otherwise alter what is done.
pub(super) fn is_json_text(value: &RawValue) -> bool {
    /// Each encoding makes a text longer; nobody makes more by mistake.
    const MOST_TIMES: usize = 8;
    let mut text = string(value).map(Cow::into_owned);
    for _ in 0..MOST_TIMES {
        let Some(outer) = text else { return false };
        text = match Json::parse(without_byte_order_mark(&outer)) {
            Ok(Json::Object(_) | Json::Array(_)) => return true,
            Ok(Json::Scalar(inner)) => string(inner).map(Cow::into_owned),
            Err(_) => None,
        };
    }
    false
}

/// JSON that was encoded once too often.
pub(super) fn encoded_twice(field: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::new(field, "is JSON text where JSON is expected", "encode it once")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn describes_what_it_is_without_names_or_values() {
        let check = |json: &str, expected: &str| {
            let value = Json::of(raw(json));
            assert_eq!(describe(&value), expected, "{json}");
        };
        check("{}", "it is an empty object");
        check(r#"{"secret": 1}"#, "it is an object with one member, which is not known");
        check(r#"{"a": 1, "b": 2, "c": 3}"#, "it is an object with 3 members, none of which is known");
        check(r#"{"Records": []}"#, "its `Records` are empty");
        check(r#"{"Records": [{"a": 1}], "x": 1}"#, "its `Records` hold none of SQS's or SNS's");
        check(r#"{"\ud800": 1}"#, "it is an object with a name that is not valid Unicode");
        check("[]", "it is an array");
        check("null", "it is null");
        check("\"secret\"", "it is a string");
        check(r#""{\"jobId\": 1}""#, "it is JSON text, encoded twice: encode it once");
    }

    #[test]
    fn names_are_told_in_part() {
        let check = |json: &str, expected: &str| {
            assert_eq!(describe_with_names(&Json::of(raw(json))), expected, "{json}");
        };
        check(r#"{"a": 1, "b": 2}"#, "its keys are `a`, `b`");
        check(r#"{"Records": [1]}"#, "its `Records` hold none of SQS's or SNS's");
        check("{}", "it is an empty object");
        check(&format!(r#"{{"{}": 1}}"#, "é".repeat(99)), &format!("its keys are `{}`", "é".repeat(40)));
    }

    #[test]
    fn json_in_a_string_is_seen_however_often_it_was_encoded() {
        let check = |json: &str, expected: bool| assert_eq!(is_json_text(raw(json)), expected, "{json}");
        check(r#""{}""#, true);
        check(r#"" [1] ""#, true);
        check(r#""\ufeff{}""#, true);
        check(r#""\"{}\"""#, true);
        check(r#""\"\\\"{}\\\"\"""#, true);
        check(r#""{""#, false);
        check(r#""7""#, false);
        check(r#""\"a\"""#, false);
        check("{}", false);
        check(r#""\ud800""#, false);
    }
}
