"""Standard output into a callback, nothing lost: ours beside Docker's, with its json log and without a log.

The callback counts; who asked for it does nothing else meanwhile but look, every few milliseconds, how long a trivial deed
of its own takes: that is how responsive the kernel stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from tests.benchmarks._docker import dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns
from tfnz_jupyter import Location, Node

ROUNDS = 4
SIZE = 400_000_000
BLOCK = 4_000_000
#: A file of log lines, printed over and over: busybox prints it faster than anybody reads.
SCRIPT = f"yes {'0123456789' * 6} | head -c {BLOCK} > /tmp/f; n=0; while [ $n -lt %d ]; do cat /tmp/f; n=$((n+1)); done"
JSON, NO_LOG = "Docker, json log", "Docker, no log"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    gaps: list[float] = []
    with Location() as location:
        node = location.node()
        dockerd()
        ways = {
            OURS: lambda: ours(node, gaps),
            JSON: lambda: peer("json-file", SIZE // 10),
            NO_LOG: lambda: peer("none", SIZE),
        }
        samples = in_turns(ways, ROUNDS)
    targets = (Target(200, least=True), Target(5, JSON, least=True))
    yield Row("stdout into a callback", "MB/s", samples, targets)
    bound = Target(100)
    yield Row("a program's own work meanwhile is late by at most", "ms", {OURS: gaps}, (bound,))


def command(size: int) -> list[str]:
    return ["sh", "-c", SCRIPT % (size // BLOCK)]


def ours(node: Node, gaps: list[float]) -> float:
    came, over = 0, threading.Event()

    def take(_container: object, data: bytes) -> None:
        nonlocal came
        came += len(data)

    start = time.perf_counter()
    container = node.spawn_container(
        "busybox", command=command(SIZE), stdout_callback=take,
        termination_callback=lambda _container, _code: over.set(),
    )  # fmt: skip
    worst = 0.0
    while not over.is_set():
        began = time.perf_counter()
        over.wait(0.005)
        worst = max(worst, time.perf_counter() - began - 0.005)
    took = time.perf_counter() - start
    gaps.append(worst * 1000)
    if came != SIZE or container.log.lost_bytes:
        raise SystemExit(f"{came:,} of {SIZE:,} bytes came")
    return SIZE / took / 1e6


def peer(log: str, size: int) -> float:
    docker = dockerd()
    start = time.perf_counter()
    name = docker.create(command(size), host={"log_config": {"type": log, "config": {}}})
    output = docker.api.attach(name, stream=True, logs=False)
    docker.api.start(name)
    came = sum(map(len, output))
    took = time.perf_counter() - start
    docker.remove(name)
    if came != size:
        raise SystemExit(f"{came:,} of {size:,} bytes came from Docker")
    return size / took / 1e6


if __name__ == "__main__":
    main()
