//! Results as events, and the metrics of invocations.

use std::time::Duration;

use batch_sim::{Fault, Job, JobStatus, Operation};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{REASON, World, failures, outcomes, request, requests, sqs};

const BUS: [(&str, &str); 1] = [("RESULT_EVENT_BUS", "results")];

/// The line of metrics.
fn metrics(world: &World) -> Value {
    world.logs().into_iter().find(|line| !line["_aws"].is_null()).unwrap()
}

#[tokio::test]
async fn every_result_is_an_event() {
    let world = World::with(&BUS).await;
    world.sim.add(Job::new("a").queue("nightly"));
    world.job("b", JobStatus::Running);
    let asked = json!([
        {"jobIds": ["a", "b"], "reason": REASON, "metadata": {"run": 42}},
        {"jobId": "c"},
        {"sweep": {"jobQueue": "empty", "maxJobs": 1}, "reason": REASON, "dryRun": true}
    ]);
    let report = world.report(&asked).await;
    let mut expected = report["results"].as_array().unwrap().clone();
    for result in &mut expected {
        result["schemaVersion"] = "1".into();
        result["requestId"] = "request-1".into();
    }
    let mut details = world.bus.details();
    for all in [&mut expected, &mut details] {
        all.sort_by_key(ToString::to_string);
    }
    assert_eq!(details, expected, "what is published is what is reported");
    for (bus, event) in world.bus.events() {
        assert_eq!(
            (bus.as_str(), event.source, event.detail_type),
            ("results", "batch-canceller", "Batch Job Cancellation Result")
        );
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        let job = |id: &str| vec![format!("arn:aws:batch:us-east-1:123456789012:job/{id}")];
        let resources = match (detail["jobId"].as_str(), detail["outcome"].as_str().unwrap()) {
            (Some(id), _) => job(id),
            (None, "rejected") => vec![],
            (None, _) => vec!["arn:aws:batch:us-east-1:123456789012:job-queue/empty".to_owned()],
        };
        assert_eq!(event.resources, resources, "{detail}");
    }
}

#[tokio::test]
async fn a_hundred_results_are_ten_calls() {
    let world = World::with(&BUS).await;
    let ids = world.jobs(JobStatus::Runnable, 95);
    world.invoke(&requests(&ids)).await.unwrap();
    let calls = world.bus.calls();
    assert_eq!((calls.iter().sum::<usize>(), calls.len()), (95, 10), "{calls:?}");
    assert_eq!(metrics(&world)["EventsLost"], Value::Null);
}

#[tokio::test]
async fn what_the_bus_does_not_take_at_once_is_put_again_and_nothing_else() {
    let world = World::with(&BUS).await;
    let ids = world.jobs(JobStatus::Runnable, 20);
    world.bus.throttle(2);
    world.invoke(&requests(&ids)).await.unwrap();
    let mut told: Vec<_> = world.bus.details().iter().map(|detail| detail["jobId"].to_string()).collect();
    told.sort();
    let count = told.len();
    told.dedup();
    assert_eq!((count, told.len()), (20, 20));
    assert_eq!(world.bus.calls().iter().sum::<usize>(), 22, "{:?}", world.bus.calls());
}

#[tokio::test]
async fn a_bus_that_is_down_fails_no_cancel_and_what_is_lost_is_counted() {
    let world = World::with(&BUS).await;
    let ids = world.jobs(JobStatus::Runnable, 15);
    world.bus.go_down();
    let reply = world.invoke(&sqs(ids.iter().map(|id| request(id)))).await.unwrap();
    assert!(failures(&reply).is_empty());
    assert!(ids.iter().all(|id| world.status(id) == JobStatus::Failed));
    let lines = world.logs();
    let lost: Vec<_> = lines.iter().filter(|line| !line["eventsLost"].is_null()).collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(
        (&lost[0]["level"], &lost[0]["eventsLost"], &lost[0]["why"]),
        (&"WARN".into(), &15.into(), &"the bus is not well".into())
    );
    assert_eq!((&metrics(&world)["EventsLost"], &metrics(&world)["Stopped"]), (&15.into(), &15.into()));
}

#[tokio::test]
async fn a_bus_that_does_not_answer_holds_nothing_up_past_its_share() {
    let mut world = World::with(&[("RESULT_EVENT_BUS", "results"), ("DEADLINE_RESERVE_MS", "300")]).await;
    world.bus.slow_down(Duration::from_mins(1));
    world.job("a", JobStatus::Runnable);
    for (remaining_ms, most) in [(30_000, 1_500), (1_300, 1_300)] {
        world.remaining_ms = remaining_ms;
        let begun = Instant::now();
        world.invoke(&request("a")).await.unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(most), "{took:?} of {remaining_ms} ms");
    }
    assert_eq!(metrics(&world)["EventsLost"], 1);
}

#[tokio::test]
async fn dry_runs_and_what_goes_back_are_told_too() {
    let world = World::with(&[("RESULT_EVENT_BUS", "results"), ("MAX_JOBS", "1")]).await;
    world.job("a", JobStatus::Runnable);
    let mut dry = request("a");
    dry["dryRun"] = true.into();
    world.invoke(&sqs([dry.clone(), request("b")])).await.unwrap();
    world.invoke(&sqs([dry])).await.unwrap();
    let told: Vec<_> = world
        .bus
        .details()
        .iter()
        .map(|detail| (detail["outcome"].as_str().unwrap().to_owned(), detail["dryRun"] == true))
        .collect();
    let planned = || ("would_cancel".to_owned(), true);
    assert_eq!(told.len(), 3);
    assert_eq!(told.iter().filter(|told| **told == planned()).count(), 2, "what comes again is told again");
    assert!(told.contains(&("not_attempted".to_owned(), false)), "{told:?}");
}

#[tokio::test]
async fn a_result_that_comes_back_as_a_request_makes_no_result_event() {
    let world = World::with(&BUS).await;
    world.job("a", JobStatus::Runnable);
    world.invoke(&request("a")).await.unwrap();
    let events = world.bus.events();
    let detail = &world.bus.details()[0];
    let event = json!({"source": "batch-canceller", "detail-type": events[0].1.detail_type, "id": "e-1", "detail": detail});
    for payload in [event.clone(), detail.clone(), sqs([event])] {
        let report = world.report(&payload).await;
        assert_eq!(outcomes(&report), ["- rejected 0"]);
        assert!(report["results"][0]["why"].as_str().unwrap().contains("no request"), "{report}");
    }
    assert_eq!(world.bus.events().len(), 1);
}

#[tokio::test]
async fn without_a_bus_there_are_no_events() {
    let world = World::new().await;
    world.job("a", JobStatus::Runnable);
    world.invoke(&request("a")).await.unwrap();
    assert!(world.bus.calls().is_empty());
}

#[tokio::test]
async fn metrics_count_what_became_of_jobs_and_the_calls() {
    let world = World::with(&[("BULK", "off")]).await;
    world.jobs(JobStatus::Runnable, 3);
    world.job("b", JobStatus::Running);
    world.sim.fault(Fault::throttled().on(Operation::CancelJob).first(1));
    let mut bodies: Vec<_> = (0..3).map(|n| request(&format!("runnable-{n}")).to_string()).collect();
    bodies.extend([request("b").to_string(), "{".to_owned()]);
    world.invoke(&sqs(bodies)).await.unwrap();
    let line = metrics(&world);
    for (name, count) in [("Stopped", 3), ("Started", 1), ("Rejected", 1), ("Throttled", 1)] {
        assert_eq!(line[name], count, "{name}: {line}");
    }
    assert_eq!(line["Calls"], world.sim.calls().len());
    assert_eq!((&line["service"], &line["Denied"]), (&"batch-canceller".into(), &Value::Null));
    // Nothing was asked: nothing is counted.
    let world = World::new().await;
    world.invoke(&json!([])).await.unwrap();
    assert!(world.logs().iter().all(|line| line["_aws"].is_null()));
}
