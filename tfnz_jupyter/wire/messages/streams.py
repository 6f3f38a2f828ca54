"""Bytes of a stream, and how far its reader is."""

from __future__ import annotations

from typing import ClassVar

from .base import Said


class Chunk(Said, frozen=True, tag="chunk"):
    """Bytes of a stream, in the frame behind. ``offset`` is that of their first byte; ``mark`` 1 is out, 2 is err."""

    stream: int
    offset: int
    mark: int = 1
    flows: ClassVar[bool] = True


class Skipped(Said, frozen=True, tag="skipped"):
    """Bytes of a stream that its reader was too slow for: the next chunk begins after them."""

    stream: int
    size: int
    lines: int
    from_client: ClassVar[bool] = False


class Credit(Said, frozen=True, tag="credit"):
    """The stream's reader can take bytes up to this offset."""

    stream: int
    offset: int
    flows: ClassVar[bool] = True


class End(Said, frozen=True, tag="end"):
    """No more bytes on this stream from the sender; to a writer: nobody reads any more.

    Not ``whole``: there should have been more, but what they came from was cut.
    """

    stream: int
    whole: bool = True
