"""One end of a session: numbers what is sent, replays what got lost, and knows when silence means death.

Both ends are the same class. It is given frames and the time, and hands back messages; what is to be transmitted
collects in :attr:`outgoing`. A connection may vanish and another take its place (:meth:`resume`): whatever the other
end had not received is transmitted again, whatever had already arrived is not delivered twice.

A connection can be lost without a word, in one direction alone too. So both ends beat, each beat says for how long its
sender has heard nothing, and :meth:`lost` tells when to make another. Only what this end could have heard counts as
silence: a process that was stopped, or a machine that slept, has missed nothing while it was not there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ProtocolError
from .codec import Bulk, decode, encode
from .messages import Beat, Data, Farewell, Hello, Message, Packet, Welcome
from .pace import LEAST, Pace

#: Each end says this often that it is there, and what has arrived (seconds).
BEAT_EVERY = 5.0
#: A connection on which nothing was heard for this long is taken for lost (seconds).
QUIET = 15.0
#: A session whose other end was silent for this long is over (seconds).
SILENCE = 120.0
_STOOD_STILL = 4.0  # a tick this late says that this end was not there
_ACK_EVERY = 16  # messages
_ACK_BYTES = 3 * LEAST // 4  # of the largest messages every other one
_COST = 64  # a message counts at least this much, so that tiny ones do not pile up


class _Held(NamedTuple):
    """A message that the other end may not have."""

    frames: list[bytes]
    cost: int
    at: float  # when it was sent


class Session:
    """The state of one session at one end."""

    def __init__(self, *, client: bool, now: float) -> None:
        self.client = client
        self.outgoing: deque[list[bytes]] = deque()
        self.received = 0  # number of the last message that arrived
        self.silence = SILENCE
        self.held = 0  # bytes of messages that the other end has not acknowledged
        self._now = now
        self._pace = Pace()
        self._sent = 0
        self._unacknowledged: deque[_Held] = deque()
        self._untold_messages = 0  # arrived since the other end was last told what has
        self._untold_bytes = 0
        self._heard_at = now
        self._beat_at = now
        self._ticked_at = now
        self._unheard = False  # by the other end

    @property
    def room(self) -> bool:
        """Whether streams may send."""
        return self.held < self._pace.size

    @property
    def piece(self) -> int:
        """How much of a stream one message may carry (bytes)."""
        return self._pace.piece

    def send(self, message: Message, bulk: bytes = b"", now: float = 0.0) -> None:
        """Queue one message; it will arrive once, in order, for as long as the session lives."""
        frames = encode(Data(self._sent + 1, self.received, message), bulk)
        cost = _COST + sum(map(len, frames))
        self._sent += 1
        self._now = max(self._now, now)
        self._untold_messages = self._untold_bytes = 0
        self.held += cost
        self._unacknowledged.append(_Held(frames, cost, self._now))
        self.outgoing.append(frames)

    def say(self, packet: Hello | Welcome | Farewell | Beat) -> None:
        """Queue a packet that is not numbered and not replayed."""
        self.outgoing.append(encode(packet))

    def receive(self, frames: Sequence[Bulk], now: float) -> tuple[Packet, Bulk] | None:
        """What arrived: a packet and its bulk, or None where there is nothing to act on (a beat, a double).

        Raises:
            ProtocolError: garbage, or a gap in the numbers.
        """
        packet, bulk = decode(frames, from_client=not self.client)
        self._now = self._heard_at = max(self._heard_at, now)
        if isinstance(packet, Beat):
            self._unheard = self._unheard or packet.quiet >= QUIET
            self._acknowledge(packet.received)
            return None
        if isinstance(packet, Data):
            return self._deliver(packet, bulk)
        return packet, bulk

    def acknowledge(self, now: float) -> None:
        """Say what has come, if that is worth a message: to be called when what was received has been acted on.

        What was said meanwhile has said it already.
        """
        if self._untold_messages >= _ACK_EVERY or self._untold_bytes >= _ACK_BYTES:
            self._beat(now)

    def resume(self, other_received: int, now: float) -> None:
        """Transmit again, on a new connection, what the other end had not received.

        Raises:
            ProtocolError: it claims what was never sent, or what is no longer held.
        """
        if other_received < self._sent - len(self._unacknowledged):
            raise ProtocolError(
                f"the other end has forgotten that message {other_received + 1} came"
            )
        self._acknowledge(other_received)
        self._pace = Pace()
        self._heard_at, self._unheard = max(self._heard_at, now), False
        self.outgoing.clear()
        self.outgoing.extend(held.frames for held in self._unacknowledged)

    def tick(self, now: float) -> bool:
        """Beat if it is time; False once the other end has been silent for too long. To be called every second or so."""
        away = now - self._ticked_at
        self._ticked_at = self._now = now
        if away > _STOOD_STILL:
            self._heard_at = min(now, self._heard_at + away)
            self._unheard = self._unheard or away >= QUIET  # it may have given us up meanwhile
        alive = now - self._heard_at < self.silence
        if alive and now - self._beat_at >= BEAT_EVERY:
            self._beat(now)
        return alive

    def lost(self, now: float) -> bool:
        """Whether the connection carries nothing any more, in one direction or both."""
        return self._unheard or now - self._heard_at >= QUIET

    def _beat(self, now: float) -> None:
        self._beat_at = now
        self._untold_messages = self._untold_bytes = 0
        self.say(Beat(self.received, max(0.0, now - self._heard_at)))

    def _deliver(self, packet: Data, bulk: Bulk) -> tuple[Packet, Bulk] | None:
        self._acknowledge(packet.received)
        if packet.number <= self.received:
            return None
        if packet.number != self.received + 1:
            raise ProtocolError(f"message {packet.number} came after message {self.received}")
        self.received = packet.number
        self._untold_messages += 1
        self._untold_bytes += len(bulk)
        return packet, bulk

    def _acknowledge(self, number: int) -> None:
        held_from = self._sent - len(self._unacknowledged)
        if number > self._sent:
            raise ProtocolError(f"the other end claims message {number} of {self._sent}")
        if number <= held_from:
            return
        gone = [self._unacknowledged.popleft() for _ in range(number - held_from)]
        cost = sum(held.cost for held in gone)
        self.held -= cost
        self._pace.acknowledged(cost, self._now - gone[-1].at, self._now)
