"""The test beds: the function's binaries, the simulated Batch, and Lambda's Runtime Interface Emulator."""

import functools
import json
import os
import subprocess
from pathlib import Path

import samcli

from harness import AWS, CLEAN, ROOT, TARGET, Part, free_port, http, listens, wait_for


# Binaries to test instead of building them: batch-canceller, batch-sim and examples/local, in this folder.
BUILT = os.environ.get("E2E_BINARIES")


@functools.cache
def debug_build() -> Path:
    """The folder with batch-sim and examples/local."""
    if BUILT:
        return Path(BUILT)
    # The packages that CI tests together, so that features, and with them all that is compiled, are the same.
    packages = ["--package", "batch-canceller", "--package", "batch-sim", "--package", "event-pattern"]
    subprocess.run(["cargo", "build", "--quiet", *packages, "--bins", "--example", "local"], cwd=ROOT, check=True)
    return TARGET / "debug"


@functools.cache
def bootstrap() -> Path:
    """The function as it is deployed."""
    if BUILT:
        return Path(BUILT) / "batch-canceller"
    build = ["cargo", "lambda", "build", "--release", "--bin", "batch-canceller"]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return TARGET / "lambda/batch-canceller/bootstrap"


class Sim:
    """A running batch-sim, steered by its admin API."""

    def __init__(self, part: Part, fleet: dict | None = None, name: str = "batch-sim"):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        process = part.start(name, [debug_build() / "batch-sim", "--port", port], {})
        wait_for("batch-sim listens", 20, lambda: listens(port), process)
        if fleet:
            self.ask("PUT", "fleet", fleet)

    def ask(self, method: str, what: str, body: object = None):
        status, answer = http(method, f"{self.url}/_sim/{what}", body)
        if status != 200:
            raise RuntimeError(f"batch-sim: {status} {answer}")
        return answer

    def reset(self, fleet: dict) -> None:
        self.ask("POST", "reset")
        self.ask("PUT", "fleet", fleet)

    def jobs(self) -> dict[str, dict]:
        return {job["id"]: job for job in self.ask("GET", "jobs")["jobs"]}

    def calls(self) -> list[dict]:
        return self.ask("GET", "calls")["calls"]


class Rie:
    """The function under Lambda's Runtime Interface Emulator, as the SAM CLI ships it."""

    # Its functions are in this account, which no setting changes.
    ACCOUNT = "012345678912"

    def __init__(self, part: Part, env: dict, command: list | None = None, name: str = "rie"):
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self._part, self._name = part, name
        emulator = Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}",
                     "--runtime-api-address", f"127.0.0.1:{free_port()}"]
        settings = AWS | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"} | env
        self._process = part.start(name, [emulator, *addresses, *(command or [bootstrap()])], settings)
        wait_for("the emulator listens", 20, lambda: listens(port), self._process)

    def invoke(self, payload: object) -> dict:
        return http("POST", self._url, payload)[1]

    def pids(self) -> list[int]:
        """The function's processes."""
        pid = self._process.pid
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return sorted(int(child) for children in lists for child in children.split())

    def log(self) -> str:
        return self._part.log(self._name)


def by_job(report: dict) -> dict[str, dict]:
    """A report's results by job id; a request that was rejected has none."""
    return {result.get("jobId", ""): result for result in report["results"]}


def local_answers(events: list[Path]) -> list[dict]:
    """What the README's local run answers to each event."""
    argv = [debug_build() / "examples/local", "--json", *events]
    output = subprocess.run(argv, env=CLEAN, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout
    return [json.loads(line) for line in output.splitlines()]
