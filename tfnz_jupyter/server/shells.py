"""Which shell an image has, asked of its files."""

from __future__ import annotations

import shlex

from ..engines.files import Files, Kind
from ..errors import EngineFailed

_NAMES = ("bash", "ash", "sh", "zsh", "ksh", "fish")
_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/local/bin")


async def find_shell(files: Files) -> str:
    """The first of bash, ash, sh, zsh, ksh and fish that there is.

    Raises:
        EngineFailed: there is none.
    """
    for name in _NAMES:
        for folder in _FOLDERS:
            if await _is_program(files, f"{folder}/{name}"):
                return f"{folder}/{name}"
    raise EngineFailed("the image has no shell", hint="Name a command that it has.")


async def by_shell(files: Files, command: str) -> tuple[str, ...]:
    """A command line as ``/bin/sh`` is to run it; split at blanks and quotes where the image has no ``/bin/sh``.

    Raises:
        EngineFailed: it has no shell, and the line cannot be split.
    """
    if await _is_program(files, "/bin/sh"):
        return ("/bin/sh", "-c", command)
    try:
        return tuple(shlex.split(command))
    except ValueError as problem:
        raise EngineFailed(f"the image has no shell to read {command!r}: {problem}") from problem


async def _is_program(files: Files, path: str) -> bool:
    try:
        found = await files.stat(path)
    except OSError:
        return False
    return found.kind is Kind.FILE and bool(found.mode & 0o111)
