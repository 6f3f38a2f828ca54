"""How far something is, on standard error: one line that changes where a person looks, a line a step where a file does."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ..deeds.progress import Progress, kind, share, words
from ..sdk.container import Container

_WIDTH = 30  # of a bar, in characters
_LONGEST = 100
_SOON_OVER = ("resolve", "boot")  # steps that need no line in a file


class Line:
    """One line of a terminal, below whatever is printed meanwhile."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown = 0
        self._over = False
        self._lock = threading.Lock()

    def tell(self, news: Progress) -> None:
        """How far it is; any thread, and nothing once it is over, for threads may come late."""
        with self._lock:
            if not self._over:
                self._draw(_so_far(self._title, news))

    def clear(self) -> None:
        """Nothing is on its way just now."""
        with self._lock:
            self._draw("")

    def print(self, stream: BinaryIO, data: bytes) -> None:
        """Print something that is no part of it."""
        with self._lock:
            self._draw("")
            stream.write(data)
            stream.flush()

    def end(self) -> None:
        """It is over, and the line is gone."""
        with self._lock:
            self._over = True
            self._draw("")

    def _draw(self, line: str) -> None:
        if line or self._shown:
            sys.stderr.write("\r" + line.ljust(self._shown) + "\r" * (not line))
            sys.stderr.flush()
        self._shown = len(line)


class Plain:
    """A line for every kind of step that may take its time, and nothing for what lies between."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._told: set[str] = set()

    def tell(self, news: Progress) -> None:
        """How far it is; any thread."""
        if news.step not in self._told and news.step not in _SOON_OVER:
            self._told.add(news.step)
            print(f"{self._title}: {kind(news)} {news.text}".rstrip(), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Nothing is on its way just now; what was printed stays."""

    def print(self, stream: BinaryIO, data: bytes) -> None:
        """Print something that is no part of it."""
        stream.write(data)
        stream.flush()

    def end(self) -> None:
        """It is over; what was printed stays."""


@contextmanager
def shown(title: str) -> Iterator[Line | Plain]:
    """What to tell it by, while this lasts."""
    found = Line(title) if sys.stderr.isatty() else Plain(title)
    try:
        yield found
    finally:
        found.end()


@contextmanager
def of(container: Container) -> Iterator[None]:
    """While a container is on its way, how far it is."""
    with shown(container.image) as line:

        def tell(_: object) -> None:
            if container.progress is not None:
                line.tell(container.progress)
            else:
                line.clear()

        end = container.on_change(tell)
        try:
            yield
        finally:
            end()


def _so_far(title: str, news: Progress) -> str:
    done = share(news)
    text = f"{title}: {words(news)}"
    if done is not None:
        full = round(done * _WIDTH)
        text = f"{'#' * full}{'.' * (_WIDTH - full)} {100 * done:3.0f} %  {text}"
    return text[
        : min(_LONGEST, shutil.get_terminal_size().columns - 1)
    ]  # a line that wraps is not drawn over
