//! Patterns: from text to branches of leaves.

mod complexity;
mod object;
mod operator;
mod values;

use std::fmt;
use std::sync::Arc;

use crate::document::{Document, PathHash};
use crate::error::{Class, PatternError, Undecided};
use crate::json::{Fault, Node, TOO_DEEP};
use crate::matching::{self, miss::Miss};
use crate::test::Test;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    branches: Vec<Branch>,
}

/// One way to meet a pattern: all of its leaves. A pattern without `$or` has one branch.
#[derive(Debug, Clone)]
pub struct Branch {
    /// In the order of their paths, which is the order that absence in arrays is asked in.
    leaves: Vec<Arc<Leaf>>,
    /// For each leaf, how much of its path, up to a dot, leads to the next one as well.
    shared: Vec<usize>,
    /// Whether one leaf's path leads on to another's.
    nested: bool,
}

/// What a pattern asks of one path.
#[derive(Debug, Clone)]
pub struct Leaf {
    path: Box<str>,
    hash: PathHash,
    tests: Vec<Test>,
    asked: Box<str>,
    absent: bool,
}

/// How a pattern is read; by default as the engine reads it.
#[derive(Clone, Copy, Default)]
pub struct Reading<'a> {
    /// A guard never weakens in silence: refuses what the engine takes, but reads in a way that its author hardly
    /// meant. That is a key written twice, also by way of a dot, a leaf both outside and inside of an `$or`, where one
    /// would replace the other, and an `$or` that does not qualify, which would be the name of a field.
    pub strict: bool,
    /// Refuses what the `EventBridge` service does by its documentation, though its engine does not: more than 2,048
    /// characters, numeric bounds beyond ±5e9, of more than 15 digits or 6 decimals, and wildcards that are too
    /// complex.
    pub service_limits: bool,
    /// The most leaves of all branches together. Those of a short pattern can be a hundred thousand, since the branches
    /// of `$or` multiply: who reads many patterns of strangers needs a bound. By default there is none but those of the
    /// crate.
    pub most_leaves: Option<usize>,
    /// Is called with the path of each leaf.
    pub field: Option<&'a FieldHook<'a>>,
}

/// Sees the dotted path of a leaf and may give another one for it (a prefix put before it, say), or refuse it with a
/// message (that there is no such field, and which one is nearest).
pub type FieldHook<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

impl Pattern {
    /// Reads a pattern from JSON text, as the engine does.
    ///
    /// # Errors
    ///
    /// When the engine refuses the pattern, or `$or` makes more than 1,000 combinations, as the documentation of
    /// `EventBridge` has it.
    pub fn parse(json: &str) -> Result<Self, PatternError> {
        Self::parse_with(json, &Reading::default())
    }

    /// Reads a pattern from JSON text, in the way asked.
    ///
    /// # Errors
    ///
    /// As [`Pattern::parse`], and when the reading refuses it.
    pub fn parse_with(json: &str, reading: &Reading<'_>) -> Result<Self, PatternError> {
        if reading.service_limits && json.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(PatternError::new(Class::Limit, "a pattern has at most 2,048 characters"));
        }
        let node = Node::parse(json).map_err(|fault| not_json(json, fault))?;
        let Node::Object(members) = &node else {
            let what = format!("a pattern is an object, this is {}", node.kind());
            return Err(PatternError::new(Class::NotObject, what));
        };
        let branches = object::branches(members, reading)?;
        Ok(Self { branches: branches.into_iter().map(Branch::new).collect() })
    }

    /// Whether a document meets the pattern.
    #[must_use]
    pub fn matches(&self, document: &Document<'_>) -> bool {
        self.try_matches(document).unwrap_or(false)
    }

    /// Whether a document meets the pattern, for those to whom "no" means that something may go on.
    ///
    /// # Errors
    ///
    /// When the bound on trials (see the limits of this crate) came before an answer.
    pub fn try_matches(&self, document: &Document<'_>) -> Result<bool, Undecided> {
        let mut answer = Ok(false);
        for branch in &self.branches {
            match matching::matches(branch, document) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(undecided) => answer = Err(undecided),
            }
        }
        answer
    }

    /// What keeps a document from matching: of the branch with the fewest unmet leaves, the first such leaf. Nothing if
    /// it matches.
    #[must_use]
    pub fn miss(&self, document: &Document<'_>) -> Option<Miss> {
        matching::miss::miss(&self.branches, document)
    }

    /// Whether all that it asks is at such paths.
    #[must_use]
    pub fn asks_only(&self, is_such: impl Fn(&str) -> bool) -> bool {
        self.branches.iter().flat_map(Branch::leaves).all(|leaf| is_such(leaf.path()))
    }

    /// What it asks at such paths: a pattern that every document matches which matches this one. Nothing if there is a
    /// branch that asks nothing there.
    #[must_use]
    pub fn restricted_to(&self, is_such: impl Fn(&str) -> bool) -> Option<Self> {
        let restricted = |branch: &Branch| {
            let leaves = branch.leaves.iter().filter(|leaf| is_such(leaf.path()));
            Branch::new(leaves.cloned().collect())
        };
        let branches: Vec<Branch> = self.branches.iter().map(restricted).collect();
        branches.iter().all(|branch| branch.leaves().len() > 0).then_some(Self { branches })
    }

    /// The branches, any of which may match: the combinations of all `$or`.
    #[must_use]
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }
}

/// What the `EventBridge` service takes.
const MAX_CHARACTERS: usize = 2048;

fn not_json(text: &str, fault: Fault) -> PatternError {
    if fault.what == TOO_DEEP {
        return PatternError::new(Class::Limit, TOO_DEEP);
    }
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    PatternError::new(Class::NotJson, format!("no JSON at line {line}, column {column}: {}", fault.what))
}

impl Branch {
    fn new(mut leaves: Vec<Arc<Leaf>>) -> Self {
        leaves.sort_by(|one, other| one.path.encode_utf16().cmp(other.path.encode_utf16()));
        let next = leaves.iter().skip(1).map(|leaf| &*leaf.path).chain([""]);
        let shared = leaves.iter().zip(next).map(|(leaf, next)| shared_path(&leaf.path, next)).collect();
        let nested = leaves.iter().any(|outer| leaves.iter().any(|inner| leads_on(&outer.path, &inner.path)));
        Self { leaves, shared, nested }
    }

    /// The leaves, all of which must be met, in the order of their paths.
    #[must_use]
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = &Leaf> {
        self.leaves.iter().map(|leaf| &**leaf)
    }

    /// The leaf of that number, and how much of its path leads to the next one.
    pub(crate) fn leaf(&self, index: usize) -> Option<(&Leaf, usize)> {
        Some((self.leaves.get(index)?, self.shared.get(index).copied().unwrap_or(0)))
    }

    pub(crate) fn is_nested(&self) -> bool {
        self.nested
    }
}

/// How much of two different paths, up to a dot in both, is the same.
fn shared_path(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    one.as_bytes().get(..same).and_then(|same| same.iter().rposition(|&byte| byte == b'.')).unwrap_or(0)
}

/// Whether the inner path goes on behind the outer one.
fn leads_on(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

impl Leaf {
    fn new(path: &str, tests: Vec<Test>, asked: String) -> Self {
        let absent = tests.contains(&Test::Exists(false));
        Self { path: path.into(), hash: PathHash::of(path), tests, asked: asked.into(), absent }
    }

    /// The dotted path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tests, any of which is enough.
    #[must_use]
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// The list of values as the pattern has it, as compact JSON.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Whether having no value meets the leaf.
    #[must_use]
    pub fn accepts_absence(&self) -> bool {
        self.absent
    }

    pub(crate) fn hash(&self) -> PathHash {
        self.hash
    }
}

impl fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("strict", &self.strict)
            .field("service_limits", &self.service_limits)
            .field("most_leaves", &self.most_leaves)
            .field("field", &self.field.is_some())
            .finish()
    }
}
