//! Each request of `docs/callers.md`, whatever language it stands in, is one that the function accepts.

use std::collections::BTreeMap;

use batch_canceller::request::Rules;
use batch_canceller::trigger::deliveries;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::pages::{Block, blocks, pages};

const PAGE: &str = "docs/callers.md";
const RULES: Rules<'_> = Rules { region: None, account: None, allow_terminate: true };

/// What the platform puts in the place of an expression.
fn sample(field: &str) -> Value {
    match field {
        "jobId" => "1d828f65-7a4d-42e8-996d-3b900ed59dc4".into(),
        "jobIds" => json!(["1d828f65-7a4d-42e8-996d-3b900ed59dc4", "9c1e4c1f-0d55-4c7e-8f0e-2b9d3c5e7a02:3"]),
        _ => "Filled in.".into(),
    }
}

/// The end of a string that begins here, quotes included.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|c| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.expect("a string has an end") + 2
}

/// The end of an expression that begins here: at a comma or bracket that is not its own.
fn expression(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' => at += string(&text[at..]),
            ',' | '}' | ']' | ')' if depth == 0 => break,
            '(' | '[' | '{' => (at, depth) = (at + 1, depth + 1),
            ')' | ']' | '}' => (at, depth) = (at + 1, depth - 1),
            c => at += c.len_utf8(),
        }
    }
    at
}

/// The JSON object that begins here, with samples in the place of a language's own expressions and placeholders.
fn object(text: &str) -> String {
    let (mut json, mut at, mut depth, mut field) = (String::new(), 0, 0, "");
    loop {
        let rest = &text[at..];
        let step = match rest.chars().next().expect("an object has an end") {
            '"' => {
                let end = string(rest);
                if rest[end..].trim_start().starts_with(':') {
                    field = &rest[1..end - 1];
                }
                json.push_str(&rest[..end]);
                end
            }
            'f' if rest[1..].starts_with('"') => 1,
            c if "{}[],:-0123456789".contains(c) || c.is_whitespace() => {
                json.push(c);
                depth += i32::from(c == '{') - i32::from(c == '}');
                1
            }
            _ => {
                let end = expression(rest);
                match rest[..end].trim() {
                    word @ ("true" | "false" | "null") => json.push_str(word),
                    _ => json.push_str(&sample(field).to_string()),
                }
                end
            }
        };
        at += step;
        if depth == 0 {
            return json;
        }
    }
}

/// States of Step Functions have expressions as text, and say so by the field's name.
fn filled(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let fill = |(name, value): (String, Value)| match name.strip_suffix(".$") {
        Some(name) => (name.to_owned(), sample(name)),
        None => (name, filled(value)),
    };
    Value::Object(fields.into_iter().map(fill).collect())
}

/// The requests in a text: what begins with a request's first field.
fn requests(text: &str) -> Vec<Value> {
    let begins = |at: &usize| {
        ["{\"jobId\"", "{\"jobId.$\"", "{\"jobIds\"", "{\"jobIds.$\"", "{\"sweep\""]
            .iter()
            .any(|start| text[*at..].starts_with(start))
    };
    let starts = text.match_indices('{').map(|(at, _)| at).filter(begins);
    let parse = |at| {
        let json = object(&text[at..]);
        filled(serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}")))
    };
    starts.map(parse).collect()
}

/// How many requests a block has. The function must accept all of them.
fn accepted(block: &Block) -> usize {
    let requests = requests(&block.text);
    assert!(!requests.is_empty(), "{} has no request", block.place);
    for request in &requests {
        let payload = to_raw_value(request).unwrap();
        let deliveries = deliveries(&payload, &RULES, "r").unwrap();
        assert_eq!(deliveries.len(), 1, "{}: {request}", block.place);
        if let Err(rejection) = &deliveries[0].request {
            panic!("{}: {request}: {rejection:?}", block.place);
        }
    }
    requests.len()
}

#[test]
fn each_callers_request_is_accepted() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for block in pages().iter().filter(|page| *page != PAGE).flat_map(|page| blocks(page)) {
        if block.is("request") {
            accepted(&block);
        }
    }
    for block in blocks(PAGE) {
        let count = found.entry(block.heading.clone()).or_default();
        if block.is("request") {
            *count += accepted(&block);
        }
    }
    assert!(found.len() >= 10, "{found:?}");
    assert!(found.values().all(|count| *count > 0), "{found:?}");
}

#[test]
fn each_state_machine_is_json_whose_states_lead_somewhere() {
    let mut machines = 0;
    for block in blocks(PAGE).iter().filter(|block| block.language == "json") {
        let machine: Value =
            serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{}: {error}", block.place));
        let states = machine["States"].as_object().unwrap();
        let leads = |next: &Value| next.as_str().is_some_and(|name| states.contains_key(name));
        assert!(leads(&machine["StartAt"]), "{}", block.place);
        for (name, state) in states {
            let ends = state["End"] == true || state["Type"] == "Fail" || leads(&state["Next"]);
            assert!(ends, "{}: {name}", block.place);
            let catchers = state["Catch"].as_array().into_iter().flatten();
            assert!(catchers.clone().all(|catcher| leads(&catcher["Next"])), "{}: {name}", block.place);
        }
        machines += 1;
    }
    assert!(machines >= 2, "{machines}");
}

#[test]
fn a_request_is_found_in_every_language() {
    let id = sample("jobId");
    let check = |text: &str, expected: Value| assert_eq!(requests(text), [expected], "{text}");
    check(r#"--body '{"jobId": "a", "reason": "r"}'"#, json!({"jobId": "a", "reason": "r"}));
    check(r#"{"jobId": <job>, "reason": "by <run>"}"#, json!({"jobId": id, "reason": "by <run>"}));
    check(
        r#"x = {"jobId": a["b"], "reason": f"{c['d']}", "dryRun": true}"#,
        json!({"jobId": id, "reason": "{c['d']}", "dryRun": true}),
    );
    check(r#"{"M": {"jobId.$": "$.a", "reason": "r"}}"#, json!({"jobId": id, "reason": "r"}));
    check(
        r#"({"jobIds": .[$i:$i + 9], "reason": "r"} | tojson)"#,
        json!({"jobIds": sample("jobIds"), "reason": "r"}),
    );
}
