"""The way to one Docker or Podman: a unix socket, TCP with or without TLS, or SSH to the socket of another machine.

Requests are aiodocker's. Streams of processes are not: half of them must be closed while the other goes on, and nothing may be
read that nobody asks for, so a stream is a connection of its own, upgraded and then used as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiodocker
import aiohttp
import asyncssh
from aiodocker import DockerError

from ...errors import EngineFailed, UsageError

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_SOCKET = "/var/run/docker.sock"
_SOCKETS = (_SOCKET, "/run/docker.sock", "/run/podman/podman.sock")
_WITHIN = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=10)
_LONGEST_HEAD = 64 * 1024
_REACHED_WITHIN = 15.0  # seconds, by SSH
_HINT = "Write unix:///path, tcp://HOST:PORT or ssh://[USER@]HOST."


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens. Raises ``UsageError`` where that is no address."""

    url: str
    certs: str = ""  # the folder of ca.pem, cert.pem and key.pem, for TLS

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        good = parts.path if parts.scheme == "unix" else parts.hostname
        if parts.scheme not in ("unix", "tcp", "ssh") or not good:
            raise UsageError(f"--host {self.url!r} is not the address of an engine", hint=_HINT)

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of one reached by TCP."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (2376 if self.certs else 2375)

    def context(self) -> ssl.SSLContext | None:
        """How TLS is spoken there; None: it is not. Raises ``UsageError``: the folder lacks something."""
        if not self.certs:
            return None
        folder = Path(self.certs)
        try:
            found = ssl.create_default_context(cafile=str(folder / "ca.pem"))
            found.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
        except OSError as problem:
            raise UsageError(
                f"--certs {self.certs}: {problem.strerror or problem}",
                hint="It needs ca.pem, cert.pem and key.pem.",
            ) from problem
        return found


class Way:
    """An open way. Make one with :func:`reach`."""

    def __init__(
        self, address: Address, path: str, ssh: asyncssh.SSHClientConnection | None
    ) -> None:
        self._address, self._path, self._ssh = address, path, ssh
        self._tls = None if path else address.context()
        host, port = address.place
        host = f"[{host}]" if ":" in host else host
        url = f"unix://{path}" if path else f"{'https' if self._tls else 'http'}://{host}:{port}"
        self.docker = aiodocker.Docker(url, ssl_context=self._tls, timeout=_WITHIN)

    async def stream(self, path: str, body: Mapping[str, Any] | None = None) -> Stream:
        """A connection that becomes the streams of a process. Raises ``DockerError``, ``OSError``."""
        reader, writer = await self._open()
        try:
            data = json.dumps(body).encode() if body is not None else b""
            writer.write(_request(f"/{self.docker.api_version}/{path}", data) + data)
            await _upgraded(reader)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    async def stats(self, container: str) -> dict[str, Any]:
        """What a container uses at this moment, without waiting for a second sample. Raises ``DockerError``."""
        url = f"{self.docker.docker_host}/{self.docker.api_version}/containers/{container}/stats"
        params = {"stream": "false", "one-shot": "true"}
        async with self.docker.session.get(url, params=params) as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
        if answer.status != 200:
            raise DockerError(answer.status, found.get("message", ""))
        return found

    async def close(self) -> None:
        """Let go of all connections."""
        await self.docker.close()
        if self._ssh is not None:
            self._ssh.close()

    async def _open(self) -> Stream:
        if self._path:
            return await asyncio.open_unix_connection(self._path)
        host, port = self._address.place
        return await asyncio.open_connection(host, port, ssl=self._tls)


async def reach(address: Address, folder: Path) -> Way:
    """Open the way to an address; ``folder`` is where the socket of one behind SSH is made. Raises ``EngineFailed``."""
    parts = urlsplit(address.url)
    if parts.scheme == "unix":
        return Way(address, parts.path, None)
    if parts.scheme == "tcp":
        return Way(address, "", None)
    return await _by_ssh(address, folder)


async def _by_ssh(address: Address, folder: Path) -> Way:
    """The user's own keys, agent and known hosts decide, as with ``ssh``."""
    parts = urlsplit(address.url)
    assert parts.hostname is not None
    options = {"username": parts.username} if parts.username else {}
    local = folder / f"ssh-{abs(hash(address.url)):x}.sock"
    local.unlink(missing_ok=True)
    link: asyncssh.SSHClientConnection | None = None
    try:
        async with asyncio.timeout(_REACHED_WITHIN):
            link = await asyncssh.connect(parts.hostname, parts.port or 22, **options)
            await link.forward_local_path(str(local), parts.path or _SOCKET)
    except (OSError, asyncssh.Error) as problem:
        if link is not None:
            link.close()
        raise EngineFailed(
            f"{address.url} cannot be reached: {str(problem) or 'it does not answer'}",
            hint=f"Does this work? ssh {parts.netloc} docker version",
        ) from problem
    return Way(address, str(local), link)


def usual() -> str:
    """The engine that is used where nobody says which: the first socket that is there."""
    for path in _SOCKETS:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                return f"unix://{path}"
    return f"unix://{_SOCKETS[0]}"


def _request(path: str, body: bytes) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: docker",
        "Connection: Upgrade",
        "Upgrade: tcp",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


async def _upgraded(reader: asyncio.StreamReader) -> None:
    """Read the head of the answer; what follows is the stream."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as problem:
        raise DockerError(500, "nothing that is HTTP") from problem
    status = int(head.split(" ", 2)[1])
    if status not in (101, 200):
        text = (await reader.read(_LONGEST_HEAD)).decode("utf-8", "replace")
        raise DockerError(status, _message(text))


def _message(text: str) -> str:
    """The reason in an error's body, be it chunked or not."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return str(json.loads(text[start : end + 1])["message"])
    except (ValueError, KeyError):
        return text.strip()
