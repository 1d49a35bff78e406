//! `batch-cancel check --sweep`.

use batch_canceller::clock::unix_ms;
use batch_sim::{Fault, Job, JobStatus, Operation, Server, Simulator};
use serde_json::{Value, json};

use crate::program::{Folder, Ran};

const OPEN: &str = r#"{"deny": [{"id": "kept", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}}]}"#;

/// A policy that a listing is enough for.
const PLAIN: &str = r#"{"deny": [{"id": "not-ours", "when": {"job": {"jobName": ["theirs"]}}}]}"#;

/// A Batch with jobs, and a folder from which it is called.
struct World {
    sim: Simulator,
    server: Server,
}

impl World {
    fn with(jobs: impl IntoIterator<Item = Job>) -> Self {
        let sim = Simulator::new();
        for job in jobs {
            sim.add(job);
        }
        let server = sim.serve_on_thread().unwrap();
        Self { sim, server }
    }

    /// Checks a request under a policy, and that nothing but questions reached Batch.
    #[track_caller]
    fn check(&self, policy: &str, request: &Value, more: &[&str]) -> Ran {
        let folder = Folder::with(&[("policy.json", policy), ("sweep.json", &request.to_string())])
            .calls(&self.server);
        let state = || -> Vec<_> {
            let jobs = self.sim.jobs();
            jobs.into_iter()
                .map(|job| (job.id, job.status, job.status_reason, job.is_cancelled, job.is_terminated))
                .collect()
        };
        let before = state();
        let ran = folder.run(&[&["check", "policy.json", "--sweep", "sweep.json"], more].concat(), "");
        let asked = |operation| matches!(operation, Operation::ListJobs | Operation::DescribeJobs);
        let told: Vec<_> = self.sim.calls().into_iter().filter(|call| !asked(call.operation)).collect();
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(state(), before, "no job has changed");
        ran
    }

    /// The document of a check, and how it ended.
    #[track_caller]
    fn document(&self, policy: &str, request: &Value) -> (Value, Option<i32>) {
        let ran = self.check(policy, request, &["--output", "json"]);
        assert_eq!(ran.err, "", "{ran:?}");
        (serde_json::from_str(&ran.out).unwrap(), ran.status)
    }
}

fn ago(seconds: u64) -> i64 {
    i64::try_from(unix_ms() - seconds * 1000).unwrap()
}

/// A job that has waited for so many minutes, and half a minute more.
fn job(id: &str, name: &str, minutes: u64) -> Job {
    Job::new(id).name(name).queue("nightly").created_at(ago(minutes * 60 + 30))
}

fn sweep(sweep: &Value) -> Value {
    json!({"sweep": sweep, "reason": "Superseded."})
}

/// A document's jobs, each as `id outcome [clause]`.
fn rows(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(|text| format!(" {text}")).unwrap_or_default();
    let row = |job: &Value| {
        format!("{}{}{}", job["jobId"].as_str().unwrap(), text(&job["outcome"]), text(&job["clause"]))
    };
    document["jobs"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn what_matches_by_name_is_a_table_from_the_oldest_on() {
    let world = World::with([
        job("b", "etl-b", 125),
        job("a", "etl-a", 63),
        job("c", "other", 500),
        job("d", "etl-d", 60).status(JobStatus::Running),
        job("e", "etl-e", 61).queue("elsewhere"),
    ]);
    let request = sweep(
        &json!({"jobQueue": "nightly", "where": {"job": {"jobName": [{"prefix": "etl-"}]}}, "maxJobs": 9}),
    );
    let ran = world.check(PLAIN, &request, &[]);
    let expected = "\
JOB  NAME   STATUS    AGE    OUTCOME
b    etl-b  RUNNABLE  2h 5m  would_cancel
a    etl-a  RUNNABLE  1h 3m  would_cancel

sweep.json: 2 would_cancel
  job queue nightly: 3 jobs listed on 6 pages, 2 match (maxJobs 9), 0 kept; decided by the listing
";
    assert_eq!(ran.out, expected);
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(world.sim.count(Operation::DescribeJobs), 0, "the listing is enough");
}

#[test]
fn what_matches_by_tag_is_described_and_a_policy_has_its_say() {
    let world = World::with([
        job("a", "x", 4).tag("run", "42"),
        job("b", "x", 3).tag("run", "42").tag("keep", ""),
        job("c", "x", 2).tag("run", "43"),
    ]);
    let request =
        sweep(&json!({"jobQueue": "nightly", "where": {"job": {"tags": {"run": ["42"]}}}, "maxJobs": 9}));
    let (document, status) = world.document(OPEN, &request);
    assert_eq!(rows(&document), ["a would_cancel implicitAllow", "b denied kept"]);
    assert_eq!((status, &document["outcome"]), (Some(0), &json!("swept")));
    assert_eq!(document["sweep"]["plan"]["look"], "DescribeJobs");
    assert_eq!(document["sweep"]["outcomes"], json!({"would_cancel": 1, "denied": 1}));
    assert_eq!(document["about"], "sweep.json");
    assert_eq!(document["warnings"], json!([]));
    let ran = world.check(OPEN, &request, &[]);
    assert!(ran.out.contains("  denied by `kept`\n"), "{}", ran.out);
    assert!(ran.out.contains("\nsweep.json: 1 would_cancel, 1 denied\n"), "{}", ran.out);
}

#[test]
fn the_newest_that_are_left_alone_are_shown_too() {
    let world = World::with([
        job("old", "home", 30),
        job("new", "home", 10),
        job("only", "shop", 20),
        job("older", "home", 40),
    ]);
    let request = sweep(&json!({"jobQueue": "nightly", "keepNewest": {"per": "jobName"}, "maxJobs": 9}));
    let (document, status) = world.document(PLAIN, &request);
    assert_eq!(status, Some(0));
    assert_eq!(
        rows(&document),
        ["older would_cancel implicitAllow", "old would_cancel implicitAllow", "only kept", "new kept"]
    );
    assert_eq!((&document["sweep"]["kept"], &document["sweep"]["matched"]), (&json!(2), &json!(4)));
    let only = &document["jobs"][2];
    assert_eq!((&only["jobName"], &only["status"]), (&json!("shop"), &json!("RUNNABLE")));
    assert!(only["ageSeconds"].as_u64().unwrap() >= 1_230, "{only}");
}

#[test]
fn the_newest_of_a_tag_are_told_by_looking() {
    let world = World::with([
        job("old", "x", 30).tag("site", "a"),
        job("new", "y", 10).tag("site", "a"),
        job("none", "x", 20),
        job("protected", "x", 5).tag("site", "b").tag("keep", ""),
    ]);
    let request = sweep(&json!({"jobQueue": "nightly", "keepNewest": {"per": "tags.site"}, "maxJobs": 9}));
    let (document, status) = world.document(OPEN, &request);
    assert_eq!(status, Some(0));
    assert_eq!(
        rows(&document),
        [
            "old would_cancel implicitAllow",
            "none would_cancel implicitAllow",
            "new kept",
            "protected denied kept"
        ],
        "what the policy denies is told as that, also where it is the newest"
    );
}

#[test]
fn more_than_may_be_is_denied_as_a_whole() {
    let world = World::with((0..30).map(|n| job(&format!("j{n}"), "x", 5)));
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 2}));
    let ran = world.check(PLAIN, &request, &[]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let start = "sweep.json: denied\n  at least 21 jobs match, more than maxJobs (2): none was stopped\n";
    assert!(ran.out.starts_with(start), "{}", ran.out);
    let (document, status) = world.document(PLAIN, &request);
    assert_eq!((status, &document["outcome"]), (Some(1), &json!("denied")));
    assert_eq!((&document["sweep"]["matched"], &document["sweep"]["atLeast"]), (&json!(21), &json!(true)));
    assert_eq!(document["jobs"], json!([]));
}

#[test]
fn a_policy_may_limit_all_that_is_stopped_at_once() {
    let world = World::with((0..3).map(|n| job(&format!("j{n}"), "x", 5)));
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    let (document, status) = world.document(r#"{"maxPerInvocation": 2}"#, &request);
    assert_eq!(rows(&document), [0, 1, 2].map(|n| format!("j{n} denied maxPerInvocation")));
    assert_eq!(status, Some(0));
}

#[test]
fn a_terminate_finds_started_work() {
    let world = World::with([
        job("a", "x", 3).status(JobStatus::Running),
        job("b", "x", 2).status(JobStatus::Starting),
        job("c", "x", 1),
    ]);
    let mut request = sweep(&json!({"jobQueue": "nightly", "status": ["RUNNING", "STARTING"], "maxJobs": 9}));
    request["action"] = "terminate".into();
    let (document, status) = world.document(PLAIN, &request);
    assert_eq!(rows(&document), ["a would_terminate implicitAllow", "b would_terminate implicitAllow"]);
    assert_eq!((status, &document["jobs"][0]["status"]), (Some(0), &json!("RUNNING")));
}

#[test]
fn what_a_request_expects_is_held_against_each_job() {
    let world = World::with([job("a", "x", 3).status_reason("MISCONFIGURATION: no"), job("b", "y", 2)]);
    let mut request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    request["expect"] = json!({"statusReason": [{"prefix": "MISCONFIGURATION:"}]});
    let ran = world.check(PLAIN, &request, &[]);
    assert!(ran.out.contains("  precondition_failed: `statusReason` "), "{}", ran.out);
    assert!(ran.out.contains("\nsweep.json: 1 would_cancel, 1 precondition_failed\n"), "{}", ran.out);
    assert_eq!(ran.status, Some(0));
}

#[test]
fn a_batch_that_cannot_be_had_leaves_it_open() {
    let world = World::with([job("a", "x", 3)]);
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    world.sim.fault(Fault::server_error().always());
    let ran = world.check(PLAIN, &request, &[]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.out.starts_with("sweep.json: unavailable\n  the jobs could not be listed"), "{}", ran.out);
    // Listed, but not to be looked at.
    world.sim.clear_faults();
    world.sim.fault(Fault::access_denied().on(Operation::DescribeJobs).always());
    let (document, status) = world.document(OPEN, &request);
    assert_eq!((status, rows(&document)), (Some(1), vec!["a unavailable".to_owned()]));
    assert_eq!(document["sweep"]["left"], 1);
    assert_eq!(document["jobs"][0]["jobName"], "x", "the listing told");
}

#[test]
fn all_of_many_are_listed() {
    let world = World::with((0..1_500).map(|n| job(&format!("j{n:04}"), "x", 5)));
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 2_000}));
    for policy in [PLAIN, OPEN] {
        let (document, status) = world.document(policy, &request);
        assert_eq!(status, Some(0));
        let mut rows = rows(&document);
        rows.sort();
        let all: Vec<_> = (0..1_500).map(|n| format!("j{n:04} would_cancel implicitAllow")).collect();
        assert_eq!(rows, all);
    }
    let ran = world.check(PLAIN, &request, &[]);
    assert_eq!(ran.out.matches("would_cancel\n").count(), 1_501, "each, and the count");
    assert!(ran.out.contains("\nsweep.json: 1500 would_cancel\n"), "{}", ran.out.lines().count());
}

#[test]
fn an_event_around_a_sweep_says_who_asks() {
    let world = World::with([job("a", "x", 3)]);
    let policy =
        r#"{"allow": [{"id": "ci", "when": {"requestedBy": {"senderId": [{"prefix": "AROACI:"}]}}}]}"#;
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    let event = |bodies: &[&Value]| {
        let record = |body: &&Value| {
            json!({"messageId": "m", "receiptHandle": "h", "body": body.to_string(), "messageAttributes": {},
                   "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "AROACI:build",
                                  "ApproximateFirstReceiveTimestamp": "1"},
                   "eventSource": "aws:sqs", "awsRegion": "us-east-1",
                   "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:requests"})
        };
        json!({"Records": bodies.iter().map(record).collect::<Vec<_>>()})
    };
    assert_eq!(rows(&world.document(policy, &request).0), ["a denied implicitDeny"]);
    assert_eq!(rows(&world.document(policy, &event(&[&request])).0), ["a would_cancel ci"]);
    let several = world.check(policy, &event(&[&request, &request]), &[]);
    assert!(several.trouble().starts_with("sweep.json: it holds 2 requests"), "{several:?}");
}

#[test]
fn what_the_function_would_reject_is_told_in_its_words() {
    let world = World::with([job("a", "x", 3)]);
    let check = |request: &Value, part: &str| {
        let ran = world.check(PLAIN, request, &[]);
        assert!(ran.trouble().contains(part), "{ran:?} lacks {part:?}");
    };
    check(&sweep(&json!({"jobQueue": "nightly"})), "sweep.json: `sweep.maxJobs` is missing: ");
    check(
        &sweep(&json!({"jobQueue": "nightly", "maxJob": 5})),
        "`sweep.maxJob` is not a field: write `maxJobs`",
    );
    check(
        &sweep(&json!({"jobQueue": "nightly", "maxJobs": 5, "status": ["RUNNING"]})),
        "`sweep.status[0]` is of started work",
    );
    check(&json!({"sweep": {"jobQueue": "nightly", "maxJobs": 5}}), "`reason` ");
    check(&json!({"jobId": "a", "reason": "r"}), "it names its jobs");
    check(&json!({"Records": [{"s3": {}}]}), "sweep.json: the payload is not recognised");
    assert_eq!(world.sim.calls(), [], "nobody is asked for that");
}

#[test]
fn misuse_is_told_before_anything_is_asked() {
    let world = World::with([job("a", "x", 3)]);
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    let junit = world.check(PLAIN, &request, &["--output", "junit"]);
    assert!(junit.trouble().starts_with("--output junit: it is for cases"), "{junit:?}");
    assert!(world.check("{", &request, &[]).trouble().starts_with("policy.json: "));
    let folder = Folder::with(&[("policy.json", PLAIN), ("sweep.json", "{")]).calls(&world.server);
    let ran = folder.run(&["check", "policy.json", "--sweep", "sweep.json"], "");
    assert!(ran.trouble().starts_with("sweep.json:1: it is not JSON"), "{ran:?}");
    let ran = folder.run(&["check", "policy.json", "cases.jsonl", "--sweep", "sweep.json"], "");
    assert_eq!(ran.status, Some(2), "{ran:?}");
    let ran = folder.run(&["check", "-", "--sweep", "-"], PLAIN);
    assert!(ran.trouble().contains("one file only"), "{ran:?}");
    assert_eq!(world.sim.calls(), []);
    let ran = folder.run(&["check", "policy.json", "--sweep", "-"], &request.to_string());
    assert!(ran.out.contains("\n<stdin>: 1 would_cancel\n"), "{ran:?}");
}

#[test]
fn warnings_of_the_policy_count_where_they_are_denied() {
    let world = World::with([job("a", "x", 3)]);
    let request = sweep(&json!({"jobQueue": "nightly", "maxJobs": 9}));
    let doubtful =
        r#"{"deny": [{"id": "a", "when": {"requestedBy": {"senderId": [{"anything-but": "x"}]}}}]}"#;
    let ran = world.check(doubtful, &request, &[]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("warning: deny[0].when.requestedBy.senderId[0]"), "{ran:?}");
    assert_eq!(world.check(doubtful, &request, &["--deny-warnings"]).status, Some(1));
    let (document, _) = world.document(doubtful, &request);
    assert_eq!(document["warnings"].as_array().unwrap().len(), 1);
}
