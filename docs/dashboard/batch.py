"""The function, and the embedded AWS Batch that it runs on."""

import json
import os
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass
class Invocation:
    """What one invocation answered and logged. The lines' times are seconds since it began."""

    handed_back: set[str]
    failed: bool
    seconds: float
    lines: list[tuple[float, dict]]
    counts: dict[tuple, int]


class Batch:
    def __init__(self, binaries: Path, policy: Path):
        self._local = binaries / "examples/local"
        self._settings = {"PATH": os.environ["PATH"], "POLICY": policy.read_text()}
        self._sim = subprocess.Popen([binaries / "batch-sim"], stdout=subprocess.PIPE, text=True)
        self._url = self._sim.stdout.readline().split()[-1]
        self._payload = tempfile.NamedTemporaryFile("w", suffix=".json")
        self.ask("PUT", "settings", {"lag": {"forMs": 120}, "logCalls": False})

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, *_error) -> None:
        self._sim.kill()
        self._sim.wait()
        self._payload.close()

    def ask(self, method: str, what: str, body: object) -> None:
        request = urllib.request.Request(f"{self._url}/_sim/{what}", json.dumps(body).encode(), method=method)
        urllib.request.urlopen(request).close()

    def invoke(self, event: dict, seconds: int) -> Invocation:
        """Runs the function with one event and so much time."""
        self._payload.seek(0)
        self._payload.truncate()
        json.dump(event, self._payload)
        self._payload.flush()
        run = subprocess.run(
            [self._local, "--logs", "--json", "--endpoint", self._url, "--yes", "--remaining-ms", str(seconds * 1000),
             self._payload.name],
            env=self._settings, check=True, capture_output=True, text=True)
        answer = json.loads(run.stdout)
        lines = [json.loads(line) for line in run.stderr.splitlines()]
        [summary] = [line for line in lines if "durationMs" in line]
        began = _seconds(summary) - summary["durationMs"] / 1000
        return Invocation(
            handed_back={failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])},
            failed="errorType" in answer,
            seconds=summary["durationMs"] / 1000,
            lines=[(_seconds(line) - began, line) for line in lines],
            counts=_counts(lines),
        )


def _seconds(line: dict) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _counts(lines: list[dict]) -> dict[tuple, int]:
    """The metrics that CloudWatch would take from these lines: namespace, name, and dimensions."""
    counts = {}
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            [dimensions] = directive["Dimensions"]
            pairs = [part for name in dimensions for part in (name, line[name])]
            for metric in directive["Metrics"]:
                counts[(directive["Namespace"], metric["Name"], *pairs)] = line[metric["Name"]]
    return counts
