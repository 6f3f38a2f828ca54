"""One more process in a container."""

from __future__ import annotations

import asyncio
import contextlib
import signal as signals
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..blocking import verb
from ..errors import Ended, NotFound, UsageError
from ..wire.messages import EndProcess, Resize, Signal, Verb
from . import asking
from .callbacks import Given
from .connection import Connection
from .deadline import within
from .handle import Handle
from .lines import LineRing
from .streams import Feed, Output, Source

if TYPE_CHECKING:
    from .container import Container

Callback = Callable[..., object]


class Process(Handle):
    """Made by ``Container.spawn_process``; ends by itself, by :meth:`kill`, or with its container."""

    termination_callback = Given()

    def __init__(
        self,
        uuid: str,
        container: Container,
        cmd: str | list[str],
        connection: Connection,
        termination_callback: Callback | None,
    ) -> None:
        super().__init__(uuid)
        self.cmd = cmd
        self.returncode: int | None = None
        self.reason = ""
        self.dead = False
        self.termination_callback = termination_callback
        self._container = container
        self._connection = connection
        self._input: Feed = connection.feed(Source(container.uuid, uuid))
        self._output = Output(self._callbacks, asyncio.get_running_loop())
        self._over = asyncio.Event()

    @property
    def log(self) -> LineRing:
        """What it printed last, as numbered lines."""
        return self._output.log

    def container(self) -> Container:
        """Where it runs."""
        return self._container

    @verb
    async def stdin(self, data: bytes) -> None:
        """Feed its standard input; returns when all is on its way.

        Raises:
            Ended: it has ended, or its input was ended before.
        """
        if self.dead:
            raise Ended(f"process {self._words()} is over: {self.reason}")
        await self._input.write(asking.octets(data))

    @verb
    async def stdin_eof(self) -> None:
        """End of its standard input. Idempotent."""
        self._require_session()
        self._input.finish()

    @verb
    async def wait_exit(self, timeout: float | None = None) -> int | None:
        """Wait until it has ended and all it printed has arrived; its exit code (128 + n for signal n).

        None means that nobody knows; ``reason`` says why. Callbacks are not waited for: the one that comes after all others
        is ``termination_callback``.

        Raises:
            TimedOut: it still runs after ``timeout`` seconds.
        """
        async with within(timeout, f"process {self._words()} still runs"):
            await self._over.wait()
        if self.returncode is None:
            self._require_session()
        return self.returncode

    @verb
    async def resize(self, columns: int, rows: int) -> None:
        """Give its terminal another size; it is told by SIGWINCH. Does nothing once it has ended.

        Raises:
            UsageError: it has no terminal.
        """
        self._require_session()
        size = asking.terminal((columns, rows))
        assert size is not None
        await self._tell(Resize(self._container.uuid, self.uuid, *size))

    @verb
    async def kill(self, signal: int = signals.SIGTERM) -> None:
        """Send it a signal. Does nothing once it has ended.

        Of a signal that is meant to end it (KILL, TERM, INT, HUP, QUIT) whatever it started dies with it.
        ``Container.destroy_process`` asks first and kills later.

        Raises:
            UsageError: there is no such signal.
        """
        self._require_session()
        if signal not in signals.valid_signals():
            raise UsageError(f"{signal!r} is not the number of a signal")
        await self._tell(Signal(self._container.uuid, self.uuid, int(signal)))

    async def _tell(self, verb: Verb) -> None:
        if not self.dead:
            with contextlib.suppress(NotFound):  # it ended meanwhile
                await self._connection.call(verb)

    async def _run(self, data: bytes) -> None:
        """Feed it, and wait for its end; whoever gives up kills it."""
        try:
            with contextlib.suppress(Ended):  # it need not read
                await self._input.write(data)
            self._input.finish()
            await self.wait_exit.aio()
        except asyncio.CancelledError:
            self._abandon()
            raise

    async def _destroy(self, grace: float) -> None:
        """Ask it to end, kill it after the grace; until it is over."""
        await self._tell(EndProcess(self._container.uuid, self.uuid, grace))
        await self.wait_exit.aio()

    def _ended(self, code: int | None, reason: str) -> None:
        """It is over; that is told once everything it printed has arrived."""
        self._output.done.add_done_callback(lambda _: self._finish(code, reason))

    def _finish(self, code: int | None, reason: str) -> None:
        if self.dead:
            return
        self.dead, self.returncode, self.reason = True, code, reason
        self._connection.forget(self._input)
        self._over.set()
        self._changed()
        self._callbacks.tell(self, "termination_callback", self, code)

    def _abandon(self) -> None:
        """Nobody waits for it any more: kill it, and wait for no answer."""
        if not self.dead:
            self._connection.post(Signal(self._container.uuid, self.uuid, signals.SIGKILL))

    def _require_session(self) -> None:
        if self._connection.ended is not None:
            raise self._connection.ended

    def _words(self) -> str:
        return self.cmd if isinstance(self.cmd, str) else " ".join(self.cmd)

    def __repr__(self) -> str:
        state = self.reason if self.dead else "running"
        return f"<Process {self._words()!r} in {self._container.name} {state}>"
