//! `EventBridge` event patterns.

mod document;
mod error;
mod json;
mod matching;
mod number;
mod pattern;
mod test;

pub use document::{Document, Mark, Value};
pub use error::{Class, DocumentError, PatternError};
pub use matching::miss::Miss;
pub use number::Number;
pub use pattern::{Branch, FieldHook, Leaf, Pattern, Reading};
pub use test::{Bound, Cidr, Exact, Letters, Range, Test, Wildcard};
