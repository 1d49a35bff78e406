//! A JSON object read one level deep: names and unparsed values, borrowed from the payload.
//!
//! Triggers are recognised by the marks an object carries, so its values must stay untouched until it is
//! known what they mean. Reading one level also keeps a 6 MB batch from being built up as a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of a JSON object in their order, each value still as it was written.
#[derive(Debug)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads one level of `text`. `None` when it is valid JSON but no object.
    ///
    /// # Errors
    ///
    /// When `text` is not JSON. The error gives a place, never a value.
    pub(crate) fn parse(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        if text.trim_ascii_start().starts_with('{') {
            serde_json::from_str(text).map(Some)
        } else {
            serde_json::from_str::<&RawValue>(text).map(|_| None)
        }
    }

    /// The object inside a value that was already checked to be JSON; `None` when it is something else.
    pub(crate) fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get()).ok().flatten()
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
        let object = Object::parse(r#" {"a\"b": [1, 2], "c": {"d": null}, "e": null, "f": "x\ny"} "#);
        let object = object.unwrap().unwrap();
        assert_eq!(object.keys().collect::<Vec<_>>(), ["a\"b", "c", "e", "f"]);
        assert_eq!(object.array("a\"b").unwrap().len(), 2);
        assert!(object.object("c").unwrap().get("d").is_none(), "null counts as absent");
        assert!(object.get("e").is_none());
        assert_eq!(object.str("f").unwrap(), "x\ny");
    }

    #[test]
    fn tells_what_is_not_json_from_what_is_no_object() {
        assert!(Object::parse("[1]").unwrap().is_none());
        assert!(Object::parse("\"{\"").unwrap().is_none());
        assert!(Object::parse("{\"a\": }").is_err());
        assert!(Object::parse("").is_err());
    }

    #[test]
    fn the_last_of_two_members_with_one_name_counts() {
        let object = Object::parse(r#"{"a": 1, "a": 2}"#).unwrap().unwrap();
        assert_eq!(object.get("a").unwrap().get(), "2");
    }
}
