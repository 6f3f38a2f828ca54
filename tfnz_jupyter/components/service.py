"""What a service is beyond its container: a port, and a test of whether it answers.

The constructor of a service returns at once; in the background it waits for the container, for its port, and then asks the
service itself until that answers. Whatever a service does not know, its container does: ``service.attach_tunnel(...)``,
``service.allow_connection_from(web)``, ``service.logs()``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from .. import CommandFailed, Container, TimedOut
from ..blocking import submit, verb

_EVERY = 0.1  # seconds between two questions
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 12


class Service(ABC):
    """A container that serves something.

    Args:
        container: it; may still be on its way.
        port: where it listens.
    """

    def __init__(self, container: Container, port: int) -> None:
        self.container = container
        self.port = port
        self._up: concurrent.futures.Future[None] = submit(self._come_up())

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it does what it is for by now. Asked about ten times a second once its port accepts connections."""

    async def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """What is to be done once it answers, before anybody is told."""

    @verb
    async def wait_truly_up(self, timeout: float | None = None) -> Service:
        """Wait until it answers, not only listens; returns the service.

        Raises:
            ContainerEnded: it ended; the message has its last lines.
            TimedOut: not within ``timeout`` seconds.
        """
        up = asyncio.wrap_future(self._up)
        up.add_done_callback(
            lambda _: up.cancelled() or up.exception()
        )  # may come when nobody waits
        done, _ = await asyncio.wait({up}, timeout=timeout)
        if not done:
            raise TimedOut(f"{self.container.name} does not answer after {timeout:g} s")
        self._up.result()
        return self

    wait_until_ready = wait_truly_up

    def is_ready(self) -> bool:
        """Whether it has answered."""
        return self._up.done() and self._up.exception() is None and not self.container.dead

    async def run(self, command: list[str], input: str = "", **env: str) -> str:
        """Run something in its container; what it printed.

        Raises:
            CommandFailed: it returned non-zero.
        """
        out, err, code = await self._ask(command, env, input)
        if code:
            words = f"{command[0]} in {self.container.name} returned {code}"
            raise CommandFailed(words, detail=err.decode("utf-8", "replace"))
        return out.decode("utf-8", "replace")

    async def _ask(
        self, command: list[str], env: Mapping[str, str], input: str = ""
    ) -> tuple[bytes, bytes, int]:
        found = await self.container.run_process.aio(command, env=env, input=input.encode())
        return found[0], found[1], found[2]

    async def _come_up(self) -> None:
        await self.container.wait_tcp.aio(self.port, timeout=None)
        while True:
            if await self.answers():
                return await self.prepare()
            await asyncio.sleep(_EVERY)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "container" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.container, name)

    def __repr__(self) -> str:
        state = "up" if self.is_ready() else self.container.state
        return f"<{type(self).__name__} {self.container.name} {state}>"


def password() -> str:
    """A new one, of letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
