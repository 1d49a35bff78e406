//! Documents, as the leaves that patterns see.

mod read;

use std::borrow::Cow;

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

/// A key at its place. Paths are not stored, but spelt from the last key to the first.
#[derive(Debug, Clone)]
struct Key<'a> {
    parent: usize,
    key: Cow<'a, str>,
    /// Of the joined path down to it.
    hash: PathHash,
    length: usize,
    dotted: bool,
}

/// An element of an array; the document itself is the first. Elements are numbered as they begin.
#[derive(Debug, Clone, Copy)]
struct Element {
    /// The element that the array is in.
    parent: usize,
    array: usize,
    /// The length of the array's path.
    length: usize,
    depth: usize,
    /// Behind the last element inside of this one.
    end: usize,
}

#[derive(Debug, Clone)]
struct Leaf<'a> {
    path: usize,
    element: usize,
    value: Scalar<'a>,
}

/// The leaves of one path. Most have one only.
#[derive(Debug, Clone)]
struct Path {
    hash: PathHash,
    /// A key that ends there.
    key: usize,
    first: usize,
    more: Vec<usize>,
    /// The path before it in its chain, plus one.
    next: usize,
}

/// The key and the element that hold everything else.
pub(crate) const ROOT: usize = 0;

/// The hash of a joined path, the same whichever way its dots came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathHash(u64);

impl PathHash {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(crate) fn of(path: &str) -> Self {
        Self::EMPTY.then(path)
    }

    fn then(self, text: &str) -> Self {
        Self(text.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    /// One of a number of buckets that is a power of two.
    fn bucket(self, count: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
        let spread = (self.0 ^ (self.0 >> 32)) as usize;
        spread & (count - 1)
    }
}

impl<'a> Document<'a> {
    /// A document without any leaf.
    #[must_use]
    pub fn new() -> Self {
        let key = Cow::Borrowed("");
        Self {
            keys: vec![Key { parent: ROOT, key, hash: PathHash::EMPTY, length: 0, dotted: false }],
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
        let (value, _) = self.leaves_at(path, PathHash::of(path)).all().next()?;
        Some(match value {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Number(number) => Value::Number(number.value()),
            Scalar::Text(text) => Value::Text(text),
        })
    }

    /// The leaves at a path, with the hash of that path.
    pub(crate) fn leaves_at(&self, path: &str, hash: PathHash) -> Leaves<'_, 'a> {
        let at = self.path(hash, |key| self.spells(key, path));
        Leaves { document: self, path: at.and_then(|at| self.paths.get(at)) }
    }

    /// Whether dots in keys may have brought something else to the path of an array, so that a leaf below that path
    /// need not be in the array.
    pub(crate) fn is_tangled(&self) -> bool {
        self.tangled
    }

    /// The innermost element around this one, or itself, whose array's path is no longer than that.
    pub(crate) fn outer(&self, element: usize, length: usize) -> usize {
        let mut at = element;
        while let Some(Element { parent, .. }) =
            self.elements.get(at).filter(|element| element.length > length)
        {
            at = *parent;
        }
        at
    }

    /// In how many arrays an element is.
    pub(crate) fn depth(&self, element: usize) -> usize {
        self.elements.get(element).map_or(0, |element| element.depth)
    }

    /// Behind the last element inside of this one.
    pub(crate) fn end(&self, element: usize) -> usize {
        self.elements.get(element).map_or(0, |element| element.end)
    }

    /// Whether no array holds different elements of the two.
    pub(crate) fn consistent(&self, one: usize, other: usize) -> bool {
        let (mut one, mut other) = (one, other);
        // The arrays last left on either side, once the two ways have met.
        let mut left = (None, None);
        while one != other {
            let (Some(first), Some(second)) = (self.elements.get(one), self.elements.get(other)) else {
                return false;
            };
            if first.depth >= second.depth {
                left.0 = Some(first.array);
                one = first.parent;
            }
            if second.depth >= first.depth {
                left.1 = Some(second.array);
                other = second.parent;
            }
        }
        left.0.is_none() || left.1.is_none() || left.0 != left.1
    }

    fn scalar(&mut self, field: &'a str, value: Scalar<'a>) {
        let key = self.field(field);
        self.leaf(key, ROOT, value);
        self.look_for_tangles();
    }

    /// A key from outside.
    fn field(&mut self, field: &'a str) -> usize {
        let again = self.keys.iter().any(|key| key.parent == ROOT && key.key == field && key.length > 0);
        let key = self.key(ROOT, Cow::Borrowed(field));
        if let Some(key) = self.keys.get_mut(key).filter(|_| again) {
            // What was put there before takes part: as if a dot had brought both to one path.
            key.dotted = true;
            self.dotted.push(key.hash);
        }
        key
    }

    fn key(&mut self, parent: usize, key: Cow<'a, str>) -> usize {
        let outer = self.keys.get(parent).filter(|_| parent != ROOT);
        let (start, before, mut dotted) = outer.map_or((PathHash::EMPTY, 0, false), |outer| {
            (outer.hash.then("."), outer.length + 1, outer.dotted)
        });
        let hash = start.then(&key);
        for (dot, _) in key.match_indices('.') {
            dotted = true;
            self.dotted.extend(key.get(..dot).map(|part| start.then(part)));
        }
        if dotted {
            self.dotted.push(hash);
        }
        self.keys.push(Key { parent, hash, length: before + key.len(), dotted, key });
        self.keys.len() - 1
    }

    /// Looks for tangles, after something was put.
    fn look_for_tangles(&mut self) {
        if !self.dotted.is_empty() && !self.arrays.is_empty() && !self.tangled {
            let mut dotted = self.dotted.clone();
            dotted.sort_unstable();
            self.tangled = self.arrays.iter().any(|array| dotted.binary_search(array).is_ok());
        }
    }

    fn leaf(&mut self, key: usize, element: usize, value: Scalar<'a>) {
        let hash = self.path_hash(key);
        let index = self.leaves.len();
        let path = self.path(hash, |other| self.same_path(key, other));
        if let Some(path) = path.and_then(|path| self.paths.get_mut(path)) {
            path.more.push(index);
        } else {
            self.paths.push(Path { hash, key, first: index, more: Vec::new(), next: 0 });
            self.link();
        }
        self.leaves.push(Leaf { path: path.unwrap_or(self.paths.len() - 1), element, value });
    }

    /// Puts the last path before the chain of its bucket.
    fn link(&mut self) {
        let mut from = self.paths.len() - 1;
        if self.paths.len() > self.buckets.len() {
            self.buckets = vec![0; self.buckets.len() * 2];
            from = 0;
        }
        let count = self.buckets.len();
        for (index, path) in self.paths.iter_mut().enumerate().skip(from) {
            if let Some(head) = self.buckets.get_mut(path.hash.bucket(count)) {
                path.next = std::mem::replace(head, index + 1);
            }
        }
    }

    /// The path with that hash and a key that is the right one.
    fn path(&self, hash: PathHash, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut next = *self.buckets.get(hash.bucket(self.buckets.len()))?;
        loop {
            let at = next.checked_sub(1)?;
            let path = self.paths.get(at)?;
            if path.hash == hash && is_it(path.key) {
                return Some(at);
            }
            next = path.next;
        }
    }

    /// Whether one of the first so many leaves is at this key's path.
    fn has(&self, key: usize, leaves: usize) -> bool {
        let path = self.path(self.path_hash(key), |other| self.same_path(key, other));
        path.and_then(|path| self.paths.get(path)).is_some_and(|path| path.first < leaves)
    }

    fn path_hash(&self, key: usize) -> PathHash {
        self.keys.get(key).map_or(PathHash::EMPTY, |key| key.hash)
    }

    /// Whether the keys down to this one, joined by dots, are the path.
    fn spells(&self, key: usize, path: &str) -> bool {
        let (mut rest, mut at) = (path, key);
        loop {
            let Some(key) = self.keys.get(at) else { return false };
            let Some(before) = rest.strip_suffix(&*key.key) else { return false };
            if key.parent == ROOT {
                return before.is_empty();
            }
            let Some(before) = before.strip_suffix('.') else { return false };
            (rest, at) = (before, key.parent);
        }
    }

    fn same_path(&self, one: usize, other: usize) -> bool {
        let (mut first, mut second) = (one, other);
        while first != second {
            let (Some(a), Some(b)) = (self.keys.get(first), self.keys.get(second)) else { return false };
            if a.key != b.key || first == ROOT || second == ROOT {
                // The same path, if at all, by other dots.
                return self.spells(other, &self.spell(one));
            }
            (first, second) = (a.parent, b.parent);
        }
        true
    }

    fn spell(&self, key: usize) -> String {
        let mut keys = Vec::new();
        let mut at = key;
        while let Some(key) = self.keys.get(at).filter(|_| at != ROOT) {
            keys.push(&*key.key);
            at = key.parent;
        }
        keys.reverse();
        keys.join(".")
    }
}

/// The leaves of one path, in the order of their elements unless the document is tangled.
#[derive(Clone, Copy)]
pub(crate) struct Leaves<'d, 'a> {
    document: &'d Document<'a>,
    path: Option<&'d Path>,
}

impl<'d, 'a> Leaves<'d, 'a> {
    pub(crate) fn all(self) -> impl Iterator<Item = (&'d Scalar<'a>, usize)> {
        let more = self.path.map_or(&[][..], |path| &path.more);
        self.path.into_iter().map(|path| &path.first).chain(more).filter_map(move |&leaf| self.leaf(leaf))
    }

    /// Those inside of an element. The document must not be tangled.
    pub(crate) fn inside(self, element: usize) -> impl Iterator<Item = (&'d Scalar<'a>, usize)> {
        let end = self.document.end(element);
        let mut more = self.path.map_or(&[][..], |path| &path.more);
        if element != ROOT {
            let before =
                more.partition_point(|&leaf| self.leaf(leaf).is_some_and(|(_, inner)| inner < element));
            more = more.get(before..).unwrap_or_default();
        }
        let first = self.path.map(|path| &path.first);
        let first =
            first.and_then(|&leaf| self.leaf(leaf)).filter(|&(_, inner)| (element..end).contains(&inner));
        let more =
            more.iter().filter_map(move |&leaf| self.leaf(leaf)).take_while(move |&(_, inner)| inner < end);
        first.into_iter().chain(more)
    }

    fn leaf(self, index: usize) -> Option<(&'d Scalar<'a>, usize)> {
        self.document.leaves.get(index).map(|leaf| (&leaf.value, leaf.element))
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
