//! JSON laid out: in the order it was written, and with what strings hold as JSON laid out too.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::screen::escaped;

/// Levels that are laid out. AWS nests fewer than ten, and each takes some of the stack.
const MOST_LEVELS: usize = 64;

/// Lays out a document.
pub(crate) fn lay_out(json: &RawValue) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Node { json, level: 0 }).map(|text| escaped(&text))
}

/// A value as it was written, so many levels deep.
struct Node<'a> {
    json: &'a RawValue,
    level: usize,
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let below = |json| Node { json, level: self.level + 1 };
        let text = self.json.get();
        match text.as_bytes().first() {
            _ if self.level == MOST_LEVELS => self.json.serialize(serializer),
            Some(b'{') if let Ok(Members(members)) = serde_json::from_str(text) => {
                serializer.collect_map(members.into_iter().map(|(name, value)| (name, below(value))))
            }
            Some(b'[') if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) => {
                serializer.collect_seq(elements.into_iter().map(below))
            }
            Some(b'"') if let Some(inner) = embedded(text) => below(&inner).serialize(serializer),
            _ => self.json.serialize(serializer),
        }
    }
}

/// The object or array that a string holds.
fn embedded(string: &str) -> Option<Box<RawValue>> {
    let text: String = serde_json::from_str(string).ok()?;
    let text = text.trim();
    text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten()
}

/// An object's members in their order, those written twice included, which a map would lose.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
