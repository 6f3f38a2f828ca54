"""Files written before the first process: where they may go, whose they are, and that no path leads out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import tinyimage
from tests.support.bare_engine import Bench
from tests.support.leaks import footprint
from tfnz_jupyter.errors import UsageError


async def test_a_file_is_there_before_the_command_and_belongs_to_root(tiny: Bench):
    out, *_ = await tiny.run(
        "cat /srv/deep/er/note; stat -c '%u:%g %a' /srv/deep/er/note /srv/deep",
        files=(("/srv/deep/er/note", b"hello\n"),),
        user="alice",
    )
    assert out.split("\n")[:3] == ["hello", "0:0 644", "0:0 755"]


async def test_a_file_replaces_the_images_own_and_not_the_images(tiny: Bench):
    files = (("/etc/passwd", b"root:x:0:0::/other:/bin/sh\n"),)
    assert (await tiny.run("cat /etc/passwd", files=files))[0] == "root:x:0:0::/other:/bin/sh\n"
    assert "alice" in (await tiny.run("cat /etc/passwd"))[0]


async def test_ten_megabytes_arrive_whole(tiny: Bench):
    out, *_ = await tiny.run("wc -c </big", files=(("/big", b"x" * 10_000_000),))
    assert out == "10000000\n"


async def test_the_user_may_bring_a_hosts_file(tiny: Bench):
    out, *_ = await tiny.run("cat /etc/hosts", files=(("/etc/hosts", b"127.0.0.1 mine\n"),))
    assert out == "127.0.0.1 mine\n"


@pytest.mark.parametrize(
    "path",
    [
        "relative",
        "",
        "/",
        "/a/../b",
        "/..",
        "/a/",
        "/nul\0",
        "/proc/1/x",
        "/dev/sda",
        "/sys/x",
        "a/../../etc/x",
    ],
)
async def test_a_path_that_makes_no_sense_is_refused_by_name(tiny: Bench, path: str):
    with pytest.raises(UsageError) as caught:
        await tiny.boot("true", files=((path, b"x"),))
    assert repr(path) in caught.value.message


async def test_a_symlink_of_the_image_stays_in_the_image(tiny: Bench):
    """/etc/trap is a link to /root/../../../../trapped."""
    out, *_ = await tiny.run("cat /trapped", files=(("/etc/trap", b"inside\n"),))
    assert out == "inside\n"
    assert "trapped" not in os.listdir("/")


async def test_a_symlinked_folder_of_the_image_stays_in_the_image(tiny: Bench, folder: Path):
    target = folder / "outside"
    target.mkdir()

    def fill(tar):
        tinyimage.add_link(tar, "leave", str(target))
        tinyimage.add_link(tar, "up", "../../../../../../../.." + str(target))

    image = tinyimage.build(tiny.blobs, extra=[tinyimage.layer(tiny.blobs, fill)])
    await tiny.engine.install(image, tiny.blobs, lambda _: None)
    for path in ("/leave/x", "/up/x"):
        with pytest.raises(UsageError, match=path):
            await tiny.boot("true", image=image, files=((path, b"x"),))
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("path", ["/etc/passwd/x", "/etc", "/bin/busybox/../y"])
async def test_a_file_in_the_place_of_a_folder_is_refused(tiny: Bench, path: str):
    with pytest.raises(UsageError, match="pre-boot file"):
        await tiny.boot("true", files=((path, b"x"),))


async def test_a_refused_boot_leaves_nothing(tiny: Bench):
    before = footprint(tiny.state)
    with pytest.raises(UsageError):
        await tiny.boot("true", files=(("/fine", b"x"), ("/etc/passwd/x", b"x")))
    assert footprint(tiny.state) == before
