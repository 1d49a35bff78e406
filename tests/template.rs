//! The rules of `template.yaml` that lose requests, or stop jobs that should live, when they are broken.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a template that cannot be read fails its tests"
)]

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

#[test]
fn an_event_that_cannot_be_delivered_is_kept() {
    let template = Template::with(DEFAULTS);
    let rules = template.events("EventBridgeRule");
    assert!(!rules.is_empty(), "no rule invokes the function");
    for (name, rule) in rules {
        let arn = &rule["DeadLetterConfig"]["Arn"];
        let queue =
            arn["Fn::GetAtt"][0].as_str().unwrap_or_else(|| panic!("{name} has no dead-letter queue"));
        assert!(template.queue(arn).is_some(), "{name}: {queue}");
        assert!(number(&rule["RetryPolicy"]["MaximumRetryAttempts"]) > 0, "{name}");
        assert!(number(&rule["RetryPolicy"]["MaximumEventAgeInSeconds"]) >= 60, "{name}");
        // SAM names a rule after its function and event.
        let rule_arn = json!({"Fn::GetAtt": [format!("CancelFunction{name}"), "Arn"]});
        let allowed = template.queue_statements(queue).iter().any(|statement| {
            statement["Effect"] == "Allow"
                && statement["Principal"] == json!({"Service": "events.amazonaws.com"})
                && statement["Action"] == "sqs:SendMessage"
                && statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                    .as_array()
                    .is_some_and(|sources| sources.contains(&rule_arn))
        });
        assert!(allowed, "{queue} takes nothing from the rule {name}");
    }
}

#[test]
fn only_cancellation_requests_and_blocked_queues_invoke_the_function() {
    let template = Template::with(DEFAULTS);
    let patterns: Vec<_> = template
        .events("EventBridgeRule")
        .into_iter()
        .map(|(_, rule)| (rule["Pattern"]["source"].clone(), rule["Pattern"]["detail-type"].clone()))
        .collect();
    assert_eq!(
        patterns,
        [
            (json!([{"anything-but": {"prefix": "aws."}}]), json!(["Batch Job Cancellation Requested"])),
            (json!(["aws.batch"]), json!(["Batch Job Queue Blocked"])),
        ]
    );
}

#[test]
fn blocked_jobs_are_cancelled_only_where_the_deployment_says_so() {
    let state = |template: Template| template.event("QueueBlocked")["State"].clone();
    assert_eq!(state(Template::with(DEFAULTS)), "DISABLED");
    assert_eq!(state(Template::with(&[("CancelBlockedJobs", "true")])), "ENABLED");
}

#[test]
fn only_a_jobs_own_trouble_counts_as_blocking() {
    let template = Template::with(DEFAULTS);
    assert_eq!(
        template.event("QueueBlocked")["Pattern"]["detail"],
        json!({"statusReason": [
            {"prefix": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"},
            {"prefix": "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"}
        ]})
    );
}

#[test]
fn dead_letters_raise_an_alarm() {
    let template = Template::with(DEFAULTS);
    let fed: BTreeSet<_> =
        template.events("SQS").into_iter().map(|(_, source)| queue_of(&source["Queue"])).collect();
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
fn alarms_notify_the_topic_where_there_is_one() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:on-call";
    let actions = |template: Template| -> Vec<Value> {
        let alarms = template.resources("AWS::CloudWatch::Alarm");
        alarms.into_iter().map(|(_, alarm)| alarm["AlarmActions"].clone()).collect()
    };
    assert_eq!(actions(Template::with(DEFAULTS)), [Value::Null, Value::Null]);
    assert_eq!(actions(Template::with(&[("AlarmTopicArn", topic)])), [json!([topic]), json!([topic])]);
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
            assert!(statement["Resource"]["Fn::GetAtt"].is_array(), "{statement}");
        }
    }
    assert_eq!(template.function()["Policies"], Value::Null, "SAM would add its own statements");
}

#[test]
fn a_queue_takes_messages_from_outside_the_account_only_by_name() {
    let template = Template::with(DEFAULTS);
    for (name, _) in template.resources("AWS::SQS::Queue") {
        for statement in
            template.queue_statements(&name).iter().filter(|statement| statement["Effect"] == "Allow")
        {
            assert!(statement["Principal"]["Service"].is_string(), "{name}: {statement}");
            assert!(statement["Condition"]["ArnEquals"]["aws:SourceArn"].is_array(), "{name}: {statement}");
        }
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

/// As much of CloudFormation as the template uses.
mod cloudformation {
    use std::collections::BTreeMap;

    use saphyr::{LoadableYamlNode, Scalar, Yaml};
    use serde_json::{Map, Value, json};

    /// The template as it would be deployed with some choice of parameters: `Ref`s of parameters, mappings and
    /// conditions are resolved; what only a deployment knows stays a function in its long form.
    pub(crate) struct Template {
        raw: Value,
        chosen: BTreeMap<String, Value>,
    }

    impl Template {
        /// The template with these parameters, the others at their defaults.
        pub(crate) fn with(choices: &[(&str, &str)]) -> Self {
            let documents =
                Yaml::load_from_str(include_str!("../template.yaml")).expect("template.yaml is YAML");
            let raw = long_form(documents.first().expect("template.yaml has a document"));
            let mut chosen: BTreeMap<String, Value> = entries(&raw["Parameters"])
                .map(|(name, parameter)| (name, parameter["Default"].clone()))
                .collect();
            for (name, choice) in choices {
                let old = chosen.insert((*name).to_owned(), json!(choice));
                assert!(old.is_some(), "the template has no parameter {name}");
            }
            Self { raw, chosen }
        }

        pub(crate) fn raw(&self) -> &Value {
            &self.raw
        }

        pub(crate) fn parameters(&self) -> Vec<(String, Value)> {
            entries(&self.raw["Parameters"]).collect()
        }

        pub(crate) fn parameter(&self, name: &str) -> &Value {
            &self.raw["Parameters"][name]
        }

        pub(crate) fn allowed(&self, parameter: &str) -> Vec<String> {
            let allowed = self.parameter(parameter)["AllowedValues"].as_array();
            allowed.expect("the parameter has allowed values").iter().map(text).collect()
        }

        /// Whether a parameter is referred to anywhere, by `Ref` or in a `Sub`.
        pub(crate) fn uses(&self, parameter: &str) -> bool {
            let body = json!([self.raw["Conditions"], self.raw["Resources"]]).to_string();
            body.contains(&format!(r#"{{"Ref":"{parameter}"}}"#))
                || body.contains(&format!("${{{parameter}}}"))
        }

        pub(crate) fn resource(&self, name: &str) -> Value {
            self.resolve(&self.raw["Resources"][name])
        }

        /// The properties of every resource of a type.
        pub(crate) fn resources(&self, kind: &str) -> Vec<(String, Value)> {
            let found: Vec<_> = entries(&self.raw["Resources"])
                .filter(|(_, resource)| resource["Type"] == kind)
                .map(|(name, resource)| (name, self.resolve(&resource["Properties"])))
                .collect();
            assert!(!found.is_empty(), "the template has no {kind}");
            found
        }

        pub(crate) fn function(&self) -> Value {
            self.resource("CancelFunction")["Properties"].clone()
        }

        pub(crate) fn environment(&self) -> Map<String, Value> {
            entries(&self.function()["Environment"]["Variables"]).collect()
        }

        /// The function's event sources of a type.
        pub(crate) fn events(&self, kind: &str) -> Vec<(String, Value)> {
            entries(&self.function()["Events"])
                .filter(|(_, event)| event["Type"] == kind)
                .map(|(name, event)| (name, event["Properties"].clone()))
                .collect()
        }

        pub(crate) fn event(&self, name: &str) -> Value {
            self.function()["Events"][name]["Properties"].clone()
        }

        /// The queue that `GetAtt` names, if it is one of the template's.
        pub(crate) fn queue(&self, arn: &Value) -> Option<Value> {
            let (name, attribute) = (arn["Fn::GetAtt"][0].as_str()?, &arn["Fn::GetAtt"][1]);
            let resource = self.resource(name);
            (attribute == "Arn" && resource["Type"] == "AWS::SQS::Queue")
                .then(|| resource["Properties"].clone())
        }

        /// The queues that feed the function.
        pub(crate) fn request_queues(&self) -> Vec<Value> {
            let sources = self.events("SQS");
            assert!(!sources.is_empty(), "no queue feeds the function");
            let queue = |source: &Value| self.queue(&source["Queue"]).expect("a queue of the template");
            sources.iter().map(|(_, source)| queue(source)).collect()
        }

        /// The statements of the policies of a queue.
        pub(crate) fn queue_statements(&self, queue: &str) -> Vec<Value> {
            let applies = |policy: &Value| {
                policy["Queues"].as_array().is_some_and(|queues| queues.contains(&json!({"Ref": queue})))
            };
            let policies: Vec<_> = self
                .resources("AWS::SQS::QueuePolicy")
                .into_iter()
                .filter(|(_, policy)| applies(policy))
                .collect();
            assert!(policies.len() <= 1, "{queue}: of two policies the later one wins");
            policies.iter().flat_map(|(_, policy)| statements(&policy["PolicyDocument"])).collect()
        }

        /// The statements of the function's role.
        pub(crate) fn role_statements(&self) -> Vec<Value> {
            let role = text(&self.function()["Role"]["Fn::GetAtt"][0]);
            let role = self.resource(&role)["Properties"].clone();
            assert!(role["ManagedPolicyArns"].is_null(), "a managed policy allows more than is listed here");
            let policies = role["Policies"].as_array().cloned().unwrap_or_default();
            policies.iter().flat_map(|policy| statements(&policy["PolicyDocument"])).collect()
        }

        /// Whether the template's `Rules` accept the parameters.
        pub(crate) fn is_accepted(&self) -> bool {
            entries(&self.raw["Rules"]).all(|(_, rule)| {
                !self.holds(&rule["RuleCondition"])
                    || rule["Assertions"]
                        .as_array()
                        .is_some_and(|all| all.iter().all(|one| self.holds(&one["Assert"])))
            })
        }

        /// Whether a resource would be made.
        pub(crate) fn has(&self, resource: &str) -> bool {
            let resource = &self.raw["Resources"][resource];
            assert!(resource.is_object(), "the template has no such resource");
            resource["Condition"].is_null() || self.holds(&json!({"Condition": resource["Condition"]}))
        }

        fn holds(&self, condition: &Value) -> bool {
            let Some((function, operands)) = single_entry(condition) else {
                panic!("{condition} is no condition")
            };
            let operand = |index: usize| self.resolve(&operands[index]);
            match function {
                "Condition" => self.holds(&self.raw["Conditions"][text(operands)]),
                "Fn::And" => operands.as_array().is_some_and(|all| all.iter().all(|one| self.holds(one))),
                "Fn::Not" => !self.holds(&operands[0]),
                "Fn::Equals" => text(&operand(0)) == text(&operand(1)),
                "Fn::Contains" => {
                    let wanted = text(&operand(1));
                    operand(0).as_array().is_some_and(|all| all.iter().any(|one| text(one) == wanted))
                }
                other => panic!("{other} is not understood here"),
            }
        }

        fn resolve(&self, value: &Value) -> Value {
            match (single_entry(value), value) {
                (Some(("Ref", name)), _) => self.chosen.get(&text(name)).unwrap_or(value).clone(),
                (Some(("Fn::If", branches)), _) => {
                    let condition = json!({"Condition": branches[0]});
                    self.resolve(&branches[if self.holds(&condition) { 1 } else { 2 }])
                }
                (Some(("Fn::FindInMap", keys)), _) => {
                    let key = |index: usize| text(&self.resolve(&keys[index]));
                    let found = &self.raw["Mappings"][key(0)][key(1)][key(2)];
                    assert!(!found.is_null(), "{keys} finds nothing");
                    found.clone()
                }
                (_, Value::Array(items)) => {
                    items.iter().map(|item| self.resolve(item)).filter(is_value).collect()
                }
                (_, Value::Object(fields)) => {
                    let resolved = fields.iter().map(|(name, field)| (name.clone(), self.resolve(field)));
                    Value::Object(resolved.filter(|(_, field)| is_value(field)).collect())
                }
                _ => value.clone(),
            }
        }
    }

    /// A number, which a parameter gives as a string.
    pub(crate) fn number(value: &Value) -> i64 {
        text(value).parse().unwrap_or_else(|_| panic!("{value} is no whole number"))
    }

    /// A scalar as CloudFormation sees it.
    pub(crate) fn text(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => panic!("{value} is no scalar"),
        }
    }

    fn statements(document: &Value) -> Vec<Value> {
        document["Statement"].as_array().cloned().expect("a policy has statements")
    }

    fn entries(object: &Value) -> impl Iterator<Item = (String, Value)> {
        object.as_object().cloned().unwrap_or_default().into_iter()
    }

    fn single_entry(value: &Value) -> Option<(&str, &Value)> {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        fields.iter().next().map(|(name, field)| (name.as_str(), field))
    }

    fn is_value(value: &Value) -> bool {
        *value != json!({"Ref": "AWS::NoValue"})
    }

    /// YAML as JSON, with the short forms of functions (`!Ref X`) in their long form (`{"Ref": "X"}`).
    fn long_form(yaml: &Yaml<'_>) -> Value {
        match yaml {
            Yaml::Value(Scalar::Null) => Value::Null,
            Yaml::Value(Scalar::Boolean(boolean)) => json!(boolean),
            Yaml::Value(Scalar::Integer(integer)) => json!(integer),
            Yaml::Value(Scalar::FloatingPoint(float)) => json!(float.into_inner()),
            Yaml::Value(Scalar::String(string)) => json!(string),
            Yaml::Sequence(items) => items.iter().map(long_form).collect(),
            Yaml::Mapping(fields) => {
                let field =
                    |(name, field): (&Yaml<'_>, &Yaml<'_>)| (text(&long_form(name)), long_form(field));
                Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
            }
            Yaml::Tagged(tag, node) => match (tag.suffix.as_str(), long_form(node)) {
                (name @ ("Ref" | "Condition"), operand) => json!({name: operand}),
                ("GetAtt", Value::String(path)) => {
                    json!({"Fn::GetAtt": path.split('.').collect::<Vec<_>>()})
                }
                (name, operand) => json!({format!("Fn::{name}"): operand}),
            },
            Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
                panic!("{yaml:?} is not understood here")
            }
        }
    }
}
