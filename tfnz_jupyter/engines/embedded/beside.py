"""The engine's end of :mod:`companions`: programs of the location's own that run beside the containers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from ..base import Exit
from ..threads import Threads
from ..unprivileged import NUMBER, hand_over
from . import exits, messages
from .link import Link
from .running import PipedRunning
from .running import running as running_of


class Beside:
    """Those that were started and live.

    Args:
        threads: where files are touched.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._running: dict[str, PipedRunning] = {}
        self._early: dict[str, Exit | None] = {}  # an end may be told before the start was noticed

    async def start(
        self, link: Link, argv: Sequence[str], folder: Path, first_id: int
    ) -> PipedRunning:
        """Run one that works in ``folder``, which becomes its own. Raises ``EngineFailed``."""
        owner, name = first_id + NUMBER, f"beside-{secrets.token_hex(4)}"
        await self._threads.run(lambda: hand_over(folder, owner))
        ask = messages.Accompany(link.number(), name, list(argv), os.fspath(folder), owner)
        self._early[name] = None
        try:
            _answer, fds = await link.ask(ask)
        finally:
            early = self._early.pop(name)
        running = self._running[name] = running_of(name, fds, link.tell)
        if early is not None:
            self._exited(name, early)
        return running

    def exited(self, news: messages.Exited) -> bool:
        """Whether it was one of these that has ended."""
        return self._exited(news.id, exits.from_status(news.status, news.out_of_memory))

    def all_exited(self, how: Exit) -> None:
        """The keeper is gone, and they with it."""
        for name in [*self._running, *self._early]:
            self._exited(name, how)

    def _exited(self, name: str, how: Exit) -> bool:
        if name in self._early:
            self._early[name] = how
        elif name in self._running:
            self._running.pop(name).exited(how)
        else:
            return False
        return True
