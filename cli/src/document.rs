//! The document that patterns see, as a file gives it.

use event_pattern::Document;
use serde_json::value::RawValue;

use crate::json::{Members, kind};
use crate::names::{listed, nearest};
use crate::schema;

/// What is wrong with a value, and where.
#[derive(Debug)]
pub(crate) struct Wrong<'a> {
    pub(crate) at: &'a RawValue,
    /// As `input.job`, or empty for the whole.
    pub(crate) place: String,
    pub(crate) what: String,
}

/// Reads a document. A field that no document has is refused: a pattern would never see it, and whoever wrote it believes
/// in something else.
pub(crate) fn read<'a>(value: &'a RawValue, place: &str) -> Result<Document<'a>, Wrong<'a>> {
    let top = members(value, place, &schema::members(""))?;
    if let Some(by) = top.get("requestedBy").filter(|by| by.get().starts_with('{')) {
        members(by, &below(place, "requestedBy"), &schema::members("requestedBy"))?;
    }
    Document::parse(value.get()).map_err(|error| Wrong {
        at: value,
        place: place.to_owned(),
        what: error.to_string(),
    })
}

/// The members of an object that has known ones only, each once.
pub(crate) fn members<'a>(
    value: &'a RawValue,
    place: &str,
    known: &[&str],
) -> Result<Members<'a>, Wrong<'a>> {
    let members = Members::of(value).ok_or_else(|| Wrong {
        at: value,
        place: place.to_owned(),
        what: format!("is {}, not an object", kind(value)),
    })?;
    for (index, (name, at)) in members.0.iter().enumerate() {
        let what = if !known.contains(&name.as_str()) {
            match nearest(name, known) {
                Some(meant) => format!("is not a field: did you mean `{meant}`?"),
                None => format!("is not a field: known are {}", listed(known)),
            }
        } else if members.0.iter().take(index).any(|(other, _)| other == name) {
            "is written twice: write it once".to_owned()
        } else {
            continue;
        };
        return Err(Wrong { at, place: below(place, name), what });
    }
    Ok(members)
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}
