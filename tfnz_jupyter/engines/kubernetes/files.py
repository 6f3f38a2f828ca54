"""The files of a container in a Pod: each deed is done there, by busybox, with the rights of the container's own root.

Nothing outside can be reached, for nothing outside is there. An open file is a process in the Pod that holds it, so it stays
the same file whatever happens to its name. Times are whole seconds where they are set.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence

from ...errors import ContainerEnded
from ..files import Change, FileInfo, Files, Kind, OpenFile
from .desk import Desk
from .init import quoted

_PIECE = 1 << 19  # bytes read or written by one request
_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
_WORDS = {os.strerror(number): number for number in errno.errorcode}
_RECORD = re.compile(r"[0-9a-f]+ \d+ -?\d+ -?\d+ \d+ \d+ \d+ [-0-9]+ \S+ \S+ [-0-9]+ \S+ \S+ \./")


class PodFiles(Files):
    """See :class:`~tfnz_jupyter.engines.files.Files`.

    Args:
        desk: of its Pod.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def _do(self, path: str, code: str, files: Sequence[bytes] = ()) -> bytes:
        answer = await self._desk.ask(f"({code}) 2>&1", files)
        if answer.code:
            raise _problem(str(answer), path)
        return answer.text

    async def open(self, path: str, flags: int, mode: int = 0o644) -> OpenFile:
        wanted = [flags & flag for flag in (os.O_CREAT, os.O_EXCL, os.O_TRUNC)]
        said = quoted(_whole(path), *("1" if flag else "" for flag in wanted), f"{mode:o}")
        holder = await self._do(path, f"hold {said}")
        return PodOpenFile(self._desk, int(holder), flags)

    async def stat(self, path: str, *, follow: bool = True) -> FileInfo:
        option = "-L" if follow else ""
        return _info(await self._do(path, f'"$B" stat {option} -c "$FACTS" {_quoted(path)}'))

    async def list(self, path: str) -> list[tuple[str, FileInfo]]:
        listed = os.fsdecode(await self._do(path, f"list {_quoted(path)}"))
        records: list[str] = []
        for line in listed.split("\n"):
            if _RECORD.match(line):
                records.append(line)
            elif records:
                records[-1] += "\n" + line  # of a name that has one in it
        return sorted(_entry(record.removesuffix("\n")) for record in records)

    async def change(self, path: str, change: Change, *, follow: bool = True) -> None:
        place = _quoted(path)
        link = "" if follow else "-h"
        guard = f"no_kernels {place} || exit 1"
        if not follow and (change.mode is not None or change.size is not None):
            guard += f"; [ ! -L {place} ] || refuse ': Operation not supported' || exit 1"
        await self._do(
            path, f'{guard}; "$B" stat {place} >/dev/null{_changes(place, change, link)}'
        )

    async def mkdir(self, path: str, mode: int = 0o755, *, parents: bool = False) -> None:
        place = _quoted(path)
        code = f'"$B" mkdir -m {mode:o} {place}'
        if parents:
            above = _quoted(os.path.dirname(_whole(path).rstrip("/")) or "/")
            code = f'[ -d {place} ] || {{ "$B" mkdir -p {above} && {code}; }}'
        await self._do(path, code)

    async def rmdir(self, path: str) -> None:
        await self._do(path, f'"$B" rmdir {_quoted(path)}')

    async def remove(self, path: str) -> None:
        await self._do(path, f'"$B" unlink {_quoted(path)}')

    async def rename(self, old: str, new: str) -> None:
        await self._do(old, f'"$B" mv -f -T {_quoted(old)} {_quoted(new)}')

    async def symlink(self, target: str, path: str) -> None:
        place = _quoted(path)
        code = f"! exists {place} || refuse ': File exists' || exit 1"
        await self._do(path, f'{code}; "$B" ln -s -n -- {quoted(target)} {place}')

    async def readlink(self, path: str) -> str:
        place = _quoted(path)
        missing = f"\"$B\" stat -c '' {place} && refuse ': Invalid argument'"
        code = f'[ -L {place} ] || {{ {missing}; exit 1; }}; "$B" readlink -n {place}'
        return os.fsdecode(await self._do(path, code))


class PodOpenFile(OpenFile):
    """See :class:`~tfnz_jupyter.engines.files.OpenFile`."""

    def __init__(self, desk: Desk, holder: int, flags: int) -> None:
        self._desk, self._holder = desk, holder
        self._appends = bool(flags & os.O_APPEND)
        self._life = desk.life

    async def _do(self, code: str, files: Sequence[bytes] = ()) -> bytes:
        if not self._holder or self._desk.life != self._life:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        place = f"/proc/{self._holder}/fd/3"
        try:
            answer = await self._desk.ask(f"file={place}\n({code}) 2>&1", files)
        except ContainerEnded:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
        if answer.code:
            raise _problem(str(answer), place)
        return answer.text

    async def read(self, offset: int, size: int) -> bytes:
        found = []
        while size > 0:
            piece = min(size, _PIECE)
            where = f"bs={piece} count=1 skip={offset} iflag=skip_bytes,fullblock status=none"
            text = await self._do(f'"$B" dd if="$file" {where}')
            found.append(text)
            if len(text) < piece:
                break
            offset, size = offset + piece, size - piece
        return b"".join(found)

    async def write(self, offset: int, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            place = (
                f"oflag=seek_bytes seek={offset + start}" if not self._appends else "oflag=append"
            )
            code = f'"$B" dd of="$file" bs=64k {place} conv=notrunc status=none <"$data.0"'
            await self._do(code, [data[start : start + _PIECE]])

    async def stat(self) -> FileInfo:
        return _info(await self._do('"$B" stat -L -c "$FACTS" "$file"'))

    async def change(self, change: Change) -> None:
        changes = _changes('"$file"', change, "")
        await self._do(f":{changes}")

    async def close(self) -> None:
        holder, self._holder = self._holder, 0
        if holder and self._desk.life == self._life:
            try:
                await self._desk.ask(f"kill -9 {holder}")
            except ContainerEnded:
                return  # which has closed it


def _whole(path: str) -> str:
    return "/" + path.lstrip("/")


def _quoted(path: str) -> str:
    return quoted(_whole(path))


def _changes(place: str, change: Change, link: str) -> str:
    """Commands that change what is asked for, each behind ``&&``; owners first, for that takes set-user-id away."""
    code = ""
    if change.uid is not None or change.gid is not None:
        owner = f"{_number(change.uid)}:{_number(change.gid)}"
        code += f' && "$B" chown {link} {owner} {place}'
    if change.mode is not None:
        code += f' && "$B" chmod {change.mode:o} {place}'
    if change.size is not None:
        code += f' && "$B" truncate -c -s {change.size} {place}'
    for option, time in (("-a", change.atime_ns), ("-m", change.mtime_ns)):
        if time is not None:
            code += f' && "$B" touch -c {link} {option} -d @{time // 10**9} {place}'
    return code


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _entry(record: str) -> tuple[str, FileInfo]:
    facts, _, name = record.partition(" ./")
    return name, _info(os.fsencode(facts))


def _info(record: bytes) -> FileInfo:
    words = record.decode().split()
    mode, size, mtime, atime, uid, gid, links = (int(words[0], 16), *map(int, words[1:7]))
    return FileInfo(
        kind=_KINDS.get(stat.S_IFMT(mode), Kind.OTHER),
        mode=stat.S_IMODE(mode),
        size=size,
        mtime_ns=mtime * 10**9 + _fraction(words[8]),
        atime_ns=atime * 10**9 + _fraction(words[11]),
        uid=uid,
        gid=gid,
        links=links,
    )


def _fraction(time: str) -> int:
    """Nanoseconds out of ``14:12:08.823985313``."""
    return int(time.partition(".")[2].ljust(9, "0")[:9])


def _problem(words: str, path: str) -> OSError:
    """What the system call said, out of a tool's last words."""
    reason = words.strip().rpartition(": ")[2]
    number = _WORDS.get(reason)
    if number is None:
        number = errno.ENOENT if "no such" in reason or "nonexistent" in reason else errno.EIO
    return OSError(number, os.strerror(number), path)
