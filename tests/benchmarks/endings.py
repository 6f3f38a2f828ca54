"""Killing what runs, rebooting a container one that keeps its address, and destroying one."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable

from tests.benchmarks._docker import PEER, dockerd
from tests.benchmarks._measuring import COMMAND, OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Container, Location, Node

ROUNDS = 12


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        node = location.node()
        for what, ours, peer, share in (
            ("kill to reaped", kill, docker_kill, 1 / 10),
            ("reboot, same address", reboot, docker_reboot, 1 / 15),
            ("destroy", destroy, docker_destroy, 1 / 3),
        ):
            samples = in_turns({OURS: over(node, ours), PEER: docker_over(peer)}, ROUNDS)
            yield Row(what, "ms", samples, (Target(share, PEER),))


def over(node: Node, deed: Callable[[Container], float]) -> Callable[[], float]:
    """The deed, each time on a fresh container."""

    def once() -> float:
        container = node.spawn_container("busybox", command=COMMAND)
        container.wait_log("hello")
        took = deed(container)
        if not container.dead:
            container.destroy()
        return took

    return once


def kill(container: Container) -> float:
    process = container.spawn_process(["sh", "-c", "echo up; exec sleep 1000"])
    while not process.log.total:  # it runs
        time.sleep(0.005)
    return timed(lambda: (process.kill(signal.SIGKILL), process.wait_exit()))


def reboot(container: Container) -> float:
    return timed(container.reboot)


def destroy(container: Container) -> float:
    return timed(container.destroy)


def docker_over(deed: Callable[[str], float]) -> Callable[[], float]:
    def once() -> float:
        name = dockerd().to_first_byte(COMMAND)
        took = deed(name)
        if deed is not docker_destroy:
            dockerd().remove(name)
        return took

    return once


def docker_kill(name: str) -> float:
    api = dockerd().api
    return timed(lambda: (api.kill(name), api.wait(name)))


def docker_reboot(name: str) -> float:
    return timed(lambda: dockerd().api.restart(name, timeout=0))


def docker_destroy(name: str) -> float:
    return timed(lambda: dockerd().remove(name))


if __name__ == "__main__":
    main()
