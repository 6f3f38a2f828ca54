"""A container: a live object from the moment it is wished for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import msgspec

from ..blocking import verb
from ..errors import ContainerEnded, TfnzError, UsageError, from_wire, to_wire
from ..wire import messages as m
from . import asking
from .condition import Condition
from .connection import Connection
from .deadline import within
from .handle import ago, new_id
from .lines import LineRing
from .process import Process
from .search import find_line
from .streams import ERR, OUT, Incoming, Output
from .tunnel import Tunnel

if TYPE_CHECKING:
    from .location import Location
    from .node import Node

Callback = Callable[..., object]

_TAIL = 12


class Container(Condition):
    """Made by ``Node.spawn_container``, which returns at once: whatever needs it running waits for that."""

    def __init__(
        self,
        wish: m.Spawn,
        node: Node,
        connection: Connection,
        callbacks: tuple[Callback | None, Callback | None, Callback | None],
    ) -> None:
        super().__init__(wish.container)
        self.name = wish.name
        self.image = wish.image
        self.command = wish.command
        self.env = list(wish.env)
        self.limits = {"memory": wish.memory, "cpus": wish.cpus, "pids": wish.pids}
        self.stdout_callback, self.stderr_callback, self.termination_callback = callbacks
        self._node = node
        self._connection = connection
        self._processes: dict[str, Process] = {}
        self._tunnels: dict[str, Tunnel] = {}
        self._output = Output(self._callbacks, asyncio.get_running_loop())
        self._output.choose = self._callback_of
        self._input = connection.write()
        self._wish = msgspec.structs.replace(
            wish,
            input=self._input.stream,
            output=connection.number(),
            lossless=bool(self.stdout_callback or self.stderr_callback),
        )
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()  # it runs no longer
        self._over = asyncio.Event()  # and everything it printed has been taken in

    @property
    def log(self) -> LineRing:
        """What it printed last, as numbered lines."""
        return self._output.log

    @property
    def tunnels(self) -> list[Tunnel]:
        """Those that are open."""
        return list(self._tunnels.values())

    def node(self) -> Node:
        """Where it runs."""
        return self._node

    parent = node

    def location(self) -> Location:
        """The location it belongs to."""
        return self._node.parent()

    def all_processes(self) -> list[Process]:
        """Those started through this object that still run."""
        return list(self._processes.values())

    def all_tunnels(self) -> list[Tunnel]:
        """Those that are open."""
        return self.tunnels

    # verbs

    @verb
    async def wait_until_ready(self, timeout: float | None = None) -> Container:
        """Wait until its command runs; returns the container.

        Raises:
            TfnzError: what spawning it failed with.
            ContainerEnded: it is over.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        async with within(timeout, f"{self.name} is not ready"):
            await self._running()
        return self

    @verb
    async def wait_exit(self, timeout: float | None = None) -> int | None:
        """Wait until it is over and all it printed has arrived; its exit code (128 + n for signal n).

        None means that nobody knows; ``reason`` says why.

        Raises:
            TfnzError: what spawning it failed with.
            SessionEnded: the session ended first.
            TimedOut: it still runs after ``timeout`` seconds.
        """
        asking.timeout(timeout)
        async with within(timeout, f"{self.name} still runs"):
            await self._over.wait()
        if self._news.error:
            raise from_wire(*self._news.error)
        return self.returncode

    @verb
    async def wait_tcp(self, dest_port: int, timeout: float | None = 60) -> None:
        """Wait until a port of it accepts connections; the time counts from readiness.

        Raises:
            ContainerEnded: it ended first.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        await self._running()
        async with within(timeout, f"port {dest_port} of {self.name} accepts nothing"):
            await self._connection.call(m.WaitTcp(self.uuid, asking.port(dest_port, "dest_port")))

    @verb
    async def wait_log(
        self, pattern: str | bytes | re.Pattern[bytes], timeout: float | None = 60
    ) -> bytes:
        """Wait until a line it prints, or has printed, matches a regular expression; that line.

        The time counts from readiness.

        Raises:
            ContainerEnded: it ended without printing such a line.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        await self._running_or_over()
        async with within(timeout, f"{self.name} has printed nothing like {pattern!r}"):
            line = await find_line(self._connection, self.uuid, pattern)
        if line is None:
            self._raise_over()
        return line

    @verb
    async def wait_http_200(
        self,
        *,
        dest_port: int = 80,
        fqdn: str = "localhost",
        path: str = "",
        timeout: float | None = 60,
    ) -> Tunnel:
        """Wait until a GET answers 200, and return a tunnel to that port; the time counts from readiness.

        Raises:
            ContainerEnded: it ended first.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        await self._running()
        port = asking.port(dest_port, "dest_port")
        async with within(timeout, f"http://{fqdn}:{port}/{path} of {self.name} answers no 200"):
            await self._connection.call(m.WaitHttp(self.uuid, port, path, fqdn))
        for tunnel in self.tunnels:
            if tunnel.port == port:
                return tunnel
        return await self.attach_tunnel.aio(port)

    @verb
    async def attach_tunnel(
        self, dest_port: int, *, localport: int | None = None, bind: str | None = None
    ) -> Tunnel:
        """Make a port of this machine lead to a port of the container.

        Args:
            localport: a free one where it is not given, or 0.
            bind: the address to listen on; 127.0.0.1 where it is not given.

        Raises:
            Refused: the port is taken, or needs privileges.
            ContainerEnded: it is over.
        """
        await self._running()
        port = asking.port(dest_port, "dest_port")
        wanted = asking.port(localport or 0, "localport", least=0)
        key = new_id()
        try:
            opened = await self._connection.call(
                m.OpenTunnel(self.uuid, key, port, wanted, bind or "127.0.0.1")
            )
        except asyncio.CancelledError:
            self._connection.post(m.CloseTunnel(key))  # it may have been opened already
            raise
        assert isinstance(opened, m.Listening)
        tunnel = Tunnel(key, self, port, opened.address, opened.port)
        self._tunnels[key] = tunnel
        self._tell_all()
        return tunnel

    @verb
    async def destroy_tunnel(self, tunnel: Tunnel) -> None:
        """Close a tunnel and its connections.

        Raises:
            UsageError: it is not one of this container's, or closed already.
        """
        if self._tunnels.get(tunnel.uuid) is not tunnel:
            raise UsageError(f"{tunnel!r} is not an open tunnel of {self.name}")
        await self._connection.call(m.CloseTunnel(tunnel.uuid))
        self._close_tunnel(tunnel)

    @verb
    async def spawn_process(
        self,
        cmd: str | list[str],
        data_callback: Callback | None = None,
        termination_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
    ) -> Process:
        """Start one more process: a list runs as it is, a string through ``/bin/sh -c``.

        Args:
            data_callback: ``(process, bytes)`` for what it prints; stderr too, unless that has its own.
            termination_callback: ``(process, returncode)``, once, after the last output.
            stderr_callback: ``(process, bytes)``.

        Raises:
            EngineFailed: there is no such command in the container.
            ContainerEnded: it is over.
        """
        words = asking.command(cmd)
        await self._running()
        process = Process(new_id(), self, cmd, self._connection, termination_callback)
        process._output.give(process, data_callback, stderr_callback or data_callback)
        await self._execute(process, words)
        return process

    @verb
    async def run_process(
        self,
        cmd: str | list[str],
        *,
        data_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
        nolog: bool = False,
    ) -> tuple[bytes, bytes, int]:
        """Run a process to its end: what it printed, what it printed on stderr, its exit code.

        A non-zero code is not an exception. An interrupt kills the process. The callbacks get ``(container, bytes)``
        as it comes; ``nolog`` keeps what it prints out of the returned bytes.

        Raises:
            EngineFailed: there is no such command in the container.
            ContainerEnded: it is over. (A process that is killed with its container returns 137.)
        """
        words = asking.command(cmd)
        await self._running()
        process = Process(new_id(), self, cmd, self._connection, None)
        kept: dict[int, list[bytes]] = {OUT: [], ERR: []}
        process._output.gather(None if nolog else kept)
        process._output.give(self, data_callback, stderr_callback)
        await self._execute(process, words)
        process._input.write_eof()
        try:
            await process.wait_exit.aio()
        except asyncio.CancelledError:
            process._abandon()
            raise
        if process.returncode is None:
            self._raise_over()
        return b"".join(kept[OUT]), b"".join(kept[ERR]), process.returncode

    @verb
    async def stdin(self, data: bytes) -> None:
        """Feed the standard input of its command; returns when all is on its way.

        Raises:
            Ended: it no longer reads.
        """
        await self._running()
        await self._input.write(asking.octets(data))

    @verb
    async def stdin_eof(self) -> None:
        """End of its standard input. Idempotent."""
        await self._running()
        self._input.write_eof()

    def logs(self, tail: int | None = None) -> bytes:
        """What it printed, both outputs, as far as it is still held here; only the last ``tail`` lines if given."""
        return self.log.text(tail)

    @verb
    async def destroy(self) -> None:
        """End it and free everything of it; returns when that is done. Its log stays readable.

        Raises:
            ContainerEnded: it is over already.
        """
        if self.dead:
            self._raise_over()
        await self._connection.call(m.Destroy(self.uuid))
        await self._gone.wait()

    # news from the location

    async def _spawn(self) -> None:
        """Ask for it; what goes wrong becomes its state."""
        self._connection.read(self._stream(self._wish.output, self._output))
        try:
            await self._connection.call(self._wish)
            self._wish = msgspec.structs.replace(self._wish, files=[])  # they may be large
        except TfnzError as why:
            self._connection.drop(self._wish.output)
            self._output.end()
            self._heard(
                m.ContainerChanged(self.uuid, "failed", reason=why.message, error=to_wire(why))
            )

    def _heard(self, news: m.ContainerChanged) -> None:
        self._news = news
        if news.state == "running":
            self._ready.set()
        if self.dead:
            self._gone.set()
            self._output.done.add_done_callback(lambda _: self._finish())
        self._tell_all()

    def _process_ended(self, news: m.ProcessEnded) -> None:
        if (process := self._processes.pop(news.process, None)) is not None:
            process._ended(news.code, news.reason)
            self._changed()

    def _session_ended(self, why: TfnzError) -> None:
        if not self.dead:
            self._heard(
                m.ContainerChanged(self.uuid, "ended", reason=why.message, error=to_wire(why))
            )

    def _finish(self) -> None:
        """It is over and everything it printed is here."""
        if self._over.is_set():
            return
        for process in list(self._processes.values()):
            self._process_ended(m.ProcessEnded(process.uuid, None, f"its container {self.reason}"))
        for tunnel in self.tunnels:
            self._close_tunnel(tunnel)
        self._connection.forget(self._input)
        self._over.set()
        self._tell_all()
        if self.termination_callback is not None:
            self._callbacks.post(
                self._output.context, self.termination_callback, self, self.returncode
            )

    def _callback_of(self, mark: int) -> Callable[[bytes], object] | None:
        """Who gets this output, as the attributes stand now."""
        callback = (self.stderr_callback if mark == ERR else None) or self.stdout_callback
        return None if callback is None else lambda data: callback(self, data)

    # inside

    async def _execute(self, process: Process, words: list[str]) -> None:
        output = self._connection.number()
        self._connection.read(self._stream(output, process._output))
        self._processes[process.uuid] = process
        try:
            await self._connection.call(
                m.Execute(self.uuid, process.uuid, words, output, process._input.stream)
            )
        except BaseException:
            process._abandon()  # where the call was cancelled, it may have come to run
            self._processes.pop(process.uuid, None)
            self._connection.drop(output)
            self._connection.forget(process._input)
            raise
        self._changed()

    def _stream(self, number: int, output: Output) -> Incoming:
        return Incoming(number, self._connection.tell, output.take, output.log.skipped, output.end)

    async def _running(self) -> None:
        await self._running_or_over()
        if self.dead:
            self._raise_over()

    async def _running_or_over(self) -> None:
        waits = {
            asyncio.ensure_future(self._ready.wait()),
            asyncio.ensure_future(self._over.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _raise_over(self) -> NoReturn:
        if self._news.error is not None:
            raise from_wire(*self._news.error)
        raise ContainerEnded(
            f"{self.name} is over: {self.reason}",
            detail=self.logs(_TAIL).decode("utf-8", "replace"),
        )

    def _close_tunnel(self, tunnel: Tunnel) -> None:
        self._tunnels.pop(tunnel.uuid, None)
        tunnel._close()
        self._tell_all()

    def _tell_all(self) -> None:
        self._changed()
        self._node._changed()
        self._node.parent()._changed()

    def __repr__(self) -> str:
        since = f", {ago(self.age)}" if self.started_at else ""
        state = f"{self.state} on {self._node.name}" if not self.dead else f"{self.reason}"
        return f"<Container {self.name} {self.image} {state}{since}>"
