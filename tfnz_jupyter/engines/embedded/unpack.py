"""Unpack one image layer into one folder; run as a process of its own, for it chroots there first.

    python -m tfnz_jupyter.engines.embedded.unpack BLOB FOLDER DIGEST DIFF_ID FIRST_ID

Nothing in a layer can then name anything outside of the folder: not by ``..``, not by an absolute symlink, not by a hard
link. Owners are moved into the containers' range of ids, whiteouts become overlayfs's own, devices are left out. File
capabilities and other system attributes are dropped: without new privileges the kernel would ignore them, and their ids
are not ours to give. Both digests are checked while the bytes stream by; until they are, the folder is not an image.

On standard output, one JSON object a line: ``{"done": bytes of the blob}`` now and then, at last ``{"dropped": n}`` or
``{"error": kind, "text": ...}`` with kind ``full``, ``corrupt`` or ``failed``.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import queue
import resource
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator

from .bundle import IDS
from .chroot import enter
from .userns import whole

_CHUNK = 1 << 20
#: Addresses, in bytes: a header is read as a whole, and may say of itself that it is as long as the layer.
_MEMORY = 1 << 30
_NOBODY = 65_534
_KEPT_XATTR = "SCHILY.xattr.user."
_XATTR = "SCHILY.xattr."
_OVERLAYS = "SCHILY.xattr.user.overlay."  # an ordinary user's overlay believes them
#: What tells an overlay that a folder hides the one below it.
_OPAQUE_MARK = "trusted.overlay.opaque" if whole() else "user.overlay.opaque"
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_ZSTD_MAGIC, _GZIP_MAGIC = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"


class Corrupt(Exception):
    """The layer is not what it says, or tries what no layer needs."""


class Blob:
    """A blob read once: hashed as it lies there, and handed on uncompressed.

    Reading and decompressing run on threads of their own; zlib and hashing let go of the interpreter.
    """

    def __init__(self, path: str, report: Callable[[int], None]) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  (kept open until the process ends)
        self._report = report
        self.digest = hashlib.sha256()
        self._ready: queue.Queue[bytes | BaseException | None] = queue.Queue(8)
        magic = self._file.read(4)
        self._file.seek(0)
        self._zstd: subprocess.Popen[bytes] | None = None
        if magic == _ZSTD_MAGIC:
            self._zstd = _start_zstd()
            chunks = self._through_zstd(self._zstd)
        elif magic[:2] == _GZIP_MAGIC:
            chunks = self._gunzipped()
        else:
            chunks = self._raw()
        threading.Thread(target=self._pump, args=(chunks,), daemon=True).start()

    def chunks(self) -> Iterator[bytes]:
        """The uncompressed bytes. Raises what the reading threads met."""
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _pump(self, chunks: Iterator[bytes]) -> None:
        try:
            for chunk in chunks:
                self._ready.put(chunk)
        except BaseException as error:
            self._ready.put(error)
        else:
            self._ready.put(None)

    def _raw(self) -> Iterator[bytes]:
        done = 0
        while chunk := self._file.read(_CHUNK):
            self.digest.update(chunk)
            done += len(chunk)
            self._report(done)
            yield chunk

    def _gunzipped(self) -> Iterator[bytes]:
        """Any number of gzip members, one after the other, as gzip itself reads them."""
        inflate = zlib.decompressobj(31)
        for chunk in self._raw():
            data = chunk
            while data:
                if inflate.eof:
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    inflate = zlib.decompressobj(31)
                try:
                    yield inflate.decompress(data)
                except zlib.error as error:
                    raise Corrupt(f"broken gzip data: {error}") from error
                data = inflate.unused_data
        if not inflate.eof:
            raise Corrupt("the gzip data ends too early")

    def _through_zstd(self, zstd: subprocess.Popen[bytes]) -> Iterator[bytes]:
        threading.Thread(target=self._feed, args=(zstd,), daemon=True).start()
        assert zstd.stdout is not None
        while chunk := zstd.stdout.read(_CHUNK):
            yield chunk
        if zstd.wait():
            raise Corrupt("broken zstd data")

    def _feed(self, zstd: subprocess.Popen[bytes]) -> None:
        assert zstd.stdin is not None
        try:
            for chunk in self._raw():
                zstd.stdin.write(chunk)
            zstd.stdin.close()
        except BrokenPipeError:
            for _ in self._raw():
                pass  # zstd has given up, which its status says; the digest still wants all of it


def _start_zstd() -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["zstd", "-dcq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise OSError(
            "the layer is compressed by zstd, which is missing: apt-get install zstd"
        ) from error


class Tar(io.RawIOBase):
    """The uncompressed stream as a file for ``tarfile``, hashed on its way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = b""
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        parts, missing = [self._left], size - len(self._left)
        while missing > 0 and (chunk := next(self._chunks, None)) is not None:
            self.digest.update(chunk)
            parts.append(chunk)
            missing -= len(chunk)
        data = b"".join(parts)
        self._left = data[size:]
        return data[:size]

    def drain(self) -> None:
        for chunk in self._chunks:
            self.digest.update(chunk)


class Folder:
    """The chroot being filled; all paths are relative to it and hold no ``..``."""

    def __init__(self, first_id: int) -> None:
        self._first = first_id
        self._known = {""}  # folders that are there, and no symlinks
        self._times: dict[str, int] = {}
        self._whited_out: set[str] = set()
        self.dropped = 0  # attributes that did not come along
        os.chown("/", first_id, first_id)

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = _clean(member.name)
        folder, _, name = path.rpartition("/")
        if not path:
            self._meta("/", member)
            return
        folder = self._parent(folder)
        path = f"{folder}/{name}" if folder else name
        if name.startswith(_WHITEOUT):
            self._white_out(folder, name)
        elif member.isdir():
            self._folder(path, member)
        elif member.isfile() or member.issparse():
            self._remove(path)
            self._file(path, tar, member)
        elif member.issym():
            self._remove(path)
            os.symlink(member.linkname, path)
            self._meta(path, member)
        elif member.islnk():
            self._hard_link(path, member)
        elif member.isfifo():
            self._remove(path)
            os.mkfifo(path)
            self._meta(path, member)

    def finish(self) -> None:
        """Times of folders, which every entry in them had changed."""
        for path, when in reversed(self._times.items()):
            os.utime(path, ns=(when, when), follow_symlinks=False)

    def _parent(self, folder: str) -> str:
        """The folder an entry goes to, made if it is not there, with the layer's own symlinks followed."""
        if folder in self._known:
            return folder
        real = os.path.realpath("/" + folder).lstrip("/")
        above = ""
        for name in filter(None, real.split("/")):
            above = f"{above}/{name}" if above else name
            try:
                os.mkdir(above, 0o755)
            except FileExistsError:
                if stat.S_ISDIR(os.lstat(above).st_mode):
                    continue
                self._remove(above)
                os.mkdir(above, 0o755)
            os.chown(above, self._first, self._first)
            self._uncover(above)
        self._known |= {folder} if folder == real else set()
        return real

    def _folder(self, path: str, member: tarfile.TarInfo) -> None:
        if not os.path.isdir(path) or os.path.islink(path):
            self._remove(path)
            os.mkdir(path)
            self._uncover(path)
        self._meta(path, member)

    def _file(self, path: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        source = tar.extractfile(member)
        assert source is not None
        with open(os.open(path, flags, 0o600), "wb", buffering=0) as out:
            while chunk := source.read(_CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[out.write(view) :]
        self._meta(path, member)

    def _hard_link(self, path: str, member: tarfile.TarInfo) -> None:
        target = _clean(member.linkname)
        if target == path:
            return
        self._remove(path)
        try:
            os.link(target, path, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise Corrupt(f"{path!r} is a hard link to {target!r}: {error.strerror}") from error

    def _white_out(self, folder: str, name: str) -> None:
        if name == _OPAQUE:
            os.setxattr("/" + folder, _OPAQUE_MARK, b"y")
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden.startswith(_WHITEOUT):
            return  # bookkeeping of another union filesystem
        if hidden in ("", ".", ".."):
            raise Corrupt(f"{folder}/{name} hides what cannot be hidden")
        path = f"{folder}/{hidden}" if folder else hidden
        if os.path.lexists(path):
            if os.path.isdir(path) and not os.path.islink(path):
                os.setxattr(path, _OPAQUE_MARK, b"y")
            return  # a layer never hides its own
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
        self._whited_out.add(path)

    def _uncover(self, path: str) -> None:
        """A folder in the place of a hidden one starts empty."""
        if path in self._whited_out:
            os.setxattr(path, _OPAQUE_MARK, b"y")

    def _remove(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            shutil.rmtree(path)
        self._known = {""}
        self._times = {
            known: when for known, when in self._times.items()
            if known != path and not known.startswith(f"{path}/")
        }  # fmt: skip

    def _meta(self, path: str, member: tarfile.TarInfo) -> None:
        owner, group = self._id(member.uid), self._id(member.gid)
        os.chown(path, owner, group, follow_symlinks=False)
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)  # after chown, which takes setuid away
        self._attributes(path, member)
        when = int(float(member.mtime) * 1_000_000_000)
        if member.isdir():
            self._times[path] = when
        else:
            os.utime(path, ns=(when, when), follow_symlinks=False)

    def _attributes(self, path: str, member: tarfile.TarInfo) -> None:
        for key, value in member.pax_headers.items():
            if not key.startswith(_XATTR):
                continue
            kept = key.startswith(_KEPT_XATTR) and not key.startswith(_OVERLAYS)
            if kept and not member.issym():
                name = key.removeprefix(_XATTR)
                os.setxattr(path, name, value.encode("utf-8", "surrogateescape"))
            else:
                self.dropped += 1

    def _id(self, number: int) -> int:
        return self._first + (number if 0 <= number < IDS else _NOBODY)


def _clean(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise Corrupt(f"the entry {name!r} leads out of the image")
    return "/".join(parts)


def unpack(blob: str, folder: str, digest: str, diff_id: str, first_id: int) -> int:
    """Fill ``folder``; gives the number of attributes that were dropped. This process is in a chroot afterwards."""
    source = Blob(blob, _reporter())
    tar_file = Tar(source.chunks())
    os.umask(0)
    enter(folder)
    target = Folder(first_id)
    try:
        with tarfile.open(
            fileobj=tar_file, mode="r|", bufsize=_CHUNK, encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for member in tar:
                target.add(tar, member)
                tar.members.clear()  # type: ignore[attr-defined]  # it keeps all it has read; not in the stubs
    except (tarfile.TarError, ValueError, OverflowError) as error:  # a time may be no number
        raise Corrupt(f"broken tar: {error}") from error
    tar_file.drain()
    target.finish()
    for what, found, wanted in (
        ("digest", source.digest.hexdigest(), digest),
        ("uncompressed digest", tar_file.digest.hexdigest(), diff_id),
    ):
        if f"sha256:{found}" != wanted:
            raise Corrupt(f"its {what} is sha256:{found}")
    return target.dropped


def _reporter() -> Callable[[int], None]:
    last = 0

    def report(done: int) -> None:
        nonlocal last
        if done - last >= 4 * _CHUNK:
            last = done
            _say({"done": done})

    return report


def _say(what: dict[str, object]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def main(arguments: list[str]) -> int:
    blob, folder, digest, diff_id, first_id = arguments
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        _say({"dropped": unpack(blob, folder, digest, diff_id, int(first_id))})
    except MemoryError:
        _say({"error": "corrupt", "text": "a name or a header in it is absurdly long"})
    except Corrupt as error:
        _say({"error": "corrupt", "text": str(error)})
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        _say({"error": "full" if full else "failed", "text": str(error)})
    else:
        return 0
    return 1


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # at once: its threads may be at work
