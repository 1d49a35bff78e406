"""The deployed stack on ministack: `sam build` and `sam deploy` of template.yaml, then real messages and events.

ministack runs the built bootstrap as a process that inherits its environment, so AWS_ENDPOINT_URL_BATCH points the
function at batch-sim. What it does not do as AWS does is in README.md beside these tests.
"""

import concurrent.futures
import json
import re
import shlex
import time
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse

from beds import Sim, bootstrap
from harness import ACCOUNT, AWS, REGION, ROOT, Part, free_port, http, wait_for

STACK = "batch-canceller-e2e"
REASON = "Superseded by run 42."
RECEIVES = 5  # the template's default for MaxReceiveCount, and the fewest it allows
PARAMETERS = {
    "Architecture": "x86_64",
    "BlockedDwellSeconds": "1",
    "CancelBlockedJobs": "true",
    "ConfirmTimeoutMs": "500",
    "EventSources": "acme.pipelines",  # ministack's conditions take an empty list for one with a value
    "MaxAttempts": "2",
    "MaxInFlight": "4",
    "OwnEventBus": "true",
    "ResultEventBusName": "results",
    "SweepRequest": json.dumps({"sweep": {"jobQueue": "scheduled", "maxJobs": 10}, "reason": "By schedule."}),
    "SweepSchedule": "rate(30 days)",
    "Sweeps": "true",
    "Timeout": "30",
}


def job(kind: str, number: int = 0) -> str:
    return f"{kind}-{number:04}"


def run(part: Part) -> None:
    sim = Sim(part)
    stack = Stack(part, sim)
    mixed_batch(part, sim, stack)
    redrive(part, sim, stack)
    outage(part, sim, stack)
    events(part, sim, stack)
    results(part, sim, stack)
    sweeps(part, sim, stack)
    thousand(part, sim, stack)


def mixed_batch(part: Part, sim: Sim, stack: "Stack") -> None:
    """One batch with a record of every fate: each ends where it should, whatever its neighbours are."""
    denied = {"item": {"code": "AccessDenied", "message": "no"}}, {"error": {"status": 403, "code": "AccessDenied"}}
    sim.reset({
        "jobs": [{"id": job("waits", 0)}, {"id": job("waits", 1)}, {"id": job("denied")},
                 {"id": job("runs"), "status": "RUNNING"}, {"id": job("done"), "status": "SUCCEEDED"}],
        "faults": [{"kind": kind, "operation": operation, "job": job("denied")}
                   for kind, operation in zip(denied, ("CancelJobs", "CancelJob"))],
    })
    settled = [request(job("waits", 0)), request(job("waits", 1)), request(job("waits", 0)), request(job("runs")),
               request(job("done")), request(job("unknown"))]
    poison = ["please cancel my job, thanks", '{"jobId": "waits-0001"}\n', request(job("denied"))]
    stack.pause_polling()
    stack.send(settled + poison)
    stack.resume_polling()
    wait_for("the unsettled messages are dead", 90, lambda: stack.count("dead") == len(poison))
    part.equal("messages that are settled are gone", stack.count("requests"), 0)
    dead = stack.take("dead")
    part.equal("those that are not are in the dead-letter queue, as they were sent", sorted(dead), sorted(poison))
    jobs = sim.jobs()
    part.equal("the jobs of a mixed batch", {name: jobs[name]["status"] for name in jobs},
               {job("waits", 0): "FAILED", job("waits", 1): "FAILED", job("denied"): "RUNNABLE",
                job("runs"): "RUNNING", job("done"): "SUCCEEDED"})
    calls = [call for call in sim.calls() if call["operation"].startswith("Cancel")]
    part.equal("a refused message is tried once for each time it is received",
               sum(job("denied") in call["jobs"] for call in calls), RECEIVES)
    part.equal("a job asked for twice is cancelled once", sum(job("waits", 0) in call["jobs"] for call in calls), 1)
    stack.send(dead, "dead")  # for the redrive


def redrive(part: Part, sim: Sim, stack: "Stack") -> None:
    """Once the cause is mended, what lies in the dead-letter queue is sent again, as a redrive does.

    ministack has no StartMessageMoveTask: the messages are moved by hand.
    """
    sim.ask("DELETE", "faults")
    dead = stack.take("dead")
    stack.send(dead)
    wait_for("the redriven job is cancelled", 60, lambda: sim.jobs()[job("denied")]["status"] == "FAILED")
    wait_for("what cannot be mended is dead again", 60, lambda: stack.count("dead") == 2)
    wait_for("the queue is empty", 30, lambda: stack.count("requests") == 0)
    part.equal("a redriven request that Batch now takes is settled", sorted(stack.take("dead")),
               sorted(body for body in dead if job("denied") not in body))


def outage(part: Part, sim: Sim, stack: "Stack") -> None:
    """While Batch fails, requests stay in the queue; when it heals, they succeed."""
    jobs = [job("late", number) for number in range(3)]
    sim.reset({"jobs": [{"id": name} for name in [*jobs, job("lucky")]]})
    for name in jobs:
        for kind, operation in (({"item": {"code": "ServerException", "message": "no"}}, "CancelJobs"),
                                ({"error": {"status": 500, "code": "ServerException"}}, "CancelJob")):
            sim.ask("POST", "faults", {"kind": kind, "operation": operation, "job": name})
    stack.visibility(5)
    stack.pause_polling()
    stack.send([request(name) for name in [*jobs, job("lucky")]])
    stack.resume_polling()
    # The one record of the batch that could be settled is gone, the others are held for their visibility timeout.
    wait_for("the partial failures are back", 30, lambda: stack.count("requests") == len(jobs))
    part.equal("a partial failure leaves the settled job cancelled and the others alone",
               {name: found["status"] for name, found in sim.jobs().items()},
               dict.fromkeys(jobs, "RUNNABLE") | {job("lucky"): "FAILED"})
    sim.ask("DELETE", "faults")
    wait_for("the queue is empty", 60, lambda: stack.count("requests") == 0)
    part.equal("once Batch heals, they succeed", {found["status"] for found in sim.jobs().values()}, {"FAILED"})
    part.equal("and none is dead", stack.count("dead"), 0)
    stack.visibility(4)


def events(part: Part, sim: Sim, stack: "Stack") -> None:
    """The rules, and asynchronous invocations that fail."""
    sim.reset({"jobs": [{"id": job("event", number)} for number in range(4)]})
    custom = stack.rule("CancellationRequested")
    samples = {path.name: json.loads(path.read_text()) for path in (ROOT / "events").glob("eventbridge-*.json")}
    sample = samples["eventbridge-custom.json"]
    part.check("the sample custom event matches its rule", stack.matches(custom, sample), custom["EventPattern"])
    wanted = json.loads(custom["EventPattern"])["detail-type"][0]
    detail = {"jobId": job("event", 0), "reason": REASON}
    stack.put_event("acme.pipelines", "Something Else", detail | {"jobId": job("event", 1)})
    stack.put_event("acme.pipelines", wanted, detail)
    wait_for("the custom event's job is cancelled", 30, lambda: sim.jobs()[job("event", 0)]["status"] == "FAILED")
    part.equal("a custom event cancels its job, with its reason", sim.jobs()[job("event", 0)]["statusReason"], REASON)
    part.equal("an event of another detail type does not", sim.jobs()[job("event", 1)]["status"], "RUNNABLE")
    part.equal("the rule's target is the request queue", stack.targets(custom), [stack.outputs["QueueArn"]])

    # PutEvents refuses sources that begin with "aws.": the rules, the event and what they make of it are shown apart.
    event = samples["eventbridge-queue-blocked.json"]
    short = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
    event["detail"] |= {"statusReason": short}
    capacity, large = (stack.rule(name) for name in ("BlockedForCapacity", "BlockedTooLarge"))
    part.check("a blocked queue's event matches the rule for its reason", stack.matches(capacity, event))
    part.check("and no other", not stack.matches(large, event))
    booting = event | {"detail": event["detail"] | {
        "statusReason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement is higher"}}
    part.check("one that may only wait for its instance matches none",
               not any(stack.matches(rule, booting) for rule in (capacity, large)))
    state_change = samples["eventbridge-state-change.json"]
    part.check("nor does a state change", not any(stack.matches(rule, state_change) for rule in (custom, capacity, large)))
    for rule in (custom, capacity, large):
        part.equal(f"{rule['Name']} is on", rule["State"], "ENABLED")
    blocked = stack.resource("BlockedJobsQueue")
    [target] = stack.full_targets(capacity)
    part.equal("blocked jobs wait in a queue of their own", target["Arn"].rsplit(":")[-1], blocked.rsplit("/")[-1])
    for number, status_reason in ((2, short), (3, "")):
        sim.ask("POST", "fleet", {"jobs": [{"id": job("blocked", number), "statusReason": status_reason}]})
        body = target["InputTransformer"]["InputTemplate"].replace("<job>", json.dumps(job("blocked", number)))
        stack.send_to(blocked, body.replace("<time>", event["time"]).replace("<why>", short))
    wait_for("the blocking job is cancelled", 30, lambda: sim.jobs()[job("blocked", 2)]["status"] == "FAILED")
    part.check("one that still blocks its queue is cancelled, and says why",
               short in sim.jobs()[job("blocked", 2)]["statusReason"])
    part.equal("one that does not any more is left alone", sim.jobs()[job("blocked", 3)]["status"], "RUNNABLE")

    asked = {"jobId": job("event", 3), "reason": REASON}
    for operation in ("CancelJob", "CancelJobs"):
        fault = {"error": {"status": 400, "code": "ClientException", "message": "no"}}
        sim.ask("POST", "faults", {"kind": fault, "operation": operation, "job": job("event", 3)})
    stack.invoke_later(asked)
    wait_for("the failed invocation is recorded", 90, lambda: stack.count("events") == 1)
    [record] = stack.take("events")
    told = json.loads(record)
    part.equal("an asynchronous invocation that fails is kept with its event", told.get("requestPayload"), asked)
    part.equal("and its report", json.loads(told["responsePayload"]["errorMessage"])["results"][0]["outcome"], "refused")
    sim.ask("DELETE", "faults")
    stack.send([record])
    wait_for("put into the request queue as it is, it is dealt with", 30,
             lambda: sim.jobs()[job("event", 3)]["status"] == "FAILED")


def results(part: Part, sim: Sim, stack: "Stack") -> None:
    """Results as events: a rule on their bus, whose pattern matches some of them."""
    sim.reset({"jobs": [{"id": job("told", 0)}, {"id": job("told", 1), "status": "RUNNING"}]})
    queue = stack.collect_results({"outcome": ["cancelled"], "requestedBy": {"source": ["sqs"]}})
    stack.send([request(job("told", number)) for number in range(2)])
    wait_for("the requests are settled", 30, lambda: stack.count("requests") == 0)
    events = [json.loads(body) for body in stack.receive(queue, 1)]
    part.equal("a rule gets the results that it asks for, and no others",
               [(event["source"], event["detail-type"], event["detail"]["jobId"], event["detail"]["outcome"])
                for event in events],
               [("batch-canceller", "Batch Job Cancellation Result", job("told", 0), "cancelled")])


def sweeps(part: Part, sim: Sim, stack: "Stack") -> None:
    """A sweep by schedule, and one that is cut short and hands on what is left."""
    sim.reset({"jobs": [{"id": job("swept", number), "queue": "scheduled"} for number in range(3)]})
    schedule = stack.schedule()
    part.equal("the schedule is on", schedule["State"], "ENABLED")
    part.equal("its target is the request queue", schedule["Target"]["Arn"], stack.outputs["QueueArn"])
    stack.fire(schedule)
    wait_for("the scheduled sweep is done", 90,
             lambda: {found["status"] for found in sim.jobs().values()} == {"FAILED"})
    part.equal("a scheduled sweep cancels, with its reason",
               {found["statusReason"] for found in sim.jobs().values()}, {"By schedule."})

    jobs = [job("rest", number) for number in range(1500)]
    sim.reset({"jobs": [{"id": name, "queue": "rest"} for name in jobs],
               "faults": [{"kind": {"latencyMs": 4500}, "operation": "CancelJobs"}]})
    stack.visibility(120)  # an invocation takes some time here
    stack.send([json.dumps({"sweep": {"jobQueue": "rest", "maxJobs": 2000}, "reason": REASON})])
    wait_for("a sweep that takes more than one invocation is done", 180,
             lambda: all(found["status"] == "FAILED" for found in sim.jobs().values()))
    wait_for("the queue is empty", 60, lambda: stack.count("requests") == 0)
    part.equal("it was cut short, and handed on what was left", stack.told("handed_on"), 1)
    part.equal("and none is dead", stack.count("dead"), 0)
    stack.visibility(4)


def thousand(part: Part, sim: Sim, stack: "Stack") -> None:
    jobs = [job("many", number) for number in range(1000)]
    sim.reset({"jobs": [{"id": name} for name in jobs]})
    begun = time.monotonic()
    stack.send([request(name) for name in jobs])
    wait_for("1,000 messages are settled", 180, lambda: stack.count("requests") == 0)
    print(f"      1,000 messages took {time.monotonic() - begun:.0f} s")
    found = sim.jobs()
    part.equal("1,000 messages cancel 1,000 jobs", sum(
        found[name]["isCancelled"] and found[name]["statusReason"] == REASON for name in jobs), 1000)
    part.equal("and none is dead", stack.count("dead"), 0)


def request(name: str) -> str:
    return json.dumps({"jobId": name, "reason": REASON})


def written(name: str) -> list[str]:
    """The commands of README.md's block of that name."""
    text = (ROOT / "README.md").read_text()
    return re.search(rf"<!-- e2e: {name} -->\n```sh\n(.*?)^```$", text, re.M | re.S)[1].splitlines()


def without_metric_math(path: Path) -> None:
    """Leaves out the alarms on expressions over metrics, which ministack cannot make."""
    template = yaml_parse(path.read_text())
    template["Resources"] = {
        name: resource for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CloudWatch::Alarm" or "Metrics" not in resource["Properties"]
    }
    path.write_text(yaml_dump(template))


class Stack:
    """The deployed stack, through boto3."""

    def __init__(self, part: Part, sim: Sim):
        url = self._start(part, sim)
        self._client = lambda service: boto3.client(
            service, endpoint_url=url, region_name=REGION,
            aws_access_key_id=ACCOUNT, aws_secret_access_key="local",
        )
        self._client("events").create_event_bus(Name=PARAMETERS["ResultEventBusName"])
        self._deploy(part, url)
        stacks = self._client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        self._queues = {"requests": self.outputs["QueueUrl"], "dead": self.outputs["RequestDeadLetterQueueUrl"],
                        "events": self.outputs["EventDeadLetterQueueUrl"]}
        self._sqs, self._lambda, self._events = map(self._client, ("sqs", "lambda", "events"))
        mappings = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        for mapping in mappings:
            part.equal("a mapping takes partial answers", mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        [mapping] = [mapping for mapping in mappings if mapping["EventSourceArn"] == self.outputs["QueueArn"]]
        part.equal("the deployed queue redrives after so many receives",
                   int(self._attribute("requests", "RedrivePolicy")["maxReceiveCount"]), RECEIVES)
        self._mapping = mapping["UUID"]
        # ministack keeps MaximumConcurrency as the string that the parameter is, and then fails to poll.
        self._lambda.update_event_source_mapping(
            UUID=self._mapping, BatchSize=100, ScalingConfig={"MaximumConcurrency": 2}
        )
        # Instead of the template's minutes, for redeliveries within a test's time; but longer than an invocation takes
        # that looks twice, two seconds apart, for a job that is not there.
        self.visibility(4)

    def _start(self, part: Part, sim: Sim) -> str:
        port = free_port()
        temporary = part.logs / "tmp"
        temporary.mkdir()
        server = part.start("ministack", ["ministack"], AWS | {
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LAMBDA_EXECUTOR": "local", "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0", "TMPDIR": str(temporary), "AWS_ENDPOINT_URL_BATCH": sim.url,
            # The function finds SQS and EventBridge here.
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        })
        url = f"http://127.0.0.1:{port}"

        def healthy() -> bool:
            try:
                return http("GET", f"{url}/_ministack/health")[0] == 200
            except OSError:
                return False

        wait_for("ministack is up", 60, healthy, server)
        return url

    def _deploy(self, part: Part, url: str) -> None:
        bootstrap()  # so that what SAM builds is there already
        build = part.logs / "build"
        env = AWS | {"AWS_ENDPOINT_URL": url}
        # On the command line, SAM takes the quotes of JSON apart.
        parameters = part.logs / "parameters.yaml"
        parameters.write_text(json.dumps(PARAMETERS))
        overrides = ["--parameter-overrides", f"file://{parameters}"]
        # README.md's own commands, and what they need here besides.
        sam_build, sam_deploy = map(shlex.split, written("deploy"))
        status, output = part.finish("sam-build", [*sam_build, "--build-dir", build, *overrides], env, 1800)
        part.check("sam build succeeds", status == 0, output)
        without_metric_math(build / "template.yaml")
        status, output = part.finish("sam-deploy", [
            *sam_deploy, "--template-file", build / "template.yaml", "--stack-name", STACK, "--resolve-s3",
            "--no-confirm-changeset", *overrides,
        ], env, 300)
        part.check("sam deploy succeeds", status == 0, output)

    def send(self, bodies: list[str], queue: str = "requests") -> None:
        def send(first: int) -> None:
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + 10])]
            answer = self._sqs.send_message_batch(QueueUrl=self._queues[queue], Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(answer["Failed"])

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(0, len(bodies), 10)))

    def count(self, queue: str) -> int:
        """Messages in a queue, those being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queues[queue], AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def take(self, queue: str) -> list[str]:
        """The bodies of all messages in a queue, which is empty then."""
        url, bodies = self._queues[queue], []
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def visibility(self, seconds: int) -> None:
        self._sqs.set_queue_attributes(
            QueueUrl=self._queues["requests"], Attributes={"VisibilityTimeout": str(seconds)}
        )

    def _attribute(self, queue: str, name: str):
        found = self._sqs.get_queue_attributes(QueueUrl=self._queues[queue], AttributeNames=[name])
        return json.loads(found["Attributes"][name])

    def pause_polling(self) -> None:
        """So that messages sent one after another come in one batch."""
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=False)

    def resume_polling(self) -> None:
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=True)

    def resource(self, name: str) -> str:
        found = self._client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def rule(self, resource: str) -> dict:
        bus = {"EventBusName": self.outputs["RequestBusName"]} if resource == "CancellationRequested" else {}
        return self._events.describe_rule(Name=self.resource(resource).rsplit("|")[-1].rsplit("/")[-1], **bus)

    def full_targets(self, rule: dict) -> list[dict]:
        return self._events.list_targets_by_rule(Rule=rule["Name"], EventBusName=rule["EventBusName"])["Targets"]

    def targets(self, rule: dict) -> list[str]:
        return [target["Arn"] for target in self.full_targets(rule)]

    def send_to(self, queue: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=queue, MessageBody=body)

    def collect_results(self, detail: dict) -> str:
        """A queue that gets the result events whose detail is so."""
        url = self._sqs.create_queue(QueueName="results")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus = PARAMETERS["ResultEventBusName"]
        pattern = {"source": ["batch-canceller"], "detail-type": ["Batch Job Cancellation Result"], "detail": detail}
        self._events.put_rule(Name="results", EventBusName=bus, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule="results", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def receive(self, queue: str, least: int) -> list[str]:
        """The messages of a queue, once there are at least so many."""
        bodies: list[str] = []

        def enough() -> bool:
            found = self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            bodies.extend(message["Body"] for message in found)
            return len(bodies) >= least

        wait_for("there are messages", 30, enough)
        return bodies

    def schedule(self) -> dict:
        return self._client("scheduler").get_schedule(Name=self.resource("ScheduledSweep").rsplit("/")[-1])

    def fire(self, schedule: dict) -> None:
        """Does now what a schedule does in time."""
        self._client("scheduler").create_schedule(
            Name="now", ScheduleExpression="at(2026-01-01T00:00:00)", FlexibleTimeWindow={"Mode": "OFF"},
            Target=schedule["Target"],
        )

    def told(self, outcome: str) -> int:
        """How often the function's log tells of an outcome."""
        found = self._client("logs").filter_log_events(
            logGroupName=self.outputs["LogGroupName"], filterPattern=f'"{outcome}"'
        )
        return sum(json.loads(event["message"]).get("outcome") == outcome for event in found["events"])

    def matches(self, rule: dict, event: dict) -> bool:
        return self._events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]

    def put_event(self, source: str, detail_type: str, detail: dict) -> None:
        bus = self.outputs["RequestBusName"]
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": bus}
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(answer["Entries"])

    def invoke_later(self, payload: dict) -> None:
        """An asynchronous invocation, as EventBridge makes them."""
        self._lambda.invoke(
            FunctionName=self.outputs["FunctionName"], InvocationType="Event", Payload=json.dumps(payload)
        )
