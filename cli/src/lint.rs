//! What a policy says that its author hardly means: it parses, and does something else.

mod contradiction;
mod implies;
mod leaf;
mod reach;

use std::collections::BTreeSet;
use std::fmt;

use batch_canceller::policy::{Clause, Effect, Policy};
use serde::Serialize;

/// One thing to look at again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Warning {
    pub(crate) level: Level,
    /// Where, as `deny[0].when.job.tags.keep[0]`.
    pub(crate) place: String,
    /// The clause's id.
    pub(crate) clause: String,
    /// What it means, as it stands.
    pub(crate) what: String,
    /// What to write instead.
    pub(crate) remedy: String,
}

/// How sure it is that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It does not do what it seems to.
    Warning,
    /// It may be meant.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What is said of a part of a clause: how sure, where in its `when`, what, and the remedy.
struct Finding {
    level: Level,
    /// Path and index of a test, or empty for the clause as a whole.
    at: String,
    what: String,
    remedy: String,
}

impl Finding {
    fn warning(at: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, at: at.into(), what: what.into(), remedy: remedy.into() }
    }

    fn note(at: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::warning(at, what, remedy) }
    }
}

/// A clause, and where it stands.
#[derive(Clone, Copy)]
struct Placed<'p> {
    effect: Effect,
    index: usize,
    clause: &'p Clause,
}

impl Placed<'_> {
    fn place(&self, at: &str) -> String {
        let dot = if at.is_empty() { "" } else { "." };
        format!("{}[{}].when{dot}{at}", self.effect, self.index)
    }
}

fn placed(effect: Effect, clauses: &[Clause]) -> Vec<Placed<'_>> {
    clauses.iter().enumerate().map(|(index, clause)| Placed { effect, index, clause }).collect()
}

/// All warnings about a policy, clause by clause in its order.
pub(crate) fn lint(policy: &Policy) -> Vec<Warning> {
    let deny = placed(Effect::Deny, policy.deny());
    let allow = placed(Effect::Allow, policy.allow());
    let mut warnings = Vec::new();
    for clause in deny.iter().chain(&allow) {
        let mut findings = leaf::findings(clause);
        findings.extend(contradiction::findings(clause));
        findings.extend(reach::findings(clause, &deny, &allow));
        let mut seen = BTreeSet::new();
        for Finding { level, at, what, remedy } in findings {
            let warning = Warning {
                level,
                place: clause.place(&at),
                clause: clause.clause.id().to_owned(),
                what,
                remedy,
            };
            // A test outside of an `$or` stands in each of its branches.
            if seen.insert(warning.clone()) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
