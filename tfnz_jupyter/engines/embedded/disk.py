"""Where containers write, and where volumes lie: folders that can be limited and copied in an instant, where possible.

That is a btrfs in one sparse file of the state folder (see :mod:`.pool`), a subvolume for each container, volume and
snapshot. Elsewhere they are plain folders of the state folder, copied file by file, and nothing limits them.

    containers/<id>/upper           what a container writes; see :mod:`.cells` for what lies beside it
    volumes/<id>                    a volume
    snapshots/<id>@<label>          of a volume
    */.new-<id>, .old-<id>          on the way; nothing after a crash
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import EngineFailed, NotFound, NotSupported
from . import btrfs
from .syscalls import exchange

_PARTS = ("containers", "volumes", "snapshots")
_NEW, _OLD = ".new-", ".old-"


class Folders(ABC):
    """How one folder is made, copied, limited and removed, by path."""

    #: Why it cannot do all that btrfs does; empty where it can.
    lacking = ""

    @abstractmethod
    def make(self, path: str) -> None: ...

    @abstractmethod
    def copy(self, source: str, path: str, *, read_only: bool) -> None: ...

    @abstractmethod
    def limit(self, path: str, size: int) -> None:
        """Raises ``NotSupported`` with the reason."""

    @abstractmethod
    def remove(self, path: str) -> None: ...

    @abstractmethod
    def sync(self, path: str) -> None: ...


class Subvolumes(Folders):
    """On btrfs."""

    def __init__(self, lacking: str = "") -> None:
        self.lacking = lacking

    def make(self, path: str) -> None:
        btrfs.create(path)

    def copy(self, source: str, path: str, *, read_only: bool) -> None:
        btrfs.snapshot(source, path, read_only=read_only)

    def limit(self, path: str, size: int) -> None:
        if self.lacking:
            raise NotSupported(f"disk= is not supported on this machine: {self.lacking}")
        btrfs.limit(path, size)

    def remove(self, path: str) -> None:
        btrfs.destroy(path)

    def sync(self, path: str) -> None:
        btrfs.sync(path)


class PlainFolders(Folders):
    """On whatever there is."""

    def __init__(self, lacking: str) -> None:
        self.lacking = lacking

    def make(self, path: str) -> None:
        os.mkdir(path)

    def copy(self, source: str, path: str, *, read_only: bool) -> None:
        command = ["cp", "-aT", "--reflink=auto", source, path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(errno.EIO, (done.stderr.strip().splitlines() or ["cp failed"])[-1])

    def limit(self, path: str, size: int) -> None:
        raise NotSupported(f"disk= is not supported on this machine: {self.lacking}")

    def remove(self, path: str) -> None:
        shutil.rmtree(path)

    def sync(self, path: str) -> None:
        os.sync()


class Disk:
    """All of it, as long as its filesystem is there. Blocks.

    Args:
        base: descriptor of the folder that has the parts; closed by :meth:`close`.
        folders: how they are dealt with there.
        owner: host id of the containers' root.
    """

    def __init__(self, base: int, folders: Folders, owner: int) -> None:
        self._base, self._folders, self._owner = base, folders, owner
        with self._at() as base_path:
            for part in _PARTS:
                os.makedirs(f"{base_path}/{part}", mode=0o711, exist_ok=True)
            for part in _PARTS[1:]:
                self._remove_half_done(f"{base_path}/{part}")

    @property
    def lacking(self) -> str:
        """Why disk limits and instant snapshots are not to be had; empty where they are."""
        return self._folders.lacking

    def close(self) -> None:
        """Let the filesystem go. Idempotent."""
        if self._base >= 0:
            os.close(self._base)
            self._base = -1

    # -- containers ----------------------------------------------------------------------------------------------------

    def make_container(self, name: str, parts: Sequence[str], limit: int | None) -> None:
        """Where one writes: ``parts`` for overlays, each with a folder for its work.

        Their owner is set before the mount, which remembers it.

        Raises:
            NotSupported: there is a limit, and nothing here can keep it.
        """
        with self._at() as base:
            folder = f"{base}/containers/{name}"
            self._folders.make(folder)
            try:
                if limit is not None:
                    self._folders.limit(folder, limit)
                os.chmod(folder, 0o755)
                for part in parts:
                    for path in (f"{folder}/{part}", f"{folder}/{part}-work"):
                        os.mkdir(path)
                        os.chmod(path, 0o755)
                    os.chown(f"{folder}/{part}", self._owner, self._owner)
            except BaseException:
                self._folders.remove(folder)
                raise

    def forget_changes(self, name: str) -> None:
        """Remove what the keeper put aside when a container was reset."""
        with self._at() as base:
            folder = Path(base, "containers", name)
            for part in folder.glob("old-*"):
                shutil.rmtree(part, ignore_errors=True)

    @contextlib.contextmanager
    def written(self, name: str) -> Iterator[int]:
        """A descriptor of what one has written, for the length of a deed."""
        with self._at() as base:
            fd = os.open(f"{base}/containers/{name}/upper", os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)

    def remove_container(self, name: str) -> None:
        """Free it. Idempotent."""
        with self._at() as base, contextlib.suppress(FileNotFoundError):
            self._folders.remove(f"{base}/containers/{name}")

    def clear_containers(self, keep: set[str]) -> None:
        """Free all others."""
        with self._at() as base:
            names = os.listdir(f"{base}/containers")
        for name in set(names) - keep:
            self.remove_container(name)

    # -- volumes -------------------------------------------------------------------------------------------------------

    def volumes(self) -> set[str]:
        with self._at() as base:
            return set(os.listdir(f"{base}/volumes"))

    def create_volume(self, volume: str) -> None:
        with self._at() as base:
            fresh = f"{base}/volumes/{_NEW}{volume}"
            self._folders.make(fresh)
            try:
                os.chmod(fresh, 0o755)
                os.chown(fresh, self._owner, self._owner)
                self._folders.copy(fresh, f"{base}/snapshots/{volume}@", read_only=True)
                os.rename(fresh, f"{base}/volumes/{volume}")
            except BaseException:
                self._folders.remove(fresh)
                raise
            self._folders.sync(base)

    def destroy_volume(self, volume: str) -> None:
        with self._at() as base:
            doomed = f"{base}/volumes/{_OLD}{volume}"
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{base}/volumes/{volume}", doomed)
                self._folders.remove(doomed)
            for label in self._labels(base, volume):
                self._folders.remove(f"{base}/snapshots/{volume}@{label}")

    def snapshot_volume(self, volume: str, label: str) -> None:
        with self._at() as base:
            fresh, kept = f"{base}/snapshots/{_NEW}{volume}", f"{base}/snapshots/{volume}@{label}"
            self._folders.copy(self._volume(base, volume), fresh, read_only=True)
            self._put_in_place(fresh, kept)
            if os.path.lexists(fresh):
                self._folders.remove(fresh)
            self._folders.sync(base)

    def rollback_volume(self, volume: str, label: str) -> None:
        """Exchange a volume for what a snapshot holds; :meth:`forget_former` then removes what it was."""
        with self._at() as base:
            here, kept = self._volume(base, volume), f"{base}/snapshots/{volume}@{label}"
            if not os.path.isdir(kept):
                raise NotFound(f"volume {volume} has no snapshot {label!r}")
            fresh = f"{base}/volumes/{_OLD}{volume}"
            self._folders.copy(kept, fresh, read_only=False)
            self._put_in_place(fresh, here)
            self._folders.sync(base)

    def forget_former(self, volume: str) -> None:
        with self._at() as base, contextlib.suppress(FileNotFoundError):
            self._folders.remove(f"{base}/volumes/{_OLD}{volume}")

    def snapshots(self, volume: str) -> list[str]:
        with self._at() as base:
            self._volume(base, volume)
            return self._labels(base, volume)

    def _put_in_place(self, fresh: str, place: str) -> None:
        """At no moment is nothing there; what was there before is then where the fresh one was."""
        if os.path.lexists(place):
            exchange(fresh, place)
        else:
            os.rename(fresh, place)

    def _labels(self, base: str, volume: str) -> list[str]:
        before = f"{volume}@"
        names = os.listdir(f"{base}/snapshots")
        return sorted(name.removeprefix(before) for name in names if name.startswith(before))

    def _volume(self, base: str, volume: str) -> str:
        path = f"{base}/volumes/{volume}"
        if not os.path.isdir(path):
            raise NotFound(f"no volume {volume}")
        return path

    def _remove_half_done(self, folder: str) -> None:
        for name in os.listdir(folder):
            if name.startswith((_NEW, _OLD)):
                self._folders.remove(f"{folder}/{name}")

    @contextlib.contextmanager
    def _at(self) -> Iterator[str]:
        """The base as a path, for the length of a deed."""
        if self._base < 0:
            raise EngineFailed(
                "the disk that containers write to has gone with the engine's keeper"
            )
        fd = os.dup(self._base)
        try:
            yield f"/proc/{os.getpid()}/fd/{fd}"  # a cp, too, finds it there
        except OSError as error:
            raise EngineFailed(f"the engine's disk: {error.strerror}") from error
        finally:
            os.close(fd)
