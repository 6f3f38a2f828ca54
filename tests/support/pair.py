"""Two ends of a session joined in memory, with a connection that can be cut at any point."""

from __future__ import annotations

from tfnz_jupyter.wire.messages import Data, Message
from tfnz_jupyter.wire.session import Session


class Pair:
    """A client and a server end; ``got`` collects what each was given."""

    def __init__(self) -> None:
        self.now = 0.0
        self.client = Session(client=True, now=0.0)
        self.server = Session(client=False, now=0.0)
        self.got: dict[bool, list[tuple[Message, bytes]]] = {True: [], False: []}

    def carry(self, most: int = 10_000) -> None:
        """Move packets both ways until nothing is left, or ``most`` were moved."""
        while most and (self.client.outgoing or self.server.outgoing):
            for end, other in ((self.client, self.server), (self.server, self.client)):
                if end.outgoing and most:
                    most -= 1
                    self._give(other, end.outgoing.popleft())

    def cut(self) -> None:
        """Lose everything that is on the way, and connect anew."""
        self.client.outgoing.clear()
        self.server.outgoing.clear()
        known_to_client, known_to_server = self.client.received, self.server.received
        self.client.resume(known_to_server, self.now)
        self.server.resume(known_to_client, self.now)

    def _give(self, end: Session, frames: list[bytes]) -> None:
        arrived = end.receive(frames, self.now)
        end.acknowledge(self.now)
        if arrived is not None:
            packet, bulk = arrived
            assert isinstance(packet, Data)
            self.got[end.client].append((packet.message, bulk))
