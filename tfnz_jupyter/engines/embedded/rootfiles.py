"""The files below a container's root, reached by descriptor from outside, whatever symlinks it planted. Blocks.

``root`` is an O_PATH descriptor: of the merged overlay before the boot, of what the first process sees as ``/`` (volumes
included) afterwards. Every path is resolved by the kernel with ``RESOLVE_IN_ROOT``, and whatever is named last in it is
reached through a descriptor of its folder: no race with a process inside leads out. What is there is looked at before it is
opened, so that no pipe or device ever is, nor what the kernel makes up in ``/proc`` and ``/sys``: it would take us for the
host's root, and show or take more than it does of the container.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..files import Change, FileInfo, Kind
from .bundle import IDS
from .syscalls import filesystem, making_files_as, open_in_root

T = TypeVar("T")

_MOST_TEXT = 4 << 20  # bytes of an image's /etc/passwd that we are ready to read
_FLAGS = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND
_SAFE = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
_NOBODY = 65_534
_MOST_NAMES = 1_000_000  # of one folder
# linux/magic.h: proc, sysfs, cgroup, cgroup2, securityfs, debugfs, tracefs, bpf
_MADE_UP = frozenset(
    (0x9FA0, 0x62656572, 0x27E0EB, 0x63677270, 0x73636673, 0x64626720, 0x74726163, 0xCAFE4A11)
)


class RootFiles:
    """The deeds of :class:`~tfnz_jupyter.engines.files.Files`, on whatever thread calls them.

    Args:
        root: the descriptor; stays the caller's.
        first_id: host id of the container's root.
    """

    def __init__(self, root: int, first_id: int) -> None:
        self._root, self._first_id = root, first_id

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """A descriptor of a regular file."""
        flags &= _FLAGS
        try:
            found = self._look(path)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            return self._create(path, flags, mode)
        try:
            if flags & os.O_EXCL:
                raise _error(errno.EEXIST, path)
            _require_file(found, path)
            return os.open(_by(found), flags & ~os.O_CREAT | _SAFE)
        except OSError as error:
            raise _error(error.errno or errno.EIO, path) from error
        finally:
            os.close(found)

    def _create(self, path: str, flags: int, mode: int) -> int:
        fd = self._make(lambda: open_in_root(self._root, path, flags | _SAFE, 0o600))
        try:
            _require_file(fd, path)
            self.own(fd)
            os.fchmod(fd, mode & 0o7777)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _make(self, deed: Callable[[], T]) -> T:
        """Do something that makes a file. A filesystem that the container mounted itself takes none of the host's root."""
        try:
            return deed()
        except OSError as error:
            if error.errno != errno.EOVERFLOW:
                raise
            with making_files_as(self._first_id):
                return deed()

    def own(self, fd: int) -> None:
        """Give it to the container's root."""
        os.fchown(fd, self._first_id, self._first_id)

    def stat(self, path: str, follow: bool = True) -> FileInfo:
        with self._at(path, follow) as fd:
            return self.info(os.fstat(fd))

    def info(self, found: os.stat_result) -> FileInfo:
        """In the container's own ids."""
        return FileInfo(
            kind=_KINDS.get(stat.S_IFMT(found.st_mode), Kind.OTHER),
            mode=stat.S_IMODE(found.st_mode),
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            atime_ns=found.st_atime_ns,
            uid=self._inside(found.st_uid),
            gid=self._inside(found.st_gid),
            links=found.st_nlink,
        )

    def list(self, path: str) -> list[tuple[str, FileInfo]]:
        fd = open_in_root(self._root, path, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
        try:
            return [*self._entries(fd)]
        finally:
            os.close(fd)

    def _entries(self, folder: int) -> Iterator[tuple[str, FileInfo]]:
        with os.scandir(folder) as found:
            names = [one.name for one in itertools.islice(found, _MOST_NAMES + 1)]
        if len(names) > _MOST_NAMES:
            raise OSError(errno.EOVERFLOW, f"more than {_MOST_NAMES:,} names in one folder")
        for name in sorted(names):
            with contextlib.suppress(FileNotFoundError):  # removed since
                yield name, self.info(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def change(self, path: str, change: Change, follow: bool = True) -> None:
        with self._at(path, follow) as fd:
            _require_stored(fd, path)
            if change.size is not None:
                _require_file(fd, path)
            self.apply(_by(fd), change)

    def apply(self, target: int | str, change: Change) -> None:
        """Owner first: changing it takes setuid bits away. Times last: all else changes them."""
        if change.uid is not None or change.gid is not None:
            os.chown(target, self._outside(change.uid), self._outside(change.gid))
        if change.size is not None:
            os.truncate(target, change.size)
        if change.mode is not None:
            os.chmod(target, change.mode & 0o7777)
        if change.mtime_ns is not None or change.atime_ns is not None:
            now = os.stat(target)
            os.utime(target, ns=(
                now.st_atime_ns if change.atime_ns is None else change.atime_ns,
                now.st_mtime_ns if change.mtime_ns is None else change.mtime_ns,
            ))  # fmt: skip

    def mkdir(self, path: str, mode: int = 0o755, parents: bool = False) -> None:
        if parents:
            self._make_all(path, mode)
            return
        with self._parent(path) as (folder, name):
            self._mkdir(folder, name, mode)

    def make_parents(self, path: str) -> None:
        """The folders above a path, as far as they are not there."""
        above = path.rstrip("/").rpartition("/")[0]
        if above:
            self._make_all(above, 0o755)

    def _make_all(self, path: str, mode: int) -> None:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        for depth in range(1, len(parts) + 1):
            here = "/" + "/".join(parts[:depth])
            try:
                os.close(self._look(here, os.O_DIRECTORY))
            except FileNotFoundError:
                with contextlib.suppress(FileExistsError), self._parent(here) as (folder, name):
                    self._mkdir(folder, name, mode if depth == len(parts) else 0o755)
                os.close(self._look(here, os.O_DIRECTORY))

    def _mkdir(self, folder: int, name: str, mode: int) -> None:
        self._make(lambda: os.mkdir(name, 0o700, dir_fd=folder))
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | _SAFE, dir_fd=folder)
        try:
            self.own(fd)
            os.fchmod(fd, mode & 0o7777)
        finally:
            os.close(fd)

    def rmdir(self, path: str) -> None:
        with self._parent(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def remove(self, path: str) -> None:
        with self._parent(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def rename(self, old: str, new: str) -> None:
        with self._parent(old) as (here, name), self._parent(new) as (there, other):
            os.rename(name, other, src_dir_fd=here, dst_dir_fd=there)

    def symlink(self, target: str, path: str) -> None:
        with self._parent(path) as (folder, name):
            self._make(lambda: os.symlink(target, name, dir_fd=folder))
            own = self._first_id
            os.chown(name, own, own, dir_fd=folder, follow_symlinks=False)

    def readlink(self, path: str) -> str:
        with self._at(path, follow=False) as fd:
            if not stat.S_ISLNK(os.fstat(fd).st_mode):
                raise _error(errno.EINVAL, path)
            return os.readlink("", dir_fd=fd)

    def read_text(self, path: str) -> str:
        """A small text file of the image; empty where there is none. A planted device or pipe is no file."""
        try:
            fd = self.open(path, os.O_RDONLY)
        except OSError:
            return ""
        with open(fd, "rb") as file:
            return file.read(_MOST_TEXT).decode(errors="replace")

    # -- how things are reached ----------------------------------------------------------------------------------------

    def _look(self, path: str, flags: int = 0) -> int:
        """A descriptor that stands for what is at a path, and opens nothing."""
        return open_in_root(self._root, path, os.O_PATH | flags)

    @contextlib.contextmanager
    def _at(self, path: str, follow: bool) -> Iterator[int]:
        fd = self._look(path, 0 if follow else os.O_NOFOLLOW)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder of what is named last, and that name."""
        above, _, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            raise _error(errno.EBUSY, path)
        fd = self._look(above or "/", os.O_DIRECTORY)
        try:
            yield fd, name
        except OSError as error:
            error.filename, error.filename2 = path, None  # it knows only the last name
            raise
        finally:
            os.close(fd)

    def _inside(self, number: int) -> int:
        own = number - self._first_id
        return own if 0 <= own < IDS else _NOBODY

    def _outside(self, number: int | None) -> int:
        if number is None:
            return -1
        if not 0 <= number < IDS:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return number + self._first_id


def _by(fd: int) -> str:
    """A path that leads to what a descriptor stands for, a symlink itself included."""
    return f"/proc/self/fd/{fd}"


def _require_file(fd: int, path: str) -> None:
    kind = os.fstat(fd).st_mode
    if stat.S_ISDIR(kind):
        raise _error(errno.EISDIR, path)
    if not stat.S_ISREG(kind):
        raise _error(errno.EINVAL, path)
    _require_stored(fd, path)


def _require_stored(fd: int, path: str) -> None:
    if filesystem(fd) in _MADE_UP:
        raise _error(errno.EACCES, path)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
