"""What every part uses: named checks, processes that end with the part, conditions with a deadline, HTTP."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ["CARGO_TARGET_DIR"])
REGION = "us-east-1"
ACCOUNT = "123456789012"

# Nothing of the machine's own AWS settings may leak in; and no SDK may ask the instance metadata service.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1,localhost",
}
AWS = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ACCOUNT,  # ministack takes the account from a key that looks like one
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}
MARK = "BATCH_CANCELLER_E2E"


class Part:
    """One part's checks, logs and processes."""

    def __init__(self, logs: Path):
        logs.mkdir(parents=True)
        self.logs = logs
        self.passed = self.failed = self.skipped = 0
        self._mark = uuid.uuid4().hex
        self._started: list[subprocess.Popen] = []
        self._closing: list[Callable[[], None]] = []

    def check(self, name: str, holds: bool, detail: object = "") -> None:
        """A named check; `detail` is shown when it does not hold."""
        if holds:
            self.passed += 1
            print(f"ok    {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {name}\n      {str(detail)[:4000]}", flush=True)

    def equal(self, name: str, actual: object, expected: object) -> None:
        self.check(name, actual == expected, f"expected {expected!r}\n      but got  {actual!r}")

    def skip(self, name: str, why: str) -> None:
        self.skipped += 1
        print(f"skip  {name}: {why}", flush=True)

    def start(self, name: str, argv: list, env: dict, cwd: Path = ROOT) -> subprocess.Popen:
        """A process that ends with the part, whatever happens; its output goes to a log of that name."""
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [str(arg) for arg in argv], cwd=cwd, env=CLEAN | env | {MARK: self._mark},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._started.append(process)
        return process

    def finish(self, name: str, argv: list, env: dict, seconds: float, cwd: Path = ROOT) -> tuple[int, str]:
        """A process's exit status and output (both streams), once it has ended within `seconds`."""
        begins = (self.logs / f"{name}.log").stat().st_size if (self.logs / f"{name}.log").exists() else 0
        process = self.start(name, argv, env, cwd)
        status = process.wait(timeout=seconds)
        return status, self.log(name)[begins:]

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_bytes().decode(errors="replace")

    def when_done(self, close: Callable[[], None]) -> None:
        self._closing.append(close)

    def stop(self, process: subprocess.Popen) -> None:
        """Ends a process and its group."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                break
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                continue

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_) -> None:
        for close in reversed(self._closing):
            close()
        for process in reversed(self._started):
            self.stop(process)
        # What left its process group, as ministack's bootstraps do, still carries the part's mark.
        for pid in self._marked():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _marked(self) -> list[int]:
        mark = f"{MARK}={self._mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass  # it has ended meanwhile, or is another user's
        return found


_given: set[int] = set()


def free_port() -> int:
    """A loopback port that nothing listens on, never the same one twice."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def wait_for(what: str, seconds: float, condition: Callable[[], object], process: subprocess.Popen | None = None):
    """The condition's value as soon as it is true; an error after `seconds`, or when `process` ends first."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if process and process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode} before: {what}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http(method: str, url: str, body: object = None, seconds: float = 60) -> tuple[int, object]:
    """Status and JSON of an answer, also of one that is an error."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def json_lines(text: str) -> list[dict]:
    """The log lines that are JSON, such as the function's own between others."""
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                pass
    return found
