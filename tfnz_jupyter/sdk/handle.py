"""What all live objects have in common: an id, a parent, callbacks of their own, and news for those who watch."""

from __future__ import annotations

import base64
import difflib
import secrets
from collections.abc import Callable, Iterable
from typing import Self

from .callbacks import Callbacks, Subscribers


class Handle:
    """An object of a location. It owns nothing: letting go of it changes nothing over there."""

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self._callbacks = Callbacks(uuid[:8])
        self._subscribers = Subscribers(self, self._callbacks)

    def on_change(self, callback: Callable[[Self], object]) -> Callable[[], None]:
        """Call ``callback(self)`` after anything about this object changed, on a thread of its own.

        Changes that come faster than the callback are told once. Returns a function that ends it.
        """
        return self._subscribers.add(callback)

    def _changed(self) -> None:
        self._subscribers.tell()


def new_id() -> str:
    """26 lower-case base32 characters: 128 random bits, valid as a host name or a Kubernetes name."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(names[:12])}." if names else "There are none."


def ago(seconds: float) -> str:
    """A duration as people say it: ``45 s``, ``3 min``, ``2 h``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
