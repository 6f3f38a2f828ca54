"""The accounts of this user: a file each, named after the location, and which of them is the default.

A location is called what its invitation says, or what its user prefers; the name means nothing to the location itself.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NotFound, UsageError
from .keys import KeyPair, pair_of, write_new

#: Names that mean locations started on this machine.
HERE = ("embedded", "docker", "kubernetes")
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?")
_DEFAULT = "default_location"


@dataclass(frozen=True, slots=True)
class Account:
    """Ours at one location: where it is, who it must prove to be, and who we are there."""

    location: str
    endpoint: str  # as libzmq takes it: tcp://HOST:PORT
    server_key: bytes  # 32 bytes
    keys: KeyPair

    def as_fields(self) -> dict[str, str]:
        """As it is written down."""
        return {
            "location": self.location,
            "endpoint": self.endpoint,
            "server_key": self.server_key.hex(),
            "secret": self.keys.secret.hex(),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Account:
        """From what was written down. Raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is something else."""
        server, secret = (bytes.fromhex(fields[name]) for name in ("server_key", "secret"))
        if len(server) != 32 or not str(fields["endpoint"]).startswith("tcp://"):
            raise ValueError("no account")
        return cls(check_name(fields["location"]), fields["endpoint"], server, pair_of(secret))


class Keyring:
    """The accounts below one configuration folder."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._folder = config / "accounts"

    def names(self) -> list[str]:
        """The locations there is an account for."""
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def account(self, location: str) -> Account:
        """The account at a location.

        Raises:
            NotFound: there is none; the hint names the nearest.
            UsageError: its file holds something else.
        """
        file = self._file(location)
        try:
            return Account.from_fields(json.loads(file.read_text("utf-8")))
        except FileNotFoundError:
            raise NotFound(f"no location {location!r}", hint=self._nearest(location)) from None
        except (KeyError, TypeError, ValueError) as problem:
            raise UsageError(
                f"{file} does not hold an account",
                hint="Restore it with: tfnz account restore FILE, or ask for an invitation.",
            ) from problem

    def add(self, account: Account) -> Path:
        """Keep a new account; its file. The first one becomes the default.

        Raises:
            UsageError: there is one for that location; it is never overwritten.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = self._file(account.location)
        if not write_new(file, json.dumps(account.as_fields(), indent=1) + "\n"):
            raise self._taken(account.location)
        if self.names() == [account.location] and self.default() is None:
            self.set_default(account.location)
        return file

    def pending(self, location: str) -> Path:
        """Where the key of an account waits until its location knows of it.

        Raises:
            UsageError: there is an account of that name, or it can be none.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._file(location).exists():
            raise self._taken(location)
        return self._folder / f".{location}.joining"

    def remove(self, location: str) -> None:
        """Forget an account, and its being the default. Does nothing where there is none."""
        self._file(location).unlink(missing_ok=True)
        if self.default() == location:
            self._default_file.unlink(missing_ok=True)

    def default(self) -> str | None:
        """The location that ``Location()`` means; None where nobody said."""
        try:
            return self._default_file.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None

    def set_default(self, location: str) -> None:
        """Let ``Location()`` mean this one.

        Raises:
            NotFound: there is no account for it.
        """
        if location not in (*self.names(), *HERE):
            raise NotFound(f"no location {location!r}", hint=self._nearest(location))
        new = self._default_file.with_suffix(f".{os.getpid()}")
        new.touch(0o600)
        new.write_text(location + "\n", "utf-8")
        new.replace(self._default_file)

    @property
    def _default_file(self) -> Path:
        return self._config / _DEFAULT

    def _file(self, location: str) -> Path:
        return self._folder / f"{check_name(location)}.json"

    def _taken(self, location: str) -> UsageError:
        return UsageError(
            f"there is an account for {location!r} already: {self._file(location)}",
            hint="Call the new one something else: --as NAME.",
        )

    def _nearest(self, word: str) -> str:
        return nearest(word, [*HERE, *self.names()])


def check_name(name: str) -> str:
    """A name for a location of one's own.

    Raises:
        UsageError: it cannot be one.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a location",
            hint="Use 1 to 63 of a-z 0-9 - _ . with a letter or digit at both ends.",
        )
    if name in HERE:
        raise UsageError(
            f"{name!r} always means a location on this machine", hint="Choose another: --as NAME."
        )
    return name


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint that names the nearest of what there is."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
