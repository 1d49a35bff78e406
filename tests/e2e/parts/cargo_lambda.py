"""cargo-lambda: the commands of docs/reference.md as they stand there, and the package that it builds.

A block of commands that the page marks with `<!-- e2e: NAME -->` on the line before is run as it is, but for port
numbers: each one becomes a free port, the same in every block.
"""

import json
import re
import zipfile

from beds import bootstrap
from harness import ROOT, Part, free_port, http, listens, wait_for

PORT = re.compile(r"(?<=--port )\d+|(?<=-P )\d+|(?<=127\.0\.0\.1:)\d+")


def run(part: Part) -> None:
    page(part)
    package(part)


def page(part: Part) -> None:
    written = blocks()
    ports = {port: str(free_port()) for block in written.values() for port in PORT.findall(block)}
    commands = {name: PORT.sub(lambda port: ports[port[0]], block) for name, block in written.items()}
    part.check("docs/reference.md has the three blocks", {"batch-sim", "watch", "invoke"} <= commands.keys(), written.keys())

    batch_port = int(PORT.findall(commands["batch-sim"])[0])
    batch = part.start("batch-sim", shell(commands["batch-sim"]), {})
    wait_for("the page's batch-sim listens", 600, lambda: listens(batch_port), batch)
    watch_port = int(PORT.findall(commands["invoke"])[0])
    watch = part.start("watch", shell(commands["watch"]), {})
    wait_for("the page's cargo lambda watch listens", 600, lambda: listens(watch_port), watch)
    # The first invocation waits until the function is compiled.
    status, output = part.finish("invoke", shell(commands["invoke"]), {}, 1200)
    part.check("the page's invocation succeeds", status == 0, f"{output}\n{part.log('watch')[-2000:]}")
    [result] = json.loads(output.splitlines()[-1])["results"]
    part.equal("it answers that the job is cancelled", result["outcome"], "cancelled")
    jobs = http("GET", f"http://127.0.0.1:{batch_port}/_sim/jobs")[1]["jobs"]
    [job] = [job for job in jobs if job["id"] == result["jobId"]]
    part.equal("and it is, with the reason given", (job["status"], job["statusReason"]), ("FAILED", result["reason"]))

    misspelt = commands["invoke"].replace("direct-cancel.json", "direct-misspelt.json")
    part.check("the page's invocation names its event", misspelt != commands["invoke"], commands["invoke"])
    status, output = part.finish("invoke", shell(misspelt), {}, 60)
    part.check("an invocation that fails exits 1 and says why",
               status == 1 and "CancellationIncomplete" in output, f"{status}: {output}")
    part.stop(watch)
    part.stop(batch)


def blocks() -> dict[str, str]:
    marked = re.findall(r"^<!-- e2e: (\S+) -->\n```sh\n(.*?)^```$", (ROOT / "docs/reference.md").read_text(), re.M | re.S)
    return dict(marked)


def shell(commands: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", commands]


def package(part: Part) -> None:
    built = bootstrap()
    status, output = part.finish("zip", [
        "cargo", "lambda", "build", "--release", "--bin", "batch-canceller", "--output-format", "zip",
        "--lambda-dir", part.logs / "package",
    ], {}, 1800)
    part.check("cargo lambda build makes a zip file", status == 0, output)
    with zipfile.ZipFile(part.logs / "package/batch-canceller/bootstrap.zip") as archive:
        part.equal("the package holds the bootstrap and nothing else", archive.namelist(), ["bootstrap"])
        [entry] = archive.infolist()
        mode = entry.external_attr >> 16
        part.check("which may be executed", mode & 0o111 == 0o111, oct(mode))
        packed = archive.read("bootstrap")
    part.equal("and is the one that the other parts test", packed == built.read_bytes(), True)
    # Lambda's AL2023 has glibc 2.34; one that needs a newer one would not start there.
    needed = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"GLIBC_(2\.\d+)", packed)}
    part.check("it needs no newer glibc than Lambda has", max(needed) <= (2, 34), sorted(needed))
    part.check("it names its C library", len(needed) > 0)
