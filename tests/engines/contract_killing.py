"""Whoever is killed leaves nobody behind."""

from __future__ import annotations

import signal

from tests.support.bench import Bench, outputs, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Exit

#: A process with a child, a grandchild in a session of its own, and one whose parent is gone already.
FAMILY = "sleep 7001 & setsid sh -c 'sleep 7002; :' & (setsid sleep 7003 &); echo up; wait; sleep 7004; :"
#: The same, and none of them listens to TERM.
STUBBORN = "trap '' TERM; " + FAMILY


async def alive(bench: Bench, container: str) -> list[str]:
    """Which of the family there are."""
    listed = await bench.said(container, "ps -o args")
    lines = {line.strip() for line in listed.splitlines()}
    return sorted(line.split()[1] for line in lines if line.startswith("sleep 700"))


async def family(bench: Bench, script: str = FAMILY):
    """A container with a family in it; the head of that."""
    name, _ = await bench.boot("sleep 1000")
    process = await bench.execute(name, script)
    await read_until(process, b"up")
    await eventually_async(lambda: _all_there(bench, name), within=5)
    return name, process


async def _all_there(bench: Bench, name: str) -> bool:
    return await alive(bench, name) == ["7001", "7002", "7003"]


class Killing:
    """Of processes beside a container's first."""

    async def test_a_kill_takes_all_that_the_process_started(self, bench: Bench):
        name, process = await family(bench)
        await process.signal(signal.SIGKILL)
        assert await process.wait() == Exit(signal=signal.SIGKILL)
        await eventually_async(lambda: _gone(bench, name), within=5)

    async def test_a_signal_that_ends_the_process_takes_them_too(self, bench: Bench):
        name, process = await family(bench)
        await process.signal(signal.SIGTERM)
        assert await process.wait() == Exit(signal=signal.SIGTERM)
        await eventually_async(lambda: _gone(bench, name, lost=("7002", "7003")), within=5)

    async def test_ending_asks_all_of_them_and_kills_who_stays(self, bench: Bench):
        name, process = await family(bench, STUBBORN)
        await process.end(0.2)
        assert await process.wait() == Exit(signal=signal.SIGKILL)
        await eventually_async(lambda: _gone(bench, name), within=5)

    async def test_ending_lets_who_listens_say_goodbye(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.02; done"
        process = await bench.execute(name, script)
        await read_until(process, b"up")
        await process.end(30)
        assert "bye" in (await outputs(process))[0]
        assert await process.wait() == Exit(code=7)
        await process.end(30)

    async def test_a_process_that_forks_while_it_is_killed_is_caught(self, bench: Bench):
        name, _ = await bench.boot("while :; do sleep 0.1; done")  # it buries who is left to it
        # it stops short of 512 processes: a shell that can fork no more ends by itself, and may leave them
        storm = "i=0; while [ $i -lt 130 ]; do f; f; f; i=$((i+1)); done; sleep 7002; :"
        script = f"f() {{ setsid sleep 7001 & }}; echo up; {storm}"
        process = await bench.execute(name, script)
        await read_until(process, b"up")
        await process.signal(signal.SIGKILL)
        await process.wait()
        await eventually_async(lambda: _none(bench, name), within=10)

    async def test_who_ends_by_itself_may_leave_a_daemon(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        assert await bench.said(name, "setsid sleep 7001 >/dev/null 2>&1 & echo left") == "left\n"
        assert await alive(bench, name) == ["7001"]

    async def test_a_signal_that_is_no_end_reaches_the_process_alone(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        script = "trap 'echo usr' USR1; sleep 7001 & echo up; while :; do sleep 0.02; done"
        process = await bench.execute(name, script)
        await read_until(process, b"up")
        await process.signal(signal.SIGUSR1)
        await read_until(process, b"usr")
        assert await alive(bench, name) == ["7001"]

    async def test_the_others_are_left_alone(self, bench: Bench):
        name, process = await family(bench)
        other = await bench.execute(name, "echo up; exec sleep 7005")
        await read_until(other, b"up")
        await process.signal(signal.SIGKILL)
        await process.wait()
        await eventually_async(lambda: _gone(bench, name, "7005"), within=5)


async def _none(bench: Bench, name: str) -> bool:
    return await alive(bench, name) == []


async def _gone(bench: Bench, name: str, *others: str, lost: tuple[str, ...] = ("7003",)) -> bool:
    """Whether the family is, but for those that an engine without control groups loses sight of."""
    left = () if bench.keeps_daemons_together else lost
    found = set(await alive(bench, name))
    return set(others) <= found <= {*left, *others}
