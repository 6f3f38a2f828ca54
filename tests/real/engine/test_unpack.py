"""Layers: what a container finds of them, and what a hostile or broken one cannot do."""

from __future__ import annotations

import asyncio
import encodings
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import tinyimage
from tests.support.bare_engine import Bench
from tests.support.leaks import footprint
from tfnz_jupyter.engines.base import ImageInfo, Layer, Progress
from tfnz_jupyter.engines.embedded import pack, unpack
from tfnz_jupyter.errors import EngineFailed


async def install(tiny: Bench, *extra: Layer) -> ImageInfo:
    """The tiny image with more layers on top."""
    image = tinyimage.build(tiny.blobs, extra=extra)
    await tiny.engine.install(image, tiny.blobs, lambda _progress: None)
    return image


def made(tiny: Bench, *entries: tuple[str, ...], compress: str = "gzip") -> Layer:
    """A layer of ('dir', name), ('file', name, text), ('link', name, target) and ('hard', name, target)."""

    def fill(tar: tarfile.TarFile) -> None:
        for kind, name, *rest in entries:
            if kind == "dir":
                tinyimage.add_folder(tar, name)
            elif kind == "file":
                tinyimage.add_file(tar, name, rest[0].encode())
            else:
                tinyimage.add_link(tar, name, rest[0], hard=kind == "hard")

    return tinyimage.layer(tiny.blobs, fill, compress=compress)


@pytest.mark.parametrize("compress", ["gzip", "zstd", "none"])
async def test_every_compression_is_understood(tiny: Bench, compress: str):
    image = await install(tiny, made(tiny, ("file", f"by-{compress}", "hello"), compress=compress))
    assert (await tiny.run(f"cat /by-{compress}", image=image))[0] == "hello"


async def test_owner_mode_time_and_hard_links_are_kept(tiny: Bench):
    def fill(tar: tarfile.TarFile) -> None:
        tinyimage.add_file(tar, "suid", b"x", 0o4755, owner=1000)
        tinyimage.add_link(tar, "same", "suid", hard=True)

    image = await install(tiny, tinyimage.layer(tiny.blobs, fill))
    out, *_ = await tiny.run(
        "stat -c '%u %a %Y %h' /suid /same; stat -c %i /suid /same", image=image
    )
    lines = out.splitlines()
    assert lines[:2] == ["1000 4755 1000000000 2"] * 2
    assert lines[2] == lines[3]


async def test_an_id_the_namespace_does_not_hold_becomes_nobody(tiny: Bench):
    def fill(tar: tarfile.TarFile) -> None:
        tinyimage.add_file(tar, "strange", b"", owner=1_000_620_000)

    image = await install(tiny, tinyimage.layer(tiny.blobs, fill))
    assert (await tiny.run("stat -c %u /strange", image=image))[0] == "65534\n"


async def test_a_whiteout_hides_what_is_below(tiny: Bench):
    image = await install(
        tiny,
        made(tiny, ("dir", "d"), ("file", "d/gone", "x"), ("file", "d/kept", "x")),
        made(tiny, ("dir", "d"), ("file", "d/.wh.gone", "")),
    )
    assert (await tiny.run("ls -A /d", image=image))[0] == "kept\n"


async def test_an_opaque_folder_hides_all_that_is_below(tiny: Bench):
    image = await install(
        tiny,
        made(tiny, ("dir", "d"), ("file", "d/a", "x"), ("file", "d/b", "x")),
        made(tiny, ("dir", "d"), ("file", "d/.wh..wh..opq", ""), ("file", "d/new", "x")),
    )
    assert (await tiny.run("ls -A /d", image=image))[0] == "new\n"


@pytest.mark.parametrize("whiteout_first", [True, False])
async def test_a_folder_in_the_place_of_a_hidden_one_starts_empty(
    tiny: Bench, whiteout_first: bool
):
    entries = [("file", ".wh.d", ""), ("dir", "d"), ("file", "d/new", "x")]
    upper = made(tiny, *(entries if whiteout_first else [*entries[1:], entries[0]]))
    image = await install(tiny, made(tiny, ("dir", "d"), ("file", "d/old", "x")), upper)
    assert (await tiny.run("ls -A /d", image=image))[0] == "new\n"


async def test_a_symlink_in_a_layer_is_followed_inside_of_it(tiny: Bench):
    image = await install(
        tiny,
        made(tiny, ("dir", "usr/lib"), ("link", "lib2", "/usr/lib"), ("file", "lib2/x", "here")),
    )
    assert (await tiny.run("cat /usr/lib/x", image=image))[0] == "here"


@pytest.mark.parametrize("target", ["{out}", "../../../../../../../../../..{out}"])
async def test_no_symlink_lets_a_layer_write_outside(tiny: Bench, folder: Path, target: str):
    outside = folder / "outside"
    outside.mkdir()
    link = target.format(out=outside)
    await install(tiny, made(tiny, ("link", "leave", link), ("file", "leave/planted", "x")))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["../planted", "a/../../planted", "/../planted"])
async def test_a_name_with_dots_is_refused(tiny: Bench, folder: Path, name: str):
    with pytest.raises(EngineFailed, match="leads out of the image"):
        await install(tiny, made(tiny, ("file", name, "x")))
    assert not (tiny.state / "layers" / "planted").exists()
    assert not (tiny.state / "planted").exists()


async def test_a_hard_link_to_the_host_is_refused(tiny: Bench, folder: Path):
    secret = folder / "secret"
    secret.write_text("of the host")
    with pytest.raises(EngineFailed, match="hard link"):
        await install(tiny, made(tiny, ("hard", "mine", str(secret))))
    assert secret.stat().st_nlink == 1


async def test_a_hard_link_through_a_symlink_stays_inside(tiny: Bench, folder: Path):
    secret = folder / "secret"
    secret.write_text("of the host")
    with pytest.raises(EngineFailed, match="hard link"):
        await install(
            tiny, made(tiny, ("link", "out", str(folder)), ("hard", "mine", "out/secret"))
        )
    assert secret.stat().st_nlink == 1


async def test_devices_are_left_out(tiny: Bench):
    def fill(tar: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("disk")
        entry.type, entry.devmajor, entry.devminor, entry.mode = tarfile.BLKTYPE, 254, 0, 0o666
        tar.addfile(entry)
        tinyimage.add_file(tar, "after", b"")

    image = await install(tiny, tinyimage.layer(tiny.blobs, fill))
    assert (await tiny.run("ls /disk /after 2>/dev/null", image=image))[0] == "/after\n"


async def test_system_attributes_are_dropped_and_the_users_kept(tiny: Bench):
    def fill(tar: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("capable")
        entry.pax_headers = {
            "SCHILY.xattr.security.capability": "\x01\x00\x00\x02",
            "SCHILY.xattr.trusted.overlay.redirect": "/etc",
            "SCHILY.xattr.user.colour": "red",
        }
        tar.addfile(entry)

    layer = tinyimage.layer(tiny.blobs, fill)
    await install(tiny, layer)
    file = tiny.state / "layers" / layer.diff_id.removeprefix("sha256:") / "capable"
    assert os.listxattr(file) == ["user.colour"]


def spoiled(tiny: Bench, layer: Layer, spoil: str) -> Layer:
    path = tiny.blobs / "sha256" / layer.digest.removeprefix("sha256:")
    data = path.read_bytes()
    if spoil == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif spoil == "garbage":
        path.write_bytes(os.urandom(5000))
    elif spoil == "gone":
        path.unlink()
    elif spoil == "diff id":
        return replace(layer, diff_id="sha256:" + "ab" * 32)
    elif spoil == "digest":
        other = path.with_name("cd" * 32)
        other.write_bytes(data)
        return replace(layer, digest="sha256:" + "cd" * 32)
    return layer


@pytest.mark.parametrize("compress", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("spoil", ["cut", "garbage", "gone", "diff id", "digest"])
async def test_a_broken_layer_is_named_and_leaves_nothing(tiny: Bench, spoil: str, compress: str):
    entries = [("file", f"{spoil}-{compress}-{number}", "x" * 999) for number in range(9)]
    layer = spoiled(tiny, made(tiny, *entries, compress=compress), spoil)
    before = sorted((tiny.state / "layers").iterdir())
    with pytest.raises(EngineFailed) as caught:
        await install(tiny, layer)
    assert layer.digest in caught.value.message
    assert sorted((tiny.state / "layers").iterdir()) == before


async def test_a_full_disk_says_so_and_leaves_nothing(tiny: Bench):
    """The folder for layers is a tmpfs of one megabyte for a moment."""
    layers = tiny.state / "layers"
    layer = made(tiny, ("file", "large", "x" * 3_000_000))
    await asyncio.to_thread(os.system, f"mount -t tmpfs -o size=1m none {layers}")
    try:
        image = replace(tiny.image, layers=(layer,))
        with pytest.raises(EngineFailed, match="disk full"):
            await tiny.engine.install(image, tiny.blobs, lambda _: None)
        assert list(layers.iterdir()) == []
    finally:
        await asyncio.to_thread(os.system, f"umount {layers}")


async def test_many_at_once_unpack_a_layer_once(tiny: Bench):
    layer = made(tiny, ("file", "once", "x" * 2_000_000))
    image = tinyimage.build(tiny.blobs, extra=[layer])
    steps: list[Progress] = []
    await asyncio.gather(*(tiny.engine.install(image, tiny.blobs, steps.append) for _ in range(10)))
    assert (await tiny.run("wc -c </once", image=image))[0] == "2000000\n"
    assert footprint(tiny.state)["files"] == set()


async def test_progress_is_told_and_never_goes_back(tiny: Bench):
    layer = made(tiny, ("file", "noise", os.urandom(6_000_000).hex()), compress="none")
    steps: list[Progress] = []
    image = tinyimage.build(tiny.blobs, extra=[layer])
    await tiny.engine.install(image, tiny.blobs, steps.append)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert len(done) >= 3
    assert steps[-1].done == steps[-1].total == layer.size
    steps.clear()
    await tiny.engine.install(image, tiny.blobs, steps.append)
    assert steps == []


async def test_a_cancelled_install_leaves_nothing_half_done(tiny: Bench):
    layer = made(tiny, ("file", "slow", os.urandom(3_000_000).hex()))
    image = tinyimage.build(tiny.blobs, extra=[layer])
    task = asyncio.create_task(tiny.engine.install(image, tiny.blobs, lambda _: None))
    await asyncio.wait([task], timeout=0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await tiny.engine.install(image, tiny.blobs, lambda _: None)
    assert (await tiny.run("wc -c </slow", image=image))[0] == "6000000\n"


async def test_no_layer_is_removed_while_another_of_its_image_is_unpacked(tiny: Bench):
    image = tinyimage.build(tiny.blobs, extra=[made(tiny, ("file", "late", "hello"))])
    removals: list[asyncio.Future[None]] = []

    def remove(_progress: Progress) -> None:
        removals.append(asyncio.ensure_future(tiny.engine.uninstall(image.layers[:1], None)))

    await tiny.engine.install(image, tiny.blobs, remove)
    await asyncio.gather(*removals)
    assert (await tiny.run("cat /late", image=image))[0] == "hello"


async def test_a_layer_that_is_just_removed_is_unpacked_anew(tiny: Bench):
    removal = asyncio.ensure_future(tiny.engine.uninstall(tiny.image.layers, None))
    await asyncio.sleep(0)  # it has begun
    await tiny.engine.install(tiny.image, tiny.blobs, lambda _progress: None)
    assert (await tiny.run("echo hello"))[0] == "hello\n"
    await removal


async def test_layers_belong_to_the_containers_range(tiny: Bench):
    for path in (tiny.state / "layers").rglob("*"):
        found = path.lstat()
        if not path.name.startswith(".") and not stat.S_ISCHR(found.st_mode):
            assert found.st_uid > 100_000


async def test_an_image_of_a_hundred_layers_boots(tiny: Bench):
    layers = [made(tiny, ("file", f"n{number}", "x"), compress="none") for number in range(100)]
    image = await install(tiny, *layers)
    assert (await tiny.run("ls -d /n* | wc -l", image=image))[0] == "100\n"


def intruding(add: Callable[[str, bytes], None]) -> None:
    """Files that an interpreter below them would take for the source of its own code, and for the codec of that."""
    for source in (unpack.__file__, pack.__file__, tarfile.__file__):
        add(source.lstrip("/"), b"# coding: intruder\n")
    codec = Path(encodings.__file__).parent / "intruder.py"
    add(str(codec).lstrip("/"), b"import os; os.write(2, b'intruded')")


async def test_a_layer_brings_no_code_to_the_process_that_unpacks_it(tiny: Bench):
    def fill(tar: tarfile.TarFile) -> None:
        intruding(lambda path, content: tinyimage.add_file(tar, path, content))
        never = tarfile.TarInfo("never")
        never.pax_headers = {"mtime": "inf"}
        tar.addfile(never)

    with pytest.raises(EngineFailed, match="broken") as told:
        await install(tiny, tinyimage.layer(tiny.blobs, fill))
    assert "intruded" not in told.value.detail


def test_what_glibc_loads_late_is_there_before_the_chroot(tmp_path: Path):
    program = """
import ctypes, sys
from tfnz_jupyter.engines.embedded.chroot import enter
libc = ctypes.CDLL(None)
enter(sys.argv[1])
libc.pthread_exit(None)
"""
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_container_brings_no_code_to_the_process_that_packs_it(tmp_path: Path):
    def write(path: str, content: bytes) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)

    intruding(write)
    (tmp_path / "file").touch()
    os.setxattr(tmp_path / "file", b"user.\xff", b"no text")
    upper = os.open(tmp_path, os.O_RDONLY)
    command = [sys.executable, "-m", pack.__name__, str(upper), tmp_path / "layer", "0"]
    said = subprocess.run(command, pass_fds=(upper,), capture_output=True, text=True)
    os.close(upper)
    assert "no layer holds its attribute" in said.stdout
    assert not said.stderr
