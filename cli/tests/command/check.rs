//! `batch-cancel check`.

use quick_junit::Report;
use serde_json::Value;

use crate::program::{Folder, POLICY};

const GOOD: &str = r#"{"name": "dev", "input": {"ageSeconds": 700, "job": {"jobQueue": "arn:x:job-queue/dev-1"}}, "expect": {"decision": "allow", "clause": "dev-queues"}}
{"name": "kept", "input": {"job": {"jobQueue": "arn:x:job-queue/dev-1", "tags": {"cancel-protection": ""}}}, "expect": {"decision": "deny", "clause": "protected"}}
"#;

/// A name and a tag that XML and terminals take amiss.
const BAD: &str = r#"{"name": "<a & \"b\">\u0007", "input": {"job": {"jobQueue": "]]><x>"}}, "expect": {"decision": "allow"}}
"#;

fn folder(cases: &str) -> Folder {
    Folder::with(&[("policy.json", POLICY), ("cases.jsonl", cases)])
}

#[test]
fn all_as_expected() {
    let ran = folder(GOOD).run(&["check", "policy.json", "cases.jsonl"], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "CASE  DECISION  CLAUSE",
            "dev   allow     dev-queues  pass",
            "kept  deny      protected   pass",
            "",
            "2 cases: all as expected; 1 warning"
        ]
    );
    assert!(
        ran.err.starts_with("warning: deny[2].when.requestedBy.senderId[0] (`only-ci-terminates`)\n"),
        "{ran:?}"
    );
}

#[test]
fn a_case_that_differs_is_told_with_the_nearest_clause() {
    let cases = format!("{GOOD}{BAD}");
    let ran = folder(&cases).run(&["check", "policy.json", "cases.jsonl"], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.out.contains("<a & \"b\">   deny      implicitDeny  FAIL\n"), "{}", ran.out);
    assert!(
        ran.out.contains("(cases.jsonl:3)\n  expected allow, got deny by `implicitDeny`\n"),
        "{}",
        ran.out
    );
    let nearest = "  nearest allow is `dev-queues`: job.jobQueue is \"]]><x>\", not [{\"wildcard\":\"*:job-queue/dev-*\"}]\n";
    assert!(ran.out.contains(nearest), "{}", ran.out);
    assert!(ran.out.ends_with("\n3 cases: 1 not as expected; 1 warning\n"), "{}", ran.out);
    assert!(!ran.out.contains(|letter: char| letter.is_control() && letter != '\n'), "{:?}", ran.out);
}

#[test]
fn warnings_count_only_where_they_are_denied() {
    let ran = folder(GOOD).run(&["check", "policy.json", "cases.jsonl", "--deny-warnings"], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let calm = POLICY
        .replace(r#"{"anything-but": {"suffix": ":ci"}}"#, r#"{"anything-but": "x"}, {"exists": false}"#);
    let ran = Folder::with(&[("policy.json", &calm), ("cases.jsonl", GOOD)])
        .run(&["check", "policy.json", "cases.jsonl", "--deny-warnings"], "");
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    // Notes never count.
    let noted =
        calm.replace(r#""deny": ["#, r#""deny": [{"id": "new", "when": {"job": {"newField": ["x"]}}}, "#);
    let ran = Folder::with(&[("policy.json", &noted), ("cases.jsonl", GOOD)])
        .run(&["check", "policy.json", "cases.jsonl", "--deny-warnings"], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("note: deny[0].when.job.newField (`new`)\n"), "{ran:?}");
}

#[test]
fn one_of_both_may_be_standard_input() {
    let folder = folder(GOOD);
    assert_eq!(folder.run(&["check", "-", "cases.jsonl"], POLICY).status, Some(0));
    let ran = folder.run(&["check", "policy.json", "-"], BAD);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.out.contains("(<stdin>:1)"), "{ran:?}");
    assert!(folder.run(&["check", "-", "-"], GOOD).trouble().contains("one file only"));
}

#[test]
fn json_holds_all_there_is() {
    let cases = format!("{GOOD}{BAD}");
    let ran = folder(&cases).run(&["check", "policy.json", "cases.jsonl", "--output", "json"], "");
    assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["summary"], serde_json::json!({"cases": 3, "passed": 2, "failed": 1, "warnings": 1}));
    assert_eq!(json["cases"][2]["name"], "<a & \"b\">\u{7}");
    assert_eq!(json["cases"][2]["line"], 3);
    assert_eq!(json["cases"][2]["nearest"]["field"], "job.jobQueue");
    assert_eq!(json["cases"][0]["expected"]["clause"], "dev-queues");
    assert_eq!(json["warnings"][0]["level"], "warning");
    assert_eq!(json["warnings"][0]["clause"], "only-ci-terminates");
}

#[test]
fn junit_is_well_formed_and_counts() {
    let cases = format!("{GOOD}{BAD}");
    let ran = folder(&cases).run(&["check", "policy.json", "cases.jsonl", "--output", "junit"], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let report = Report::deserialize_from_str(&ran.out).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (3, 1, 0));
    let suite = &report.test_suites[0];
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures), ("cases.jsonl", 3, 1));
    assert_eq!(suite.test_cases[2].name.as_str(), "<a & \"b\">");
    assert!(
        ran.out.contains("&lt;a &amp; &quot;b&quot;&gt;") && ran.out.contains("]]&gt;&lt;x&gt;"),
        "{}",
        ran.out
    );
    assert!(ran.err.starts_with("warning: "), "{ran:?}");
}

#[test]
fn trouble_is_one_line_with_the_place() {
    let check = |policy: &str, cases: &str, start: &str| {
        let ran = Folder::with(&[("policy.json", policy), ("cases.jsonl", cases)])
            .run(&["check", "policy.json", "cases.jsonl"], "");
        assert!(ran.trouble().starts_with(start), "{ran:?} lacks {start:?}");
    };
    let typo = POLICY.replace("\"<\", 600", "\"<\", \"600\"");
    check(&typo, GOOD, "policy.json: deny[1].when.ageSeconds[0].numeric: ");
    check("{\n", GOOD, "policy.json: it is not JSON: ");
    check(POLICY, "", "cases.jsonl: it has no cases");
    check(
        POLICY,
        &format!("{GOOD}{GOOD}"),
        "cases.jsonl:3: name: `dev` is the name of the case on line 1 too",
    );
    check(POLICY, &GOOD.replace("\"deny\"", "\"denied\""), "cases.jsonl:2: expect.decision: is \"denied\"");
    check(
        POLICY,
        &GOOD.replace("\"protected\"", "\"protect\""),
        "cases.jsonl:2: expect.clause: `protect` is not",
    );
    check(POLICY, &format!("{GOOD}{{\"a\n\"}}"), "cases.jsonl:3: it is not JSON: ");
    let ran = folder(GOOD).run(&["check", "policy.json", "none.jsonl"], "");
    assert!(ran.trouble().starts_with("none.jsonl: "), "{ran:?}");
}

#[test]
fn misuse_ends_with_2_and_help_with_0() {
    let folder = folder(GOOD);
    for args in [&["check"][..], &["check", "a", "b", "--output", "xml"], &["nonsense"], &[]] {
        assert_eq!(folder.run(args, "").status, Some(2), "{args:?}");
    }
    for args in [&["--help"][..], &["check", "--help"], &["explain", "--help"], &["--version"]] {
        let ran = folder.run(args, "");
        assert_eq!(ran.status, Some(0), "{args:?}");
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    }
}
