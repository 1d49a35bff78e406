//! What `docs/policies.md` shows and says, tried.

use std::collections::BTreeMap;
use std::path::Path;

use batch_canceller::policy::Policy;
use batch_sim::{Job, JobStatus};
use serde_json::{Value, json};

use crate::cloudformation::Stack;
use crate::folder::{all, cases, check, read, root};
use crate::world::{World, message};

fn guide() -> String {
    read(&root().join("docs/policies.md"))
}

/// The blocks that a comment `<!-- test: … -->` stands before, each with the comment's words.
fn blocks(text: &str) -> Vec<(Vec<&str>, &str)> {
    let after = text.split("<!-- test: ").skip(1);
    after
        .map(|after| {
            let (words, rest) = after.split_once(" -->\n```").expect("a block right behind the comment");
            let (_, rest) = rest.split_once('\n').unwrap();
            (words.split(' ').collect(), rest.split("```").next().unwrap())
        })
        .collect()
}

#[test]
fn each_policy_decides_as_the_guide_says() {
    let text = guide();
    let mut policies: BTreeMap<&str, Policy> = BTreeMap::new();
    let mut tried = 0;
    for (words, block) in blocks(&text) {
        match words.as_slice() {
            ["policy", name] => {
                let policy = Policy::parse(block).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
                policies.insert(name, policy);
            }
            ["cases", name] => {
                let cases = cases(block);
                assert!(!cases.is_empty(), "{name}");
                check(name, &policies[name], &cases);
                tried += 1;
            }
            ["refused", place] => {
                let wrong = Policy::parse(block).expect_err(block).to_string();
                assert!(wrong.starts_with(place), "{wrong}");
                tried += 1;
            }
            ["stack"] => assert_eq!(Stack::parse(block, "the guide").dangling(), Vec::<String>::new()),
            other => panic!("{other:?} is no test"),
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn each_link_leads_somewhere_and_each_ready_policy_is_linked() {
    let text = guide();
    let check = |text: &str, from: &Path| {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            assert!(link.contains("://") || from.join(file).exists(), "{}: {link}", from.display());
        }
    };
    check(&text, &root().join("docs"));
    for ready in all() {
        assert!(text.contains(&format!("](../policies/{}/README.md)", ready.name)), "{}", ready.name);
        check(&ready.readme(), &root().join("policies").join(&ready.name));
    }
}

/// The rows of the table of fields, each as (field, presence).
fn fields(text: &str) -> Vec<(String, String)> {
    let table = text.split("| field | type | there |").nth(1).expect("the table of fields");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = cells[1].split(", ").map(|name| name.trim_matches('`').to_owned());
        names.map(|name| (name, cells[3].to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

/// A pattern over the field at a path.
fn over(path: &str, tests: Value) -> Value {
    path.rsplit('.').fold(tests, |inner, name| json!({name: inner}))
}

#[tokio::test]
async fn the_fields_that_are_always_there_are_there_however_a_request_comes() {
    let text = guide();
    let fields = fields(&text);
    let always: Vec<_> =
        fields.iter().filter(|(_, there)| there == "always").map(|(field, _)| field).collect();
    assert!(always.len() >= 10, "{always:?}");
    let absent = |field: &&String| json!({"id": field, "when": over(field, json!([{"exists": false}]))});
    let policy = json!({"deny": always.iter().map(absent).collect::<Vec<_>>()});
    let world = World::with(&[("POLICY", &policy.to_string())]).await;
    let request = |id: &str| json!({"jobId": id, "reason": "Superseded.", "dryRun": true});
    world.sim.add(Job::new("a"));
    world.sim.add(Job::new("b").status(JobStatus::Pending).array([JobStatus::Runnable; 2]));
    let event = json!({"version": "0", "id": "e", "detail-type": "Batch Job Cancellation Requested",
                       "source": "acme", "account": "123456789012", "detail": request("b:1")});
    for payload in [request("a"), request("b"), event, message("any", &request("a").to_string())] {
        assert_eq!(world.told(&payload).await, ["would_cancel implicitAllow"], "{payload}");
    }
}

#[test]
fn each_field_of_the_table_may_be_asked_about() {
    for (field, _) in fields(&guide()) {
        let field = field.replace('…', "any");
        let policy = json!({"deny": [{"id": "a", "when": over(&field, json!([{"exists": true}]))}]});
        assert!(Policy::parse(&policy.to_string()).is_ok(), "{field}");
    }
}

#[tokio::test]
async fn what_a_policy_is_asked_about_and_what_it_is_not() {
    let policy = json!({
        "deny": [{"id": "kept", "when": {"job": {"tags": {"keep": [{"exists": true}]}}}}]
    });
    let world = World::with(&[("POLICY", &policy.to_string())]).await;
    world.sim.add(Job::new("running").status(JobStatus::Running));
    world.sim.add(Job::new("running-and-kept").status(JobStatus::Running).tag("keep", ""));
    world.sim.add(Job::new("ended-and-kept").status(JobStatus::Failed).tag("keep", ""));
    world.sim.add(Job::new("on-it").depends_on(["first"]).tag("keep", "").status(JobStatus::Pending));
    world.sim.add(Job::new("first"));
    let ids = ["running", "running-and-kept", "ended-and-kept", "unknown"];
    assert_eq!(
        world.told(&json!({"jobIds": ids, "reason": "Superseded."})).await,
        ["started implicitAllow", "denied kept", "finished -", "not_found -"]
    );
    // What depends on a cancelled job falls with it.
    assert_eq!(
        world.told(&json!({"jobId": "first", "reason": "Superseded."})).await,
        ["cancelled implicitAllow"]
    );
    assert_eq!(world.sim.job("on-it").unwrap().status, JobStatus::Failed);
    // A terminate that the deployment rules out is not even judged.
    let terminate = json!({"jobId": "running-and-kept", "reason": "Superseded.", "action": "terminate"});
    assert_eq!(world.told(&terminate).await, ["rejected -"]);
}

#[tokio::test]
async fn whoever_may_invoke_the_function_may_claim_to_be_anybody() {
    let policy = all().into_iter().find(|ready| ready.name == "only-these-senders-may-terminate").unwrap();
    let world = World::with(&[("POLICY", &policy.text), ("ALLOW_TERMINATE", "true")]).await;
    let request = json!({"jobId": "a", "reason": "Superseded.", "action": "terminate"});
    world.sim.add(Job::new("a").status(JobStatus::Running));
    assert_eq!(world.told(&request).await, ["denied terminate-only-by-named-senders"]);
    let forged = message("batch-job-operators", &request.to_string());
    assert_eq!(world.told(&forged).await, ["terminated implicitAllow"]);
}

#[tokio::test]
async fn a_trial_calls_finished_what_the_live_function_stopped_before_it_looked() {
    let world = World::with(&[("DRY_RUN", "true"), ("POLICY", r#"{"maxPerInvocation": 9}"#)]).await;
    world.sim.add(Job::new("a").status(JobStatus::Failed).status_reason("Superseded.").cancelled());
    assert_eq!(world.told(&json!({"jobId": "a", "reason": "Superseded."})).await, ["finished -"]);
}
