"""The speed table: every row beside its peer, in one run of some ten minutes; written to ``artefacts/bench/speed.*``.

Names of programs as arguments run these alone. A program that fails, or does not end in time, fails its rows and is told;
the others go on.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback

from tests.benchmarks import _report
from tests.benchmarks._deadlines import StoodStill, at_most
from tests.benchmarks._measuring import Row, home, told

PROGRAMS = (
    "spawn", "tti", "burst", "execute", "endings", "files", "output", "tunnels", "far_tunnels", "link",
    "readiness", "snapshot", "connecting", "firewall", "imports", "memory",
)  # fmt: skip
#: What one of them may take (seconds).
LONGEST = 180.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", choices=[*PROGRAMS, []], default=[])
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    options = parser.parse_args()
    programs = options.programs or PROGRAMS
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    rows: list[Row] = []
    failed: dict[str, str] = {}
    start = time.monotonic()
    with home():
        for name in programs:
            run(name, rows, failed)
    missed = [row.what for row in rows if row.met is False]
    _report.write("speed", "Speed, beside its peers", rows, failed)
    if options.readme:
        _report.into_readme("Medians of one run, taken in turns", rows)
    print(f"{len(rows)} rows in {time.monotonic() - start:.0f} s; {_report.FOLDER}/speed.md")
    print(f"missed: {', '.join(missed) or 'none'}; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def run(name: str, rows: list[Row], failed: dict[str, str]) -> None:
    """One program's rows."""
    module = importlib.import_module(f"tests.benchmarks.{name}")
    try:
        with at_most(LONGEST, name):
            for row in module.measure():
                rows.append(row)
                print(told(row), flush=True)
    except (Exception, SystemExit, StoodStill) as problem:
        traceback.print_exc()
        failed[name] = f"{type(problem).__name__}: {problem}".splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
