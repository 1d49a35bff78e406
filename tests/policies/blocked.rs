//! From AWS Batch's event through the rule's transformer and the delay queue to the job.

use batch_sim::{Job, JobStatus};
use serde_json::{Value, json};

use crate::cloudformation::Stack;
use crate::folder::Ready;
use crate::stacks::{event, rules, takers};
use crate::world::{World, message};

const CODES: [&str; 3] = [
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
];

fn stack() -> Stack {
    Ready::named("blocked-queue").stack().unwrap()
}

/// AWS's sample event with another reason.
fn blocked(reason: &str) -> Value {
    let mut event = event("eventbridge-queue-blocked.json");
    event["detail"]["statusReason"] = reason.into();
    event
}

/// The message that the rule for an event puts into the delay queue.
fn body(event: &Value) -> String {
    let stack = stack();
    let [taker] = takers(&stack, event).try_into().expect("one rule takes the event");
    let (_, rule, _) = rules(&stack).into_iter().find(|(name, ..)| *name == taker).unwrap();
    let targets = rule["Targets"].as_array().unwrap();
    assert_eq!(targets.len(), 1, "{taker}");
    assert_eq!(targets[0]["Arn"], json!({"Fn::GetAtt": ["BlockedJobs", "Arn"]}), "{taker}");
    transformed(&targets[0]["InputTransformer"], event)
}

/// What EventBridge makes of an event: a value where a placeholder stands by itself, and where it stands in a string
/// the text, without escaping anything.
fn transformed(transformer: &Value, event: &Value) -> String {
    let mut text = transformer["InputTemplate"].as_str().expect("a template").to_owned();
    assert!(text.len() <= 8192, "more than EventBridge takes");
    for (name, path) in transformer["InputPathsMap"].as_object().unwrap() {
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{name}");
        let path = path.as_str().unwrap().strip_prefix("$.").expect("a JSON path");
        let value = path.split('.').fold(event, |value, member| &value[member]);
        let placeholder = format!("<{name}>");
        assert!(text.contains(&placeholder), "{placeholder} is not used");
        let is_in_string = |at: usize| text[..at].matches('"').count() % 2 == 1;
        let filled = match text.find(&placeholder).map(is_in_string) {
            Some(true) => value.as_str().unwrap().to_owned(),
            _ => format!("\"{}\"", value.as_str().unwrap()),
        };
        assert_eq!(text.matches(&placeholder).count(), 1, "{placeholder} twice");
        text = text.replace(&placeholder, &filled);
    }
    assert!(!text.contains(['<', '>']), "a placeholder is left: {text}");
    text
}

/// The delay queue's name.
fn queue() -> String {
    let stack = stack();
    Stack::queue_name(&stack.queue(&json!({"Fn::GetAtt": ["BlockedJobs", "Arn"]})), "blocked-queue")
}

/// What becomes of jobs that have come to different places while the message about each waited, as `outcome clause`.
async fn after_the_dwell(vars: &[(&str, &str)], code: &str) -> Vec<String> {
    let said = format!("{code} - As the event put it.");
    let other = CODES.into_iter().find(|other| *other != code).unwrap();
    let world = World::with(vars).await;
    let mut told = Vec::new();
    let moved = [
        ("still-blocked", JobStatus::Runnable, Some(format!("{code} - In other words."))),
        ("starting", JobStatus::Starting, Some(said.clone())),
        ("started", JobStatus::Running, None),
        ("blocks-no-more", JobStatus::Runnable, None),
        ("for-another-reason", JobStatus::Runnable, Some(format!("{other} - A sentence."))),
        ("for-no-fault-of-its-own", JobStatus::Runnable, Some("UNDETERMINED - A sentence.".to_owned())),
        ("ended", JobStatus::Succeeded, None),
    ];
    for (id, status, reason) in moved {
        let job = Job::new(id).status(status);
        world.sim.add(match reason {
            Some(reason) => job.status_reason(reason),
            None => job,
        });
        let mut event = blocked(&said);
        event["detail"]["jobId"] = id.into();
        event["detail"]["jobArn"] = format!("arn:aws:batch:us-east-1:123456789012:job/{id}").into();
        let message = message(&queue(), &body(&event));
        let [result] = world.told(&message).await.try_into().unwrap();
        told.push(format!("{id} {result}"));
        let status_now = world.sim.job(id).unwrap().status;
        if id == "still-blocked" {
            assert_eq!(status_now, JobStatus::Failed, "{code}");
            let why = world.sim.job(id).unwrap().status_reason.unwrap();
            assert_eq!(why, format!("It blocked its queue at 2026-11-10T00:03:02Z, and still does: {said}"));
        } else {
            assert_eq!(status_now, status, "{code}: {id}");
        }
    }
    told
}

#[tokio::test]
async fn only_a_job_that_is_still_blocked_for_the_same_reason_is_cancelled() {
    for code in CODES {
        assert_eq!(
            after_the_dwell(&[], code).await,
            [
                "still-blocked cancelled -",
                "starting precondition_failed -",
                "started precondition_failed -",
                "blocks-no-more precondition_failed -",
                "for-another-reason precondition_failed -",
                "for-no-fault-of-its-own precondition_failed -",
                "ended finished -",
            ],
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_policy_keeps_what_the_transformer_keeps_even_if_that_is_lost() {
    let policy = Ready::named("blocked-queue").text;
    for code in CODES {
        assert_eq!(
            after_the_dwell(&[("POLICY", &policy)], code).await,
            [
                "still-blocked cancelled implicitAllow",
                "starting denied no-longer-blocked",
                "started denied no-longer-blocked",
                "blocks-no-more denied not-for-the-job-to-mend",
                // The policy would let it go; the request expects the reason that it names.
                "for-another-reason precondition_failed implicitAllow",
                "for-no-fault-of-its-own denied not-for-the-job-to-mend",
                "ended finished -",
            ],
            "{code}"
        );
    }
}

#[tokio::test]
async fn an_event_that_comes_without_a_dwell_is_denied() {
    let world = World::with(&[("POLICY", &Ready::named("blocked-queue").text)]).await;
    let event = event("eventbridge-queue-blocked.json");
    let id = event["detail"]["jobId"].as_str().unwrap();
    world.sim.add(Job::new(id).status_reason(event["detail"]["statusReason"].as_str().unwrap()));
    assert_eq!(world.told(&event).await, ["denied without-a-dwell"]);
    assert_eq!(world.sim.job(id).unwrap().status, JobStatus::Runnable);
}

#[tokio::test]
async fn an_event_of_another_region_and_a_reason_that_breaks_the_message_stop_nothing() {
    let world = World::with(&[]).await;
    let id = "6c2386e5-cc86-4a64-83c4-72ca4495f8b4";
    let said = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - For \"p4d\".";
    world.sim.add(Job::new(id).status_reason(said));
    let abroad = {
        let mut event = event("eventbridge-queue-blocked.json");
        event["detail"]["jobArn"] = format!("arn:aws:batch:eu-west-1:123456789012:job/{id}").into();
        event
    };
    for event in [abroad, blocked(said)] {
        assert_eq!(world.told(&message(&queue(), &body(&event))).await, ["rejected -"]);
    }
    assert_eq!(world.sim.job(id).unwrap().status, JobStatus::Runnable);
    assert_eq!(world.sim.calls(), [], "nobody is even looked at");
}
