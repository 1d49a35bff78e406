//! What is read and written, held against the schemas in `schemas/`. The harness holds everything that any scenario
//! brings about against them as well.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use batch_canceller::outcome::Outcome;
use batch_sim::{Fleet, JobStatus};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::harness::{REASON, World};

pub(crate) static RESULT: LazyLock<Validator> = LazyLock::new(|| validator("schemas/result.json"));
static LINE: LazyLock<Validator> = LazyLock::new(|| validator("schemas/log-line.json"));
static REQUEST: LazyLock<Validator> = LazyLock::new(|| validator("schemas/request.json"));
static EMF: LazyLock<Validator> = LazyLock::new(|| validator("tests/scenarios/emf.json"));

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(path: &str) -> Validator {
    let schema = read(path);
    jsonschema::meta::validate(&schema).unwrap();
    // Where a reference to the file beside it leads.
    let registry = Registry::new().add("json-schema:///result.json", read("schemas/result.json")).unwrap();
    let registry = registry.prepare().unwrap();
    jsonschema::options().with_registry(&registry).build(&schema).unwrap()
}

#[track_caller]
pub(crate) fn check(schema: &Validator, value: &Value) {
    let errors: Vec<_> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{value}\n{errors:#?}");
}

/// Checks a log line; one of metrics also by what CloudWatch's documentation demands.
#[track_caller]
pub(crate) fn check_line(line: &Value) {
    if line.get("outcome").or(line.get("requestId")).is_none() {
        // The function's word about itself.
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
        return;
    }
    check(&LINE, line);
    let Some(aws) = line.get("_aws") else { return };
    check(&EMF, line);
    for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
        }
        for dimension in
            directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
        {
            let value = line[dimension.as_str().unwrap()].as_str().unwrap();
            assert!((1..=1024).contains(&value.len()), "{line}");
        }
    }
}

#[test]
fn every_outcome_stands_in_the_schema_and_no_other() {
    let schema = read("schemas/result.json");
    let known: Vec<_> = Outcome::ALL.iter().map(|outcome| json!(outcome.as_str())).collect();
    assert_eq!(schema["$defs"]["outcome"]["enum"], json!(known));
}

#[test]
fn a_schema_that_takes_everything_is_none() {
    for (schema, value) in [
        (
            &*RESULT,
            json!({"outcome": "cancelled", "attempts": 1, "requestedBy": {"source": "sqs", "id": "m"}, "x": 1}),
        ),
        (
            &*RESULT,
            json!({"outcome": "canceled", "attempts": 1, "requestedBy": {"source": "sqs", "id": "m"}}),
        ),
        (
            &*RESULT,
            json!({"schemaVersion": "1", "outcome": "cancelled", "attempts": 1, "requestedBy": {"source": "sqs", "id": "m"}}),
        ),
        (&*LINE, json!({"timestamp": "t", "level": "INFO", "message": "m", "requestId": "r", "jobId": "a"})),
        (&*LINE, json!({"timestamp": "t", "level": "LOUD", "message": "m", "requestId": "r"})),
        (&*EMF, json!({"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}})),
    ] {
        assert!(!schema.is_valid(&value), "{value}");
    }
}

/// The requests in a payload, as far as it is a sample of `events/`: what may be one, and is no envelope.
fn requests_in(value: &Value, found: &mut Vec<Value>) {
    let text = |value: &Value| value.as_str().and_then(|text| serde_json::from_str(text).ok());
    if let Some(list) = value.as_array().or(value["Records"].as_array()) {
        for value in list {
            requests_in(value, found);
        }
    } else if let Some(inner) = ["body", "Message"].iter().find_map(|name| text(&value[name])) {
        requests_in(&inner, found);
    } else if let Some(inner) = ["Sns", "requestPayload"].iter().find_map(|name| value.get(name)) {
        requests_in(inner, found);
    } else if value.get("detail-type").is_some() {
        // Batch's own events need no reason.
        if value["source"] != "aws.batch" {
            requests_in(&value["detail"], found);
        }
    } else if ["body", "s3"].iter().all(|name| value.get(name).is_none()) {
        found.push(value.clone());
    }
}

/// Whether a report rejects nothing, but for a cause.
fn is_accepted(report: &Value, cause: &str) -> bool {
    let is_rejected =
        |result: &Value| result["outcome"] == "rejected" && !result["why"].as_str().unwrap().contains(cause);
    !report["results"].as_array().unwrap().iter().any(is_rejected)
}

#[tokio::test]
async fn every_sample_and_what_comes_of_it_is_as_the_schemas_have_it() {
    let vars = [("RESULT_EVENT_BUS", "results"), ("ALLOW_TERMINATE", "true"), ("MAX_ATTEMPTS", "2")];
    let world = World::with(&vars).await;
    // Where nothing changes, whatever is asked again.
    let judged =
        World::with(&[("DRY_RUN", "true"), ("ALLOW_TERMINATE", "true"), ("MAX_ATTEMPTS", "1")]).await;
    let fleet =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet.json")).unwrap();
    for world in [&world, &judged] {
        world.sim.seed(&Fleet::from_json(&fleet).unwrap());
    }
    let mut asked = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("events")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let payload: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if name.starts_with("unknown") {
            world.invoke(&payload).await.unwrap_err();
            continue;
        }
        let report = world.report(&payload).await;
        assert!(!report["results"].as_array().unwrap().is_empty(), "{name}");
        let mut requests = Vec::new();
        requests_in(&payload, &mut requests);
        for request in requests {
            let report = judged.report(&request).await;
            // Which region is whose is nothing that a schema could say.
            let is_accepted = is_accepted(&report, "but this function works in");
            assert_eq!(REQUEST.is_valid(&request), is_accepted, "{name}: {request}\n{report}");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
    assert!(world.bus.details().len() > 50, "{}", world.bus.details().len());
}

#[tokio::test]
async fn the_schema_takes_the_requests_that_the_function_takes() {
    let world = World::with(&[("DRY_RUN", "true"), ("ALLOW_TERMINATE", "true")]).await;
    for id in ["a", "b", "a:1", "a#0", "nullable", "1d828f65-7a4d-42e8-996d-3b900ed59dc4:3"] {
        world.job(id, JobStatus::Runnable);
    }
    let with = |mut request: Value, place: &str, members: &Value| {
        for (name, value) in members.as_object().unwrap() {
            request.pointer_mut(place).unwrap()[name] = value.clone();
        }
        request
    };
    let named = json!({"jobId": "a", "reason": REASON});
    let swept = json!({"sweep": {"jobQueue": "q", "maxJobs": 5}, "reason": REASON});
    let mut requests = vec![
        json!({"jobIds": ["a", "b"], "reason": REASON}),
        json!({"jobIds": [], "reason": REASON}),
        json!({"jobIds": vec!["a"; 1001], "reason": REASON}),
        json!({"jobIds": ["a", ""], "reason": REASON}),
        json!({"jobIds": "a", "reason": REASON}),
        json!({"jobId": "a"}),
        json!({"reason": REASON}),
    ];
    for members in [
        json!({}),
        json!({"jobId": "1d828f65-7a4d-42e8-996d-3b900ed59dc4:3"}),
        json!({"jobId": " a#0\n"}),
        json!({"jobId": "arn:aws:batch:us-east-1:123456789012:job/a:1"}),
        json!({"jobId": ""}),
        json!({"jobId": "<id>"}),
        json!({"jobId": "a b"}),
        json!({"jobId": "a:1:2"}),
        json!({"jobId": "a:x"}),
        json!({"jobId": "null"}),
        json!({"jobId": "None:1"}),
        json!({"jobId": "nullable"}),
        json!({"jobId": 7}),
        json!({"reason": ""}),
        json!({"reason": " \n"}),
        json!({"reason": "é".repeat(2000)}),
        json!({"reason": 7}),
        json!({"reason": null}),
        json!({"action": "terminate"}),
        json!({"action": "Cancel"}),
        json!({"action": null}),
        json!({"dryRun": true}),
        json!({"dryRun": null}),
        json!({"dryRun": "true"}),
        json!({"dry_run": true}),
        json!({"DryRun": true}),
        json!({"-dry-run-": true}),
        json!({"JobID": "a"}),
        json!({"meta_data": {}}),
        json!({"note": "mine", "jobName": "b"}),
        json!({"expect": {"status": ["RUNNABLE"]}}),
        json!({"expect": {}}),
        json!({"expect": []}),
        json!({"metadata": {"a": [1]}}),
        json!({"metadata": "a"}),
        json!({"jobIds": ["b"]}),
        json!({"sweep": {"jobQueue": "q", "maxJobs": 5}}),
    ] {
        requests.push(with(named.clone(), "", &members));
    }
    for members in [
        json!({}),
        json!({"jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/q"}),
        json!({"jobQueue": "etl-*"}),
        json!({"arrayJobId": "a"}),
        json!({"maxJobs": 0}),
        json!({"maxJobs": 100_001}),
        json!({"maxJobs": "5"}),
        json!({"max": 5}),
        json!({"status": ["PENDING"]}),
        json!({"status": []}),
        json!({"status": ["FAILED"]}),
        json!({"where": {"job": {"jobName": [{"prefix": "etl-"}]}}}),
        json!({"where": {}}),
        json!({"keepNewest": {"per": "jobName"}}),
        json!({"keepNewest": {"per": "tags.run", "count": 2}}),
        json!({"keepNewest": {"per": "jobQueue"}}),
        json!({"keepNewest": {"per": "jobName", "count": 0}}),
        json!({"keepNewest": {}}),
    ] {
        requests.push(with(swept.clone(), "/sweep", &members));
    }
    for request in requests {
        let report = world.report(&request).await;
        assert_eq!(REQUEST.is_valid(&request), is_accepted(&report, "no exception"), "{request}\n{report}");
    }
}
