"""Containers that are asleep: everything but the command, until they are woken."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.support.bench import Bench, outputs, read_until
from tfnz_jupyter.engines.base import Exit, Terminal
from tfnz_jupyter.errors import ContainerEnded, EngineFailed, UsageError

#: Counts its starts in a file, and goes on.
COUNTS = "echo start >>/starts; wc -l </starts; exec sleep 1000"


class Sleepers:
    """Containers whose command waits."""

    async def test_a_sleeper_has_everything_but_its_command(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot("echo awake", asleep=True, files=(("/note", b"hi"),))
            assert await bench.said(name, "cat /note; hostname") == "hitiny\n"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(first.wait(), 0.05)

    async def test_it_sleeps_on_while_orphans_end_in_it(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot("echo awake", asleep=True)
            for _ in range(5):
                await bench.said(name, "sleep 0.05 & exit")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(first.wait(), 0.05)
            await bench.engine.start(name)
            assert await outputs(first) == ("awake\n", "")

    async def test_waking_runs_the_command_beside_what_runs_already(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot("echo awake; exec sleep 1000", asleep=True)
            beside = await bench.execute(name, "echo beside; exec sleep 1000")
            await read_until(beside, b"beside")
            assert await bench.engine.start(name) is first
            await read_until(first, b"awake")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(beside.wait(), 0.05)

    async def test_what_it_was_fed_in_its_sleep_is_read_when_it_wakes(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot(argv=["cat"], asleep=True)
            await first.write(b"early\n")
            await first.write_eof()
            await bench.engine.start(name)
            assert await outputs(first) == ("early\n", "")
            assert await first.wait() == Exit(code=0)

    async def test_starting_twice_or_one_that_is_awake_does_nothing(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot(COUNTS, asleep=True)
            found = await asyncio.gather(*(bench.engine.start(name) for _ in range(4)))
            assert set(found) == {first}
            assert await read_until(first, b"\n") == b"1\n"
            assert await bench.engine.start(name) is first

    async def test_a_command_that_comes_later_is_found(self, bench: Bench):
        with bench.asked("asleep"):
            name, _ = await bench.boot(argv=["/later", "word"], asleep=True, env=(("A", "b"),))
            with pytest.raises(EngineFailed, match="no such command '/later'"):
                await bench.engine.start(name)
            script = "printf '#!/bin/sh\\necho $0 $1 $A' >/later; chmod +x /later"
            await bench.said(name, script)
            assert await outputs(await bench.engine.start(name)) == ("/later word b\n", "")

    async def test_one_without_any_command_can_be_used_and_not_started(self, bench: Bench):
        with bench.asked("asleep"):
            name, _ = await bench.boot(argv=[], asleep=True)
            assert await bench.said(name, "echo pod") == "pod\n"
            with pytest.raises(UsageError, match="nothing to run"):
                await bench.engine.start(name)

    async def test_a_sleeper_can_be_destroyed(self, bench: Bench):
        with bench.asked("asleep"):
            name, first = await bench.boot("true", asleep=True)
            await bench.engine.destroy(name, 10)
            assert await first.wait() == Exit(signal=signal.SIGKILL)

    async def test_a_sleeper_may_have_a_terminal(self, bench: Bench):
        with bench.asked("asleep"), bench.asked("terminal"):
            name, first = await bench.boot("stty size", asleep=True, terminal=Terminal(70, 17))
            await bench.engine.start(name)
            assert (await outputs(first))[0] == "17 70\r\n"

    async def test_nobody_wakes_the_dead(self, bench: Bench):
        name, process = await bench.boot("true")
        await process.wait()
        with pytest.raises(ContainerEnded):
            await bench.engine.start(name)
        with pytest.raises(ContainerEnded):
            await bench.engine.reboot(name, 0, reset=False)
