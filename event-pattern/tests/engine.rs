//! Every verdict of AWS's own engine in `cases/cases.jsonl`.

use event_pattern::{Document, Pattern, Reading};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Case<'a> {
    name: String,
    #[serde(borrow)]
    pattern: &'a RawValue,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    r#match: Option<bool>,
    #[serde(default)]
    invalid: bool,
    class: Option<String>,
    /// Who refuses it, if not the engine.
    by: Option<String>,
}

#[test]
fn every_case_is_judged_as_the_engine_judges_it() {
    let cases = include_str!("cases/cases.jsonl");
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: Case<'_> = serde_json::from_str(line).unwrap();
        if let Err(what) = check(&case) {
            wrong.push(format!("{}: {what}\n  pattern {}\n", case.name, case.pattern));
        }
    }
    assert!(cases.lines().count() > 1700);
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.concat());
}

fn check(case: &Case<'_>) -> Result<(), String> {
    let pattern = text(case.pattern);
    let reading = Reading { service_limits: case.by.is_some(), ..Reading::default() };
    let read = Pattern::parse_with(&pattern, &reading);
    if case.invalid {
        let error = read.err().ok_or("accepted")?;
        let class = case.class.as_deref().unwrap_or_default();
        return if error.class().as_str() == class { Ok(()) } else { Err(format!("{error} is no {class}")) };
    }
    let pattern = read.map_err(|error| error.to_string())?;
    let event = text(case.event.ok_or("no event")?);
    let document = Document::parse(&event).map_err(|error| error.to_string())?;
    let matched = pattern.matches(&document);
    let miss = pattern.miss(&document);
    if miss.is_none() != matched {
        return Err(format!("matched {matched}, but missed {miss:?}"));
    }
    if Some(matched) == case.r#match { Ok(()) } else { Err(format!("matched {matched}\n  event {event}")) }
}

/// A document that stands in a string is meant as that string has it.
fn text(json: &RawValue) -> String {
    serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
}
