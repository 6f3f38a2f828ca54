"""The link itself: bulk bytes and round trips of a session, beside bare CURVE sockets of libzmq between two processes.

Bulk is a file of 200 MB fetched from a container to nowhere, so that reading it is in it; a round trip is a call that asks
for nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import zmq

from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns
from tfnz_jupyter import Container, Location
from tfnz_jupyter.blocking import block
from tfnz_jupyter.wire import messages as m

ROUNDS = 6
SIZE = 200_000_000
FRAME = 256 * 1024
TRIPS = 500
RAW = "raw CURVE"

#: Sends as many frames as it is asked for, or the one that it got.
_OTHER_END = f"""
import sys, zmq
socket = zmq.Context().socket(zmq.ROUTER)
socket.curve_server, socket.curve_secretkey = True, sys.argv[1].encode()
socket.router_mandatory = True  # it waits, and drops nothing
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
frame = bytes({FRAME})
while True:
    route, asked = socket.recv_multipart()
    for _ in range(int(asked or 0)):
        socket.send_multipart([route, frame], copy=True)
    if not asked:
        socket.send_multipart([route, b""])
"""


class Sink:
    """Takes what is fetched, and counts it."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location, raw() as socket:
        fill = f"head -c {SIZE} /dev/zero > /dev/shm/f; echo full; sleep 1000"
        container = location.node().spawn_container("busybox", command=fill, memory=4 << 30)
        container.wait_log("full")
        samples = in_turns(
            {OURS: lambda: bulk(container), RAW: lambda: raw_bulk(socket)}, ROUNDS, rest=0.1
        )
        yield Row("link, bulk", "MB/s", samples, (Target(0.5, RAW, least=True),))
        samples = in_turns(
            {OURS: lambda: trips(location), RAW: lambda: raw_trips(socket)}, ROUNDS, rest=0.1
        )
        yield Row("link, round trip of a call", "us", samples)


def bulk(container: Container) -> float:
    sink, start = Sink(), time.perf_counter()
    container.fetch("/dev/shm/f", sink)
    took = time.perf_counter() - start
    if sink.size != SIZE:
        raise SystemExit(f"{sink.size:,} of {SIZE:,} bytes came")
    return SIZE / took / 1e6


def trips(location: Location) -> float:
    start = time.perf_counter()
    for _ in range(TRIPS):
        block(location._connection.call(m.ListAccounts()))  # those of a location of one's own: none
    return (time.perf_counter() - start) / TRIPS * 1e6


@contextmanager
def raw() -> Iterator[zmq.Socket[bytes]]:
    public, secret = zmq.curve_keypair()
    own_public, own_secret = zmq.curve_keypair()
    argv = [sys.executable, "-c", _OTHER_END, secret.decode()]
    other = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert other.stdout is not None
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_serverkey, socket.curve_publickey = public, own_public
    socket.curve_secretkey = own_secret
    socket.connect(f"tcp://127.0.0.1:{int(other.stdout.readline())}")
    try:
        yield socket
    finally:
        socket.close(linger=0)
        other.kill()
        other.wait()
        other.stdout.close()


def raw_bulk(socket: zmq.Socket[bytes]) -> float:
    start = time.perf_counter()
    socket.send(b"%d" % (SIZE // FRAME))
    came = sum(len(socket.recv()) for _ in range(SIZE // FRAME))
    return came / (time.perf_counter() - start) / 1e6


def raw_trips(socket: zmq.Socket[bytes]) -> float:
    start = time.perf_counter()
    for _ in range(TRIPS):
        socket.send(b"")
        socket.recv()
    return (time.perf_counter() - start) / TRIPS * 1e6


if __name__ == "__main__":
    main()
