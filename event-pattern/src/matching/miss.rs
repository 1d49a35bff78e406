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
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, asked, found } = self;
        match found {
            Some(found) => write!(f, "{path} is {found}, not {asked}"),
            None => write!(f, "{path} is absent, not {asked}"),
        }
    }
}

/// How many values of one path are shown.
const SHOWN: usize = 8;

pub(crate) fn miss(branches: &[Branch], document: &Document<'_>) -> Option<Miss> {
    let mut nearest: Option<(usize, &Leaf)> = None;
    for branch in branches {
        let mut search = Search::new(branch, document);
        if search.run().is_ok() {
            return None;
        }
        let mut unmet = branch.leaves().filter(|leaf| !meets(leaf, document));
        // If each leaf is met by itself, then not all of them by one element of an array.
        let Some(first) = unmet.next().or_else(|| Some(branch.leaf(search.reached)?.0)) else { continue };
        let count = unmet.count();
        if nearest.is_none_or(|(fewest, _)| count < fewest) {
            nearest = Some((count, first));
        }
    }
    nearest.map(|(_, leaf)| Miss {
        path: leaf.path().to_owned(),
        asked: leaf.asked().to_owned(),
        found: found(leaf, document),
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
