//! Holds a policy against cases, or against what a sweep finds.

pub(crate) mod sweep;

use std::path::PathBuf;

use batch_canceller::policy::{Clause, Decision, Effect, IMPLICIT_DENY, MAX_PER_INVOCATION, Policy};
use event_pattern::{Document, Miss};

use crate::args::{self, CheckOutput};
use crate::cases::{self, Case};
use crate::input;
use crate::lint::{self, Level, Warning};
use crate::output::{self, Screen, json, junit, table};
use crate::trouble::Trouble;

/// What a policy decides about every case, and what there is to say of the policy itself.
#[derive(Debug)]
pub(crate) struct Checked<'c> {
    pub(crate) policy: &'c Policy,
    /// What messages call the file of the cases.
    pub(crate) file: &'c str,
    pub(crate) results: Vec<Checking<'c>>,
    pub(crate) warnings: Vec<Warning>,
}

/// What a policy decides about one case.
#[derive(Debug)]
pub(crate) struct Checking<'c> {
    pub(crate) case: &'c Case<'c>,
    pub(crate) decision: Effect,
    pub(crate) clause: &'c str,
    /// Whether that is what is expected.
    pub(crate) passed: bool,
    /// What else there is to know, where it differs or no clause matched.
    pub(crate) cause: Option<Cause<'c>>,
}

/// Why a clause that one might have thought of did not decide.
#[derive(Debug)]
pub(crate) enum Cause<'c> {
    /// It does not match.
    Missed {
        /// Whether it would have denied or allowed.
        effect: Effect,
        clause: &'c str,
        miss: Miss,
    },
    /// It matches too, but another one decides before.
    Preceded { effect: Effect, clause: &'c str },
    /// It is about several jobs at once.
    NotOneJob,
}

impl Checked<'_> {
    pub(crate) fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.passed).count()
    }

    /// How many warnings there are, notes left out.
    pub(crate) fn warned(&self) -> usize {
        warned(&self.warnings)
    }
}

fn warned(warnings: &[Warning]) -> usize {
    warnings.iter().filter(|warning| warning.level == Level::Warning).count()
}

/// Reads, checks and prints, and tells whether all is as it should be.
pub(crate) fn run(args: &args::Check, screen: Screen, errors: Screen) -> Result<bool, Trouble> {
    match (&args.cases, &args.sweep) {
        (_, Some(request)) => sweep::run(args, request, screen, errors),
        (Some(path), None) => on_cases(args, path, screen, errors),
        (None, None) => Err(Trouble::new("name a file of cases or a sweep")),
    }
}

fn on_cases(args: &args::Check, path: &PathBuf, screen: Screen, errors: Screen) -> Result<bool, Trouble> {
    input::one_stdin(&[&args.policy, path])?;
    let policy = input::policy(&args.policy)?;
    let text = input::read(path)?;
    let cases = cases::read(&text, &policy)?;
    let checked = check(&policy, &text.name, &cases);
    if args.output != CheckOutput::Json {
        output::complain(&table::warnings(&checked.warnings, errors))?;
    }
    output::print(&match args.output {
        CheckOutput::Table => table::checked(&checked, screen),
        CheckOutput::Json => json::checked(&checked)?,
        CheckOutput::Junit => junit::checked(&checked)?,
    })?;
    Ok(checked.failed() == 0 && !(args.deny_warnings && checked.warned() > 0))
}

/// What a policy decides about cases.
pub(crate) fn check<'c>(policy: &'c Policy, file: &'c str, cases: &'c [Case<'c>]) -> Checked<'c> {
    let results = cases.iter().map(|case| one(policy, case)).collect();
    Checked { policy, file, results, warnings: lint::lint(policy) }
}

fn one<'c>(policy: &'c Policy, case: &'c Case<'c>) -> Checking<'c> {
    let decision = policy.decide(&case.input);
    let expect = &case.expect;
    let is_expected = |clause: &String| **clause == **decision.clause;
    let passed = decision.effect == expect.decision && expect.clause.as_ref().is_none_or(is_expected);
    let is_by_default = **decision.clause == *IMPLICIT_DENY;
    Checking {
        case,
        decision: decision.effect,
        clause: decision.clause,
        passed,
        cause: if passed && !is_by_default { None } else { cause(policy, case, decision) },
    }
}

fn cause<'c>(policy: &'c Policy, case: &'c Case<'c>, decision: Decision<'c>) -> Option<Cause<'c>> {
    let expect = &case.expect;
    if expect.clause.as_deref() == Some(MAX_PER_INVOCATION) {
        return Some(Cause::NotOneJob);
    }
    let named = expect.clause.as_deref().and_then(|id| clauses(policy).find(|(_, clause)| clause.id() == id));
    if let Some((effect, clause)) = named {
        return Some(match clause.when().miss(&case.input) {
            Some(miss) => Cause::Missed { effect, clause: clause.id(), miss },
            None => Cause::Preceded { effect, clause: clause.id() },
        });
    }
    match (expect.decision, decision.effect) {
        (Effect::Deny, Effect::Allow) => nearest(policy, Effect::Deny, &case.input),
        (_, Effect::Deny) if **decision.clause == *IMPLICIT_DENY => {
            nearest(policy, Effect::Allow, &case.input)
        }
        // What decided says it all.
        _ => None,
    }
}

/// The clause of an effect that comes nearest to matching, of those that do not.
fn nearest<'c>(policy: &'c Policy, effect: Effect, document: &Document<'_>) -> Option<Cause<'c>> {
    let missed = clauses(policy).filter(|(own, _)| *own == effect).filter_map(|(_, clause)| {
        let miss = clause.when().miss(document)?;
        Some((clause, miss))
    });
    let (clause, miss) = missed.min_by_key(|(_, miss)| (miss.unmet, std::cmp::Reverse(miss.met)))?;
    Some(Cause::Missed { effect, clause: clause.id(), miss })
}

/// Every clause with its effect, in the order in which they decide.
pub(crate) fn clauses(policy: &Policy) -> impl Iterator<Item = (Effect, &Clause)> {
    let deny = policy.deny().iter().map(|clause| (Effect::Deny, clause));
    deny.chain(policy.allow().iter().map(|clause| (Effect::Allow, clause)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Text;

    const POLICY: &str = r#"{
        "allow": [{"id": "dev", "when": {"job": {"jobQueue": [{"prefix": "dev-"}]}}},
                  {"id": "ours", "when": {"job": {"jobQueue": ["ours"], "tags": {"team": ["a"]}}, "action": ["cancel"]}}],
        "deny": [{"id": "kept", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}},
                 {"id": "young", "when": {"ageSeconds": [{"numeric": ["<", 600]}]}}],
        "maxPerInvocation": 5}"#;

    /// What becomes of a case, as `pass | FAIL effect clause [; cause]`.
    #[track_caller]
    fn check_one(input: &str, expect: &str, expected: &str) {
        let policy = Policy::parse(POLICY).unwrap();
        let text = format!(r#"{{"name": "a", "input": {input}, "expect": {expect}}}"#);
        let text = Text { name: "f".into(), text };
        let cases = cases::read(&text, &policy).unwrap();
        let checked = check(&policy, "f", &cases);
        let Checking { decision, clause, passed, cause, .. } = &checked.results[0];
        let cause = match cause {
            Some(Cause::Missed { effect, clause, miss }) => format!("; {effect} {clause}: {miss}"),
            Some(Cause::Preceded { effect, clause }) => format!("; {effect} {clause} matches too"),
            Some(Cause::NotOneJob) => "; several jobs".to_owned(),
            None => String::new(),
        };
        let verdict = if *passed { "pass" } else { "FAIL" };
        let line = format!("{verdict} {decision} {clause}{cause}");
        assert_eq!(line, expected, "{input} {expect}");
    }

    #[test]
    fn what_differs_is_told_with_the_nearest_clause() {
        let dev = r#"{"job": {"jobQueue": "dev-1"}, "ageSeconds": 700}"#;
        let kept = r#"{"job": {"jobQueue": "dev-1", "tags": {"keep": "x"}}, "ageSeconds": 5}"#;
        let ours = r#"{"job": {"jobQueue": "ours", "tags": {"team": "b"}}, "action": "cancel"}"#;
        let deny = r#"{"decision": "deny"}"#;
        let allow = r#"{"decision": "allow"}"#;
        check_one(dev, allow, "pass allow dev");
        check_one(dev, r#"{"decision": "allow", "clause": "dev"}"#, "pass allow dev");
        check_one(dev, deny, "FAIL allow dev; deny kept: job.tags.keep is absent, not [{\"exists\":true}]");
        check_one(
            dev,
            r#"{"decision": "deny", "clause": "young"}"#,
            "FAIL allow dev; deny young: ageSeconds is 700, not [{\"numeric\":[\"<\",600]}]",
        );
        check_one(kept, deny, "pass deny kept");
        check_one(kept, allow, "FAIL deny kept");
        check_one(
            kept,
            r#"{"decision": "deny", "clause": "young"}"#,
            "FAIL deny kept; deny young matches too",
        );
        check_one(
            kept,
            r#"{"decision": "deny", "clause": "maxPerInvocation"}"#,
            "FAIL deny kept; several jobs",
        );
        // One leaf of three is nearer than one of one.
        check_one(ours, allow, "FAIL deny implicitDeny; allow ours: job.tags.team is \"b\", not [\"a\"]");
        check_one(ours, deny, "pass deny implicitDeny; allow ours: job.tags.team is \"b\", not [\"a\"]");
    }
}
