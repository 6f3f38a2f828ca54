"""The servers that tunnels lead to: busybox, the same in a container, in Docker's, and on this machine's own loopback.

Who connects says how many MiB are meant. A source closes after them; a sink answers once it has them: nobody needs a
half-closed connection, which ``kubectl port-forward`` does not pass on, and nobody leaves while a source still sends, after
which all connections through one ``kubectl port-forward`` (1.20) stand still. Connecting on loopback is slower than it could
be: Python starts each server there.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.support.eventually import eventually
from tfnz_jupyter import Location

MIB = 1 << 20
SIZE = 400 * MIB
PINGS = 2000
CONNECTIONS = 200
SOURCE, SINK, ECHO = 7001, 7002, 7003
#: On which port -> what runs there.
SERVERS = {
    SOURCE: ["sh", "-c", "read n; exec dd if=/dev/zero bs=1M count=$n"],
    SINK: ["sh", "-c", "read n; dd of=/dev/null bs=1M count=$n iflag=fullblock; echo"],
    ECHO: ["cat"],
}
#: For a container.
SCRIPT = " & ".join(f"nc -ll -p {port} -e {shlex.join(argv)}" for port, argv in SERVERS.items())

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
_BLOCK = bytes(MIB)

Dial = Callable[[int], socket.socket]


@contextmanager
def on_loopback() -> Iterator[None]:
    """All of them on this machine."""
    with ExitStack() as started:
        for port, argv in SERVERS.items():
            listen = [sys.executable, "-c", _LISTEN, str(port), "busybox", *argv]
            started.enter_context(running(listen))
            eventually(lambda port=port: answers(port), within=10)
        yield


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program for the length of a block."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether somebody listens on that port of this machine."""
    try:
        dial(port).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """One that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def dial(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=60)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def tunnelled(location: Location) -> Dial:
    """Tunnels to all of them in a container of that location."""
    container = location.node().spawn_container("busybox", command=SCRIPT)
    ports = {port: container.attach_tunnel(port).localport() for port in SERVERS}
    for port in SERVERS:
        container.wait_tcp(port)
    return lambda port: dial(ports[port])


def reading(connect: Dial, size: int = SIZE) -> float:
    """MB/s out of the server."""
    with connect(SOURCE) as link:
        buffer, total, start = bytearray(MIB), 0, time.perf_counter()
        link.sendall(b"%d\n" % (size // MIB))
        while came := link.recv_into(buffer):
            total += came
        took = time.perf_counter() - start
    if total != size:
        raise SystemExit(f"{total:,} of {size:,} bytes came")
    return total / 1e6 / took


def sending(connect: Dial, size: int = SIZE) -> float:
    """MB/s into the server."""
    with connect(SINK) as link:
        start = time.perf_counter()
        link.sendall(b"%d\n" % (size // MIB))
        for _ in range(size // MIB):
            link.sendall(_BLOCK)
        if not link.recv(100):
            raise SystemExit(f"it ended before it had {size:,} bytes")
        return size / 1e6 / (time.perf_counter() - start)


def ping_pong(connect: Dial) -> float:
    """Microseconds for a byte there and back."""
    with connect(ECHO) as link:
        start = time.perf_counter()
        for _ in range(PINGS):
            link.sendall(b"x")
            link.recv(1)
        return (time.perf_counter() - start) / PINGS * 1e6


def connecting(connect: Dial) -> float:
    """Connections a second, one after the other."""
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        with connect(ECHO) as link:
            link.sendall(b"x")
            link.recv(1)
    return CONNECTIONS / (time.perf_counter() - start)
