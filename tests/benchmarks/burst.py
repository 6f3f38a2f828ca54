"""Fifty containers spawned at once: how many a second print their first line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks._docker import PEER, dockerd
from tests.benchmarks._measuring import COMMAND, OURS, Row, Target, alone, in_turns
from tfnz_jupyter import Location, Node

MANY = 50
ROUNDS = 3


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        node = location.node()
        dockerd()
        ways = {OURS: lambda: asyncio.run(ours(node)), PEER: peer}
        samples = in_turns(ways, ROUNDS, rest=1.0)
    yield Row(f"{MANY} spawned at once", "a second", samples, (Target(15, PEER, least=True),))


async def ours(node: Node) -> float:
    """Containers a second; they are gone when this returns."""
    start = time.perf_counter()
    made = [node.spawn_container("busybox", command=COMMAND) for _ in range(MANY)]
    await asyncio.gather(*(container.wait_log.aio("hello") for container in made))
    took = time.perf_counter() - start
    await asyncio.gather(*(container.destroy.aio() for container in made))
    return MANY / took


def peer() -> float:
    """Containers a second, asked for by eight threads, which is where Docker is fastest; they are gone when this returns."""
    docker = dockerd()
    with ThreadPoolExecutor(8) as threads:
        start = time.perf_counter()
        made = list(threads.map(lambda _number: docker.to_first_byte(COMMAND), range(MANY)))
        took = time.perf_counter() - start
        list(threads.map(docker.remove, made))
    return MANY / took


if __name__ == "__main__":
    main()
