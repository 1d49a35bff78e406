//! The simulator over real HTTP, as an SDK would meet it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::time::Duration;

use batch_sim::{Bulk, CancelLag, Fault, Job, JobStatus, Kill, Operation, RateLimit, Server, Simulator};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// One connection to a simulator.
struct Client(SendRequest<Full<Bytes>>);

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, method: &str, path: &str, body: Value) -> hyper::Result<Reply> {
        self.0.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "batch")
            .body(Full::from(body.to_string()))
            .unwrap();
        let response = self.0.send_request(request).await?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body().collect().await?.to_bytes(),
        })
    }

    async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.send("POST", path, body).await.unwrap()
    }

    async fn cancel(&mut self, id: &str) -> Reply {
        self.post("/v1/canceljob", json!({"jobId": id, "reason": "ours"})).await
    }

    async fn cancel_all(&mut self, ids: &[&str]) -> Reply {
        self.post("/v1/canceljobs", json!({"jobs": ids, "reason": "ours"})).await
    }

    async fn describe(&mut self, id: &str) -> Value {
        let reply = self.post("/v1/describejobs", json!({"jobs": [id, "gone"]})).await;
        reply.json()["jobs"][0].take()
    }
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> Option<&str> {
        self.headers.get("x-amzn-errortype").map(|code| code.to_str().unwrap())
    }
}

/// A simulator, its server, and a client connected to it.
async fn served() -> (Simulator, Server, Client) {
    let sim = Simulator::new();
    let server = sim.serve().await.unwrap();
    let client = Client::connect(server.url()).await;
    (sim, server, client)
}

#[tokio::test]
async fn a_job_is_cancelled_and_seen_cancelled() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("a").name("etl").queue("nightly").tag("team", "x").created_at(5));
    let reply = client.cancel("a").await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
    assert!(reply.headers.contains_key("x-amzn-requestid"));
    let mut job = client.describe("a").await;
    assert!(job["stoppedAt"].take().is_i64());
    assert_eq!(
        job,
        json!({
            "jobArn": "arn:aws:batch:us-east-1:123456789012:job/a",
            "jobId": "a",
            "jobName": "etl",
            "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/nightly",
            "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/job:1",
            "status": "FAILED",
            "statusReason": "ours",
            "createdAt": 5,
            "stoppedAt": null,
            "tags": {"team": "x"},
            "dependsOn": [],
            "attempts": [],
            "isCancelled": true,
            "isTerminated": false,
        })
    );
}

#[tokio::test]
async fn a_dependent_is_seen_failed_without_a_flag() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("a"));
    sim.add(Job::new("b").status(JobStatus::Pending).depends_on(["a"]));
    client.cancel("a").await;
    let job = client.describe("b").await;
    assert_eq!((&job["status"], &job["statusReason"]), (&json!("FAILED"), &json!("Dependent job failed")));
    assert_eq!((&job["isCancelled"], &job["isTerminated"]), (&json!(false), &json!(false)));
    assert_eq!(job["dependsOn"], json!([{"jobId": "a"}]));
}

#[tokio::test]
async fn an_array_shows_its_size_its_tally_and_its_indices() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("p").array([JobStatus::Running, JobStatus::Running, JobStatus::Failed]));
    let parent = client.describe("p").await;
    assert_eq!(parent["arrayProperties"]["size"], 3);
    assert_eq!(parent["arrayProperties"]["statusSummary"]["RUNNING"], 2);
    assert_eq!(parent["arrayProperties"]["statusSummary"]["RUNNABLE"], 0);
    let child = client.describe("p:2").await;
    assert_eq!(child["arrayProperties"], json!({"index": 2}));
}

#[tokio::test]
async fn other_people_act_between_our_calls() {
    let (sim, _server, mut client) = served().await;
    let fleet = json!({"jobs": [
        {"id": "a", "events": [{"after": {"described": 1}, "does": {"cancel": "theirs"}}]},
        {"id": "b", "lag": {"polls": 9}, "events": [{"after": {"stopped": 1}, "does": {"terminate": "theirs"}}]},
        {"id": "c", "status": "RUNNING", "attempts": 2, "moves": [{"after": {"described": 9}, "to": "FAILED"}]},
        {"id": "d", "status": "SUCCEEDED"},
    ]});
    assert_eq!(client.send("PUT", "/_sim/fleet", fleet).await.unwrap().status, 200);
    assert_eq!(client.describe("a").await["status"], "RUNNABLE");
    client.cancel("a").await;
    assert_eq!(client.describe("a").await["statusReason"], "theirs");
    client.cancel("b").await;
    let job = client.describe("b").await;
    assert_eq!((&job["isCancelled"], &job["isTerminated"]), (&json!(true), &json!(true)));
    let host = "Host EC2 (instance i-0123456789abcdef0) terminated.";
    for (act, status) in [
        (json!({"id": "c", "does": {"fail": host}}), 200),
        (json!({"id": "d", "does": "expire"}), 200),
        (json!({"id": "b", "does": {"to": "RUNNING"}, "after": {"stopped": 1}}), 200),
        (json!({"id": "z", "does": "expire"}), 404),
        (json!({"id": "a", "does": "vanish"}), 400),
    ] {
        assert_eq!(client.post("/_sim/jobs/act", act.clone()).await.status, status, "{act}");
    }
    let job = client.describe("c").await;
    assert_eq!((&job["status"], &job["attempts"][0]["statusReason"]), (&json!("RUNNABLE"), &json!(host)));
    let reply = client.post("/v1/describejobs", json!({"jobs": ["d"]})).await;
    assert_eq!((reply.json(), sim.job("d")), (json!({"jobs": []}), None));
    assert!(sim.terminate("b", "x") && sim.cancel("c", "again") && !sim.fail("z", "x") && !sim.expire("d"));
    assert_eq!(sim.job("c").unwrap().status_reason.as_deref(), Some("again"));
    assert_eq!(sim.count(Operation::CancelJob), 2);
}

#[tokio::test]
async fn a_new_job_is_not_seen_at_first() {
    let (sim, _server, mut client) = served().await;
    let fleet = json!({"jobs": [{"id": "a", "shownAfter": {"polls": 2}}]});
    assert_eq!(client.send("PUT", "/_sim/fleet", fleet).await.unwrap().status, 200);
    let runnable = json!({"jobQueue": "default", "jobStatus": "RUNNABLE"});
    assert_eq!(client.post("/v1/listjobs", runnable).await.json()["jobSummaryList"], json!([]));
    let ask = json!({"jobs": ["a"]});
    assert_eq!(client.post("/v1/describejobs", ask).await.json()["jobs"], json!([]));
    assert_eq!(client.describe("a").await["status"], "RUNNABLE");
    assert_eq!(sim.job("a").unwrap().described, 1);
}

#[tokio::test]
async fn a_list_goes_on_where_its_token_says() {
    let (sim, _server, mut client) = served().await;
    for id in ["a", "b", "c"] {
        sim.add(Job::new(id).queue("q").created_at(1));
    }
    let mut body = json!({"jobQueue": "q", "jobStatus": "RUNNABLE", "maxResults": 2});
    let first = client.post("/v1/listjobs", body.clone()).await.json();
    assert_eq!(first["jobSummaryList"][1]["jobId"], "b");
    body["nextToken"] = first["nextToken"].clone();
    let second = client.post("/v1/listjobs", body).await.json();
    assert_eq!(second["jobSummaryList"][0]["jobId"], "c");
    assert_eq!(second.get("nextToken"), None);
}

#[tokio::test]
async fn settings_decide_on_flags_and_lag() {
    let (sim, _server, mut client) = served().await;
    sim.settings(|s| {
        s.lag = CancelLag::Polls(1);
        s.flag_during_lag = false;
    });
    sim.add(Job::new("a"));
    client.cancel("a").await;
    let job = client.describe("a").await;
    assert_eq!((&job["status"], &job["isCancelled"]), (&json!("RUNNABLE"), &json!(false)));
    sim.settings(|s| s.flags = false);
    let job = client.describe("a").await;
    assert_eq!((&job["status"], job.get("isCancelled")), (&json!("FAILED"), None));
}

#[tokio::test(start_paused = true)]
async fn a_lag_in_time_follows_tokios_clock() {
    let (sim, _server, mut client) = served().await;
    sim.settings(|s| s.lag = CancelLag::For(Duration::from_mins(1)));
    sim.add(Job::new("a"));
    client.cancel("a").await;
    assert_eq!(sim.job("a").unwrap().status, JobStatus::Runnable);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sim.job("a").unwrap().status, JobStatus::Failed);
}

#[tokio::test]
async fn errors_carry_status_code_message_and_headers() {
    let (sim, _server, mut client) = served().await;
    for (fault, status, code) in [
        (Fault::server_error(), 500, Some("ServerException")),
        (Fault::throttled(), 429, Some("TooManyRequestsException")),
        (Fault::throttled_bare(), 429, None),
        (Fault::client_error(), 400, Some("ClientException")),
        (Fault::access_denied(), 403, Some("AccessDeniedException")),
        (Fault::error(503, "Odd", "text"), 503, Some("Odd")),
        (Fault::bare(9999), 500, Some("ServerException")),
    ] {
        sim.clear_faults();
        sim.fault(fault.clone().header("x-amz-retry-after", "250"));
        let reply = client.cancel("a").await;
        assert_eq!((reply.status, reply.code()), (status, code), "{fault:?}");
        if status == 503 {
            assert_eq!(reply.json(), json!({"message": "text"}));
            assert_eq!(reply.headers["x-amz-retry-after"], "250");
        }
        assert_eq!(reply.body.is_empty(), code.is_none());
    }
    sim.clear_faults();
    let reply = client.cancel("").await;
    assert_eq!((reply.status, reply.code()), (400, Some("ClientException")));
    let reply = client.post("/v1/submitjob", json!({})).await;
    assert_eq!((reply.status, reply.code()), (403, Some("MissingAuthenticationTokenException")));
}

#[tokio::test]
async fn a_call_without_a_good_answer_has_or_has_not_taken_effect() {
    for (fault, answer, expect) in [
        (Fault::drop_before(), None, JobStatus::Runnable),
        (Fault::drop_after(), None, JobStatus::Failed),
        (Fault::server_error(), Some((500, true)), JobStatus::Runnable),
        (Fault::server_error().carried_out(), Some((500, true)), JobStatus::Failed),
        (Fault::malformed(), Some((200, false)), JobStatus::Failed),
    ] {
        let (sim, _server, mut client) = served().await;
        sim.add(Job::new("a"));
        sim.fault(fault.clone());
        let body = json!({"jobId": "a", "reason": "r"});
        let seen = match client.send("POST", "/v1/canceljob", body).await {
            Ok(reply) => {
                let is_json = serde_json::from_slice::<Value>(&reply.body).is_ok();
                Some((reply.status, is_json))
            }
            Err(error) => {
                assert!(error.is_incomplete_message(), "{error}");
                None
            }
        };
        assert_eq!(seen, answer, "{fault:?}");
        assert_eq!(sim.job("a").unwrap().status, expect, "{fault:?}");
    }
}

#[tokio::test]
async fn any_status_and_any_body_can_come_in_an_answers_place() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("a"));
    let html = |reply: &Reply| reply.headers["content-type"] == "text/html";
    for fault in [Fault::empty_object(), Fault::empty_body(), Fault::html(), Fault::answer(502, "<html>")] {
        sim.clear_faults();
        sim.fault(fault.clone());
        for (path, body) in [
            ("/v1/canceljob", json!({"jobId": "a", "reason": "r"})),
            ("/v1/describejobs", json!({"jobs": ["a"]})),
            ("/v1/canceljobs", json!({"jobs": ["a"], "reason": "r"})),
            ("/v1/listjobs", json!({"jobQueue": "default"})),
        ] {
            let reply = client.post(path, body).await;
            let expect: (u16, &[u8], bool) = match &fault {
                f if *f == Fault::empty_object() => (200, b"{}", false),
                f if *f == Fault::empty_body() => (200, b"", false),
                f if *f == Fault::html() => (200, &reply.body, true),
                _ => (502, b"<html>", false),
            };
            assert_eq!((reply.status, &*reply.body, html(&reply)), expect, "{path} {fault:?}");
        }
    }
    for status in [302, 404, 407, 421, 425] {
        sim.clear_faults();
        sim.fault(Fault::bare(status));
        let reply = client.cancel("a").await;
        assert_eq!((reply.status, reply.code(), reply.body.is_empty()), (status, None, true));
    }
    assert_eq!(sim.job("a").unwrap().status, JobStatus::Runnable);
    sim.clear_faults();
    let page = json!({"kind": {"answer": {"status": 200, "body": "<html>"}}, "carriedOut": true});
    assert_eq!(client.post("/_sim/faults", page).await.status, 200);
    assert_eq!(client.cancel("a").await.body, "<html>");
    assert_eq!(sim.job("a").unwrap().status, JobStatus::Failed);
}

#[tokio::test]
async fn an_answer_can_spell_an_id_otherwise() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("a"));
    sim.add(Job::new("b"));
    sim.fault(Fault::upper_case_ids().job("b"));
    let both = json!({"jobs": ["a", "b"]});
    let jobs = client.post("/v1/describejobs", both).await.json();
    assert_eq!((&jobs["jobs"][0]["jobId"], &jobs["jobs"][1]["jobId"]), (&json!("a"), &json!("B")));
    assert_eq!(client.cancel_all(&["a", "b"]).await.json()["successful"], json!(["a", "B"]));
    assert_eq!(client.describe("b").await["status"], "FAILED");
}

#[tokio::test]
async fn a_hanging_call_is_in_flight_and_others_go_on() {
    let (sim, server, mut stuck) = served().await;
    sim.add(Job::new("b"));
    sim.fault(Fault::hang().job("a"));
    let mut client = Client::connect(server.url()).await;
    let hanging = tokio::spawn(async move { stuck.cancel("a").await.status });
    while sim.count(Operation::CancelJob) == 0 {
        tokio::task::yield_now().await;
    }
    client.cancel("b").await;
    assert!(!hanging.is_finished());
    assert_eq!((sim.high_water(), sim.connections()), (2, 2));
    let statuses: Vec<_> = sim.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [0, 200]);
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn latency_passes_before_or_after_the_effect() {
    for (fault, early) in [
        (Fault::latency(Duration::from_secs(9)), JobStatus::Runnable),
        (Fault::latency(Duration::from_secs(9)).carried_out(), JobStatus::Failed),
    ] {
        let (sim, _server, mut client) = served().await;
        sim.add(Job::new("a"));
        sim.fault(fault);
        let before = tokio::time::Instant::now();
        let call = tokio::spawn(async move { client.cancel("a").await.status });
        while sim.count(Operation::CancelJob) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sim.job("a").unwrap().status, early);
        assert_eq!(call.await.unwrap(), 200);
        assert_eq!(sim.job("a").unwrap().status, JobStatus::Failed);
        assert!(before.elapsed() >= Duration::from_secs(9));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_begins_and_ends_on_tokios_clock() {
    let (_sim, _server, mut client) = served().await;
    let outage = json!({
        "kind": {"error": {"status": 503}},
        "operation": "CancelJob",
        "during": {"fromMs": 10_000, "untilMs": 20_000},
    });
    assert_eq!(client.post("/_sim/faults", outage.clone()).await.status, 200);
    let fleet = client.send("GET", "/_sim/fleet", json!({})).await.unwrap().json();
    assert_eq!(fleet["faults"][0]["during"], outage["during"]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.cancel("a").await.status);
        tokio::time::advance(Duration::from_secs(11)).await;
    }
    assert_eq!(statuses, [200, 503, 200]);
}

#[tokio::test]
async fn a_bulk_answer_lists_each_item_in_its_place() {
    let (sim, _server, mut client) = served().await;
    for id in ["a", "b", "c"] {
        sim.add(Job::new(id));
    }
    sim.fault(Fault::item("ThrottlingException", "slow down").job("b"));
    sim.fault(Fault::omitted_item().job("c"));
    let reply = client.cancel_all(&["a", "b", "c", "unknown"]).await;
    assert_eq!(
        reply.json(),
        json!({
            "successful": ["a", "unknown"],
            "errors": [{"job": "b", "code": "ThrottlingException", "message": "slow down"}],
        })
    );
    let left = ["a", "b", "c"].map(|id| sim.job(id).unwrap().status);
    assert_eq!(left, [JobStatus::Failed, JobStatus::Runnable, JobStatus::Runnable]);
}

#[tokio::test]
async fn bulk_calls_can_be_missing_in_three_ways() {
    let (sim, _server, mut client) = served().await;
    for (bulk, status, code) in [
        (Bulk::Missing404, 404, None),
        (Bulk::Missing403, 403, Some("MissingAuthenticationTokenException")),
        (Bulk::Missing400, 400, Some("UnknownOperationException")),
    ] {
        sim.settings(|s| s.bulk = bulk);
        let reply = client.cancel_all(&["a"]).await;
        assert_eq!((reply.status, reply.code()), (status, code));
        assert_eq!(client.cancel("a").await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_turns_calls_or_items_away() {
    let (sim, _server, mut client) = served().await;
    let limit = |per_item| RateLimit { tps: 0.0, burst: 2, per_item };
    sim.settings(|s| s.limit = Some(limit(false)));
    let mut statuses = Vec::new();
    for id in ["a", "b", "c"] {
        statuses.push(client.cancel(id).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    sim.settings(|s| s.limit = Some(limit(true)));
    let reply = client.cancel_all(&["a", "b", "c"]).await;
    assert_eq!(reply.json()["successful"], json!(["a", "b"]));
    assert_eq!(reply.json()["errors"][0]["code"], "ThrottlingException");
}

#[tokio::test(start_paused = true)]
async fn a_limit_can_refuse_a_bulk_call_as_a_whole_and_each_operation_by_itself() {
    let (sim, _server, mut client) = served().await;
    let settings = json!({
        "limit": {"tps": 0, "burst": 2, "perItem": true},
        "buckets": "perOperation",
        "shortfall": "call",
    });
    assert_eq!(client.send("PUT", "/_sim/settings", settings).await.unwrap().status, 200);
    sim.add(Job::new("a"));
    let reply = client.cancel_all(&["a", "b", "c"]).await;
    assert_eq!((reply.status, reply.code()), (429, Some("TooManyRequestsException")));
    assert_eq!(sim.job("a").unwrap().status, JobStatus::Runnable);
    assert_eq!(client.cancel_all(&["a", "b"]).await.json()["successful"], json!(["a", "b"]));
    let mut statuses = Vec::new();
    for id in ["a", "b", "c"] {
        statuses.push(client.cancel(id).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn calls_are_logged_and_counted() {
    let (sim, _server, mut client) = served().await;
    sim.add(Job::new("a"));
    client.cancel("a").await;
    client.cancel_all(&["b", "c"]).await;
    client.describe("a").await;
    let calls = sim.calls();
    let seen: Vec<_> =
        calls.iter().map(|c| (c.operation, c.jobs.join(" "), c.reason.as_deref(), c.status)).collect();
    assert_eq!(
        seen,
        [
            (Operation::CancelJob, "a".to_owned(), Some("ours"), 200),
            (Operation::CancelJobs, "b c".to_owned(), Some("ours"), 200),
            (Operation::DescribeJobs, "a gone".to_owned(), None, 200),
        ]
    );
    assert_eq!((sim.high_water(), sim.connections()), (1, 1));
    sim.clear_calls();
    assert_eq!((sim.calls(), sim.count(Operation::CancelJob)), (vec![], 0));
    sim.settings(|s| s.log_calls = false);
    client.cancel("a").await;
    assert_eq!((sim.calls(), sim.count(Operation::CancelJob)), (vec![], 1));
}

#[tokio::test]
async fn another_process_can_steer() {
    let (sim, _server, mut client) = served().await;
    let mut ask = async |method: &str, path: &str, body: Value| {
        let reply = client.send(method, &format!("/_sim/{path}"), body).await.unwrap();
        (reply.status, reply.json())
    };
    let fleet = json!({
        "jobs": [{"id": "a:0#1", "queue": "q"}, {"id": "p", "array": ["RUNNING"]}],
        "settings": {"lag": {"polls": 3}, "region": "eu-west-1"},
        "faults": [{"kind": {"latencyMs": 5}, "operation": "ListJobs", "when": {"nth": 2}}],
    });
    assert_eq!(ask("GET", "health", json!({})).await.0, 200);
    assert_eq!(ask("PUT", "fleet", fleet.clone()).await.0, 200);
    assert_eq!(ask("PUT", "fleet", fleet).await.0, 200);
    assert_eq!(ask("POST", "fleet", json!({"jobs": [{"id": "b"}]})).await.0, 200);
    let (_, now) = ask("GET", "fleet", json!({})).await;
    assert_eq!(now["jobs"][1]["array"], json!(["RUNNING"]));
    assert_eq!(now["jobs"].as_array().unwrap().len(), 3);
    assert_eq!(now["faults"][0]["kind"], json!({"latencyMs": 5}));
    assert_eq!(now["faults"].as_array().unwrap().len(), 1);
    assert_eq!(now["settings"]["lag"], json!({"polls": 3}));
    let (_, all) = ask("GET", "jobs", json!({})).await;
    assert_eq!(all["jobs"][2]["id"], "p:0");

    let starts = json!({"id": "a:0#1", "status": "RUNNING"});
    assert_eq!(ask("PUT", "jobs/status", starts).await.0, 200);
    assert_eq!(sim.job("a:0#1").unwrap().status, JobStatus::Running);
    let later = json!({"id": "b", "status": "RUNNING", "after": {"described": 1}});
    assert_eq!(ask("PUT", "jobs/status", later).await.0, 200);
    assert_eq!(sim.job("b").unwrap().status, JobStatus::Runnable);
    assert_eq!(ask("PUT", "jobs/status", json!({"id": "z", "status": "RUNNING"})).await.0, 404);

    assert_eq!(ask("POST", "faults", json!({"kind": "drop", "carriedOut": true})).await.0, 200);
    assert_eq!(ask("POST", "faults", json!({"kind": "drop", "sometimes": 1})).await.0, 400);
    assert_eq!(ask("DELETE", "faults", json!({})).await.0, 200);
    assert_eq!(
        ask("PUT", "settings", json!({"flags": false, "limit": {"tps": 1.5, "burst": 2}})).await.0,
        200
    );
    assert_eq!(ask("GET", "settings", json!({})).await.1["lag"], json!("none"));
    assert_eq!(ask("GET", "calls", json!({})).await.1["calls"], json!([]));
    assert_eq!(ask("POST", "reset", json!({})).await.0, 200);
    assert!(sim.jobs().is_empty());
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections() {
    let (sim, server, mut client) = served().await;
    sim.fault(Fault::hang());
    let url = server.url().to_owned();
    let body = json!({"jobId": "a", "reason": "r"});
    let call = tokio::spawn(async move { client.send("POST", "/v1/canceljob", body).await.is_err() });
    while sim.count(Operation::CancelJob) == 0 {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert!(call.await.unwrap());
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).await.is_err());
}

#[tokio::test]
async fn a_server_can_have_a_thread_of_its_own() {
    let sim = Simulator::new();
    let server = sim.serve_on_thread().unwrap();
    let mut client = Client::connect(server.url()).await;
    assert_eq!(client.cancel("a").await.status, 200);
    drop(server);
    // The thread lets go of the connection, which ends the client's side of it.
    while client.0.ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Says whether a call over this connection is answered, or else why not.
async fn fares(client: &mut Client) -> Result<u16, String> {
    let body = json!({"jobId": "a", "reason": "ours"});
    match tokio::time::timeout(Duration::from_mins(1), client.send("POST", "/v1/canceljob", body)).await {
        Ok(Ok(reply)) => Ok(reply.status),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            Err(source.unwrap_or_else(|| error.to_string()))
        }
        Err(_) => Err("silence".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn all_connections_can_die_at_once_while_new_ones_work() {
    for (how, expect) in [(Kill::Reset, "Connection reset by peer"), (Kill::BlackHole, "silence")] {
        let (sim, server, mut first) = served().await;
        let mut second = Client::connect(server.url()).await;
        for client in [&mut first, &mut second] {
            assert_eq!(fares(client).await, Ok(200));
        }
        sim.kill_connections(how);
        for client in [&mut first, &mut second] {
            let fate = fares(client).await.unwrap_err();
            assert!(fate.contains(expect), "{how:?}: {fate}");
        }
        let mut third = Client::connect(server.url()).await;
        assert_eq!(fares(&mut third).await, Ok(200));
        assert_eq!((sim.count(Operation::CancelJob), sim.connections()), (3, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_carried_out_but_its_answer_is_lost() {
    for how in [Kill::Reset, Kill::BlackHole] {
        let (sim, _server, mut client) = served().await;
        sim.add(Job::new("a"));
        sim.fault(Fault::latency(Duration::from_secs(5)));
        let call = tokio::spawn(async move { fares(&mut client).await });
        while sim.count(Operation::CancelJob) == 0 {
            tokio::task::yield_now().await;
        }
        sim.kill_connections(how);
        assert!(call.await.unwrap().is_err());
        assert_eq!(sim.job("a").unwrap().status, JobStatus::Failed);
    }
}

#[tokio::test]
async fn a_killing_by_http_spares_the_connection_it_came_by() {
    let (_sim, server, mut client) = served().await;
    let mut other = Client::connect(server.url()).await;
    assert_eq!(fares(&mut other).await, Ok(200));
    for (body, status) in [(json!({"how": "reset"}), 200), (json!({"how": "gently"}), 400)] {
        assert_eq!(client.post("/_sim/connections/kill", body).await.status, status);
    }
    assert!(fares(&mut other).await.is_err());
    assert_eq!(fares(&mut client).await, Ok(200));
}
