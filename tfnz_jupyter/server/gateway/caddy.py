"""The Caddy process: started when it is first needed, told its whole configuration each time, ended when nobody needs it.

It starts with nothing and takes everything through its admin interface, a unix socket in its own folder, so nothing of a
user's is ever on its command line or in a file but the certificates it makes itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
from collections import deque
from pathlib import Path

from ...engines.base import Engine, Running
from ...errors import EngineFailed, NotSupported, UsageError
from .config import ADMIN, AUTHORITY, ORIGIN, WAY, Json, empty

log = logging.getLogger(__name__)

_PROGRAM = "caddy"
_PATH = "/usr/bin:/usr/local/bin"
_ANSWER_WITHIN, _PAUSE = 15.0, 0.02  # seconds
_LAST_WORDS = 12
_BACKLOG = 1024


class Caddy:
    """One at a time; :meth:`load` starts it where it does not run.

    Args:
        folder: for its certificates and sockets; becomes its own.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._running: Running | None = None
        self._attending: asyncio.Task[None] | None = None
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._descriptor = -1
        for left in folder.glob(f"*{WAY}"):  # by a location that was killed
            left.unlink()

    async def load(self, config: Json) -> None:
        """Make this its configuration; returns when it serves by it.

        Raises:
            UsageError: it does not take it, and says why; the last one stays in force.
            EngineFailed: it does not run.
            NotSupported: it is not installed, or this engine has no place for it.
        """
        await self._start()
        status, answer = await self._ask("POST", "/load", json.dumps(config).encode())
        if status != 200:
            raise UsageError(f"the web gateway refuses this: {_reason(answer)}")

    async def authority(self) -> str:
        """Its own authority's root certificate, PEM; it must have a configuration with one."""
        status, answer = await self._ask("GET", f"/pki/ca/{AUTHORITY}")
        if status != 200:
            raise EngineFailed(f"the web gateway has no authority: {_reason(answer)}")
        return str(json.loads(answer)["root_certificate"])

    async def ended(self) -> None:
        """Return when it has ended, or at once if it does not run."""
        if self._attending is not None:
            await asyncio.wait({self._attending})

    async def stop(self) -> None:
        """End it; returns when it is gone. Idempotent."""
        if self._running is not None:
            await self._running.signal(signal.SIGKILL)
            await self.ended()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def connect(self, name: str, named: str) -> socket.socket:
        """A connection to one of its sockets, under a name that tells it who is at the other end.

        Raises:
            OSError: nobody listens there.
        """
        found = socket.socket(socket.AF_UNIX)
        try:
            found.setblocking(False)
            found.bind(f"\0{named}")
            await asyncio.get_running_loop().sock_connect(found, self._path(name))
        except BaseException:
            found.close()
            raise
        return found

    def listen(self, name: str) -> socket.socket:
        """A listening socket of the location's in its folder, for it alone to connect to."""
        self._open_folder()
        path = Path(self._path(name))
        found = socket.socket(socket.AF_UNIX)
        try:
            found.setblocking(False)
            found.bind(os.fspath(path))
            path.chmod(0o666)  # the folder is closed to all others
            found.listen(_BACKLOG)
        except BaseException:
            found.close()
            raise
        return found

    def forget(self, name: str) -> None:
        """Remove what is left of such a socket."""
        (self._folder / name).unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        """A path by descriptor: the folder's own may be longer than a socket's address can hold."""
        return f"/proc/self/fd/{self._descriptor}/{name}"

    async def _start(self) -> None:
        if self._running is not None:
            return
        program = shutil.which(_PROGRAM, path=_PATH)
        if program is None:
            raise NotSupported(
                "web endpoints need caddy, which is not installed", hint="apt-get install caddy"
            )
        self._prepare()
        argv = (program, "run", "--config", "-")
        running = self._running = await self._engine.beside(argv, self._folder)
        self._attending = asyncio.ensure_future(self._attend(running))
        try:
            await running.write(json.dumps(empty()).encode())
            await running.write_eof()
            await self._ask("GET", "/config/")
        except BaseException:
            await self.stop()
            raise

    def _prepare(self) -> None:
        self._open_folder()
        for file in self._folder.glob("*.sock"):
            file.unlink()
        self._words.clear()

    def _open_folder(self) -> None:
        if self._descriptor < 0:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
            self._descriptor = os.open(self._folder, flags)

    async def _attend(self, running: Running) -> None:
        """Log what it says, until it ends."""
        line = b""
        while (chunk := await running.read()) is not None:
            *lines, line = (line + chunk[1]).split(b"\n")
            for one in lines:
                self._heard(one)
        how = await running.wait()
        self._running = None
        if how.signal != signal.SIGKILL:
            log.warning("the web gateway ended: %s", self._last_words() or how)

    def _heard(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        with contextlib.suppress(ValueError, AttributeError):
            said = json.loads(text)
            if said.get("level") not in ("warn", "error"):
                return
            text = f"{said.get('msg', '')} {said.get('error', '')}".strip()
        self._words.append(text)
        log.info("caddy: %s", text)

    def _last_words(self) -> str:
        return "\n".join(self._words)

    async def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of one request of the admin interface, which is replaced with every configuration.

        One that was cut off by that is made again: whatever is asked here can be asked twice.

        Raises:
            EngineFailed: it does not answer.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _ANSWER_WITHIN
        while True:
            try:
                return await self._try_to_ask(_request(method, path, body))
            except OSError as problem:
                if self._running is None or loop.time() > give_up:
                    words = self._last_words()
                    raise EngineFailed("the web gateway does not answer", detail=words) from problem
            await asyncio.sleep(_PAUSE)

    async def _try_to_ask(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_unix_connection(self._path(ADMIN))
        try:
            writer.write(request)
            head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        words = head.split(None, 2)
        if len(words) < 2:
            raise ConnectionResetError("the web gateway has closed the connection")
        return int(words[1]), rest


def _request(method: str, path: str, body: bytes) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.0",
        f"Host: {ORIGIN}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace").strip()
