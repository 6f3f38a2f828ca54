"""How long after the fact who waits for readiness knows of it: ours, by port and by log, and testcontainers', by log.

The container says when it was so by the machine's uptime, whose hundredths of a second are the precision of this.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable

from tests.benchmarks._docker import IMAGE, dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns
from tfnz_jupyter import Container, Location, Node

ROUNDS = 8
PORT = 7000
BY_LOG, PEER = "ours, by log", "testcontainers, by log"
_LISTENS = f"nc -ll -p {PORT} -e cat & until nc 127.0.0.1 {PORT} </dev/null; do :; done; "


def main() -> None:
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    alone(measure)


def measure() -> Iterable[Row]:
    dockerd()
    with Location() as location:
        node = location.node()
        ways = {OURS: lambda: ours(node, by_port), BY_LOG: lambda: ours(node, by_log), PEER: peer}
        samples = in_turns(ways, ROUNDS)
    targets = (Target(50), Target(50, way=BY_LOG))
    yield Row("readiness noticed after the fact", "ms", samples, targets)


def command() -> list[str]:
    """It listens after a while that is no multiple of anybody's pause."""
    pause = f"sleep {random.uniform(0.3, 1.3):.2f}; "
    return ["sh", "-c", f"{pause}{_LISTENS}read up rest </proc/uptime; echo ready $up; wait"]


def ours(node: Node, wait: Callable[[Container], float]) -> float:
    container = node.spawn_container("busybox", command=command())
    known = wait(container)
    late = known - float(container.wait_log("ready").split()[1])
    container.destroy()
    return late * 1000


def by_port(container: Container) -> float:
    container.wait_tcp(PORT)
    return uptime()


def by_log(container: Container) -> float:
    container.wait_log("ready")
    return uptime()


def peer() -> float:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    os.environ["DOCKER_HOST"] = dockerd().url
    with DockerContainer(IMAGE).with_command(command()) as container:
        wait_for_logs(container, "ready")
        known = uptime()
        return (known - float(container.get_logs()[0].split()[1])) * 1000


def uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


if __name__ == "__main__":
    main()
