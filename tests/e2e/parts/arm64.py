"""The function built for arm64, as the template deploys it by default, on an emulated processor."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

from beds import Rie, Sim, by_job
from harness import CLEAN, ROOT, Part

TARGET = "aarch64-unknown-linux-gnu"
LIBRARIES = Path("/usr/aarch64-linux-gnu")
PACKAGES = ["qemu-user", "libc6-arm64-cross"]
JOB = "cccccccc-0000-4000-8000-000000000000"


def run(part: Part) -> None:
    if missing := without_target():
        return part.skip("the build for arm64", missing)
    build = ["cargo", "lambda", "build", "--release", "--arm64", "--bin", "batch-canceller", "--lambda-dir", part.logs]
    status, output = part.finish("build", build, {}, 3000)
    part.check("cargo lambda builds for arm64", status == 0, output)
    function = part.logs / "batch-canceller/bootstrap"
    machine = struct.unpack_from("<H", function.read_bytes(), 18)[0]
    part.equal("what it builds is for arm64", machine, 183)  # ELF's EM_AARCH64

    if missing := without_emulator():
        return part.skip("the invocation on arm64", missing)
    sim = Sim(part, {"jobs": [{"id": JOB}]})
    emulated = ["qemu-aarch64", "-L", LIBRARIES, function]
    rie = Rie(part, {"AWS_ENDPOINT_URL_BATCH": sim.url, "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}, emulated)
    report = rie.invoke({"jobId": JOB, "reason": "Superseded."})
    part.equal("an invocation on arm64 cancels a job", by_job(report)[JOB]["outcome"], "cancelled")
    part.equal("and the job is cancelled", sim.jobs()[JOB]["status"], "FAILED")


def without_target() -> str | None:
    """Why there is no standard library for the target; None when there is."""
    try:
        add = subprocess.run(["rustup", "target", "add", TARGET], cwd=ROOT, env=CLEAN, capture_output=True, text=True,
                             timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if add.returncode == 0 else add.stderr.strip().splitlines()[-1]


def without_emulator() -> str | None:
    """Why arm64 programs cannot be run; None when they can."""
    if not (shutil.which("qemu-aarch64") and LIBRARIES.exists()):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return f"the packages {' and '.join(PACKAGES)} are missing"
        for step in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run(["apt-get", "-qq", *step], capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                return done.stderr.strip()
    return None
