"""Whether a command is there to be run, asked of a container's root from outside, as crun will look for it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from ..accounts import DEFAULT_PATH
from ..files import Kind
from .rootfiles import RootFiles


def is_there(files: RootFiles, command: str, env: Sequence[tuple[str, str]], cwd: str) -> bool:
    """Whether ``command`` names a file that somebody may execute: a path as it is, a word looked for along PATH."""
    if "/" in command:
        return _is_program(files, posixpath.join(cwd or "/", command))
    folders = dict(env).get("PATH", DEFAULT_PATH).split(":")
    return any(_is_program(files, posixpath.join(cwd or "/", f, command)) for f in folders)


def _is_program(files: RootFiles, path: str) -> bool:
    try:
        found = files.stat(path)
    except OSError:
        return False
    return found.kind is Kind.FILE and bool(found.mode & 0o111)
