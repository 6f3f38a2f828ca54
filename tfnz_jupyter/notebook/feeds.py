"""What is sent to a page, and when: the state behind a widget, without the widget.

A feed owns where it stands in a log, what the page knows, and what the page has asked for. Handlers of messages from the
page run on whatever thread the kernel likes, also while a cell runs: they only note what is wanted and return.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import to_builtins

from .pump import HEARTBEAT
from .rows import ROWS, nobody
from .snapshots import of_container, of_location, of_node
from .views_snapshot import ContainerSnapshot

if TYPE_CHECKING:
    from ..sdk.container import Container
    from ..sdk.lines import LineRing
    from ..sdk.location import Location
    from ..sdk.node import Node

BATCH = 64 * 1024  # bytes of output in one message
BEHIND = 2000  # lines a page may be behind; what is older is skipped, counted, and can be asked for
HISTORY = 256 * 1024  # bytes of output a page that (re)opens is given at once
PATIENCE = 3.0  # seconds without a sign from any page until it is sent only a tail now and then
SLOW = 0.5  # seconds between messages then
MINUTE = 60  # samples of a node's history, one a second
ENDED = 8  # ended containers that a board still lists


class Page(Protocol):
    """The widget, as far as a feed needs it."""

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None: ...


class Speaker:
    """One message a tick: news first, a heartbeat when there were none for long."""

    def __init__(self) -> None:
        self.page: Page | None = None
        self._dirty = threading.Event()
        self._dirty.set()
        self._said = 0.0

    def changed(self, _: object = None) -> None:
        """There is news; any thread."""
        self._dirty.set()

    def _say(self, message: dict[str, Any], buffers: list[bytes], now: float) -> bool:
        if self.page is None or (not message and now - self._said < HEARTBEAT):
            return False
        self._said = now
        self.page.send({**message, "now": time.time()}, buffers)
        return True


class LogFeed:
    """Where pages stand in one log."""

    def __init__(self, ring: LineRing) -> None:
        self.ring = ring
        self._sent = 0  # complete lines every page has
        self._changed = -1
        self._replay = False
        self._sign = False  # a page has spoken since the last look
        self._unanswered: float | None = (
            None  # when the oldest message was sent that no page has answered
        )
        self._last = 0.0

    def replay(self) -> None:
        """A page has opened and knows nothing; any thread."""
        self._replay = self._sign = True

    def acknowledged(self) -> None:
        """A page has drawn what it was sent; any thread."""
        self._sign = True

    @property
    def finished(self) -> bool:
        """All there will be has been sent."""
        return self.ring.closed and self._changed == self.ring.changed and not self._replay

    def news(self, now: float) -> tuple[dict[str, Any], list[bytes]] | None:
        """The next message about the log, or None."""
        changed = self.ring.changed
        if changed == self._changed and not self._replay:
            return None
        if self._holds_back(now):
            return None
        self._last = now
        closed, complete = self.ring.closed, self.ring.complete
        if self._replay:
            start, size = max(self.ring.first, complete - BEHIND), HISTORY
            self._replay = False
        else:
            start, size = max(self._sent, complete - BEHIND), BATCH
        first, lines = self.ring.read(start, BEHIND + 2, size)
        reached = first + len(lines)
        self._sent = min(reached, complete)
        if reached >= complete:
            self._changed = changed
        about = {
            "first": first,
            "count": len(lines),
            "total": max(reached, first),
            "oldest": self.ring.first,
            "closed": closed and reached >= complete,
        }
        return about, packed(lines)

    def _holds_back(self, now: float) -> bool:
        """Whether no page has answered for so long that it is sent something only now and then."""
        if self._sign:
            self._sign, self._unanswered = False, None
        if self._unanswered is None:
            self._unanswered = now
        late = now - self._unanswered > PATIENCE
        return late and now - self._last < SLOW and not self.ring.closed


def packed(lines: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Lines as the two buffers of a message: the texts, and a byte of mark for each."""
    lines = list(lines)
    return [b"\n".join(line for _, line in lines), bytes(mark for mark, _ in lines)]


class CardFeed(Speaker):
    """One container's news: its facts, its output, answers to what a page asked.

    ``on_over`` is called once, on the pump's thread, when the container has ended and all it printed was sent.
    """

    def __init__(self, container: Container, *, on_over: Callable[[], None]) -> None:
        super().__init__()
        self.container = container
        self.log = LogFeed(container.log)
        self._answers: deque[tuple[dict[str, Any], list[bytes]]] = deque()
        self._on_over = on_over
        self._ended = self._frozen = False
        self._sampled = -1.0
        self._used: deque[tuple[float, float]] = deque(maxlen=MINUTE)
        self._unsubscribe = container.on_change(self.changed)

    @property
    def over(self) -> bool:
        idle = self.log.finished and not self._answers and not self._dirty.is_set()
        return self._frozen and idle

    def tick(self, now: float) -> bool:
        self._sample(now)
        message, buffers = self._answers.popleft() if self._answers else ({}, [])
        if self._dirty.is_set():
            self._dirty.clear()
            message["facts"] = self.facts()
        if not buffers and (news := self.log.news(now)):
            message["log"], buffers = news
        sent = self._say(message, buffers, now)
        if self._ended and self.log.finished and not self._frozen:
            self._frozen = True
            self._unsubscribe()
            self._on_over()
        return sent

    def facts(self) -> dict[str, Any]:
        """All that a card shows beside the output."""
        facts = of_container(self.container)
        self._ended = facts.over
        return {**to_builtins(facts), "usage": self._usage()}

    def _usage(self) -> dict[str, Any] | None:
        """What it uses, and has used for a minute, as shares of what it may."""
        used = self.container.stats
        if used is None:
            return None
        history = {
            "cpus": [round(cpu, 3) for cpu, _ in self._used],
            "memories": [round(memory, 3) for _, memory in self._used],
        }
        return {**to_builtins(used), **history}

    def _sample(self, now: float) -> None:
        """Once a second, note what it uses."""
        used = self.container.stats
        if used is None or now - self._sampled < 1.0:
            return
        self._sampled = now
        cores, memory = self._allowance()
        self._used.append((used.cpu / cores, used.memory / memory))
        self._dirty.set()

    def _allowance(self) -> tuple[float, float]:
        """Thousandths of a core and bytes: its limits, or its node's."""
        limits, node = self.container.limits, self.container.node().stats
        cores = (limits["cpus"] or 0) * 1000 or node.cpu_total
        return max(cores, 1.0), max(limits["memory"] or node.memory_total << 20, 1.0)

    # what a page wants; on any thread

    def ready(self) -> None:
        """A page has opened the card and knows nothing."""
        self.log.replay()
        self.changed()

    def acknowledged(self) -> None:
        """A page has drawn what it was sent."""
        self.log.acknowledged()

    def fetch(self, request: str, at: int, asked: int, limit: int) -> None:
        """Answer with lines that were skipped, as far as they are still held."""
        first, lines = self.container.log.read(asked, limit, HISTORY)
        fill = {"at": at, "asked": asked, "first": first, "count": len(lines)}
        self._answers.append(({"fill": fill, "done": request}, packed(lines)))

    def answer(self, request: str, failed: str = "") -> None:
        """Tell the page that what it asked for has begun, or why it could not be done."""
        self.answer_with({"done": request, "failed": failed or None}, [])

    def answer_with(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Send the page what it asked for."""
        self._answers.append((message, buffers))


class BoardFeed(Speaker):
    """A location's news: its nodes with a minute of history, its containers. One message, however many there are."""

    def __init__(self, location: Location, *, on_over: Callable[[], None]) -> None:
        super().__init__()
        self.location = location
        self._on_over = on_over
        self._samples: dict[str, tuple[object, deque[float]]] = {}
        self._unsubscribe = location.on_change(self.changed)
        self.over = False

    def tick(self, now: float) -> bool:
        if not self._dirty.is_set():
            return self._say({}, [], now)
        self._dirty.clear()
        facts = self.facts()
        sent = self._say({"facts": facts}, [], now)
        if facts["location"]["dead"]:
            self.over = True
            self._unsubscribe()
            self._on_over()
        return sent

    def facts(self) -> dict[str, Any]:
        """All that a board shows."""
        return {
            "location": to_builtins(of_location(self.location)),
            "nodes": [self._node(node) for node in self.location.ranked_nodes()],
            "containers": [to_builtins(one) for one in listed(self.location)],
            "nobody": nobody(self.location),
            **{
                name: [to_builtins(row) for row in rows(self.location)]
                for name, rows in ROWS.items()
            },
        }

    def _node(self, node: Node) -> dict[str, Any]:
        stats, history = self._samples.get(node.uuid, (None, deque(maxlen=MINUTE)))
        if stats is not node.stats:
            stats = node.stats
            history.append(1 - node.stats.cpu / max(1, node.stats.cpu_total))
            self._samples[node.uuid] = (stats, history)
        return {**to_builtins(of_node(node)), "history": [round(share, 3) for share in history]}


def listed(location: Location) -> list[ContainerSnapshot]:
    """The session's containers for people: those alive as they came, then the last that ended."""
    every = [of_container(one) for one in list(location.containers.values())]
    ended = sorted((one for one in every if one.over), key=lambda one: -(one.ended or 0))
    return [one for one in every if not one.over] + ended[:ENDED]
