"""The one thread that speaks to the page: everything live goes through it, a few times a second.

A feed is something that may have news: a card, a board. The pump asks each at every tick and lets it send at most one
message; nobody else sends to a page, so order is kept and no lock is held while sending. The rate falls as more feeds are
busy, because a notebook server drops messages beyond a thousand a second for a whole kernel, without a word.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Protocol

log = logging.getLogger(__name__)

TICK = 0.04  # seconds between ticks: at most 25 messages a second for one feed
MESSAGES = 300  # a second, for all feeds together
HEARTBEAT = 2.0  # a feed with no news still says this often that the kernel lives
#: Seconds a thread waits for one that computes while there are feeds. A key takes a dozen turns; Python's own are 5 ms each.
TURN = 0.001


class Feed(Protocol):
    """Something that may have news."""

    def tick(self, now: float) -> bool:
        """Send at most one message; whether one was sent. Never blocks."""

    @property
    def over(self) -> bool:
        """True once there will never be news again; the pump then lets go of the feed."""


class Pump:
    """The thread and its feeds. It runs while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: list[Feed] = []
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopped = False
        self._tick = TICK
        self._usual_turn = 0.0

    def at_most(self, rate: float) -> None:
        """Send one feed's news at most so often a second."""
        self._tick = 1 / rate

    def add(self, feed: Feed) -> None:
        """Begin to ask ``feed``; adding it twice asks it once."""
        with self._lock:
            if feed not in self._feeds:
                self._feeds.append(feed)
            if self._thread is None and not self._stopped:
                self._usual_turn = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN, self._usual_turn))
                self._thread = threading.Thread(target=self._run, name="tfnz-pump", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Ask nobody any more. The thread ends within a tick."""
        with self._lock:
            self._stopped = True
            self._feeds.clear()
        self._wake.set()

    def _run(self) -> None:
        while feeds := self._next():
            busy = sum([self._ask(feed) for feed in feeds])
            self._wake.wait(max(self._tick, busy / MESSAGES))

    def _next(self) -> list[Feed]:
        """The feeds of this tick; when there are none the thread is over."""
        with self._lock:
            self._feeds = [feed for feed in self._feeds if not feed.over]
            if not self._feeds:
                self._thread = None
                sys.setswitchinterval(self._usual_turn)
            return list(self._feeds)

    def _ask(self, feed: Feed) -> bool:
        try:
            return feed.tick(time.monotonic())
        except Exception:  # a feed that cannot speak must not silence the others
            log.exception("a view was given up: %r", feed)
            with self._lock:
                self._feeds = [other for other in self._feeds if other is not feed]
            return False
