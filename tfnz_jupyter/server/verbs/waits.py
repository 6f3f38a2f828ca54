"""Waiting for a container to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from ...errors import ContainerEnded
from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from ..tunnels import Connect
from ..waits import wait_http, wait_tcp
from .deeds import Deed, Means


class WaitVerbs:
    """The verbs that wait."""

    def __init__(self, means: Means) -> None:
        self._estate = means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.WaitTcp: self._tcp, m.WaitHttp: self._http}

    async def _tcp(self, peer: Peer, verb: m.WaitTcp, call: int) -> m.Done:
        await _while_alive(self._estate.container(peer, verb.container), wait_tcp, verb.port)
        return m.Done()

    async def _http(self, peer: Peer, verb: m.WaitHttp, call: int) -> m.Done:
        wait = partial(wait_http, path=verb.path, host=verb.host)
        await _while_alive(self._estate.container(peer, verb.container), wait, verb.port)
        return m.Done()


async def _while_alive(
    container: Container, wait: Callable[[Connect], Coroutine[Any, Any, None]], port: int
) -> None:
    """Run a wait, and end it with the reason if the container ends first."""
    await container.ready()
    waiting = asyncio.ensure_future(wait(container.connector(port)))
    over = asyncio.ensure_future(container.ended())
    try:
        await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            await container.ready()
        await waiting
    except ContainerEnded:
        await container.ended()
        await container.ready()
        raise
    finally:
        waiting.cancel()
        over.cancel()
