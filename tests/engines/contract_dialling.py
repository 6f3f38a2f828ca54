"""Connections from the location to a container's ports: refused, many, flooded, slow, ended on one side and cut."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket

import pytest

from tests.support.bench import Bench, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Running
from tfnz_jupyter.errors import ContainerEnded

_ECHO = """
$| = 1; $SIG{CHLD} = 'IGNORE';
socket(L, 2, 1, 0); setsockopt(L, 1, 2, 1); bind(L, pack('SnC4x8', 2, 7, 0, 0, 0, 0)); listen(L, 200); print 'up';
while (accept(C, L)) { if (!fork) { while (sysread C, $b, 65536) { syswrite C, $b } exit } close C }
"""
#: Sends on port 7 until nobody has taken more for a second, says how much that was, and ends the connection.
_FLOOD = """
$| = 1; socket(L, 2, 1, 0); bind(L, pack('SnC4x8', 2, 7, 0, 0, 0, 0)); listen(L, 9); print 'up';
accept(C, L); fcntl(C, 4, 2048); $data = 'x' x 65536;
for (;;) { $w = ''; vec($w, fileno(C), 1) = 1; select(undef, $w, undef, 1) or last; $n += syswrite C, $data }
print "stalled $n."; close C; sleep 1000;
"""
#: Hears a word on port 7, and answers whether the end of input came behind it within a second.
_END = """
$| = 1; socket(L, 2, 1, 0); bind(L, pack('SnC4x8', 2, 7, 0, 0, 0, 0)); listen(L, 9); print 'up';
accept(C, L); sysread C, $b, 4; vec($r, fileno(C), 1) = 1; $found = select($r, undef, undef, 1);
syswrite C, $found && !sysread(C, $b, 1) ? 'ended' : 'open';
"""
_MUCH = 8 << 20  # bytes


class Collect(asyncio.Protocol):
    """Sends what it was given, keeps what comes."""

    def __init__(self, send: bytes) -> None:
        self.send, self.received = send, b""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.send)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def talk(bench: Bench, container: str, port: int, send: bytes) -> bytes:
    """What a port answers to some bytes, until it ends the connection."""
    protocol = Collect(send)
    transport = await bench.engine.connect(container, port, lambda: protocol)
    await asyncio.wait_for(protocol.over, 5)
    transport.close()
    return protocol.received


async def echoing(bench: Bench) -> tuple[str, str]:
    """A container that gives back what comes in on port 7, and listens already: its id and address."""
    name, booted = await bench.booted(argv=["perl", "-e", _ECHO])
    await read_until(booted.process, b"up")
    return name, booted.ip


async def dialled(bench: Bench, script: str = "", **facts: object) -> tuple[Running, socket.socket]:
    """The first process of a container that listens on port 7, and a connection to that."""
    name, process = await bench.boot(script, **facts)

    async def connection() -> socket.socket | None:
        with contextlib.suppress(ConnectionRefusedError):
            return await bench.engine.dial(name, 7)
        return None

    sock = await eventually_async(connection, within=10)
    assert sock is not None
    return process, sock


async def all_of(sock: socket.socket) -> bytearray:
    """What comes over a connection, to its end."""
    found, loop = bytearray(), asyncio.get_running_loop()
    with sock:
        while data := await loop.sock_recv(sock, 1 << 20):
            found += data
    return found


class Dialling:
    """Connections from the location."""

    async def test_a_port_in_a_container_answers(self, bench: Bench):
        name, _ = await bench.boot("exec httpd -f -p 80 -h /etc")

        async def page() -> bytes:
            with contextlib.suppress(ConnectionRefusedError):
                return await talk(bench, name, 80, b"GET /passwd HTTP/1.0\r\n\r\n")
            return b""

        assert b"200 OK" in await eventually_async(page, within=10)

    async def test_a_port_nobody_listens_on_is_refused(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        with pytest.raises(ConnectionRefusedError):
            await talk(bench, name, 81, b"")

    async def test_an_ended_container_has_no_ports(self, bench: Bench):
        name, process = await bench.boot("true")
        await process.wait()
        with pytest.raises(ContainerEnded):
            await talk(bench, name, 80, b"")

    async def test_a_hundred_connections_are_a_hundred(self, bench: Bench):
        name, _ = await echoing(bench)

        async def echo(number: int) -> bool:
            protocol = Collect(b"%d" % number)
            transport = await bench.engine.connect(name, 7, lambda: protocol)
            found = await eventually_async(lambda: protocol.received, within=10)
            transport.close()
            return found == b"%d" % number

        assert all(await asyncio.gather(*map(echo, range(100))))

    async def test_what_a_flooding_container_sends_arrives_whole(self, bench: Bench):
        _process, sock = await dialled(bench, "seq 1000000 | nc -l -p 7")
        expected = "".join(f"{number}\n" for number in range(1, 1_000_001))
        assert await all_of(sock) == expected.encode()

    async def test_what_is_sent_to_a_container_arrives_whole(self, bench: Bench):
        script = f"nc -l -p 7 | head -c {_MUCH} | sha256sum"
        process, sock = await dialled(bench, script)
        data = os.urandom(_MUCH)
        with sock:
            await asyncio.get_running_loop().sock_sendall(sock, data)
            await read_until(process, hashlib.sha256(data).hexdigest().encode(), within=60)

    async def test_who_does_not_read_stops_the_writer_and_misses_nothing(self, bench: Bench):
        process, sock = await dialled(bench, argv=["perl", "-e", _FLOOD])
        said = await read_until(process, b".", within=60)
        sent = int(said.rpartition(b" ")[2].rstrip(b"."))
        assert sent < 16 * _MUCH  # kernels on the way hold up to 32 MiB each, and no process more
        assert len(await all_of(sock)) == sent

    async def test_who_has_said_all_still_hears_the_answer(self, bench: Bench):
        """Whether the container is told that this was all depends on the way to it."""
        _process, sock = await dialled(bench, argv=["perl", "-e", _END])
        await asyncio.get_running_loop().sock_sendall(sock, b"word")
        sock.shutdown(socket.SHUT_WR)
        assert await all_of(sock) == (b"ended" if bench.passes_ends else b"open")
