//! The rules of `template.yaml` that lose requests, or stop jobs that should live, when they are broken.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a template that cannot be read fails its tests"
)]

mod cloudformation;

use batch_canceller::config::Config;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloudformation::{Template, number, text};

/// Nothing chosen: every parameter at its default.
const DEFAULTS: &[(&str, &str)] = &[];

// The queue

#[test]
fn failed_messages_are_reported_one_by_one() {
    let template = Template::with(DEFAULTS);
    let sources = template.events("SQS");
    assert!(!sources.is_empty(), "no queue feeds the function");
    for (name, source) in sources {
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{name}");
    }
}

#[test]
fn a_message_stays_hidden_while_it_is_worked_on() {
    for timeout in Template::with(DEFAULTS).allowed("Timeout") {
        let template = Template::with(&[("Timeout", &timeout)]);
        let longest_window = number(&template.parameter("BatchingWindow")["MaxValue"]);
        for queue in template.request_queues() {
            let visibility = number(&queue["VisibilityTimeout"]);
            let needed = 6 * number(&template.function()["Timeout"]) + longest_window;
            assert!(visibility >= needed, "timeout {timeout}: {visibility} s, not {needed} s");
            assert!(visibility <= 43_200, "timeout {timeout}: over SQS's 12 hours");
        }
    }
}

#[test]
fn throttles_alone_do_not_use_up_a_message() {
    let template = Template::with(DEFAULTS);
    assert!(number(&template.parameter("MaxReceiveCount")["MinValue"]) >= 5);
    for queue in template.request_queues() {
        assert!(number(&queue["RedrivePolicy"]["maxReceiveCount"]) >= 5);
    }
}

#[test]
fn concurrency_is_limited_without_throttling_the_pollers() {
    let template = Template::with(DEFAULTS);
    assert_eq!(template.function()["ReservedConcurrentExecutions"], Value::Null);
    for (name, source) in template.events("SQS") {
        let limit = number(&source["ScalingConfig"]["MaximumConcurrency"]);
        assert!((2..=1000).contains(&limit), "{name}: {limit}");
    }
}

#[test]
fn dead_letters_outlive_the_queue_they_come_from() {
    let template = Template::with(DEFAULTS);
    for queue in template.request_queues() {
        let arn = &queue["RedrivePolicy"]["deadLetterTargetArn"];
        let dead_letters = template.queue(arn).expect("the redrive policy names a queue of the template");
        assert!(number(&dead_letters["MessageRetentionPeriod"]) > number(&queue["MessageRetentionPeriod"]));
    }
}

#[test]
fn the_dead_letter_queue_accepts_the_queue_that_feeds_it() {
    let template = Template::with(DEFAULTS);
    for queue in template.request_queues() {
        let dead_letters = template.queue(&queue["RedrivePolicy"]["deadLetterTargetArn"]).expect("a queue");
        let allowed = &dead_letters["RedriveAllowPolicy"];
        let name = text(&queue["QueueName"]["Fn::Sub"]);
        assert_eq!(text(&allowed["redrivePermission"]), "byQueue");
        assert_eq!(
            text(&allowed["sourceQueueArns"][0]["Fn::Sub"]),
            format!("arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}")
        );
    }
}

#[test]
fn queues_are_standard_and_encrypted() {
    let template = Template::with(DEFAULTS);
    for (name, queue) in template.resources("AWS::SQS::Queue") {
        assert_eq!(queue["FifoQueue"], Value::Null, "{name}");
        assert_eq!(queue["SqsManagedSseEnabled"], json!(true), "{name}");
    }
}

#[test]
fn every_queue_refuses_plain_http() {
    let template = Template::with(DEFAULTS);
    for (name, _) in template.resources("AWS::SQS::Queue") {
        let refuses = template.queue_statements(&name).iter().any(|statement| {
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
        });
        assert!(refuses, "{name}");
    }
}

#[test]
fn a_big_batch_has_a_batching_window() {
    let accepts =
        |size, window| Template::with(&[("BatchSize", size), ("BatchingWindow", window)]).is_accepted();
    assert!(Template::with(DEFAULTS).is_accepted());
    assert!(accepts("10", "0"));
    assert!(!accepts("11", "0"));
    assert!(accepts("10000", "1"));
    for (name, source) in Template::with(DEFAULTS).events("SQS") {
        let (size, window) =
            (number(&source["BatchSize"]), number(&source["MaximumBatchingWindowInSeconds"]));
        assert!(size <= 10 || window >= 1, "{name}: {size} messages, {window} s");
    }
}

// Asynchronous invocations

#[test]
fn an_invocation_that_keeps_failing_is_kept() {
    let template = Template::with(DEFAULTS);
    let config = &template.function()["EventInvokeConfig"];
    let on_failure = &config["DestinationConfig"]["OnFailure"];
    assert_eq!(number(&config["MaximumRetryAttempts"]), 2);
    assert_eq!(on_failure["Type"], "SQS");
    assert!(template.queue(&on_failure["Destination"]).is_some(), "{on_failure}");
    let may_send = template.role_statements().iter().any(|statement| {
        statement["Effect"] == "Allow"
            && statement["Action"] == "sqs:SendMessage"
            && statement["Resource"] == on_failure["Destination"]
    });
    assert!(may_send, "the role may not send to {on_failure}");
}

// Events

/// Every source of requests that the template knows.
const EVERYTHING: &[(&str, &str)] = &[
    ("EventBusName", "requests"),
    ("CancelBlockedJobs", "true"),
    (
        "BlockedReasons",
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY,MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE,MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    ),
    ("Sweeps", "true"),
    ("SweepSchedule", "rate(1 hour)"),
    ("SweepRequest", r#"{"sweep": {"jobQueue": "q", "maxJobs": 1}, "reason": "Stuck."}"#),
];

#[test]
fn no_event_counts_unless_the_deployment_says_so() {
    let template = Template::with(DEFAULTS);
    assert!(template.resources("AWS::Events::Rule").is_empty());
    assert!(template.resources("AWS::Events::EventBus").is_empty());
    assert!(template.events("SQS").iter().all(|(_, source)| queue_of(&source["Queue"]) == "RequestQueue"));
    assert!(template.resources("AWS::Lambda::EventSourceMapping").is_empty());
}

#[test]
fn every_rule_feeds_a_queue_that_takes_its_events_and_keeps_what_cannot_be_delivered() {
    let template = Template::with(EVERYTHING);
    let rules = template.resources("AWS::Events::Rule");
    assert_eq!(rules.len(), 4);
    for (name, rule) in rules {
        let [target] = rule["Targets"].as_array().expect("targets").as_slice() else {
            panic!("{name} has several targets")
        };
        let retry = &target["RetryPolicy"];
        assert!(number(&retry["MaximumRetryAttempts"]) > 0, "{name}");
        assert!(number(&retry["MaximumEventAgeInSeconds"]) >= 60, "{name}");
        let rule_arn = json!({"Fn::GetAtt": [name, "Arn"]});
        for arn in [&target["Arn"], &target["DeadLetterConfig"]["Arn"]] {
            let queue = queue_of(arn);
            let allowed = template.queue_statements(&queue).iter().any(|statement| {
                statement["Effect"] == "Allow"
                    && statement["Principal"] == json!({"Service": "events.amazonaws.com"})
                    && statement["Action"] == "sqs:SendMessage"
                    && statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                        .as_array()
                        .is_some_and(|sources| sources.contains(&rule_arn))
            });
            assert!(allowed, "{queue} takes nothing from the rule {name}");
        }
        assert_eq!(queue_of(&target["DeadLetterConfig"]["Arn"]), "EventDeadLetterQueue");
    }
    let target = |rule: &str| template.resource(rule)["Properties"]["Targets"][0].clone();
    assert_eq!(queue_of(&target("CancellationRequested")["Arn"]), "RequestQueue");
    assert_eq!(queue_of(&target("BlockedTooLarge")["Arn"]), "BlockedJobsQueue");
}

#[test]
fn requests_come_from_a_bus_that_was_named_or_from_the_stacks_own() {
    let rule = |choices: &[(&str, &str)]| {
        Template::with(choices).resource("CancellationRequested")["Properties"].clone()
    };
    assert_eq!(rule(&[("EventBusName", "ops")])["EventBusName"], "ops");
    assert_eq!(rule(&[("OwnEventBus", "true")])["EventBusName"], json!({"Ref": "RequestBus"}));
    let pattern =
        |sources| rule(&[("EventBusName", "ops"), ("EventSources", sources)])["EventPattern"].clone();
    assert_eq!(
        pattern(""),
        json!({"source": [{"anything-but": {"prefix": "aws."}}], "detail-type": ["Batch Job Cancellation Requested"]})
    );
    assert_eq!(pattern("acme.ci,acme.ops")["source"], json!(["acme.ci", "acme.ops"]));
    assert!(!Template::with(&[("EventBusName", "ops"), ("OwnEventBus", "true")]).is_accepted());
}

#[test]
fn blocked_jobs_are_cancelled_only_for_the_reasons_that_the_deployment_names() {
    let rules = |choices: &[(&str, &str)]| -> Vec<String> {
        Template::with(choices).resources("AWS::Events::Rule").into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(rules(&[("CancelBlockedJobs", "true")]), ["BlockedForCapacity", "BlockedTooLarge"]);
    let only = |reason| rules(&[("CancelBlockedJobs", "true"), ("BlockedReasons", reason)]);
    assert_eq!(only("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"), ["BlockedUnfitting"]);
    assert_eq!(only("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"), ["BlockedForCapacity"]);
    assert!(only("ACTION_REQUIRED").is_empty());
    assert!(rules(&[("BlockedReasons", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")]).is_empty());
}

#[test]
fn a_blocked_job_is_cancelled_after_a_dwell_if_it_still_blocks_for_that_reason() {
    let template = Template::with(EVERYTHING);
    assert_eq!(
        number(
            &template.queue(&json!({"Fn::GetAtt": ["BlockedJobsQueue", "Arn"]})).expect("it")["DelaySeconds"]
        ),
        900
    );
    for (name, rule) in template.resources("AWS::Events::Rule") {
        let transformer = &rule["Targets"][0]["InputTransformer"];
        if transformer.is_null() {
            continue;
        }
        let reason = text(&rule["EventPattern"]["detail"]["statusReason"][0]["prefix"]);
        // As EventBridge fills it in: a text of its own with quotes, one within a text without.
        let filled = text(&transformer["InputTemplate"])
            .replace("<job>", r#""arn:aws:batch:eu-west-1:123456789012:job/a""#)
            .replace("<time>", "2026-11-10T00:03:02Z")
            .replace("<why>", &format!("{reason} - a sentence"));
        let request: Value = serde_json::from_str(&filled).expect("JSON");
        assert_eq!(
            request["expect"],
            json!({"status": ["RUNNABLE"], "statusReason": [{"prefix": reason}]}),
            "{name}"
        );
        assert_eq!(request["action"], Value::Null, "{name} only cancels");
    }
}

#[test]
fn a_paused_stack_receives_and_sends_nothing() {
    let paused: Vec<_> = EVERYTHING.iter().copied().chain([("Paused", "true")]).collect();
    for (choices, enabled, state) in [(EVERYTHING, true, "ENABLED"), (&paused, false, "DISABLED")] {
        let template = Template::with(choices);
        for (name, source) in template.events("SQS") {
            assert_eq!(source["Enabled"], enabled, "{name}");
        }
        for (name, mapping) in template.resources("AWS::Lambda::EventSourceMapping") {
            assert_eq!(mapping["Enabled"], enabled, "{name}");
        }
        let rules = template.resources("AWS::Events::Rule").into_iter();
        for (name, it) in rules.chain(template.resources("AWS::Scheduler::Schedule")) {
            assert_eq!(it["State"], state, "{name}");
        }
    }
}

// Who may ask

#[test]
fn others_may_send_only_where_the_deployment_names_them() {
    let allowed = |choices| -> Vec<Value> {
        let statements = Template::with(choices).queue_statements("RequestQueue");
        statements.into_iter().filter(|statement| statement["Effect"] == "Allow").collect()
    };
    assert!(allowed(DEFAULTS).is_empty());
    let [accounts] = allowed(&[("SenderAccounts", "111111111111,222222222222")]).try_into().expect("one");
    assert_eq!(accounts["Principal"], json!({"AWS": ["111111111111", "222222222222"]}));
    let [organisation] = allowed(&[("SenderOrgId", "o-a1b2c3d4e5")]).try_into().expect("one");
    assert_eq!(organisation["Condition"], json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}));
    let topic = "arn:aws:sns:eu-west-1:123456789012:requests";
    let [source] = allowed(&[("SourceArns", topic)]).try_into().expect("one");
    assert_eq!(source["Condition"], json!({"ArnEquals": {"aws:SourceArn": [topic]}}));
    assert_eq!(source["Principal"], json!({"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}));
    for statement in [accounts, organisation, source] {
        assert_eq!(statement["Action"], "sqs:SendMessage");
        assert_eq!(queue_of(&statement["Resource"]), "RequestQueue");
    }
}

#[test]
fn one_attachment_lets_somebody_of_the_account_ask() {
    let statements = |choices| {
        Template::with(choices).resource("RequestSenderPolicy")["Properties"]["PolicyDocument"]["Statement"]
            .clone()
    };
    let send = json!({"Sid": "SendRequests", "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                      "Resource": {"Fn::GetAtt": ["RequestQueue", "Arn"]}});
    assert_eq!(statements(DEFAULTS), json!([send]));
    assert_eq!(statements(&[("OwnEventBus", "true")])[1]["Action"], "events:PutEvents");
}

#[test]
fn dead_letters_raise_an_alarm() {
    let template = Template::with(DEFAULTS);
    let fed: BTreeSet<_> =
        template.events("SQS").into_iter().map(|(_, source)| queue_of(&source["Queue"])).collect();
    assert_eq!(fed.len(), 1);
    for (name, _) in template.resources("AWS::SQS::Queue").into_iter().filter(|(name, _)| !fed.contains(name))
    {
        let dimension = json!([{"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}]);
        let watched = template.resources("AWS::CloudWatch::Alarm").into_iter().any(|(_, alarm)| {
            alarm["Dimensions"] == dimension
                && alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
                && alarm["ComparisonOperator"] == "GreaterThanThreshold"
                && number(&alarm["Threshold"]) == 0
                && alarm["TreatMissingData"] == "notBreaching"
        });
        assert!(watched, "{name}");
    }
}

#[test]
fn alarms_notify_the_topic_where_there_is_one_and_say_what_to_do() {
    let topics = [
        ("PageTopicArn", "arn:aws:sns:eu-west-1:123456789012:page"),
        ("TicketTopicArn", "arn:aws:sns:eu-west-1:123456789012:ticket"),
    ];
    let runbook = include_str!("../../docs/operations.md");
    let with: Vec<_> = EVERYTHING.iter().chain(&topics).copied().collect();
    let (quiet, loud) = (Template::with(EVERYTHING), Template::with(&with));
    let mut notified = BTreeSet::new();
    for ((name, quiet), (_, loud)) in
        quiet.resources("AWS::CloudWatch::Alarm").into_iter().zip(loud.resources("AWS::CloudWatch::Alarm"))
    {
        assert_eq!(quiet["AlarmActions"], Value::Null, "{name}");
        assert_eq!(loud["AlarmActions"], loud["OKActions"], "{name}");
        notified.insert(text(&loud["AlarmActions"][0]));
        assert_eq!(loud["TreatMissingData"], "notBreaching", "{name}");
        let description = &loud["AlarmDescription"];
        let description = text(description.get("Fn::Sub").unwrap_or(description));
        let section = format!("docs/operations.md, \"{name}\"");
        assert!(description.contains(&section), "{name}: {description}");
        assert!(runbook.contains(&format!("## {name}\n")), "docs/operations.md has no section {name}");
    }
    assert_eq!(notified, topics.map(|(_, topic)| topic.to_owned()).into());
}

// What the function may do

#[test]
fn the_role_allows_these_actions_and_no_others() {
    let expected = [
        "batch:CancelJob",
        "batch:DescribeJobs",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];
    assert_eq!(allowed_actions(&Template::with(DEFAULTS)), expected.map(String::from).into());
}

#[test]
fn terminate_is_allowed_only_where_the_deployment_says_so() {
    for (choice, allowed) in [("false", false), ("true", true)] {
        let template = Template::with(&[("AllowTerminate", choice)]);
        assert_eq!(allowed_actions(&template).contains("batch:TerminateJob"), allowed, "{choice}");
        assert_eq!(template.environment()["ALLOW_TERMINATE"], choice);
    }
    assert_eq!(Template::with(DEFAULTS).environment()["ALLOW_TERMINATE"], "false");
}

#[test]
fn jobs_are_listed_only_where_the_deployment_says_so() {
    for (choice, allowed) in [("false", false), ("true", true)] {
        let template = Template::with(&[("Sweeps", choice)]);
        assert_eq!(allowed_actions(&template).contains("batch:ListJobs"), allowed, "{choice}");
    }
}

#[test]
fn what_is_left_of_a_sweep_may_be_handed_on_to_the_request_queue_alone() {
    for choice in ["false", "true"] {
        let template = Template::with(&[("Sweeps", choice)]);
        let may_send = template.role_statements().into_iter().any(|statement| {
            statement["Action"] == "sqs:SendMessage"
                && statement["Resource"] == json!({"Fn::GetAtt": ["RequestQueue", "Arn"]})
        });
        assert_eq!(may_send.to_string(), choice);
    }
}

// The schedule

const SCHEDULED: &[(&str, &str)] = &[
    ("Sweeps", "true"),
    ("SweepSchedule", "rate(1 hour)"),
    ("SweepRequest", r#"{"sweep": {"jobQueue": "q", "maxJobs": 10}, "reason": "Stuck."}"#),
];

#[test]
fn no_sweep_is_scheduled_unless_the_deployment_says_so() {
    for name in ["ScheduledSweep", "ScheduledSweepRole"] {
        assert!(!Template::with(DEFAULTS).has(name) && Template::with(SCHEDULED).has(name), "{name}");
    }
}

#[test]
fn a_scheduled_sweep_goes_into_the_request_queue_or_is_kept() {
    let template = Template::with(SCHEDULED);
    let [(_, schedule)] = template.resources("AWS::Scheduler::Schedule").try_into().expect("one schedule");
    let target = &schedule["Target"];
    assert_eq!(queue_of(&target["Arn"]), "RequestQueue");
    assert_eq!(queue_of(&target["DeadLetterConfig"]["Arn"]), "EventDeadLetterQueue");
    assert_eq!(target["Input"], SCHEDULED[2].1);
    assert_eq!(schedule["ScheduleExpression"], "rate(1 hour)");
    let role = template.resource("ScheduledSweepRole");
    let statements = &role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let queues = [&target["Arn"], &target["DeadLetterConfig"]["Arn"]];
    assert_eq!(
        *statements,
        json!([{"Sid": "SendTheSweep", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queues}])
    );
    assert_eq!(role["Properties"]["Policies"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_schedule_needs_a_sweep_that_may_list() {
    for without in SCHEDULED {
        let choices: Vec<_> = SCHEDULED.iter().filter(|choice| *choice != without).copied().collect();
        let is_off = without.0 == "SweepSchedule";
        assert_eq!(Template::with(&choices).is_accepted(), is_off, "without {}", without.0);
    }
    assert!(Template::with(SCHEDULED).is_accepted());
}

#[test]
fn a_deployment_for_dry_runs_may_not_write() {
    let template = Template::with(&[("DryRun", "true"), ("AllowTerminate", "true")]);
    let writes = ["batch:CancelJob", "batch:TerminateJob"];
    let allowed = allowed_actions(&template);
    assert!(writes.iter().all(|action| !allowed.contains(*action)), "{allowed:?}");
    assert!(allowed.contains("batch:DescribeJobs"));
    let environment = template.environment();
    assert_eq!(
        [&environment["DRY_RUN"], &environment["ALLOW_TERMINATE"]],
        ["true", "true"],
        "it judges as the live one does"
    );
}

#[test]
fn a_protected_job_cannot_be_stopped() {
    for choice in ["false", "true"] {
        let template = Template::with(&[("AllowTerminate", choice)]);
        let denied: Vec<_> = template
            .role_statements()
            .into_iter()
            .filter(|statement| statement["Effect"] == "Deny")
            .collect();
        assert_eq!(denied.len(), 1, "{denied:?}");
        for statement in denied {
            assert_eq!(statement["Action"], json!(["batch:CancelJob", "batch:TerminateJob"]));
            assert_eq!(statement["Resource"], all_jobs());
            assert_eq!(
                statement["Condition"],
                json!({"Null": {"aws:ResourceTag/cancel-protection": "false"}})
            );
        }
    }
}

#[test]
fn everything_that_can_be_scoped_is_scoped() {
    let template = Template::with(&[("AllowTerminate", "true")]);
    for statement in template.role_statements() {
        let actions = actions(&statement);
        if statement["Resource"] == "*" {
            let takes_no_resource =
                |action: &String| action == "batch:DescribeJobs" || action.starts_with("xray:Put");
            assert!(actions.iter().all(takes_no_resource), "{actions:?}");
        } else if actions.iter().any(|action| action.starts_with("batch:")) {
            assert_eq!(statement["Resource"], all_jobs());
        } else {
            let resources = match &statement["Resource"] {
                Value::Array(resources) => resources.clone(),
                resource => vec![resource.clone()],
            };
            assert!(resources.iter().all(|resource| resource["Fn::GetAtt"].is_array()), "{statement}");
        }
    }
    assert_eq!(template.function()["Policies"], Value::Null, "SAM would add its own statements");
}

#[test]
fn a_queue_takes_messages_from_services_only_by_the_name_of_their_source() {
    let template = Template::with(EVERYTHING);
    for (name, _) in template.resources("AWS::SQS::Queue") {
        for statement in
            template.queue_statements(&name).iter().filter(|statement| statement["Effect"] == "Allow")
        {
            assert!(statement["Principal"]["Service"].is_string(), "{name}: {statement}");
            assert!(statement["Condition"]["ArnEquals"]["aws:SourceArn"].is_array(), "{name}: {statement}");
        }
    }
}

#[test]
fn only_jobs_with_a_tag_are_stopped_where_the_deployment_says_so() {
    let policies =
        |choices| Template::with(choices).resource("FunctionRole")["Properties"]["Policies"].clone();
    let find = |policies: &Value| {
        let all = policies.as_array().expect("policies");
        all.iter().find(|policy| policy["PolicyName"] == "required-tag").cloned()
    };
    assert_eq!(find(&policies(DEFAULTS)), None);
    let policy = find(&policies(&[("RequireTag", "team=ml")])).expect("the policy");
    let document: Value = serde_json::from_str(&text(&policy["PolicyDocument"])).expect("JSON");
    let statement = &document["Statement"][0];
    // A job without the tag is not equal, and denied too.
    assert_eq!(statement["Condition"], json!({"StringNotEquals": {"aws:ResourceTag/team": "ml"}}));
    assert_eq!(
        (&statement["Effect"], &statement["Action"]),
        (&json!("Deny"), &json!(["batch:CancelJob", "batch:TerminateJob"]))
    );
}

#[test]
fn a_message_outlives_all_its_receives() {
    for timeout in Template::with(DEFAULTS).allowed("Timeout") {
        let template = Template::with(&[("Timeout", &timeout)]);
        let most = number(&template.parameter("MaxReceiveCount")["MaxValue"]);
        for queue in template.request_queues() {
            let kept = number(&queue["MessageRetentionPeriod"]);
            assert!(most * number(&queue["VisibilityTimeout"]) < kept, "timeout {timeout}");
        }
    }
}

#[test]
fn what_was_done_and_what_failed_outlive_the_stack() {
    let template = Template::with(DEFAULTS);
    for name in ["FunctionLogs", "RequestDeadLetterQueue", "EventDeadLetterQueue"] {
        let resource = template.resource(name);
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
    }
}

#[test]
fn the_rules_of_an_organisation_reach_everything_they_are_about() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/a";
    let choices = [
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/edge"),
        ("RolePath", "/batch/"),
        ("KmsKeyArn", key),
        ("SubnetIds", "subnet-1,subnet-2"),
        ("SecurityGroupIds", "sg-1"),
    ];
    let all: Vec<_> = EVERYTHING.iter().chain(&choices).copied().collect();
    let template = Template::with(&all);
    for (name, role) in template.resources("AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"], choices[0].1, "{name}");
        assert_eq!(role["Path"], "/batch/", "{name}");
    }
    for (name, queue) in template.resources("AWS::SQS::Queue") {
        assert_eq!(
            (&queue["KmsMasterKeyId"], &queue["SqsManagedSseEnabled"]),
            (&json!(key), &Value::Null),
            "{name}"
        );
    }
    assert_eq!(template.resource("FunctionLogs")["Properties"]["KmsKeyId"], key);
    assert!(allowed_actions(&template).contains("kms:GenerateDataKey"));
    assert_eq!(
        template.function()["VpcConfig"],
        json!({"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
    );
    assert!(allowed_actions(&template).contains("ec2:CreateNetworkInterface"));
    let template = Template::with(DEFAULTS);
    assert_eq!(template.function()["VpcConfig"], Value::Null);
    assert!(
        !allowed_actions(&template)
            .iter()
            .any(|action| action.starts_with("ec2:") || action.starts_with("kms:"))
    );
}

#[test]
fn every_text_that_is_given_has_a_form() {
    for (name, parameter) in Template::with(DEFAULTS).parameters() {
        let is_free = ["Policy"].contains(&&*name);
        let has_form = parameter["AllowedValues"].is_array() || parameter["AllowedPattern"].is_string();
        assert!(parameter["Type"] != "String" || has_form || is_free, "{name}");
    }
}

// The function

#[test]
fn the_function_gets_every_setting_that_it_knows() {
    let template = Template::with(DEFAULTS);
    let environment = template.environment();
    let names: BTreeSet<_> = environment.keys().map(String::as_str).collect();
    let known = [
        "ALLOW_TERMINATE",
        "ATTEMPT_TIMEOUT_MS",
        "BULK",
        "CONFIRM_TIMEOUT_MS",
        "DEADLINE_RESERVE_MS",
        "DRY_RUN",
        "MAX_ATTEMPTS",
        "MAX_IN_FLIGHT",
        "MAX_JOBS",
        "PATIENCE_MS",
        "POLICY",
        "POLICY_FILE",
        "RESULT_EVENT_BUS",
    ];
    assert_eq!(names, known.into());
}

#[test]
fn the_functions_defaults_are_the_templates() {
    let environment = Template::with(DEFAULTS).environment();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let deployed = Config::from_lookup(|name| environment.get(name).map(text)).unwrap();
    let alone = Config::from_lookup(|_| None).unwrap();
    assert_eq!(format!("{deployed:?}"), format!("{alone:?}"));
}

#[test]
fn every_value_that_the_template_allows_is_one_the_function_takes() {
    let settings = [
        ("MaxAttempts", "MAX_ATTEMPTS"),
        ("MaxInFlight", "MAX_IN_FLIGHT"),
        ("AttemptTimeoutMs", "ATTEMPT_TIMEOUT_MS"),
        ("ConfirmTimeoutMs", "CONFIRM_TIMEOUT_MS"),
        ("DeadlineReserveMs", "DEADLINE_RESERVE_MS"),
        ("MaxJobs", "MAX_JOBS"),
        ("PatienceMs", "PATIENCE_MS"),
    ];
    let template = Template::with(DEFAULTS);
    for (parameter, variable) in settings {
        for bound in ["MinValue", "MaxValue"] {
            let value = template.parameter(parameter)[bound].to_string();
            let config = Config::from_lookup(|name| (name == variable).then(|| value.clone()));
            assert!(config.is_ok(), "{parameter}: {bound} {value}");
        }
    }
}

#[test]
fn time_is_left_for_the_answer() {
    let defaults = Template::with(DEFAULTS);
    let longest_reserve = number(&defaults.parameter("DeadlineReserveMs")["MaxValue"]);
    for timeout in defaults.allowed("Timeout") {
        let template = Template::with(&[("Timeout", &timeout)]);
        let time_ms = 1000 * number(&template.function()["Timeout"]);
        let environment = template.environment();
        let spent = |name: &str| number(&environment[name]);
        assert!(longest_reserve < time_ms, "timeout {timeout}");
        // Two calls (one look, one cancel) that each take all their time still leave room to confirm and answer.
        let two_calls =
            2 * spent("ATTEMPT_TIMEOUT_MS") + spent("CONFIRM_TIMEOUT_MS") + spent("DEADLINE_RESERVE_MS");
        assert!(two_calls <= time_ms, "timeout {timeout}");
    }
}

#[test]
fn the_binary_of_this_package_is_built_and_run() {
    let template = Template::with(DEFAULTS);
    let metadata = &template.resource("CancelFunction")["Metadata"];
    let function = template.function();
    assert_eq!(metadata["BuildMethod"], "rust-cargolambda");
    assert_eq!(metadata["BuildProperties"]["Binary"], env!("CARGO_PKG_NAME"));
    assert_eq!(
        (&function["Runtime"], &function["Handler"]),
        (&json!("provided.al2023"), &json!("bootstrap"))
    );
    assert_eq!(function["Architectures"], json!(["arm64"]));
}

#[test]
fn log_lines_are_structured_and_kept_in_the_group_with_a_retention() {
    let template = Template::with(DEFAULTS);
    let logging = &template.function()["LoggingConfig"];
    assert_eq!(logging["LogFormat"], "JSON");
    assert_eq!(logging["ApplicationLogLevel"], "INFO");
    let group = text(&logging["LogGroup"]["Ref"]);
    assert!(number(&template.resource(&group)["Properties"]["RetentionInDays"]) > 0);
}

// The parameters

#[test]
fn every_parameter_is_described_grouped_and_used() {
    let template = Template::with(DEFAULTS);
    let groups = template.raw()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].clone();
    let grouped: Vec<String> = groups
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["Parameters"].as_array().cloned().unwrap_or_default())
        .map(|name| text(&name))
        .collect();
    let parameters = template.parameters();
    for (name, parameter) in &parameters {
        assert!(parameter["Description"].is_string(), "{name} is not described");
        assert_eq!(grouped.iter().filter(|grouped| *grouped == name).count(), 1, "{name} in the groups");
        assert!(template.uses(name), "{name} is not used");
    }
    assert_eq!(grouped.len(), parameters.len());
}

#[test]
fn every_default_is_allowed() {
    for (name, parameter) in Template::with(DEFAULTS).parameters() {
        let default = &parameter["Default"];
        assert!(!default.is_null(), "{name} has no default");
        if let Some(allowed) = parameter["AllowedValues"].as_array() {
            assert!(allowed.contains(default), "{name}: {default}");
        } else if parameter["Type"] == "Number" {
            let range = number(&parameter["MinValue"])..=number(&parameter["MaxValue"]);
            assert!(range.contains(&number(default)), "{name}: {default}");
        }
    }
}

fn all_jobs() -> Value {
    json!({"Fn::Sub": "arn:${AWS::Partition}:batch:${AWS::Region}:${AWS::AccountId}:job/*"})
}

fn queue_of(arn: &Value) -> String {
    text(&arn["Fn::GetAtt"][0])
}

fn actions(statement: &Value) -> Vec<String> {
    match &statement["Action"] {
        Value::Array(actions) => actions.iter().map(text).collect(),
        action => vec![text(action)],
    }
}

fn allowed_actions(template: &Template) -> BTreeSet<String> {
    let statements = template.role_statements();
    statements.iter().filter(|statement| statement["Effect"] == "Allow").flat_map(actions).collect()
}
