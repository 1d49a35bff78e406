//! What reading and matching cost: `cargo run --release -p event-pattern --example speed`.

#![expect(clippy::expect_used, reason = "a program for developers")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use event_pattern::{Document, Pattern};

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
    let patterns: Vec<_> = CLAUSES.map(|(_, pattern)| Pattern::parse(pattern).expect("a pattern")).into();
    let jobs: Vec<_> = (0..1000).map(job).collect();
    let job = jobs.first().expect("a job");
    println!("a job has {} bytes", job.len());

    let document = document(job);
    for ((name, _), pattern) in CLAUSES.iter().zip(&patterns) {
        let ns = nanoseconds(2_000, || pattern.matches(black_box(&document)));
        println!("{name:24} {ns:6.0} ns  {}", pattern.matches(&document));
    }
    println!("{:24} {:6.0} ns", "reading a job", nanoseconds(50, || self::document(black_box(job))));

    let all = || jobs.iter().map(|job| matching(&patterns, &self::document(job))).sum::<usize>();
    let ms = nanoseconds(1, || black_box(all())) / 1e6;
    println!("1,000 jobs × 20 clauses, reading included: {ms:.1} ms, {} matches", all());
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

/// The best of many short rounds, for the machine may be busy.
#[expect(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "a measurement")]
fn nanoseconds<T>(times: u32, run: impl Fn() -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for _ in 0..times {
            black_box(run());
        }
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    (0..200).map(|_| round()).fold(f64::INFINITY, f64::min)
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
