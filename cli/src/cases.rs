//! The cases that a policy is checked on.

use std::collections::BTreeMap;

use batch_canceller::policy::{Effect, IMPLICIT_ALLOW, IMPLICIT_DENY, MAX_PER_INVOCATION, Policy};
use event_pattern::Document;
use serde_json::value::RawValue;

use crate::document::{self, Wrong};
use crate::input::Text;
use crate::json::{Members, fault, kind, line, string};
use crate::names::{listed, nearest};
use crate::trouble::Trouble;

/// What to do about a decision that is none.
const REMEDY: &str = "give \"allow\" or \"deny\"";

/// A document, and what is expected of a policy.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// The line that it begins on.
    pub(crate) line: usize,
    pub(crate) input: Document<'a>,
    pub(crate) expect: Expect,
}

/// What is expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expect {
    pub(crate) decision: Effect,
    /// The clause that is to decide, where that matters.
    pub(crate) clause: Option<String>,
}

/// Reads cases: a list of them, or one after the other.
///
/// # Errors
///
/// The first thing that is wrong, with its line and place.
pub(crate) fn read<'a>(file: &'a Text, policy: &Policy) -> Result<Vec<Case<'a>>, Trouble> {
    let reader = Reader { file, clauses: clauses(policy) };
    let mut cases = Vec::new();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for value in reader.values()? {
        let case = reader.case(value)?;
        if let Some(before) = lines.insert(case.name.clone(), case.line) {
            let what =
                format!("`{}` is the name of the case on line {before} too: give each its own", case.name);
            return Err(reader.trouble(value, "name", what));
        }
        cases.push(case);
    }
    if cases.is_empty() {
        return Err(Trouble::at(&file.name, "it has no cases, and so checks nothing: write one"));
    }
    Ok(cases)
}

/// The names that results give of what decides.
fn clauses(policy: &Policy) -> Vec<String> {
    let own = policy.deny().iter().chain(policy.allow()).map(|clause| clause.id().to_owned());
    own.chain([IMPLICIT_ALLOW, IMPLICIT_DENY, MAX_PER_INVOCATION].map(ToOwned::to_owned)).collect()
}

struct Reader<'a> {
    file: &'a Text,
    clauses: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Each case, unread.
    fn values(&self) -> Result<Vec<&'a RawValue>, Trouble> {
        let text = self.file.text.as_str();
        let at = |error: serde_json::Error| {
            Trouble::at(format!("{}:{}", self.file.name, error.line()), fault(&error))
        };
        if text.trim_start().starts_with('[') {
            return serde_json::from_str(text).map_err(at);
        }
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().map_err(at)
    }

    fn trouble(&self, at: &RawValue, place: &str, what: impl std::fmt::Display) -> Trouble {
        let place = if place.is_empty() { String::new() } else { format!(" {place}:") };
        Trouble::new(format!("{}:{}:{place} {what}", self.file.name, line(&self.file.text, at)))
    }

    fn members(&self, value: &'a RawValue, place: &str, known: &[&str]) -> Result<Members<'a>, Trouble> {
        document::members(value, place, known).map_err(|wrong| self.wrong(&wrong))
    }

    fn wrong(&self, wrong: &Wrong<'_>) -> Trouble {
        self.trouble(wrong.at, &wrong.place, &wrong.what)
    }

    fn case(&self, value: &'a RawValue) -> Result<Case<'a>, Trouble> {
        let members = self.members(value, "", &["name", "input", "expect"])?;
        let missing = |name: &str, remedy: &str| self.trouble(value, name, format!("is missing: {remedy}"));
        let name = members.get("name").ok_or_else(|| missing("name", "say what the case shows"))?;
        let input = members.get("input").ok_or_else(|| {
            missing("input", "give the document that patterns see, such as {\"action\": \"cancel\"}")
        })?;
        let expect = members
            .get("expect")
            .ok_or_else(|| missing("expect", "give {\"decision\": \"allow\"} or {\"decision\": \"deny\"}"))?;
        let text = string(name).filter(|name| !name.trim().is_empty());
        let name =
            text.ok_or_else(|| self.trouble(name, "name", "is not a name: give a string that is not empty"))?;
        let document = document::read(input, "input").map_err(|wrong| self.wrong(&wrong))?;
        Ok(Case { name, line: line(&self.file.text, value), input: document, expect: self.expect(expect)? })
    }

    fn expect(&self, value: &'a RawValue) -> Result<Expect, Trouble> {
        let members = self.members(value, "expect", &["decision", "clause"])?;
        let place = "expect.decision";
        let Some(decision) = members.get("decision") else {
            return Err(self.trouble(value, place, format!("is missing: {REMEDY}")));
        };
        let effect = match string(decision).as_deref() {
            Some("allow") => Effect::Allow,
            Some("deny") => Effect::Deny,
            Some(other) => {
                return Err(self.trouble(decision, place, format!("is \"{other}\": {REMEDY}")));
            }
            None => return Err(self.trouble(decision, place, format!("is {}: {REMEDY}", kind(decision)))),
        };
        let clause = members.get("clause").map(|clause| self.clause(clause)).transpose()?;
        Ok(Expect { decision: effect, clause })
    }

    fn clause(&self, value: &'a RawValue) -> Result<String, Trouble> {
        let place = "expect.clause";
        let clause = string(value)
            .ok_or_else(|| self.trouble(value, place, format!("is {}, not a clause's id", kind(value))))?;
        if self.clauses.contains(&clause) {
            return Ok(clause);
        }
        let known: Vec<&str> = self.clauses.iter().map(String::as_str).collect();
        let remedy = match nearest(&clause, &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it has {}", listed(&known)),
        };
        Err(self.trouble(value, place, format!("`{clause}` is not a clause of the policy: {remedy}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"deny": [{"id": "protected", "when": {"reason": ["x"]}}]}"#;
    const GOOD: &str =
        r#"{"name": "a", "input": {"reason": "x"}, "expect": {"decision": "deny", "clause": "protected"}}"#;

    fn read_text(text: &str) -> Result<Vec<(String, usize, Expect)>, String> {
        let file = Text { name: "f".into(), text: text.into() };
        let cases = read(&file, &Policy::parse(POLICY).unwrap()).map_err(|trouble| trouble.to_string())?;
        Ok(cases.into_iter().map(|case| (case.name, case.line, case.expect)).collect())
    }

    #[test]
    fn cases_come_in_a_list_alone_or_on_lines() {
        let other = GOOD.replace("\"a\"", "\"b\"");
        let places = |text: &str| -> Vec<(String, usize)> {
            read_text(text).unwrap().into_iter().map(|(name, line, _)| (name, line)).collect()
        };
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(places(GOOD), [(a.clone(), 1)]);
        assert_eq!(places(&GOOD.replace(',', ",\n")), [(a.clone(), 1)]);
        assert_eq!(places(&format!("{GOOD}\n\n{other}\n")), [(a.clone(), 1), (b.clone(), 3)]);
        assert_eq!(places(&format!("\n[{GOOD},\n{other}]")), [(a, 2), (b, 3)]);
        let expect = Expect { decision: Effect::Deny, clause: Some("protected".into()) };
        assert_eq!(read_text(GOOD).unwrap()[0].2, expect);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_place() {
        let check = |from: &str, to: &str, start: &str, part: &str| {
            let text = format!("\n{}", GOOD.replace(from, to));
            let trouble = read_text(&text).unwrap_err();
            assert!(trouble.starts_with(start) && trouble.contains(part), "{text}: {trouble:?}");
        };
        check("\"name\"", "\"nam\"", "f:2: nam: ", "did you mean `name`?");
        check("\"name\": \"a\",", "", "f:2: name: ", "missing");
        check("\"a\"", "\" \"", "f:2: name: ", "empty");
        check("\"a\"", "7", "f:2: name: ", "a string");
        check("\"input\": {\"reason\": \"x\"},", "", "f:2: input: ", "missing");
        check("{\"reason\": \"x\"}", "[]", "f:2: input: ", "a list, not an object");
        check("\"reason\"", "\"jobs\"", "f:2: input.jobs: ", "`job`");
        check(
            "\"reason\": \"x\"",
            "\"requestedBy\": {\"sender\": 1}",
            "f:2: input.requestedBy.sender: ",
            "senderId",
        );
        check("\"reason\": \"x\"", "\"job\": {\"a\": 1, \"a\": 2}", "f:2: input: ", "twice");
        check("\"decision\"", "\"decison\"", "f:2: expect.decison: ", "`decision`");
        check("\"deny\"", "\"denied\"", "f:2: expect.decision: ", "\"denied\": give \"allow\" or \"deny\"");
        check("\"deny\"", "true", "f:2: expect.decision: ", "a boolean");
        check("\"decision\": \"deny\", ", "", "f:2: expect.decision: ", "missing");
        check("\"protected\"", "\"protect\"", "f:2: expect.clause: ", "`protected`");
        check("\"protected\"", "\"other\"", "f:2: expect.clause: ", "it has protected, implicitAllow");
        check(", \"expect\"", "\n, \"expct\"", "f:3: expct: ", "`expect`");
        check("}}", "}}}", "f:2: it is not JSON: ", "column");
        check("}}", "}", "f:2: it is not JSON: ", "column");
    }

    #[test]
    fn each_case_has_a_name_of_its_own_and_there_is_one() {
        let trouble = read_text(&format!("{GOOD}\n{GOOD}")).unwrap_err();
        assert!(trouble.starts_with("f:2: name: `a` is the name of the case on line 1 too"), "{trouble}");
        for empty in ["", " \n", "[]"] {
            assert!(read_text(empty).unwrap_err().starts_with("f: it has no cases"), "{empty:?}");
        }
        let no_expect = r#"{"name": "a", "input": {}}"#;
        assert!(read_text(no_expect).unwrap_err().starts_with("f:1: expect: is missing"), "{no_expect}");
        assert!(read_text("7").unwrap_err().contains("is a number, not an object"));
    }
}
