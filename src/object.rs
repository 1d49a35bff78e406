//! JSON read one level deep: names and unparsed values, borrowed from the payload.
//!
//! Triggers are recognised by the marks an object carries, so its values must stay untouched until it is
//! known what they mean. Reading one level also keeps a 6 MB batch from being built up as a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A JSON value, opened by one level.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    /// An object's members.
    Object(Object<'a>),
    /// An array's elements.
    Array(Vec<&'a RawValue>),
    /// Anything that cannot be opened; also an object with a name that is not valid Unicode.
    Scalar(&'a RawValue),
}

impl<'a> Json<'a> {
    /// Opens a text.
    ///
    /// # Errors
    ///
    /// When `text` is not JSON. The error gives a place, never a value.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).map(Self::Object),
            Some(b'[') => serde_json::from_str(text).map(Self::Array),
            _ => serde_json::from_str(text).map(Self::Scalar),
        }
    }

    /// Opens a value that was already checked to be JSON.
    pub(crate) fn of(value: &'a RawValue) -> Self {
        Self::parse(value.get()).unwrap_or(Self::Scalar(value))
    }
}

/// The members of a JSON object in their order, each value still as it was written.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// The object inside a value that was already checked to be JSON; `None` when it is something else.
    pub(crate) fn of(value: &'a RawValue) -> Option<Self> {
        match Json::of(value) {
            Json::Object(object) => Some(object),
            Json::Array(_) | Json::Scalar(_) => None,
        }
    }

    /// The member `name`; of members that stand twice, the last. A `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// The member `name`, where it is a string.
    pub(crate) fn str(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(string)
    }

    /// The member `name`, where it is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'a>> {
        self.get(name).and_then(Object::of)
    }

    /// The member `name`, where it is an array.
    pub(crate) fn array(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        self.get(name).and_then(array)
    }

    /// Every member, in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Every member's name, in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }
}

/// The text of a JSON string, borrowed unless it holds escapes; `None` for any other value.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

/// The elements of a JSON array, unparsed; `None` for any other value.
pub(crate) fn array(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// What kind of JSON value this is, in words, for errors that must not repeat the value.
pub(crate) fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_level_and_leaves_the_values_as_they_are() {
        let json = Json::parse(r#" {"a\"b": [1, 2], "c": {"d": null}, "e": null, "f": "x\ny"} "#);
        let Json::Object(object) = json.unwrap() else { panic!("it is an object") };
        assert_eq!(object.keys().collect::<Vec<_>>(), ["a\"b", "c", "e", "f"]);
        assert_eq!(object.array("a\"b").unwrap().len(), 2);
        assert!(object.object("c").unwrap().get("d").is_none(), "null counts as absent");
        assert!(object.get("e").is_none());
        assert_eq!(object.str("f").unwrap(), "x\ny");
    }

    #[test]
    fn tells_what_is_not_json_from_what_is_no_object() {
        assert!(matches!(Json::parse("[1]"), Ok(Json::Array(elements)) if elements.len() == 1));
        assert!(matches!(Json::parse("\"{\""), Ok(Json::Scalar(_))));
        for text in ["{\"a\": }", "", "[1", "{} {}", "{\"\\ud800\": 1}"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_not_unicode_makes_no_object() {
        let value: &RawValue = serde_json::from_str("{\"\\ud800\": 1}").unwrap();
        assert!(matches!(Json::of(value), Json::Scalar(_)));
    }

    #[test]
    fn the_last_of_two_members_with_one_name_counts() {
        let Json::Object(object) = Json::parse(r#"{"a": 1, "a": 2}"#).unwrap() else {
            panic!("it is an object")
        };
        assert_eq!(object.get("a").unwrap().get(), "2");
    }
}
