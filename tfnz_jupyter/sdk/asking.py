"""Checks what users hand in, and names what is wrong with it, before anything is asked of a location."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..errors import UsageError
from ..wire.ids import require_name
from ..wire.paths import normal

Pairs = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
#: Of a terminal: True for 80 columns and 24 rows, or (columns, rows); ``os.get_terminal_size()`` is one.
Size = bool | tuple[int, int] | None

_MOST = 2**62


def pairs(given: Pairs | None, what: str) -> list[tuple[Any, Any]]:
    """A mapping or a list of pairs, as a list.

    Raises:
        UsageError: an element is no pair.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return list(given.items())
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(f"{what}: {given!r} is not pairs", hint=f"Give {what} as a mapping.")
    found = []
    for one in given:
        if not isinstance(one, tuple | list) or len(one) != 2:
            raise UsageError(f"{what}: {one!r} is not a pair", hint=f"Give {what} as a mapping.")
        found.append((one[0], one[1]))
    return found


def environment(given: Pairs | None) -> list[tuple[str, str]]:
    """Names and values of an environment; values of other types become text.

    Raises:
        UsageError: a name or value no environment can hold.
    """
    found = []
    for name, value in pairs(given, "env"):
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise UsageError(f"env: {name!r} cannot be the name of a variable")
        text = value.decode() if isinstance(value, bytes) else str(value)
        if "\0" in text:
            raise UsageError(f"env: the value of {name} holds a NUL byte")
        found.append((name, text))
    return found


def files(given: Pairs | None) -> list[tuple[str, bytes]]:
    """Absolute paths and contents; text becomes UTF-8.

    Raises:
        UsageError: a path that is not absolute and plain, or a content that is neither text nor bytes.
    """
    found = []
    for path, content in pairs(given, "pre_boot_files"):
        if not isinstance(path, str) or not path.startswith("/") or path.endswith("/"):
            raise UsageError(
                f"pre_boot_files: {path!r} is not the absolute path of a file",
                hint="Begin it with / and end it with the file's name.",
            )
        if ".." in path.split("/") or "\0" in path:
            raise UsageError(f"pre_boot_files: {path!r} leads out of where it belongs")
        if not isinstance(content, str | bytes | bytearray):
            raise UsageError(f"pre_boot_files: the content of {path} is {type(content).__name__}")
        found.append((path, content.encode() if isinstance(content, str) else bytes(content)))
    return found


def file_path(given: str) -> bytes:
    """A path in a container, absolute or from its root.

    Raises:
        UsageError: it is empty, has a NUL in it, or would lead out of the container.
    """
    if not isinstance(given, str) or not given or "\0" in given:
        raise UsageError(f"{given!r} is not the path of a file in a container")
    depth = 0
    for part in given.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            raise UsageError(f"the path {given!r} leads out of the container")
    return os.fsencode(given if given.startswith("/") else f"/{given}")


def command(given: str | Iterable[str]) -> list[str]:
    """A list runs as it is; a string is run by ``/bin/sh -c``.

    Raises:
        UsageError: nothing to run, or a word that is not text.
    """
    if not isinstance(given, str | list | tuple):
        raise UsageError(f"command: {given!r} is neither a line for the shell nor a list of words")
    words = ["/bin/sh", "-c", given] if isinstance(given, str) else list(given)
    if not words or not given:
        raise UsageError("the command is empty")
    for word in words:
        if not isinstance(word, str) or "\0" in word:
            raise UsageError(f"command: {word!r} is not a word of a command")
    return words


def name(given: str) -> str:
    """A name for a container.

    Raises:
        UsageError: other characters than a-z 0-9 - _ . or too long.
    """
    require_name(given)
    return given


def port(given: int | str, what: str, *, least: int = 1) -> int:
    """A port number.

    Raises:
        UsageError: not a number from ``least`` to 65535.
    """
    try:
        number = int(given)
    except (TypeError, ValueError):
        number = -1
    if isinstance(given, bool) or not least <= number <= 65_535:
        raise UsageError(f"{what}: {given!r} is not a port", hint=f"Ports are {least} to 65535.")
    return number


def size(given: int | None, what: str, least: int) -> None:
    """Check a limit in bytes.

    Raises:
        UsageError: not a whole number, or not one that makes sense.
    """
    whole(given, what, least, hint="In bytes: 512 << 20 is 512 MiB.")


def whole(given: int | None, what: str, least: int, *, hint: str = "") -> None:
    """Check a limit that is counted.

    Raises:
        UsageError: not a whole number, or not one that makes sense.
    """
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= _MOST:
        raise UsageError(
            f"{what}: {given!r} is not a whole number of at least {least:,}", hint=hint
        )


def amount(given: float | None, what: str, least: float) -> None:
    """Check a limit that is measured.

    Raises:
        UsageError: not a number, or not one that makes sense.
    """
    if given is None:
        return
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not least <= given <= _MOST:
        raise UsageError(f"{what}: {given!r} is not a number of at least {least:g}")


def octets(given: bytes) -> bytes:
    """Check what is to be fed to a standard input.

    Raises:
        UsageError: it is not bytes.
    """
    if not isinstance(given, bytes | bytearray | memoryview):
        raise UsageError(f"stdin: {type(given).__name__} is not bytes", hint="Encode the text.")
    return bytes(given)


def folder(given: str | None, what: str) -> str:
    """Check an absolute path in a container; empty where none is given.

    Raises:
        UsageError: it is not one.
    """
    if given is None:
        return ""
    if not isinstance(given, str) or not given.startswith("/") or "\0" in given:
        raise UsageError(f"{what}: {given!r} is not an absolute path")
    return given


def user(given: str | int | None) -> str:
    """Whom a process shall run as; empty where nobody says.

    Raises:
        UsageError: neither a name nor a number.
    """
    if given is None:
        return ""
    text = str(given)
    if isinstance(given, bool) or not isinstance(given, str | int) or not text or "\0" in text:
        raise UsageError(f"user: {given!r} is neither a name nor a number")
    return text


def terminal(given: Size) -> tuple[int, int] | None:
    """The size of a terminal, columns and rows; None where none is wanted.

    Raises:
        UsageError: it is no size.
    """
    if given is None or isinstance(given, bool):
        return (80, 24) if given else None
    try:
        columns, rows = given
    except (TypeError, ValueError):
        raise UsageError(f"terminal: {given!r} is not a size", hint="(80, 24), say.") from None
    for number, what in ((columns, "columns"), (rows, "rows")):
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 65_535:
            raise UsageError(f"terminal: {number!r} is not a number of {what}")
    return columns, rows


def moment(given: float | datetime | None, what: str) -> float | None:
    """A time in seconds since the epoch; a datetime without a zone is local time.

    Raises:
        UsageError: it is no time.
    """
    if isinstance(given, datetime):
        return given.timestamp()
    amount(given, what, 0)
    return given


def mount_point(given: str) -> str:
    """Check where a volume is to be mounted; without doubled or trailing slashes.

    Raises:
        UsageError: it is no absolute path of a folder of its own.
    """
    plain = isinstance(given, str) and given.startswith("/") and "\0" not in given
    if not plain or ".." in given.split("/") or normal(given) == "/":
        raise UsageError(
            f"volumes: {given!r} is not where one can be mounted",
            hint="Give an absolute path without '..', other than /.",
        )
    return normal(given)


def timeout(given: float | None) -> None:
    """Check a time-out in seconds.

    Raises:
        UsageError: not a positive number.
    """
    amount(given, "timeout", 0)


def context() -> contextvars.Context:
    """Where a callback that is registered now belongs: in a notebook, to the cell that runs."""
    return contextvars.copy_context()
