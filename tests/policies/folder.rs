//! What lies in `policies/`.

use std::fs;
use std::path::{Path, PathBuf};

use batch_canceller::policy::Policy;
use event_pattern::Document;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cloudformation::Stack;

/// One ready policy.
pub(crate) struct Ready {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) policy: Policy,
    pub(crate) cases: Vec<Case>,
    path: PathBuf,
}

/// A document, and what is to be decided about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// As it is written: a pattern tells 1 from "1", and sees a key that stands twice.
    pub(crate) input: Box<RawValue>,
    pub(crate) expect: Expected,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) decision: String,
    pub(crate) clause: String,
}

impl Ready {
    pub(crate) fn named(name: &str) -> Self {
        let path = root().join("policies").join(name);
        let text = read(&path.join("policy.json"));
        let policy = Policy::parse(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let cases = cases(&read(&path.join("cases.jsonl")));
        Self { name: name.to_owned(), text, policy, cases, path }
    }

    pub(crate) fn readme(&self) -> String {
        read(&self.path.join("README.md"))
    }

    /// The stack beside it, where it needs one.
    pub(crate) fn stack(&self) -> Option<Stack> {
        let path = self.path.join("stack.yaml");
        path.exists().then(|| Stack::read(&path))
    }
}

/// Every ready policy, by name.
pub(crate) fn all() -> Vec<Ready> {
    let entries = fs::read_dir(root().join("policies")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(!names.is_empty(), "there are no policies");
    names.iter().map(|name| Ready::named(name)).collect()
}

/// Every stack below `policies/`, with its place.
pub(crate) fn stacks() -> Vec<(String, Stack)> {
    let beside = all().into_iter().filter_map(|ready| Some((ready.name.clone(), ready.stack()?)));
    let topic = ("from-topic".to_owned(), Stack::read(&root().join("policies/from-topic.yaml")));
    beside.chain([topic]).collect()
}

/// Cases, one a line.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let case = |line: &str| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
    text.lines().filter(|line| !line.trim().is_empty()).map(case).collect()
}

/// That a policy decides each case as it says.
#[track_caller]
pub(crate) fn check(of: &str, policy: &Policy, cases: &[Case]) {
    for case in cases {
        let document = Document::parse(case.input.get()).unwrap();
        let decision = policy.decide(&document);
        let decided =
            Expected { decision: decision.effect.to_string(), clause: decision.clause.as_ref().to_owned() };
        assert_eq!(decided, case.expect, "{of}: {}", case.name);
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
