"""One bar for whatever takes a while: it stands in the cell that waits, moves as told, and is gone when that is over."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..deeds.progress import Progress, Report, share, words
from . import assets
from .views_progress import bar_html, bar_text

_AFTER = 0.2  # seconds that something takes until it has a bar
_EVERY = 0.1  # seconds between two looks of it


class Bar:
    """One, on the page of an InteractiveShell."""

    def __init__(self, ip: Any, title: str) -> None:
        self._ip, self._title = ip, title
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._next = time.monotonic() + _AFTER
        self._shown = self._over = False
        self._later: threading.Timer | None = None  # tells what came too soon
        self._news: Progress | None = None

    def tell(self, news: Progress) -> None:
        """How far it is; any thread."""
        now = time.monotonic()
        with self._lock:
            if self._over:
                return
            self._news = news
            if now < self._next and not (self._shown and news.done == news.total):
                self._tell_in(self._next - now)
                return
            self._next = now + _EVERY
            facts = (self._title, words(news), share(news))
            html = bar_html(*facts, assets.style(live=False))
            self._publish({"text/plain": bar_text(*facts), "text/html": html})

    def _tell_in(self, seconds: float) -> None:
        if self._later is None:
            self._later = threading.Timer(seconds, self._catch_up)
            self._later.daemon = True
            self._later.start()

    def _catch_up(self) -> None:
        with self._lock:
            self._later, news = None, self._news
        if news is not None:
            self.tell(news)

    def end(self) -> None:
        """It is over: what came of it stands in the cell."""
        with self._lock:
            self._over = True
            if self._later is not None:
                self._later.cancel()
            if self._shown:
                self._publish({"text/plain": "", "text/html": ""})

    def _publish(self, bundle: dict[str, str]) -> None:
        transient = {"display_id": self._name}
        self._ip.display_pub.publish(bundle, {}, transient=transient, update=self._shown)
        self._shown = True


@contextmanager
def bar(ip: Any, title: str) -> Iterator[Report]:
    """A bar while this lasts, where there is a page for it; what to tell it by."""
    shown = Bar(ip, title)
    try:
        yield shown.tell if hasattr(ip, "kernel") else _nobody
    finally:
        shown.end()


def _nobody(news: Progress) -> None:
    """There is no page."""
