"""A small model of an SQS queue with a dead-letter queue, and of Lambda's pollers, which feed the function from it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time as now

from batch import Batch, Invocation
from widgets import Deployment, Records

MINUTE = 60


@dataclass
class Message:
    id: str
    sender: str
    body: str
    sent: float
    visible: float = 0.0
    receives: int = 0
    # From when until when it waited, and was in work or hidden.
    waits: list[tuple[float, float]] = field(default_factory=list)
    works: list[tuple[float, float]] = field(default_factory=list)
    gone: float = float("inf")
    dead: float = float("inf")

    def __post_init__(self) -> None:
        self.visible = self.sent


class Queue:
    def __init__(self, batch: Batch, deployment: Deployment, records: Records):
        self._batch = batch
        self._deployment = deployment
        self._records = records
        self._runs: list[tuple[float, float]] = []

    def run(self, messages: list[Message], before: Callable[[float], None]) -> None:
        """Deals with messages until the records end. `before` is told the time before each invocation."""
        own = self._deployment
        pollers = [self._records.start] * own.concurrency
        waiting = list(messages)
        while waiting:
            waiting.sort(key=lambda message: (message.visible, message.id))
            if waiting[0].receives >= own.receives:
                self._bury(waiting.pop(0))
                continue
            poller = min(range(len(pollers)), key=lambda each: pollers[each])
            opened = max(waiting[0].visible, pollers[poller])
            if opened >= self._records.end:
                break
            ripe = [each for each in waiting if each.visible <= opened + own.window and each.receives < own.receives]
            taken = ripe[:own.batch_size]
            start = taken[-1].visible if len(taken) == own.batch_size else opened + own.window
            start = max(start, opened)
            before(start)
            invocation = self._batch.invoke(self._event(taken, start), own.timeout)
            pollers[poller] = start + invocation.seconds
            self._record(invocation, start)
            for message in taken:
                message.receives += 1
                message.waits.append((message.visible, start))
                if message.id in invocation.handed_back or invocation.failed:
                    message.visible = start + own.visibility
                    message.works.append((start, message.visible))
                else:
                    message.gone = start + invocation.seconds
                    message.works.append((start, message.gone))
                    waiting.remove(message)
        for message in waiting:
            message.waits.append((message.visible, float("inf")))
        self._measure(messages)

    @staticmethod
    def _bury(message: Message) -> None:
        message.dead = message.gone = message.visible

    def _event(self, messages: list[Message], start: float) -> dict:
        """The messages as Lambda would hand them over. The function's clock is the real one, so their ages are kept."""
        return {"Records": [{
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.receives + 1),
                "SentTimestamp": str(int((now() - start + message.sent) * 1000)),
                "SenderId": message.sender,
                "ApproximateFirstReceiveTimestamp": str(int((now() - start + message.sent) * 1000)),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{self._deployment.queue}",
            "awsRegion": "us-east-1",
        } for message in messages]}

    def _record(self, invocation: Invocation, start: float) -> None:
        self._runs.append((start, start + invocation.seconds))
        for metric, count in invocation.counts.items():
            self._records.put(metric, "Count", start + invocation.seconds, count)
        for after, line in invocation.lines:
            time = datetime.fromtimestamp(start + after, UTC)
            self._records.lines.append(line | {"@timestamp": time.isoformat(" ", "milliseconds")[:23]})
        function = ("FunctionName", self._deployment.function)
        put = self._records.put
        put(("AWS/Lambda", "Duration", *function), "Milliseconds", start, invocation.seconds * 1000)
        put(("AWS/Lambda", "Errors", *function), "Count", start, int(invocation.failed))
        put(("AWS/Lambda", "Throttles", *function), "Count", start, 0)
        at_once = sum(began <= start < ended for began, ended in self._runs)
        put(("AWS/Lambda", "ConcurrentExecutions", *function), "Count", start, at_once)

    def _measure(self, messages: list[Message]) -> None:
        """What SQS says of its queues, each minute."""
        own, records = self._deployment, self._records

        def put(name: str, queue: str, unit: str, time: float, value: float) -> None:
            records.put(("AWS/SQS", name, "QueueName", queue), unit, time, value)

        for minute in range(int(records.start), int(records.end), MINUTE):
            here = [each for each in messages if each.sent <= minute < each.gone]
            waiting = sum(begin <= minute < end for each in messages for begin, end in each.waits)
            working = sum(begin <= minute < end for each in messages for begin, end in each.works)
            put("ApproximateNumberOfMessagesVisible", own.queue, "Count", minute, waiting)
            put("ApproximateNumberOfMessagesNotVisible", own.queue, "Count", minute, working)
            oldest = max((minute - each.sent for each in here), default=0)
            put("ApproximateAgeOfOldestMessage", own.queue, "Seconds", minute, oldest)
            dead = sum(each.dead <= minute for each in messages)
            put("ApproximateNumberOfMessagesVisible", own.request_dead_letters, "Count", minute, dead)
            put("ApproximateNumberOfMessagesVisible", own.event_dead_letters, "Count", minute, 0)


def request(**fields: object) -> str:
    return json.dumps(fields)
