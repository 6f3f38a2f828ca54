"""Commands and shells: a process of the engine at one end, a client's channel at the other.

A client that leaves hangs up: the process is told by SIGHUP, as a terminal would tell it. One that does not mind goes on,
and what it prints is read and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal

import asyncssh

from ...engines.base import Engine, Exit, Mark, ProcessSpec, Running, Terminal
from ...errors import Ended, TfnzError
from ..containers import Container
from ..shells import by_shell, find_shell

Client = asyncssh.SSHServerProcess[bytes]

_CHUNK = 64 * 1024
_NOT_RUN, _UNKNOWN = 127, 255
_COLUMNS, _ROWS = 80, 24


async def run_session(container: Container, engine: Engine, client: Client) -> None:
    """Run what a client asked for, to its end or the client's."""
    try:
        running = await engine.execute(container.id, await _spec(container, engine, client))
    except TfnzError as problem:
        client.stderr.write(f"{problem.message}\n".encode())
        return client.exit(_NOT_RUN)
    leaving = asyncio.ensure_future(client.channel.wait_closed())
    feeding = asyncio.ensure_future(_feed(client, running))
    printing = asyncio.ensure_future(_print(client, running))
    try:
        await asyncio.wait({leaving, printing}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            await running.signal(signal.SIGHUP)
            await printing
        _tell(client, await running.wait())
    finally:
        feeding.cancel()
        leaving.cancel()
    return None


async def _spec(container: Container, engine: Engine, client: Client) -> ProcessSpec:
    await container.ready()
    assert container.spec is not None
    files = engine.files(container.id)
    if client.subsystem is not None:
        argv: tuple[str, ...] = (client.subsystem,)  # which is then not found, and named
    elif client.command is None:
        argv = (await find_shell(files),)
    else:
        argv = await by_shell(files, client.command)
    env = dict(container.spec.env) | {str(name): str(text) for name, text in client.env.items()}
    terminal = _terminal(client)
    if terminal is not None and client.term_type:
        env["TERM"] = client.term_type
    key = secrets.token_hex(13)
    return ProcessSpec(key, argv, tuple(env.items()), user="0", terminal=terminal)


def _terminal(client: Client) -> Terminal | None:
    """The one it asked for; a size nobody knows is the usual one."""
    if client.term_type is None:
        return None
    columns, rows, _width, _height = client.term_size
    return Terminal(columns or _COLUMNS, rows or _ROWS)


async def _feed(client: Client, running: Running) -> None:
    """Pass on what the client types, signals and resizes, until its end of input."""
    while True:
        try:
            data = await client.stdin.read(_CHUNK)
            if not data:
                return await running.write_eof()
            await running.write(data)
        except asyncssh.TerminalSizeChanged as size:
            if size.width and size.height:
                await running.resize(size.width, size.height)
        except asyncssh.SignalReceived as received:
            if number := getattr(signal, f"SIG{received.signal}", None):
                await running.signal(number)
        except asyncssh.BreakReceived:
            await running.signal(signal.SIGINT)
        except Ended:
            continue  # it reads no more: what comes is for nobody, but a signal may still come
        except asyncssh.Error:
            return None


async def _print(client: Client, running: Running) -> None:
    """Pass on what it prints, at the client's pace; once the client has left, drop it."""
    writers = {Mark.OUT: client.stdout, Mark.ERR: client.stderr}
    while (chunk := await running.read()) is not None:
        mark, data = chunk
        if not client.channel.is_closing():
            with contextlib.suppress(OSError, asyncssh.Error):  # it leaves at this moment
                writers[mark].write(data)
                await writers[mark].drain()


def _tell(client: Client, end: Exit) -> None:
    if client.channel.is_closing():
        return
    if end.signal is not None:
        client.exit_with_signal(signal.Signals(end.signal).name.removeprefix("SIG"))
    elif end.code is not None:
        client.exit(end.code)
    else:
        client.stderr.write(f"{end.reason}\n".encode())
        client.exit(_UNKNOWN)
