//! Documents, as the leaves that patterns see.

mod elements;
mod keys;
mod leaves;
mod read;

use std::borrow::Cow;

use self::elements::Element;
use self::keys::Key;
pub(crate) use self::keys::PathHash;
use self::leaves::{Leaf, Path};
use crate::error::DocumentError;
use crate::json::write_text;
use crate::number::Number;

/// A document as patterns see it: its leaves.
///
/// Leaves are strings, numbers, `true`, `false` and `null`, each at its path: the keys on the way to it, joined by
/// dots. Borrows the text it is read from.
///
/// ```
/// use event_pattern::{Document, Pattern, Value};
///
/// let mut document = Document::new();
/// document.json("job", r#"{"status": "RUNNING", "tags": {"k8s.io/name": "etl"}}"#)?;
/// assert_eq!(document.get("job.tags.k8s.io/name"), Some(Value::Text("etl")));
///
/// let mark = document.mark();
/// document.text("action", "cancel");
/// let pattern = Pattern::parse(r#"{"action": ["cancel"], "job": {"status": ["RUNNING"]}}"#)?;
/// assert!(pattern.matches(&document));
/// document.reset(mark);
/// assert!(!pattern.matches(&document));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Document<'a> {
    keys: Vec<Key<'a>>,
    elements: Vec<Element>,
    leaves: Vec<Leaf<'a>>,
    paths: Vec<Path>,
    /// By the hash of a path, the last one of a chain of paths, plus one.
    buckets: Vec<usize>,
    /// The paths of the arrays, in the order of the text.
    arrays: Vec<PathHash>,
    /// The paths that go through a key with a dot, and those that end at the dot.
    dotted: Vec<PathHash>,
    tangled: bool,
}

/// How much a document held, to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    keys: usize,
    elements: usize,
    leaves: usize,
    arrays: usize,
    dotted: usize,
    tangled: bool,
}

/// The value of a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `null`, which is a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, or the double next to it.
    Number(f64),
    /// A string.
    Text(&'a str),
}

#[derive(Debug, Clone)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
}

impl Scalar<'_> {
    /// Writes the value as JSON.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => number.write(out),
            Self::Text(text) => write_text(text, out),
        }
    }
}

/// The key and the element that hold everything else.
pub(crate) const ROOT: usize = 0;

impl<'a> Document<'a> {
    /// A document without any leaf.
    #[must_use]
    pub fn new() -> Self {
        let name = Cow::Borrowed("");
        Self {
            keys: vec![Key { parent: ROOT, name, hash: PathHash::empty(), length: 0, dotted: false }],
            elements: vec![Element { parent: ROOT, array: 0, length: 0, depth: 0, end: usize::MAX }],
            leaves: Vec::new(),
            paths: Vec::new(),
            buckets: vec![0; 128],
            arrays: Vec::new(),
            dotted: Vec::new(),
            tangled: false,
        }
    }

    /// Puts a string at a field, or at the path that its dots make.
    pub fn text(&mut self, field: &'a str, value: &'a str) {
        self.scalar(field, Scalar::Text(Cow::Borrowed(value)));
    }

    /// Puts a number at a field.
    pub fn number(&mut self, field: &'a str, value: impl Into<Number<'a>>) {
        self.scalar(field, Scalar::Number(value.into()));
    }

    /// Puts a boolean at a field.
    pub fn bool(&mut self, field: &'a str, value: bool) {
        self.scalar(field, Scalar::Bool(value));
    }

    /// How much the document holds now: what is put after it can be taken off again by [`Document::reset`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            keys: self.keys.len(),
            elements: self.elements.len(),
            leaves: self.leaves.len(),
            arrays: self.arrays.len(),
            dotted: self.dotted.len(),
            tangled: self.tangled,
        }
    }

    /// Takes off everything put since the mark. A mark of more than the document holds changes nothing.
    pub fn reset(&mut self, to: Mark) {
        if self.leaves.len() < to.leaves || self.keys.len() < to.keys {
            return;
        }
        let buckets = self.buckets.len();
        for leaf in self.leaves.drain(to.leaves..).rev() {
            // A path goes with its first leaf, and so is the last one then.
            if self.paths.get_mut(leaf.path).is_some_and(|path| path.more.pop().is_none())
                && let Some(path) = self.paths.pop()
                && let Some(head) = self.buckets.get_mut(path.hash.bucket(buckets))
            {
                *head = path.next;
            }
        }
        self.keys.truncate(to.keys);
        self.elements.truncate(to.elements);
        self.arrays.truncate(to.arrays);
        self.dotted.truncate(to.dotted);
        self.tangled = to.tangled;
    }

    /// The first leaf at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value<'_>> {
        self.values(path).next()
    }

    /// The leaves at a path, of which there are several where it leads through arrays.
    pub fn values(&self, path: &str) -> impl Iterator<Item = Value<'_>> {
        self.leaves_at(path, PathHash::of(path)).all().map(|(value, _)| match value {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Number(number) => Value::Number(number.value()),
            Scalar::Text(text) => Value::Text(text),
        })
    }

    fn scalar(&mut self, field: &'a str, value: Scalar<'a>) {
        let key = self.field(field);
        self.leaf(key, ROOT, value);
        self.look_for_tangles();
    }
}

impl Default for Document<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Document<'a> {
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// When the text is no JSON object, has a key twice in one object (parsers differ on which counts), or is nested
    /// more than 128 levels deep.
    pub fn parse(json: &'a str) -> Result<Self, DocumentError> {
        let mut document = Self::new();
        read::whole(&mut document, json)?;
        document.look_for_tangles();
        Ok(document)
    }

    /// Puts a JSON value of any kind below a field, or below the path that its dots make.
    ///
    /// # Errors
    ///
    /// As [`Document::parse`]; the document is then as it was before.
    pub fn json(&mut self, field: &'a str, json: &'a str) -> Result<(), DocumentError> {
        self.below(field, json, 0)
    }

    /// The same, but without the leaves at paths where there is a value already.
    ///
    /// # Errors
    ///
    /// As [`Document::json`].
    pub fn fill(&mut self, field: &'a str, json: &'a str) -> Result<(), DocumentError> {
        self.below(field, json, self.leaves.len())
    }

    fn below(&mut self, field: &'a str, json: &'a str, taken: usize) -> Result<(), DocumentError> {
        // A guess, to grow once rather than often.
        let likely = (json.len() / 32).min(1024);
        self.keys.reserve(likely);
        self.leaves.reserve(likely);
        self.paths.reserve(likely / 2);
        let mark = self.mark();
        let read = read::below(self, field, json, taken);
        if read.is_err() {
            self.reset(mark);
        } else {
            self.look_for_tangles();
        }
        read
    }
}
