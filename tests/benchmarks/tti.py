"""From the call that creates a container to the end of the first command in it, through both SDKs."""

from __future__ import annotations

from collections.abc import Iterable

from tests.benchmarks._docker import IMAGE, dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Location, Node

ROUNDS = 15
MAIN = ["sleep", "1000"]
COMMAND = ["echo", "hello"]
PEER = "docker-py"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        node = location.node()
        samples = in_turns({OURS: lambda: ours(node), PEER: peer}, ROUNDS, warm_up=2)
    yield Row("create to first command finished", "ms", samples, (Target(1 / 10, PEER),))


def ours(node: Node) -> float:
    """Milliseconds; the container is gone when this returns."""
    made = []

    def use() -> None:
        made.append(node.spawn_container("busybox", command=MAIN))
        assert made[0].run_process(COMMAND)[0] == b"hello\n"

    took = timed(use)
    made[0].destroy()
    return took


def peer() -> float:
    """Milliseconds; the container is gone when this returns."""
    made = []

    def use() -> None:
        run = dockerd().client.containers.run
        made.append(run(IMAGE, MAIN, detach=True))
        assert made[0].exec_run(COMMAND).output == b"hello\n"

    took = timed(use)
    made[0].remove(force=True)
    return took


if __name__ == "__main__":
    main()
