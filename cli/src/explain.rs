//! Tells why a policy allows or denies.

mod ask;
mod detail;
mod look;

use batch_canceller::clock;
use batch_canceller::engine::Whole;
use batch_canceller::policy::{Decision, Effect, Policy};
use event_pattern::{Document, Miss, Value};

use crate::args::{self, ExplainOutput};
use crate::check::clauses;
use crate::document::{self, Wrong};
use crate::input;
use crate::json;
use crate::output::{self, Screen, explained};
use crate::trouble::Trouble;

/// What decides, and what every clause says.
#[derive(Debug)]
pub(crate) struct Explanation<'p> {
    pub(crate) policy: &'p Policy,
    /// What messages call that which is decided about.
    pub(crate) about: String,
    pub(crate) decision: Effect,
    pub(crate) clause: &'p str,
    pub(crate) clauses: Vec<Saying<'p>>,
    /// What the function does besides, or instead, of what the policy decides.
    pub(crate) remarks: Vec<String>,
}

/// What one clause says.
#[derive(Debug)]
pub(crate) struct Saying<'p> {
    pub(crate) effect: Effect,
    pub(crate) clause: &'p str,
    pub(crate) decides: bool,
    /// What keeps it from matching; nothing if it matches.
    pub(crate) miss: Option<Miss>,
}

/// Reads or looks, decides and prints, and tells whether it is allowed.
pub(crate) fn run(args: &args::Explain, screen: Screen) -> Result<bool, Trouble> {
    let about = &args.about;
    let files: Vec<_> =
        [Some(&args.policy), about.input.as_ref(), about.job_detail.as_ref()].into_iter().flatten().collect();
    input::one_stdin(&files)?;
    let policy = input::policy(&args.policy)?;
    if let Some(path) = &about.input {
        let text = input::read(path)?;
        let value = json::whole(&text.text).map_err(|(line, what)| Trouble::at(text.at(line), what))?;
        let document = document::read(value, "").map_err(|Wrong { at, place, what }| {
            let dot = if place.is_empty() { "" } else { ": " };
            Trouble::at(text.at(json::line(&text.text, at)), format!("{place}{dot}{what}"))
        })?;
        return tell(&explain(&policy, &document, text.name.clone()), args.output, screen);
    }
    let now = args.request.now.unwrap_or_else(clock::unix_ms);
    let asker = ask::Asker::new(&args.request)?;
    let (name, job, parent) = match (&about.job_detail, &about.job) {
        (Some(path), _) => {
            let text = input::read(path)?;
            let detail::Chosen { job, parent } = detail::choose(&text, args.request.id.as_deref())?;
            (text.name, job, parent)
        }
        (None, Some(id)) => look::look(id)?,
        (None, None) => return Err(Trouble::new("name a document or a job")),
    };
    let whole = Whole { job: &job, parent: parent.as_deref() };
    let subject = asker.subject(whole, now).map_err(|error| Trouble::at(&name, error))?;
    tell(&explain(&policy, subject.document(), name), args.output, screen)
}

fn tell(explanation: &Explanation<'_>, output: ExplainOutput, screen: Screen) -> Result<bool, Trouble> {
    output::print(&match output {
        ExplainOutput::Table => explained::text(explanation, screen),
        ExplainOutput::Json => output::json::explained(explanation)?,
    })?;
    Ok(explanation.decision == Effect::Allow)
}

/// What a policy says of a document, clause by clause.
pub(crate) fn explain<'p>(policy: &'p Policy, document: &Document<'_>, about: String) -> Explanation<'p> {
    let Decision { effect, clause } = policy.decide(document);
    let saying = |(effect, own): (Effect, &'p batch_canceller::policy::Clause)| Saying {
        effect,
        clause: own.id(),
        decides: **clause == *own.id(),
        miss: own.when().miss(document),
    };
    Explanation {
        policy,
        about,
        decision: effect,
        clause,
        clauses: clauses(policy).map(saying).collect(),
        remarks: remarks(policy, document, effect),
    }
}

fn remarks(policy: &Policy, document: &Document<'_>, effect: Effect) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(Value::Text(status @ ("SUCCEEDED" | "FAILED"))) = document.get("job.status") {
        remarks.push(format!(
            "the job is {status}: the function asks no policy about a job that has ended, and tells it as `finished`"
        ));
    }
    if effect == Effect::Allow && policy.mode() == batch_canceller::policy::Mode::DryRun {
        remarks.push(
            "the policy's mode is \"dry-run\": the function says what it would do, and does nothing".into(),
        );
    }
    if let Some(most) = policy.max_per_invocation().filter(|_| effect == Effect::Allow) {
        remarks.push(format!(
            "`maxPerInvocation` still denies it where one invocation would stop more than {most} jobs"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An explanation as `decision clause: effect clause [miss], …`.
    #[track_caller]
    fn check(document: &str, expected: &str, remarks: &[&str]) {
        let policy = r#"{
            "mode": "dry-run", "maxPerInvocation": 7,
            "allow": [{"id": "dev", "when": {"job": {"jobQueue": ["dev"]}}}],
            "deny": [{"id": "kept", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}},
                     {"id": "young", "when": {"ageSeconds": [{"numeric": ["<", 600]}]}}]}"#;
        let policy = Policy::parse(policy).unwrap();
        let document = Document::parse(document).unwrap();
        let explanation = explain(&policy, &document, "f".into());
        let saying = |saying: &Saying<'_>| {
            let miss = saying.miss.as_ref().map_or("matches".to_owned(), |miss| miss.path.clone());
            format!("{}{} {miss}", if saying.decides { "*" } else { "" }, saying.clause)
        };
        let clauses: Vec<_> = explanation.clauses.iter().map(saying).collect();
        assert_eq!(
            format!("{} {}: {}", explanation.decision, explanation.clause, clauses.join(", ")),
            expected
        );
        assert_eq!(explanation.remarks.len(), remarks.len(), "{:?}", explanation.remarks);
        for (remark, part) in explanation.remarks.iter().zip(remarks) {
            assert!(remark.contains(part), "{remark:?} lacks {part:?}");
        }
    }

    #[test]
    fn every_clause_has_its_say() {
        check(
            r#"{"ageSeconds": 700, "job": {"jobQueue": "dev"}}"#,
            "allow dev: kept job.tags.keep, young ageSeconds, *dev matches",
            &["dry-run", "more than 7 jobs"],
        );
        check(
            r#"{"ageSeconds": 5, "job": {"jobQueue": "dev", "tags": {"keep": ""}}}"#,
            "deny kept: *kept matches, young matches, dev matches",
            &[],
        );
        check(
            r#"{"job": {"status": "FAILED"}}"#,
            "deny implicitDeny: kept job.tags.keep, young ageSeconds, dev job.jobQueue",
            &["FAILED"],
        );
    }
}
