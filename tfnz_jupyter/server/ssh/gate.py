"""One SSH server: which container, whose keys, and the connections that are open."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh

from ...engines.base import Engine
from ...keyring.ssh import authorized_keys, load_or_create_ssh
from ..containers import Container
from .login import Login
from .sessions import Client, run_session
from .sftp import Sftp

log = logging.getLogger(__name__)
logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every connection and channel

_LOGIN_TIMEOUT = 60  # seconds
_FAILED = 255  # what ssh itself says when it fails


class Gate:
    """Opens connections to one container's SSH server; ``dial`` is for a tunnel.

    Args:
        container: where it leads.
        engine: what runs it.
        host_key: the file with the location's host key; made with the first server, and kept.
        authorized: lines of an ``authorized_keys`` file.

    Raises:
        UsageError: a line holds no key.
    """

    def __init__(
        self, container: Container, engine: Engine, host_key: Path, authorized: list[str]
    ) -> None:
        self._container, self._engine = container, engine
        self._tasks: set[asyncio.Task[None]] = set()
        self._options = asyncssh.SSHServerConnectionOptions(
            server_factory=partial(Login, container, engine, authorized_keys(authorized)),
            server_host_keys=[load_or_create_ssh(host_key)],
            process_factory=self._begin,
            sftp_factory=partial(Sftp, container, engine),
            allow_scp=True,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=_LOGIN_TIMEOUT,
        )

    async def dial(self) -> socket.socket:
        """One connection: the client's end."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self._keep(self._serve(ours))
        return theirs

    def _begin(self, client: Client) -> None:
        """A client asks for a process. It is ours to attend, for it may outlive the connection."""
        self._keep(self._run(client))

    async def _run(self, client: Client) -> None:
        try:
            await run_session(self._container, self._engine, client)
        except Exception:  # a client that is told nothing waits for ever
            log.exception("ssh to %s", self._container.id)
            client.exit(_FAILED)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, end: socket.socket) -> None:
        """Serve one client until it leaves or the container is over."""
        try:
            connection = await asyncssh.run_server(end, options=self._options)
        except (OSError, asyncssh.Error) as problem:
            log.info("ssh to %s: %s", self._container.id, problem)
            return end.close()
        leaving = asyncio.ensure_future(connection.wait_closed())
        over = asyncio.ensure_future(self._container.ended())
        await asyncio.wait({leaving, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        connection.close()
        return await leaving
