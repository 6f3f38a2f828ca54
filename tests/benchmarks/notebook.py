"""The notebook's sixteen targets, each measured beside today's way of doing it, in one run; and a flood of ten containers.

A JupyterLab of its own in Chromium, kernels of its own, a location of its own. Each part runs in a process of its own, so that
one that fails, or stands still, costs its rows and not the run. Prints each row as it comes, and writes the table to
``artefacts/bench/notebook.md`` and its numbers to ``notebook.json``. It takes about twenty-five minutes, ten of them for row 4;
``--quick`` floods for one minute there, and asks one ipykernel alone for row 8; ``--rows 7,8`` measures only these.
On a busy machine read the ratios.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from tests.benchmarks import _report
from tests.benchmarks.rows import Row, markdown
from tests.real.conftest import end_location
from tests.support.lab import Lab, chromium, server

PATIENCE = 30.0  # seconds that a part which was told to end may take


@dataclass(frozen=True)
class Part:
    """Rows that are measured together by ``rows/MODULE.FUNCTION``, or ``briefly`` by another, within so many seconds."""

    rows: frozenset[int]
    name: str
    within: float = 240.0
    briefly: str = ""


PARTS = (
    Part(frozenset({1, 2, 3, 5}), "floods.pace", 360),
    Part(frozenset({5}), "floods.many_widgets"),
    Part(frozenset({6}), "floods.unaccounted"),
    Part(frozenset({7}), "terminals.throughput"),
    Part(frozenset({7}), "terminals.at_once"),
    Part(frozenset({8}), "busy.busy", 480, "busy.busy_here"),
    Part(frozenset({9}), "terminals.twenty", 480),
    Part(frozenset({10}), "boards.ranking"),
    Part(frozenset({11}), "kernels.interrupts"),
    Part(frozenset({12}), "kernels.endings"),
    Part(frozenset({13}), "kernels.completions"),
    Part(frozenset({14}), "kernels.loading"),
    Part(frozenset({15}), "saved.reload"),
    Part(frozenset({16}), "saved.saved"),
    Part(frozenset({17}), "crowd.flood"),
    Part(frozenset({4}), "floods.memory", 900, "floods.memory_briefly"),
)
NUMBERS = frozenset().union(*(part.rows for part in PARTS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=lambda text: {int(one) for one in text.split(",")}, default=NUMBERS
    )
    parser.add_argument("--quick", action="store_true", help="a shorter row 4, and one row 8")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended
    if chosen.part:
        found = measure(chosen.part)
        chosen.into.write_text(json.dumps([asdict(row) for row in found]))
        return 0
    parts = [part for part in PARTS if part.rows & chosen.rows]
    if chosen.quick:
        parts = [replace(part, name=part.briefly or part.name) for part in parts]
    return run(parts)


def run(parts: list[Part]) -> int:
    """Measure these, one after the other; whether all could be."""
    rows: list[Row] = []
    failed: dict[str, str] = {}
    start = time.monotonic()
    with a_home() as home:
        for part in parts:
            try:
                new = of(part, home / "rows.json")
            except RuntimeError as problem:
                failed[part.name] = str(problem)
                print(f"| {part.name} failed: {problem}", flush=True)
                end_location()  # the next part's is a fresh one
                continue
            print(markdown(new).split("\n", 2)[2], flush=True)
            rows += new
            keep(rows, failed, time.monotonic() - start)
    keep(rows, failed, time.monotonic() - start)
    missed = ", ".join(str(row.number) for row in rows if not row.met)
    print(f"{len(rows)} rows in {time.monotonic() - start:.0f} s; {_report.FOLDER}/notebook.md")
    print(f"missed: {missed or 'none'}; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


@contextmanager
def a_home() -> Iterator[Path]:
    """A home that is empty and goes with its location; its images are there for every part."""
    with tempfile.TemporaryDirectory(
        prefix="tfnz-b-", dir="/tmp", ignore_cleanup_errors=True
    ) as home:
        os.environ["TFNZ_HOME"] = home
        try:
            yield Path(home)
        finally:
            end_location()


def of(part: Part, file: Path) -> list[Row]:
    """The rows of one part.

    Raises:
        RuntimeError: it failed, or took too long; what it started is ended.
    """
    command = [sys.executable, "-m", "tests.benchmarks.notebook"]
    command += ["--part", part.name, "--into", str(file)]
    file.unlink(missing_ok=True)
    process = subprocess.Popen(command, start_new_session=True)
    try:
        code = process.wait(part.within)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it was not over after {part.within:.0f} s") from None
    finally:
        end(process)
    if code:
        raise RuntimeError(f"it ended with code {code}; what it said stands above")
    return [Row(**row) for row in json.loads(file.read_text())]


def end(process: subprocess.Popen[bytes]) -> None:
    """Have it and all it started end: kindly, then whatever is left, a page that is frozen too."""
    if process.poll() is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for one in family:
        if one.is_running():
            one.kill()


def measure(name: str) -> list[Row]:
    """The rows of a function that is named ``module.function``, in this process."""
    module, _, function = name.partition(".")
    deed = getattr(importlib.import_module(f"tests.benchmarks.rows.{module}"), function)
    if module == "kernels":  # these need no page
        found = deed()
    else:
        with a_lab() as lab:
            found = deed(lab)
    return [found] if isinstance(found, Row) else found


@contextmanager
def a_lab() -> Iterator[Lab]:
    """JupyterLab in a browser."""
    with (
        tempfile.TemporaryDirectory(prefix="tfnz-lab-") as folder,
        chromium() as browser,
        server(Path(folder)) as url,
    ):
        yield Lab(url, Path(folder), browser, scale=1)


def keep(rows: list[Row], failed: dict[str, str], took: float) -> None:
    """Write what is known so far: a run that is cut short is worth what it has measured."""
    _report.FOLDER.mkdir(parents=True, exist_ok=True)
    machine = f"{_report.machine()}; {took / 60:.0f} min"
    lines = [f"- {name} **failed**: {why}" for name, why in failed.items()]
    text = [
        "# The notebook, beside today's ways",
        "",
        machine,
        "",
        markdown(rows),
        "",
        *lines,
    ]
    (_report.FOLDER / "notebook.md").write_text("\n".join(text).rstrip() + "\n")
    found = {"machine": machine, "rows": [asdict(row) for row in rows], "failed": failed}
    (_report.FOLDER / "notebook.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    sys.exit(main())
