//! What is wrong with a pattern or a document, for people.

use std::fmt;

use crate::json::Fault;

/// What is wrong with a pattern, and where.
///
/// Its text is `<place>: <what is wrong, and the remedy>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    class: Class,
    place: String,
    what: String,
}

/// The kinds of error that make a pattern refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The text is no JSON.
    NotJson,
    /// The JSON is no object.
    NotObject,
    /// `{}` as a pattern or a part of one.
    EmptyObject,
    /// `[]` as a list of values.
    EmptyArray,
    /// A key with a bare value, in place of a list of values.
    NotArray,
    /// A list in a list of values.
    BadValue,
    /// An operator object with no key, or with more than one.
    Expression,
    /// An operator that does not exist.
    UnknownOperator,
    /// An operand of the wrong type.
    Operand,
    /// What `anything-but` does not take.
    AnythingBut,
    /// What `numeric` does not take.
    Numeric,
    /// A bound that no double holds.
    Number,
    /// Stars or escapes that `wildcard` does not take.
    Wildcard,
    /// No `address/bits`.
    Cidr,
    /// An `$or` that is none.
    Or,
    /// More leaves, `$or` branches, levels or (by the service's limits) characters, digits or stars than allowed.
    Limit,
    /// A key written twice; refused by a strict reading only.
    Duplicate,
    /// A field that the caller's own hook refused.
    Field,
}

impl Class {
    /// The class as a word, such as `unknown-operator`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotObject => "not-object",
            Self::EmptyObject => "empty-object",
            Self::EmptyArray => "empty-array",
            Self::NotArray => "not-array",
            Self::BadValue => "bad-value",
            Self::Expression => "expression",
            Self::UnknownOperator => "unknown-operator",
            Self::Operand => "operand",
            Self::AnythingBut => "anything-but",
            Self::Numeric => "numeric",
            Self::Number => "number",
            Self::Wildcard => "wildcard",
            Self::Cidr => "cidr",
            Self::Or => "or",
            Self::Limit => "limit",
            Self::Duplicate => "duplicate",
            Self::Field => "field",
        }
    }
}

impl PatternError {
    /// An error at the place it is met; those who know where that is put it before with [`PatternError::within`].
    pub(crate) fn new(class: Class, what: impl Into<String>) -> Self {
        Self { class, place: String::new(), what: what.into() }
    }

    /// Where: such as `ageSeconds[0].numeric` or `$or[1].job.status`; empty for the pattern itself.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong there, and the remedy.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.what
    }

    /// What kind of error it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The same error in a pattern that stands inside of something else: `deny[1].when`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        let dot =
            if self.place.is_empty() || self.place.starts_with('[') || outer.is_empty() { "" } else { "." };
        self.place = format!("{outer}{dot}{}", self.place);
        self
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.place, self.what)
        }
    }
}

impl std::error::Error for PatternError {}

/// A document is too tangled to tell whether it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dots in the document's keys leave too many ways to read it")
    }
}

impl std::error::Error for Undecided {}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    field: String,
    fault: Fault,
}

impl DocumentError {
    pub(crate) fn new(field: &str, fault: Fault) -> Self {
        Self { field: field.to_owned(), fault }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} (byte {})", self.fault.what, self.fault.at)
    }
}

impl std::error::Error for DocumentError {}
