//! `EventBridge` event patterns: read, refused and matched as AWS's own rule engine, event-ruler 2.0.1, does it.
//!
//! ```
//! use event_pattern::{Class, Document, Pattern};
//!
//! let pattern = Pattern::parse(
//!     r#"{
//!         "action": ["cancel"],
//!         "job": {
//!             "status": [{"anything-but": "RUNNING"}],
//!             "container": {"environment": {"name": ["STAGE"], "value": [{"prefix": "prod"}]}}
//!         }
//!     }"#,
//! )?;
//!
//! let mut document = Document::new();
//! document.json("job", r#"{
//!     "status": "RUNNABLE",
//!     "container": {"environment": [{"name": "MODE", "value": "x"}, {"name": "STAGE", "value": "production"}]}
//! }"#)?;
//! document.text("action", "cancel");
//! assert!(pattern.matches(&document));
//!
//! let miss = pattern.miss(&Document::parse(r#"{"action": "cancel", "job": {"status": "RUNNING"}}"#)?);
//! assert_eq!(miss.map(|miss| miss.path).as_deref(), Some("job.container.environment.name"));
//!
//! let error = Pattern::parse(r#"{"reason": [{"prefx": "x"}]}"#).unwrap_err();
//! assert_eq!(error.class(), Class::UnknownOperator);
//! assert!(error.to_string().starts_with("reason[0].prefx: unknown operator; did you mean `prefix`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a pattern is read
//!
//! Each key of a pattern holds an object, to go deeper, or a list of values: a leaf. All leaves must be met, each by
//! any of its values. Strings and keys are compared letter by letter. Paths are joined by dots, so that
//! `{"a": {"b": [1]}}` and `{"a.b": [1]}` ask the same, in documents too.
//!
//! | value | is met by |
//! |---|---|
//! | a string | that string; if it is an IP address, that address in any spelling |
//! | a number | that number, however it is written: 35, 35.0 and 3.5e1 are the same |
//! | `true`, `false`, `null` | itself; an absent field is not `null` |
//! | `{"prefix": "x"}`, `{"suffix": "x"}` | strings that begin or end so |
//! | `{"equals-ignore-case": "x"}` | strings that differ in case only; may stand in `prefix` and `suffix` as well |
//! | `{"wildcard": "a*b"}` | strings of that form; `\*` and `\\` stand for the characters themselves |
//! | `{"anything-but": …}` | any value, of any type, but these: a string, a number, a list of either, or `prefix`, `suffix`, `equals-ignore-case` or `wildcard` with a string or a list of strings. Not by an absent field |
//! | `{"numeric": [">", 0, "<=", 5]}` | numbers within the bounds |
//! | `{"exists": true}`, `{"exists": false}` | leaves that have a value, or have none; an object or an empty list is no value |
//! | `{"cidr": "10.0.0.0/8"}` | strings that are addresses of that block |
//!
//! - **Arrays.** A leaf is met when any element meets it. Leaves below one array of objects must be met by the same
//!   element. `exists: false` below an array means that no element has the leaf, unless a leaf whose path sorts before it
//!   has fixed the element: then it is asked of that one.
//! - **`$or`** holds two or more objects, one of which must be met besides all else. A leaf that is asked both inside
//!   and outside is asked once in that branch, as the later in the text has it. An `$or` of any other form is the name
//!   of a field. A leaf written twice counts as its last writing has it; an object written twice asks both.
//!   [`Reading::strict`] refuses all of these, for a pattern that guards something had better say what it means.
//!
//! # Where it differs from the engine
//!
//! - Text behind the pattern is refused, and so are documents that have a key twice in one object.
//! - More than 1,000 combinations of `$or` branches are refused, as the service's documentation has it.
//! - Blocks of addresses hold addresses of their own family only, and characters beyond U+FFFF have cases too.
//! - Numbers that no double holds are equal if they are the same number; in `numeric` and `anything-but` a pattern
//!   cannot have them.
//!
//! # Limits
//!
//! JSON may be nested 128 levels deep, and a branch have 256 leaves. Matching takes time in proportion to the pattern
//! and the values it looks at, with one exception: where keys with dots bring several things to the path of an array, or a
//! branch asks both for a field and for what lies below it, the elements of arrays are tried one by one, and a document
//! for which 200,000 trials are not enough does not match; who must know the difference asks
//! [`Pattern::try_matches`].
//! Matching allocates nothing.

mod document;
mod error;
mod json;
mod matching;
mod number;
mod pattern;
mod test;

pub use document::{Document, Mark, Value};
pub use error::{Class, DocumentError, PatternError, Undecided};
pub use matching::miss::Miss;
pub use number::Number;
pub use pattern::{Branch, FieldHook, Leaf, Pattern, Reading};
pub use test::{Bound, Cidr, Exact, Letters, Range, Test, Wildcard};
