"""How far something is, in the words that both a page and a terminal show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """What a container on its way says of itself, and what callbacks are told."""

    @property
    def step(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int | None: ...


Report = Callable[[Progress], object]

_STEPS = {
    "resolve": "asking",
    "pull": "fetching",
    "upload": "sending",
    "build": "building",
    "unpack": "unpacking",
    "boot": "booting",
    "put": "sending",
    "get": "fetching",
}
_COUNTED = ("build",)  # steps whose numbers are not bytes


def share(news: Progress) -> float | None:
    """Between 0 and 1, where anybody knows."""
    return min(news.done / news.total, 1.0) if news.total else None


def words(news: Progress) -> str:
    """The step, what is on its way, how much of it."""
    return "  ".join(part for part in (kind(news), news.text, amount(news)) if part)


def kind(news: Progress) -> str:
    """What is being done."""
    return _STEPS.get(news.step, news.step)


def amount(news: Progress) -> str:
    """12 of 48 MiB, 3 MiB, 2 of 5; empty where there is nothing to count."""
    if news.step in _COUNTED:
        return f"{news.done} of {news.total}" if news.total else ""
    if not news.total:
        return size(news.done) if news.done else ""
    return f"{size(news.done)} of {size(news.total)}"


def size(number: int) -> str:
    """Bytes in a unit people read."""
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= bytes_:
            return f"{number / bytes_:.1f} {unit}"
    return f"{number} B"
