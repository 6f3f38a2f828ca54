"""Volumes: what is on them stays, is shared, kept and brought back; and what a container writes beside them is limited."""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest

from tests.support.bench import Bench, read_until
from tfnz_jupyter.engines.base import Limits
from tfnz_jupyter.errors import EngineFailed, NotFound, UsageError

_numbers = itertools.count(1)


async def volume(bench: Bench) -> str:
    """A new volume."""
    name = f"v{next(_numbers):025d}"
    await bench.engine.volumes.create(name)
    return name


async def box(bench: Bench, *volumes: tuple[str, str]) -> str:
    """A container that has volumes and does nothing."""
    name, process = await bench.boot("echo up; exec sleep 3600", volumes=volumes)
    await read_until(process, b"up")
    return name


class Volumes:
    """Of an engine."""

    async def test_a_new_volume_is_empty_and_belongs_to_root(self, bench: Bench):
        name = await box(bench, (await volume(bench), "/data"))
        assert await bench.said(name, "ls -A /data; stat -c '%a %u:%g' /data") == "755 0:0\n"

    async def test_what_is_written_outlives_the_container(self, bench: Bench):
        kept = await volume(bench)
        await bench.run("echo kept >/deep/er/note", volumes=((kept, "/deep/er"),))
        out, *_ = await bench.run("cat /note/note", volumes=((kept, "/note"),))
        assert out == "kept\n"

    async def test_containers_share_a_volume(self, bench: Bench):
        shared = await volume(bench)
        one, two = await box(bench, (shared, "/a")), await box(bench, (shared, "/b"))
        await bench.said(one, "echo hello >/a/f; chown 1000:1000 /a/f")
        assert await bench.said(two, "cat /b/f; stat -c %u:%g /b/f") == "hello\n1000:1000\n"

    async def test_a_container_may_have_several(self, bench: Bench):
        one, two = await volume(bench), await volume(bench)
        name = await box(bench, (two, "/d/two"), (one, "/d/one"))
        await bench.said(name, "echo 1 >/d/one/f; echo 2 >/d/two/f")
        out, *_ = await bench.run("cat /v/f", volumes=((one, "/v"),))
        assert out == "1\n"

    async def test_a_volume_gives_no_privilege(self, bench: Bench):
        """A program on it that is root's, for everybody, makes nobody root."""
        name = await box(bench, (await volume(bench), "/data"))
        await bench.said(name, "cp /usr/bin/perl /data/perl && chmod 4755 /data/perl")
        whoever = await bench.said(name, "", argv=["/data/perl", "-e", "print $>"], user="1000")
        assert whoever == "1000"

    async def test_a_snapshot_brings_back_what_was_there_synced_or_not(self, bench: Bench):
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        await bench.said(
            name, "echo before >/data/f; dd if=/dev/zero of=/data/z bs=1M count=9 2>&1"
        )
        await bench.engine.volumes.snapshot(kept)
        await bench.said(name, "echo after >/data/f; echo new >/data/g; rm /data/z")
        await bench.engine.volumes.rollback(kept)
        assert await bench.said(name, "cat /data/f; ls /data; stat -c %s /data/z") == (
            "before\nf\nz\n9437184\n"
        )

    async def test_every_live_container_sees_a_rollback_and_goes_on_writing(self, bench: Bench):
        kept = await volume(bench)
        names = [await box(bench, (kept, place)) for place in ("/a", "/deep/b")]
        await bench.said(names[0], "echo one >/a/f")
        await bench.engine.volumes.snapshot(kept)
        for _ in range(3):
            await bench.said(names[1], "echo two >/deep/b/f")
            await bench.engine.volumes.rollback(kept)
            assert await bench.said(names[0], "cat /a/f") == "one\n"
            assert await bench.said(names[1], "cat /deep/b/f") == "one\n"
        await bench.said(names[0], "echo three >/a/f")
        assert await bench.said(names[1], "cat /deep/b/f") == "three\n"

    async def test_snapshots_have_names_and_stay_after_a_rollback(self, bench: Bench):
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        for label in ("one", "two"):
            await bench.said(name, f"echo {label} >/data/f")
            await bench.engine.volumes.snapshot(kept, label)
        for label in ("one", "two", "one"):
            await bench.engine.volumes.rollback(kept, label)
            assert await bench.said(name, "cat /data/f") == f"{label}\n"
        assert await bench.engine.volumes.snapshots(kept) == ["", "one", "two"]

    async def test_a_snapshot_replaces_the_one_of_that_name(self, bench: Bench):
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        for content in ("old", "new"):
            await bench.said(name, f"echo {content} >/data/f")
            await bench.engine.volumes.snapshot(kept)
        await bench.said(name, "rm /data/f")
        await bench.engine.volumes.rollback(kept)
        assert await bench.said(name, "cat /data/f") == "new\n"

    async def test_before_any_snapshot_a_rollback_empties(self, bench: Bench):
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        await bench.said(name, "echo x >/data/f")
        await bench.engine.volumes.rollback(kept)
        assert await bench.said(name, "ls -A /data") == ""

    @pytest.mark.parametrize("reset", [False, True])
    async def test_a_reboot_mounts_it_again_as_it_is_by_then(self, bench: Bench, reset: bool):
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        await bench.said(name, "echo one >/data/f")
        await bench.engine.volumes.snapshot(kept)
        await bench.said(name, "echo two >/data/f")
        await bench.engine.volumes.rollback(kept)
        await bench.said(name, "echo three >>/data/f")
        await bench.engine.reboot(name, 0, reset=reset)
        assert await bench.said(name, "cat /data/f; grep -c ' /data ' /proc/mounts") == (
            "one\nthree\n1\n"
        )

    async def test_a_place_that_the_container_has_moved_is_not_mistaken_for_another(
        self, bench: Bench
    ):
        """It moves what leads to the volume, and has the path lead to /proc."""
        kept = await volume(bench)
        name = await box(bench, (kept, "/x/y/proc"))
        await bench.said(name, "mv /x/y /x/z; ln -s / /x/y")
        if bench.exchanges_volumes:
            with pytest.raises(EngineFailed, match="still sees the former"):
                await bench.engine.volumes.rollback(kept)
        else:
            await bench.engine.volumes.rollback(kept)
        assert "cpuinfo" in await bench.said(name, "ls /proc")

    async def test_files_reach_into_volumes_and_not_out_of_them(self, bench: Bench):
        """S-1, where the ancestor's had a path of the host's."""
        kept = await volume(bench)
        name = await box(bench, (kept, "/data"))
        files = bench.engine.files(name)
        await bench.said(name, "echo x >/data/f; ln -s ../../../../../etc/machine /data/up")
        assert [one for one, _ in await files.list("/data")] == ["f", "up"]
        file = await files.open("/data/up", os.O_WRONLY | os.O_CREAT)
        await file.write(0, b"inside")
        await file.close()
        assert await bench.said(name, "cat /etc/machine") == "inside"
        assert "machine" not in os.listdir("/etc")

    async def test_a_preboot_file_below_a_volume_is_refused(self, bench: Bench):
        kept = await volume(bench)
        with pytest.raises(UsageError, match="volume is mounted over it"):
            await bench.boot("true", volumes=((kept, "/data"),), files=(("/data/f", b"x"),))

    @pytest.mark.parametrize(
        "place", ["/", "data", "/a/../b", "/proc", "/dev/x", "/sys/y", "/a//b"]
    )
    async def test_a_place_that_makes_no_sense_is_refused_by_name(self, bench: Bench, place: str):
        kept = await volume(bench)
        with pytest.raises(UsageError, match="volumes"):
            await bench.boot("true", volumes=((kept, place),))

    async def test_what_is_not_there_is_said(self, bench: Bench):
        volumes = bench.engine.volumes
        for deed in (volumes.snapshot("gone"), volumes.rollback("gone"), volumes.snapshots("gone")):
            with pytest.raises(NotFound, match="gone"):
                await deed
        kept = await volume(bench)
        with pytest.raises(NotFound, match="'early'"):
            await volumes.rollback(kept, "early")
        with pytest.raises(EngineFailed):
            await bench.boot("true", volumes=(("gone", "/data"),))

    async def test_a_destroyed_volume_is_gone_and_destroying_again_does_nothing(self, bench: Bench):
        kept, other = await volume(bench), await volume(bench)
        await bench.engine.volumes.snapshot(kept, "label")
        await bench.engine.volumes.destroy(kept)
        await bench.engine.volumes.destroy(kept)
        assert await bench.engine.volumes.existing() == {other}

    async def test_many_deeds_at_once_do_not_mix(self, bench: Bench):
        names = [await volume(bench) for _ in range(4)]
        boxes = [await box(bench, (name, "/data")) for name in names]

        async def live(name: str, container: str) -> str:
            for content in ("a", "b"):
                await bench.said(container, f"echo {name}{content} >/data/f")
                await bench.engine.volumes.snapshot(name, content)
            await bench.engine.volumes.rollback(name, "a")
            return await bench.said(container, "cat /data/f")

        found = await asyncio.gather(*(live(*pair) for pair in zip(names, boxes, strict=True)))
        assert found == [f"{name}a\n" for name in names]

    async def test_what_a_container_writes_is_limited_where_that_is_asked_for(self, bench: Bench):
        with bench.asked("disk"):
            out, *_ = await bench.run(
                "dd if=/dev/zero of=/f bs=1M count=64 2>&1; echo still here",
                limits=Limits(disk=24 << 20),
            )
            assert "still here" in out
            assert "quota exceeded" in out.lower() or "no space" in out.lower()
