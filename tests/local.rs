//! The example as its user meets it: a program with arguments, output and an exit status.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use batch_canceller::outcome::Outcome;
use batch_sim::{Fleet, JobStatus, Simulator};
use serde_json::{Value, json};

use Expected::{Error, Failures, Report};
use Outcome::*;

/// What Lambda is answered.
enum Expected {
    /// The report.
    Report,
    /// These records of the batch, by their place in it.
    Failures(&'static [usize]),
    /// A failed invocation of this type.
    Error(&'static str),
}

/// Every sample, the outcome of each of its requests in their order, and the answer.
const SAMPLES: &[(&str, &[Outcome], Expected)] = &[
    ("direct-array-job.json", &[Cancelling], Report),
    ("direct-array-of-payloads.json", &[Cancelled, Cancelled, Rejected], Error("CancellationIncomplete")),
    ("direct-cancel.json", &[Cancelled], Report),
    ("direct-dry-run-terminate.json", &[WouldTerminate], Report),
    ("direct-dry-run.json", &[WouldCancel], Report),
    ("direct-expect.json", &[PreconditionFailed], Report),
    ("direct-failed-invocation.json", &[Cancelled, Cancelled], Report),
    ("direct-job-arn.json", &[Cancelled], Report),
    ("direct-job-ids.json", &[Cancelled, Cancelled, Finished, Started, NotFound], Report),
    ("direct-misspelt.json", &[Rejected], Error("CancellationIncomplete")),
    ("direct-refused.json", &[Refused], Error("CancellationIncomplete")),
    ("direct-sweep.json", &[Cancelled, Swept], Report),
    ("direct-terminate.json", &[Terminated, Terminating], Report),
    ("direct-unavailable.json", &[Unavailable], Error("CancellationIncomplete")),
    ("direct-unconfirmed.json", &[Accepted], Report),
    ("eventbridge-custom.json", &[Cancelled], Report),
    ("eventbridge-queue-blocked.json", &[Cancelled], Report),
    ("eventbridge-state-change.json", &[Rejected], Error("CancellationIncomplete")),
    ("pipes-sqs.json", &[Cancelled, Started], Failures(&[])),
    ("sns-eventbridge.json", &[Cancelled], Report),
    ("sns-request.json", &[Cancelled], Report),
    ("sqs-eventbridge.json", &[Cancelled], Failures(&[])),
    ("sqs-failed-invocation.json", &[Cancelled], Failures(&[])),
    // The third message was dealt with, and comes back so as not to overtake the second.
    ("sqs-fifo.json", &[Cancelled, Rejected, Cancelled, Cancelled], Failures(&[1, 2])),
    // Its own work found again, and a job that had failed by itself.
    ("sqs-redelivered.json", &[Cancelled, Finished], Failures(&[])),
    ("sqs-redriven-sns.json", &[Cancelled, Cancelled], Failures(&[])),
    (
        "sqs-requests.json",
        &[Cancelled, Cancelled, Rejected, Started, Cancelled, NotFound, Unavailable, Refused, Cancelled],
        Failures(&[2, 6, 7]),
    ),
    ("sqs-sns-eventbridge.json", &[Cancelled], Failures(&[])),
    ("sqs-sns.json", &[Cancelled], Failures(&[])),
    ("unknown-s3.json", &[], Error("UnknownPayload")),
];

struct Output {
    status: Option<i32>,
    out: String,
    err: String,
}

/// Runs the example without any environment, so that nothing but it decides.
fn local(args: &[&str], stdin: &str) -> Output {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().with_file_name("examples").join("local");
    assert!(program.exists(), "build it first: cargo build --example local");
    let mut child = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Output {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn samples() -> Vec<(String, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events");
    let mut samples: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

fn fleet() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/fleet.json");
    fs::read_to_string(path).unwrap()
}

/// The job that `direct-cancel.json` names.
fn first_job() -> String {
    let (_, text) = samples().into_iter().find(|(name, _)| name == "direct-cancel.json").unwrap();
    let sample: Value = serde_json::from_str(&text).unwrap();
    sample["jobId"].as_str().unwrap().to_owned()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The outcomes of each invocation, from its log lines.
fn logged_outcomes(log: &str) -> BTreeMap<String, Vec<String>> {
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in json_lines(log) {
        let Some(outcome) = line["outcome"].as_str() else { continue };
        let request_id = line["requestId"].as_str().unwrap().to_owned();
        outcomes.entry(request_id).or_default().push(outcome.to_owned());
    }
    outcomes
}

fn reported_outcomes<'a>(report: &'a Value) -> Vec<&'a str> {
    let results = report["results"].as_array().unwrap();
    // A sweep's result counts those of its jobs.
    let swept = |result: &'a Value| {
        let counts = result["sweep"]["outcomes"].as_object().into_iter().flatten();
        counts.flat_map(|(outcome, count)| {
            vec![outcome.as_str(); usize::try_from(count.as_u64().unwrap()).unwrap()]
        })
    };
    let outcome = |result: &'a Value| swept(result).chain([result["outcome"].as_str().unwrap()]);
    results.iter().flat_map(outcome).collect()
}

/// The message ids of an SQS batch, in `Records` or, from a pipe, in an array.
fn message_ids(sample: &str) -> Vec<Value> {
    let sample: Value = serde_json::from_str(sample).unwrap();
    let records = sample.get("Records").unwrap_or(&sample).as_array().unwrap();
    records.iter().map(|record| record["messageId"].clone()).collect()
}

#[test]
fn every_sample_ends_as_expected() {
    let samples = samples();
    let names: Vec<_> = samples.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<_> = SAMPLES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, expected, "events/ and this test's table differ");

    let run = local(&["--json", "--logs"], "");
    assert_eq!(run.status, Some(0), "{}", run.err);
    let answers = json_lines(&run.out);
    assert_eq!(answers.len(), samples.len(), "one answer a payload");
    let logged = logged_outcomes(&run.err);
    for (index, (name, outcomes, expected)) in SAMPLES.iter().enumerate() {
        let outcomes: Vec<_> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
        // The log has them as they came.
        let mut seen = logged.get(&format!("local-{}", index + 1)).cloned().unwrap_or_default();
        let mut sorted = outcomes.clone();
        seen.sort();
        sorted.sort_unstable();
        assert_eq!(seen, sorted, "{name}");
        let answer = &answers[index];
        match expected {
            Report => assert_eq!(reported_outcomes(answer), outcomes, "{name}"),
            Failures(places) => {
                let ids = message_ids(&samples[index].1);
                let failures: Vec<_> =
                    places.iter().map(|&place| json!({"itemIdentifier": ids[place]})).collect();
                assert_eq!(*answer, json!({"batchItemFailures": failures}), "{name}");
            }
            Error(error_type) => {
                let message = answer["errorMessage"].as_str().unwrap();
                assert_eq!(*answer, json!({"errorType": error_type, "errorMessage": message}), "{name}");
                if let Ok(report) = serde_json::from_str(message) {
                    assert_eq!(reported_outcomes(&report), outcomes, "{name}");
                }
            }
        }
    }
}

#[test]
fn every_job_belongs_to_one_sample_so_that_their_order_does_not_matter() {
    let fleet: Value = serde_json::from_str(&fleet()).unwrap();
    let samples = samples();
    for job in fleet["jobs"].as_array().unwrap() {
        let id = job["id"].as_str().unwrap();
        // Those of a queue of their own are found by a sweep.
        let id = if job["queue"] == "previews" { "\"previews\"" } else { id };
        let users: Vec<_> =
            samples.iter().filter(|(_, text)| text.contains(id)).map(|(name, _)| name).collect();
        assert_eq!(users.len(), 1, "{id} is used by {users:?}");
    }
}

/// Whether some row has these cells next to each other, as far as none of them is broken.
fn has_row(text: &str, cells: &[&str]) -> bool {
    text.lines().any(|line| {
        let found: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        found.windows(cells.len()).any(|window| window == cells)
    })
}

/// The text as it was before its lines were broken.
fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn the_tour_shows_every_outcome_in_few_lines_of_plain_text() {
    let run = local(&[], "");
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    assert!(!run.out.contains('\x1b'), "escape codes, though nothing here is a terminal");
    let (events, totals) = run.out.rsplit_once("\nin all: ").unwrap();
    assert!(totals.starts_with("31 events, "), "{totals}");
    // A denial takes a policy, under which nothing is told of jobs that cannot be looked at; no outlet, nothing handed on.
    for outcome in Outcome::ALL.into_iter().filter(|outcome| !matches!(outcome, Denied | HandedOn)) {
        assert!(has_row(events, &[outcome.as_str()]), "{} is not shown", outcome.as_str());
        assert!(unbroken(totals).contains(outcome.as_str()), "{} is not counted", outcome.as_str());
    }
    for (name, ..) in SAMPLES {
        assert!(events.contains(&format!("\n{name}: ")), "{name} is not shown");
    }
    let lines = run.out.lines().count();
    assert!(lines < 250, "{lines} lines");
    assert!(widest(&run.out) <= 100, "{}", run.out);
}

#[test]
fn a_table_tells_what_became_of_each_job_and_which_messages_come_back() {
    let run = local(&["events/sqs-fifo.json"], "");
    assert!(run.out.contains("\nevents/sqs-fifo.json: 4 messages of an SQS FIFO queue\n"), "{}", run.out);
    for row in [
        &["JOB", "OUTCOME", "STATUS", "COMES BACK", "WHY"][..],
        &["b491831f stage-1", "cancelled", "RUNNABLE → FAILED"],
        &["–", "rejected", "484d82d1"],
        &["48e4b60c stage-3", "cancelled", "RUNNABLE → FAILED", "b441c28e"],
    ] {
        assert!(has_row(&run.out, row), "{row:?} is not in {}", run.out);
    }
    assert!(run.out.ends_with("\n2 of 4 messages come back.\n"), "{}", run.out);

    let run = local(&["events/direct-refused.json"], "");
    assert!(has_row(&run.out, &["bbeeb636 payroll", "refused", "RUNNABLE"]), "{}", run.out);
    assert!(run.out.contains("\nThe invocation fails with CancellationIncomplete: "), "{}", run.out);
    assert!(!run.out.contains("COMES BACK"), "a column of nothing: {}", run.out);
}

#[test]
fn the_event_and_the_answer_and_jobs_are_shown_only_when_asked_for() {
    let parts = ["event", "answer", "results", "jobs on the embedded AWS Batch"];
    let run = local(&["events/sqs-sns.json"], "");
    for part in parts {
        assert!(!run.out.lines().any(|line| line == part), "{part} is in {}", run.out);
    }
    for verbose in ["-v", "--verbose"] {
        let run = local(&[verbose, "events/sqs-sns.json"], "");
        assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
        let mut rest = run.out.as_str();
        for part in parts {
            let heading = format!("\n{part}\n");
            let (_, after) = rest.split_once(&heading).unwrap_or_else(|| panic!("{part} is not in {rest}"));
            rest = after;
        }
        // What a string within a string says.
        assert!(run.out.contains("\"jobId\": \"d57cc6a1-"), "{}", run.out);
        assert!(run.out.contains("\"batchItemFailures\": []"), "{}", run.out);
        assert!(has_row(rest, &["d57cc6a1 send-digest", "before", "RUNNABLE"]), "{rest}");
        assert!(has_row(rest, &["after", "FAILED", "isCancelled"]), "{rest}");
    }
}

#[test]
fn the_jobs_there_are_can_be_listed() {
    let run = local(&["--jobs"], "");
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    assert!(widest(&run.out) <= 100, "{}", run.out);
    assert!(has_row(&run.out, &["ID", "NAME", "QUEUE", "STATUS", "AGE", "TAGS"]), "{}", run.out);
    let fleet: Value = serde_json::from_str(&fleet()).unwrap();
    for job in fleet["jobs"].as_array().unwrap() {
        let (id, name) = (job["id"].as_str().unwrap(), job["name"].as_str().unwrap());
        let row =
            run.out.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{id} is not listed"));
        assert!(row.contains(name) && row.contains(job["queue"].as_str().unwrap()), "{row}");
        assert!(row.contains(job["status"].as_str().unwrap_or("PENDING")), "{row}");
    }
    assert!(unbroken(&run.out).contains("param-sweep [4]"), "{}", run.out);
    let tagged = run.out.split_whitespace().collect::<String>().contains("cancel-protection=true");
    assert!(tagged, "{}", run.out);
}

#[test]
fn that_there_is_nothing_to_do_is_said_in_a_sentence() {
    let sweep = json!({"sweep": {"jobQueue": "nightly", "where": {"job": {"jobName": ["no-such-job"]}}, "maxJobs": 5},
                       "reason": "Not needed today."});
    for (payload, sentence) in [
        (json!({"Records": []}), "The invocation fails with UnknownPayload: the batch holds no messages"),
        (
            json!({}),
            "The invocation fails with UnknownPayload: the payload is not recognised: it is an empty object",
        ),
        (json!([]), "The event asks for nothing, and nothing is done."),
        (sweep, "No job of queue nightly matches the sweep ("),
    ] {
        let run = local(&["-"], &payload.to_string());
        assert_eq!((run.status, run.err.as_str()), (Some(0), ""), "{payload}");
        assert!(unbroken(&run.out).contains(sentence), "{sentence} is not in {}", run.out);
        assert!(!run.out.contains("OUTCOME"), "an empty table: {}", run.out);
    }
    let empty = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-payloads");
    fs::create_dir_all(&empty).unwrap();
    for (path, stdin, sentence) in [
        ("-", "", "standard input is empty: there is no payload to send"),
        ("-", " \n", "standard input is empty: there is no payload to send"),
        (empty.to_str().unwrap(), "", "there is no payload in "),
    ] {
        let run = local(&[path], stdin);
        assert_eq!((run.status, run.out.as_str()), (Some(2), ""), "{}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
        assert!(run.err.contains(sentence), "{sentence} is not in {}", run.err);
    }
}

#[test]
fn a_directory_stands_for_the_payloads_in_it() {
    let run = local(&["--json", "events"], "");
    assert_eq!((run.status, json_lines(&run.out).len()), (Some(0), SAMPLES.len()));
}

#[test]
fn no_control_character_of_a_job_or_a_payload_reaches_the_terminal() {
    // A colour, a title, a bell, a line's beginning and end; and CSI and DEL, which JSON need not escape.
    let evil = "a\u{1b}[31mb\u{1b}]0;c\u{7}d\re\nf\u{9b}2Jg\u{7f}h";
    let sim = Simulator::new();
    sim.add(batch_sim::Job::new("evil").name(evil).status(JobStatus::Running).status_reason(evil));
    let server = sim.serve_on_thread().unwrap();
    let payload = json!([
        {"jobId": "evil", "reason": evil, "dryRun": true, "metadata": {evil: evil}},
        {"jobId": "evil", "reason": "r", "expect": {"jobName": [evil], "statusReason": ["x"]}},
        {"jobId": evil, "reason": "r"},
        {"sweep": {"jobQueue": evil, "where": {"job": {"jobName": ["x"]}}, "maxJobs": 5}, "reason": evil},
        {evil: evil},
    ]);
    let in_strings =
        json!({"Records": [{"eventSource": "aws:sqs", "messageId": evil, "body": payload.to_string()}]});
    let unknown = json!({evil: evil});
    let dry_run = json!({"jobId": "evil", "reason": "r", "dryRun": true});
    for payload in [payload, in_strings, unknown] {
        for options in [&["-"][..], &["--verbose", "-"], &["--json", "-"]] {
            let args = [&["--endpoint", server.url(), "--yes"], options].concat();
            let run = local(&args, &payload.to_string());
            assert_eq!(run.status, Some(0), "{}", run.err);
            let control = |text: &str| text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!((control(&run.out), control(&run.err)), (None, None), "{args:?}: {:?}", run.out);
        }
    }
    let run = local(&["--endpoint", server.url(), "--yes", "-"], &dry_run.to_string());
    assert!(has_row(&run.out, &["evil a [31mb ]0;c d e f 2Jg h", "started", "RUNNING"]), "{}", run.out);
    let run = local(&[&format!("no-{evil}")], "");
    assert_eq!((run.status, run.err.lines().count()), (Some(2), 1));
    assert!(!run.err.trim_end().contains(char::is_control), "{:?}", run.err);
}

#[test]
fn a_payload_can_come_from_a_file_or_from_standard_input() {
    let job = first_job();
    let request = json!({"jobId": job, "reason": "Not needed."}).to_string();
    let run = local(&["--json", "events/direct-cancel.json", "-"], &request);
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    let answers = json_lines(&run.out);
    assert_eq!(reported_outcomes(&answers[0]), ["cancelled"]);
    assert_eq!(answers[1]["results"][0]["jobId"], json!(job));
    assert_eq!(reported_outcomes(&answers[1]), ["finished"], "by the file's request");
    assert_eq!(answers.len(), 2);
}

#[test]
fn a_sweep_of_ones_own_has_a_row_of_counts_and_shows_its_jobs() {
    let sweep = |dry_run: bool, most: u32| {
        json!({"sweep": {"jobQueue": "nightly", "where": {"job": {"jobName": ["etl-extract", "etl-stock"]}}, "maxJobs": most},
               "reason": "Not needed today.", "dryRun": dry_run})
    };
    let run = local(&["-v", "-"], &sweep(true, 5).to_string());
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    assert!(has_row(&run.out, &["queue nightly", "swept"]), "{}", run.out);
    assert!(unbroken(&run.out).contains(" 2 matched, 0 kept, 0 left: 2 would_cancel"), "{}", run.out);
    for job in ["ac8efe12 etl-extract", "40ccdab0 etl-stock"] {
        assert!(has_row(&run.out, &[job, "unchanged", "RUNNABLE"]), "{job} is not in {}", run.out);
    }
    let run = local(&["-"], &sweep(false, 1).to_string());
    assert!(has_row(&run.out, &["queue nightly", "denied"]), "{}", run.out);
    for part in ["2 jobs match, more than maxJobs (1)", " 2 matched, 0 kept, 0 left: none touched"] {
        assert!(unbroken(&run.out).contains(part), "{part:?} is not in {}", run.out);
    }
    let run = local(&["-v", "events/direct-sweep.json"], "");
    assert!(unbroken(&run.out).contains(" 2 matched, 1 kept, 0 left: 1 cancelled"), "{}", run.out);
    assert!(
        has_row(&run.out, &["b27e61a9 preview-home", "unchanged", "RUNNABLE"]),
        "the one that is kept: {}",
        run.out
    );
}

#[test]
fn too_little_time_leaves_every_job_alone() {
    let run = local(&["--json", "--remaining-ms=500", "events/direct-cancel.json"], "");
    let answers = json_lines(&run.out);
    let report: Value = serde_json::from_str(answers[0]["errorMessage"].as_str().unwrap()).unwrap();
    assert_eq!(reported_outcomes(&report), ["not_attempted"]);
}

#[test]
fn a_mistake_is_named_first_and_is_status_2() {
    let check = |args: &[&str], named: &str| {
        let run = local(args, "{");
        assert_eq!(run.status, Some(2), "{args:?}: {}", run.out);
        assert_eq!(run.out, "", "{args:?}");
        let first = run.err.lines().next().unwrap_or_default();
        assert!(first.contains(named), "{args:?}: {} lacks {named}", run.err);
        run.err.lines().count()
    };
    for (args, named) in [
        (&["no-such-file.json"][..], "no-such-file.json"),
        (&["Cargo.toml"], "Cargo.toml is not JSON"),
        (&["events/direct-cancel.json", "Cargo.toml"], "Cargo.toml is not JSON"),
        (&["-"], "standard input is not JSON"),
        (&["--aws"], "--yes"),
    ] {
        assert_eq!(check(args, named), 1, "{args:?}");
    }
    check(&["--fast"], "--fast");
    check(&["-x"], "-x");
    check(&["--json=yes"], "--json");
    check(&["--json", "--verbose"], "--verbose");
    check(&["--jobs", "events/direct-cancel.json"], "FILE");
    check(&["--jobs", "--aws", "--yes"], "--aws");
    check(&["--remaining-ms", "soon"], "'soon' for '--remaining-ms");
    check(&["--remaining-ms", "0"], "'--remaining-ms <N>': 0 is not in 1..=900000");
    check(&["--remaining-ms", "900001"], "900001 is not in 1..=900000");
    check(&["--endpoint"], "'--endpoint <URL>'");
    check(&["--endpoint", "localhost", "--yes"], "write a URL such as http://127.0.0.1:8000");
    check(&["--aws", "--endpoint", "http://127.0.0.1:1", "--yes"], "cannot be used with");
}

#[test]
fn help_is_printed_whatever_else_is_asked() {
    let run = local(&["--aws", "--help"], "");
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    for option in
        ["--verbose", "--jobs", "--json", "--logs", "--remaining-ms", "--endpoint", "--aws", "--yes", "FILE"]
    {
        assert!(run.out.contains(option), "{option}");
    }
}

#[test]
fn another_batch_is_touched_only_with_a_yes() {
    let sim = Simulator::new();
    sim.seed(&Fleet::from_json(&fleet()).unwrap());
    let server = sim.serve_on_thread().unwrap();
    let job = first_job();

    let run = local(&["--endpoint", server.url(), "events/direct-cancel.json"], "");
    assert_eq!((run.status, run.out.as_str()), (Some(2), ""));
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    assert!(run.err.contains(server.url()) && run.err.contains("--yes"), "{}", run.err);
    assert_eq!(sim.calls(), [], "nothing is sent");
    assert_eq!(sim.job(&job).unwrap().status, JobStatus::Runnable);

    let run = local(&["--endpoint", server.url(), "--yes", "--json", "events/direct-cancel.json"], "");
    assert_eq!((run.status, run.err.as_str()), (Some(0), ""));
    assert_eq!(reported_outcomes(&json_lines(&run.out)[0]), ["cancelled"]);
    let job = sim.job(&job).unwrap();
    assert_eq!((job.status, job.is_cancelled), (JobStatus::Failed, true));
}

#[test]
fn another_batch_is_not_made_to_allow_more_than_the_function_does() {
    let sim = Simulator::new();
    sim.seed(&Fleet::from_json(&fleet()).unwrap());
    let server = sim.serve_on_thread().unwrap();
    let run = local(&["--endpoint", server.url(), "--yes", "--json", "events/direct-terminate.json"], "");
    let answer = &json_lines(&run.out)[0];
    let message = answer["errorMessage"].as_str().unwrap();
    assert!(message.contains("ALLOW_TERMINATE"), "{message}");
    assert_eq!(sim.calls(), []);
}
