//! Whether what meets one test, leaf or branch certainly meets another: sound, and complete enough for the patterns that
//! people write. Where it is not certain, the answer is no.

use event_pattern::{Bound, Branch, Exact, Leaf, Range, Test, Value};

use crate::schema::{self, Found, Shape};

/// Whether every document that meets `one` meets `other`.
pub(super) fn branch(one: &Branch, other: &Branch) -> bool {
    other.leaves().all(|asked| {
        let found = schema::find(asked.path());
        is_always_met(asked, &found)
            || one.leaves().any(|given| given.path() == asked.path() && leaf(given, asked, &found))
    })
}

/// Whether every document meets a leaf, by what is known of its field.
fn is_always_met(leaf: &Leaf, found: &Found) -> bool {
    let total = match closed(found.shape) {
        Some(values) => values.iter().all(|value| accepts(leaf, *value)),
        None => false,
    };
    found.always && !found.many && (total || leaf.tests().contains(&Test::Exists(true)))
}

/// Whether what meets one leaf meets another on the same path.
fn leaf(one: &Leaf, other: &Leaf, found: &Found) -> bool {
    let values = match closed(found.shape) {
        Some(values) => values.iter().all(|value| !accepts(one, *value) || accepts(other, *value)),
        None => one.tests().iter().all(|test| {
            // Absence is not a value.
            *test == Test::Exists(false) || other.tests().iter().any(|other| implies(test, other))
        }),
    };
    // Below a list of objects, which element an absence is asked of depends on the other leaves of the branch.
    let absence =
        !one.accepts_absence() || (found.always && !found.many) || (other.accepts_absence() && !found.many);
    values && absence
}

/// All values that a field can have, where they are few.
fn closed(shape: Shape) -> Option<Vec<Value<'static>>> {
    match shape {
        Shape::Word(words) if words.complete => {
            Some(words.known.iter().map(|word| Value::Text(word)).collect())
        }
        Shape::Bool => Some(vec![Value::Bool(false), Value::Bool(true)]),
        _ => None,
    }
}

/// Whether a value meets a leaf.
pub(super) fn accepts(leaf: &Leaf, value: Value<'_>) -> bool {
    leaf.tests().iter().any(|test| test.accepts(value))
}

/// Whether every value that meets one test meets another.
pub(super) fn implies(one: &Test, other: &Test) -> bool {
    if one == other {
        return true;
    }
    match (one, other) {
        (Test::Exists(_), _) | (_, Test::Exists(false)) => false,
        (_, Test::Exists(true)) => true,
        (Test::AnythingBut(excluded), Test::AnythingBut(others)) => {
            others.iter().all(|other| excluded.iter().any(|excluded| implies(other, excluded)))
        }
        (Test::AnythingBut(_), _) => false,
        (one, Test::AnythingBut(excluded)) => excluded.iter().all(|excluded| are_apart(one, excluded)),
        (Test::Exact(exact), other) => exactly(exact).is_some_and(|value| other.accepts(value)),
        (Test::Numeric(inner), Test::Numeric(outer)) => lies_within(inner, outer),
        (Test::Cidr(inner), Test::Cidr(outer)) => {
            inner.bits() >= outer.bits()
                && other.accepts(Value::Text(&inner.address().to_string()))
                && inner.address().is_ipv4() == outer.address().is_ipv4()
        }
        (one, other) => sample(one, other).is_some_and(|sample| other.accepts(Value::Text(&sample))),
    }
}

/// Whether certainly no value meets both tests.
fn are_apart(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::Exact(exact), test) | (test, Test::Exact(exact)) => {
            exactly(exact).is_some_and(|value| !test.accepts(value))
        }
        (Test::Numeric(_), Test::AnythingBut(_) | Test::Exists(_)) => false,
        (Test::Numeric(one), Test::Numeric(other)) => ends_below(one, other) || ends_below(other, one),
        (Test::Numeric(_), _) | (_, Test::Numeric(_)) => {
            !matches!(one, Test::AnythingBut(_) | Test::Exists(_))
        }
        (one, other) => {
            let differ = |one: Option<&str>, other: Option<&str>, are_alike: fn(&str, &str) -> bool| {
                one.zip(other).is_some_and(|(one, other)| !are_alike(one, other) && !are_alike(other, one))
            };
            let (start, end) = ends(one);
            let (other_start, other_end) = ends(other);
            differ(start, other_start, |one, other| one.starts_with(other))
                || differ(end, other_end, |one, other| one.ends_with(other))
        }
    }
}

/// The value that an exact test asks for. An address has several spellings, and so no one value.
fn exactly(exact: &Exact) -> Option<Value<'_>> {
    match exact {
        Exact::Null => Some(Value::Null),
        Exact::Bool(value) => Some(Value::Bool(*value)),
        Exact::Number(number) if number.is_exact() => Some(Value::Number(number.value())),
        Exact::Text(text) => Some(Value::Text(text)),
        Exact::Number(_) | Exact::Address(_) => None,
    }
}

/// What all strings that meet a test begin and end with, case and all.
fn ends(test: &Test) -> (Option<&str>, Option<&str>) {
    match test {
        Test::Prefix(letters) if !letters.ignore_case() => (Some(letters.text()), None),
        Test::Suffix(letters) if !letters.ignore_case() => (None, Some(letters.text())),
        Test::Wildcard(wildcard) => (wildcard.parts().next(), wildcard.parts().last()),
        _ => (None, None),
    }
}

/// A string in the place of all that meet a test: with a letter, where any run of letters may stand, that the other test
/// does not name. What the other test accepts of it, it accepts of all: only a star, or what is not looked at, takes in
/// a letter that is not named.
fn sample(test: &Test, other: &Test) -> Option<String> {
    const UNNAMED: [char; 3] = ['\u{e000}', '\u{e001}', '\u{e002}'];
    let named = format!("{test:?}{other:?}");
    // Debug output escapes such letters: neither spelling may occur.
    let free =
        |letter: &&char| !named.contains(**letter) && !named.contains(&letter.escape_unicode().to_string());
    let any = UNNAMED.iter().find(free)?.to_string();
    match test {
        Test::Prefix(letters) if !letters.ignore_case() => Some(format!("{}{any}", letters.text())),
        Test::Suffix(letters) if !letters.ignore_case() => Some(format!("{any}{}", letters.text())),
        Test::Wildcard(wildcard) => Some(wildcard.parts().collect::<Vec<_>>().join(&any)),
        _ => None,
    }
}

fn lies_within(inner: &Range, outer: &Range) -> bool {
    let fits =
        |inner: Option<Bound>, outer: Option<Bound>, is_beyond: fn(f64, f64) -> bool| match (inner, outer) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner), Some(outer)) => {
                is_beyond(inner.value, outer.value)
                    || (is_same(inner.value, outer.value) && (outer.included || !inner.included))
            }
        };
    fits(inner.bottom, outer.bottom, |inner, outer| inner > outer)
        && fits(inner.top, outer.top, |inner, outer| inner < outer)
}

fn ends_below(one: &Range, other: &Range) -> bool {
    one.top.zip(other.bottom).is_some_and(|(top, bottom)| {
        top.value < bottom.value || (is_same(top.value, bottom.value) && !(top.included && bottom.included))
    })
}

#[expect(clippy::float_cmp, reason = "bounds are numbers that people wrote, not results")]
fn is_same(one: f64, other: f64) -> bool {
    one == other
}

#[cfg(test)]
mod tests;
