use event_pattern::Document;
use serde_json::json;

use super::*;

/// What is said of a policy that cannot be used.
#[track_caller]
fn refused(policy: &str, parts: &[&str]) {
    let error = Policy::parse(policy).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{policy}: {error:?} lacks {part:?}");
    }
}

/// A policy's decisions, each as `effect clause`.
#[track_caller]
fn check(policy: &serde_json::Value, cases: &[(&str, &str)]) {
    let policy = Policy::parse(&policy.to_string()).unwrap();
    for (document, expected) in cases {
        let decision = policy.decide(&Document::parse(document).unwrap());
        assert_eq!(format!("{} {}", decision.effect, decision.clause), *expected, "{document}");
    }
}

#[test]
fn a_deny_wins_and_then_an_allow_must_match_if_there_are_any() {
    let dev = json!({"id": "dev", "when": {"job": {"jobQueue": [{"wildcard": "*:job-queue/dev-*"}]}}});
    let tagged = json!({"id": "protected", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}});
    let young = json!({"id": "too-young", "when": {"ageSeconds": [{"numeric": ["<", 600]}]}});
    let in_dev = r#"{"job": {"jobQueue": "arn:aws:batch:us-east-1:1:job-queue/dev-1"}}"#;
    let in_prod = r#"{"job": {"jobQueue": "arn:aws:batch:us-east-1:1:job-queue/prod"}}"#;
    let kept = r#"{"job": {"jobQueue": "arn:aws:batch:us-east-1:1:job-queue/dev-1", "tags": {"keep": ""}}}"#;
    let both = r#"{"ageSeconds": 1, "job": {"tags": {"keep": "x"}}}"#;
    check(
        &json!({"allow": [dev], "deny": [young, tagged]}),
        &[
            (in_dev, "allow dev"),
            (in_prod, "deny implicitDeny"),
            (kept, "deny protected"),
            (both, "deny too-young"),
        ],
    );
    check(&json!({"allow": [dev]}), &[(in_dev, "allow dev"), (in_prod, "deny implicitDeny")]);
    check(&json!({"deny": [tagged]}), &[(kept, "deny protected"), (in_prod, "allow implicitAllow")]);
    check(&json!({"maxPerInvocation": 1}), &[(in_prod, "allow implicitAllow")]);
}

#[test]
fn a_policy_is_read_whole() {
    let text = r#"{"mode": "dry-run", "maxPerInvocation": 500,
                   "deny": [{"id": "a b", "description": "why", "when": {"source": ["sns"]}}]}"#;
    let policy = Policy::parse(text).unwrap();
    assert_eq!((policy.mode(), policy.max_per_invocation()), (Mode::DryRun, Some(500)));
    assert_eq!((policy.deny().len(), policy.allow().len()), (1, 0));
    assert!(policy.denies_so_many(500).is_none());
    assert_eq!(policy.denies_so_many(501).map(|clause| &**clause), Some(MAX_PER_INVOCATION));
    let plain = Policy::parse(r#"{"maxPerInvocation": 1}"#).unwrap();
    assert_eq!(plain.mode(), Mode::Enforce);
    // `printf '{"maxPerInvocation": 1}' | sha256sum`
    assert_eq!(plain.sha256(), "1d788c071ab68ecb31c71d90f8317ad5dad501fe1cd1c6a598dd9584cc1abc75");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_remedy() {
    let clause =
        |clause: &str| format!(r#"{{"deny": [{{"id": "ok", "when": {{"source": ["sns"]}}}}, {clause}]}}"#);
    refused("", &["JSON"]);
    refused("[]", &["not a JSON object"]);
    refused("{} {}", &["JSON"]);
    refused("{}", &["empty", "leave it out"]);
    refused(r#"{"Deny": []}"#, &["Deny: ", "`deny`"]);
    refused(r#"{"rules": []}"#, &["rules: ", "known are mode, allow, deny, maxPerInvocation"]);
    refused(r#"{"mode": "dryrun"}"#, &["mode: ", "\"dry-run\""]);
    refused(r#"{"mode": null}"#, &["mode: "]);
    refused(r#"{"mode": "enforce", "mode": "dry-run"}"#, &["mode: ", "twice"]);
    for wrong in ["0", "-1", "1.5", "\"1\"", "null", "1e2"] {
        refused(&format!(r#"{{"maxPerInvocation": {wrong}}}"#), &["maxPerInvocation: ", "at least 1"]);
    }
    refused(r#"{"allow": {}}"#, &["allow: ", "an object", "list"]);
    refused(r#"{"allow": null}"#, &["allow: ", "null"]);
    refused(r#"{"allow": []}"#, &["allow: ", "leave it out"]);
    refused(r#"{"deny": ["x"]}"#, &["deny[0]: ", "a string"]);
    refused(&clause(r#"{"when": {"source": ["sns"]}}"#), &["deny[1].id: ", "missing"]);
    refused(&clause(r#"{"id": 7, "when": {"source": ["sns"]}}"#), &["deny[1].id: ", "a number"]);
    refused(&clause(r#"{"id": "", "when": {"source": ["sns"]}}"#), &["deny[1].id: ", "empty"]);
    refused(&clause(r#"{"id": "ok", "when": {"source": ["sns"]}}"#), &["deny[1].id: ", "another clause"]);
    refused(&clause(r#"{"id": "implicitDeny", "when": {"source": ["sns"]}}"#), &["deny[1].id: ", "choose"]);
    refused(&clause(r#"{"id": "a", "If": {"source": ["sns"]}}"#), &["deny[1].If: ", "id, when"]);
    refused(&clause(r#"{"id": "a", "wen": {"source": ["sns"]}}"#), &["deny[1].wen: ", "`when`"]);
    refused(&clause(r#"{"id": "a"}"#), &["deny[1].when: ", "missing"]);
    refused(&clause(r#"{"id": "a", "when": {}}"#), &["deny[1].when"]);
    refused(&clause(r#"{"id": "a", "when": []}"#), &["deny[1].when"]);
    refused(
        &clause(r#"{"id": "a", "when": {"ageSeconds": [{"numeric": ["<", "600"]}]}}"#),
        &["deny[1].when.ageSeconds[0].numeric"],
    );
    refused(
        &clause(r#"{"id": "a", "when": {"source": [{"prefx": "s"}]}}"#),
        &["deny[1].when.source[0]", "prefx", "`prefix`"],
    );
    let twice = r#"{"deny": [{"id": "a", "when": {"source": ["sns"], "source": ["sqs"]}}]}"#;
    refused(twice, &["deny[0].when.source", "twice"]);
    let one_branch = r#"{"allow": [{"id": "a", "when": {"$or": [{"source": ["sns"]}]}}]}"#;
    refused(one_branch, &["allow[0].when.$or"]);
    let same_id = r#"{"deny": [{"id": "a", "when": {"source": ["sns"]}}],
                      "allow": [{"id": "a", "when": {"source": ["sqs"]}}]}"#;
    refused(same_id, &["].id: ", "another clause"]);
}

#[test]
fn a_field_that_no_document_has_is_refused_with_the_one_that_was_meant() {
    let check = |path: &str, parts: &[&str]| {
        let mut when = json!(["x"]);
        for name in path.rsplit('.') {
            when = json!({name: when});
        }
        let policy = json!({"allow": [{"id": "a", "when": when}]}).to_string();
        match parts {
            [] => drop(Policy::parse(&policy).unwrap()),
            parts => refused(&policy, parts),
        }
    };
    for known in [
        "action",
        "reason",
        "dryRun",
        "ageSeconds",
        "runningSeconds",
        "metadata.run.id",
        "requestedBy.senderId",
        "source",
        "job.status",
        "job.tags.k8s.io/name",
        "job.tags.Status",
        "job.container.environment.name",
        "job.aFieldThatBatchMayAddSomeDay",
        "job",
    ] {
        check(known, &[]);
    }
    check("jobQueue", &["allow[0].when.jobQueue", "known are"]);
    check("agesSeconds", &["`ageSeconds`"]);
    check("AgeSeconds", &["`ageSeconds`"]);
    check("tags.keep", &["allow[0].when.tags", "known are"]);
    check("action.verb", &["no members"]);
    check("requestedBy.sender", &["known are", "senderId"]);
    check("requestedBy.senderID", &["`senderId`"]);
    check("requestedBy.account.id", &["no members"]);
    check("job.jobqueue", &["allow[0].when.job.jobqueue", "`jobQueue`"]);
    check("job.Tags.keep", &["`tags`"]);
    check("job.isCanceled", &["`isCancelled`"]);
    check("job.status.code", &["no members"]);
}
