"""From nothing to nothing: boots, ends, crashes of either process, and what is left on the machine each time."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bare_engine import Bench, bench
from tests.support.eventually import eventually, eventually_async
from tests.support.leaks import footprint, nothing
from tfnz_jupyter.engines.embedded import subids
from tfnz_jupyter.errors import EngineFailed

ROOT = Path(__file__).resolve().parents[3]


def keeper_pid(state: Path) -> int:
    lines = [line for line in footprint(state)["processes"] if "keeper" in line]
    assert len(lines) == 1, lines
    return int(lines[0].split()[0])


async def test_killing_the_keeper_ends_all_and_the_next_boot_starts_another(tiny: Bench):
    first = [await tiny.boot("sleep 100") for _ in range(3)]
    execed = await tiny.execute(first[0][0], "sleep 90")
    os.kill(keeper_pid(tiny.state), signal.SIGKILL)
    for process in [execed, *(process for _, process in first)]:
        how = await asyncio.wait_for(process.wait(), 5)
        assert how.code is None
        assert "keeper was killed" in how.reason
        assert await process.read() is None
    await eventually_async(lambda: nothing(footprint(tiny.state)), within=5)
    assert (await tiny.run("echo again"))[0] == "again\n"


async def test_killing_the_keeper_during_boots_fails_them(tiny: Bench):
    await tiny.run("true")
    boots = [asyncio.create_task(tiny.boot("sleep 100")) for _ in range(8)]
    await asyncio.wait(boots, timeout=0.03)
    os.kill(keeper_pid(tiny.state), signal.SIGKILL)
    for result in await asyncio.gather(*boots, return_exceptions=True):
        if isinstance(result, BaseException):
            assert isinstance(result, EngineFailed), result
    assert (await tiny.run("echo again"))[0] == "again\n"


async def test_closing_leaves_nothing_but_layers(folder: Path):
    async with bench(folder) as tiny:
        for _ in range(3):
            await tiny.boot("sleep 100")
    assert nothing(footprint(folder / "state"))
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["engine.lock", "keeper.log"]
    await tiny.engine.close()


async def test_a_second_location_of_the_same_folder_is_refused(tiny: Bench):
    with pytest.raises(EngineFailed, match="another location"):
        async with bench(tiny.state.parent):
            pass
    assert (await tiny.run("echo fine"))[0] == "fine\n"


LOCATION = """
import asyncio, sys
from pathlib import Path
from tests.support.bare_engine import bench

async def main():
    folder = Path(sys.argv[1])
    async with bench(folder, linger=float(sys.argv[2]), blobs=folder / "blobs") as tiny:
        await tiny.boot("while :; do echo tick; sleep 0.01; done")
        await tiny.boot("sleep 100")
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def dead_location(folder: Path, linger: float) -> None:
    """A location with two containers that is killed without a word."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCATION, folder, str(linger)], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()


def test_a_keeper_without_a_location_ends_in_its_time_and_leaves_nothing(folder: Path):
    dead_location(folder, linger=1.0)
    pid = os.pidfd_open(keeper_pid(folder / "state"))
    assert len(footprint(folder / "state")["cgroups"]) > 0
    ended, _, _ = select.select([pid], [], [], 10)
    os.close(pid)
    assert ended
    assert nothing(footprint(folder / "state"))
    assert not (folder / "run" / "keeper.sock").exists()


def test_containers_go_on_while_the_keeper_waits_for_a_location(folder: Path):
    dead_location(folder, linger=30.0)
    state = folder / "state"
    processes = [line for line in footprint(state)["processes"] if "tick" in line]
    assert processes
    assert eventually(lambda: Path("/proc", processes[0].split()[0]).exists(), within=1)
    pidfd = os.pidfd_open(keeper_pid(state))
    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    assert select.select([pidfd], [], [], 10)[0]
    os.close(pidfd)
    assert nothing(footprint(state))


async def test_the_next_location_ends_what_a_dead_one_left(folder: Path):
    await asyncio.to_thread(dead_location, folder, 30.0)
    before = keeper_pid(folder / "state")
    async with bench(folder) as tiny:
        assert keeper_pid(tiny.state) != before
        assert footprint(tiny.state)["files"] == set()
        assert (await tiny.run("echo new"))[0] == "new\n"


async def test_the_next_location_sweeps_what_a_dead_keeper_left(folder: Path):
    await asyncio.to_thread(dead_location, folder, 30.0)
    os.kill(keeper_pid(folder / "state"), signal.SIGKILL)
    (folder / "state" / "layers" / ".half-abc").mkdir()
    async with bench(folder) as tiny:
        assert footprint(tiny.state)["files"] == set()
        assert (await tiny.run("echo new"))[0] == "new\n"


async def test_nobody_else_holds_the_containers_ids(tiny: Bench):
    first = await asyncio.to_thread(subids.ensure)
    for path in (Path("/etc/subuid"), Path("/etc/subgid")):
        ranges = subids.parse(path.read_text())
        ours = subids.owned(ranges, (subids.USER,))
        assert ours is not None
        assert ours.first == first
        assert subids.clash(ours, ranges, (subids.USER,)) is None
