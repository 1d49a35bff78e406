//! Results as one JSON document.

use batch_canceller::policy::{Effect, Mode, Policy};
use event_pattern::Miss;
use serde::Serialize;

use super::text;
use crate::check::{Cause, Checked};
use crate::explain::Explanation;
use crate::lint::Warning;
use crate::trouble::Trouble;

#[derive(Serialize)]
struct Document<'c> {
    policy: About<'c>,
    summary: Summary,
    cases: Vec<Case<'c>>,
    warnings: &'c [Warning],
}

/// Which policy it was.
#[derive(Serialize)]
pub(super) struct About<'c> {
    sha256: &'c str,
    mode: &'static str,
}

impl<'c> From<&'c Policy> for About<'c> {
    fn from(policy: &'c Policy) -> Self {
        let mode = match policy.mode() {
            Mode::Enforce => "enforce",
            Mode::DryRun => "dry-run",
        };
        Self { sha256: policy.sha256(), mode }
    }
}

#[derive(Serialize)]
struct Summary {
    cases: usize,
    passed: usize,
    failed: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Case<'c> {
    name: &'c str,
    line: usize,
    passed: bool,
    decision: &'static str,
    clause: &'c str,
    expected: Expected<'c>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Nearest<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Serialize)]
struct Expected<'c> {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'c str>,
}

#[derive(Serialize)]
struct Nearest<'c> {
    clause: &'c str,
    effect: &'static str,
    #[serde(flatten)]
    miss: Missed<'c>,
}

/// A field that keeps a clause from matching. What is asked and found is JSON, but what is found may be cut.
#[derive(Serialize)]
struct Missed<'c> {
    field: &'c str,
    asked: &'c str,
    found: Option<&'c str>,
}

impl<'c> From<&'c Miss> for Missed<'c> {
    fn from(miss: &'c Miss) -> Self {
        Self { field: &miss.path, asked: &miss.asked, found: miss.found.as_deref() }
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

/// A check's results.
pub(crate) fn checked(checked: &Checked<'_>) -> Result<String, Trouble> {
    let failed = checked.failed();
    let cases = checked.results.iter().map(|result| Case {
        name: &result.case.name,
        line: result.case.line,
        passed: result.passed,
        decision: effect(result.decision),
        clause: result.clause,
        expected: Expected {
            decision: effect(result.case.expect.decision),
            clause: result.case.expect.clause.as_deref(),
        },
        nearest: match &result.cause {
            Some(Cause::Missed { effect: wanted, clause, miss }) => {
                Some(Nearest { clause, effect: effect(*wanted), miss: miss.into() })
            }
            _ => None,
        },
        why: result.cause.as_ref().map(text::cause),
    });
    written(&Document {
        policy: checked.policy.into(),
        summary: Summary {
            cases: checked.results.len(),
            passed: checked.results.len() - failed,
            failed,
            warnings: checked.warned(),
        },
        cases: cases.collect(),
        warnings: &checked.warnings,
    })
}

#[derive(Serialize)]
struct ExplanationDocument<'p> {
    policy: About<'p>,
    about: &'p str,
    decision: &'static str,
    clause: &'p str,
    clauses: Vec<ClauseDocument<'p>>,
    remarks: &'p [String],
}

#[derive(Serialize)]
struct ClauseDocument<'p> {
    effect: &'static str,
    clause: &'p str,
    matched: bool,
    decides: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    miss: Option<Missed<'p>>,
}

/// An explanation.
pub(crate) fn explained(explanation: &Explanation<'_>) -> Result<String, Trouble> {
    let clauses = explanation.clauses.iter().map(|saying| ClauseDocument {
        effect: effect(saying.effect),
        clause: saying.clause,
        matched: saying.miss.is_none(),
        decides: saying.decides,
        miss: saying.miss.as_ref().map(Missed::from),
    });
    written(&ExplanationDocument {
        policy: explanation.policy.into(),
        about: &explanation.about,
        decision: effect(explanation.decision),
        clause: explanation.clause,
        clauses: clauses.collect(),
        remarks: &explanation.remarks,
    })
}

pub(super) fn written(document: &impl Serialize) -> Result<String, Trouble> {
    let text = serde_json::to_string_pretty(document);
    text.map(|text| text + "\n").map_err(|error| Trouble::at("the results cannot be written", error))
}
