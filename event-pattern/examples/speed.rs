//! What reading and matching cost: `cargo run --release -p event-pattern --example speed`.
//!
//! With `json` it prints the same as JSON. With `pairs` it reads cases such as those of `tests/cases/cases.jsonl` from
//! standard input, and prints as JSON what each pair of a pattern and a document costs.

#![expect(clippy::expect_used, clippy::panic, reason = "a program for developers")]

use std::fmt::Write;
use std::hint::black_box;
use std::io::stdin;
use std::time::Instant;

use event_pattern::{Document, Pattern, Reading};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

const CLAUSES: [(&str, &str); 20] = [
    ("exact", r#"{"job": {"status": ["SUBMITTED", "PENDING", "RUNNING"]}}"#),
    ("exact, absent", r#"{"job": {"tags": {"keep": ["yes"]}}}"#),
    ("exact number", r#"{"job": {"schedulingPriority": [5, 10, 99]}}"#),
    ("exact address", r#"{"metadata": {"sourceIp": ["2001:0db8:0::1"]}}"#),
    ("prefix", r#"{"reason": [{"prefix": "POLICY:"}]}"#),
    ("suffix", r#"{"job": {"jobQueue": [{"suffix": "/prod-etl"}]}}"#),
    ("ignore case", r#"{"job": {"tags": {"env": [{"equals-ignore-case": "PRODUCTION"}]}}}"#),
    ("ignore case, ß", r#"{"job": {"tags": {"team": [{"equals-ignore-case": "straße"}]}}}"#),
    ("prefix, ignore case", r#"{"job": {"jobName": [{"prefix": {"equals-ignore-case": "NIGHTLY"}}]}}"#),
    ("wildcard", r#"{"job": {"jobQueue": [{"wildcard": "arn:*:batch:*:*:job-queue/prod-*"}]}}"#),
    ("wildcard, many stars", r#"{"job": {"jobDefinition": [{"wildcard": "*a*b*:*/*e*:*1*2*"}]}}"#),
    ("anything-but", r#"{"job": {"status": [{"anything-but": ["SUCCEEDED", "FAILED", "RUNNING"]}]}}"#),
    (
        "anything-but, wildcard",
        r#"{"job": {"jobName": [{"anything-but": {"wildcard": ["*-keep", "nightly-*"]}}]}}"#,
    ),
    ("numeric", r#"{"ageSeconds": [{"numeric": [">", 0, "<=", 600]}]}"#),
    ("exists", r#"{"job": {"stoppedAt": [{"exists": true}]}}"#),
    ("exists: false", r#"{"job": {"status": ["RUNNING"], "startedAt": [{"exists": false}]}}"#),
    ("cidr", r#"{"metadata": {"sourceIp": [{"cidr": "10.0.0.0/8"}]}}"#),
    ("array of values", r#"{"job": {"container": {"command": ["--dry-run"]}}}"#),
    (
        "array of objects",
        r#"{"job": {"container": {"environment": {"name": ["STAGE_19"], "value": ["production"]}}}}"#,
    ),
    (
        "$or",
        r#"{"action": ["terminate"], "$or": [{"job": {"tags": {"env": ["prod"]}}}, {"job": {"isTerminated": [true]}}]}"#,
    ),
];

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => print(&Targets::measured()),
        Some("json") => println!("{}", json!(Targets::measured())),
        Some("pairs") => println!("{}", pairs()),
        Some(other) => panic!("{other} is not a mode"),
    }
}

/// What the clauses cost on a job on Fargate.
#[derive(Serialize)]
struct Targets {
    job_bytes: usize,
    clauses: Vec<Clause>,
    reading_ns: f64,
    all_ms: f64,
    all_matches: usize,
}

#[derive(Serialize)]
struct Clause {
    name: &'static str,
    ns: f64,
    matches: bool,
}

impl Targets {
    fn measured() -> Self {
        let patterns: Vec<_> = CLAUSES.map(|(_, pattern)| Pattern::parse(pattern).expect("a pattern")).into();
        let jobs: Vec<_> = (0..1000).map(job).collect();
        let job = jobs.first().expect("a job");
        let document = document(job);
        let clause = |((name, _), pattern): (&(&'static str, _), &Pattern)| {
            let ns = nanoseconds(2_000, 200, || pattern.matches(black_box(&document)));
            Clause { name, ns, matches: pattern.matches(&document) }
        };
        let all = || jobs.iter().map(|job| matching(&patterns, &self::document(job))).sum::<usize>();
        Self {
            job_bytes: job.len(),
            clauses: CLAUSES.iter().zip(&patterns).map(clause).collect(),
            reading_ns: nanoseconds(50, 200, || self::document(black_box(job))),
            all_ms: nanoseconds(1, 50, || black_box(all())) / 1e6,
            all_matches: all(),
        }
    }
}

fn print(targets: &Targets) {
    println!("a job has {} bytes", targets.job_bytes);
    for Clause { name, ns, matches } in &targets.clauses {
        println!("{name:24} {ns:6.0} ns  {matches}");
    }
    println!("{:24} {:6.0} ns", "reading a job", targets.reading_ns);
    let Targets { all_ms, all_matches, .. } = targets;
    println!("1,000 jobs × 20 clauses, reading included: {all_ms:.1} ms, {all_matches} matches");
}

/// A line of `cases.jsonl`.
#[derive(Deserialize)]
struct Case<'a> {
    name: String,
    #[serde(borrow)]
    pattern: &'a RawValue,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// What AWS's engine says; nothing of a pattern that must be refused.
    r#match: Option<bool>,
    /// Who refuses the pattern, if not the engine.
    by: Option<String>,
}

/// A case, and what becomes of it.
#[derive(Serialize)]
struct Outcome {
    name: String,
    pattern: String,
    event: Option<String>,
    expected: Option<bool>,
    /// None if the pattern is refused.
    verdict: Option<bool>,
    ns: Option<Costs>,
}

/// Nanoseconds a pair.
#[derive(Serialize)]
struct Costs {
    matching: f64,
    /// With the document's text read each time.
    reading: f64,
    /// With the pattern's text read each time as well.
    compiling: f64,
}

/// What each case from standard input costs by itself, in a loop, and what it costs to go round them all.
fn pairs() -> serde_json::Value {
    let lines: Vec<_> = stdin().lines().map(|line| line.expect("a line")).collect();
    let outcomes: Vec<_> = lines.iter().map(|line| outcome(line)).collect();

    let texts: Vec<_> =
        outcomes.iter().filter_map(|one| one.event.as_deref().map(|e| (&*one.pattern, e))).collect();
    let patterns: Vec<_> = texts.iter().map(|(pattern, _)| compile(pattern)).collect();
    let documents: Vec<_> = texts.iter().map(|(_, event)| read(event)).collect();
    let count = f64::from(u32::try_from(texts.len()).expect("a small number"));
    let round =
        || patterns.iter().zip(&documents).filter(|(pattern, document)| pattern.matches(document)).count();
    let matching = nanoseconds(1, 30, round) / count;
    let round =
        || patterns.iter().zip(&texts).filter(|(pattern, (_, event))| pattern.matches(&read(event))).count();
    let reading = nanoseconds(1, 30, round) / count;
    let round = || texts.iter().filter(|(pattern, event)| compile(pattern).matches(&read(event))).count();
    let compiling = nanoseconds(1, 30, round) / count;
    json!({"round_ns": Costs { matching, reading, compiling }, "pairs": outcomes})
}

fn outcome(line: &str) -> Outcome {
    let case: Case<'_> = serde_json::from_str(line).expect("a case");
    let pattern = text(case.pattern);
    let event = case.event.map(text);
    let reading = Reading { service_limits: case.by.is_some(), ..Reading::default() };
    let read = Pattern::parse_with(&pattern, &reading).ok().zip(event.as_deref());
    let verdict = read.as_ref().map(|(compiled, event)| compiled.matches(&self::read(event)));
    let ns = read.map(|(compiled, event)| {
        let document = self::read(event);
        Costs {
            matching: looped(|| compiled.matches(black_box(&document))),
            reading: looped(|| compiled.matches(&self::read(black_box(event)))),
            compiling: looped(|| compile(black_box(&pattern)).matches(&self::read(black_box(event)))),
        }
    });
    Outcome { name: case.name, pattern, event, expected: case.r#match, verdict, ns }
}

/// A document that stands in a string is meant as that string has it.
fn text(json: &RawValue) -> String {
    serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
}

fn compile(pattern: &str) -> Pattern {
    Pattern::parse(pattern).expect("a pattern")
}

fn read(event: &str) -> Document<'_> {
    Document::parse(event).expect("a document")
}

/// One loop of about a fifth of a millisecond.
fn looped<T>(run: impl Fn() -> T) -> f64 {
    let few = nanoseconds(4, 2, &run);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let times = (200_000.0 / few).clamp(4.0, 5_000.0) as u32;
    nanoseconds(times, 1, run)
}

fn matching(patterns: &[Pattern], document: &Document<'_>) -> usize {
    patterns.iter().filter(|pattern| pattern.matches(document)).count()
}

fn document(job: &str) -> Document<'_> {
    let mut document = Document::new();
    document.json("job", job).expect("a job");
    document.text("action", "cancel");
    document.text("reason", "superseded by a later run");
    document.number("ageSeconds", 4711_u64);
    document.json("metadata", r#"{"sourceIp": "203.0.113.7", "ticket": 4711}"#).expect("metadata");
    document
}

/// The best of several short rounds, for the machine may be busy.
#[expect(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "a measurement")]
fn nanoseconds<T>(times: u32, rounds: u32, run: impl Fn() -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for _ in 0..times {
            black_box(run());
        }
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    (0..rounds).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// What DescribeJobs says of a job on Fargate.
fn job(number: usize) -> String {
    let mut environment = String::new();
    for index in 0..20 {
        let comma = if index == 0 { "" } else { "," };
        write!(environment, r#"{comma}{{"name":"STAGE_{index}","value":"production"}}"#).expect("a string");
    }
    format!(
        r#"{{"jobArn":"arn:aws:batch:eu-west-1:123456789012:job/6c22bbd6-3a5c-4b79-a3b5-{number:012}",
"jobName":"nightly-train-{number}","jobId":"6c22bbd6-3a5c-4b79-a3b5-{number:012}",
"jobQueue":"arn:aws:batch:eu-west-1:123456789012:job-queue/prod-train","status":"RUNNING",
"shareIdentifier":"default","schedulingPriority":10,"attempts":[{{"container":{{"containerInstanceArn":
"arn:aws:ecs:eu-west-1:123456789012:container-instance/batch/1f73b4f2d4a14d7d9e1fbbf8d4e5a0c1","exitCode":137,
"logStreamName":"train/default/0a1b2c3d4e5f","networkInterfaces":[{{"attachmentId":"a-1","ipv6Address":"2001:db8::1",
"privateIpv4Address":"10.0.12.7"}}],"reason":"OutOfMemoryError: Container killed due to memory usage"}},
"startedAt":1763800001000,"stoppedAt":1763800101000,"statusReason":"Host EC2 terminated"}}],
"statusReason":"Essential container in task exited","createdAt":1763800000123,"startedAt":1763800200456,
"retryStrategy":{{"attempts":3,"evaluateOnExit":[{{"onReason":"Host EC2*","action":"RETRY"}},
{{"onExitCode":"137","action":"EXIT"}}]}},"dependsOn":[{{"jobId":"0b6f4d3c-1111-2222-3333-444455556666",
"type":"SEQUENTIAL"}}],"jobDefinition":"arn:aws:batch:eu-west-1:123456789012:job-definition/train:36",
"parameters":{{"in":"s3://bucket/in/part-1.csv","out":"s3://bucket/out"}},"container":{{
"image":"123456789012.dkr.ecr.eu-west-1.amazonaws.com/train:1.42.0","command":["python","-m","train","--epochs","20",
"--dry-run"],"jobRoleArn":"arn:aws:iam::123456789012:role/train","executionRoleArn":"arn:aws:iam::123456789012:role/x",
"volumes":[],"environment":[{environment}],"mountPoints":[],"ulimits":[],"networkInterfaces":[],
"resourceRequirements":[{{"value":"4","type":"VCPU"}},{{"value":"16384","type":"MEMORY"}}],"secrets":[],
"logConfiguration":{{"logDriver":"awslogs","options":{{}},"secretOptions":[]}},
"fargatePlatformConfiguration":{{"platformVersion":"LATEST"}}}},"timeout":{{"attemptDurationSeconds":86400}},
"tags":{{"env":"Production","team":"STRASSE","k8s.io/name":"train","cost-center":"4711"}},"propagateTags":true,
"platformCapabilities":["FARGATE"],"eksAttempts":[],"isCancelled":false,"isTerminated":false}}"#
    )
}
