"""Runs the parts, counts their checks and says where the logs are."""

import importlib
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from harness import Part

PARTS = ["rie", "botocore", "moto", "ministack", "cargo_lambda", "documentation", "footprint", "arm64"]


def main(names: list[str]) -> int:
    names = [name.replace("-", "_") for name in names] or PARTS
    if unknown := [name for name in names if name not in PARTS]:
        print(f"there is no part {', '.join(unknown)}: the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does: what was started is ended
    logs = Path(tempfile.mkdtemp(prefix="batch-canceller-e2e-"))
    parts = [run(name, logs / name) for name in names]
    passed, failed, skipped = (sum(getattr(part, kind) for part in parts) for kind in ("passed", "failed", "skipped"))
    if failed:
        print(f"\nLogs are in {logs}")
    else:
        shutil.rmtree(logs)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


def run(name: str, logs: Path) -> Part:
    print(f"\n== {name}", flush=True)
    begun = time.monotonic()
    with Part(logs) as part:
        try:
            importlib.import_module(f"parts.{name}").run(part)
        except Exception as error:
            traceback.print_exc()
            part.check("runs to its end", False, error)
    print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return part


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
