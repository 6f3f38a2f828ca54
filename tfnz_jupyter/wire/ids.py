"""Ids and names, which the program that makes a thing chooses. An id is 26 lower-case base32 characters.

What a location holds by id (containers, volumes) is held under an id that only its user can have chosen: the last six
characters follow from the first twenty and the user's key. So one user's ids mean nothing when another says them, whether
or not there is such a thing, and nobody learns from a refusal that there is.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from ..errors import UsageError

_ID = re.compile(r"[a-z2-7]{26}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?")
_FREE = 20  # characters that are random: 100 bits


def own_id(user: bytes) -> str:
    """A new id for something of a user's; ``user`` is the public key."""
    free = _base32(secrets.token_bytes(16))[:_FREE]
    return free + _mark(user, free)


def require_own(user: bytes, key: str) -> None:
    """Check an id that something new of a user's is to have.

    Raises:
        UsageError: it is no id, or one that is not this user's to give.
    """
    require_id(key)
    if key[_FREE:] != _mark(user, key[:_FREE]):
        raise UsageError(f"{key} is not an id of yours to give")


def require_id(key: str) -> None:
    """Check that something is an id at all, and not a path or worse.

    Raises:
        UsageError: it is not.
    """
    if not _ID.fullmatch(key):
        raise UsageError(f"{key!r} is no id", hint="An id is 26 of a-z and 2-7.")


def require_name(name: str) -> None:
    """Check what a container is to be called, by people and as its host name.

    Raises:
        UsageError: other characters than a-z 0-9 - _ . or too long.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a container",
            hint="Use 1 to 63 of a-z 0-9 - _ . with a letter or digit at both ends.",
        )


def _mark(user: bytes, free: str) -> str:
    return _base32(hashlib.sha256(user + free.encode()).digest())[: 26 - _FREE]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()
