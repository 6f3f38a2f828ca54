"""What makes and keeps a session."""

from __future__ import annotations

from typing import ClassVar

from .base import Said
from .talk import Message

WIRE_VERSION = 4


class Hello(Said, frozen=True, tag="hello"):
    """Begin a session, or, with ``session`` and ``secret``, go on with one after the message numbered ``received``.

    ``turn`` counts the connections of a session: a greeting of an earlier one that comes late is not listened to. ``life``
    is that of the last ``Welcome``.
    """

    version: int
    session: str = ""
    secret: bytes = b""
    received: int = 0
    turn: int = 0
    life: str = ""
    from_server: ClassVar[bool] = False


class Welcome(Said, frozen=True, tag="welcome"):
    """The session stands. ``received`` is the last message of the client's that arrived.

    ``resumed`` says that it goes on where it was; otherwise both ends' numbers begin at 1. ``life`` names these numbers:
    a location that was killed does not know them.
    """

    session: str
    secret: bytes
    engine: str
    received: int = 0
    degraded: list[str] = []
    resumed: bool = False
    life: str = ""
    from_client: ClassVar[bool] = False


class Farewell(Said, frozen=True, tag="farewell"):
    """The session is over, or never was; the fields are those of ``errors.to_wire``."""

    code: str = ""
    message: str = ""
    hint: str = ""
    detail: str = ""


class Beat(Said, frozen=True, tag="beat"):
    """Still here, and everything up to ``received`` has arrived; nothing was heard for ``quiet`` seconds."""

    received: int
    quiet: float = 0.0


class Data(Said, frozen=True, tag="data"):
    """Message number ``number`` of this direction; ``received`` as in ``Beat``."""

    number: int
    received: int
    message: Message

    @property
    def flows(self) -> bool:  # type: ignore[override]
        """As its message."""
        return self.message.flows


Packet = Hello | Welcome | Farewell | Beat | Data
