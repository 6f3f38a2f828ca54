"""How cost grows: with containers (1 to 300), sessions (1 to 50), and the size of a file (1 KB to 1 GB); and how it does not.

For each number of running containers: a further spawn, a process, the memory of the location and its keeper, and their use of
a processor while nothing happens. Written to ``artefacts/bench/growth.*``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks import _report
from tests.benchmarks._measuring import home, shown, timed
from tests.benchmarks.memory import located
from tests.benchmarks.spawn import ours as spawned
from tests.support.memory import resident
from tfnz_jupyter import Container, Location, Node

CONTAINERS = (1, 10, 100, 300)
SESSIONS = (1, 10, 50)
SIZES = (1_000, 100_000, 10_000_000, 100_000_000, 1_000_000_000)
IDLE = 5.0  # seconds in which nothing happens
ROUNDS = 7

Points = dict[int, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000_000, help="of anything")
    most = parser.parse_args().most
    found: dict[str, Points] = {}
    with home():
        for name, curve, steps in (
            ("containers", by_containers, CONTAINERS),
            ("sessions", by_sessions, SESSIONS),
            ("bytes of a file", by_size, SIZES),
        ):
            found[name] = dict(curve([step for step in steps if step <= max(most, steps[0])]))
            print(table(name, found[name]), flush=True)
    write(found)


def by_containers(steps: list[int]) -> Iterator[tuple[int, dict[str, float]]]:
    with Location() as location:
        node, made = location.node(), list[Container]()
        spawned(node)
        for step in steps:
            asyncio.run(more(node, made, step))
            yield step, {**latencies(node, made[0]), **idle()}


async def more(node: Node, made: list[Container], wanted: int) -> None:
    """Have so many run."""
    fresh = [
        node.spawn_container("busybox", command=["sleep", "100000"])
        for _ in range(wanted - len(made))
    ]
    await asyncio.gather(*(container.wait_until_ready.aio() for container in fresh))
    made += fresh


def by_sessions(steps: list[int]) -> Iterator[tuple[int, dict[str, float]]]:
    with ExitStack() as opened:
        sessions: list[Location] = []
        for step in steps:
            while len(sessions) < step:
                sessions.append(opened.enter_context(Location()))
            node = sessions[-1].node()
            with one(node) as container:
                yield step, {**latencies(node, container), **idle()}


@contextmanager
def one(node: Node) -> Iterator[Container]:
    container = node.spawn_container("busybox", command=["sleep", "100000"])
    container.wait_until_ready()
    yield container
    container.destroy()


def by_size(steps: list[int]) -> Iterator[tuple[int, dict[str, float]]]:
    with Location() as location, one(location.node()) as container:
        for step in steps:
            content = os.urandom(step)
            rounds = max(1, min(ROUNDS, 100_000_000 // step))
            put = middle(lambda content=content: container.put("/tmp/f", content), rounds)
            get = middle(lambda: container.fetch("/tmp/f", Nowhere()), rounds)
            yield step, {"put, ms": put, "get, ms": get}


class Nowhere:
    """Where fetched bytes go."""

    def write(self, data: bytes) -> None:
        """Forget them."""


def latencies(node: Node, container: Container) -> dict[str, float]:
    spawns = [spawned(node) for _ in range(ROUNDS)]
    execute = middle(lambda: container.run_process(["true"]), ROUNDS)
    return {"spawn, ms": statistics.median(spawns), "exec, ms": execute}


def idle() -> dict[str, float]:
    """What the location and its keeper have and use while nothing is asked of them."""
    pids = located()
    time.sleep(1.0)
    before = cpu(pids)
    time.sleep(IDLE)
    used = (cpu(pids) - before) / IDLE * 100
    return {"location, MiB": sum(map(resident, pids)) / (1 << 20), "idle CPU, %": used}


def cpu(pids: list[int]) -> float:
    """Seconds of processor time that processes have used."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def middle(deed: Callable[[], object], rounds: int) -> float:
    return statistics.median(timed(deed) for _ in range(rounds))


def table(name: str, points: Points) -> str:
    columns = list(next(iter(points.values())))
    lines = [f"| {name} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for step, values in points.items():
        lines.append(f"| {step:,} | {' | '.join(shown(values[column]) for column in columns)} |")
    return "\n".join(lines)


def write(found: dict[str, Points]) -> None:
    folder = _report.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    tables = "\n\n".join(table(name, points) for name, points in found.items())
    text = f"# How cost grows\n\n{_report.machine()}\n\n{tables}\n"
    (folder / "growth.md").write_text(text)
    (folder / "growth.json").write_text(
        json.dumps({"machine": _report.machine(), "curves": found}, indent=1)
    )
    _report.curves(folder / "growth.png", found)
    print(f"{folder}/growth.md")


if __name__ == "__main__":
    main()
