"""One end of a session: numbers what is sent, replays what got lost, and knows when silence means death.

Both ends are the same class. It is given frames and the time, and hands back messages; what is to be transmitted
collects in :attr:`outgoing`. A connection may vanish and another take its place (:meth:`resume`): whatever the other
end had not received is transmitted again, whatever had already arrived is not delivered twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..errors import ProtocolError
from .codec import decode, encode
from .messages import Beat, Data, Farewell, Hello, Message, Packet, Welcome

#: Each end says this often that it is there, and what has arrived (seconds).
BEAT_EVERY = 5.0
#: A session whose other end was silent for this long is over (seconds).
SILENCE = 120.0
_ACK_EVERY = 16  # messages


class Session:
    """The state of one session at one end."""

    def __init__(self, *, client: bool, now: float) -> None:
        self.client = client
        self.outgoing: deque[list[bytes]] = deque()
        self.received = 0  # number of the last message that arrived
        self._sent = 0
        self._unacknowledged: deque[tuple[int, list[bytes]]] = deque()
        self._told = 0  # the last value of received the other end knows of
        self._heard_at = now
        self._beat_at = now

    def send(self, message: Message, bulk: bytes = b"") -> None:
        """Queue one message; it will arrive once, in order, for as long as the session lives."""
        frames = encode(Data(self._sent + 1, self.received, message), bulk)
        self._sent += 1
        self._told = self.received
        self._unacknowledged.append((self._sent, frames))
        self.outgoing.append(frames)

    def say(self, packet: Hello | Welcome | Farewell | Beat) -> None:
        """Queue a packet that is not numbered and not replayed."""
        self.outgoing.append(encode(packet))

    def receive(self, frames: Sequence[bytes], now: float) -> tuple[Packet, bytes] | None:
        """What arrived: a packet and its bulk, or None where there is nothing to act on (a beat, a double).

        Raises:
            ProtocolError: garbage, or a gap in the numbers.
        """
        packet, bulk = decode(frames, from_client=not self.client)
        self._heard_at = now
        if isinstance(packet, Beat):
            self._acknowledge(packet.received)
            return None
        if isinstance(packet, Data):
            return self._deliver(packet, bulk)
        return packet, bulk

    def resume(self, other_received: int) -> None:
        """Transmit again, on a new connection, what the other end had not received.

        Raises:
            ProtocolError: it claims what was never sent, or what is no longer held.
        """
        self._acknowledge(other_received)
        self.outgoing.clear()
        self.outgoing.extend(frames for _, frames in self._unacknowledged)

    def tick(self, now: float) -> bool:
        """Beat if it is time; False once the other end has been silent for too long."""
        if now - self._beat_at >= BEAT_EVERY:
            self._beat()
            self._beat_at = now
        return now - self._heard_at < SILENCE

    def _beat(self) -> None:
        self._told = self.received
        self.outgoing.append(encode(Beat(self.received)))

    def _deliver(self, packet: Data, bulk: bytes) -> tuple[Packet, bytes] | None:
        self._acknowledge(packet.received)
        if packet.number <= self.received:
            return None
        if packet.number != self.received + 1:
            raise ProtocolError(f"message {packet.number} came after message {self.received}")
        self.received = packet.number
        if self.received - self._told >= _ACK_EVERY:
            self._beat()
        return packet, bulk

    def _acknowledge(self, number: int) -> None:
        held_from = self._sent - len(self._unacknowledged)
        if number > self._sent:
            raise ProtocolError(f"the other end claims message {number} of {self._sent}")
        for _ in range(max(0, number - held_from)):
            self._unacknowledged.popleft()
