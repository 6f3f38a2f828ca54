"""Programs of the location's own (its web gateway): in a folder that is theirs, without any right besides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_ENV, _SETPRIV = "/usr/bin/env", "/usr/bin/setpriv"
#: Of 65,536 ids, the one such programs run as: no container runs as it unless told to.
NUMBER = 65_533


def command(argv: Sequence[str], folder: str, owner: int | None, *more: str) -> list[str]:
    """Its arguments, behind those that take it to its folder and every right from it.

    Args:
        owner: whom it is to run as; None: who we are, who has no right to take or give.
        more: further options of setpriv.
    """
    ours = ("--inh-caps=-all", "--no-new-privs")
    theirs = (
        ()
        if owner is None
        else (f"--reuid={owner}", f"--regid={owner}", "--clear-groups", "--bounding-set=-all")
    )
    place = ("-i", "-C", folder, "PATH=/usr/bin:/bin", f"HOME={folder}")
    return [_ENV, *place, _SETPRIV, *theirs, *ours, *more, "--", *argv]


def hand_over(folder: Path, owner: int) -> None:
    """Give a folder and all in it to a user; links in it are not followed."""
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid != owner:
            os.chown(path, owner, owner, follow_symlinks=False)
