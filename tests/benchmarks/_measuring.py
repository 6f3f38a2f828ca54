"""What every benchmark stands on: several ways to the same thing in turns, medians with their spread, targets, tables.

Absolute figures drift with the machine and with what else it does; a ratio of medians that were taken in turns, within one
run, holds. So each program measures ours beside its peers, A B A B, and a target is mostly a multiple of a peer.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks._deadlines import StoodStill, at_most
from tests.benchmarks._docker import end_dockerd
from tests.support.eventually import eventually
from tfnz_jupyter.folders import runtime_folder

OURS = "ours"
#: What runs in most containers that are measured: one line, and then it sleeps.
COMMAND = ["sh", "-c", "echo hello; exec sleep 1000"]
STILL = "stood still"
#: Between two measurements the machine rests, as it does for a user (seconds): some costs only show then.
REST = 0.25
#: What a single measurement may take, its preparation included (seconds).
LONGEST = 30.0


@dataclass(frozen=True)
class Target:
    """Our median at most (or ``least``: at least) ``factor`` times that of the way ``of``; a bare figure without one."""

    factor: float
    of: str = ""
    least: bool = False
    way: str = OURS

    def limit(self, samples: Mapping[str, list[float]]) -> float | None:
        """In the row's unit; None where the peer is not there."""
        if not self.of:
            return self.factor
        return self.factor * statistics.median(samples[self.of]) if samples.get(self.of) else None

    def met(self, samples: Mapping[str, list[float]]) -> bool | None:
        """None where it cannot be told."""
        limit, ours = self.limit(samples), samples.get(self.way)
        if limit is None or not ours:
            return None
        middle = statistics.median(ours)
        return middle >= limit if self.least else middle <= limit

    def __str__(self) -> str:
        sign = ">=" if self.least else "<="
        whose = "" if self.way == OURS else f"{self.way} "
        if not self.of:
            return f"{whose}{sign} {shown(self.factor)}"
        share = f"{self.factor:g}" if self.factor >= 0.5 else f"1/{1 / self.factor:g}"
        return f"{whose}{sign} {share} x {self.of}"


@dataclass(frozen=True)
class Row:
    """One line of the table: ``samples`` has a list for each way, ours first; an empty one for a peer that stood still."""

    what: str
    unit: str
    samples: Mapping[str, list[float]]
    targets: tuple[Target, ...] = ()
    note: str = ""

    @property
    def notes(self) -> str:
        """What is to be known beside the figures."""
        still = (f"{self.what}: {way} {STILL}." for way, taken in self.samples.items() if not taken)
        return " ".join(filter(None, [self.note, *still]))

    @property
    def met(self) -> bool | None:
        """Whether all targets are; None where some cannot be told and none is missed."""
        answers = [target.met(self.samples) for target in self.targets]
        if False in answers:
            return False
        return None if None in answers or not answers else True


def in_turns(
    ways: Mapping[str, Callable[[], float]], rounds: int, *, rest: float = REST, warm_up: int = 1
) -> dict[str, list[float]]:
    """Figures of every way, taken A B A B; the first rounds only warm up. A peer that stands still has none, and no more turns.

    Raises:
        StoodStill: ours did.
    """
    samples: dict[str, list[float]] = {way: [] for way in ways}
    going = list(ways)
    for number in range(rounds + warm_up):
        for way in list(going):
            time.sleep(rest)
            figure = in_time(way, ways[way])
            if figure is None:
                going.remove(way)
                samples[way].clear()
            elif number >= warm_up:
                samples[way].append(figure)
    return samples


def in_time(way: str, once: Callable[[], float]) -> float | None:
    """Its figure; None where a peer stood still."""
    try:
        with at_most(LONGEST, way):
            return once()
    except StoodStill as problem:
        if way == OURS:
            raise
        print(f"{problem}, and is left out", flush=True)
        return None


def timed(deed: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    start = time.perf_counter()
    deed()
    return (time.perf_counter() - start) * 1000


def middle(taken: list[float]) -> str:
    """The median as people read it; a word where there is none."""
    return shown(statistics.median(taken)) if taken else STILL


def shown(figure: float) -> str:
    """Three digits that matter."""
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def told(row: Row) -> str:
    """One row as lines for a terminal."""
    lines = [f"{row.what} ({row.unit})"]
    for way, taken in row.samples.items():
        span = f"{shown(min(taken))} to {shown(max(taken))}, " if taken else ""
        lines.append(f"  {way:<28} {middle(taken):>8}   ({span}{len(taken)} times)")
    words = {True: "met", False: "MISSED", None: "cannot be told"}
    lines += [f"  target {target}: {words[target.met(row.samples)]}" for target in row.targets]
    if row.notes:
        lines.append(f"  {row.notes}")
    return "\n".join(lines)


def alone(measure: Callable[[], Iterable[Row]]) -> None:
    """What each program does when it is run by itself."""
    with home():
        for row in measure():
            print(told(row), flush=True)


@contextmanager
def home() -> Iterator[Path]:
    """A home of the benchmark's own, whose location ends with it; the one in ``TFNZ_BENCH_HOME`` stays, for its images."""
    kept = os.environ.get("TFNZ_BENCH_HOME")
    with tempfile.TemporaryDirectory(
        prefix="tfnz-b-", dir="/tmp", ignore_cleanup_errors=True
    ) as own:
        os.environ["TFNZ_HOME"] = kept or own
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended
        try:
            yield Path(kept or own)
        finally:
            end_location()
            end_dockerd()


def location_pid() -> int | None:
    """The process of this home's location."""
    try:
        return int(json.loads((runtime_folder() / "location.json").read_text())["pid"])
    except FileNotFoundError:
        return None


def end_location() -> None:
    """End this home's location, if it runs, and wait for it."""
    pid = location_pid()
    if pid is None or not Path(f"/proc/{pid}").exists():
        return
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), within=30)
