"""What happens in the afternoon: who asks for what, and when AWS Batch is in trouble."""

import random
import uuid
from datetime import UTC, datetime

from batch import Batch
from sqs import MINUTE, Message, Queue, request
from widgets import Deployment, Records

START = datetime(2026, 11, 9, 13, tzinfo=UTC).timestamp()
MINUTES = 180

PIPELINE = "AROAEXAMPLE0PIPELINE1:etl"
PREVIEWS = "AROAEXAMPLE0PREVIEWS1:previews"
JANITOR = "AROAEXAMPLE0JANITOR01:nightly"
SCRIPT = "AIDAEXAMPLE0SOMEBODY1"

THROTTLED = {"kind": {"error": {"status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests"}}}
DOWN = {"kind": {"error": {"status": 500, "code": "ServerException", "message": "Internal server error"}}}
USUAL = [{"kind": {"latencyMs": 25}}]


class Afternoon:
    def __init__(self, batch: Batch, deployment: Deployment):
        self._batch = batch
        self._dice = random.Random(11)
        self._records = Records(START, START + MINUTES * MINUTE)
        self._queue = Queue(batch, deployment, self._records)
        self._messages: list[Message] = []
        self._jobs: list[dict] = []
        # What is to be done to AWS Batch from which minute on.
        self._troubles: list[tuple[int, list[dict]]] = []
        self._always: list[dict] = []

    def pass_by(self) -> Records:
        self._quiet()
        self._dry_run(at=12)
        self._superseded_run(at=31)
        self._malformed(at=62, until=82)
        self._throttling(at=80, until=102)
        self._refused(at=112)
        self._outage(at=122, until=128)
        self._denied(at=142)
        self._unknown(at=150, until=174)
        self._late(at=164)
        self._batch.ask("PUT", "fleet", {"jobs": self._jobs, "faults": USUAL + self._always})
        self._queue.run(self._messages, self._before)
        return self._records

    def _before(self, time: float) -> None:
        while self._troubles and START + self._troubles[0][0] * MINUTE <= time:
            _, faults = self._troubles.pop(0)
            self._batch.ask("DELETE", "faults", None)
            for fault in self._always + faults + USUAL:
                self._batch.ask("POST", "faults", fault)

    def _quiet(self) -> None:
        """A few requests now and then, some too late."""
        minute = 0.0
        while minute < MINUTES - 1:
            for _ in range(self._dice.randint(1, 5)):
                status = self._dice.choices(["RUNNABLE", "RUNNING", "SUCCEEDED"], [85, 7, 8])[0]
                self._ask(minute, self._job("preview-home", "previews", status), "A newer commit was pushed.", PREVIEWS)
            minute += self._dice.uniform(1.5, 4.5)

    def _dry_run(self, at: int) -> None:
        """Somebody tries first what the superseded run would cost."""
        for _ in range(70):
            job = self._job("etl-orders", "nightly", "RUNNABLE")
            self._ask(at, job, "Superseded by run 43.", JANITOR, dryRun=True)

    def _superseded_run(self, at: int) -> None:
        for number in range(640):
            status = "RUNNING" if number % 16 == 5 else "SUCCEEDED" if number % 9 == 4 else "RUNNABLE"
            job = self._job("etl-orders", "nightly", status)
            self._ask(at + number // 160 * 1.9, job, "Superseded by run 43.", JANITOR)

    def _malformed(self, at: int, until: int) -> None:
        """A producer has forgotten the reason."""
        for minute in range(at, until, 2):
            for _ in range(3):
                self._send(minute, request(jobId=self._id()), PIPELINE)

    def _throttling(self, at: int, until: int) -> None:
        """Others use up the account's rate of calls, while requests go on."""
        self._troubles += [
            (at, [THROTTLED | {"when": {"rate": 0.55}}]),
            (at + 7, [THROTTLED | {"when": {"rate": 0.75}}]),
            (at + 15, [THROTTLED | {"when": {"rate": 0.5}}]),
            (until, []),
        ]
        for number in range((until - at) * 14):
            job = self._job("thumbnail-batch", "media", "RUNNABLE")
            self._ask(at + number // 14, job, "The album was deleted.", PIPELINE)

    def _refused(self, at: int) -> None:
        """Jobs that another team's guard keeps from the function's role."""
        for _ in range(3):
            job = self._job("payroll", "finance", "RUNNABLE")
            text = "User: batch-canceller is not authorized to perform: batch:CancelJob with an explicit deny"
            refusal = {"code": "AccessDeniedException", "message": text}
            self._always += [
                {"kind": {"item": refusal}, "operation": "CancelJobs", "job": job},
                {"kind": {"error": refusal | {"status": 403}}, "operation": "CancelJob", "job": job},
            ]
            self._ask(at, job, "Superseded by run 43.", JANITOR)

    def _outage(self, at: int, until: int) -> None:
        self._troubles += [(at, [DOWN]), (until, [])]
        for number in range(60):
            job = self._job("thumbnail-batch", "media", "RUNNABLE")
            self._ask(at + number // 20 * 1.5, job, "The album was deleted.", PIPELINE)

    def _denied(self, at: int) -> None:
        """A clean-up names jobs that are protected by their tag."""
        for _ in range(45):
            job = self._job("simulate-flood", "research", "RUNNABLE", tags={"cancel-protection": "true"})
            self._ask(at, job, "Older than two days.", JANITOR)

    def _unknown(self, at: int, until: int) -> None:
        for minute in range(at, until, 3):
            for _ in range(self._dice.randint(1, 3)):
                self._ask(minute, self._id(), "A newer commit was pushed.", PREVIEWS)

    def _late(self, at: int) -> None:
        """A few of everything, at the end of the day."""
        for minute in range(at, at + 14, 4):
            job = self._job("simulate-flood", "research", "RUNNABLE", tags={"cancel-protection": "true"})
            self._ask(minute + 0.3, job, "Older than two days.", JANITOR)
            self._send(minute + 1.6, "please cancel the orders job, thanks", SCRIPT)

    def _job(self, name: str, queue: str, status: str, tags: dict | None = None) -> str:
        job = self._id()
        self._jobs.append({"id": job, "name": name, "queue": queue, "status": status, "tags": tags or {}})
        return job

    def _ask(self, minute: float, job: str, reason: str, sender: str, **more: object) -> None:
        self._send(minute, request(jobId=job, reason=reason, **more), sender)

    def _send(self, minute: float, body: str, sender: str) -> None:
        self._messages.append(Message(self._id(), sender, body, START + minute * MINUTE))

    def _id(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
