//! Answers, the log and the time taken are bounded, whatever comes in.

use std::collections::HashSet;
use std::time::Duration;

use batch_sim::{Fault, JobStatus, Operation};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use crate::harness::{REASON, World, failures, fifo_record, outcomes, request, sqs};

/// What a state of Step Functions holds: its output in bytes, and its `Cause` in characters.
const OUTPUT: usize = 262_144;
const CAUSE: usize = 32_768;

/// An id of the length that Batch's have.
fn id(message: usize, n: usize) -> String {
    format!("{message:08x}-7a4d-42e8-996d-{n:012x}")
}

fn ids(message: usize, count: usize) -> Vec<String> {
    (0..count).map(|n| id(message, n)).collect()
}

/// Adds jobs whose names and queues are as long as Batch lets them be.
fn add_all<'a>(world: &World, ids: impl IntoIterator<Item = &'a String>) {
    let queue = format!("arn:aws:batch:us-east-1:123456789012:job-queue/{}", "q".repeat(128));
    for id in ids {
        let job = batch_sim::Job::new(id).status(JobStatus::Runnable).name("n".repeat(128)).queue(&queue);
        world.sim.add(job.status_reason(format!("MISCONFIGURATION:{}", "x".repeat(400))));
    }
}

fn metadata(bytes: usize) -> Value {
    json!({"note": "m".repeat(bytes - r#"{"note":""}"#.len())})
}

#[tokio::test]
async fn a_hundred_messages_of_a_thousand_ids_are_taken_up_to_the_limit_and_the_log_stays_small() {
    let mut world = World::new().await;
    world.remaining_ms = 120_000;
    let message = |n: usize| json!({"jobIds": ids(n, 1000), "reason": REASON, "metadata": metadata(4096)});
    let payload = sqs((0..100).map(message));
    // Those that are taken on, and one more.
    add_all(&world, (0..11).flat_map(|n| ids(n, 1000)).collect::<Vec<_>>().iter());
    let reply = world.invoke(&payload).await.unwrap();
    let back: Vec<String> = (10..100).map(|n| format!("m{n}")).collect();
    assert_eq!(failures(&reply), back, "10,000 jobs, whole messages");
    assert_eq!(world.status(&id(9, 999)), JobStatus::Failed);
    assert_eq!(world.status(&id(10, 0)), JobStatus::Runnable);

    let (log, sent) = (world.log_text().len(), payload.to_string().len());
    assert!(log <= 20 * sent, "{log} bytes of log for a payload of {sent}");
    let lines = world.logs();
    let said = lines.iter().filter(|line| line["metadata"].is_object()).count();
    assert_eq!(said, 10, "once for each message that was taken on");
    let summary = lines.iter().find(|line| !line["requested"].is_null()).unwrap();
    assert_eq!((&summary["requested"], &summary["settled"]), (&json!(100_000), &json!(10_000)));
}

#[tokio::test]
async fn the_log_has_at_most_three_thousand_bytes_for_a_job() {
    let world = World::new().await;
    let all = ids(0, 200);
    add_all(&world, &all);
    // The longest reasons there are, in characters of three bytes and in such as JSON escapes.
    for reason in ["€".repeat(1024), "\"".repeat(1024), "\u{1}".repeat(1024)] {
        let before = world.log_text().len();
        let payload = json!({"jobIds": all, "reason": reason, "metadata": metadata(4096)});
        world.report(&payload).await;
        let log = world.log_text().len() - before;
        assert!(log <= 3_000 * all.len(), "{} bytes a job", log / all.len());
        add_all(&world, &all);
    }
}

#[tokio::test]
async fn a_report_on_a_thousand_ids_is_what_a_state_machine_takes() {
    let world = World::new().await;
    let all = ids(0, 1000);
    add_all(&world, &all);
    let payload = json!({"jobIds": all, "reason": "€".repeat(1024), "metadata": metadata(4096)});
    let report = world.invoke(&payload).await.unwrap();
    let bytes = report.to_string().len();
    assert!(bytes <= OUTPUT, "{bytes} bytes");
    assert_eq!(report["summary"]["cancelled"], 1000);
    let told = report["results"].as_array().unwrap().len();
    assert_eq!(report["summary"]["omitted"], 1000 - told);
    // The reason alone, which Batch shows again, would have filled it with eighty.
    assert!(told > 200, "{told}");
}

/// The message of a failed invocation, checked for what holds for each.
fn failure(error: batch_canceller::reply::InvocationError) -> Value {
    let sent = serde_json::to_string(&Diagnostic::from(error)).unwrap();
    // Step Functions makes its `Cause` of the whole.
    let characters = sent.encode_utf16().count();
    assert!(characters <= CAUSE, "{characters} characters");
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let message = sent["errorMessage"].as_str().unwrap();
    assert!(message.encode_utf16().count() <= 32_000);
    serde_json::from_str(message).unwrap()
}

#[tokio::test]
async fn a_failure_parses_and_has_what_is_not_settled_first() {
    let world = World::new().await;
    let all = ids(0, 1000);
    add_all(&world, &all);
    // The last three of a thousand.
    for id in &all[997..] {
        world.sim.fault(Fault::item("AccessDenied", "\"no\"").job(id));
        world.sim.fault(Fault::access_denied().on(Operation::CancelJob).job(id));
    }
    let reason = "\"\\\u{1}é".repeat(256);
    let payload = json!({"jobIds": all, "reason": reason, "metadata": metadata(4096)});
    let report = failure(world.invoke(&payload).await.unwrap_err());
    let results = report["results"].as_array().unwrap();
    let refused: Vec<_> = results.iter().filter(|result| result["outcome"] == "refused").collect();
    assert_eq!(refused.len(), 3, "{}", report["summary"]);
    assert_eq!(report["summary"]["omitted"], 1000 - results.len());
    assert!(results.len() > 3, "there is room for others");
}

#[tokio::test]
async fn a_failure_of_a_thousand_refusals_fits_beside_its_event() {
    let world = World::new().await;
    let all = ids(0, 1000);
    add_all(&world, &all);
    for operation in [Operation::CancelJob, Operation::CancelJobs] {
        world.sim.fault(Fault::error(403, "AccessDeniedException", "x".repeat(2000)).on(operation));
    }
    let payload = json!({
        "detail-type": "Cancel", "source": "com.example", "id": "e1",
        "detail": {"jobIds": all, "reason": REASON}
    });
    let event = payload.to_string().len();
    assert!((38_000..50_000).contains(&event), "{event} bytes");
    let error = world.invoke(&payload).await.unwrap_err();
    let sent = serde_json::to_string(&Diagnostic::from(error)).unwrap();
    // What Lambda sends to a destination has both.
    assert!(event + sent.len() < OUTPUT - 2_000, "{event} and {} bytes", sent.len());
    let error = world.invoke(&payload).await.unwrap_err();
    let report = failure(error);
    assert_eq!(report["summary"]["refused"], 1000);
    assert!(!report["results"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn long_words_from_batch_do_not_crowd_out_the_results() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    world.sim.fault(Fault::error(400, "ClientException", "\"".repeat(100_000)).on(Operation::CancelJob));
    let report = failure(world.invoke(&request("a")).await.unwrap_err());
    assert_eq!(report["summary"]["refused"], 1);
    assert_eq!(report["results"][0]["jobId"], "a", "{report}");
    assert!(world.log_text().len() < 6_000, "{} bytes", world.log_text().len());
}

#[tokio::test]
async fn more_jobs_than_an_invocation_takes_go_back_by_whole_messages() {
    let world = World::with(&[("MAX_JOBS", "5")]).await;
    let all = world.jobs(JobStatus::Runnable, 8);
    let message = |ids: &[String]| json!({"jobIds": ids, "reason": REASON});
    let payload = sqs([message(&all[..3]), message(&all[3..6]), message(&all[6..7])]);
    let report = world.report(&payload).await;
    assert_eq!(report["summary"]["cancelled"], 3);
    // Two messages, four jobs.
    assert_eq!(report["summary"]["not_attempted"], 4);
    assert_eq!(failures(&world.invoke(&payload).await.unwrap()), ["m1", "m2"]);
    assert_eq!(world.status(&all[6]), JobStatus::Runnable, "a later request does not overtake");

    // Alone it will never fit: it is rejected, with the number, and its neighbours are not hurt.
    let payload = sqs([message(&all[..6]), message(&all[6..])]);
    let report = world.report(&payload).await;
    assert_eq!(outcomes(&report), ["- rejected 0", "runnable-6 cancelled 1", "runnable-7 cancelled 1"]);
    let why = report["results"][0]["why"].as_str().unwrap();
    assert!(why.contains("6 jobs") && why.contains('5') && why.contains("MAX_JOBS"), "{why}");
}

#[tokio::test]
async fn more_jobs_than_an_invocation_takes_are_rejected_where_nothing_can_be_handed_back_in_part() {
    let world = World::with(&[("MAX_JOBS", "5")]).await;
    let all = world.jobs(JobStatus::Runnable, 6);
    let report = world.report(&json!([request(&all[0]), {"jobIds": all[1..], "reason": REASON}])).await;
    assert_eq!(outcomes(&report), ["- rejected 0", "- rejected 0"]);
    assert!(report["results"][0]["why"].as_str().unwrap().contains("6 jobs"), "{report}");
    assert!(world.sim.calls().is_empty());
}

#[tokio::test]
async fn a_fifo_group_that_does_not_fit_is_not_overtaken() {
    let world = World::with(&[("MAX_JOBS", "2")]).await;
    let ids = world.jobs(JobStatus::Runnable, 4);
    let many = json!({"jobIds": ids[1..3], "reason": REASON});
    let payload = json!({"Records": [
        fifo_record("m0", "red", &request(&ids[0])),
        fifo_record("m1", "red", &many),
        fifo_record("m2", "blue", &request(&ids[3])),
    ]});
    assert_eq!(failures(&world.invoke(&payload).await.unwrap()), ["m1", "m2"]);
    assert_eq!(world.sim.jobs().iter().filter(|job| job.status == JobStatus::Failed).count(), 1);
}

#[tokio::test]
async fn one_id_a_thousand_times_is_one_call_and_a_thousand_results() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    let report = world.report(&json!({"jobIds": vec!["a"; 1000], "reason": REASON})).await;
    assert_eq!(report["summary"]["cancelled"], 1000);
    assert_eq!((world.sim.calls().len(), world.sim.count(Operation::CancelJob)), (3, 1));
    let lines: HashSet<_> = outcomes(&report).into_iter().collect();
    assert_eq!(lines.len(), 1);
}

#[tokio::test]
async fn an_answer_comes_before_the_deadline_however_many_jobs_there_are() {
    let mut world = World::with(&[("BULK", "off"), ("DEADLINE_RESERVE_MS", "500")]).await;
    world.remaining_ms = 3_000;
    let all: Vec<String> = (0..10).flat_map(|n| ids(n, 1000)).collect();
    world.sim.fault(Fault::latency(Duration::from_millis(20)));
    let message = |ids: &[String]| json!({"jobIds": ids, "reason": REASON});
    let payload = sqs(all.chunks(1000).map(message));
    let deadline = Duration::from_millis(world.remaining_ms);
    let reply = tokio::time::timeout(deadline, world.invoke(&payload)).await.expect("it answers in time");
    assert!(!failures(&reply.unwrap()).is_empty());
}
