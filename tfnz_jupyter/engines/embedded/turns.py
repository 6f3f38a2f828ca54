"""What is done with a container that may end at any moment, and reboot under our hands.

Whatever goes wrong because it has ended, or was just ending, is told as that: crun's words for it are many.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from ...errors import EngineFailed
from .. import reasons
from ..background import Background
from ..base import ProcessSpec
from . import messages
from .container import Container, ended
from .running import PipedRunning
from .starts import Starts

_Deed = Callable[[Container], Coroutine[Any, Any, PipedRunning]]


class Turns:
    """Processes in live containers, and containers that wake or reboot; one at a time for each.

    Args:
        starts: does it.
        present: the container of an id that is not over; raises ``ContainerEnded``.
        retire: frees one that is over.
        mounting: keeps volumes as they are while they are mounted again.
        background: does what nobody may wait for any more.
    """

    def __init__(
        self, starts: Starts, present: Callable[[str], Container],
        retire: Callable[[Container], Awaitable[None]],
        mounting: Callable[[Sequence[tuple[str, str]]], AbstractAsyncContextManager[None]],
        background: Background,
    ) -> None:  # fmt: skip
        self._starts, self._present = starts, present
        self._retire, self._mounting, self._background = retire, mounting, background

    async def execute(self, container: str, spec: ProcessSpec) -> PipedRunning:
        """One more process; begun once more where a reboot came between."""
        while True:
            found = await self._steady(container)
            turns = found.turns
            try:
                return await self._starts.another(found, spec)
            except (EngineFailed, OSError) as error:
                if found.turns == turns:
                    await _ending(found, error)
                if found.turns != turns:
                    continue
                self._live(container)
                if isinstance(error, OSError):
                    raise EngineFailed(f"process in {container}: {error.strerror}") from error
                raise

    async def start(self, container: str) -> PipedRunning:
        """Wake one; its first process."""
        return await self._turn(container, self._starts.awake)

    async def reboot(self, container: str, grace: float, *, reset: bool) -> PipedRunning:
        """Reboot one; its new first process."""
        deed = partial(self._starts.again, grace=grace, reset=reset)
        return await self._turn(container, deed)

    async def _turn(self, container: str, deed: _Deed) -> PipedRunning:
        return await self._background.finish(self._turned(self._present(container), deed))

    async def _turned(self, container: Container, deed: _Deed) -> PipedRunning:
        """One that failed at it is over."""
        async with container.turning, self._mounting(container.spec.volumes):
            self._live(container.spec.id)
            try:
                return await deed(container)
            except (EngineFailed, OSError) as error:
                over = isinstance(error, EngineFailed) and error.message == messages.OVER
                if container.unwanted or over:
                    raise ended(container.spec.id) from None
                if isinstance(error, OSError):
                    await _ending(container, error)
                    self._live(container.spec.id)
                    raise EngineFailed(f"{container.spec.id}: {error.strerror}") from error
                raise
            finally:
                container.rebooting = False
                if container.spec.id not in container.running:
                    await self._retire(container)

    def _live(self, container: str) -> Container:
        found = self._present(container)
        if container not in found.running:
            raise ended(container)
        return found

    async def _steady(self, container: str) -> Container:
        """A live one, once it neither wakes nor reboots."""
        async with self._present(container).turning:
            return self._live(container)


async def _ending(container: Container, error: EngineFailed | OSError) -> None:
    """Return when a container has ended, if that may be why something failed; its folder goes when it ends."""
    if isinstance(error, OSError) or reasons.is_unexplained(error):
        await container.ending()
