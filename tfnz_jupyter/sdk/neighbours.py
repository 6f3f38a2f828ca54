"""Connections between containers, which cannot reach each other by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..blocking import verb
from ..errors import UsageError
from ..wire import messages as m
from .living import Living

if TYPE_CHECKING:
    from .container import Container


class Neighbours(Living):
    """The part of a container that other containers reach, or do not."""

    @verb
    async def allow_connection_from(self, container: Container) -> None:
        """Let another container open connections to this one, on every port; this one still cannot to it. Idempotent.

        Waits until both run. It holds over reboots, until :meth:`disallow_connection_from`, the end of one of them, or of
        the session. Containers of other sessions take part too: see ``Location.external_container``.

        Raises:
            UsageError: it is no container, or one of another session's objects.
            ContainerEnded: one of them is over.
        """
        container = self._neighbour(container)
        await self._running()
        await container._running()
        await self._connection.call(m.AllowConnection(self.uuid, container.uuid))

    @verb
    async def disallow_connection_from(self, container: Container) -> None:
        """Take that back, however often it was allowed; connections under way are cut. Idempotent.

        Raises:
            UsageError: as :meth:`allow_connection_from`.
        """
        container = self._neighbour(container)
        if not self.dead and not container.dead:
            await self._connection.call(m.DisallowConnection(self.uuid, container.uuid))

    def _neighbour(self, given: Container) -> Container:
        """A container, or what has one as its ``container``, as services do."""
        container: Container = getattr(given, "container", given)
        if not isinstance(container, Neighbours):
            raise UsageError(f"{given!r} is not a container")
        if container.location() is not self.location():
            raise UsageError(
                f"{container.name} belongs to another session",
                hint="Give it a tag, and find it here with Location.external_container.",
            )
        return container
