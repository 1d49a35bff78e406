//! The tests that a pattern puts to the values of a leaf.

mod cidr;
mod letters;
mod range;
mod wildcard;

use std::net::IpAddr;

pub use cidr::Cidr;
pub(crate) use cidr::address;
pub use letters::Letters;
pub use range::{Bound, Range};
pub use wildcard::Wildcard;

use crate::document::{Scalar, Value};
use crate::number::Number;

/// One entry of a list of values: a value, or an operator.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Test {
    /// The value itself.
    Exact(Exact),
    /// `prefix`: a string that begins so.
    Prefix(Letters),
    /// `suffix`: a string that ends so.
    Suffix(Letters),
    /// `equals-ignore-case`: the string, whatever its case.
    EqualsIgnoreCase(Letters),
    /// `wildcard`: a string of that form.
    Wildcard(Wildcard),
    /// `anything-but`: any value, of any type, that meets none of these.
    AnythingBut(Vec<Test>),
    /// `numeric`: a number within bounds.
    Numeric(Range),
    /// `exists`: whether the leaf has a value at all.
    Exists(bool),
    /// `cidr`: a string that is an address of that block.
    Cidr(Cidr),
}

/// A value to be met as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Exact {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, however it is written.
    Number(Number<'static>),
    /// A string.
    Text(Box<str>),
    /// A string that is an IP address, however it is written.
    Address(IpAddr),
}

impl Test {
    /// Whether a value meets the test, for those who compare tests with each other rather than with a document.
    #[must_use]
    pub fn accepts(&self, value: Value<'_>) -> bool {
        self.holds(&match value {
            Value::Null => Scalar::Null,
            Value::Bool(value) => Scalar::Bool(value),
            Value::Number(value) => Scalar::Number(value.into()),
            Value::Text(text) => Scalar::Text(text.into()),
        })
    }

    /// Whether a value meets the test.
    pub(crate) fn holds(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Exact(exact), value) => exact.is(value),
            (Self::AnythingBut(excluded), value) => !excluded.iter().any(|test| test.holds(value)),
            (Self::Exists(asked), _) => *asked,
            (Self::Prefix(letters), Scalar::Text(text)) => letters.begin(text),
            (Self::Suffix(letters), Scalar::Text(text)) => letters.end(text),
            (Self::EqualsIgnoreCase(letters), Scalar::Text(text)) => letters.are(text),
            (Self::Wildcard(wildcard), Scalar::Text(text)) => wildcard.takes(text),
            (Self::Cidr(block), Scalar::Text(text)) => block.holds(text),
            (Self::Numeric(range), Scalar::Number(number)) => range.holds(number.value()),
            _ => false,
        }
    }
}

impl Exact {
    fn is(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(asked), Scalar::Bool(value)) => asked == value,
            (Self::Number(asked), Scalar::Number(value)) => asked == value,
            (Self::Text(asked), Scalar::Text(value)) => **asked == **value,
            (Self::Address(asked), Scalar::Text(value)) => address(value) == Some(*asked),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

    #[test]
    fn a_test_accepts_values_without_a_document() {
        let check = |test: &str, value: Value<'_>, expected: bool| {
            let pattern = Pattern::parse(&format!(r#"{{"a": [{test}]}}"#)).unwrap();
            let leaf = pattern.branches()[0].leaves().next().unwrap();
            assert_eq!(leaf.tests()[0].accepts(value), expected, "{test} {value:?}");
        };
        check(r#"{"prefix": "a"}"#, Value::Text("ab"), true);
        check(r#"{"anything-but": "a"}"#, Value::Null, true);
        check("35", Value::Number(35.0), true);
        check(r#""true""#, Value::Bool(true), false);
        check(r#"{"exists": false}"#, Value::Bool(true), false);
    }
}
