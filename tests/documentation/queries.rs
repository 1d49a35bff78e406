//! Each query of a page, on the lines that the function writes.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::insights::Query;
use crate::pages::{blocks, pages, read, root};

/// Under it, a request of the samples is denied.
const POLICY: &str =
    r#"{"deny": [{"id": "nightly-stays", "when": {"job": {"jobName": [{"prefix": "etl-"}]}}}]}"#;

/// What the local run writes into the log, for these payloads.
fn lines_of(payloads: &[&str], policy: &str) -> Vec<Value> {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().with_file_name("examples").join("local");
    assert!(program.exists(), "build it first: cargo build --example local");
    let ran = Command::new(program)
        .arg("--logs")
        .args(payloads)
        .current_dir(root())
        .env_clear()
        .envs((!policy.is_empty()).then_some(("POLICY", policy)))
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stderr).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The log of a function that has met every kind of event, with what CloudWatch and Lambda add.
fn log() -> Vec<Value> {
    let mut lines = [lines_of(&[], ""), lines_of(&["events/direct-cancel.json"], POLICY)].concat();
    // Lambda's own line about an invocation, as its documentation shows it.
    lines.push(json!({
        "time": "2026-11-26T03:00:00.000Z", "type": "platform.report",
        "record": {"requestId": "79b4f56e-95b1-4643-9700-2807f4e68189", "status": "timeout",
                   "metrics": {"durationMs": 60_000.0, "billedDurationMs": 60_000, "memorySizeMB": 256, "maxMemoryUsedMB": 31}}
    }));
    for line in &mut lines {
        let text = line.to_string();
        let time = ["timestamp", "time"].iter().find_map(|name| line.get(name)).cloned().unwrap_or_default();
        line["@timestamp"] = time;
        line["@message"] = text.into();
    }
    lines
}

/// Every path of a line, to its objects and its values.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        paths(value, &path, found);
        found.insert(path);
    }
}

#[test]
fn each_query_finds_what_the_page_says_in_lines_that_the_function_wrote() {
    let log = log();
    let mut known = BTreeSet::new();
    for line in &log {
        paths(line, "", &mut known);
    }
    let mut tried = 0;
    for block in pages().iter().flat_map(|page| blocks(page)) {
        if !block.is("query") {
            continue;
        }
        let query = Query::parse(&block.text).unwrap_or_else(|wrong| panic!("{}: {wrong}", block.place));
        let unknown: Vec<_> = query.fields().into_iter().filter(|field| !known.contains(*field)).collect();
        assert!(unknown.is_empty(), "{}: no line has {unknown:?}", block.place);
        let rows = query.run(&log).unwrap_or_else(|wrong| panic!("{}: {wrong}", block.place));
        assert!(!rows.is_empty(), "{} finds nothing", block.place);
        assert!(rows.len() < log.len(), "{} leaves nothing out", block.place);
        let is_empty = |row: &Value| row.as_object().unwrap().values().all(Value::is_null);
        assert!(!rows.iter().any(is_empty), "{}: {rows:?}", block.place);
        tried += 1;
    }
    assert!(tried >= 13, "{tried}");
}

#[test]
fn each_alarm_has_a_query_and_says_what_to_do() {
    let template = read("template.yaml");
    let alarms = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix("Alarm:"));
    let page = read("docs/operations.md");
    let blocks = blocks("docs/operations.md");
    let mut found = 0;
    for alarm in alarms.filter(|name| !name.starts_with(' ')).map(|name| format!("{name}Alarm")) {
        let has_query = blocks.iter().any(|block| block.heading == alarm && block.is("query"));
        assert!(has_query, "{alarm}");
        let section = page.split(&format!("\n## {alarm}\n")).nth(1).expect(&alarm);
        let section = section.split("\n## ").next().unwrap();
        for part in ["**It means:**", "**Now:**", "**Over when**"] {
            assert!(section.contains(part), "{alarm} lacks {part}");
        }
        found += 1;
    }
    assert!(found >= 12, "{found}");
}

#[test]
fn the_language_is_read_as_insights_reads_it() {
    let lines = [json!({"a": "x", "n": 2, "b": {"c": "y"}}), json!({"a": "xy", "n": 1})];
    let check = |query: &str, expected: Value| {
        let rows = Query::parse(query).and_then(|query| query.run(&lines));
        assert_eq!(rows.map(Value::from), Ok(expected), "{query}");
    };
    check(r#"filter a = "x" | display n"#, json!([{"n": 2}]));
    check(r#"filter a like "x" and not ispresent(b.c) | display n"#, json!([{"n": 1}]));
    check(r#"filter a = "q" or a in ["p", "xy"] | display a"#, json!([{"a": "xy"}]));
    check(r#"filter b.c != "z" | display a"#, json!([{"a": "x"}]));
    check("filter n > 1 | display a", json!([{"a": "x"}]));
    check("sort n | display n | limit 1", json!([{"n": 1}]));
    check(
        "stats count() as lines by b.c | sort b.c",
        json!([{"b.c": "y", "lines": 1}, {"b.c": null, "lines": 1}]),
    );
    for wrong in
        ["find a", "filter a", "filter a ~ b", r#"filter a = "x"#, "filter a = 1 2", "stats sum(n) by a"]
    {
        let rows = Query::parse(wrong).and_then(|query| query.run(&lines));
        assert!(rows.is_err(), "{wrong}");
    }
    let query = Query::parse(r#"filter a = "q" | stats count() as n by b.c | sort n desc"#).unwrap();
    assert_eq!(query.fields().into_iter().collect::<Vec<_>>(), ["a", "b.c"]);
}
