"""What COPY and ADD name: patterns of paths in the context, in an earlier stage, in another image."""

from __future__ import annotations

import difflib
import posixpath

from ...dockerfile import of_name
from ...engines.files import Files, Kind
from ...errors import NoSuchFile, NotSupported

_WILD = frozenset("*?[")
_REMOTE = ("http://", "https://", "git://", "git@", "ftp://")
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR = (257, b"ustar")


async def matching(files: Files, top: str, pattern: str) -> list[str]:
    """The paths below ``top`` that a pattern names, sorted.

    Raises:
        NoSuchFile: none does; the hint is the nearest name.
    """
    names = [name for name in posixpath.normpath("/" + pattern).split("/") if name]
    found = [top]
    for name in names:
        if name == "**":
            found = [path for one in found for path in await _all_folders(files, one)]
        elif _WILD & set(name):
            fits = of_name(name).fullmatch
            found = [f"{one}/{n}" for one in found for n in await _listed(files, one) if fits(n)]
        else:
            found = [f"{one.rstrip('/')}/{name}" for one in found]
    there = [path for path in found if await _is_there(files, path)]
    if not there:
        raise NoSuchFile(f"there is no {pattern}", hint=await _near(files, top, names))
    return sorted(there)


def require_local(source: str) -> None:
    """Raises ``NotSupported`` for what would have to be fetched."""
    if source.startswith(_REMOTE):
        raise NotSupported(
            f"{source} is not fetched here", hint="RUN curl, wget or git does it, within the step."
        )


async def require_no_archive(files: Files, path: str) -> None:
    """Raises ``NotSupported`` for what ADD would have to unpack."""
    if (await files.stat(path)).kind is not Kind.FILE:
        return
    file = await files.open(path, 0)
    try:
        head = await file.read(0, 512)
    finally:
        await file.close()
    at, mark = _TAR
    if head.startswith(_ARCHIVES) or head[at : at + len(mark)] == mark:
        raise NotSupported(
            f"{posixpath.basename(path)} is an archive, and ADD unpacks none here",
            hint="COPY it, and RUN tar -xf unpacks it.",
        )


async def _listed(files: Files, folder: str) -> list[str]:
    try:
        return [name for name, _info in await files.list(folder)]
    except (NotADirectoryError, FileNotFoundError):
        return []


async def _all_folders(files: Files, top: str) -> list[str]:
    """A folder and all below it."""
    found = [top]
    for folder in found:
        inside = await files.list(folder)
        found += [f"{folder.rstrip('/')}/{n}" for n, info in inside if info.kind is Kind.FOLDER]
    return found


async def _is_there(files: Files, path: str) -> bool:
    try:
        await files.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


async def _near(files: Files, top: str, names: list[str]) -> str:
    """What somebody may have meant."""
    known = await _listed(files, top)
    near = difflib.get_close_matches(names[0] if names else "", known, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"There is: {', '.join(known[:8])}." if known else "It is empty."
