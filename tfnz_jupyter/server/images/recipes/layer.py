"""One layer, written once: Debian packages and files of our own go straight into the tar that becomes the blob.

Nothing is unpacked on this machine: the members of each package's tar are copied, renamed for the merged /usr, and
skipped where they are documentation or something was there before. The digest is computed on the way. The result
depends on the packages and the recipe alone: no clock, no user, no umask of this machine gets in.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from .recipe import Entry

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_LEFT_OUT = re.compile(
    r"usr/share/(man|info|locale|lintian|linda|bug|apport|vim|gdb|bash-completion|zsh)(/|$)"
    r"|usr/share/doc/(?!.*/copyright$).*[^/]$|(usr/)?lib/systemd/"
    r"|etc/(init\.d|cron\.[a-z]*|logrotate\.d|ufw|systemd)(/|$)|(dev|proc|sys)/."
)
_CERTIFICATE = re.compile(r"usr/share/ca-certificates/.*\.crt$")
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_BUSYBOX = "usr/bin/busybox"
_OLDEST = (
    946_684_800  # 2000-01-01, in seconds since 1970: zip files cannot say anything before 1980
)


class Stopped(Exception):
    """Whoever wanted the layer no longer does."""


class _Hashing(io.RawIOBase):
    """Counts and digests what is written to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes is all tarfile writes
        self._file.write(data)
        self.hash.update(data)
        self.size += len(data)
        return len(data)


class LayerWriter:
    """A layer being written to ``file``; use as a context manager, then read ``digest`` and ``size``."""

    def __init__(self, file: Path, excluded: tuple[str, ...], stop: threading.Event) -> None:
        self._raw = file.open("wb")
        self._out = _Hashing(self._raw)
        self._tar = tarfile.open(fileobj=self._out, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed in __exit__
        self._excluded = re.compile("|".join(map(fnmatch.translate, excluded)) or r"(?!)")
        self._stop = stop
        self._seen: set[str] = set()
        self._certificates: list[bytes] = []
        self._applets: list[str] = []
        self.newest = _OLDEST  # latest modification time of any package's file

    def __enter__(self) -> LayerWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._tar.close()
        self._raw.close()

    @property
    def digest(self) -> str:
        """Of the whole tar: blob digest and diff id are one, since it is not compressed."""
        return "sha256:" + self._out.hash.hexdigest()

    @property
    def size(self) -> int:
        return self._out.size

    def merge_usr(self) -> None:
        """``/bin`` and its like as links into ``/usr``, as Debian has had them since 12."""
        for name in ("bin", "sbin", "lib", "lib64"):
            self.add(Entry(f"usr/{name}"))
            self.add(Entry(name, link=f"usr/{name}", mode=0o777))

    def add(self, entry: Entry) -> None:
        """Put a file, link or folder of our own; its parents come by themselves. Nothing if it is there already."""
        if entry.path in self._seen:
            return
        self._parents(entry.path)
        member = tarfile.TarInfo(entry.path)
        member.mode, (member.uid, member.gid) = entry.mode, entry.owner
        content = (entry.content or "").encode()
        if entry.link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, entry.link
        elif entry.content is None:
            member.type = tarfile.DIRTYPE
        else:
            member.size = len(content)
        member.mtime = self.newest
        self._write(member, io.BytesIO(content))

    def add_package(self, stream: IO[bytes]) -> None:
        """Copy the members of a package's data tar, or of a whole system's."""
        with tarfile.open(fileobj=stream, mode="r|") as source:
            for member in source:
                if self._stop.is_set():
                    raise Stopped
                self._copy(source, member)

    def finish(self) -> None:
        """What depends on all that was put: certificates in one file, busybox's applets where no real tool is."""
        if self._certificates:
            self.add(Entry(_BUNDLE, content=b"".join(self._certificates).decode(), mode=0o644))
            self.add(Entry("usr/lib/ssl/cert.pem", link=f"/{_BUNDLE}", mode=0o777))
            self.add(Entry("usr/lib/ssl/certs", link="/etc/ssl/certs", mode=0o777))
        for applet in self._applets:
            if f"usr/sbin/{applet}" not in self._seen:
                self.add(Entry(f"usr/bin/{applet}", link="busybox", mode=0o777))

    def _copy(self, source: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = merged_path(member.name)
        if not path or path in self._seen or _LEFT_OUT.match(path) or self._excluded.match(path):
            return
        member.name = path
        if member.islnk():
            member.linkname = merged_path(member.linkname)
            if member.linkname not in self._seen:
                return  # a second name of what was left out
        member.uname = member.gname = ""
        member.pax_headers = {}
        self.newest = max(self.newest, int(member.mtime))
        self._parents(path)
        content = source.extractfile(member) if member.isreg() else None
        if content and (_CERTIFICATE.match(path) or path == _BUSYBOX):
            content = self._noted(path, content.read())
        self._write(member, content)

    def _noted(self, path: str, content: bytes) -> IO[bytes]:
        if path == _BUSYBOX:
            self._applets = applets_of(content)
        else:
            self._certificates.append(content.rstrip(b"\n") + b"\n")
        return io.BytesIO(content)

    def _parents(self, path: str) -> None:
        above = path.rpartition("/")[0]
        if above and above not in self._seen:
            self._parents(above)
            self.add(Entry(above))

    def _write(self, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        self._seen.add(member.name)
        self._tar.addfile(member, content)


def merged_path(name: str) -> str:
    """``./bin/sh`` is ``usr/bin/sh``; a top folder that has become a link is ``""``: nothing to put."""
    path = name.removeprefix("./").strip("/")
    if path in _MERGED or path == ".":
        return ""
    return f"usr/{path}" if path.split("/")[0] in _MERGED else path


def applets_of(busybox: bytes) -> list[str]:
    """The names a busybox answers to, read from its table: running it is not needed."""
    start = busybox.find(b"\0[\0[[\0") + 1
    if start == 0:
        return []
    names = busybox[start : busybox.index(b"\0\0", start)].split(b"\0")
    return [name.decode() for name in names if name != b"busybox"]


def accounts(users: Iterable[tuple[str, int, str, str]]) -> tuple[Entry, Entry]:
    """/etc/passwd and /etc/group with root, nobody and these (name, number, home, shell)."""
    everyone = [("root", 0, "/root", "/bin/sh"), *users]
    everyone.append(("nobody", 65534, "/nonexistent", "/usr/sbin/nologin"))
    passwd = "".join(f"{n}:x:{i}:{i}:{n}:{home}:{shell}\n" for n, i, home, shell in everyone)
    named = [(n if n != "nobody" else "nogroup", i) for n, i, *_ in everyone]
    named += [("tty", 5), ("mail", 8), ("staff", 50)]
    group = "".join(f"{name}:x:{number}:\n" for name, number in named)
    return Entry("etc/passwd", content=passwd, mode=0o644), Entry(
        "etc/group", content=group, mode=0o644
    )
