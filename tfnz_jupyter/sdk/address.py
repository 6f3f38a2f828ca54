"""Where a location is, who it must prove to be, and who we are there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..homes import EMBEDDED_HOME, Home
from ..keyring import KeyPair


@dataclass(frozen=True, slots=True)
class Address:
    """Enough to open a session. A location of this user on this machine has a process, a log and a home; another has none."""

    endpoint: str
    server_key: bytes  # 32 bytes
    user: KeyPair
    pid: int = 0
    log: Path | None = None
    home: Home = EMBEDDED_HOME

    @property
    def is_near(self) -> bool:
        """Whether ports that the location opens are ports of this machine, and of this network namespace."""
        try:
            return self.pid > 0 and _network(str(self.pid)) == _network("self")
        except PermissionError:
            return True  # a location that runs as somebody else on this machine

    @property
    def shown(self) -> str:
        """The endpoint as people write it."""
        return self.endpoint.removeprefix("tcp://")

    @property
    def where_to_look(self) -> str:
        """The next step for who cannot reach it."""
        if self.log is not None:
            return f"Its log is {self.log}."
        return "Is it running there, and does a firewall let you through?"


def _network(pid: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")
