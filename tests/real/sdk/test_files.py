"""Files into a container and out of it: put, fetch, lists, and what goes wrong with them."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import location_pid
from tests.support.eventually import eventually
from tfnz_jupyter import Container, ContainerEnded, FileFailed, Location, NoSuchFile, UsageError


@pytest.fixture
def box(location: Location) -> Iterator[Container]:
    """A container that does nothing."""
    box = location.node().spawn_container("busybox", command="exec sleep 3600")
    yield box
    if not box.dead:
        box.destroy()


def said(box: Container, script: str) -> str:
    return box.run_process(script)[0].decode()


def test_what_is_put_is_there_and_comes_back(box: Container):
    box.put("/srv/deep/note", b"\0\xffhello")
    assert box.fetch("/srv/deep/note") == b"\0\xffhello"
    assert box.fetch("srv/deep/note") == b"\0\xffhello"
    assert said(box, "stat -c '%a %u:%g' /srv/deep/note /srv/deep") == "644 0:0\n755 0:0\n"


def test_text_is_utf8_and_an_empty_file_is_a_file(box: Container):
    box.put("/a", "grüße")
    box.put("/b", b"")
    assert (box.fetch("/a"), box.fetch("/b")) == ("grüße".encode(), b"")


def test_a_file_is_replaced_whole_and_keeps_its_mode(box: Container):
    box.run_process("echo a long line >/f; chmod 750 /f; chown 7:7 /f")
    box.put("/f", b"short")
    assert said(box, "cat /f; stat -c ' %a %u:%g' /f") == "short 750 0:0\n"


def test_files_reach_a_container_that_is_still_booting(location: Location):
    box = location.node().spawn_container("busybox", command="exec sleep 3600")
    box.put("/early", b"bird")
    assert box.fetch("/early") == b"bird"


def test_a_folder_goes_in_and_comes_out_with_modes_times_and_links(box: Container, tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "deep/er").mkdir(parents=True)
    (one / "deep/er/tool").write_bytes(b"#!/bin/true\n")
    (one / "deep/er/tool").chmod(0o751)
    os.symlink("deep/er/tool", one / "link")
    for path in (one / "deep/er/tool", one / "link", one / "deep/er", one / "deep", one):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    box.put("/one", one)
    listed = "find /one | sort | xargs stat -c '%n %a %Y %u:%g'"
    assert said(box, listed).splitlines() == [
        "/one 755 1000000000 0:0",
        "/one/deep 755 1000000000 0:0",
        "/one/deep/er 755 1000000000 0:0",
        "/one/deep/er/tool 751 1000000000 0:0",
        "/one/link 777 1000000000 0:0",
    ]
    assert box.fetch("/one", to=two) == two
    for path in ("deep/er/tool", "link", "deep", "."):
        assert (two / path).lstat().st_mtime == 1e9
    assert (two / "deep/er/tool").stat().st_mode & 0o7777 == 0o751
    assert os.readlink(two / "link") == "deep/er/tool"


def test_a_folder_that_is_there_keeps_what_is_not_put(box: Container, tmp_path: Path):
    (tmp_path / "new").write_text("new")
    box.run_process("mkdir /d; echo old >/d/old")
    box.put("/d", tmp_path)
    assert said(box, "cat /d/old /d/new") == "old\nnew"


def test_a_local_file_goes_into_a_folder_where_the_path_ends_with_a_slash(
    box: Container, tmp_path: Path
):
    (tmp_path / "f").write_text("content")
    box.put("/srv/", tmp_path / "f")
    assert box.fetch("/srv/f", to=tmp_path / "back").read_bytes() == b"content"
    assert box.fetch("/srv/f", to=str(tmp_path)) == tmp_path / "f"


def test_anything_that_reads_or_writes_will_do(box: Container):
    content, sink = os.urandom(3_000_000), io.BytesIO()
    box.put("/f", io.BytesIO(content))
    assert box.fetch("/f", to=sink) is sink
    assert sink.getvalue() == content


def test_names_that_are_no_text_go_both_ways(box: Container, tmp_path: Path):
    name = b"\xff\n'"
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(bytes(tmp_path / "in") + b"/" + name)).write_bytes(b"x")
    box.put("/in", tmp_path / "in")
    box.fetch("/in", to=tmp_path / "out")
    assert os.listdir(bytes(tmp_path / "out")) == [name]


def test_a_large_file_passes_without_being_held(box: Container, tmp_path: Path):
    """Neither this process nor the location grows by more than a few windows."""
    size = 192 << 20
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", size)
    box.put("/warm", b"x" * 1_000_000)
    box.fetch("/warm")
    pids = (os.getpid(), location_pid())
    before = [peak(pid, reset=True) for pid in pids]
    box.put("/large", tmp_path / "large")
    box.fetch("/large", to=tmp_path / "back")
    assert all(peak(pid) - was < 64 << 20 for pid, was in zip(pids, before, strict=True))
    assert (tmp_path / "back").stat().st_size == size


def peak(pid: int | None, *, reset: bool = False) -> int:
    """The most memory a process has had at a time, bytes."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def test_a_large_file_arrives_byte_for_byte(box: Container, tmp_path: Path):
    content = os.urandom(1 << 20) * 24
    (tmp_path / "large").write_bytes(content)
    box.put("/large", tmp_path / "large")
    assert said(box, "sha256sum /large").split()[0] == hashlib.sha256(content).hexdigest()
    assert box.fetch("/large") == content


def test_files_are_listed_and_looked_at(box: Container):
    box.run_process(
        "mkdir /d; echo abc >/d/f; ln -s f /d/l; mkfifo /d/p; touch -d @1000000000 /d/f"
    )
    found = {one.name: one for one in box.list_files("/d")}
    assert {name: one.kind for name, one in found.items()} == {"f": "file", "l": "link", "p": "other"}  # fmt: skip
    assert (found["f"].size, found["f"].mtime, found["l"].target) == (4, 1e9, "f")
    assert box.file_info("/d/l").size == 4
    assert box.file_info("/d/l", follow=False).kind == "link"


def test_everything_fetched_at_once_leaves_out_what_the_kernel_makes_up(
    box: Container, tmp_path: Path
):
    box.fetch("/", to=tmp_path / "all")
    assert (tmp_path / "all/bin/busybox").exists()
    assert not list((tmp_path / "all/proc").iterdir())


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nowhere", NoSuchFile),
        ("/etc/passwd/x", FileFailed),
        ("/pipe", UsageError),
        ("/etc", UsageError),
        ("/loop", FileFailed),
        ("../x", UsageError),
        ("/a/../../x", UsageError),
        ("", UsageError),
        ("/nul\0", UsageError),
    ],
)
def test_what_cannot_be_fetched_is_an_error_that_names_it(
    box: Container, path: str, error: type[Exception]
):
    """D-13: the ancestor gave empty bytes."""
    box.run_process("mkfifo /pipe; ln -s loop /loop")
    with pytest.raises(error) as caught:
        box.fetch(path)
    assert isinstance(caught.value, ValueError)  # as the ancestor documented
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize("path", ["/etc", "/etc/passwd/x", "/pipe", "/proc/nothing/x"])
def test_what_cannot_be_put_is_an_error_that_names_it(box: Container, path: str):
    """D-13: the ancestor said nothing. More than a window is sent, so that nobody may wait for a reader."""
    box.run_process("mkfifo /pipe")
    with pytest.raises((FileFailed, NoSuchFile), match=path.split("/x")[0]):
        box.put(path, b"x" * 5_000_000)


def test_a_full_filesystem_is_an_error(location: Location):
    """/dev/shm holds half of what the container may use."""
    box = location.node().spawn_container("busybox", command="exec sleep 3600", memory=32 << 20)
    with pytest.raises(FileFailed, match="no space left"):
        box.put("/dev/shm/x", Endless())
    box.destroy()


class Endless:
    """More than there is room for."""

    def read(self, size: int) -> bytes:
        return bytes(size)


def test_no_link_leads_to_this_machines_files(box: Container, tmp_path: Path):
    """S-1: the ancestor read and wrote the node's files as root."""
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    box.run_process(
        f"ln -s {secret} /abs; ln -s ../../../../../..{secret} /up; ln -s {tmp_path} /d"
    )
    for path in ("/abs", "/up", "/d/secret"):
        with pytest.raises((NoSuchFile, FileFailed)):
            box.fetch(path)
    with pytest.raises((NoSuchFile, FileFailed)):
        box.put("/abs", b"overwritten")
    assert secret.read_text() == "of the host"


def test_a_put_that_is_interrupted_leaves_the_session_well(box: Container):
    box.put("/f", b"x")
    with pytest.raises(ZeroDivisionError):
        box.put("/f", Failing())
    assert box.run_process("echo still here")[0] == b"still here\n"
    box.put("/f", b"again")
    assert box.fetch("/f") == b"again"


def test_a_put_that_fails_leaves_nothing_of_what_was_there(box: Container):
    box.put("/f", b"old" * 2_000_000)
    with pytest.raises(ZeroDivisionError):
        box.put("/f", Failing())
    eventually(lambda: box.file_info("/f").size < 3_000_000, within=5)
    assert b"old" not in box.fetch("/f")


class Failing:
    """Gives something, then fails."""

    def __init__(self) -> None:
        self._left = 3_000_000

    def read(self, size: int) -> bytes:
        self._left -= size
        return bytes(size) if self._left > 0 else bytes(1 // 0)


def test_a_container_that_ends_meanwhile_is_the_reason(box: Container):
    box.put("/f", b"x" * 1000)
    with pytest.raises(ContainerEnded):
        box.put("/g", Destroying(box))


class Destroying:
    """Destroys the container after the first piece."""

    def __init__(self, box: Container) -> None:
        self._box = box

    def read(self, size: int) -> bytes:
        if not self._box.dead:
            self._box.destroy()
            eventually(lambda: self._box.dead, within=5)
        return bytes(size)


def test_a_container_that_is_over_has_no_files(box: Container):
    box.wait_until_ready()
    box.destroy()
    with pytest.raises(ContainerEnded):
        box.fetch("/etc/hostname")
    with pytest.raises(ContainerEnded):
        box.put("/x", b"")
