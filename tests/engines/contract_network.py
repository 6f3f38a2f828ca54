"""Who reaches whom: a container whom it was let to, and nobody anybody else."""

from __future__ import annotations

import pytest

from tests.engines.contract_dialling import echoing
from tests.support.bench import Bench, read_until
from tfnz_jupyter.errors import ContainerEnded

#: Says a word to port 7 of an address, and what comes back, or why not.
_SAY = """
alarm 30; socket(S, 2, 1, 0); connect(S, pack('SnC4x8', 2, 7, split(/\\./, shift))) or print($!), exit;
syswrite S, 'word'; sysread S, $b, 9; print $b
"""
#: Says a word to port 7 again and again, a moment apart, for as long as it is
#: answered.
_CHAT = """
$| = 1; $SIG{PIPE} = 'IGNORE';
socket(S, 2, 1, 0); connect(S, pack('SnC4x8', 2, 7, split(/\\./, shift))) or die $!;
while (syswrite S, 'x') { sysread(S, $b, 9) or last; print '.'; select undef, undef, undef, 0.02 } print 'cut'
"""


async def say(bench: Bench, container: str, address: str) -> str:
    """What a container hears from port 7 of an address: ``word`` where it is let through."""
    return await bench.said(container, "", argv=["perl", "-e", _SAY, address])


async def is_refused(bench: Bench, container: str, address: str) -> None:
    """A container does not reach an address; where nobody keeps it from that, as the engine has said, it does."""
    assert (await say(bench, container, address) != "word") == bench.keeps_apart


class Network:
    """Connections between containers."""

    async def test_a_container_reaches_itself_by_its_address(self, bench: Bench):
        name, address = await echoing(bench)
        assert await say(bench, name, address) == "word"

    async def test_containers_do_not_reach_each_other(self, bench: Bench):
        _, address = await echoing(bench)
        name, _ = await bench.boot("sleep 100")
        await is_refused(bench, name, address)

    async def test_whom_a_container_was_opened_to_reaches_it_and_nobody_else_does(
        self, bench: Bench
    ):
        server, address = await echoing(bench)
        client, _ = await bench.boot("sleep 100")
        other, _ = await bench.boot("sleep 100")
        with bench.asked("allow"):
            await bench.engine.allow(server, client)
            assert await say(bench, client, address) == "word"
            await is_refused(bench, other, address)

    async def test_an_opening_leads_one_way(self, bench: Bench):
        server, _ = await bench.boot("sleep 100")
        client, address = await echoing(bench)
        with bench.asked("allow"):
            await bench.engine.allow(server, client)
            await is_refused(bench, server, address)

    async def test_opening_twice_and_closing_once_is_closed(self, bench: Bench):
        server, address = await echoing(bench)
        client, _ = await bench.boot("sleep 100")
        with bench.asked("allow"):
            await bench.engine.allow(server, client)
            await bench.engine.allow(server, client)
            await bench.engine.disallow(server, client)
            await bench.engine.disallow(server, client)
            await is_refused(bench, client, address)

    async def test_closing_cuts_a_conversation_that_is_going_on(self, bench: Bench):
        server, address = await echoing(bench)
        client, _ = await bench.boot("sleep 100")
        with bench.asked("allow"):
            await bench.engine.allow(server, client)
            chat = await bench.execute(client, argv=["perl", "-e", _CHAT, address])
            await read_until(chat, b"...")
            await bench.engine.disallow(server, client)
            await read_until(chat, b"cut" if bench.cuts else b"...")

    @pytest.mark.parametrize("reset", [False, True])
    async def test_an_opening_survives_reboots_of_both(self, bench: Bench, reset: bool):
        server, address = await echoing(bench)
        client, _ = await bench.boot("sleep 100")
        with bench.asked("allow"):
            await bench.engine.allow(server, client)
            for name in (server, client):
                booted = await bench.engine.reboot(name, 0, reset=reset)
                if name == server:
                    await read_until(booted.process, b"up")
            assert await say(bench, client, address) == "word"

    async def test_an_opening_to_oneself_does_no_harm(self, bench: Bench):
        name, address = await echoing(bench)
        with bench.asked("allow"):
            await bench.engine.allow(name, name)
            await bench.engine.disallow(name, name)
        assert await say(bench, name, address) == "word"

    async def test_what_has_ended_cannot_be_opened_and_needs_no_closing(self, bench: Bench):
        live, _ = await bench.boot("sleep 100")
        dead, process = await bench.boot("true")
        await process.wait()
        with bench.asked("allow"):
            for server, client in ((live, dead), (dead, live)):
                with pytest.raises(ContainerEnded, match=dead):
                    await bench.engine.allow(server, client)
                await bench.engine.disallow(server, client)
