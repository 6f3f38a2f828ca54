"""What must outlive the location's process, in SQLite: sessions, the containers they own, and what they opened between them.

Written before anything is acknowledged. A commit does not wait for the disk: what it wrote survives the death of this
process, which is what it is for; after the death of the machine there is nothing left to own. A location that ends as it
should has nothing in here.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..engines.base import ContainerSpec
from ..wire.messages import ContainerChanged, Spawn
from .openings import Opening

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, key BLOB NOT NULL, secret BLOB NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    id TEXT PRIMARY KEY, session TEXT NOT NULL, user TEXT NOT NULL, wish BLOB NOT NULL, news BLOB NOT NULL, spec BLOB,
    printed INTEGER NOT NULL DEFAULT 0, lines INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS openings (
    session TEXT NOT NULL, server TEXT NOT NULL, client TEXT NOT NULL, PRIMARY KEY (session, server, client));
"""
_VERSION = 3  # of all that is in here; another version's is thrown away

_encode = msgspec.msgpack.encode
#: What was asked for, without the files that are in it by now, and what came of it.
Made = tuple[Spawn, ContainerSpec]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session. ``born`` tells its process from a later one with the same ``pid``, which is 0 for one elsewhere."""

    id: str
    user: str
    key: bytes
    secret: bytes
    pid: int
    born: str


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container: what was asked for, how it was when last written, and what it was made from once that is known.

    ``printed`` bytes and ``lines`` had been read of it when it changed last; all of them, where it is over.
    """

    session: str
    user: str
    wish: Spawn
    news: ContainerChanged
    spec: ContainerSpec | None
    printed: int = 0
    lines: int = 0


class Store:
    """The file is private to the user, and of one location at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._db = _open(file)

    def close(self) -> None:
        """Let go. Idempotent."""
        self._db.close()

    def session_began(self, row: SessionRow) -> None:
        """Remember a session."""
        self._write(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
            (row.id, row.user, row.key, row.secret, row.pid, row.born),
        )

    def session_ended(self, session: str) -> None:
        """Forget a session and all it owned."""
        with self._db:
            self._db.execute("DELETE FROM sessions WHERE id = ?", (session,))
            self._db.execute("DELETE FROM containers WHERE session = ?", (session,))
            self._db.execute("DELETE FROM openings WHERE session = ?", (session,))

    def container_wished(self, row: ContainerRow) -> None:
        """Remember a container, with the files it is to be given."""
        self._write(
            "INSERT OR REPLACE INTO containers VALUES (?, ?, ?, ?, ?, NULL, 0, 0)",
            (row.wish.container, row.session, row.user, _encode(row.wish), _encode(row.news)),
        )

    def container_changed(
        self, news: ContainerChanged, printed: int, lines: int, made: Made | None = None
    ) -> None:
        """How a container is, how much of its output has been read, and what it was made from once that is known."""
        changed = "news = ?, printed = ?, lines = ?"
        values: tuple[object, ...] = (_encode(news), printed, lines)
        if made is not None:
            changed += ", wish = ?, spec = ?"
            values += tuple(map(_encode, made))
        self._write(f"UPDATE containers SET {changed} WHERE id = ?", (*values, news.container))

    def opened(self, session: str, opening: Opening) -> None:
        """A session asked for an opening."""
        self._write(
            "INSERT OR REPLACE INTO openings VALUES (?, ?, ?)",
            (session, opening.server, opening.client),
        )

    def closed(self, opening: Opening) -> None:
        """It is closed, whoever asked for it."""
        self._write(
            "DELETE FROM openings WHERE server = ? AND client = ?", (opening.server, opening.client)
        )

    def openings(self) -> list[tuple[str, Opening]]:
        """Those that had not been closed, with the session that asked."""
        rows = self._db.execute("SELECT session, server, client FROM openings")
        return [(session, Opening(server, client)) for session, server, client in rows]

    def sessions(self) -> list[SessionRow]:
        """Those that had not ended."""
        rows = self._db.execute("SELECT id, user, key, secret, pid, born FROM sessions")
        return [SessionRow(*row) for row in rows]

    def containers(self) -> list[ContainerRow]:
        """Those of the sessions that had not ended, oldest first."""
        rows = self._db.execute(
            "SELECT session, user, wish, news, spec, printed, lines FROM containers ORDER BY rowid"
        )
        return [
            ContainerRow(
                session,
                user,
                msgspec.msgpack.decode(wish, type=Spawn),
                msgspec.msgpack.decode(news, type=ContainerChanged),
                spec and msgspec.msgpack.decode(spec, type=ContainerSpec),
                printed,
                lines,
            )
            for session, user, wish, news, spec, printed, lines in rows
        ]

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._db:
            self._db.execute(statement, values)


def _open(file: Path) -> sqlite3.Connection:
    """The database, made anew where it is another version's or cannot be read."""
    try:
        return _connect(file)
    except sqlite3.DatabaseError:
        for path in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            path.unlink(missing_ok=True)
        return _connect(file)


def _connect(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        db.close()
        raise sqlite3.DatabaseError(f"version {version}")
    db.executescript(_SCHEMA)
    db.execute(f"PRAGMA user_version = {_VERSION}")
    return db
