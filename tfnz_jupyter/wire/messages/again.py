"""Going on with streams at a location that was killed since they began: it holds none of them."""

from __future__ import annotations

from .base import Answer, Asked


class FollowAgain(Asked, frozen=True, tag="follow-again"):
    """Send the log of a container, or of a process in it, on from a place. Result: ``Done``.

    Where it is gone, that is told as news of it. ``offset`` and ``lines`` are what has arrived, ``limit`` what may come.
    """

    container: str
    process: str
    output: int
    offset: int
    lines: int
    limit: int
    lossless: bool


class FeedAgain(Asked, frozen=True, tag="feed-again"):
    """Go on feeding a container's or process's standard input. Result: ``Fed``, and the stream goes on from there.

    ``sent`` is how far it was; nothing may be sent before the answer.
    """

    container: str
    process: str
    input: int
    sent: int


class Fed(Answer, frozen=True, tag="fed"):
    """So many of its bytes have been fed."""

    size: int
