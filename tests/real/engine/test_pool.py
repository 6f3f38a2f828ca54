"""The disk that containers and volumes share: what it survives, what it leaves behind, and what takes its place."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.bare_engine import Bench, bench
from tests.support.bench import read_until
from tests.support.eventually import eventually_async
from tests.support.leaks import footprint, nothing
from tfnz_jupyter.engines.base import Limits
from tfnz_jupyter.engines.embedded import pool
from tfnz_jupyter.errors import EngineFailed, NotSupported, Refused


def keeper(state: Path) -> int:
    """Its pid."""
    return next(
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if {"--state", str(state)} <= set(read(path).split("\0"))
    )


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has just gone
        return ""


async def test_volumes_and_snapshots_are_there_for_the_next_engine(folder: Path):
    async with bench(folder) as first:
        await first.engine.volumes.create("kept")
        await first.run("echo one >/data/f", volumes=(("kept", "/data"),))
        await first.engine.volumes.snapshot("kept", "label")
        await first.run("echo two >/data/f", volumes=(("kept", "/data"),))
    async with bench(folder) as second:
        assert await second.engine.volumes.existing() == {"kept"}
        assert (await second.run("cat /v/f", volumes=(("kept", "/v"),)))[0] == "two\n"
        await second.engine.volumes.rollback("kept", "label")
        assert (await second.run("cat /v/f", volumes=(("kept", "/v"),)))[0] == "one\n"


async def test_closing_leaves_no_loop_device_and_no_mount(folder: Path):
    async with bench(folder) as found:
        await found.engine.volumes.create("kept")
        await found.boot("exec sleep 3600", volumes=(("kept", "/data"),))
        assert pool.holders(found.state)
    assert nothing(footprint(found.state))


async def test_a_killed_keeper_takes_the_mount_along_and_the_next_one_has_it_again(tiny: Bench):
    await tiny.engine.volumes.create("kept")
    _, process = await tiny.boot(
        "echo one >/data/f; echo up; exec sleep 3600", volumes=(("kept", "/data"),)
    )
    await read_until(process, b"up")
    os.kill(keeper(tiny.state), signal.SIGKILL)
    await process.wait()
    assert (await tiny.run("cat /data/f", volumes=(("kept", "/data"),)))[0] == "one\n"


async def test_killed_with_their_location_they_leave_no_loop_device(folder: Path):
    """The location is a process of its own; it and the keeper are killed at the same moment."""
    script = (
        "import asyncio, sys; from pathlib import Path; from tests.support.bare_engine import bench\n"
        "async def main():\n"
        "    async with bench(Path(sys.argv[1])) as b:\n"
        "        await b.engine.volumes.create('kept')\n"
        "        await b.boot('exec sleep 3600', volumes=(('kept', '/data'),))\n"
        "        print('up', flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    location = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert location.stdout is not None
    assert await location.stdout.readline() == b"up\n"
    os.kill(keeper(folder / "state"), signal.SIGKILL)
    location.kill()
    await location.wait()
    await eventually_async(lambda: not pool.holders(folder / "state"), within=10)
    async with bench(folder) as found:
        assert await found.engine.volumes.existing() == {"kept"}


async def test_what_dead_containers_wrote_is_removed_by_the_next_engine(folder: Path):
    async with bench(folder) as found:
        disk = found.engine.volumes.disk
        disk.make_container("left-behind", ("upper",), None)
    async with bench(folder) as found:
        assert not footprint(found.state)["files"]


async def test_a_container_may_make_subvolumes_and_its_volume_can_still_be_destroyed(tiny: Bench):
    """An unprivileged ioctl; nested ones keep a subvolume from being removed."""
    make = (
        'sysopen D, "/data", 0; $a = pack "qa4088", 0, $ARGV[0]; ioctl(D, 0x5000940e, $a) or die $!'
    )
    await tiny.engine.volumes.create("kept")
    *_, how = await tiny.run(
        f"perl -e '{make}' inner && echo x >/data/inner/f", volumes=(("kept", "/data"),)
    )
    assert how.code == 0
    await tiny.engine.volumes.destroy("kept")
    assert await tiny.engine.volumes.existing() == set()


async def test_no_container_is_started_while_the_disk_is_nearly_full(folder: Path):
    async with bench(folder, reserve=1 << 60) as found:
        with pytest.raises(Refused, match="MiB left"):
            await found.boot("true")
    assert nothing(footprint(found.state))


class TestWithoutPool:
    """Where no pool can be had: plain folders, and that is told."""

    @pytest.fixture(autouse=True)
    def lacking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_lacking", lambda: "a test took it away")

    async def test_it_is_told(self, tiny: Bench):
        assert any("a test took it away" in line for line in tiny.engine.degraded)

    async def test_a_limit_is_refused_with_the_reason(self, tiny: Bench):
        with pytest.raises(NotSupported, match="a test took it away"):
            await tiny.boot("true", limits=Limits(disk=1 << 20))
        assert (await tiny.run("echo fine"))[0] == "fine\n"

    async def test_volumes_are_kept_and_rolled_back_all_the_same(self, tiny: Bench):
        await tiny.engine.volumes.create("kept")
        name, process = await tiny.boot(
            "echo one >/data/f; echo up; exec sleep 3600", volumes=(("kept", "/data"),)
        )
        await read_until(process, b"up")
        await tiny.engine.volumes.snapshot("kept")
        await tiny.said(name, "echo two >/data/f; chown 7:7 /data/f")
        await tiny.engine.volumes.rollback("kept")
        assert await tiny.said(name, "cat /data/f; stat -c %u:%g /data/f") == "one\n0:0\n"
        await tiny.engine.volumes.destroy("kept")
        assert await tiny.engine.volumes.existing() == set()

    async def test_plain_volumes_stay_plain_when_a_pool_can_be_had(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        async with bench(folder) as found:
            await found.engine.volumes.create("kept")
        monkeypatch.undo()
        async with bench(folder) as found:
            assert await found.engine.volumes.existing() == {"kept"}
            assert any("from before" in line for line in found.engine.degraded)


async def test_a_pool_that_cannot_be_mounted_any_more_is_not_taken_for_empty(folder: Path):
    async with bench(folder) as found:
        await found.engine.volumes.create("kept")
    pool.image(folder / "state").write_bytes(b"broken")
    async with bench(folder) as found:
        assert any("volumes cannot be used" in line for line in found.engine.degraded)
        with pytest.raises(EngineFailed, match="cannot be used"):
            await found.engine.volumes.create("other")
        assert (await found.run("echo fine"))[0] == "fine\n"
