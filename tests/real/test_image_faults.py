"""What goes wrong on the way to an image: each thing quickly, clearly, and with nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.image_files import archive, copy, layer_tar, make_layout, noise, registry
from tfnz_jupyter.engines.base import Progress
from tfnz_jupyter.errors import EngineFailed, ImageNotFound, Unreachable
from tfnz_jupyter.server.images import Images
from tfnz_jupyter.server.images.references import parse_name
from tfnz_jupyter.server.images.registry import probe, pull
from tfnz_jupyter.server.images.store import Store

NOBODY = "http://127.0.0.1:9"  # the discard port, on which nobody listens
BUILDS_DEBIAN = """
import asyncio, sys
from pathlib import Path
from tfnz_jupyter.server.images import Images
tell = lambda p: print(p.text, flush=True)
asyncio.run(Images(Path(sys.argv[1])).ensure("debian", tell))
"""


def ignore(_progress: object) -> None:
    """A report nobody reads."""


def left(folder: Path) -> list[str]:
    found = [*(folder / "blobs/sha256").iterdir(), *(folder / "tmp").iterdir()]
    return [f.name for f in found]


def at_work_on(folder: Path) -> list[str]:
    """Processes and mounts that have to do with a folder."""
    found = [m for m in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in m]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append(told.replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def offline(monkeypatch):
    """No registry and no mirror answers."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NOBODY)


@contextlib.contextmanager
def swallowing() -> Iterator[int]:
    """A port of loopback that answers no connection, as a firewall that drops packets: its queue is full."""
    with contextlib.ExitStack() as held:
        door = held.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(door.getsockname())
        yield door.getsockname()[1]


async def test_a_network_that_swallows_packets_is_noticed_in_the_time_given():
    began = time.monotonic()
    with swallowing() as port, pytest.raises(Unreachable, match=r"no connection in 0\.5 s"):
        await probe(parse_name(f"127.0.0.1:{port}/app"), 0.5)
    assert time.monotonic() - began < 2


async def test_a_registry_that_says_nothing_is_noticed_in_the_time_given(tmp_path):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        name = parse_name(f"127.0.0.1:{mute.getsockname()[1]}/app")
        with pytest.raises(Unreachable, match=r"nothing in 1\.5 s"):
            await pull(Store(tmp_path), name, ignore, patience=0.5)
    assert at_work_on(tmp_path) == []


async def test_a_registry_that_refuses_connections_is_unreachable_at_once(tmp_path):
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await Images(tmp_path).ensure("127.0.0.1:9/app", ignore)
    assert time.monotonic() - began < 2


async def test_a_host_that_does_not_exist_is_unreachable(tmp_path):
    with pytest.raises(Unreachable, match=r"there is no host nowhere\.invalid"):
        await Images(tmp_path).ensure("nowhere.invalid/app", ignore)


async def test_a_name_nobody_has_tells_who_was_asked_and_the_nearest(tmp_path, offline):
    began = time.monotonic()
    with pytest.raises(ImageNotFound) as caught:
        await Images(tmp_path).ensure("ngnix", ignore)
    assert caught.value.hint == "Did you mean 'nginx'?"
    for asked in ("store", "local Docker", "docker.io", "recipes"):
        assert asked in caught.value.detail
    assert time.monotonic() - began < 5


async def test_a_recipe_without_any_network_is_unreachable_quickly(tmp_path, offline):
    began = time.monotonic()
    with pytest.raises(Unreachable, match="Debian mirror does not answer"):
        await Images(tmp_path).ensure("nginx", ignore)
    assert time.monotonic() - began < 15
    assert left(tmp_path) == []


async def test_a_dot_without_docker_and_podman_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageNotFound, match="no local image"):
        await Images(tmp_path / "s").ensure(".", ignore)


async def test_a_missing_skopeo_is_told_with_the_command_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(EngineFailed, match="skopeo is not installed") as caught:
        await Images(tmp_path / "s").ensure(str(make_layout(tmp_path / "l")), ignore)
    assert caught.value.hint == "apt-get install skopeo"


async def test_a_disk_too_small_for_a_pull_is_told_before_it_starts(small_disk, tmp_path):
    layout = make_layout(tmp_path / "l", layer_tar(a=noise(9_000_000)))
    with registry(tmp_path) as host:
        copy(f"oci:{layout}", f"docker://{host}/app")
        with pytest.raises(EngineFailed, match=r"disk full: \d MiB free at .*, 9 MiB needed"):
            await Images(small_disk / "s").ensure(f"{host}/app", ignore)
    assert left(small_disk / "s") == []


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
async def test_a_disk_that_fills_up_under_an_archive_leaves_nothing(small_disk, tmp_path, kind):
    layout = make_layout(tmp_path / "l", layer_tar(a=noise(9_000_000)))
    file = archive(layout, tmp_path / "big.tar", kind)
    images = Images(small_disk / "s")
    with pytest.raises(EngineFailed, match="disk full"):
        await images.ensure(str(file), ignore)
    assert left(small_disk / "s") == []
    assert (await images.ensure(str(make_layout(tmp_path / "tiny")), ignore)).cmd == ("/hello",)


async def test_a_disk_that_fills_up_under_a_recipe_leaves_nothing(small_disk, monkeypatch):
    monkeypatch.setenv("https_proxy", NOBODY)
    with pytest.raises(EngineFailed, match="disk full"):
        await Images(small_disk / "s").ensure("busybox", ignore)
    assert left(small_disk / "s") == []


async def test_cancelling_a_build_leaves_no_process_no_mount_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", NOBODY)
    under_way = asyncio.Event()

    def heard(progress: Progress) -> None:
        if progress.text.startswith(("Unpacking ", "extracting ", "installing ")):
            under_way.set()

    build = asyncio.create_task(Images(tmp_path).ensure("debian", heard))
    done, _ = await asyncio.wait(
        [build, asyncio.create_task(under_way.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    assert build not in done
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    assert at_work_on(tmp_path) == []
    assert left(tmp_path) == []


def test_killing_the_process_ends_its_tools_and_the_next_one_clears_up(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", NOBODY)
    argv = [sys.executable, "-c", BUILDS_DEBIAN, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(("Unpacking ", "extracting ", "installing ")):
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    eventually(lambda: not at_work_on(tmp_path), 5)
    assert left(tmp_path) != []
    assert Images(tmp_path).list() == []
    assert left(tmp_path) == []
