//! The rules of the stacks that lose requests, or let in what should stay out, when they are broken.

use event_pattern::{Document, Pattern};
use serde_json::{Value, json};

use crate::cloudformation::Stack;
use crate::folder::{Ready, read, root, stacks};

#[test]
fn nothing_is_referred_to_that_is_not_there() {
    for (name, stack) in stacks() {
        assert_eq!(stack.dangling(), Vec::<String>::new(), "{name}");
        for (parameter, about) in stack.parameters() {
            assert!(about["Description"].is_string(), "{name}: {parameter}");
        }
    }
}

#[test]
fn each_queue_reports_failures_one_by_one_and_keeps_what_cannot_be_settled() {
    for (name, stack) in stacks() {
        let sources = stack.resources("AWS::Lambda::EventSourceMapping");
        assert_eq!(sources.len(), 1, "{name}");
        for (_, source) in sources {
            assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{name}");
            assert!(source["BatchSize"].as_i64() <= Some(10), "{name}: more would need a window");
            let queue = stack.queue(&source["EventSourceArn"]);
            assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_i64() >= Some(5), "{name}");
            let dead = stack.queue(&queue["RedrivePolicy"]["deadLetterTargetArn"]);
            assert!(
                dead["MessageRetentionPeriod"].as_i64() > queue["MessageRetentionPeriod"].as_i64(),
                "{name}"
            );
            let may_receive = stack.resources("AWS::IAM::Policy").into_iter().any(|(_, policy)| {
                policy["PolicyDocument"]["Statement"][0]["Resource"] == source["EventSourceArn"]
            });
            assert!(may_receive, "{name}: the function may not receive from the queue");
        }
        for (queue, about) in stack.resources("AWS::SQS::Queue") {
            assert_eq!(about["SqsManagedSseEnabled"], true, "{name}: {queue}");
            let policies = stack.resources("AWS::SQS::QueuePolicy");
            let statements = policies
                .iter()
                .filter(|(_, policy)| policy["Queues"].as_array().unwrap().contains(&json!({"Ref": queue})));
            let is_tls_only = |policy: &Value| {
                policy["PolicyDocument"]["Statement"].as_array().unwrap().iter().any(|statement| {
                    statement["Effect"] == "Deny"
                        && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
                })
            };
            let policies: Vec<_> = statements.collect();
            assert_eq!(policies.len(), 1, "{name}: {queue}: of two policies the later one wins");
            assert!(is_tls_only(&policies[0].1), "{name}: {queue}");
        }
    }
}

#[test]
fn the_policies_know_the_queues_by_the_names_that_the_stacks_give_them() {
    for (name, resource) in
        [("blocked-queue", "BlockedJobs"), ("only-these-senders-may-terminate", "Requests")]
    {
        let ready = Ready::named(name);
        let stack = ready.stack().unwrap();
        let queue = Stack::queue_name(&stack.queue(&json!({"Fn::GetAtt": [resource, "Arn"]})), "any");
        let suffix = queue.strip_prefix("any").unwrap();
        assert!(ready.text.contains(&format!("{{\"suffix\": \"{suffix}\"}}")), "{name}: {suffix}");
    }
}

/// The rules of a stack, with their patterns.
pub(crate) fn rules(stack: &Stack) -> Vec<(String, Value, Pattern)> {
    let rules = stack.resources("AWS::Events::Rule").into_iter();
    rules
        .map(|(name, rule)| {
            let pattern = Pattern::parse(&rule["EventPattern"].to_string());
            let pattern = pattern.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            (name, rule, pattern)
        })
        .collect()
}

/// A sample event.
pub(crate) fn event(name: &str) -> Value {
    serde_json::from_str(&read(&root().join("events").join(name))).unwrap()
}

/// The rules that take an event.
pub(crate) fn takers(stack: &Stack, event: &Value) -> Vec<String> {
    let text = event.to_string();
    let document = Document::parse(&text).unwrap();
    let rules = rules(stack).into_iter();
    rules.filter(|(.., pattern)| pattern.matches(&document)).map(|(name, ..)| name).collect()
}

#[test]
fn no_rule_takes_a_change_of_state() {
    let mut change = event("eventbridge-state-change.json");
    for (name, stack) in stacks() {
        assert_eq!(takers(&stack, &change), Vec::<String>::new(), "{name}");
    }
    change["detail"]["statusReason"] =
        event("eventbridge-queue-blocked.json")["detail"]["statusReason"].clone();
    for (name, stack) in stacks() {
        assert_eq!(takers(&stack, &change), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_blocked_queue_is_taken_by_the_rule_for_its_reason_and_by_no_other() {
    let stack = Ready::named("blocked-queue").stack().unwrap();
    let mut blocked = event("eventbridge-queue-blocked.json");
    assert_eq!(takers(&stack, &blocked), ["InsufficientCapacity"]);
    for (code, expected) in [
        ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", Some("InsufficientCapacity")),
        ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", Some("TooLargeForTheQueue")),
        ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", Some("NoInstanceLargeEnough")),
        ("MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS", None),
        ("MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED", None),
        ("ACTION_REQUIRED", None),
        ("UNDETERMINED", None),
    ] {
        blocked["detail"]["statusReason"] = format!("{code} - A sentence.").into();
        assert_eq!(takers(&stack, &blocked), expected.into_iter().collect::<Vec<_>>(), "{code}");
    }
    blocked["detail"].as_object_mut().unwrap().remove("statusReason");
    assert_eq!(takers(&stack, &blocked), Vec::<String>::new());
}

#[test]
fn the_delay_is_one_that_sqs_can_do() {
    let stack = Ready::named("blocked-queue").stack().unwrap();
    let dwell = &stack.parameters()["DwellSeconds"];
    assert_eq!((&dwell["Default"], &dwell["MaxValue"]), (&json!(900), &json!(900)));
    let queue = stack.queue(&json!({"Fn::GetAtt": ["BlockedJobs", "Arn"]}));
    assert_eq!(queue["DelaySeconds"], json!({"Ref": "DwellSeconds"}));
}
