//! The names that a request's members may have, and what resembles them.

use super::Rejection;
use crate::object::Object;

/// Longest misspelt name that an answer repeats, in characters.
const MAX_NAME_CHARS: usize = 64;

const FIELDS: [&str; 8] = ["jobId", "jobIds", "reason", "action", "dryRun", "expect", "metadata", "sweep"];

/// The fields by which a producer asks for less than a plain cancel.
const CAUTION: [&str; 2] = ["dryRun", "expect"];

/// The known field that `name` spells, up to case and what is neither letter nor digit.
pub(super) fn known(name: &str) -> Option<&'static str> {
    spelt(name, FIELDS)
}

/// The first member that spells a word of caution, and the right spelling.
///
/// Beside a request such a word has no effect, and its sender believes that it has.
pub(crate) fn caution<'o>(object: &'o Object<'_>) -> Option<(&'o str, &'static str)> {
    object.keys().find_map(|name| spelt(name, CAUTION).map(|word| (name, word)))
}

/// A misspelt name as far as an answer repeats it.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

/// A name that nearly is a field's is rejected, since its sender takes it for the field; so is a field given twice.
pub(super) fn reject_near_misses(object: &Object<'_>) -> Result<(), Rejection> {
    let mut seen = Vec::with_capacity(FIELDS.len());
    for name in object.keys() {
        let Some(field) = known(name) else {
            continue;
        };
        if field != name {
            let remedy = format!("write `{field}`");
            return Err(Rejection::new(shown(name), "is not a field, but looks like one", remedy));
        }
        if seen.contains(&field) {
            return Err(Rejection::new(field, "is given twice", "give it once"));
        }
        seen.push(field);
    }
    Ok(())
}

fn spelt<const N: usize>(name: &str, words: [&'static str; N]) -> Option<&'static str> {
    words.into_iter().find(|word| letters(word).eq(letters(name)))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase())
}
