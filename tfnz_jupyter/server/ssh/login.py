"""Who may log in, and where ``ssh -L`` leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import cast

import asyncssh
from asyncssh.forward import SSHForwarder

from ...engines.base import Engine
from ...errors import ContainerEnded
from ..containers import Container

USER = "root"
#: What a client may call the container it is connected to.
_HERE = ("localhost", "127.0.0.1", "::1")


class Login(asyncssh.SSHServer):
    """One client: root by one of the keys, or nobody. It reaches the container's own ports, and nothing else."""

    def __init__(
        self, container: Container, engine: Engine, authorized: asyncssh.SSHAuthorizedKeys
    ) -> None:
        self._container, self._engine, self._authorized = container, engine, authorized
        self._connection: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == USER:
            self._connection.set_authorized_keys(self._authorized)
        else:
            self._connection.send_auth_banner(f"Log in as {USER}, not as {username!r}.\r\n")
        return True

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
        if dest_host not in (*_HERE, self._container.name, self._container.ip):
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED,
                f"only the ports of {self._container.name} are forwarded: say localhost",
            )
        return self._forward(dest_port)

    async def _forward(self, port: int) -> asyncssh.SSHTCPSession[bytes]:
        try:
            sock = await self._engine.dial(self._container.id, port)
            loop = asyncio.get_running_loop()
            _transport, peer = await loop.create_connection(SSHForwarder, sock=sock)
        except (OSError, ContainerEnded) as problem:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_CONNECT_FAILED, f"port {port} of {self._container.name}: {problem}"
            ) from problem
        return cast("asyncssh.SSHTCPSession[bytes]", SSHForwarder(peer))
