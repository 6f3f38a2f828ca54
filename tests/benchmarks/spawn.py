"""From the call that spawns a container to the first byte it prints, beside the same through Docker's API.

Ours goes through ``Location``: every layer is in it, and so is all that hardens a container. With a warm slot, as after a
rest, and without one, right after others have taken all there were.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from typing import Any

from tests.benchmarks._docker import PEER, dockerd
from tests.benchmarks._measuring import COMMAND, OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Location, Node

ROUNDS = 20
SLOTS = 4  # that the embedded engine makes ahead
COLD = "ours, no warm slot"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        node, docker = location.node(), dockerd()
        gone: list[Any] = []
        others = itertools.count(SLOTS)

        def peer() -> float:
            return timed(lambda: gone.append(docker.to_first_byte(COMMAND)))

        def clear() -> None:
            while gone:
                docker.remove(gone.pop())

        ways = {
            OURS: lambda: ours(node),
            COLD: lambda: cold(node, next(others)),
            PEER: lambda: (peer(), clear())[0],
        }
        samples = in_turns(ways, ROUNDS, warm_up=2)
    targets = (Target(1 / 12, PEER), Target(1 / 8, PEER, way=COLD))
    yield Row("spawn to first byte", "ms", samples, targets)


def cold(node: Node, count: int) -> float:
    """The same where others have just taken all slots; none is made before nobody has asked for anything for a moment.

    Afterwards there are as many as it took, so there must be more of these others each time.
    """
    others = [node.spawn_container("busybox", command=COMMAND) for _ in range(count)]
    for other in others:
        other.wait_until_ready()
    took = ours(node)
    for other in others:
        other.destroy()
    return took


def ours(node: Node) -> float:
    """Milliseconds to the first byte; the container is gone when this returns."""
    came = threading.Event()
    container = None

    def spawn() -> None:
        nonlocal container
        container = node.spawn_container(
            "busybox",
            command=COMMAND,
            stdout_callback=lambda _container, _data: came.set(),
        )
        if not came.wait(120):
            raise SystemExit(f"nothing came from {container!r}: {container.reason}")

    took = timed(spawn)
    assert container is not None
    container.destroy()
    return took


if __name__ == "__main__":
    main()
