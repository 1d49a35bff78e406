"""The release bootstrap under Lambda's Runtime Interface Emulator."""

import json
import re
import resource
from pathlib import Path

from beds import Rie, Sim, local_answers
from harness import ACCOUNT, ROOT, Part, json_lines, wait_for

# As examples/local sets them on its embedded Batch.
SETTINGS = {"ALLOW_TERMINATE": "true", "CONFIRM_TIMEOUT_MS": "400", "MAX_ATTEMPTS": "3",
            "PATIENCE_MS": "500"}
JOB = "aaaaaaaa-0000-4000-8000-{:012}"


def run(part: Part) -> None:
    sample_events(part)
    failures_and_reuse(part)
    deadline(part)
    panic(part)
    refusal_to_start(part)


def sample_events(part: Part) -> None:
    """Every sample gives the answer that the local run gives."""
    # The emulator's account is its own: the jobs and the requests move there, and the answers back.
    moved = (ROOT / "examples/fleet.json").read_text().replace(ACCOUNT, Rie.ACCOUNT)
    fleet = json.loads(moved) | {"settings": {"account": Rie.ACCOUNT}}
    sim = Sim(part, fleet, "samples-batch-sim")
    rie = Rie(part, SETTINGS | {"AWS_ENDPOINT_URL_BATCH": sim.url}, name="samples-rie")
    events = sorted((ROOT / "events").glob("*.json"))
    part.check("there are sample events", len(events) > 0)
    for number, (event, expected) in enumerate(zip(events, local_answers(events), strict=True), start=1):
        payload = json.loads(event.read_text().replace(ACCOUNT, Rie.ACCOUNT))
        answer = json.loads(json.dumps(rie.invoke(payload)).replace(Rie.ACCOUNT, ACCOUNT))
        started = re.findall(r"^START RequestId: (\S+)", rie.log(), re.MULTILINE)
        request_id = started[-1] if started else ""
        part.equal(f"{event.name} is answered as in the local run",
                   comparable(answer, request_id), comparable(expected, f"local-{number}"))


def comparable(answer: dict, request_id: str) -> object:
    """An answer without what differs from run to run: the request's id, and how often a job was looked at or tried."""
    document = json.loads(json.dumps(answer).replace(request_id, "REQUEST"))
    if document.get("errorType") == "CancellationIncomplete":
        document["errorMessage"] = json.loads(document["errorMessage"])
    for report in (document, document.get("errorMessage")):
        if isinstance(report, dict) and "summary" in report:
            del report["summary"]["apiCalls"], report["summary"]["retries"]
            for result in report["results"]:
                if result["outcome"] == "unavailable":
                    del result["attempts"]
    return document


def failures_and_reuse(part: Part) -> None:
    """A failed invocation says so in the way that Step Functions and destinations read; the process stays."""
    jobs = [JOB.format(number) for number in range(3)]
    sim = Sim(part, {"jobs": [{"id": job} for job in jobs]}, "failures-batch-sim")
    sim.ask("POST", "faults", {"kind": {"error": {"status": 500}}, "operation": "CancelJob", "job": jobs[1]})
    rie = Rie(part, SETTINGS | {"AWS_ENDPOINT_URL_BATCH": sim.url}, name="failures-rie")
    answers, pids = [], []
    for job in jobs:
        answers.append(rie.invoke({"jobId": job, "reason": "Superseded."}))
        pids.append(rie.pids())
    failed = answers[1]
    part.equal("a failed invocation's errorType", failed.get("errorType"), "CancellationIncomplete")
    report = json.loads(failed.get("errorMessage", "null"))
    part.equal("its errorMessage is the report", [(result["jobId"], result["outcome"]) for result in report["results"]],
               [(jobs[1], "unavailable")])
    part.check("invocations before and after it succeed",
               all(answers[n]["results"][0]["outcome"] == "cancelled" for n in (0, 2)), answers)
    part.check("the process is reused", len(pids[0]) == 1 and pids[0] == pids[1] == pids[2], pids)


def deadline(part: Part) -> None:
    """When Batch never answers, the function does, before Lambda's time is up and the process is killed."""
    jobs = [JOB.format(number) for number in range(3)]
    sim = Sim(part, {"jobs": [{"id": job} for job in jobs], "faults": [{"kind": "hang"}]}, "deadline-batch-sim")
    env = {"AWS_ENDPOINT_URL_BATCH": sim.url, "AWS_LAMBDA_FUNCTION_TIMEOUT": "4", "ATTEMPT_TIMEOUT_MS": "60000"}
    rie = Rie(part, env, name="deadline-rie")
    queue = f"arn:aws:sqs:us-east-1:{Rie.ACCOUNT}:requests"
    messages = [{"messageId": f"message-{n}", "eventSource": "aws:sqs", "eventSourceARN": queue,
                 "body": json.dumps({"jobId": job, "reason": "Superseded."})} for n, job in enumerate(jobs)]
    answer = rie.invoke({"Records": messages})
    part.equal("when Batch hangs, every message comes back before the deadline", answer,
               {"batchItemFailures": [{"itemIdentifier": f"message-{n}"} for n in range(3)]})
    before = rie.pids()
    sim.ask("DELETE", "faults")
    answer = rie.invoke({"Records": messages})
    part.equal("once it answers, they are settled", answer, {"batchItemFailures": []})
    part.check("by the same process", len(before) == 1 and rie.pids() == before, (before, rie.pids()))


def panic(part: Part) -> None:
    """A panic fails its invocation and no other.

    The function has no code that panics on purpose. But looking up a host name needs a thread, and the runtime
    panics when the system has none to give: so for one invocation the process may not grow by a thread's stack.
    """
    job = JOB.format(0)
    sim = Sim(part, {"jobs": [{"id": job}]}, "panic-batch-sim")
    by_name = sim.url.replace("127.0.0.1", "localhost")
    rie = Rie(part, SETTINGS | {"AWS_ENDPOINT_URL_BATCH": by_name}, name="panic-rie")
    dry_run = {"jobId": job, "reason": "Superseded.", "dryRun": True}
    rejected = rie.invoke({"jobId": job, "reason": ""})  # starts the process, and calls nothing
    part.equal("an invocation before the panic is answered", rejected.get("errorType"), "CancellationIncomplete")
    [pid] = rie.pids()
    # An idle thread would do the look-up; the runtime ends it after 10 seconds.
    wait_for("the function has one thread", 30, lambda: len(list(Path(f"/proc/{pid}/task").iterdir())) == 1)
    status = Path(f"/proc/{pid}/status").read_text()
    size = int(re.search(r"VmSize:\s+(\d+) kB", status)[1]) * 1024
    _, most = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (size + 1024 * 1024, most))
    panicked = rie.invoke(dry_run)
    resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
    part.check("a panic is reported as one", "panicked" in panicked.get("errorMessage", ""), panicked)
    after = rie.invoke(dry_run)
    part.check("the next invocation succeeds",
               after.get("results", [{}])[0].get("outcome") == "would_cancel", after)
    part.equal("in the same process", rie.pids(), [pid])


def refusal_to_start(part: Part) -> None:
    """A setting that is not valid stops the function at start, so that messages stay in their queue."""
    rie = Rie(part, {"BULK": "maybe"}, name="refusal-rie")
    answer = rie.invoke({"jobId": JOB.format(0), "reason": "Superseded."})
    part.check("a function with an invalid setting answers nothing", not answer or "errorType" in answer, answer)
    [line] = [line for line in json_lines(rie.log()) if line["level"] == "ERROR"]
    part.check("and names the variable, its value and what is allowed",
               all(word in line["message"] for word in ("BULK", "maybe", "auto or off")), line)
