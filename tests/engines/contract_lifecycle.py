"""Containers from nothing to nothing: boots, ends, and what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time

import pytest

from tests.support.bench import Bench, outputs, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Exit
from tfnz_jupyter.errors import ContainerEnded, EngineFailed, UsageError


class Lifecycle:
    """Of one container, and of many."""

    async def test_destroying_a_running_container_leaves_nothing_of_it(self, bench: Bench):
        before = await bench.settled()
        name, process = await bench.boot("sleep 100")
        assert bench.leftovers() != before
        await bench.engine.destroy(name, 0)
        assert bench.leftovers() == before
        assert await process.wait() == Exit(signal=signal.SIGKILL)

    async def test_destroying_twice_or_what_never_was_does_nothing(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        await asyncio.gather(bench.engine.destroy(name, 0), bench.engine.destroy(name, 1))
        await bench.engine.destroy(name, 0)
        await bench.engine.destroy("nobody", 0)

    async def test_a_container_that_catches_the_stop_signal_may_say_goodbye(self, bench: Bench):
        name, process = await bench.boot(
            "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done"
        )
        await read_until(process, b"up")
        await bench.engine.destroy(name, 10)
        assert await outputs(process) == ("bye\n", "")
        assert await process.wait() == Exit(code=9)

    async def test_one_that_does_not_catch_it_is_not_waited_for(self, bench: Bench):
        name, _ = await bench.boot(argv=["sleep", "100"])
        began = time.monotonic()
        await bench.engine.destroy(name, 10)
        assert time.monotonic() - began < 5

    async def test_one_that_ignores_it_is_killed_after_the_grace(self, bench: Bench):
        name, process = await bench.boot(
            "trap 'echo no' TERM; echo up; while :; do sleep 0.05; done"
        )
        await read_until(process, b"up")
        await bench.engine.destroy(name, 0.2)
        assert await process.wait() == Exit(signal=signal.SIGKILL)

    async def test_a_container_that_ends_by_itself_is_freed_by_itself(self, bench: Bench):
        before = await bench.settled()
        name, process = await bench.boot("echo last words")
        await process.wait()
        await eventually_async(lambda: bench.leftovers() == before, within=bench.soon)
        assert await outputs(process) == ("last words\n", "")
        with pytest.raises(ContainerEnded):
            await bench.execute(name, "true")

    async def test_an_id_can_be_used_once_at_a_time(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        with pytest.raises(UsageError, match=name):
            await bench.boot("true", id=name)

    async def test_there_is_no_other_node(self, bench: Bench):
        with pytest.raises(UsageError, match="'elsewhere'"):
            await bench.engine.boot(bench.spec("true"), "elsewhere")

    async def test_many_at_once_boot_answer_and_go(self, bench: Bench):
        before = await bench.settled()

        async def one(number: int) -> None:
            name, process = await bench.boot(f"echo {number}; exec sleep 100")
            assert await process.read() == (1, b"%d\n" % number)
            await bench.engine.destroy(name, 0)

        await asyncio.gather(*map(one, range(bench.many)))
        assert bench.leftovers() == before

    async def test_many_live_at_the_same_time_have_as_many_addresses(self, bench: Bench):
        found = await asyncio.gather(*(bench.address("exec sleep 100") for _ in range(bench.many)))
        assert len({address for _, address in found}) == bench.many
        await asyncio.gather(*(bench.engine.destroy(name, 0) for name, _ in found))

    @pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.04])
    async def test_cancelling_a_boot_leaves_nothing(self, bench: Bench, delay: float):
        before = await bench.settled()
        boots = [asyncio.create_task(bench.boot("sleep 100")) for _ in range(4)]
        await asyncio.wait(boots, timeout=delay)
        for boot in boots:
            boot.cancel()
        done = await asyncio.gather(*boots, return_exceptions=True)
        for result in done:
            if not isinstance(result, BaseException):
                await bench.engine.destroy(result[0], 0)
        assert bench.leftovers() == before

    async def test_destroying_while_it_boots_ends_the_boot(self, bench: Bench):
        before = await bench.settled()
        spec = bench.spec("sleep 100")
        boot = asyncio.create_task(bench.engine.boot(spec, bench.nodes[0].id))
        await asyncio.wait([boot], timeout=0.005)
        await bench.engine.destroy(spec.id, 0)
        with contextlib.suppress(EngineFailed, ContainerEnded):
            booted = await boot
            await booted.process.wait()
        await eventually_async(lambda: bench.leftovers() == before, within=bench.soon)

    async def test_a_failed_boot_leaves_nothing(self, bench: Bench):
        before = await bench.settled()
        with pytest.raises(EngineFailed):
            await bench.boot(argv=["nowhere"])
        assert bench.leftovers() == before

    async def test_nodes_are_sampled_every_second(self, bench: Bench):
        for node in bench.nodes:
            assert 0 <= node.stats.cpu <= node.stats.cpu_total
            assert 0 < node.stats.memory <= node.stats.memory_total
        await bench.boot("sleep 100")
        await eventually_async(lambda: bench.nodes[0].stats.containers == 1, within=5)
