"""Bytes, round trips and connections through a tunnel on this machine, beside ``docker -p``, ``socat`` and none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tests.benchmarks import _servers
from tests.benchmarks._docker import dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns
from tests.benchmarks._servers import (
    SCRIPT,
    SERVERS,
    Dial,
    dial,
    free_port,
    on_loopback,
    running,
    tunnelled,
)
from tests.support.eventually import eventually
from tfnz_jupyter import Location

ROUNDS = 5
DOCKER, SOCAT, LOOPBACK = "docker -p", "socat", "no tunnel"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with ExitStack() as stack:
        stack.enter_context(on_loopback())
        ways: dict[str, Dial] = {
            OURS: stack.enter_context(ours()),
            DOCKER: stack.enter_context(published()),
            SOCAT: stack.enter_context(socat()),
            LOOPBACK: dial,
        }
        for what, deed, unit, targets in (
            ("tunnel, reading", _servers.reading, "MB/s", (Target(1, DOCKER, least=True),)),
            ("tunnel, sending", _servers.sending, "MB/s", (Target(1, DOCKER, least=True),)),
            ("tunnel, round trip", _servers.ping_pong, "us", (Target(1.3, DOCKER),)),
            ("tunnel, connecting", _servers.connecting, "a second", ()),
        ):
            turns = {way: lambda deed=deed, to=to: deed(to) for way, to in ways.items()}
            yield Row(what, unit, in_turns(turns, ROUNDS, rest=0.05), targets)


@contextmanager
def ours() -> Iterator[Dial]:
    with Location() as location:
        yield tunnelled(location)


@contextmanager
def published() -> Iterator[Dial]:
    docker = dockerd()
    bindings = {port: ("127.0.0.1", port) for port in SERVERS}
    name = docker.start(["sh", "-c", SCRIPT], ports=list(SERVERS), host={"port_bindings": bindings})
    eventually(lambda: _servers.ping_pong(docker.dial) > 0, within=10)
    yield docker.dial
    docker.remove(name)


@contextmanager
def socat() -> Iterator[Dial]:
    with ExitStack() as started:
        ports = {port: free_port() for port in SERVERS}
        for port, here in ports.items():
            listen = f"TCP-LISTEN:{here},bind=127.0.0.1,fork,reuseaddr,nodelay"
            started.enter_context(
                running(["socat", "-b", "262144", listen, f"TCP:127.0.0.1:{port},nodelay"])
            )
            eventually(lambda here=here: _servers.answers(here), within=10)
        yield lambda port: dial(ports[port])


if __name__ == "__main__":
    main()
