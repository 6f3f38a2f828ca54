"""Who ``USER`` in an image is: ``passwd`` and ``group`` of the image read as Docker reads them; and its environment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from .base import Terminal

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """Who a process runs as, in the container's own ids."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def environment(
    env: Sequence[tuple[str, str]], home: str, hostname: str, terminal: Terminal | None = None
) -> list[str]:
    """``KEY=value`` lines; PATH, HOME, HOSTNAME and, on a terminal, TERM are there even where nobody set them."""
    values = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname, "HOME": home}
    if terminal is not None:
        values["TERM"] = "xterm-256color"
    values |= dict(env)
    return [f"{key}={value}" for key, value in values.items()]


def resolve(user: str, passwd: str, group: str, ids: int) -> Account:
    """The account for ``""``, ``uid``, ``uid:gid``, ``name`` or ``name:group``, all below ``ids``.

    Raises:
        UsageError: no such user or group in the image, or an id that is too high.
    """
    name, _, group_name = user.partition(":")
    users, group_rows = _rows(passwd), _rows(group)
    row = _find(users, name or "0", 7)
    uid, gid, home = _number(name or "0"), 0, "/"
    if row is not None:
        name, uid, gid, home = row[0], int(row[2]), int(row[3]), row[5] or "/"
    if uid is None:
        raise UsageError(
            f"no user {name!r} in the image",
            hint="Give a name that is in the image's /etc/passwd, or a number.",
        )
    if group_name:
        gid = _group(group_name, group_rows)
        more: tuple[int, ...] = ()
    else:
        more = tuple(
            int(found[2])
            for found in group_rows
            if len(found) >= 4 and found[2].isdigit() and name in found[3].split(",")
        )
    for number in (uid, gid, *more):
        if number >= ids:
            raise UsageError(f"user {user!r}: id {number} is above {ids - 1}")
    groups = (gid, *sorted(set(more) - {gid}))  # as initgroups() would set them
    return Account(uid, gid, groups, home)


def _group(name: str, groups: list[list[str]]) -> int:
    row = _find(groups, name, 3)
    number = int(row[2]) if row is not None else _number(name)
    if number is None:
        raise UsageError(f"no group {name!r} in the image")
    return number


def _rows(text: str) -> list[list[str]]:
    return [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def _find(rows: list[list[str]], key: str, width: int) -> list[str] | None:
    """The row of that name; failing that, of that number. Rows that make no sense are not there."""
    sane = [row for row in rows if len(row) >= width and all(map(_is_id, row[2 : width // 2 + 1]))]
    for row in sane:
        if row[0] == key:
            return row
    return next((row for row in sane if row[2] == key), None)


def _is_id(text: str) -> bool:
    return _number(text) is not None
