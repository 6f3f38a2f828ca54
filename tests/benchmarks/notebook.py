"""The notebook's sixteen targets, each measured beside today's way of doing it, in one run; and a flood of ten containers.

A JupyterLab of its own in Chromium, kernels of its own, a location of its own. Prints each row as it comes, and writes the
table to ``artefacts/bench/notebook.md`` and its numbers to ``notebook.json``. It takes about twenty-five minutes, ten of
them for row 4; ``--minutes 2`` shortens that, ``--rows 7,8`` measures only these. On a busy machine read the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.rows import Row, boards, crowd, floods, kernels, markdown, saved, terminals
from tests.real.conftest import end_location
from tests.support.lab import ARTEFACTS, Lab, chromium, server

Measured = Row | list[Row]


def plan(minutes: float) -> list[tuple[set[int], Callable[[Lab], Measured]]]:
    """What to run, and which rows it gives."""
    return [
        ({1, 2, 3, 5}, floods.pace),
        ({5}, floods.many_widgets),
        ({6}, floods.unaccounted),
        ({7}, terminals.throughput),
        ({8}, terminals.busy),
        ({9}, terminals.twenty),
        ({10}, boards.ranking),
        ({15}, saved.reload),
        ({16}, saved.saved),
        ({11}, lambda lab: kernels.interrupts()),
        ({12}, lambda lab: kernels.endings()),
        ({13}, lambda lab: kernels.completions()),
        ({14}, lambda lab: kernels.loading()),
        ({17}, crowd.flood),
        ({4}, lambda lab: floods.memory(lab, minutes)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=lambda text: {int(one) for one in text.split(",")}, default=set(range(1, 18))
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    chosen = parser.parse_args()
    measured: list[Row] = []
    with a_lab() as lab:
        for numbers, measure in plan(chosen.minutes):
            if numbers & chosen.rows:
                found = measure(lab)
                new = [found] if isinstance(found, Row) else found
                print(markdown(new).split("\n", 2)[2], flush=True)
                measured += new
                keep(measured)


@contextmanager
def a_lab() -> Iterator[Lab]:
    """JupyterLab in a browser, and a home that is empty and goes with it."""
    with tempfile.TemporaryDirectory(
        prefix="tfnz-b-", dir="/tmp", ignore_cleanup_errors=True
    ) as home:
        os.environ["TFNZ_HOME"] = home
        folder = Path(home, "lab")
        folder.mkdir()
        try:
            with chromium() as browser, server(folder) as url:
                yield Lab(url, folder, browser, scale=1)
        finally:
            end_location()


def keep(rows: list[Row]) -> None:
    """Write what is known so far: a run that is cut short is worth what it has measured."""
    folder = ARTEFACTS / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notebook.md").write_text(markdown(rows) + "\n")
    (folder / "notebook.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
