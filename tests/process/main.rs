//! The function's binary as Lambda runs it: a process that asks a Runtime API for work.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail"
)]

mod event_bridge;
mod runtime_api;
mod tls;

use batch_sim::{Job, JobStatus, Server, Simulator};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use runtime_api::{Bootstrap, Exit};

const REASON: &str = "Superseded by run 42.";

async fn batch() -> (Simulator, Server) {
    let sim = Simulator::new();
    for n in 0..10 {
        sim.add(Job::new(format!("job-{n}")).status(JobStatus::Runnable));
    }
    let server = sim.serve().await.unwrap();
    (sim, server)
}

fn request(n: usize) -> Value {
    json!({"jobId": format!("job-{n}"), "reason": REASON})
}

fn outcome(answer: &Value) -> &str {
    answer["results"][0]["outcome"].as_str().unwrap()
}

#[tokio::test]
async fn two_invocations_share_a_process_and_its_connection() {
    let (sim, server) = batch().await;
    let mut function = Bootstrap::start(&[("AWS_ENDPOINT_URL_BATCH", server.url())]).await;
    for n in 0..2 {
        let answer = function.invoke(&request(n)).await.unwrap();
        assert_eq!(outcome(&answer), "cancelled");
    }
    assert_eq!(sim.connections(), 1);
}

#[tokio::test]
async fn a_failed_invocation_says_so_and_the_next_one_is_served() {
    let (_sim, server) = batch().await;
    let mut function = Bootstrap::start(&[("AWS_ENDPOINT_URL_BATCH", server.url())]).await;

    let error = function.invoke(&json!({"jobId": "job-0"})).await.unwrap_err();
    assert_eq!(error["errorType"], "CancellationIncomplete");
    let report: Value = serde_json::from_str(error["errorMessage"].as_str().unwrap()).unwrap();
    assert_eq!(outcome(&report), "rejected");

    let error = function.invoke(&json!({"hello": "world"})).await.unwrap_err();
    assert_eq!(error["errorType"], "UnknownPayload");

    assert_eq!(outcome(&function.invoke(&request(0)).await.unwrap()), "cancelled");
}

#[tokio::test]
async fn every_line_on_standard_output_is_flat_json() {
    let (_sim, server) = batch().await;
    let mut function = Bootstrap::start(&[("AWS_ENDPOINT_URL_BATCH", server.url())]).await;
    function.invoke(&request(0)).await.unwrap();
    function.invoke(&json!({"jobId": "job-0"})).await.unwrap_err();
    let Exit { output, .. } = function.stop().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // A result, a summary and the metrics of each invocation, and the runtime's own word on the failed one.
    assert_eq!(lines.len(), 7, "{output}");
    let services: Vec<_> = lines.iter().filter_map(|line| line["service"].as_str()).collect();
    assert_eq!(services, ["batch-canceller"; 2]);
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn lambda_managed_instances_get_several_invocations_at_once() {
    let (_sim, server) = batch().await;
    let vars = [("AWS_ENDPOINT_URL_BATCH", server.url()), ("AWS_LAMBDA_MAX_CONCURRENCY", "4")];
    let mut function = Bootstrap::start(&vars).await;
    function.until_waiting(4).await;
    for n in 0..8 {
        function.send(&request(n));
    }
    for _ in 0..8 {
        assert_eq!(outcome(&function.answer().await.unwrap()), "cancelled");
    }
}

#[tokio::test]
async fn a_client_context_that_is_read_does_no_harm() {
    let (_sim, server) = batch().await;
    let mut function = Bootstrap::start(&[("AWS_ENDPOINT_URL_BATCH", server.url())]).await;
    for context in ["{}", r#"{"custom": {"a": "b"}}"#, ""] {
        function.send_with(&request(0), &[("lambda-runtime-client-context", context)]);
        assert_eq!(outcome(&function.answer().await.unwrap()), "cancelled", "{context}");
    }
}

#[tokio::test]
async fn a_client_context_that_cannot_be_read_ends_the_process_with_true_words() {
    for context in ["garbage", "[1]", r#"{"custom": {"nested": {}}}"#] {
        let (sim, server) = batch().await;
        let mut function = Bootstrap::start(&[("AWS_ENDPOINT_URL_BATCH", server.url())]).await;
        assert_eq!(outcome(&function.invoke(&request(0)).await.unwrap()), "cancelled");
        sim.clear_calls();
        function.send_with(&request(1), &[("lambda-runtime-client-context", context)]);
        let Exit { code, output } = function.exited().await;
        assert_eq!(code, Some(1), "Lambda takes note of the end");
        assert!(sim.calls().is_empty(), "nothing was done");
        let line: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("client context") && message.contains("was not begun"), "{message}");
        assert!(!message.contains("cannot start"), "it had started: {message}");
    }
}

#[tokio::test]
async fn what_was_done_is_told_at_the_level_that_lambda_keeps() {
    let (_sim, server) = batch().await;
    let vars = [("AWS_ENDPOINT_URL_BATCH", server.url()), ("AWS_LAMBDA_LOG_LEVEL", "WARN")];
    let mut function = Bootstrap::start(&vars).await;
    function.invoke(&request(0)).await.unwrap();
    let Exit { output, .. } = function.stop().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "a line for the job, one for the invocation, one for its metrics: {output}");
    assert!(lines.iter().all(|line| line["level"] == "WARN"), "{output}");
    assert_eq!(lines[0]["outcome"], "cancelled");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_messages_of_a_thousand_ids_take_little_memory_and_less_log() {
    let (sim, server) = batch().await;
    let id = |n: usize, m: usize| format!("{n:08x}-7a4d-42e8-996d-{m:012x}");
    (0..10_000).for_each(|n| sim.add(Job::new(id(n / 1000, n % 1000)).status(JobStatus::Runnable)));
    let record = |n: usize| {
        let ids: Vec<String> = (0..1000).map(|m| id(n, m)).collect();
        let body = json!({"jobIds": ids, "reason": REASON, "metadata": {"note": "m".repeat(4000)}});
        json!({"messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body.to_string()})
    };
    let payload = json!({"Records": (0..100).map(record).collect::<Vec<_>>()});
    let vars = [("AWS_ENDPOINT_URL_BATCH", server.url()), ("AWS_LAMBDA_MAX_CONCURRENCY", "1")];
    let mut function = Bootstrap::start(&vars).await;
    let mut output = function.output();
    let lines = tokio::spawn(async move {
        let mut text = String::new();
        output.read_to_string(&mut text).await.unwrap();
        text
    });
    let reply = function.invoke(&payload).await.unwrap();
    assert_eq!(reply["batchItemFailures"].as_array().unwrap().len(), 90, "MAX_JOBS are 10,000");
    let memory = function.most_memory();
    assert!(memory <= 100_000_000, "{memory} bytes");
    function.stop().await;
    let (log, sent) = (lines.await.unwrap().len(), payload.to_string().len());
    assert!(log <= 20 * sent && log > 10_000, "{log} bytes of log for {sent}");
}

/// The function refuses to start and says why in one line.
async fn refuses(vars: &[(&str, &str)], parts: &[&str]) {
    let Exit { code, output } = Bootstrap::start(vars).await.exited().await;
    assert_eq!(code, Some(1), "{output}");
    let line: Value = serde_json::from_str(output.trim()).unwrap();
    assert_eq!(line["level"], "ERROR");
    for part in parts {
        assert!(line["message"].as_str().unwrap().contains(part), "{line} lacks {part:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_understood_stops_the_function_at_start() {
    refuses(&[("MAX_ATTEMPTS", "many")], &["MAX_ATTEMPTS", "many", "from 1 to 20"]).await;
    refuses(&[("RESULT_EVENT_BUS", "a bus")], &["RESULT_EVENT_BUS", "a bus", "event bus"]).await;
    let misspelt = r#"{"deny": [{"id": "a", "when": {"job": {"jobqueue": ["q"]}}}]}"#;
    refuses(&[("POLICY", misspelt)], &["POLICY", "deny[0].when.job.jobqueue", "`jobQueue`"]).await;
    refuses(&[("POLICY_FILE", "/no/such.json")], &["POLICY_FILE", "/no/such.json", "a layer"]).await;
    refuses(&[("POLICY", misspelt), ("POLICY_FILE", "/x.json")], &["POLICY_FILE", "one of the two"]).await;
    refuses(&[("AWS_CA_BUNDLE", "/no/such.pem")], &["AWS_CA_BUNDLE", "/no/such.pem"]).await;
    refuses(&[("SSL_CERT_FILE", "/no/such.pem")], &["SSL_CERT_FILE", "/no/such.pem"]).await;
    refuses(&[("AWS_ENDPOINT_URL", "localhost:4599")], &["AWS_ENDPOINT_URL", "localhost:4599"]).await;
    refuses(&[("HTTPS_PROXY", "socks5://proxy")], &["HTTPS_PROXY", "socks5://proxy"]).await;
    refuses(&[("AWS_REGION", "")], &["AWS_REGION"]).await;
    refuses(&[("AWS_USE_FIPS_ENDPOINT", "maybe")], &["AWS_USE_FIPS_ENDPOINT", "maybe"]).await;
}

#[tokio::test]
async fn a_policy_may_stand_in_a_file_and_its_hash_in_the_first_line_and_in_each_invocations() {
    let (_sim, server) = batch().await;
    let file = std::env::temp_dir().join(format!("batch-canceller-policy-{}.json", std::process::id()));
    std::fs::write(&file, "\u{feff}{\"deny\": [{\"id\": \"all\", \"when\": {\"source\": [\"direct\"]}}]}\n")
        .unwrap();
    let vars = [("AWS_ENDPOINT_URL_BATCH", server.url()), ("POLICY_FILE", file.to_str().unwrap())];
    let mut function = Bootstrap::start(&vars).await;
    assert_eq!(outcome(&function.invoke(&request(0)).await.unwrap()), "denied");
    std::fs::remove_file(&file).unwrap();
    let Exit { output, .. } = function.stop().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // As `sha256sum` has it of the file.
    let sha256 = "83380a93c486dbebd6945bdd8605a3057712049782477fbd7e6e783473b0db37";
    assert_eq!(
        (lines.len(), &lines[0]["policySha256"], &lines[2]["policySha256"]),
        (4, &sha256.into(), &sha256.into())
    );
    assert_eq!((&lines[1]["outcome"], &lines[1]["clause"]), (&"denied".into(), &"all".into()), "{output}");
}

#[cfg(not(feature = "profiles"))]
#[tokio::test]
async fn without_credentials_it_says_where_to_find_some() {
    refuses(&[("AWS_ACCESS_KEY_ID", "")], &["AWS_ACCESS_KEY_ID", "--features profiles"]).await;
}
