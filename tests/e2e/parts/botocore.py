"""The contract: what goes over the wire, judged by botocore's own model of AWS Batch."""

import json

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.parsers
import botocore.session
import botocore.validate
from botocore.config import Config
from botocore.model import OperationModel, Shape

from beds import Rie, Sim
from harness import AWS, REGION, Part
from recorder import Exchange, Recorder

MODEL = botocore.session.get_session().get_service_model("batch")
OPERATIONS = {
    (operation.http["method"], operation.http["requestUri"]): operation
    for operation in map(MODEL.operation_model, MODEL.operation_names)
}
REASON = "Superseded by run 42 – “größer”."


def job(number: int) -> str:
    return f"bbbbbbbb-0000-4000-8000-{number:012}"


def run(part: Part) -> None:
    judge(part, traffic(part))
    drive(part)


def traffic(part: Part) -> list[Exchange]:
    """All that the function says to Batch, in invocations that make it use every operation it has."""
    sim = Sim(part, {"jobs": [{"id": job(n), "tags": {"team": "etl"}, "status": "PENDING" if n % 2 else "RUNNABLE"}
                              for n in range(230)] + [{"id": "parent", "array": ["RUNNING", "RUNNABLE"]}]})
    sim.ask("POST", "faults", {"kind": {"item": {"code": "AccessDenied", "message": "no"}}, "job": job(3)})
    sim.ask("POST", "faults", {"kind": {"error": {"status": 429, "code": "TooManyRequestsException"}},
                               "operation": "CancelJob", "when": {"first": 1}})
    recorder = Recorder(part, sim.url)
    rie = Rie(part, {"ALLOW_TERMINATE": "true", "AWS_ENDPOINT_URL_BATCH": recorder.url})
    answers = [
        rie.invoke({"reason": REASON} | request)
        for request in (
            {"jobId": job(0)},
            {"jobIds": [job(n) for n in range(1, 121)]},  # more than one call describes, and cancels
            {"jobId": job(200), "action": "terminate"},
            {"jobIds": [job(n) for n in range(201, 211)], "action": "terminate"},
            {"jobIds": ["parent:1", "parent", "no-such-job"]},
            {"jobId": job(220), "reason": "x" * 2000},
        )
    ]
    outcomes = [sorted({result["outcome"] for result in report["results"]}) for report in map(report_of, answers)]
    part.equal("the traffic is of cancels and terminates that work", outcomes,
               [["cancelled"], ["cancelled", "refused"], ["terminated"], ["terminated"],
                ["cancelled", "cancelling", "not_found"], ["cancelled"]])
    truth = sim.jobs()
    part.equal("a reason arrives as it was sent", truth[job(0)].get("statusReason"), REASON)
    return recorder.exchanges


def report_of(answer: dict) -> dict:
    return json.loads(answer["errorMessage"]) if "errorMessage" in answer else answer


def judge(part: Part, exchanges: list[Exchange]) -> None:
    part.equal("every request is one of Batch's operations",
               {(e.method, e.path) for e in exchanges} - OPERATIONS.keys(), set())
    for name in ("DescribeJobs", "CancelJob", "CancelJobs", "TerminateJob", "TerminateJobs"):
        model = MODEL.operation_model(name)
        mine = [e for e in exchanges if OPERATIONS.get((e.method, e.path)) == model]
        part.check(f"{name} is called", len(mine) > 0)
        part.equal(f"{name}: requests fit the model", problems(request_problems, model, mine), [])
        part.equal(f"{name}: requests are signed as botocore signs", problems(signature_problems, model, mine), [])
        answered = [e for e in mine if e.status == 200]
        part.check(f"{name} is answered", len(answered) > 0)
        part.equal(f"{name}: batch-sim's answers fit the model", problems(answer_problems, model, answered), [])
    sizes = [len(json.loads(e.body)["jobs"]) for e in exchanges if e.path == "/v1/canceljobs"]
    part.check("CancelJobs names 50 jobs at most, and does name 50", max(sizes) == 50, sizes)
    sizes = [len(json.loads(e.body)["jobs"]) for e in exchanges if e.path == "/v1/describejobs"]
    part.check("DescribeJobs names 100 jobs at most, and does name 100", max(sizes) == 100, sizes)
    reasons = {json.loads(e.body)["reason"] for e in exchanges if "reason" in json.loads(e.body)}
    part.equal("the longest reason has 1,024 characters", max(map(len, reasons)), 1024)
    # The judges can say no.
    model = MODEL.operation_model("CancelJob")
    good = next(e for e in exchanges if e.path == "/v1/canceljob")
    bad = Exchange(**vars(good) | {"body": b'{"jobId":7,"raison":"x"}'})
    part.check("a wrong request would be noticed", len(request_problems(model, bad)) == 3, request_problems(model, bad))
    part.check("a wrong signature would be noticed", signature_problems(model, bad) != [])
    bad = Exchange(**vars(good) | {"answer": b'{"jobs":[]}'})
    part.check("a wrong answer would be noticed", answer_problems(model, bad) != [])


def problems(judge, model: OperationModel, exchanges: list[Exchange]) -> list:
    return [problem for exchange in exchanges for problem in judge(model, exchange)]


def request_problems(model: OperationModel, exchange: Exchange) -> list[str]:
    params = json.loads(exchange.body)
    report = botocore.validate.ParamValidator().validate(params, model.input_shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    if exchange.headers.get("content-type") != "application/json":
        found.append(f"content-type is {exchange.headers.get('content-type')}")
    return found


def answer_problems(model: OperationModel, exchange: Exchange) -> list[str]:
    """What botocore's parser rejects, or would pass over in silence."""
    response = {"status_code": exchange.status, "headers": exchange.answer_headers, "body": exchange.answer}
    parsed = botocore.parsers.create_parser("rest-json").parse(response, model.output_shape)
    parsed.pop("ResponseMetadata")
    report = botocore.validate.ParamValidator().validate(parsed, model.output_shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    # The model requires it, but a job that has not started has none to show.
    waiting = [n for n, job in enumerate(parsed.get("jobs", [])) if job["status"] in ("PENDING", "RUNNABLE", "FAILED")]
    known = {f'Missing required parameter in jobs[{n}]: "startedAt"' for n in waiting}
    found = [problem for problem in found if problem not in known]
    return found + unknown_members(json.loads(exchange.answer or b"{}"), model.output_shape)


def unknown_members(value: object, shape: Shape, path: str = "") -> list[str]:
    """Members that the model does not have: they would mean nothing to anyone."""
    match shape.type_name, value:
        case "structure", dict():
            names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
            found = [f"{path}.{name} is not in the model" for name in value.keys() - names.keys()]
            known = [(names[name], item, f"{path}.{name}") for name, item in value.items() if name in names]
        case "list", list():
            found, known = [], [(shape.member, item, f"{path}[]") for item in value]
        case "map", dict():
            found, known = [], [(shape.value, item, f"{path}.{name}") for name, item in value.items()]
        case _:
            return []
    return found + [problem for member, item, at in known for problem in unknown_members(item, member, at)]


def signature_problems(_: OperationModel, exchange: Exchange) -> list[str]:
    """The signature that botocore makes of the same request, against the one that was sent."""
    sent = exchange.headers.get("authorization", "")
    if f"/{REGION}/batch/aws4_request" not in sent:
        return [f"it is not signed for Batch: {sent}"]
    signed = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: exchange.headers[name] for name in signed}
    url = f"http://{exchange.headers['host']}{exchange.path}"
    request = botocore.awsrequest.AWSRequest(exchange.method, url, headers, exchange.body)
    request.context["timestamp"] = exchange.headers["x-amz-date"]
    keys = botocore.credentials.Credentials(AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"])
    auth = botocore.auth.SigV4Auth(keys, "batch", REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return [] if sent.endswith(f"Signature={expected}") else [f"{sent} should end with {expected}"]


def drive(part: Part) -> None:
    """batch-sim, used by a client that no one here wrote."""
    sim = Sim(part, {"jobs": [{"id": job(n), "name": f"etl-{n}", "queue": "nightly"} for n in range(8)]
                     + [{"id": "busy", "status": "RUNNING"}, {"id": "parent", "array": ["RUNNING", "RUNNABLE"]}]},
              "driven-batch-sim")
    batch = boto3.client("batch", endpoint_url=sim.url, region_name=REGION, aws_access_key_id="local",
                         aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))

    def states(*ids: str) -> list[tuple]:
        jobs = {found["jobId"]: found for found in batch.describe_jobs(jobs=list(ids))["jobs"]}
        return [(found["status"], found.get("isCancelled"), found.get("isTerminated"), found.get("statusReason"))
                for found in map(jobs.get, ids) if found]

    found = batch.describe_jobs(jobs=[job(0), "no-such-job"])["jobs"]
    part.equal("DescribeJobs shows known jobs only", [(j["jobId"], j["jobName"], j["status"]) for j in found],
               [(job(0), "etl-0", "RUNNABLE")])
    batch.cancel_job(jobId=job(0), reason="one")
    batch.terminate_job(jobId="busy", reason="two")
    part.equal("CancelJob and TerminateJob end jobs", states(job(0), "busy"),
               [("FAILED", True, False, "one"), ("FAILED", False, True, "two")])
    answer = batch.cancel_jobs(jobs=[job(1), job(2), "no-such-job"], reason="three")
    part.equal("CancelJobs counts unknown jobs as successful", answer["successful"], [job(1), job(2), "no-such-job"])
    answer = batch.terminate_jobs(jobs=[job(3), "parent:0"], reason="four")
    part.equal("TerminateJobs answers for each job", (answer["successful"], answer["errors"]),
               ([job(3), "parent:0"], []))
    part.equal("the bulk calls end jobs", [state[0] for state in states(job(1), job(2), job(3), "parent:0")],
               ["FAILED"] * 4)
    pages = batch.get_paginator("list_jobs").paginate(
        jobQueue="nightly", jobStatus="RUNNABLE", PaginationConfig={"PageSize": 3}
    )
    pages = [[summary["jobId"] for summary in page["jobSummaryList"]] for page in pages]
    part.equal("ListJobs pages", (sorted(sum(pages, [])), len(pages)), ([job(n) for n in range(4, 8)], 2))
    by_name = batch.list_jobs(jobQueue="nightly", filters=[{"name": "JOB_NAME", "values": ["ETL-4*"]}])
    part.equal("ListJobs filters by name", [s["jobName"] for s in by_name["jobSummaryList"]], ["etl-4"])

    def error(call, **arguments) -> tuple:
        try:
            return "no error", call(**arguments)
        except botocore.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"], type(error)

    part.equal("a reason that is too long is a ClientException",
               error(batch.cancel_job, jobId=job(4), reason="x" * 1025),
               (400, "ClientException", batch.exceptions.ClientException))
    for status, code, kind in (
        (500, "ServerException", batch.exceptions.ServerException),
        (429, "TooManyRequestsException", botocore.exceptions.ClientError),
        (403, "AccessDeniedException", botocore.exceptions.ClientError),
    ):
        sim.ask("POST", "faults", {"kind": {"error": {"status": status, "code": code, "message": "no"}}})
        for call, arguments in ((batch.cancel_job, {"jobId": job(4), "reason": "r"}),
                                (batch.cancel_jobs, {"jobs": [job(4)], "reason": "r"}),
                                (batch.describe_jobs, {"jobs": [job(4)]})):
            part.equal(f"{code} of {call.__name__} is one to boto3", error(call, **arguments), (status, code, kind))
        sim.ask("DELETE", "faults")
    sim.ask("POST", "faults", {"kind": {"item": {"code": "ThrottlingException", "message": "slow"}}, "job": job(5)})
    answer = batch.cancel_jobs(jobs=[job(4), job(5)], reason="five")
    part.equal("a failed item of a bulk call is one to boto3", (answer["successful"], answer["errors"]),
               ([job(4)], [{"job": job(5), "code": "ThrottlingException", "message": "slow"}]))
    sim.ask("PUT", "settings", {"bulk": "missing403"})
    part.equal("a Batch without bulk calls says so to boto3", error(batch.cancel_jobs, jobs=[job(6)], reason="r"),
               (403, "MissingAuthenticationTokenException", botocore.exceptions.ClientError))
    sim.ask("POST", "faults", {"kind": "drop"})
    try:
        outcome = batch.describe_jobs(jobs=[job(6)])
    except botocore.exceptions.ConnectionClosedError as closed:
        outcome = type(closed)
    part.equal("a lost answer is one to boto3", outcome, botocore.exceptions.ConnectionClosedError)
