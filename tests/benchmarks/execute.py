"""One more process in a running container: from the call to its first byte, with idle gaps between, as users leave them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from tests.benchmarks._docker import PEER, dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Container, Location

ROUNDS = 30
COMMAND = ["echo", "hello"]


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        container = location.node().spawn_container("busybox", command=["sleep", "1000"])
        container.wait_until_ready()
        name = dockerd().start(["sleep", "1000"])
        ways = {
            OURS: lambda: timed(lambda: ours(container)),
            PEER: lambda: timed(lambda: peer(name)),
        }
        samples = in_turns(ways, ROUNDS, warm_up=2)
        dockerd().remove(name)
    yield Row("exec to first byte", "ms", samples, (Target(1 / 4, PEER),))


def ours(container: Container) -> None:
    came = threading.Event()
    container.spawn_process(COMMAND, data_callback=lambda _process, _data: came.set())
    if not came.wait(60):
        raise SystemExit("nothing came")


def peer(name: str) -> None:
    api = dockerd().api
    output = api.exec_start(api.exec_create(name, COMMAND)["Id"], socket=True)
    output.read(1)
    output.close()


if __name__ == "__main__":
    main()
