"""Measures sweeps of queues of several sizes beside what people would write, and prints a section of Markdown."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
EVENT = {
    "sweep": {"jobQueue": "nightly", "where": {"job": {"jobName": [{"prefix": "etl-"}]}}, "maxJobs": 100_000},
    "reason": "Superseded.",
}
# No filter of Batch's finds jobs by one of two beginnings, so that every job of the queue must be listed.
EVERY = {**EVENT, "sweep": {**EVENT["sweep"], "where": {"job": {"jobName": [{"prefix": "etl-"}, {"prefix": "elt-"}]}}}}
MB = 1e6


class Bench:
    def __init__(self, sweep, logs):
        self.sweep, self.logs, self.raw = sweep, logs, []

    def run(self, name, argv, jobs, wanted, layout="even", latency=20, event=None):
        """What one command took on one queue."""
        print(f"{name}: {wanted:,} of {jobs:,}, {layout}", file=sys.stderr, flush=True)
        log = self.logs / f"{len(self.raw):03}.log"
        options = ["--jobs", str(jobs), "--wanted", str(wanted), "--layout", layout, "--latency", str(latency)]
        options += ["--log", str(log)] + (["--event", json.dumps(event)] if event else [])
        options += ["--unfiltered"] if event is EVERY else []
        run = subprocess.run([self.sweep, *options, "--", *map(str, argv)], stdout=subprocess.PIPE, text=True)
        if run.returncode != 0:
            sys.exit(f"{name} failed: {run.stdout}; what it printed is in {log}")
        record = {"name": name, "layout": layout, **json.loads(run.stdout)}
        self.raw.append(record)
        log.unlink()
        return record


def calls(record):
    return sum(record["calls"].values())


def least(record):
    return sum(record["least"].values())


def scanned(record):
    return record["answer"]["results"][0]["sweep"]["scanned"]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def spread(values):
    values = list(values)
    low, high = number(min(values)), number(max(values))
    return number(median(values)) + (f" ({low}–{high})" if low != high else "")


def ratio(values, base):
    return f"×{number(median(value / of for value, of in zip(values, base)))}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def by_operation(record):
    return ", ".join(f"{count:,} {operation}" for operation, count in record["calls"].items())


def sizes(bench, bootstrap, queues, rounds, latency):
    """The function alone, on queues that grow."""
    # Each queue, so many wanted jobs of it and where they are, and what the event asks.
    cases = [(f"{jobs:,}", jobs, jobs // 10, "even", EVENT) for jobs in queues]
    cases += [(f"{queues[-1]:,}, at the end", queues[-1], queues[-1] // 10, "end", EVENT)]
    few = queues[0] // 10
    cases += [(f"{jobs:,}, every job listed", jobs, few, "even", EVERY) for jobs in queues]
    cases += [(f"{queues[-1]:,}, every job listed, a tenth meant", queues[-1], queues[-1] // 10, "even", EVERY)]
    runs = {case[0]: [] for case in cases}
    for _ in range(rounds):
        for label, jobs, wanted, layout, event in cases:
            runs[label].append(bench.run("batch-canceller", [bootstrap], jobs, wanted, layout, latency, event))
    rows = []
    for label, *_ in cases:
        of = runs[label]
        rows.append([
            label,
            f"{scanned(of[0]):,}",
            f"{of[0]['wanted']:,}",
            f"{number(median(map(calls, of)))} ×{median(calls(r) / least(r) for r in of):.3f}",
            spread(r["seconds"] for r in of),
            spread(r["cpuSeconds"] for r in of),
            spread(r["cpuSeconds"] * 1e6 / scanned(r) for r in of),
            spread(r["cpuSeconds"] * 1e6 / r["wanted"] for r in of),
            spread(r["peakBytes"] / MB for r in of),
            number(median(r["logBytes"] for r in of) / MB),
        ])
    head = ["jobs in the queue", "listed", "cancelled", "calls ×least", "s", "CPU, s", "CPU a listed job, µs",
            "CPU a cancelled job, µs", "peak memory, MB", "log, MB"]
    return table(head, rows), runs


def beside(bench, bootstrap, threads, jobs, rounds, latency):
    """The function beside a script, in turn."""
    # The script lists every job. So does the function only where no filter of Batch's saves pages.
    commands = {
        "batch-canceller": ([bootstrap], EVENT),
        "batch-canceller, every job listed": ([bootstrap], EVERY),
        "boto3, 32 threads": (threads, None),
    }
    runs = {name: [] for name in commands}
    for place in range(rounds):
        names = list(commands)
        turn = place % len(names)
        for name in names[turn:] + names[:turn]:
            argv, event = commands[name]
            runs[name].append(bench.run(name, argv, jobs, jobs // 10, "even", latency, event))
    figures = [
        ("jobs listed", lambda r: scanned(r) if r["answer"] else r["jobs"]),
        ("time, s", lambda r: r["seconds"]),
        ("CPU time, s", lambda r: r["cpuSeconds"]),
        ("peak memory, MB", lambda r: r["peakBytes"] / MB),
        ("calls", calls),
        ("most calls under way", lambda r: r["mostInFlight"]),
        ("cancelled", lambda r: r["cancelled"]),
    ]
    rows = []
    base = runs["batch-canceller"]
    for label, figure in figures:
        row = [label]
        for name, of in runs.items():
            text = spread(map(figure, of))
            row.append(text if of is base else f"{text} {ratio(map(figure, of), map(figure, base))}")
        rows.append(row)
    return table(["", *runs], rows), base


def looped(bench, bootstrap, loop, jobs, wanted, latency):
    """The loop of a shell, on a small queue, and what it would take for more."""
    run = bench.run("shell loop", loop, jobs, wanted, "even", latency)
    ours = bench.run("batch-canceller", [bootstrap], jobs, wanted, "even", latency, EVENT)
    each = run["seconds"] / wanted
    rows = [
        [f"{wanted} of {jobs}, s", number(run["seconds"]), f"{number(ours['seconds'])}"],
        ["CPU time, s", number(run["cpuSeconds"]), number(ours["cpuSeconds"])],
        ["a cancelled job, s", number(each), number(ours["seconds"] / wanted)],
        ["100,000 of them at that pace, hours *(extrapolated)*", number(each * 100_000 / 3600), ""],
    ]
    return table(["", "shell loop", "batch-canceller"], rows)


def machine():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":")[1].strip()
            return f"{name}, {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    return platform.platform()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep", type=Path, required=True, help="the program that runs one command")
    parser.add_argument("--bootstrap", type=Path, required=True)
    parser.add_argument("--python", type=Path, help="has boto3 and awscli; without it, the function runs alone")
    parser.add_argument("--json", type=Path, help="where every figure goes")
    parser.add_argument("--commit", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="small queues: times mean nothing")
    args = parser.parse_args()
    bootstrap = args.bootstrap.resolve()
    queues = [1_000, 3_000, 10_000] if args.quick else [10_000, 100_000, 1_000_000]
    rounds, latency = (1, 2) if args.quick else (args.rounds, args.latency)
    with tempfile.TemporaryDirectory(prefix="sweep-") as logs:
        bench = Bench(args.sweep.resolve(), Path(logs))
        grown, runs = sizes(bench, bootstrap, queues, rounds, latency)
        if args.quick:
            print(grown)
            worst = max(calls(r) / least(r) for r in bench.raw if r["jobs"] == queues[-1])
            # Of small sweeps a second pass and the page that tries a filter are a larger part.
            if worst > 2:
                sys.exit(f"sweeps take {worst:.2f} times the least calls")
            return
        script = [args.python, HERE / "threads.py", "nightly", "etl-"]
        pair, base = beside(bench, bootstrap, script, queues[-1], rounds, latency)
        # `aws` is found beside Python.
        loop = ["env", f"PATH={args.python.parent}:{os.environ['PATH']}", HERE / "loop.sh", "nightly", "etl-"]
        shell = looped(bench, bootstrap, loop, 200, 20, latency)
    if args.json:
        args.json.write_text(json.dumps(bench.raw))
    first = base[0]
    values = {
        "machine": machine(), "commit": args.commit, "python": platform.python_version(),
        "boto3": version("boto3"), "awscli": version("awscli"), "rounds": rounds, "latency": latency,
        "sizes": grown, "beside": pair, "loop": shell, "calls": by_operation(first),
        "least": ", ".join(f"{count:,} to {what}" for what, count in first["least"].items()),
        "server": number(100 * median(r["serverCpuSeconds"] / r["seconds"] for r in base)),
    }
    text = (HERE / "section.md").read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", str(value))
    print(text, end="")


main()
