"""Files: what a container and an engine see of each other's, and that no path leads out."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os

import pytest

from tests.support.bench import Bench, read_until
from tfnz_jupyter.engines.files import Change, Files, Kind
from tfnz_jupyter.errors import ContainerEnded

READ, MAKE = os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC


async def container(bench: Bench, script: str = "true") -> tuple[str, Files]:
    """A container in which a script has run: its id, and its files."""
    name, process = await bench.boot(f"{script}\necho up; exec sleep 3600")
    await read_until(process, b"up")
    return name, bench.engine.files(name)


async def write(files: Files, path: str, content: bytes, mode: int = 0o644) -> None:
    file = await files.open(path, MAKE, mode)
    await file.write(0, content)
    await file.close()


async def read(files: Files, path: str) -> bytes:
    file = await files.open(path, READ)
    try:
        return await file.read(0, 1 << 20)
    finally:
        await file.close()


class FileAccess:
    """Of a live container."""

    async def test_what_is_written_is_there_at_once_with_its_mode_and_belongs_to_root(
        self, bench: Bench
    ):
        name, files = await container(bench)
        await write(files, "/tmp/note", b"hello\n", 0o640)
        assert await bench.said(name, "cat /tmp/note; stat -c '%u:%g %a' /tmp/note") == (
            "hello\n0:0 640\n"
        )

    async def test_a_file_that_is_there_keeps_its_mode_and_owner(self, bench: Bench):
        name, files = await container(bench, "echo long >/f; chmod 600 /f; chown 1000:1000 /f")
        await write(files, "/f", b"new")
        assert await bench.said(name, "cat /f; stat -c ' %u:%g %a' /f") == "new 1000:1000 600\n"

    async def test_a_file_is_read_and_written_at_any_place(self, bench: Bench):
        _, files = await container(bench, "printf 0123456789 >/f")
        file = await files.open("/f", os.O_RDWR)
        await file.write(3, b"abc")
        assert (await file.read(2, 5), await file.read(8, 100), await file.read(10, 1)) == (
            b"2abc6",
            b"89",
            b"",
        )
        await file.change(Change(size=4))
        assert (await file.stat()).size == 4
        await file.close()

    async def test_appending_goes_to_the_end(self, bench: Bench):
        _, files = await container(bench, "echo one >/f")
        file = await files.open("/f", os.O_WRONLY | os.O_APPEND)
        await file.write(0, b"two\n")
        await file.close()
        assert await read(files, "/f") == b"one\ntwo\n"

    async def test_what_is_known_of_files_is_true(self, bench: Bench):
        script = "mkdir -m 711 /d; echo abc >/d/f; ln -s f /d/l; mkfifo /d/p"
        script += "; touch -d @1000000000 /d/f; chown 1000:2000 /d/f; chmod 4751 /d/f"
        _, files = await container(bench, script)
        found = dict(await files.list("/d"))
        assert {name: info.kind for name, info in found.items()} == {
            "f": Kind.FILE,
            "l": Kind.LINK,
            "p": Kind.OTHER,
        }
        file = found["f"]
        assert (file.size, file.mode, file.uid, file.gid) == (4, 0o4751, 1000, 2000)
        assert file.mtime_ns == 10**18
        assert await files.stat("/d/l") == file
        assert (await files.stat("/d/l", follow=False)).kind is Kind.LINK
        assert (await files.stat("/d")).mode == 0o711

    async def test_folders_are_made_listed_and_removed(self, bench: Bench):
        name, files = await container(bench)
        await files.mkdir("/a/b/c", 0o750, parents=True)
        await files.mkdir("/a/b/c", parents=True)
        assert await bench.said(name, "stat -c '%a %u:%g' /a /a/b/c") == "755 0:0\n750 0:0\n"
        with pytest.raises(FileExistsError):
            await files.mkdir("/a/b")
        with pytest.raises(OSError, match="not empty"):
            await files.rmdir("/a/b")
        await files.rmdir("/a/b/c")
        assert await files.list("/a/b") == []

    async def test_files_are_renamed_and_removed(self, bench: Bench):
        name, files = await container(bench, "echo a >/a; echo b >/b; ln -s /b /l")
        await files.rename("/a", "/b")
        await files.remove("/l")
        assert await bench.said(name, "cat /b; ls /a /l 2>/dev/null") == "a\n"
        with pytest.raises(FileNotFoundError):
            await files.remove("/l")

    async def test_what_may_be_changed_is_changed(self, bench: Bench):
        name, files = await container(bench, "echo 12345 >/f; ln -s f /l")
        await files.change("/f", Change(mode=0o600, size=3, mtime_ns=10**18, uid=7, gid=8))
        await files.change("/l", Change(mtime_ns=2 * 10**18), follow=False)
        assert await bench.said(name, "stat -c '%a %s %Y %u:%g' /f; stat -c %Y /l") == (
            "600 3 1000000000 7:8\n2000000000\n"
        )

    async def test_symlinks_are_made_and_read(self, bench: Bench):
        name, files = await container(bench)
        await files.symlink("../anything at all", "/tmp/l")
        assert await bench.said(name, "readlink /tmp/l") == "../anything at all\n"
        assert await files.readlink("/tmp/l") == "../anything at all"
        with pytest.raises(OSError, match="Invalid"):
            await files.readlink("/tmp")

    async def test_names_that_are_no_text_survive(self, bench: Bench):
        _, files = await container(bench, "echo x >\"$(printf '/tmp/\\377')\"")
        ((name, _),) = await files.list("/tmp")
        assert os.fsencode(name) == b"\xff"
        assert await read(files, f"/tmp/{name}") == b"x\n"

    @pytest.mark.parametrize(
        "path", ["/abs", "/up", "/deep/up", "/../../../etc/machine", "/proc/1/root/etc/machine"]
    )
    async def test_no_path_leads_out(self, bench: Bench, path: str):
        """/etc/machine is not in the image; were the host's root reached, a file would appear in its /etc."""
        script = "ln -s /etc/machine /abs; mkdir /deep"
        script += (
            "; ln -s ../../../../../../etc/machine /up; ln -s ../../../../etc/machine /deep/up"
        )
        _, files = await container(bench, script)
        with pytest.raises(OSError) as caught:  # noqa: PT011  # which one is said below
            await read(files, path)
        assert caught.value.errno in (errno.ENOENT, errno.ELOOP), caught.value
        if not path.startswith("/proc"):
            await write(files, path, b"inside")
            assert await read(files, "/etc/machine") == b"inside"
        assert "machine" not in os.listdir("/etc")

    @pytest.mark.parametrize("path", ["/pipe", "/dev/null", "/to-null", "/tmp"])
    async def test_nothing_but_regular_files_is_opened(self, bench: Bench, path: str):
        script = "mkfifo /pipe; ln -s /dev/null /to-null"
        _, files = await container(bench, script)
        for flags in (READ, MAKE, os.O_RDWR):
            with pytest.raises(OSError) as caught:  # noqa: PT011  # which one is said below
                await files.open(path, flags)
            assert caught.value.errno in (errno.EINVAL, errno.EISDIR)
            assert caught.value.filename == path

    @pytest.mark.parametrize(
        "path",
        ["/proc/1/environ", "/proc/kmsg", "/proc/sys/kernel/hostname", "/sys/kernel/notes", "/l"],
    )
    async def test_what_the_kernel_makes_up_is_not_opened_with_the_engines_rights(
        self, bench: Bench, path: str
    ):
        """It shows the host's root more than the container's, and lets it do more."""
        name, files = await container(bench, "ln -s /proc/1/oom_score_adj /l")
        before = await bench.said(name, "cat /proc/1/oom_score_adj")
        for flags in (READ, os.O_WRONLY):
            with pytest.raises(PermissionError):
                await files.open(path, flags)
        with pytest.raises(PermissionError):
            await files.change(path, Change(mode=0o777))
        assert await bench.said(name, "cat /proc/1/oom_score_adj") == before

    async def test_a_swapping_symlink_never_leads_out(self, bench: Bench):
        """A process exchanges a folder and a symlink to where the host has one, as fast as it can."""
        script = "mkdir /x; ln -s /root /y"
        script += (
            "; (while :; do mv -T /x /z; mv -T /y /x; mv -T /x /y; mv -T /z /x; done) 2>/dev/null &"
        )
        _, files = await container(bench, script)
        made = 0
        async with asyncio.timeout(60):
            while made < 30:  # most tries find nothing there just then
                with contextlib.suppress(OSError):
                    await write(files, "/x/planted-by-a-test", b"inside")
                    made += 1
        assert "planted-by-a-test" not in os.listdir("/root")

    async def test_files_are_made_in_memory_filesystems_too(self, bench: Bench):
        name, files = await container(bench)
        await write(files, "/dev/shm/f", b"x")
        await files.mkdir("/dev/shm/d")
        await files.symlink("f", "/dev/shm/l")
        listed = await bench.said(name, "cd /dev/shm; stat -c '%n %a %u:%g' d f l")
        assert listed == "d 755 0:0\nf 644 0:0\nl 777 0:0\n"

    async def test_an_exclusive_file_is_new(self, bench: Bench):
        _, files = await container(bench, "ln -s nowhere /l")
        for path in ("/etc/passwd", "/l"):
            with pytest.raises(FileExistsError):
                await files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    @pytest.mark.parametrize(
        ("path", "number"),
        [("/nowhere", errno.ENOENT), ("/etc/passwd/x", errno.ENOTDIR), ("/" + "n" * 300, errno.ENAMETOOLONG)],
    )  # fmt: skip
    async def test_what_is_not_there_is_said_as_the_kernel_says_it(
        self, bench: Bench, path: str, number: int
    ):
        _, files = await container(bench)
        for deed in (files.stat(path), files.open(path, READ), files.remove(path)):
            with pytest.raises(OSError) as caught:  # noqa: PT011  # which one is said below
                await deed
            assert caught.value.errno == number

    async def test_a_container_that_has_ended_has_no_files(self, bench: Bench):
        name, files = await container(bench, "echo x >/f")
        file = await files.open("/f", READ)
        await bench.engine.destroy(name, 0)
        with pytest.raises(ContainerEnded):
            await files.stat("/f")
        with pytest.raises(OSError, match="Bad file"):
            await file.read(0, 1)
        with pytest.raises(ContainerEnded):
            bench.engine.files(name)
