"""What is made ahead: cells and launchers that wait, serve, may be killed, and never count as somebody's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.bare_engine import Bench, bench, outputs
from tests.support.cgroup_files import read
from tests.support.eventually import eventually_async
from tests.support.leaks import footprint, nothing
from tfnz_jupyter.engines.base import Limits, Terminal
from tfnz_jupyter.engines.embedded.cgroups import existing, tag
from tfnz_jupyter.errors import EngineFailed

T = TypeVar("T")


@pytest.fixture
async def ready(folder: Path) -> AsyncIterator[Bench]:
    """An engine whose slots are filled."""
    async with bench(folder, slots=2) as found:
        await eventually_async(lambda: len(waiting(found)) == 4, within=20)
        yield found
    assert nothing(footprint(found.state)), footprint(found.state)


def waiting(found: Bench) -> dict[int, str]:
    """The launchers that nobody has asked for yet: pid -> its group."""
    groups = [group for group in existing(tag(found.state)) if "/slot-" in group]
    groups += [
        str(spare) for group in existing(tag(found.state)) for spare in Path(group).glob("spare")
    ]
    return {
        int(pid): group
        for group in groups
        for pid in Path(group, "cgroup.procs").read_text().split()
    }


def has_spare(found: Bench, container: str) -> bool:
    """Whether a launcher waits in a live container."""
    return any(container in group for group in waiting(found).values())


def slots(found: Bench) -> set[str]:
    """Their names."""
    return {Path(group).name for group in existing(tag(found.state)) if "slot-" in Path(group).name}


async def test_a_container_takes_a_slot_under_its_own_name_and_another_is_made(ready: Bench):
    before = slots(ready)
    name, _ = await ready.boot("sleep 100")
    assert name in {Path(group).name for group in existing(tag(ready.state))}
    await eventually_async(lambda: len(slots(ready)) == 2, within=10)
    assert len(slots(ready) - before) == 1


async def test_a_burst_finds_as_many_as_there_are_and_does_without_and_the_next_finds_more(
    ready: Bench,
):
    booted = await asyncio.gather(*(ready.address("sleep 100") for _ in range(6)))
    assert len({address for _name, address in booted}) == 6
    said = await asyncio.gather(*(ready.said(name, "echo hello") for name, _ in booted))
    assert said == ["hello\n"] * 6
    await eventually_async(lambda: len(slots(ready)) == 6, within=20)


@pytest.fixture
async def burst(ready: Bench) -> Bench:
    """An engine after a burst: most of its slots, but for the two that come first, have a crun that waits for what to run."""
    for name, _ in await asyncio.gather(*(ready.boot("sleep 100") for _ in range(24))):
        await ready.engine.destroy(name, 0)
    await eventually_async(lambda: len(poised(ready)) >= 3, within=20)
    return ready


async def third(found: Bench, deed: Awaitable[T]) -> T:
    """Do what boots a container while others take the slots that come first."""
    *_, result = await asyncio.gather(found.boot("sleep 100"), found.boot("sleep 100"), deed)
    return result


def poised(found: Bench) -> list[int]:
    """The cruns that wait."""
    return [pid for pid in waiting(found) if "--detach" in command(pid)]


async def is_alone(found: Bench, container: str) -> bool:
    """Whether its first process is the only one, as is so once what ran beside it, or crun, is gone."""
    return (await found.engine.usage([container]))[container].processes == 1


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


async def test_what_a_burst_finds_ready_is_a_container_like_any_other(burst: Bench):
    before = set(poised(burst))
    name, process = await third(burst, burst.boot("echo $$ up; exec sleep 100", hostname="mine"))
    assert (await process.read() or (None, b""))[1] == b"1 up\n"
    assert before - set(poised(burst))
    assert await burst.said(name, "hostname; cat /proc/1/comm") == "mine\nsleep\n"
    first = (await burst.engine.reboot(name, 0, reset=True)).process
    assert (await first.read() or (None, b""))[1] == b"1 up\n"
    assert await burst.said(name, "echo again") == "again\n"


async def test_what_a_burst_finds_ready_serves_only_what_it_can(burst: Bench):
    sleeper, _ = await third(burst, burst.boot("echo awake", asleep=True))
    assert (await outputs(await burst.engine.start(sleeper)))[0] == "awake\n"
    out, *_ = await third(burst, burst.run("stty size", terminal=Terminal(80, 25)))
    assert out == "25 80\r\n"
    long = "x" * 100_000
    out, *_ = await third(burst, burst.run("echo ${#LONG}", env=(("LONG", long),)))
    assert out == "100000\n"
    counted, _ = await third(burst, burst.boot("sleep 100", limits=Limits(pids=12)))
    await eventually_async(lambda: is_alone(burst, counted), 20)


async def test_what_a_burst_finds_ready_says_why_a_command_cannot_run(burst: Bench):
    with pytest.raises(EngineFailed, match="no such command '/no-such'"):
        await third(burst, burst.boot(argv=("/no-such",)))
    out, _, how = await third(burst, burst.run("echo one; exit 7"))
    assert (out, how.code) == ("one\n", 7)


async def test_what_a_burst_finds_ready_may_be_killed(burst: Bench):
    killed = poised(burst)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    await eventually_async(lambda: not any(Path(f"/proc/{pid}").exists() for pid in killed), 20)
    out, *_ = await third(burst, burst.run("echo two"))
    assert out == "two\n"


async def test_limits_are_those_of_the_container(ready: Bench):
    limits = Limits(memory=64 << 20, cpus=0.5, pids=99)
    name, _ = await ready.boot("sleep 100", limits=limits)
    assert int(read(name, "pids", "pids.max")) == 99
    default, _ = await ready.boot("sleep 100")
    assert int(read(default, "pids", "pids.max")) == 512


async def test_no_launcher_waits_where_processes_are_counted(ready: Bench):
    counted, _ = await ready.boot("sleep 100", limits=Limits(pids=12))
    assert not has_spare(ready, counted)
    other, _ = await ready.boot("sleep 100")
    for name in (counted, other):
        await ready.said(name, "true")
    await eventually_async(lambda: has_spare(ready, other), 10)
    assert not has_spare(ready, counted)


async def test_a_launcher_is_nobodys_process(ready: Bench):
    name, _ = await ready.boot("sleep 100")
    await ready.said(name, "true")
    await eventually_async(lambda: has_spare(ready, name), 10)
    await eventually_async(lambda: is_alone(ready, name), 20)


async def test_killed_launchers_are_replaced_and_missed_by_nobody(ready: Bench):
    name, _ = await ready.boot("sleep 100")
    killed = [*waiting(ready)]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    await eventually_async(lambda: not any(Path(f"/proc/{pid}").exists() for pid in killed), 20)
    assert await ready.said(name, "echo one") == "one\n"
    out, *_ = await ready.run("echo two")
    assert out == "two\n"
    await eventually_async(lambda: len(slots(ready)) == 2, within=10)


async def test_a_killed_process_leaves_nothing_behind_in_what_was_a_spares_group(ready: Bench):
    name, _ = await ready.boot("sleep 100")
    process = await ready.execute(name, "sleep 1000 & sleep 1000 & echo up; wait")
    assert (await process.read() or (None, b""))[1] == b"up\n"
    await process.signal(signal.SIGKILL)
    await process.wait()
    await eventually_async(lambda: "1000" not in str(footprint(ready.state)["processes"]), 20)


async def test_a_reboot_and_a_wish_to_sleep_fit_into_a_slot(ready: Bench):
    name, process = await ready.boot("echo up; sleep 100")
    again = (await ready.engine.reboot(name, 0, reset=True)).process
    assert (await again.read() or (None, b""))[1] == b"up\n"
    sleeper, _ = await ready.boot("echo awake", asleep=True)
    woken = await ready.engine.start(sleeper)
    assert (await outputs(woken))[0] == "awake\n"
    assert (await process.wait()).signal == signal.SIGKILL


async def test_a_reboot_takes_the_launcher_that_waits_and_its_group_goes_with_the_next(
    ready: Bench,
):
    name, _ = await ready.boot("sleep 100")
    for _ in range(3):
        await eventually_async(lambda: has_spare(ready, name), 20)
        await ready.engine.reboot(name, 0, reset=False)
        assert await ready.said(name, "echo hello") == "hello\n"
    await eventually_async(lambda: has_spare(ready, name), 20)
    groups = [Path(group) for group in existing(tag(ready.state)) if group.endswith(name)]
    branches = {
        path.name.split("-")[0] for one in groups for path in one.iterdir() if path.is_dir()
    }
    assert branches == {"first", "spare"}
    assert sum(path.name.startswith("first-") for one in groups for path in one.iterdir()) == 1
