use event_pattern::{Document, Pattern};
use serde_json::json;

use super::*;

fn test(json: &str) -> Test {
    let pattern = Pattern::parse(&format!(r#"{{"a": [{json}]}}"#)).unwrap();
    pattern.branches()[0].leaves().next().unwrap().tests()[0].clone()
}

#[test]
fn what_is_certain_is_seen() {
    for (one, other) in [
        (r#""ab""#, r#"{"prefix": "a"}"#),
        (r#""ab""#, r#"{"anything-but": ["a", "b"]}"#),
        (r#""ab""#, r#"{"exists": true}"#),
        (r#"{"prefix": "ab"}"#, r#"{"prefix": "a"}"#),
        (r#"{"prefix": "ab"}"#, r#"{"prefix": {"equals-ignore-case": "A"}}"#),
        (r#"{"suffix": "ab"}"#, r#"{"suffix": "b"}"#),
        (r#"{"prefix": "ab"}"#, r#"{"wildcard": "a*"}"#),
        (r#"{"wildcard": "a*b"}"#, r#"{"prefix": "a"}"#),
        (r#"{"wildcard": "a*b"}"#, r#"{"wildcard": "*b"}"#),
        (r#"{"wildcard": "*:job-queue/dev-*"}"#, r#"{"wildcard": "*/dev-*"}"#),
        (r#"{"prefix": "dev-"}"#, r#"{"anything-but": {"prefix": "prod-"}}"#),
        (r#"{"anything-but": ["a", "b"]}"#, r#"{"anything-but": "a"}"#),
        (r#"{"anything-but": {"prefix": "a"}}"#, r#"{"anything-but": "ab"}"#),
        ("5", r#"{"numeric": [">", 4]}"#),
        (r#"{"numeric": [">", 5, "<", 6]}"#, r#"{"numeric": [">=", 5]}"#),
        (r#"{"numeric": [">", 5]}"#, r#"{"anything-but": [5, 4]}"#),
        (r#"{"numeric": [">", 5]}"#, r#"{"anything-but": "5"}"#),
        (r#"{"cidr": "10.1.0.0/16"}"#, r#"{"cidr": "10.0.0.0/8"}"#),
    ] {
        assert!(implies(&test(one), &test(other)), "{one} => {other}");
    }
}

/// Every pair of many tests, held against many values.
#[test]
fn what_is_not_so_is_never_said() {
    let letters =
        ["", "a", "A", "ab", "aB", "ba", "abab", "b", "aa", "*", "\u{e000}", "10.0.0.1", "a\u{e000}b"];
    let mut tests: Vec<String> = vec!["null".into(), "true".into(), "5".into(), "5.0".into()];
    for text in letters {
        let text = serde_json::to_string(text).unwrap();
        tests.push(text.clone());
        tests.push(format!(r#"{{"anything-but": {text}}}"#));
        for operator in ["prefix", "suffix", "equals-ignore-case"] {
            tests.push(format!(r#"{{"{operator}": {text}}}"#));
            if text != "\"\"" {
                tests.push(format!(r#"{{"anything-but": {{"{operator}": {text}}}}}"#));
            }
        }
        for operator in ["prefix", "suffix"] {
            tests.push(format!(r#"{{"{operator}": {{"equals-ignore-case": {text}}}}}"#));
        }
    }
    for form in ["*", "a*", "*b", "a*b", "*a*", "ab*ab", "a*\u{e000}*b", "\\\\*"] {
        let form = serde_json::to_string(form).unwrap();
        tests.push(format!(r#"{{"wildcard": {form}}}"#));
        tests.push(format!(r#"{{"anything-but": {{"wildcard": {form}}}}}"#));
    }
    for range in
        [r#""<", 5"#, r#""<=", 5"#, r#"">", 5"#, r#"">=", 4, "<", 6"#, r#""=", 5"#, r#"">", 4, "<=", 5"#]
    {
        tests.push(format!(r#"{{"numeric": [{range}]}}"#));
    }
    for extra in [
        r#"{"exists": true}"#,
        r#"{"exists": false}"#,
        r#"{"anything-but": [5, 6]}"#,
        r#"{"anything-but": 5}"#,
        r#"{"cidr": "10.0.0.0/8"}"#,
        r#"{"cidr": "10.0.0.0/30"}"#,
    ] {
        tests.push(extra.into());
    }
    let tests: Vec<Test> = tests.iter().map(|json| test(json)).collect();
    let mut strings: Vec<String> = letters.iter().map(|text| (*text).to_owned()).collect();
    for one in letters {
        strings.extend(letters.iter().map(|other| format!("{one}{other}")));
        strings.extend(letters.iter().map(|other| format!("{one}x{other}")));
    }
    let mut values: Vec<Value<'_>> = strings.iter().map(|text| Value::Text(text)).collect();
    values.extend([Value::Null, Value::Bool(true), Value::Bool(false)]);
    values.extend([3.0, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0].map(Value::Number));
    let mut said = 0;
    for one in &tests {
        for other in tests.iter().filter(|other| implies(one, other)) {
            said += 1;
            let wrong = values.iter().find(|value| one.accepts(**value) && !other.accepts(**value));
            assert!(wrong.is_none(), "{one:?} => {other:?}, but {wrong:?}");
        }
    }
    assert!(said > tests.len() * 2, "{said}");
}

#[test]
fn branches_are_compared_leaf_by_leaf() {
    let check = |one: &str, other: &str, expected: bool| {
        let (one, other) = (Pattern::parse(one).unwrap(), Pattern::parse(other).unwrap());
        assert_eq!(branch(&one.branches()[0], &other.branches()[0]), expected);
    };
    let dev = r#"{"job": {"jobQueue": [{"prefix": "dev-"}]}, "action": ["cancel"]}"#;
    check(dev, r#"{"job": {"jobQueue": [{"prefix": "d"}]}}"#, true);
    check(dev, r#"{"job": {"jobQueue": [{"prefix": "d"}]}, "source": ["sqs"]}"#, false);
    // There are no other actions, and no job without a queue.
    check(dev, r#"{"action": [{"prefix": ""}]}"#, true);
    check(r#"{"reason": ["x"]}"#, r#"{"action": ["cancel", "terminate"]}"#, true);
    check(r#"{"reason": ["x"]}"#, r#"{"job": {"jobQueue": [{"exists": true}]}}"#, true);
    check(r#"{"reason": ["x"]}"#, r#"{"job": {"tags": {"a": [{"exists": true}]}}}"#, false);
    let absent = r#"{"job": {"tags": {"a": [{"exists": false}, "x"]}}}"#;
    check(absent, r#"{"job": {"tags": {"a": [{"exists": false}, {"prefix": "x"}]}}}"#, true);
    check(absent, r#"{"job": {"tags": {"a": ["x"]}}}"#, false);
    let inside = r#"{"job": {"container": {"environment": {"name": ["a"], "value": [{"exists": false}]}}}}"#;
    check(inside, r#"{"job": {"container": {"environment": {"value": [{"exists": false}]}}}}"#, false);
    check(inside, r#"{"job": {"container": {"environment": {"name": ["a", "b"]}}}}"#, true);
}

/// A choice of what to ask, by dice that always fall alike.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    /// A pattern that asks about some of the fields; of one in `sparse` only.
    fn pattern(&mut self, sparse: usize) -> String {
        const ASKED: [(&str, &[&str]); 6] = [
            (
                "action",
                &[
                    r#""cancel""#,
                    r#""cancel","terminate""#,
                    r#"{"anything-but":"cancel"}"#,
                    r#"{"prefix":"c"}"#,
                ],
            ),
            ("dryRun", &["true", "true,false", r#"{"exists":true}"#]),
            (
                "job.tags.a",
                &[
                    r#""x""#,
                    r#"{"exists":false}"#,
                    r#""x",{"exists":false}"#,
                    r#"{"prefix":"x"}"#,
                    r#"{"prefix":"x"},{"exists":false}"#,
                    r#"{"anything-but":"x"}"#,
                    r#"{"anything-but":["x","xy"]}"#,
                    r#"{"exists":true}"#,
                ],
            ),
            ("job.container.environment.name", &[r#""a""#, r#""a","b""#, r#""b",{"exists":false}"#]),
            (
                "job.container.environment.value",
                &[r#""x""#, r#"{"exists":false}"#, r#"{"exists":true}"#, r#""y",{"exists":false}"#],
            ),
            ("job.status", &[r#""RUNNING""#, r#"{"exists":true}"#, r#"{"anything-but":"RUNNING"}"#]),
        ];
        loop {
            let mut fields = Vec::new();
            for (path, lists) in ASKED {
                if self.below(sparse) == 0 {
                    fields.push(format!("\"{path}\":[{}]", lists[self.below(lists.len())]));
                }
            }
            if !fields.is_empty() {
                return format!("{{{}}}", fields.join(","));
            }
        }
    }
}

/// Many documents as the function makes them.
fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    let environments = [
        json!(null),
        json!([]),
        json!([{"name": "a"}]),
        json!([{"name": "a", "value": "x"}, {"name": "b"}]),
        json!([{"name": "b", "value": "x"}, {"name": "a"}]),
        json!([{"name": "a", "value": "y"}, {"name": "c", "value": "x"}]),
    ];
    for action in ["cancel", "terminate"] {
        for dry_run in [false, true] {
            for tags in [json!({}), json!({"a": "x"}), json!({"a": "xy"}), json!({"a": "z"})] {
                for environment in &environments {
                    for status in ["RUNNING", "RUNNABLE", "ODD"] {
                        let mut job = json!({"status": status, "tags": tags});
                        if !environment.is_null() {
                            job["container"] = json!({"environment": environment});
                        }
                        documents.push(json!({"action": action, "dryRun": dry_run, "job": job}).to_string());
                    }
                }
            }
        }
    }
    documents
}

#[test]
fn no_document_meets_a_branch_and_not_what_it_implies() {
    let texts = documents();
    let documents: Vec<_> = texts.iter().map(|text| Document::parse(text).unwrap()).collect();
    let mut dice = Dice(42);
    let mut said = 0;
    for _ in 0..20_000 {
        let (one, other) = (dice.pattern(2), dice.pattern(4));
        let (narrow, wide) = (Pattern::parse(&one).unwrap(), Pattern::parse(&other).unwrap());
        if !branch(&narrow.branches()[0], &wide.branches()[0]) {
            continue;
        }
        said += 1;
        let wrong = documents.iter().position(|document| narrow.matches(document) && !wide.matches(document));
        assert!(wrong.is_none(), "{one} => {other}, but {}", texts[wrong.unwrap()]);
    }
    assert!(said > 1000, "{said}");
}
