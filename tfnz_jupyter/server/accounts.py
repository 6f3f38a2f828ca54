"""Who may come in: the location's own user, accounts, and holders of invitations that are not used up.

What is asked here at every handshake is answered from memory; changes are written to SQLite before they count. The
location knows public keys only: a stolen database lets nobody in.
"""

from __future__ import annotations

import enum
import hmac
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import NotFound, Refused, UsageError
from .ledger import Limits

_TABLE = """
CREATE TABLE IF NOT EXISTS accounts (
    key BLOB PRIMARY KEY,       -- of the account, or of the invitation until somebody joins
    name TEXT NOT NULL UNIQUE,
    since REAL NOT NULL,        -- seconds since the epoch
    expires REAL,               -- of an invitation; NULL: an account
    sessions INTEGER, containers INTEGER, memory INTEGER
) STRICT
"""
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.@-]{0,61}[a-z0-9])?")
_KEY = 32  # bytes


class Standing(enum.Enum):
    """What a key may do here."""

    OPERATOR = "operator"  # the user whose location this is
    USER = "user"
    GUEST = "guest"  # holds an invitation: may join


@dataclass(frozen=True, slots=True)
class Entry:
    """An account, or, with ``expires``, an invitation."""

    key: bytes
    name: str
    since: float
    expires: float | None
    limits: Limits


class Accounts:
    """Those of one location.

    Args:
        operator: the public key of the user whose location it is.
        file: where they are kept; None: nobody can be invited.
        clock: seconds since the epoch.
    """

    def __init__(
        self, operator: bytes, file: Path | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.operator = operator
        self._clock = clock
        self._database = _open(file) if file is not None else None
        self._entries = {entry.key: entry for entry in self._load()}

    def standing(self, key: bytes) -> Standing | None:
        """What the owner of a public key may do; None: not even come in."""
        if hmac.compare_digest(key, self.operator):
            return Standing.OPERATOR
        entry = self._entries.get(key)
        if entry is None or self._is_over(entry):
            return None
        return Standing.USER if entry.expires is None else Standing.GUEST

    def limits(self, key: bytes) -> Limits:
        """What a user may have; the location's own user may have all."""
        entry = self._entries.get(key)
        return entry.limits if entry else Limits()

    def all(self) -> list[Entry]:
        """Every account, and every invitation that is still good, by name."""
        live = (entry for entry in self._entries.values() if not self._is_over(entry))
        return sorted(live, key=lambda entry: entry.name)

    def invite(self, name: str, key: bytes, lifetime: float, limits: Limits) -> Entry:
        """Let the holder of a key join under a name; an earlier invitation of that name ends.

        Raises:
            UsageError: no such name can be, or it has an account; a key or lifetime that makes no sense.
            Refused: this location serves its own user alone.
        """
        _check(name, key, lifetime)
        before = self._named(name)
        if before is not None and before.expires is None:
            raise UsageError(
                f"there is an account {name!r} already",
                hint=f"End it first, if it is to be another's: tfnz revoke {name}",
            )
        now = self._clock()
        entry = Entry(key, name, now, now + lifetime, limits)
        self._replace([before] if before else [], entry)
        return entry

    def join(self, invitation: bytes, key: bytes) -> Entry:
        """Turn an invitation into an account for another key. It works once.

        Raises:
            Refused: the invitation was used, revoked or has expired, or the key is somebody's already.
            UsageError: what is to be the key is none.
        """
        guest = self._entries.get(invitation)
        if guest is None or guest.expires is None or self._is_over(guest):
            raise Refused("this invitation is no longer good", hint="Ask for another one.")
        if len(key) != _KEY:
            raise UsageError("that is no public key")
        if self.standing(key) is not None:
            raise Refused("that key is in use here", hint="Make a new one for each account.")
        entry = replace(guest, key=key, since=self._clock(), expires=None)
        self._replace([guest], entry)
        return entry

    def revoke(self, name: str) -> bytes:
        """End an account or invitation; the key that may no longer come in.

        Raises:
            NotFound: nobody has that name.
        """
        entry = self._named(name)
        if entry is None or self._is_over(entry):
            raise NotFound(f"no account {name!r}", hint="tfnz accounts lists them.")
        self._replace([entry], None)
        return entry.key

    def close(self) -> None:
        """Let the file go."""
        if self._database is not None:
            self._database.close()

    def _named(self, name: str) -> Entry | None:
        return next((entry for entry in self._entries.values() if entry.name == name), None)

    def _is_over(self, entry: Entry) -> bool:
        return entry.expires is not None and entry.expires <= self._clock()

    def _replace(self, old: list[Entry], new: Entry | None) -> None:
        """Write it down, then let it count."""
        if self._database is None:
            raise Refused(
                "this location serves its own user alone",
                hint="One that serves others is started with: tfnz serve --bind ADDRESS",
            )
        with self._database as transaction:
            transaction.executemany(
                "DELETE FROM accounts WHERE key = ?", [(entry.key,) for entry in old]
            )
            if new is not None:
                transaction.execute("INSERT INTO accounts VALUES (?,?,?,?,?,?,?)", _row(new))
        for entry in old:
            del self._entries[entry.key]
        if new is not None:
            self._entries[new.key] = new

    def _load(self) -> list[Entry]:
        rows = self._database.execute("SELECT * FROM accounts") if self._database else []
        return [
            Entry(key, name, since, expires, Limits(*most))
            for key, name, since, expires, *most in rows
        ]


def _check(name: str, key: bytes, lifetime: float) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of an account",
            hint="Use 1 to 63 of a-z 0-9 - _ . @ with a letter or digit at both ends.",
        )
    if len(key) != _KEY or not 0 < lifetime < 10 * 366 * 86_400:
        raise UsageError("an invitation needs a key of 32 bytes and a lifetime of at most 10 years")


def _open(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    file.chmod(0o600)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(_TABLE)
    return database


def _row(entry: Entry) -> tuple[bytes | str | float | int | None, ...]:
    limits = entry.limits
    return (
        entry.key,
        entry.name,
        entry.since,
        entry.expires,
        limits.sessions,
        limits.containers,
        limits.memory,
    )
