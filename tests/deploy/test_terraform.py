"""The Terraform module says what template.yaml says: the same parameters, permissions, alarms, queues and rules."""

import json
import re
import unittest

import hcl2
from cloudformation import ROOT, template

MODULE = ROOT / "deploy/terraform"
# What is only in the module: how it names things, where the package is, and that the dashboard can be left out.
OWN = {"name", "tags", "package_file", "package_bucket", "package_key", "dashboard"}
NAMES = {
    "${AWS::Region}": "${local.region}",
    "${AWS::StackName}": "${var.name}",
    "${CancelFunction}": "${var.name}",
    "${EventDeadLetterQueue.QueueName}": "${aws_sqs_queue.event_dead_letters.name}",
    "${FunctionLogs}": "${aws_cloudwatch_log_group.function.name}",
    "${RequestDeadLetterQueue.QueueName}": "${aws_sqs_queue.request_dead_letters.name}",
    "${RequestQueue.QueueName}": "${aws_sqs_queue.requests.name}",
}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def simple(value):
    """What the parser gives, without the lists that it puts around each attribute."""
    if isinstance(value, dict):
        return {key: simple(item[0] if isinstance(item, list) and len(item) == 1 else item)
                for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [simple(item) for item in value]
    return value.replace('\\"', '"') if isinstance(value, str) else value


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def text(value) -> str:
    """A text of the template as the module has it."""
    written = value["Fn::Sub"] if isinstance(value, dict) else value
    for ours, theirs in NAMES.items():
        written = written.replace(ours, theirs)
    return re.sub(r"\$\{([A-Z]\w+)\}", lambda found: f"${{var.{snake(found[1])}}}", written)


def block(kind: str) -> dict:
    """All blocks of a kind in the module, by what they are named."""
    found = {}
    for file in sorted(MODULE.glob("*.tf")):
        for entry in hcl2.loads(file.read_text()).get(kind, []):
            for name, value in entry.items():
                if kind in ("resource", "data"):
                    found.setdefault(name, {}).update({key: simple(item) for key, item in value.items()})
                else:
                    found[name] = simple(value)
    return found


TEMPLATE = template()
RESOURCES = TEMPLATE["Resources"]
MODULES = block("resource")
DOCUMENTS = block("data")["aws_iam_policy_document"]
LOCALS = {name: value[0] if isinstance(value, list) else value for name, value in block("locals").items()}


class Parameters(unittest.TestCase):
    def test_each_is_a_variable_with_the_same_default(self):
        variables = block("variable")
        self.assertEqual(variables.keys() - OWN, {snake(name) for name in TEMPLATE["Parameters"]})
        for name, parameter in TEMPLATE["Parameters"].items():
            default = parameter["Default"]
            if parameter.get("AllowedValues") == ["true", "false"]:
                default = default == "true"
            written = variables[snake(name)]["default"]
            if parameter["Type"] == "CommaDelimitedList":
                written = ",".join(listed(written))
            self.assertEqual(written, default, name)

    def test_each_output_is_there(self):
        self.assertEqual(block("output").keys(), {snake(name) for name in TEMPLATE["Outputs"]})

    def test_the_function_is_told_the_same(self):
        ours = RESOURCES["CancelFunction"]["Properties"]["Environment"]["Variables"]
        theirs = MODULES["aws_lambda_function"]["this"]["environment"]["variables"]
        self.assertEqual(theirs, {name: f"${{var.{snake(value['Ref'])}}}" for name, value in ours.items()})


class Permissions(unittest.TestCase):
    def check(self, documents: list[dict], names: list[str]) -> None:
        ours = [statement for document, condition in documents for statement in ours_in(document, condition)]
        theirs = [statement for name in names for statement in theirs_in(name)]
        self.assertGreater(len(ours), 0)
        self.assertEqual(sorted(theirs, key=repr), sorted(ours, key=repr))

    def test_the_function(self):
        documents = []
        for policy in RESOURCES["FunctionRole"]["Properties"]["Policies"]:
            condition = None
            if "Fn::If" in policy:
                condition, policy, _ = policy["Fn::If"]
            documents.append((policy["PolicyDocument"], condition))
        self.check(documents, ["batch_jobs", "messages", "telemetry", "network"])
        attached = MODULES["aws_iam_role_policy"]
        for name in ["batch_jobs", "messages", "telemetry", "network"]:
            self.assertEqual(attached[name]["policy"], f"${{data.aws_iam_policy_document.{name}.json}}")
            self.assertEqual(attached[name]["role"], "${aws_iam_role.function.id}")

    def test_the_schedule(self):
        [policy] = RESOURCES["ScheduledSweepRole"]["Properties"]["Policies"]
        self.check([(policy["PolicyDocument"], None)], ["scheduled_sweep"])

    def test_the_senders(self):
        self.check([(RESOURCES["RequestSenderPolicy"]["Properties"]["PolicyDocument"], None)], ["request_sender"])

    def test_who_may_take_on_the_roles(self):
        for role, name in [("FunctionRole", "lambda_may_assume"), ("ScheduledSweepRole", "scheduler_may_assume")]:
            self.check([(RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"], None)], [name])

    def test_the_queues(self):
        for policy, name in [("RequestQueuePolicy", "requests"), ("BlockedJobsQueuePolicy", "blocked_jobs"),
                             ("EventDeadLetterQueuePolicy", "event_dead_letters"),
                             ("RequestDeadLetterQueuePolicy", None)]:
            with self.subTest(policy):
                names = [name, "tls_only"] if name else ["tls_only"]
                self.check([(RESOURCES[policy]["Properties"]["PolicyDocument"], None)], names)
                if name:
                    self.assertIn("data.aws_iam_policy_document.tls_only[", str(DOCUMENTS[name]["source_policy_documents"]))


def ours_in(document: dict, condition: str | None):
    if "Fn::Sub" in document:
        document = json.loads(document["Fn::Sub"][0])
    for statement in document["Statement"]:
        own = condition
        if "Fn::If" in statement:
            own, statement, _ = statement["Fn::If"]
        principal = statement.get("Principal", {})
        yield {
            "sid": statement.get("Sid"),
            "when": snake(own) if own else None,
            "effect": statement["Effect"],
            "actions": sorted(listed(statement["Action"])),
            "any resource": statement.get("Resource") == "*",
            "services": sorted(listed(principal["Service"])) if "Service" in principal else [],
            "anybody": principal == "*",
            "conditions": sorted((test, re.sub(r"\$\{.*\}", "*", variable))
                                 for test, variables in statement.get("Condition", {}).items() for variable in variables),
        }


def theirs_in(name: str):
    document = DOCUMENTS[name]
    blocks = [(item, None) for item in listed(document.get("statement", []))]
    for dynamic in listed(document.get("dynamic", [])):
        when = re.fullmatch(r"\$\{local\.(\w+) \? \[1\] : \[\]\}", str(dynamic["statement"]["for_each"]))
        blocks.append((simple(dynamic["statement"]["content"]), when[1]))
    made = MODULES["aws_iam_role_policy"].get(name, {}).get("count")
    for statement, when in blocks:
        statement = simple(statement)
        if when is None and made and name == "network":
            when = re.fullmatch(r"\$\{local\.(\w+) \? 1 : 0\}", made)[1]
        principals = statement.get("principals", {})
        condition = listed(statement.get("condition", []))
        yield {
            "sid": statement.get("sid"),
            "when": when,
            "effect": statement.get("effect", "Allow"),
            "actions": sorted(listed(statement["actions"])),
            "any resource": statement.get("resources") == "*" or statement.get("resources") == ["*"],
            "services": sorted(listed(principals["identifiers"])) if principals.get("type") == "Service" else [],
            "anybody": principals.get("type") == "*",
            "conditions": sorted((item["test"], re.sub(r"\$\{.*\}", "*", item["variable"])) for item in condition),
        }


class Alarms(unittest.TestCase):
    def test_they_are_the_same(self):
        ours = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
        theirs = LOCALS["alarms"]
        self.assertGreaterEqual(len(ours), 10)
        self.assertEqual(theirs.keys(), ours.keys())
        for name, resource in ours.items():
            with self.subTest(name):
                self.assertEqual(alarm_of_the_module(theirs[name]), alarm_of_the_template(resource))

    def test_what_all_of_them_share(self):
        shared = MODULES["aws_cloudwatch_metric_alarm"]["this"]
        for resource in RESOURCES.values():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                self.assertEqual(resource["Properties"]["ComparisonOperator"], shared["comparison_operator"])
                self.assertEqual(resource["Properties"]["TreatMissingData"], shared["treat_missing_data"])


def alarm_of_the_template(resource: dict) -> dict:
    alarm = resource["Properties"]
    if "Metrics" in alarm:
        [result] = [metric for metric in alarm["Metrics"] if metric["ReturnData"]]
        stats = [metric["MetricStat"] for metric in alarm["Metrics"] if not metric["ReturnData"]]
        metrics, expression = [(stat["Metric"], stat["Stat"], stat["Period"]) for stat in stats], result["Expression"]
    else:
        metrics, expression = [(alarm, alarm["Statistic"], alarm["Period"])], None
    threshold = alarm["Threshold"]
    return {
        "page": "HasPageTopic" in str(alarm["AlarmActions"]),
        "made": f"${{local.{snake(resource['Condition'])}}}" if "Condition" in resource else True,
        "metrics": [(metric["Namespace"], metric["MetricName"], sorted(item["Name"] for item in metric["Dimensions"]), stat,
                     period) for metric, stat, period in metrics],
        "expression": expression,
        "evaluation_periods": alarm["EvaluationPeriods"],
        "datapoints": alarm.get("DatapointsToAlarm"),
        "threshold": f"${{var.{snake(threshold['Ref'])}}}" if isinstance(threshold, dict) else threshold,
        "description": " ".join(text(alarm["AlarmDescription"]).split()),
    }


def alarm_of_the_module(alarm: dict) -> dict:
    return {
        **{key: alarm[key] for key in ["page", "made", "expression", "evaluation_periods", "datapoints", "threshold",
                                       "description"]},
        "metrics": [(alarm["namespace"], metric, sorted(alarm["dimensions"]), alarm["statistic"], alarm["period"])
                    for metric in listed(alarm["metrics"])],
    }


class Everything(unittest.TestCase):
    def test_the_dashboard(self):
        ours = text(RESOURCES["Dashboard"]["Properties"]["DashboardBody"])
        written = (MODULE / "dashboard.tf").read_text().split("<<-EOT\n")[1].split("  EOT\n")[0]
        self.assertEqual([line.strip() for line in written.splitlines()], [line.strip() for line in ours.splitlines()])

    def test_the_queues(self):
        names = {"RequestQueue": "requests", "RequestDeadLetterQueue": "request_dead_letters",
                 "BlockedJobsQueue": "blocked_jobs", "EventDeadLetterQueue": "event_dead_letters"}
        queues = {name: resource["Properties"] for name, resource in RESOURCES.items()
                  if resource["Type"] == "AWS::SQS::Queue"}
        self.assertEqual(queues.keys(), names.keys())
        for name, ours in queues.items():
            theirs = MODULES["aws_sqs_queue"][names[name]]
            self.assertEqual(theirs["name"], text(ours["QueueName"]))
            self.assertEqual(theirs["message_retention_seconds"], ours["MessageRetentionPeriod"])
            self.assertEqual("redrive_policy" in theirs, "RedrivePolicy" in ours)
            # The parser writes null and true as Python does.
            self.assertEqual(theirs["sqs_managed_sse_enabled"], "${local.has_key ? None : True}")
            self.assertEqual(theirs["kms_master_key_id"], "${local.has_key ? var.kms_key_arn : None}")

    def test_messages_stay_hidden_for_as_long(self):
        terms = re.fullmatch(r"\$\{(\d+) \* var\.timeout \+ (\d+)\}", LOCALS["visibility_timeout"])
        for timeout, row in TEMPLATE["Mappings"]["VisibilityByTimeout"].items():
            self.assertEqual(int(terms[1]) * int(timeout) + int(terms[2]), row["Seconds"])

    def test_the_rules_and_what_they_send(self):
        target = MODULES["aws_cloudwatch_event_target"]["blocked"]["input_transformer"]
        for name in ["BlockedForCapacity", "BlockedTooLarge", "BlockedUnfitting"]:
            rule = RESOURCES[name]["Properties"]
            [prefix] = rule["EventPattern"]["detail"]["statusReason"]
            ours = rule["Targets"][0]["InputTransformer"]
            self.assertEqual(target["input_paths"], ours["InputPathsMap"])
            written = (MODULE / "events.tf").read_text().split("input_template = <<-EOT\n")[1].split("EOT\n")[0]
            self.assertEqual(" ".join(written.split()).replace("${each.key}", prefix["prefix"]), ours["InputTemplate"])

    def test_how_the_function_is_fed(self):
        ours = RESOURCES["CancelFunction"]["Properties"]
        theirs = MODULES["aws_lambda_event_source_mapping"]["requests"]
        queue = ours["Events"]["Requests"]["Properties"]
        self.assertEqual(listed(theirs["function_response_types"]), queue["FunctionResponseTypes"])
        self.assertEqual(theirs["scaling_config"]["maximum_concurrency"], "${var.maximum_concurrency}")
        later = MODULES["aws_lambda_function_event_invoke_config"]["this"]
        self.assertEqual(later["maximum_retry_attempts"], ours["EventInvokeConfig"]["MaximumRetryAttempts"])
        self.assertEqual(later["maximum_event_age_in_seconds"], ours["EventInvokeConfig"]["MaximumEventAgeInSeconds"])


if __name__ == "__main__":
    unittest.main()
