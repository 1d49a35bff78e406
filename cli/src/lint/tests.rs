use serde_json::{Value, json};

use super::*;

/// Warnings as `place: what`, notes with a mark before.
fn lines(policy: &Value) -> Vec<String> {
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let line = |warning: Warning| {
        let mark = if warning.level == Level::Note { "note " } else { "" };
        format!("{mark}{}: {} — {}", warning.place, warning.what, warning.remedy)
    };
    lint(&policy).into_iter().map(line).collect()
}

/// What is said of one deny: for each line, its parts.
#[track_caller]
fn check(when: &Value, expected: &[&[&str]]) {
    let lines = lines(&json!({"deny": [{"id": "a", "when": when}]}));
    assert_eq!(lines.len(), expected.len(), "{when}: {lines:#?}");
    for (line, parts) in lines.iter().zip(expected) {
        for part in *parts {
            assert!(line.contains(part), "{when}: {line:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_policy_as_people_write_it_has_one_trap() {
    let lines = lines(&json!({
        "mode": "enforce",
        "allow": [{"id": "dev-queues", "when": {"job": {"jobQueue": [{"wildcard": "*:job-queue/dev-*"}]}}}],
        "deny": [
            {"id": "protected", "when": {"job": {"tags": {"cancel-protection": [{"exists": true}]}}}},
            {"id": "too-young", "when": {"ageSeconds": [{"numeric": ["<", 600]}]}},
            {"id": "only-ci-terminates",
             "when": {"action": ["terminate"], "requestedBy": {"senderId": [{"anything-but": {"suffix": ":ci"}}]}}}
        ],
        "maxPerInvocation": 500
    }));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("deny[2].when.requestedBy.senderId[0]: `anything-but` wants a value"),
        "{lines:?}"
    );
    assert!(lines[0].contains("is not denied") && lines[0].contains(r#"{"exists": false}"#), "{lines:?}");
}

#[test]
fn an_exclusion_does_not_take_in_what_is_absent() {
    let but = json!({"anything-but": "x"});
    let trap: &[&[&str]] = &[&["deny[0].when.job.tags.team[0]", "may be absent", "not denied", "exists"]];
    check(&json!({"job": {"tags": {"team": [but]}}}), trap);
    check(&json!({"metadata": {"team": [but]}}), &[&["metadata.team[0]", "may be absent"]]);
    check(&json!({"job": {"tags": {"team": [but, {"exists": false}]}}}), &[]);
    check(
        &json!({"$or": [{"job": {"tags": {"team": [but]}}}, {"job": {"tags": {"team": [{"exists": false}]}}}]}),
        &[],
    );
    for path in ["reason", "requestedBy.id", "job.jobName", "job.jobQueue"] {
        check(&json!({path: [but]}), &[]);
    }
    check(&json!({"action": [{"anything-but": "cancel"}]}), &[]);
}

#[test]
fn two_exclusions_in_one_list_are_an_or() {
    check(
        &json!({"job": {"jobName": [{"anything-but": "a"}, {"anything-but": {"prefix": "b"}}]}}),
        &[&["deny[0].when.job.jobName: ", "OR", "one `anything-but`"]],
    );
    check(&json!({"job": {"jobName": [{"anything-but": ["a", "b"]}]}}), &[]);
}

#[test]
fn an_object_has_no_value_itself() {
    for path in
        ["job", "job.tags", "job.container", "metadata", "requestedBy", "job.dependsOn", "job.attempts"]
    {
        check(&json!({path: [{"exists": true}]}), &[&[path, "has no value itself", "never met"]]);
        check(&json!({path: [{"exists": false}]}), &[&[path, "always met", "such as"]]);
    }
    check(&json!({"job": {"tags": ["x"]}}), &[&["job.tags[0]", "never met"]]);
    check(&json!({"job": {"container": {"command": [{"exists": true}]}}}), &[]);
}

#[test]
fn what_a_field_cannot_be_is_never_met() {
    check(&json!({"action": ["stop"]}), &[&["action[0]", "never \"stop\"", "cancel, terminate"]]);
    check(&json!({"action": ["cancel", "Terminate"]}), &[&["action[1]", "did you mean \"terminate\""]]);
    check(&json!({"source": ["aws.batch"]}), &[&["source[0]", "sqs, sns, eventbridge, direct"]]);
    check(&json!({"source": [{"prefix": "aws"}]}), &[&["source[0]", "is like that"]]);
    check(&json!({"job": {"status": ["running"]}}), &[&["job.status[0]", "did you mean \"RUNNING\""]]);
    check(&json!({"job": {"status": ["QUEUED"]}}), &[&["this version knows"]]);
    check(
        &json!({"job": {"status": ["RUNNING", "FAILED"]}}),
        &[&["job.status[1]", "FAILED", "living jobs only"]],
    );
    check(&json!({"job": {"status": [{"anything-but": ["SUCCEEDED", "FAILED"]}]}}), &[]);
    check(
        &json!({"job": {"status": [{"anything-but": "Running"}]}}),
        &[&["excludes nothing", "\"RUNNING\""]],
    );
    check(
        &json!({"action": [{"anything-but": ["cancel", "terminate"]}]}),
        &[&["leaves nothing", "never met"]],
    );
    check(&json!({"dryRun": ["true"]}), &[&["dryRun[0]", "true or false", "write true without quotes"]]);
    check(&json!({"ageSeconds": ["600"]}), &[&["a number", "write 600 without quotes"]]);
    check(&json!({"job": {"createdAt": [{"prefix": "17"}]}}), &[&["is a number", "numeric"]]);
    check(&json!({"job": {"jobName": [{"numeric": [">", 1]}]}}), &[&["is a string, and a number"]]);
    check(&json!({"job": {"tags": {"run": [42]}}}), &[&["job.tags.run[0]", "write \"42\" in quotes"]]);
    check(&json!({"job": {"isCancelled": ["x"]}}), &[&["true or false"]]);
    check(&json!({"job": {"statusReason": [null]}}), &[&["never null", r#"{"exists": false}"#]]);
    check(&json!({"reason": [{"exists": false}]}), &[&["always there", "never met"]]);
    check(&json!({"ageSeconds": [{"exists": false}]}), &[&["always there"]]);
    check(&json!({"job": {"startedAt": [{"exists": false}]}}), &[]);
    check(&json!({"metadata": {"run": [42, "42", null, {"numeric": [">", 1]}]}}), &[]);
    check(
        &json!({"job": {"newField": {"a": ["x"]}}}),
        &[&["note deny[0].when.job.newField.a", "does not know"]],
    );
}

#[test]
fn fields_that_exclude_each_other_are_found() {
    let running = json!([{"numeric": [">", 60]}]);
    check(
        &json!({"runningSeconds": running, "job": {"status": ["RUNNABLE"]}}),
        &[&["deny[0].when.runningSeconds: ", "`job.status` is STARTING or RUNNING", "never applies"]],
    );
    check(&json!({"runningSeconds": running, "job": {"status": ["RUNNABLE", "RUNNING"]}}), &[]);
    check(&json!({"runningSeconds": [{"exists": false}], "job": {"status": ["RUNNABLE"]}}), &[]);
    check(
        &json!({"requestedBy": {"senderId": ["x"]}, "source": ["sns", "direct"]}),
        &[&["requestedBy.senderId: ", "`source` is sqs"]],
    );
    check(
        &json!({"requestedBy": {"topicArn": ["x"], "source": [{"prefix": "sq"}]}}),
        &[&["requestedBy.topicArn: ", "`source` is sns"]],
    );
    check(
        &json!({"requestedBy": {"source": ["sqs"]}, "source": ["sns"]}),
        &[&["always have the same value"]],
    );
    check(
        &json!({"$or": [{"source": ["sns"], "requestedBy": {"senderId": ["x"]}}, {"reason": ["x"]}]}),
        &[&["this branch of the `$or`"]],
    );
}

#[test]
fn a_clause_that_others_leave_nothing_is_found() {
    let dev = json!({"job": {"jobQueue": [{"wildcard": "*:job-queue/dev-*"}]}, "action": ["cancel"]});
    let policy = |deny: Value, allow: Value| {
        let clauses = |name: &str, whens: &Value| -> Value {
            let clause = |(index, when)| json!({"id": format!("{name}{index}"), "when": when});
            whens.as_array().unwrap().iter().enumerate().map(clause).collect()
        };
        lines(&json!({"deny": clauses("d", &deny), "allow": clauses("a", &allow)}))
    };
    let check = |deny: Value, allow: Value, expected: &[&str]| {
        let lines = policy(deny, allow);
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, part) in lines.iter().zip(expected) {
            assert!(line.contains(part), "{line:?} lacks {part:?}");
        }
    };
    let queue = |form: &str| json!({"job": {"jobQueue": [{"wildcard": form}]}});
    check(
        json!([queue("*/dev-*")]),
        json!([dev]),
        &["allow[0].when: all that this clause allows is denied by `d0`"],
    );
    check(json!([queue("*/dev-x*")]), json!([dev]), &[]);
    check(
        json!([{"source": ["sqs"]}, {"action": ["cancel", "terminate"]}]),
        json!([dev]),
        &["denied by `d1`"],
    );
    check(json!([{"source": ["sqs"], "action": ["cancel"]}]), json!([dev]), &[]);
    // Two that deny together what neither denies alone.
    let either = json!({"$or": [{"source": ["sqs"]}, {"source": ["sns"]}]});
    check(json!([{"source": ["sqs"]}, {"source": ["sns"]}]), json!([either]), &["by `d0` and `d1`"]);
    check(json!([{"source": ["sqs"]}]), json!([either]), &[]);
    check(
        json!([{"source": ["sqs", "sns"]}, {"source": ["sns"]}]),
        json!([{"reason": ["x"]}, {"reason": ["y"]}]),
        &["note deny[1].when: all that this clause matches is matched by `d0` before"],
    );
}
