"""What a tag may be, and what a key names: the same rules at both ends.

A tag is lower case, 1 to 63 of ``0-9 a-z - _ .``, with a letter or digit at both ends; nothing that is written in upper
case is lost, because making and looking up both lower it. A key is an id, a tag, or ``id:tag``.
"""

from __future__ import annotations

import re

from ..errors import UsageError

_TAG = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?")


def text(given: str | bytes, what: str) -> str:
    """An id or a tag as text; bytes are taken too.

    Raises:
        UsageError: it is neither, or no text.
    """
    if isinstance(given, bytes):
        try:
            return given.decode()
        except UnicodeDecodeError:
            raise UsageError(f"{what}: {given!r} is not text") from None
    if not isinstance(given, str):
        raise UsageError(f"{what}: {given!r} is neither text nor bytes")
    return given


def valid(given: str | bytes | None) -> str | None:
    """A tag as it is kept, None for None.

    Raises:
        UsageError: it has other characters, or is empty or too long.
    """
    if given is None:
        return None
    tag = text(given, "tag").lower()
    if not _TAG.fullmatch(tag):
        raise UsageError(
            f"{given!r} cannot be a tag",
            hint="Use 1 to 63 of a-z 0-9 - _ . with a letter or digit at both ends.",
        )
    return tag


def split(key: str | bytes) -> tuple[str, str | None]:
    """The two halves of ``id:tag``, or the key and None where it is one word.

    Raises:
        UsageError: it is empty, or has more than one colon.
    """
    first, *others = text(key, "key").split(":")
    if not first or len(others) > 1 or "" in others:
        raise UsageError(f"{key!r} is no key", hint="Give an id, a tag, or id:tag.")
    return first, others[0].lower() if others else None
