"""Beginning again: what survives a reboot and what does not."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.support.bench import Bench, outputs, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Exit, Running, Terminal
from tfnz_jupyter.errors import ContainerEnded, EngineFailed

#: Counts its starts in a file, and goes on.
COUNTS = "echo start >>/starts; wc -l </starts; exec sleep 1000"


async def rebooted(bench: Bench, name: str, *, reset: bool = False, grace: float = 0) -> Running:
    """The first process after a reboot."""
    return (await bench.engine.reboot(name, grace, reset=reset)).process


class Reboots:
    """In place, and back to the beginning."""

    async def test_a_reboot_in_place_keeps_what_was_written(self, bench: Bench):
        name, first = await bench.boot(COUNTS, files=(("/note", b"hi"),))
        assert await read_until(first, b"\n") == b"1\n"
        await bench.said(name, "echo changed >/note; mkdir /made; rm /etc/group")
        second = await rebooted(bench, name)
        assert await read_until(second, b"\n") == b"2\n"
        assert await first.wait() == Exit(signal=signal.SIGKILL)
        assert await bench.said(name, "cat /note; ls -d /made /etc/group 2>&1 | head -n 1") == (
            "changed\nls: /etc/group: No such file or directory\n"
        )

    async def test_a_reset_goes_back_to_just_after_the_pre_boot_files(self, bench: Bench):
        with bench.asked("reset"):
            name, first = await bench.boot(COUNTS, files=(("/deep/note", b"hi"),))
            await read_until(first, b"\n")
            await bench.said(name, "echo changed >/deep/note; mkdir /made; rm /etc/group")
            for _ in range(2):
                again = await rebooted(bench, name, reset=True)
                assert await read_until(again, b"\n") == b"1\n"
                assert await bench.said(name, "cat /deep/note; ls -d /made /etc/group 2>&1") == (
                    "hils: /made: No such file or directory\n/etc/group\n"
                )

    async def test_a_reset_without_pre_boot_files_goes_back_to_the_image(self, bench: Bench):
        with bench.asked("reset"):
            name, first = await bench.boot(COUNTS)
            await read_until(first, b"\n")
            assert await read_until(await rebooted(bench, name, reset=True), b"\n") == b"1\n"

    async def test_address_name_and_surroundings_survive(self, bench: Bench):
        script = "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'; hostname; echo $A; pwd; id -un; exec sleep 1000"
        name, booted = await bench.booted(
            script, env=(("A", "b"),), cwd="/tmp", user="alice", hostname="keeps"
        )
        before = await read_until(booted.process, b"alice")
        again = await bench.engine.reboot(name, 0, reset=False)
        assert again.ip == booted.ip
        assert await read_until(again.process, b"alice") == before

    async def test_processes_end_and_are_told_so(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        beside = await bench.execute(name, "sleep 1000")
        await rebooted(bench, name)
        assert await beside.wait() == Exit(signal=signal.SIGKILL)
        assert await bench.said(name, "echo well") == "well\n"

    async def test_the_first_process_may_say_goodbye(self, bench: Bench):
        script = "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.02; done"
        name, first = await bench.boot(script)
        await read_until(first, b"up")
        second = await rebooted(bench, name, grace=30)
        assert await outputs(first) == ("bye\n", "")
        assert await first.wait() == Exit(code=9)
        await read_until(second, b"up")

    async def test_it_is_fed_anew(self, bench: Bench):
        name, first = await bench.boot("cat; exec sleep 1000")
        await first.write_eof()
        second = await rebooted(bench, name)
        await second.write(b"fresh\n")
        await read_until(second, b"fresh\n")

    async def test_a_sleeper_stays_asleep(self, bench: Bench):
        with bench.asked("asleep"):
            name, _ = await bench.boot(COUNTS, asleep=True)
            await bench.said(name, "touch /here")
            for reset in (False, True):
                await rebooted(bench, name, reset=reset)
            assert await bench.said(name, "ls /starts /here 2>/dev/null") == ""
            assert await read_until(await bench.engine.start(name), b"\n") == b"1\n"
            assert await read_until(await rebooted(bench, name), b"\n") == b"2\n"

    async def test_a_terminal_is_one_again(self, bench: Bench):
        with bench.asked("terminal"):
            name, _ = await bench.boot("stty size; exec sleep 1000", terminal=Terminal(60, 15))
            await read_until(await rebooted(bench, name), b"15 60")

    async def test_one_that_does_not_come_up_again_is_over(self, bench: Bench):
        name = await _suicidal(bench)
        with pytest.raises(EngineFailed, match="no such command"):
            await rebooted(bench, name)
        with pytest.raises(ContainerEnded):
            await bench.execute(name, "true")

    async def test_destroying_while_it_reboots_ends_it(self, bench: Bench):
        before = await bench.settled()
        name, first = await bench.boot("trap : TERM; echo up; while :; do sleep 0.02; done")
        await read_until(first, b"up")
        reboot = asyncio.create_task(bench.engine.reboot(name, 30, reset=True))
        await asyncio.wait([reboot], timeout=0.05)
        await bench.engine.destroy(name, 0)
        with pytest.raises(ContainerEnded):
            await reboot
        assert bench.leftovers() == before

    async def test_what_is_asked_meanwhile_waits(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        reboot = asyncio.create_task(bench.engine.reboot(name, 0, reset=True))
        await asyncio.sleep(0)
        found = await asyncio.gather(*(bench.said(name, "echo after") for _ in range(3)))
        assert found == ["after\n"] * 3
        await reboot

    async def test_again_and_again_leaves_nothing(self, bench: Bench):
        before = await bench.settled()
        name, _ = await bench.boot("sleep 1000", files=(("/note", b"hi"),))
        for turn in range(6):
            await rebooted(bench, name, reset=turn % 2 == 0)
        await bench.engine.destroy(name, 0)
        assert bench.leftovers() == before

    async def test_one_that_ends_at_once_after_a_reboot_is_over(self, bench: Bench):
        before = await bench.settled()
        name, first = await bench.boot(
            "[ -e /once ] && exit; touch /once; echo up; exec sleep 1000"
        )
        await read_until(first, b"up")
        assert await (await rebooted(bench, name)).wait() == Exit(code=0)
        await eventually_async(lambda: bench.leftovers() == before, within=max(5, bench.soon))
        with pytest.raises(ContainerEnded):
            await bench.execute(name, "true")


async def _suicidal(bench: Bench) -> str:
    """A container that has removed its own command."""
    name, first = await bench.boot("rm /bin/sh; echo up; exec sleep 1000")
    await read_until(first, b"up")
    return name
