"""Bringing back what a killed location held: sessions from the store, containers from the store and the engine.

A session waits for its program to come back, for as long as it would wait on a cut connection; one whose program has died
meanwhile is over, and what it owned is nobody's. A container that was being made is made anew; one that ran goes on where
the engine has kept it, or has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..engines.base import ContainerSpec, Survivor
from ..errors import TfnzError
from .containers import Container, Past
from .estate import Estate
from .ledger import Finished, Joined, Ledger, Spawned
from .openings import Openings
from .programs import born
from .store import ContainerRow, Store

log = logging.getLogger(__name__)

#: Makes a container of what is known of it.
Make = Callable[[ContainerRow, Past], Container]


class Revival:
    """One store, read once. ``sessions`` are those that may still come back."""

    def __init__(self, store: Store) -> None:
        rows, openings = store.sessions(), store.openings()
        self.sessions = [row for row in rows if not row.pid or row.born == born(row.pid)]
        for row in rows:
            if row not in self.sessions:
                log.info("session %s: its process died while there was no location", row.id)
                store.session_ended(row.id)
        self._containers = store.containers()
        alive = {row.id for row in self.sessions}
        self._openings = [(session, opening) for session, opening in openings if session in alive]
        #: Openings that nobody asks for any more.
        self.nobodys = {opening for _, opening in openings} - {o for _, o in self._openings}

    @property
    def known(self) -> dict[str, ContainerSpec]:
        """What the engine shall look for: containers that had begun to run."""
        return {
            row.wish.container: row.spec
            for row in self._containers
            if row.spec is not None and row.news.state in ("booting", "asleep", "running")
        }

    def restore(
        self, ledger: Ledger, estate: Estate, survivors: dict[str, Survivor], make: Make, now: float
    ) -> None:
        """Put everything into the ledger and the estate."""
        for session in self.sessions:
            ledger.handle(Joined(session.id, session.user), now)
        for row in self._containers:
            if self._own(ledger, row, now):
                survivor = survivors.get(row.wish.container)
                booted = survivor.booted if survivor else None
                estate.add(make(row, Past(row.news, row.spec, booted, row.printed, row.lines)))
                for key, running in survivor.processes.items() if survivor else ():
                    estate.unclaimed[key] = row.wish.container, running

    def reopen(self, openings: Openings, estate: Estate) -> None:
        """Remember who asked for what the engine has kept open."""
        for session, opening in self._openings:
            if estate.lives(opening.server) and estate.lives(opening.client):
                openings.recall(session, opening)

    def _own(self, ledger: Ledger, row: ContainerRow, now: float) -> bool:
        wish = row.wish
        try:
            ledger.handle(
                Spawned(row.session, wish.container, wish.name, wish.tag or None, wish.memory or 0),
                now,
            )
        except TfnzError as problem:
            log.warning("container %s is not taken over: %s", wish.container, problem)
            return False
        if row.news.state in ("ended", "failed"):
            ledger.handle(Finished(wish.container), now)
        return True
