"""The pages' programs: Python that compiles and does what it says, HCL that parses, and the loop of the redrive."""

import ast
import json
import os
import re
import shutil
import sys
import types

from harness import ROOT, Part

# What `aws` is to the loop: a queue of files, and a log of what it was asked.
AWS = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
words, here = sys.argv[1:], Path(__file__).parent
messages = sorted(here.glob("*.message"))
said = open(here / "said", "a")
if words[:2] == ["cloudformation", "describe-stacks"]:
    print("queue:" + words[words.index("--query") + 1].split("'")[1])
elif words[:2] == ["sqs", "receive-message"]:
    assert words[words.index("--queue-url") + 1] == "queue:EventDeadLetterQueueUrl", words
    if messages:
        print(json.dumps({"Messages": [{"Body": messages[0].read_text(), "ReceiptHandle": messages[0].name}]}))
elif words[:2] == ["sqs", "send-message"]:
    request = json.load(open(words[words.index("--cli-input-json") + 1].removeprefix("file://")))
    if (here / "refuses").exists():
        sys.exit(254)
    said.write(json.dumps(["sent", request["QueueUrl"], request["MessageBody"]]) + "\\n")
elif words[:2] == ["sqs", "delete-message"]:
    (here / words[words.index("--receipt-handle") + 1]).unlink()
    said.write(json.dumps(["deleted"]) + "\\n")
else:
    sys.exit(f"what is {words}?")
"""


def run(part: Part) -> None:
    python(part)
    hcl(part)
    redrive(part)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


def python(part: Part) -> None:
    found = blocks("docs/callers.md", "python")
    for number, text in enumerate(found):
        ast.parse(text, f"docs/callers.md, Python block {number}")
    part.equal("docs/callers.md's Python is Python", len(found), 1)

    sent = []
    queue = types.SimpleNamespace(send_message=lambda **message: sent.append(message))
    sys.modules["boto3"], real = types.SimpleNamespace(client=lambda _: queue), sys.modules.get("boto3")
    names: dict = {}
    exec(found[0], names)
    submitted = [{"job_id": f"job-{n}"} for n in range(1001)] + [None]
    context = {
        "dag": types.SimpleNamespace(task_ids={"a", "b"}), "run_id": "manual__1",
        "ti": types.SimpleNamespace(xcom_pull=lambda task_ids, key: submitted if key == "batch_job_details" else None),
    }
    names["cancel_batch_jobs"](context)
    del sys.modules["boto3"]
    if real:
        sys.modules["boto3"] = real
    bodies = [json.loads(message["MessageBody"]) for message in sent]
    part.equal("Airflow's callback names each job that was submitted, in lists that a request may have",
               ([len(body["jobIds"]) for body in bodies], {body["reason"] for body in bodies}),
               ([1000, 1], {"DAG run manual__1 failed."}))


def hcl(part: Part) -> None:
    try:
        import hcl2
    except ImportError:
        part.skip("docs/callers.md's HCL parses", "python-hcl2 is not installed")
        return
    found = blocks("docs/callers.md", "hcl")
    for text in found:
        hcl2.loads(text)
    part.equal("docs/callers.md's HCL parses", len(found), 2)


def redrive(part: Part) -> None:
    """docs/operations.md's loop, with a stand-in for `aws`: whether a message is deleted only once it was sent."""
    if not shutil.which("jq"):
        part.skip("the loop moves every event", "jq is not installed")
        return
    page = (ROOT / "docs/operations.md").read_text()
    words, loop = (re.search(rf"<!-- {mark} -->\n```sh\n(.*?)^```$", page, re.M | re.S)[1]
                   for mark in ("needs an AWS account", "e2e: redrive"))
    bodies = [(ROOT / "events" / name).read_text() for name in ("direct-failed-invocation.json", "eventbridge-custom.json")]
    bodies.append(json.dumps({"jobId": "a", "reason": "r" * 200_000}))  # longer than one argument may be
    folder = part.logs / "aws"
    folder.mkdir()
    (folder / "aws").write_text(AWS)
    (folder / "aws").chmod(0o755)
    for number, body in enumerate(bodies):
        (folder / f"{number}.message").write_text(body)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    (folder / "refuses").touch()
    part.finish("redrive", ["bash", "-uo", "pipefail", "-c", words + loop], env, 60)
    part.equal("what the queue does not take is not deleted", len(list(folder.glob("*.message"))), len(bodies))
    (folder / "refuses").unlink()
    status, output = part.finish("redrive", ["bash", "-uo", "pipefail", "-c", words + loop], env, 60)
    said = [json.loads(line) for line in (folder / "said").read_text().splitlines()]
    expected = [step for body in bodies for step in (["sent", "queue:QueueUrl", body], ["deleted"])]
    part.check("the loop moves every event as it is, and ends", said == expected and not list(folder.glob("*.message")),
               f"{status}: {output} {str(said)[:500]}")
