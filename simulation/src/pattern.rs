//! A policy and expectations as their authors write them: the same in one of several spellings.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::oracle::{Clause, Field, Rules, Test};

const QUEUE_ARNS: &str = "arn:aws:batch:us-east-1:123456789012:job-queue/";

/// A policy as `POLICY` holds it.
pub(crate) fn policy(rules: &Rules, is_dry_run: bool, dice: &mut Dice) -> String {
    let mut document = Map::new();
    for (name, clauses) in [("deny", &rules.deny), ("allow", &rules.allow)] {
        if !clauses.is_empty() {
            let clauses: Vec<Value> = clauses.iter().map(|one| clause(one, dice)).collect();
            document.insert(name.into(), clauses.into());
        }
    }
    if let Some(most) = rules.most {
        document.insert("maxPerInvocation".into(), most.into());
    }
    if is_dry_run || dice.chance(0.2) {
        document.insert("mode".into(), if is_dry_run { "dry-run" } else { "enforce" }.into());
    }
    Value::from(document).to_string()
}

fn clause(clause: &Clause, dice: &mut Dice) -> Value {
    let when = Pattern { of_job: false, dice }.of(&clause.all);
    json!({"id": clause.id, "when": when})
}

/// Which jobs a sweep means.
pub(crate) fn filter(tests: &[Test], dice: &mut Dice) -> Value {
    Pattern { of_job: false, dice }.of(tests)
}

/// What a request expects of its jobs.
pub(crate) fn expect(tests: &[Test], dice: &mut Dice) -> Value {
    Pattern { of_job: true, dice }.of(tests)
}

struct Pattern<'a> {
    /// Whether a job's members stand at the top.
    of_job: bool,
    dice: &'a mut Dice,
}

impl Pattern<'_> {
    fn of(&mut self, tests: &[Test]) -> Value {
        let mut object = Map::new();
        for test in tests {
            let Test::Either(branches) = test else {
                if let Some(field) = field(test) {
                    let values = self.values(test);
                    self.put(&mut object, &self.path(field), values);
                }
                continue;
            };
            let fields: Vec<Option<Field>> = branches.iter().map(field).collect();
            let same = fields.first().copied().flatten();
            let same = same.filter(|_| fields.iter().all(|field| *field == same) && self.dice.chance(0.5));
            if let Some(field) = same {
                // What one field may be is a list.
                let values = branches.iter().flat_map(|branch| self.values(branch)).collect();
                self.put(&mut object, &self.path(field), values);
            } else {
                let branches: Vec<Value> =
                    branches.iter().map(|branch| self.of(std::slice::from_ref(branch))).collect();
                object.insert("$or".into(), branches.into());
            }
        }
        object.into()
    }

    fn path(&self, field: Field) -> Vec<&'static str> {
        let job = |rest: &[&'static str]| {
            if self.of_job { rest.to_vec() } else { [&["job"], rest].concat() }
        };
        match field {
            Field::Action => vec!["action"],
            Field::Reason => vec!["reason"],
            Field::DryRun => vec!["dryRun"],
            Field::Run => vec!["metadata", "run"],
            Field::Source => vec!["source"],
            Field::Sender => vec!["requestedBy", "senderId"],
            Field::Queue => job(&["jobQueue"]),
            Field::Name => job(&["jobName"]),
            Field::Share => job(&["shareIdentifier"]),
            Field::Status => job(&["status"]),
            Field::StatusReason => job(&["statusReason"]),
            Field::Tag(key) => job(&["tags", key]),
            Field::AgeSeconds => vec!["ageSeconds"],
            Field::RunningSeconds => vec!["runningSeconds"],
        }
    }

    /// Puts a field in, its path written with dots, as objects in each other, or with both.
    fn put(&mut self, object: &mut Map<String, Value>, path: &[&'static str], values: Vec<Value>) {
        let (first, rest) = match path {
            [] => return,
            [only] => return drop(object.insert((*only).into(), values.into())),
            [first, rest @ ..] => (first, rest),
        };
        if self.dice.chance(0.3) {
            object.insert(path.join("."), values.into());
        } else if let Value::Object(inner) = object.entry(*first).or_insert_with(|| Map::new().into()) {
            self.put(inner, rest, values);
        }
    }

    fn values(&mut self, test: &Test) -> Vec<Value> {
        let dice = &mut *self.dice;
        let full = |field: &Field, text: &str| match field {
            Field::Queue => format!("{QUEUE_ARNS}{text}"),
            _ => text.to_owned(),
        };
        let starts = |field: &Field, start: &str, dice: &mut Dice| match dice.count(0..=2) {
            0 => json!({"wildcard": format!("{}*", full(field, start))}),
            1 if *field == Field::Queue => json!({"wildcard": format!("*:job-queue/{start}*")}),
            _ => json!({"prefix": full(field, start)}),
        };
        let one = match test {
            Test::There(_) => json!({"exists": true}),
            Test::Missing(_) => json!({"exists": false}),
            Test::Is(Field::DryRun, texts) => {
                return texts.iter().map(|text| (*text == "true").into()).collect();
            }
            Test::Is(field, texts) => {
                let one = |text: &&str| match dice.count(0..=5) {
                    0 => json!({"wildcard": full(field, text)}),
                    1 => json!({"equals-ignore-case": full(field, text)}),
                    _ => full(field, text).into(),
                };
                return texts.iter().map(one).collect();
            }
            Test::Not(field, texts) => {
                let texts: Vec<String> = texts.iter().map(|text| full(field, text)).collect();
                match texts.as_slice() {
                    [only] if dice.chance(0.5) => json!({"anything-but": only}),
                    texts => json!({"anything-but": texts}),
                }
            }
            Test::Starts(field, start) => starts(field, start, dice),
            Test::NotStarts(field, start) => json!({"anything-but": starts(field, start, dice)}),
            Test::Ends(_, end) if dice.chance(0.5) => json!({"wildcard": format!("*{end}")}),
            Test::Ends(_, end) => json!({"suffix": end}),
            Test::Below(_, bound) => json!({"numeric": match dice.count(0..=2) {
                0 => json!(["<", bound]),
                1 => json!(["<=", bound.saturating_sub(1)]),
                _ => json!([">=", 0, "<", bound]),
            }}),
            Test::Least(_, bound) if dice.chance(0.5) => json!({"numeric": [">=", bound]}),
            Test::Least(_, bound) => json!({"numeric": [">", bound.saturating_sub(1)]}),
            Test::Either(tests) => return tests.iter().flat_map(|test| self.values(test)).collect(),
        };
        vec![one]
    }
}

fn field(test: &Test) -> Option<Field> {
    match test {
        Test::There(field)
        | Test::Missing(field)
        | Test::Is(field, _)
        | Test::Not(field, _)
        | Test::Starts(field, _)
        | Test::NotStarts(field, _)
        | Test::Ends(field, _)
        | Test::Below(field, _)
        | Test::Least(field, _) => Some(*field),
        Test::Either(_) => None,
    }
}
