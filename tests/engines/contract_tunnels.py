"""Tunnels over what an engine dials: thousands of connections at once, cuts that are seen, a relay that dies."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.bench import Bench, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.server.relay import Relay
from tfnz_jupyter.server.tunnels import Tunnel

_LISTEN = "socket(L, 2, 1, 0); bind(L, pack('SnC4x8', 2, 7, 0, 0, 0, 0)); listen(L, 4096);"
#: Takes in so many connections before it answers the first.
_PATIENT = f"""
$| = 1; $many = shift; {_LISTEN} print 'up';
for (1..$many) {{ accept($c[$_], L) || die }} print 'all';
for (1..$many) {{ sysread $c[$_], $b, 100; syswrite $c[$_], $b; close $c[$_] }} sleep 1000;
"""
#: Sends what fits into the kernel's buffers, and ends.
_LAST_WORDS = f"{_LISTEN} accept(C, L); syswrite C, 'x' x 100000;"


@asynccontextmanager
async def tunnel(bench: Bench, relay: Relay, container: str) -> AsyncIterator[Tunnel]:
    """To port 7 of a container."""
    opened = Tunnel("t", container, partial(bench.engine.dial, container, 7), relay)
    await opened.listen("127.0.0.1", 0)
    try:
        yield opened
    finally:
        opened.close()


def relay_pid() -> int | None:
    """The process that this one's relay runs in."""
    for stat in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words, parent = stat.read_bytes(), (stat.parent / "status").read_text()
        except OSError:
            continue
        if b"tfnz_jupyter.server.relay" in words and f"PPid:\t{os.getpid()}\n" in parent:
            return int(stat.parent.name)
    return None


class Tunnels:
    """Connections from a port of this machine into a container, through the location's relay."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def relay(self) -> AsyncIterator[Relay]:
        relay = Relay()
        yield relay
        await relay.close()

    @pytest.mark.timeout(300)  # where the machine has other things to do
    async def test_thousands_of_connections_are_open_at_once(self, bench: Bench, relay: Relay):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        many = bench.connections
        name, process = await bench.boot(argv=["perl", "-e", _PATIENT, str(many)])
        await read_until(process, b"up")
        async with tunnel(bench, relay, name) as opened:
            links = [await asyncio.open_connection("127.0.0.1", opened.port) for _ in range(many)]
            for number, (_reader, writer) in enumerate(links):
                writer.write(b"%d" % number)
            await read_until(process, b"all", within=150)
            answers = [await reader.read() for reader, _writer in links]
            for _reader, writer in links:
                writer.close()
        assert answers == [b"%d" % number for number in range(many)]
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    async def test_a_transfer_that_is_cut_does_not_look_complete(self, bench: Bench, relay: Relay):
        name, _process = await bench.boot("nc -l -p 7 < /dev/zero")
        async with tunnel(bench, relay, name) as opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            await reader.readexactly(1_000_000)
            opened.close()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    async def test_what_a_container_sent_before_its_end_arrives(self, bench: Bench, relay: Relay):
        name, process = await bench.boot(argv=["perl", "-e", _LAST_WORDS])
        async with tunnel(bench, relay, name) as opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            await process.wait()
            await bench.engine.destroy(name, 0)
            opened.finish()
            assert len(await reader.read()) == 100_000
            writer.close()

    async def test_a_connection_that_reaches_nobody_is_reset(self, bench: Bench, relay: Relay):
        name, _process = await bench.boot("sleep 1000")
        async with tunnel(bench, relay, name) as opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            await bench.engine.destroy(name, 0)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    async def test_a_killed_relay_resets_its_connections_and_the_next_one_gets_another(
        self, bench: Bench, relay: Relay
    ):
        name, _process = await bench.boot("nc -ll -p 7 -e cat")
        async with tunnel(bench, relay, name) as opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            writer.write(b"first")
            assert await reader.readexactly(5) == b"first"
            killed = relay_pid()
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            writer.write(b"again")
            assert await reader.readexactly(5) == b"again"
            assert relay_pid() not in (None, killed)
            writer.close()

    async def test_the_relay_ends_with_its_location(self, bench: Bench, relay: Relay):
        name, _process = await bench.boot("nc -ll -p 7 -e cat")
        async with tunnel(bench, relay, name) as opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            writer.write(b"here")
            await reader.readexactly(4)
            assert await eventually_async(relay_pid, within=5)
            await relay.close()
            assert relay_pid() is None
            writer.close()
