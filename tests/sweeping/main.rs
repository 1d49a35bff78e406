//! Sweeps of large queues, on a clock that stands still but for their calls: which calls they take, and how they end when
//! they are cut short.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to fail")]
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test that meets the unexpected is to fail")]

mod queue;

use std::time::Duration;

use batch_canceller::config::Config;
use batch_canceller::handler::{Function, Keep, handle, process};
use batch_canceller::log::Log;
use batch_canceller::reply::Reply;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use queue::{Calls, Kind, NOW_MS, Outgoing, Queue};

/// A function that sweeps this queue, with these environment variables.
fn function(queue: &Queue, vars: &[(&str, &str)]) -> Function<Queue> {
    fastrand::seed(42);
    let config = Config::from_lookup(|name| {
        vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
    });
    let config = config.unwrap();
    let log = Log::new(std::io::sink(), config.log_level);
    Function::new(queue.clone(), config, Some("eu-west-1".to_owned()), log).with_clock(|| NOW_MS)
}

fn event(payload: &Value, left: Duration) -> LambdaEvent<Box<serde_json::value::RawValue>> {
    let mut context = Context::default();
    context.request_id = "request-1".into();
    context.deadline = NOW_MS + u64::try_from(left.as_millis()).unwrap();
    LambdaEvent::new(to_raw_value(payload).unwrap(), context)
}

fn sqs(id: &str, body: &str) -> Value {
    json!({"Records": [{
        "messageId": id, "body": body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:requests"
    }]})
}

/// What a sweep with plenty of time comes to, and the calls that it took.
async fn sweep(queue: &Queue, sweep: &Value, dry_run: bool) -> (Value, Calls) {
    let request = json!({"sweep": sweep, "reason": "Superseded.", "dryRun": dry_run});
    let LambdaEvent { payload, context } = event(&request, Duration::from_mins(14));
    let report = process(&function(queue, &[]), payload, &context, Keep::Always).await.unwrap();
    let report: Value = serde_json::from_str(&report.to_json(usize::MAX, str::len)).unwrap();
    let result = report["results"].as_array().unwrap().iter().find(|result| !result["sweep"].is_null());
    (result.unwrap()["sweep"].clone(), queue.calls())
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_cut_short_again_and_again_comes_to_its_end() {
    let queue = Queue::of([Kind { name: "etl", count: 50_000, ..Kind::default() }]);
    let outgoing = Outgoing::default();
    let function = function(&queue, &[("MAX_IN_FLIGHT", "12")]).with_outlet(Box::new(outgoing.clone()));
    let request = json!({"sweep": {"jobQueue": "q", "maxJobs": 60_000}, "reason": "Superseded."});
    let (mut body, mut id) = (request.to_string(), "m-0".to_owned());
    for round in 0..5 {
        // Two statuses are empty, the third takes a page for each thousand; then there is time for some calls.
        let pages = u32::try_from(queue.living().div_ceil(1000)).unwrap() + 2;
        let time = queue::LATENCY * (pages + 10);
        let before = queue.living();
        // A quarter is kept to report, a second for the reply, and a tenth of what is left to hand on.
        let time = (time + Duration::from_secs(1)) * 4 / 3 * 10 / 9;
        let reply = handle(&function, event(&sqs(&id, &body), time)).await.unwrap();
        assert_eq!(failures(reply), 0, "round {round}: the message is done with");
        let sent = outgoing.take();
        let [(queue_arn, next)] = sent.as_slice() else { panic!("round {round}: one message, not {sent:?}") };
        assert_eq!(queue_arn, "arn:aws:sqs:eu-west-1:123456789012:requests");
        let stopped = before - queue.living();
        assert!(stopped > 0 && queue.living() > 0, "round {round}: cut short with headway, {stopped}");
        let (asked, rest): (Value, Value) =
            (serde_json::from_str(&body).unwrap(), serde_json::from_str(next).unwrap());
        let most = |request: &Value| request["sweep"]["maxJobs"].as_u64().unwrap();
        assert!(most(&rest) >= u64::try_from(queue.living()).unwrap(), "the rest is allowed for");
        assert!(most(&asked) - most(&rest) <= u64::try_from(stopped).unwrap(), "and not much more");
        (body, id) = (next.clone(), format!("m-{}", round + 1));
    }
    let reply = handle(&function, event(&sqs(&id, &body), Duration::from_mins(14))).await.unwrap();
    assert_eq!((failures(reply), queue.living()), (0, 0));
    assert!(outgoing.take().is_empty());
    assert_eq!(queue.stopped_twice(), 0, "no job is stopped twice");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_handed_on_comes_back() {
    let queue = Queue::of([Kind { name: "etl", count: 50_000, ..Kind::default() }]);
    let outgoing = Outgoing::failing();
    let request = json!({"sweep": {"jobQueue": "q", "maxJobs": 50_000}, "reason": "Superseded."}).to_string();
    let time = Duration::from_secs(6);
    let vars = [("MAX_IN_FLIGHT", "1")];
    let function = function(&queue, &vars).with_outlet(Box::new(outgoing.clone()));
    let reply = handle(&function, event(&sqs("m-0", &request), time)).await.unwrap();
    assert!(queue.living() < 50_000, "it made headway");
    assert_eq!(failures(reply), 1);
    assert_eq!(outgoing.tries(), 3);
    let reply = handle(&function, event(&sqs("m-0", &request), Duration::from_mins(14))).await.unwrap();
    assert_eq!((failures(reply), queue.living(), queue.stopped_twice()), (0, 0, 0), "it finds what is left");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_without_headway_is_not_handed_on() {
    let queue = Queue::of([Kind { name: "etl", count: 5000, ..Kind::default() }]);
    let outgoing = Outgoing::default();
    let function = function(&queue, &[]).with_outlet(Box::new(outgoing.clone()));
    let request = json!({"sweep": {"jobQueue": "q", "maxJobs": 6000}, "reason": "Superseded."}).to_string();
    let reply = handle(&function, event(&sqs("m-0", &request), Duration::from_millis(1_100))).await.unwrap();
    assert_eq!((failures(reply), queue.living(), outgoing.tries()), (1, 5000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_a_large_queue_takes_hardly_more_calls_than_it_must() {
    let others = || Kind { name: "report", count: 90_000, ..Kind::default() };
    let swept = || Kind { name: "etl", count: 10_000, ..Kind::default() };
    let queue = Queue::of([others(), swept()]);
    let filter = json!({"job": {"jobName": [{"prefix": "etl"}]}});
    let (told, calls) =
        sweep(&queue, &json!({"jobQueue": "q", "where": filter, "maxJobs": 10_000}), false).await;
    assert_eq!((&told["matched"], &told["outcomes"]["cancelled"]), (&10_000.into(), &10_000.into()));
    // A page for each thousand and two empty statuses; a cancel for each fifty; a page for each thousand that failed.
    let least = 102 + 200 + 10;
    assert!(calls.all() * 100 <= least * 105, "{calls:?} for at least {least}");
    assert_eq!(calls.describe, 0);
    assert_eq!(told["plan"]["confirmPages"], 10, "{told}");
}

#[tokio::test(start_paused = true)]
async fn batchs_own_filter_is_used_where_it_saves_calls() {
    let ended = || Kind { name: "etl", status: "SUCCEEDED", count: 20_000, ..Kind::default() };
    let others = || Kind { name: "report", count: 50_000, ..Kind::default() };
    let few = || Kind { name: "etl", count: 150, ..Kind::default() };
    let filter = json!({"job": {"jobName": ["etl"]}});
    let request = json!({"jobQueue": "q", "where": filter, "maxJobs": 200});
    // The first page of each status, two pages of those by that name; these again.
    let (told, calls) = sweep(&Queue::of([others(), few()]), &request, true).await;
    assert_eq!((&told["matched"], &told["plan"]["filter"]), (&150.into(), &"JOB_NAME".into()));
    assert_eq!((calls.list, calls.describe), (3 + 2 + 2, 0), "{told}");
    // Too many have ended by that name: one page shows it.
    let (told, calls) = sweep(&Queue::of([ended(), others(), few()]), &request, true).await;
    assert_eq!((&told["matched"], &told["plan"]["filter"]), (&150.into(), &Value::Null));
    assert_eq!(calls.list, 2 + 51 + 1, "{told}");
}

#[tokio::test(start_paused = true)]
async fn where_others_fill_the_list_of_failed_jobs_each_is_looked_at() {
    let failed = Kind { name: "old", status: "FAILED", count: 30_000, ..Kind::default() };
    let queue = Queue::of([failed, Kind { name: "etl", count: 1000, ..Kind::default() }]);
    let (told, calls) = sweep(&queue, &json!({"jobQueue": "q", "maxJobs": 1000}), false).await;
    assert_eq!(told["outcomes"]["cancelled"], 1000);
    assert_eq!((&told["plan"]["confirmPages"], calls.describe), (&1.into(), 10), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_other_jobs_is_looked_at_though_the_rest_is_listed() {
    let waiting = Kind { name: "etl", status: "PENDING", count: 150, waits: true, ..Kind::default() };
    let queue = Queue::of([waiting, Kind { name: "etl", count: 1000, ..Kind::default() }]);
    let (told, calls) = sweep(&queue, &json!({"jobQueue": "q", "maxJobs": 2000}), false).await;
    assert_eq!(told["outcomes"], json!({"cancelled": 1000, "cancelling": 150}));
    assert_eq!(told["plan"]["confirmPages"], 1);
    assert!(calls.describe >= 2, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_sees_what_depends_on_the_jobs() {
    let first = Kind { name: "extract", count: 1, ..Kind::default() };
    let after = Kind { name: "load", status: "PENDING", count: 120, after: Some(0), ..Kind::default() };
    let other = Kind { name: "report", status: "PENDING", count: 1, after: Some(1), ..Kind::default() };
    let queue = Queue::of([first, after, other]);
    let request = json!({"jobQueue": "q", "where": {"job": {"jobName": ["extract"]}}, "maxJobs": 10});
    let (told, calls) = sweep(&queue, &request, true).await;
    assert_eq!((&told["matched"], &told["outcomes"]["would_cancel"]), (&1.into(), &1.into()), "{told}");
    assert_eq!(told["dependents"]["seen"], 121, "also what waits for what waits for it");
    assert_eq!(told["dependents"]["jobIds"].as_array().unwrap().len(), 100);
    assert_eq!((calls.describe, calls.stop), (2, 0), "{calls:?}");
    // In earnest, a summary decides and nothing is looked at for that alone.
    let (told, calls) = sweep(&queue, &request, false).await;
    assert_eq!((&told["dependents"], calls.describe), (&Value::Null, 1));
}

#[tokio::test(start_paused = true)]
async fn looks_have_their_time_after_a_long_listing() {
    let queue =
        Queue::of([Kind { name: "etl", count: 900, ..Kind::default() }]).slow(Duration::from_millis(400));
    let filter = json!({"job": {"tags": {"keep": [{"exists": false}]}}});
    let request = json!({"sweep": {"jobQueue": "q", "where": filter, "maxJobs": 1000}, "reason": "Old."});
    let function = function(&queue, &[]);
    // The listing alone takes more than a third of the time.
    let reply =
        handle(&function, event(&sqs("m-0", &request.to_string()), Duration::from_millis(5_500))).await;
    assert_eq!((failures(reply.unwrap()), queue.living()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_terminate_of_what_waits_leaves_alone_what_has_started_meanwhile() {
    let queue = Queue::of([Kind { name: "etl", count: 500, ..Kind::default() }]).slow(Duration::from_secs(3));
    let request = json!({"sweep": {"jobQueue": "q", "status": ["PENDING", "RUNNABLE"], "maxJobs": 1000},
                         "reason": "Old.", "action": "terminate"});
    let function = function(&queue, &[("ALLOW_TERMINATE", "true")]);
    let event = event(&request, Duration::from_mins(14));
    let swept = process(&function, event.payload, &event.context, Keep::Always);
    // They are listed by two calls of three seconds, and again; by then, some have started.
    let starts = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        queue.start(100);
    };
    let (report, ()) = tokio::join!(swept, starts);
    let report: Value = serde_json::from_str(&report.unwrap().to_json(usize::MAX, str::len)).unwrap();
    let told = &report["results"][0]["sweep"]["outcomes"];
    assert_eq!(*told, json!({"terminated": 400, "precondition_failed": 100}), "{report}");
    assert_eq!(queue.living(), 100);
}

fn failures(reply: Reply) -> usize {
    match reply {
        Reply::PartialBatch(partial) => {
            serde_json::to_value(partial).unwrap()["batchItemFailures"].as_array().unwrap().len()
        }
        Reply::Report(report) => panic!("not a partial answer: {report}"),
    }
}
