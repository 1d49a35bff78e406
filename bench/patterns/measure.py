"""Measures event patterns beside other matchers, and policies beside none, and prints a section of Markdown."""

import argparse
import gc
import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time

from event_ruler import _event_ruler
from event_ruler.event_ruler import test_event_pattern
from moto.events.models import EventPattern

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CASES = ROOT / "event-pattern/tests/cases/cases.jsonl"
# Seconds of a pair that is left out of the times, since a round would last minutes.
TOO_LONG = 0.2
MODES = ("matching", "reading", "compiling")
LABELS = {
    "matching": "pattern and document read before, µs",
    "reading": "pattern read before, µs",
    "compiling": "nothing read before, µs",
}


class Quamina:
    """Its bindings have one function, which reads pattern and document each time."""

    name = "quamina"

    @staticmethod
    def calls(pattern, event):
        return {"compiling": lambda: test_event_pattern(event, pattern)}


class Moto:
    name = "moto"

    @staticmethod
    def calls(pattern, event):
        compiled, document = EventPattern.load(pattern), json.loads(event)
        return {
            "matching": lambda: compiled.matches_event(document),
            "reading": lambda: compiled.matches_event(json.loads(event)),
            "compiling": lambda: EventPattern.load(pattern).matches_event(json.loads(event)),
        }


PEERS = (Quamina, Moto)


def verdict(peer, pattern, event):
    """What it says, or None if it refuses the pattern or breaks down."""
    try:
        return peer.calls(pattern, event)["compiling"]()
    except Exception:
        return None


def probe(name):
    """Prints a verdict, and the seconds it took, for each pair from standard input: for what may end the process."""
    peer = next(peer for peer in PEERS if peer.name == name)
    for line in sys.stdin:
        start = process_time()
        print(json.dumps((verdict(peer, *json.loads(line)), process_time() - start)), flush=True)


def verdicts(peer, pairs):
    """What it says of each pair and how long that takes, and how many of them ended the process."""
    said, deaths = [], 0
    while len(said) < len(pairs):
        rest = "".join(json.dumps(pair) + "\n" for pair in pairs[len(said) :])
        command = [sys.executable, __file__, "--probe", peer.name]
        run = subprocess.run(command, input=rest, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said += [json.loads(line) for line in run.stdout.splitlines()]
        if run.returncode != 0 and len(said) < len(pairs):
            said.append((None, 0))
            deaths += 1
    return said, deaths


def looped(call):
    """Nanoseconds of a call, in one loop of about a fifth of a millisecond."""
    call()
    start = perf_counter_ns()
    call()
    times = max(4, 200_000 // max(1, perf_counter_ns() - start))
    start = perf_counter_ns()
    for _ in range(times):
        call()
    return (perf_counter_ns() - start) / times


def measured(calls):
    """What each pair costs by itself, and what it costs to go round all."""
    gc.collect()
    pairs = [{mode: looped(call) for mode, call in each.items()} for each in calls]
    trips = {}
    for mode in calls[0]:
        trip = [each[mode] for each in calls]
        best = None
        for _ in range(3):
            start = perf_counter_ns()
            for call in trip:
                call()
            took = perf_counter_ns() - start
            best = took if best is None else min(best, took)
        trips[mode] = best / len(trip)
    return {"pairs": pairs, "round": trips}


def ours(speed, lines):
    run = subprocess.run([speed, "pairs"], input="".join(lines), capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def costs(output):
    return {"pairs": [pair["ns"] for pair in output["pairs"] if pair["ns"]], "round": output["round_ns"]}


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def cell(values, base=None):
    text = f"{number(median(values))} ({number(min(values))}–{number(max(values))})"
    return text if base is None else f"{text} ×{number(median(v / b for v, b in zip(values, base)))}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def engines(speed, how_many, raw):
    lines = CASES.read_text().splitlines(keepends=True)
    cases = ours(speed, lines)["pairs"]
    valid = [(line, case) for line, case in zip(lines, cases) if case["expected"] is not None]
    invalid = [case for case in cases if case["expected"] is None]
    subset, rows = {"ours": [line for line, _ in valid]}, {}
    rows["ours"] = (
        sum(case["verdict"] is not None for _, case in valid),
        sum(case["verdict"] == case["expected"] for _, case in valid),
        sum(case["verdict"] is None for case in invalid),
    )
    calls, slow = {}, []
    for peer in PEERS:
        said, _ = verdicts(peer, [(case["pattern"], case["event"]) for _, case in valid])
        taken = [(line, case, *what) for (line, case), what in zip(valid, said) if what[0] is not None]
        right = sum(case["expected"] == what for _, case, what, _ in taken)
        slow += [(peer.name, case, seconds) for _, case, _, seconds in taken if seconds > TOO_LONG]
        timed = [(line, case) for line, case, _, seconds in taken if seconds <= TOO_LONG]
        subset[peer.name] = [line for line, _ in timed]
        calls[peer.name] = [peer.calls(case["pattern"], case["event"]) for _, case in timed]
        said, broken = verdicts(peer, [(case["pattern"], "{}") for case in invalid])
        refused = sum(what is None for what, _ in said)
        rows[peer.name] = (len(taken), right, f"{refused}" + (f", {broken} by a panic" if broken else ""))

    steps = {"ours": lambda: costs(ours(speed, subset["ours"]))}
    for name in calls:
        steps[f"ours/{name}"] = lambda name=name: costs(ours(speed, subset[name]))
        steps[name] = lambda name=name: measured(calls[name])
    gc.disable()
    rounds = []
    for number_of in range(how_many):
        print(f"patterns {number_of + 1}/{how_many}", file=sys.stderr)
        order = list(steps)
        turn = number_of % len(order)
        rounds.append({name: steps[name]() for name in order[turn:] + order[:turn]})
        rounds[-1]["crossing"] = looped(_event_ruler.NumHandles)
    gc.enable()
    raw["pairs"] = [{name: r[name] if name == "crossing" else r[name]["round"] for name in r} for r in rounds]

    peers = list(calls)
    body = [
        [f"pairs it takes, of {len(valid):,}", *(f"{rows[name][0]:,}" for name in rows)],
        ["verdicts as the engine's, of these", *(f"{100 * rows[n][1] / rows[n][0]:.1f} %" for n in rows)],
        ["verdicts as the engine's, of all", *(f"{100 * rows[n][1] / len(valid):.1f} %" for n in rows)],
        [f"wrong patterns it refuses, of {len(invalid)}", *(str(rows[name][2]) for name in rows)],
    ]
    for mode in MODES:
        row = [LABELS[mode], cell([median(pair[mode] for pair in r["ours"]["pairs"]) / 1e3 for r in rounds])]
        for name in peers:
            if mode not in calls[name][0]:
                row.append("–")
                continue
            figures = [median(pair[mode] for pair in r[name]["pairs"]) / 1e3 for r in rounds]
            ratios = [
                median(p[mode] / o[mode] for p, o in zip(r[name]["pairs"], r[f"ours/{name}"]["pairs"]))
                for r in rounds
            ]
            row.append(f"{cell(figures)} ×{number(median(ratios))}")
        body.append(row)
    for mode in MODES:
        row = [f"{LABELS[mode]}, going round", cell([r["ours"]["round"][mode] / 1e3 for r in rounds])]
        for name in peers:
            if mode not in calls[name][0]:
                row.append("–")
                continue
            figures = [r[name]["round"][mode] / 1e3 for r in rounds]
            ratios = [r[name]["round"][mode] / r[f"ours/{name}"]["round"][mode] for r in rounds]
            row.append(f"{cell(figures)} ×{number(median(ratios))}")
        body.append(row)
    crossing = median(r["crossing"] for r in rounds) / 1e3
    notes = [
        f"- {peer} needs {number(seconds)} s for the pair {case['name']} (event-pattern "
        f"{number(case['ns']['matching'] / 1e3)} µs), which is left out of its times.\n"
        for peer, case, seconds in slow
    ]
    return table(["", "event-pattern", "quamina, in Python", "moto"], body), crossing, "".join(notes)


def targets(speed, how_many, raw):
    runs = []
    for turn in range(how_many):
        print(f"targets {turn + 1}/{how_many}", file=sys.stderr)
        runs.append(json.loads(subprocess.run([speed, "json"], capture_output=True, text=True, check=True).stdout))
    raw["targets"] = runs
    clauses = [[run["clauses"][i]["ns"] for run in runs] for i in range(len(runs[0]["clauses"]))]
    slowest = max(range(len(clauses)), key=lambda i: median(clauses[i]))
    name = runs[0]["clauses"][slowest]["name"]
    rows = [
        ["a typical clause: the median of 20, ns", cell([median(c["ns"] for c in run["clauses"]) for run in runs])],
        [f"the slowest of them: {name}, ns", cell(clauses[slowest])],
        ["all 20, ns", cell([sum(c["ns"] for c in run["clauses"]) for run in runs])],
        ["reading the job, µs", cell([run["reading_ns"] / 1e3 for run in runs])],
        ["1,000 jobs × 20 clauses, reading included, ms", cell([run["all_ms"] for run in runs])],
    ]
    return table(["", "event-pattern"], rows), runs[0]["job_bytes"]


def policies(release, how_many, raw):
    function = str(release / "batch-canceller")
    policy = json.dumps(json.loads((HERE / "policy.json").read_text()), ensure_ascii=False)
    commands, out = release / "patterns-commands.json", release / "patterns-bench.json"
    commands.write_text(json.dumps([
        {"name": "no policy", "argv": [function]},
        {"name": "20 clauses", "argv": [function], "env": {"POLICY": policy}},
    ]))
    figures = {
        "cold": [
            ("start_ms", "process start to first /next, ms"), ("start_cpu_ms", "its CPU time, ms"),
            ("warm_cpu_ms", "CPU time of a message, warm, ms"),
        ],
        "batch": [
            ("warm_ms", "1,000 messages, ms"), ("warm_cpu_ms", "their CPU time, ms"), ("peak_mib", "peak memory, MiB"),
            ("cancelled", "cancelled, %"),
        ],
        "details": [
            ("warm_ms", "1,000 messages, 3 kB of details a job, ms"), ("warm_cpu_ms", "their CPU time, ms"),
            ("peak_mib", "peak memory, MiB"), ("cancelled", "cancelled, %"),
        ],
    }
    rows, raw["policies"] = [], []
    for scenario, repetitions in (("cold", 3 * how_many), ("batch", how_many), ("details", how_many)):
        subprocess.run(
            [release / "bench", "--commands", commands, "--json", out, "--repetitions", str(repetitions), scenario],
            check=True, stdout=subprocess.DEVNULL,
        )
        result = json.loads(out.read_text())["scenarios"][0]
        raw["policies"].append(result)
        none, some = (column["figures"] for column in result["commands"])
        for key, label in figures[scenario]:
            cells = []
            for figure in (none[key], some[key]):
                low, high = number(figure["low"]), number(figure["high"])
                text = number(figure["median"]) + (f" ({low}–{high})" if low != high else "")
                cells.append(text if figure["ratio"] is None else f"{text} ×{figure['ratio']:.2f}")
            rows.append([label, *cells])
    return table(["", "no policy", "20 clauses"], rows), len(policy.encode())


def machine():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {platform.machine()}, Linux {platform.release()}"
    return platform.platform()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", type=Path, help="where the release binaries are")
    parser.add_argument("--commit", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.probe:
        probe(args.probe)
        return
    release = args.release.resolve()
    speed, raw = release / "examples/speed", {}
    beside, crossing, slow = engines(speed, args.rounds, raw)
    alone, size = targets(speed, args.rounds, raw)
    cost, bytes_of_policy = policies(release, args.rounds, raw)
    (release / "patterns.json").write_text(json.dumps(raw))
    text = (HERE / "section.md").read_text()
    values = {
        "machine": machine(), "commit": args.commit, "python": platform.python_version(),
        "moto": version("moto"), "ruler": version("event-ruler"), "rounds": args.rounds, "beside": beside, "slow": slow,
        "crossing": number(crossing), "alone": alone, "job": f"{size:,}", "cost": cost,
        "policy": f"{bytes_of_policy:,}", "cold": 3 * args.rounds,
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", str(value))
    print(text, end="")


main()
