//! The traps in one list of tests, by what is known of its field.

use batch_canceller::policy::Effect;
use event_pattern::{Exact, Leaf, Test, Value};

use super::{Finding, Placed};
use crate::names::nearest;
use crate::schema::{self, Found, Shape, Words};

pub(super) fn findings(clause: &Placed<'_>) -> Vec<Finding> {
    let branches = clause.clause.when().branches();
    let mut findings = Vec::new();
    for leaf in branches.iter().flat_map(event_pattern::Branch::leaves) {
        let found = schema::find(leaf.path());
        if found.unknown {
            findings.push(unknown(leaf));
        }
        findings.extend(several_exclusions(leaf));
        for (index, test) in leaf.tests().iter().enumerate() {
            let at = format!("{}[{index}]", leaf.path());
            let accepts_absence = |other: &Leaf| other.path() == leaf.path() && other.accepts_absence();
            let absence_is_seen_to = branches.iter().any(|branch| branch.leaves().any(accepts_absence));
            match fault(test, leaf.path(), &found) {
                Some(Fault { so, what, remedy }) => {
                    findings.push(Finding::warning(at, format!("{what}: {}", so.as_str()), remedy));
                }
                None if matches!(test, Test::AnythingBut(_)) && !found.always && !absence_is_seen_to => {
                    findings.push(absence(clause.effect, leaf.path(), at));
                }
                None => {}
            }
        }
    }
    findings
}

/// Whether no document at all meets a leaf.
pub(super) fn is_never_met(leaf: &Leaf) -> bool {
    let found = schema::find(leaf.path());
    let is_never = |test| fault(test, leaf.path(), &found).is_some_and(|fault| fault.so == So::Never);
    leaf.tests().iter().all(is_never)
}

fn unknown(leaf: &Leaf) -> Finding {
    let what = format!(
        "this version does not know `{}`: where Batch does not send it, it counts as absent",
        leaf.path()
    );
    Finding::note(leaf.path(), what, "check its spelling in the API reference of `JobDetail`")
}

fn absence(effect: Effect, path: &str, at: String) -> Finding {
    let so = match effect {
        Effect::Deny => "a request without it is not denied by this clause",
        Effect::Allow => "a request without it is not allowed by this clause",
    };
    let what = format!("`anything-but` wants a value, and `{path}` may be absent: {so}");
    let what_then = if effect == Effect::Deny { "deny" } else { "allow" };
    let remedy = format!("to {what_then} that too, add {{\"exists\": false}} to the list");
    Finding::warning(at, what, remedy)
}

fn several_exclusions(leaf: &Leaf) -> Option<Finding> {
    let count = leaf.tests().iter().filter(|test| matches!(test, Test::AnythingBut(_))).count();
    (count > 1).then(|| {
        let what = format!(
            "a list is an OR: what one of these {count} `anything-but` excludes, another lets pass, so that together they \
             exclude little or nothing"
        );
        Finding::warning(leaf.path(), what, "write one `anything-but` with a list of all values")
    })
}

/// What is wrong with a test of a field, and what to do.
struct Fault {
    so: So,
    what: String,
    remedy: String,
}

/// What follows for the test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum So {
    Never,
    Always,
    ExcludesNothing,
}

impl So {
    fn as_str(self) -> &'static str {
        match self {
            Self::Never => "this is never met",
            Self::Always => "this is always met",
            Self::ExcludesNothing => "to exclude it excludes nothing",
        }
    }
}

fn fault(test: &Test, path: &str, found: &Found) -> Option<Fault> {
    match (test, found.shape) {
        (test, Shape::Object(members, _)) => {
            let whole = if found.many { "a list of objects" } else { "an object" };
            let member = members.first().map_or("<name>", |field| field.name);
            Some(Fault {
                so: if *test == Test::Exists(false) { So::Always } else { So::Never },
                what: format!("`{path}` is {whole}, and so has no value itself"),
                remedy: format!("ask about a member of it, such as `{path}.{member}`"),
            })
        }
        (Test::Exists(false), _) if found.always && !found.many => Some(Fault {
            so: So::Never,
            what: format!("`{path}` is always there"),
            remedy: "leave it out, or ask about its value".into(),
        }),
        (Test::Exists(_), _) => None,
        (Test::AnythingBut(_), Shape::Word(words))
            if words.complete && !words.known.iter().any(|word| test.accepts(Value::Text(word))) =>
        {
            Some(Fault {
                so: So::Never,
                what: format!("it leaves nothing that `{path}` could be"),
                remedy: format!("exclude less: there are {}", words.known.join(", ")),
            })
        }
        (Test::AnythingBut(excluded), _) => {
            let (what, remedy) = excluded.iter().find_map(|test| mismatch(test, path, found, true))?;
            Some(Fault { so: So::ExcludesNothing, what, remedy })
        }
        (test, _) => {
            let (what, remedy) = mismatch(test, path, found, false)?;
            Some(Fault { so: So::Never, what, remedy })
        }
    }
}

/// Why a test cannot be met by the kind of value that a field has, and the remedy. `excluded` tests stand in an
/// `anything-but`, where to name what never comes is harmless.
fn mismatch(test: &Test, path: &str, found: &Found, excluded: bool) -> Option<(String, String)> {
    let kind = match found.shape {
        Shape::Text | Shape::Word(_) => "a string",
        Shape::Number => "a number",
        Shape::Bool => "true or false",
        Shape::Object(..) | Shape::Anything => return None,
    };
    let asked = match test {
        Test::Exact(Exact::Null) => "null",
        Test::Exact(Exact::Bool(_)) => "true or false",
        Test::Exact(Exact::Number(_)) | Test::Numeric(_) => "a number",
        Test::AnythingBut(_) | Test::Exists(_) => return None,
        _ => "a string",
    };
    if asked == "null" {
        let remedy = "for an absent field, write {\"exists\": false}".to_owned();
        return Some((format!("`{path}` is {kind}, never null"), remedy));
    }
    if asked == kind {
        return match found.shape {
            Shape::Word(words) => word(test, path, words, excluded),
            _ => None,
        };
    }
    let remedy = match (test, found.shape) {
        (Test::Exact(Exact::Text(asked)), Shape::Number) if asked.parse::<f64>().is_ok() => {
            format!("write {asked} without quotes")
        }
        (Test::Exact(Exact::Text(asked)), Shape::Bool) if matches!(&**asked, "true" | "false") => {
            format!("write {asked} without quotes")
        }
        (Test::Exact(Exact::Number(number)), Shape::Text) => {
            format!("write \"{}\" in quotes", number.value())
        }
        (_, Shape::Number) => "compare it by {\"numeric\": [\"<\", 600]}".into(),
        (_, Shape::Bool) => "write true or false".into(),
        _ => "compare it with a string".into(),
    };
    Some((format!("`{path}` is {kind}, and {asked} is asked"), remedy))
}

/// What is wrong with a test for one of some words.
fn word(test: &Test, path: &str, words: Words, excluded: bool) -> Option<(String, String)> {
    if words.known.iter().any(|word| test.accepts(Value::Text(word))) {
        return None;
    }
    let list = words.known.join(", ");
    if let Some((never, why)) = words.never
        && let Some(word) = never.iter().find(|word| test.accepts(Value::Text(word)))
    {
        // Often written to be sure, and not wrong.
        return (!excluded).then(|| {
            (format!("where `{path}` is {word}, {why}"), format!("leave it out; there are {list}"))
        });
    }
    let never = words.never.map_or(&[][..], |(never, _)| never);
    let Test::Exact(Exact::Text(asked)) = test else {
        return Some((format!("none of the values of `{path}` is like that"), format!("there are {list}")));
    };
    let all: Vec<&str> = words.known.iter().chain(never).copied().collect();
    let remedy = match nearest(asked, &all) {
        Some(meant) => format!("did you mean \"{meant}\"? There are {list}"),
        None => format!("there are {list}"),
    };
    let is_never = if words.complete { "is never" } else { "is, as far as this version knows, never" };
    Some((format!("`{path}` {is_never} \"{asked}\""), remedy))
}
