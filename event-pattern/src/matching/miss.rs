//! Why a document does not match, for people.

use std::fmt;

use super::{Search, meets};
use crate::document::Document;
use crate::pattern::{Branch, Leaf};

/// The leaf that keeps a document from matching.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Miss {
    /// Its dotted path.
    pub path: String,
    /// The list of values asked, as compact JSON.
    pub asked: String,
    /// What the document has there, as compact JSON: a value, or a list of the first few. Nothing if it has nothing.
    pub found: Option<String>,
    /// How many leaves of its branch are met, each by itself.
    pub met: usize,
    /// How many are not, this one included: of several patterns, the one with the fewest is the nearest.
    pub unmet: usize,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, asked, found, .. } = self;
        match found {
            Some(found) => write!(f, "{path} is {found}, not {asked}"),
            None => write!(f, "{path} is absent, not {asked}"),
        }
    }
}

/// How many values of one path are shown.
const SHOWN: usize = 8;

pub(crate) fn miss(branches: &[Branch], document: &Document<'_>) -> Option<Miss> {
    let mut nearest: Option<(usize, usize, &Leaf)> = None;
    for branch in branches {
        let mut search = Search::new(branch, document);
        if search.run().is_ok() {
            return None;
        }
        let mut unmet = branch.leaves().filter(|leaf| !meets(leaf, document));
        // If each leaf is met by itself, then not all of them by one element of an array.
        let Some(first) = unmet.next().or_else(|| Some(branch.leaf(search.reached)?.0)) else { continue };
        let count = unmet.count() + 1;
        if nearest.is_none_or(|(fewest, _, _)| count < fewest) {
            nearest = Some((count, branch.leaves().len() - count, first));
        }
    }
    nearest.map(|(unmet, met, leaf)| Miss {
        path: leaf.path().to_owned(),
        asked: leaf.asked().to_owned(),
        found: found(leaf, document),
        met,
        unmet,
    })
}

fn found(leaf: &Leaf, document: &Document<'_>) -> Option<String> {
    let mut values = document.leaves_at(leaf.path(), leaf.hash()).all().map(|(value, _)| value);
    let first = values.next()?;
    let mut text = String::new();
    first.write(&mut text);
    if let Some(second) = values.next() {
        text.insert(0, '[');
        for value in std::iter::once(second).chain(values.by_ref().take(SHOWN - 2)) {
            text.push(',');
            value.write(&mut text);
        }
        text.push_str(if values.next().is_some() { ",…]" } else { "]" });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use crate::{Document, Pattern};

    #[test]
    fn a_miss_says_how_near_it_is() {
        let check = |pattern: &str, expected: Option<(&str, usize, usize)>| {
            let document =
                Document::parse(r#"{"a": 1, "b": 2, "c": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]}"#).unwrap();
            let miss = Pattern::parse(pattern).unwrap().miss(&document);
            let miss = miss.as_ref().map(|miss| (miss.path.as_str(), miss.met, miss.unmet));
            assert_eq!(miss, expected, "{pattern}");
        };
        check(r#"{"a": [1]}"#, None);
        check(r#"{"a": [1], "b": [3], "d": [4]}"#, Some(("b", 1, 2)));
        check(r#"{"$or": [{"a": [2], "b": [3]}, {"a": [1], "b": [4]}]}"#, Some(("b", 1, 1)));
        // Each is met, but not both by one element.
        check(r#"{"c": {"x": [1], "y": [2]}}"#, Some(("c.y", 1, 1)));
    }
}
