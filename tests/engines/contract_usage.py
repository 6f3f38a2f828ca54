"""What containers use."""

from __future__ import annotations

from tests.support.bench import Bench, read_until
from tests.support.eventually import eventually_async


class Measured:
    """Processor time, memory, processes."""

    async def test_a_busy_container_uses_time_and_an_idle_one_hardly_any(
        self, bench: Bench
    ) -> None:
        busy, _ = await bench.boot("while :; do :; done")
        idle, process = await bench.boot("echo up; exec sleep 3600")
        await read_until(process, b"up")

        async def is_busy() -> bool:
            found = await bench.engine.usage([busy, idle])
            return found[busy].cpu > 500_000 > 2 * found[idle].cpu

        await eventually_async(is_busy, within=30)

    async def test_memory_and_processes_are_counted(self, bench: Bench) -> None:
        name, process = await bench.boot("sleep 3600 & sleep 3600 & echo up; wait")
        await read_until(process, b"up")
        used = (await bench.engine.usage([name]))[name]
        assert used.processes == 3
        assert 0 < used.memory < 64 << 20

    async def test_what_does_not_run_is_left_out(self, bench: Bench) -> None:
        name, process = await bench.boot("true")
        await process.wait()
        await bench.engine.destroy(name, 0)
        assert await bench.engine.usage([name, "nobody"]) == {}
