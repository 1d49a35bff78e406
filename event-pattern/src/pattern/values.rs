//! Lists of values: from JSON to tests.

use std::borrow::Cow;

use super::{Reading, operator};
use crate::error::{Class, PatternError};
use crate::json::Node;
use crate::number::Number;
use crate::test::{Bound, Cidr, Exact, Letters, Range, Test, Wildcard, address};

type Members<'j> = [(Cow<'j, str>, Node<'j>)];

/// The tests that a list of values stands for.
pub(super) fn tests(items: &[Node<'_>], reading: &Reading<'_>) -> Result<Vec<Test>, PatternError> {
    if items.is_empty() {
        return Err(PatternError::new(
            Class::EmptyArray,
            "an empty list matches nothing; name a value, or leave the field out",
        ));
    }
    let at = |(index, item)| test(item, reading).map_err(|error| error.within(&format!("[{index}]")));
    items.iter().enumerate().map(at).collect()
}

fn test(item: &Node<'_>, reading: &Reading<'_>) -> Result<Test, PatternError> {
    Ok(Test::Exact(match item {
        Node::Null => Exact::Null,
        Node::Bool(value) => Exact::Bool(*value),
        Node::Number(literal) => Exact::Number(Number::read(literal).into_owned()),
        Node::Text(text) => address(text).map_or_else(|| Exact::Text((&**text).into()), Exact::Address),
        Node::List(_) => {
            let what = "a list in a list of values; write its values into the outer one";
            return Err(PatternError::new(Class::BadValue, what));
        }
        Node::Object(members) => {
            let (name, operand) = only(members)?;
            return operator(name, operand, reading).map_err(|error| error.within(name));
        }
    }))
}

/// The one member of an operator object.
fn only<'m, 'j>(members: &'m Members<'j>) -> Result<(&'m str, &'m Node<'j>), PatternError> {
    match members {
        [(name, operand)] => Ok((name, operand)),
        [] => Err(PatternError::new(Class::Expression, "an empty object; an operator should stand here")),
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
            let what = format!(
                "one operator to an object, here are {}; in objects of their own they are alternatives",
                names.join(" and ")
            );
            Err(PatternError::new(Class::Expression, what))
        }
    }
}

fn operator(name: &str, operand: &Node<'_>, reading: &Reading<'_>) -> Result<Test, PatternError> {
    Ok(match name {
        "prefix" => Test::Prefix(affix(name, operand)?),
        "suffix" => Test::Suffix(affix(name, operand)?),
        "equals-ignore-case" => Test::EqualsIgnoreCase(Letters::new(string(name, operand)?, true)),
        "wildcard" => Test::Wildcard(wildcard(string(name, operand)?)?),
        "anything-but" => Test::AnythingBut(anything_but(operand)?),
        "numeric" => Test::Numeric(numeric(operand, reading)?),
        "exists" => match operand {
            Node::Bool(asked) => Test::Exists(*asked),
            other => return Err(wrong_operand(name, "true or false", other)),
        },
        "cidr" => Test::Cidr(
            Cidr::read(string(name, operand)?).map_err(|what| PatternError::new(Class::Cidr, what))?,
        ),
        "exactly" => Test::Exact(Exact::Text(string(name, operand)?.into())),
        unknown => {
            let what = format!("unknown operator; {}", operator::hint(unknown));
            return Err(PatternError::new(Class::UnknownOperator, what));
        }
    })
}

fn wrong_operand(name: &str, expected: &str, found: &Node<'_>) -> PatternError {
    PatternError::new(Class::Operand, format!("`{name}` takes {expected}, not {}", found.kind()))
}

fn string<'m>(name: &str, operand: &'m Node<'_>) -> Result<&'m str, PatternError> {
    match operand {
        Node::Text(text) => Ok(text),
        list @ Node::List(_) => {
            let what = "one string; write an object for each, they are alternatives";
            Err(wrong_operand(name, what, list))
        }
        other => Err(wrong_operand(name, "a string", other)),
    }
}

fn wildcard(text: &str) -> Result<Wildcard, PatternError> {
    Wildcard::read(text).map_err(|what| PatternError::new(Class::Wildcard, what))
}

/// The operand of `prefix` and `suffix`.
fn affix(name: &str, operand: &Node<'_>) -> Result<Letters, PatternError> {
    let Node::Object(members) = operand else {
        return Ok(Letters::new(string(name, operand)?, false));
    };
    match only(members)? {
        (inner @ "equals-ignore-case", operand) => {
            let text = string(inner, operand).map_err(|error| error.within(inner))?;
            Ok(Letters::new(text, true))
        }
        (other, _) => {
            let what =
                format!("`{name}` takes a string or {{\"equals-ignore-case\": string}}, not `{other}`");
            Err(PatternError::new(Class::Operand, what).within(other))
        }
    }
}

/// The tests none of which may hold.
fn anything_but(operand: &Node<'_>) -> Result<Vec<Test>, PatternError> {
    let Node::Object(members) = operand else {
        return plain_values(operand);
    };
    let (name, operand) = only(members)?;
    let read: fn(&str) -> Result<Test, PatternError> = match name {
        "prefix" => |text| Ok(Test::Prefix(Letters::new(text, false))),
        "suffix" => |text| Ok(Test::Suffix(Letters::new(text, false))),
        "equals-ignore-case" => |text| Ok(Test::EqualsIgnoreCase(Letters::new(text, true))),
        "wildcard" => |text| Ok(Test::Wildcard(wildcard(text)?)),
        other => {
            let known = ["prefix", "suffix", "equals-ignore-case", "wildcard"];
            let hint = operator::nearest(other, &known).map(|known| format!("; did you mean `{known}`?"));
            let what = format!(
                "`anything-but` takes prefix, suffix, equals-ignore-case or wildcard{}",
                hint.unwrap_or_default()
            );
            return Err(PatternError::new(Class::AnythingBut, what).within(other));
        }
    };
    let one = |operand: &Node<'_>| match operand {
        Node::Text(text) if text.is_empty() && matches!(name, "prefix" | "suffix") => {
            Err(refused(&format!("the empty {name} is that of every string, so that none would match")))
        }
        Node::Text(text) => read(text),
        other => {
            Err(refused(&format!("`{name}` takes a string or a list of strings here, not {}", other.kind())))
        }
    };
    let tests = match operand {
        Node::List(items) => list(items, one),
        operand => one(operand).map(|test| vec![test]),
    };
    tests.map_err(|error| error.within(name))
}

fn refused(what: &str) -> PatternError {
    PatternError::new(Class::AnythingBut, what)
}

/// Each item of a list that must have some.
fn list(
    items: &[Node<'_>],
    one: impl Fn(&Node<'_>) -> Result<Test, PatternError>,
) -> Result<Vec<Test>, PatternError> {
    if items.is_empty() {
        return Err(refused("an empty list; name a value"));
    }
    let at = |(index, item)| one(item).map_err(|error| error.within(&format!("[{index}]")));
    items.iter().enumerate().map(at).collect()
}

/// The values that `anything-but` takes without an operator: strings or numbers, not both.
fn plain_values(operand: &Node<'_>) -> Result<Vec<Test>, PatternError> {
    let one = |item: &Node<'_>| match item {
        // Plain text, even if it is an address.
        Node::Text(text) => Ok(Test::Exact(Exact::Text((&**text).into()))),
        Node::Number(literal) => Ok(Test::Exact(Exact::Number(held(literal)?.into_owned()))),
        other => {
            let what = format!("`anything-but` takes strings, numbers or an operator, not {}", other.kind());
            Err(refused(&what))
        }
    };
    let Node::List(items) = operand else {
        return Ok(vec![one(operand)?]);
    };
    let tests = list(items, one)?;
    let is_text = |test: &Test| matches!(test, Test::Exact(Exact::Text(_)));
    if tests.iter().any(is_text) && !tests.iter().all(is_text) {
        return Err(refused("strings and numbers in one list; `anything-but` takes one kind only"));
    }
    Ok(tests)
}

/// A number that a double holds.
fn held(literal: &str) -> Result<Number<'_>, PatternError> {
    let number = Number::read(literal);
    if number.is_exact() {
        return Ok(number);
    }
    let what = format!("no double holds {literal}; the nearest is {}", number.value());
    Err(PatternError::new(Class::Number, what))
}

fn numeric(operand: &Node<'_>, reading: &Reading<'_>) -> Result<Range, PatternError> {
    let error = |what: String| {
        let grammar = "write [\"<\", 5] with =, <, <=, > or >=, or a range such as [\">=\", 0, \"<\", 5]";
        Err(PatternError::new(Class::Numeric, format!("{what}; {grammar}")))
    };
    let Node::List(terms) = operand else {
        return error(format!("`numeric` takes a list, not {}", operand.kind()));
    };
    let mut range = Range { bottom: None, top: None };
    for (index, pair) in terms.chunks(2).enumerate() {
        let [Node::Text(sign), bound @ ..] = pair else {
            return error(match pair.first() {
                Some(other) => format!("a comparison should stand where {} does", other.kind()),
                None => "an empty list".to_owned(),
            });
        };
        let value = match bound {
            [Node::Number(literal)] => bound_value(literal, reading)?,
            [other] => return error(format!("`{sign}` takes a number, not {}", other.kind())),
            _ => return error(format!("`{sign}` has no number behind it")),
        };
        let bound = Some(Bound { value, included: sign.ends_with('=') });
        match (index, &**sign) {
            (0, "=") => range = Range { bottom: bound, top: bound },
            (0, ">" | ">=") => range.bottom = bound,
            (0 | 1, "<" | "<=") if range.top.is_none() => range.top = bound,
            (_, "=" | "<" | "<=" | ">" | ">=") => {
                return error(format!("`{sign}` cannot stand behind the others"));
            }
            _ => return error(format!("`{sign}` is no comparison")),
        }
    }
    match (range.bottom, range.top, terms.len()) {
        (None, None, _) => error("an empty list".to_owned()),
        (Some(bottom), Some(top), 4..) if bottom.value >= top.value => {
            error(format!("no number lies above {} and below {}", bottom.value, top.value))
        }
        _ => Ok(range),
    }
}

fn bound_value(literal: &str, reading: &Reading<'_>) -> Result<f64, PatternError> {
    let number = held(literal)?;
    if reading.service_limits && !number.is_documented() {
        let what =
            format!("{literal} is not within ±5e9, 15 digits and 6 decimals, as EventBridge documents it");
        return Err(PatternError::new(Class::Limit, what));
    }
    Ok(number.value())
}
