"""Bytes and round trips through a tunnel on this machine, beside the same server without any container, in turns.

One connection that reads zeros, one that sends them, one that plays ping-pong; then how fast connections are made. The
server is busybox in both cases: in a container behind a tunnel, and on this machine's own loopback (whose connecting is
slower than it could be: Python starts each server there).
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.eventually import eventually
from tfnz_jupyter import Location

ROUNDS = 5
SIZE = 1_000_000_000  # bytes
PINGS = 2000
CONNECTIONS = 200
BLOCK = bytes(1 << 20)
#: What to run -> on which port.
SERVERS = {"dd if=/dev/zero bs=1M": 7001, "dd of=/dev/null bs=1M": 7002, "cat": 7003}

#: As ``nc -ll -e`` does, on 127.0.0.1 alone.
_LISTEN = """
import signal, socket, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
while True:
    link, _ = listener.accept()
    subprocess.Popen(sys.argv[2:], stdin=link, stdout=link)
    link.close()
"""

Dial = Callable[[int], socket.socket]


def main() -> None:
    location = Location()
    script = " & ".join(f"nc -ll -p {port} -e {server}" for server, port in SERVERS.items())
    container = location.node().spawn_container("busybox", command=script)
    tunnels = {port: container.attach_tunnel(port).localport() for port in SERVERS.values()}
    for port in SERVERS.values():
        container.wait_tcp(port)
    with local_servers():
        ways: dict[str, Dial] = {
            "tunnel": lambda port: dial(tunnels[port]),
            "loopback": dial,
        }
        for name, measure, unit in (
            ("reading", reading, "MB/s"),
            ("sending", sending, "MB/s"),
            ("ping-pong", ping_pong, "us"),
            ("connecting", connecting, "a second"),
        ):
            samples: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(ROUNDS):
                for way, connect in ways.items():
                    samples[way].append(measure(connect))
            told = (f"{way} {statistics.median(taken):.0f}" for way, taken in samples.items())
            print(f"{name:<11} {unit:<9} {', '.join(told)}")
    location.disconnect()


@contextmanager
def local_servers() -> Iterator[None]:
    """The same servers on this machine."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _LISTEN, str(port), "busybox", *server.split()],
            stderr=subprocess.DEVNULL,
        )
        for server, port in SERVERS.items()
    ]
    try:
        for port in SERVERS.values():
            eventually(lambda port=port: dial(port).close() or True, within=10)
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def dial(port: int) -> socket.socket:
    try:
        link = socket.create_connection(("127.0.0.1", port), timeout=60)
    except ConnectionRefusedError as problem:
        raise AssertionError("nobody listens yet") from problem
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def reading(connect: Dial) -> float:
    with connect(SERVERS["dd if=/dev/zero bs=1M"]) as link:
        buffer, total, start = bytearray(1 << 20), 0, time.perf_counter()
        while total < SIZE:
            total += link.recv_into(buffer)
    return total / 1e6 / (time.perf_counter() - start)


def sending(connect: Dial) -> float:
    with connect(SERVERS["dd of=/dev/null bs=1M"]) as link:
        start = time.perf_counter()
        for _ in range(SIZE // len(BLOCK)):
            link.sendall(BLOCK)
        link.shutdown(socket.SHUT_WR)
        while link.recv(100):  # dd has taken all of it when it ends
            pass
    return SIZE / 1e6 / (time.perf_counter() - start)


def ping_pong(connect: Dial) -> float:
    with connect(SERVERS["cat"]) as link:
        start = time.perf_counter()
        for _ in range(PINGS):
            link.sendall(b"x")
            link.recv(1)
    return (time.perf_counter() - start) / PINGS * 1e6


def connecting(connect: Dial) -> float:
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        with connect(SERVERS["cat"]) as link:
            link.sendall(b"x")
            link.recv(1)
    return CONNECTIONS / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
