"""A terminal on a page: bytes of a process's terminal one way, keys the other.

What is printed goes out at once while little is printed (an echo must be quick), in batches of the pump's beat while there
is much. The page says how far it has drawn; a page that cannot follow holds the process back, as a slow terminal does, but
never for long: one that says nothing at all is given up, and gets the newest screenful when it speaks again.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from ..blocking import submit
from ..deeds import spawning
from ..errors import TfnzError
from ..grammar import Spawn
from ..sdk.container import Container
from . import assets
from .feeds import Speaker
from .pump import HEARTBEAT

if TYPE_CHECKING:
    from ..sdk.location import Location
    from ..sdk.process import Process

log = logging.getLogger(__name__)

HISTORY = 256 * 1024  # bytes a page that (re)opens is given
AHEAD = 512 * 1024  # bytes that may be on the way to a page
BATCH = (
    64 * 1024
)  # bytes that go out at once, whatever went before: a flood must not wait for the pump's next beat
QUIET = 0.02  # seconds since the last message after which the next goes out at once
PATIENCE = 3.0  # seconds without a sign from any page until its process is held back no more

_XTERM = ("xterm.mjs", "addon-fit.mjs", "xterm.css")


class Bundle(NamedTuple):
    """All that a page needs to show any number of terminals: xterm.js as it is published, our own code, the styles."""

    version: str  # a name that no other content has
    sizes: list[int]  # of its parts, in bytes
    packed: bytes


@cache
def bundle() -> Bundle:
    """What a page asks for once, whatever it shows: ``static/terminal.js`` unpacks it."""
    folder = resources.files(__package__).joinpath("static", "xterm")
    core, fit, css = (folder.joinpath(name).read_bytes() for name in _XTERM)
    style = css + assets.style(live=True).encode()
    parts = [assets.module("console").encode(), core, fit, style]
    whole = b"".join(parts)
    version = hashlib.sha256(whole).hexdigest()
    return Bundle(version, [len(part) for part in parts], gzip.compress(whole, mtime=0))


class TerminalFeed(Speaker):
    """One process with a terminal, whatever pages show it.

    ``process`` is where keys and sizes go, once it is there; what it prints is to be given to :meth:`take`.

    Args:
        on_over: called once, when it has ended and all it printed was sent.
    """

    def __init__(self, *, on_over: Callable[[], None]) -> None:
        super().__init__()
        self.process: Process | Container | None = None
        self._on_over = on_over
        self._lock = threading.Condition()
        self._turn = asyncio.Lock()  # who types first is served first
        self._history: deque[bytes] = deque()
        self._held = self._printed = 0  # bytes in the history, and ever
        self._pending: list[bytes] = []
        self._waiting = 0  # bytes that are pending
        self._sent = self._drawn = 0  # bytes since the last replay
        self._sign = time.monotonic()
        self._replay = False
        self._ended: dict[str, Any] | None = None
        self._told = False  # that it has ended
        self._typed: dict[
            str, int
        ] = {}  # page -> how many of its keys have come; only what no page was told yet
        self._answers: deque[tuple[dict[str, Any], list[bytes]]] = deque()

    @property
    def over(self) -> bool:
        return self._told and not self._replay and not self._answers

    # -- from the process ------------------------------------------------------------------------------------------

    def take(self, process: object, data: bytes) -> None:
        """What it printed; waits while the page is behind. A ``data_callback``."""
        with self._lock:
            self._keep(data)
            self._pending.append(data)
            self._waiting += len(data)
            now = time.monotonic()
            if self.page is not None and (now - self._said > QUIET or self._waiting >= BATCH):
                self._send(now)
            self.changed()
            self._lock.wait_for(self._has_room, PATIENCE)

    def ended(self, process: Process | Container, code: int | None) -> None:
        """It is over. A ``termination_callback``."""
        with self._lock:
            self._ended = {"code": code, "reason": process.reason}
            self.changed()

    def _keep(self, data: bytes) -> None:
        self._history.append(data)
        self._printed += len(data)
        self._held += len(data)
        while self._held > HISTORY and len(self._history) > 1:
            self._held -= len(self._history.popleft())

    def _has_room(self) -> bool:
        ahead = self._sent - self._drawn + self._waiting
        return ahead < AHEAD or time.monotonic() - self._sign > PATIENCE

    # -- to the page -----------------------------------------------------------------------------------------------

    def tick(self, now: float) -> bool:
        with self._lock:
            return self._send(now)

    def _send(self, now: float) -> bool:
        if self._answers:
            return self._say(*self._answers.popleft(), now)
        if self._replay or self._waiting > HISTORY:
            return self._send_history(now)
        if self._pending and self._has_room():
            return self._send_output(now)
        if self._ended is not None and not self._pending and not self._told:
            self._told = True
            sent = self._say({"ended": self._ended}, [], now)
            self._on_over()
            return sent
        return self._say({}, [], now)

    def _say(self, message: dict[str, Any], buffers: list[bytes], now: float) -> bool:
        """Whatever is said tells by the way which keys have come."""
        if self._typed and (message or now - self._said >= HEARTBEAT):
            message, self._typed = {**message, "typed": self._typed}, {}
        return super()._say(message, buffers, now)

    def _send_history(self, now: float) -> bool:
        """All a new page needs; ``before`` is how many bytes it will never see."""
        data = b"".join(self._history)
        self._replay = False
        self._take_pending()
        self._sent, self._drawn = len(data), 0
        about = {"replay": True, "before": self._printed - len(data), "ended": self._ended}
        return self._say(about, [data], now)

    def _send_output(self, now: float) -> bool:
        data = self._take_pending()
        self._sent += len(data)
        return self._say({"output": True}, [data], now)

    def _take_pending(self) -> bytes:
        data = b"".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        return data

    # -- from the page, on any thread ------------------------------------------------------------------------------

    def ready(self) -> None:
        """A page has opened the terminal and knows nothing."""
        with self._lock:
            self._replay = True
            self._sign = time.monotonic()
            self._lock.notify_all()

    def acknowledged(self, drawn: int) -> None:
        """A page has drawn so many bytes since the last replay."""
        with self._lock:
            self._drawn = max(self._drawn, min(drawn, self._sent))
            self._sign = time.monotonic()
            self._lock.notify_all()

    def give_bundle(self) -> None:
        """Send what shows terminals to a page that has it not."""
        _, sizes, packed = bundle()
        self._answers.append(({"emulator": sizes}, [packed]))

    def answer(self, request: str) -> None:
        """Tell the page that what it asked for has begun."""
        self._answers.append(({"done": request}, []))

    def key(self, data: bytes, page: str = "", number: int = 0) -> None:
        """Type something, after what was typed before: a page's key of that number."""
        self._typed = {**self._typed, page: number}
        self._have(lambda process: self._type(process, data))

    def resize(self, columns: int, rows: int) -> None:
        """The page has another size."""
        self._have(lambda process: process.resize.aio(columns, rows))

    def close(self) -> None:
        """End the process, as closing a window does; also one that takes no more keys."""
        self._have(_hang_up)

    def _have(self, deed: Callable[[Any], Coroutine[Any, Any, object]]) -> None:
        """Have something done to the process: the page's messages must not wait for it.

        By the SDK's loop itself: while a cell computes, each thread on a key's way costs it milliseconds.
        """
        if (process := self.process) is not None:
            submit(_attempt(deed(process), process))

    async def _type(self, process: Process | Container, data: bytes) -> None:
        async with self._turn:
            await process.stdin.aio(data)


def _hang_up(process: Process | Container) -> Coroutine[Any, Any, object]:
    return process.destroy.aio() if isinstance(process, Container) else process.kill.aio(1)


async def _attempt(deed: Coroutine[Any, Any, object], process: Process | Container) -> None:
    try:
        await deed
    except TfnzError as problem:
        log.debug("%r: %s", process, problem)  # it has ended, and says so itself


def open_shell(container: Container, feed: TerminalFeed, command: tuple[str, ...] = ()) -> Process:
    """Start a shell, or another command, with this terminal."""
    if command:
        return container.spawn_process(list(command), feed.take, feed.ended, terminal=True)
    return container.spawn_shell(
        data_callback=feed.take, termination_callback=feed.ended, echo=True
    )


def spawn_in(location: Location, wish: Spawn, feed: TerminalFeed) -> Container:
    """Spawn a container whose command has this terminal."""
    return spawning.spawn(
        location, wish, terminal=True, stdout_callback=feed.take, termination_callback=feed.ended
    )
