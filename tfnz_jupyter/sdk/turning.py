"""A container's command, which may sleep at first, and run more than once."""

from __future__ import annotations

from ..blocking import verb
from ..wire import messages as m
from .living import Living
from .streams import Source


class Turning(Living):
    """The part of a container that wakes and reboots."""

    @verb
    async def start(self) -> None:
        """Run the command of a container that was spawned asleep; nothing happens if it is awake already.

        What was started in it meanwhile goes on, unless its command was not there when it was spawned: a container whose
        command came later begins anew with it.

        Raises:
            EngineFailed: there is no such command yet; it stays asleep.
            ContainerEnded: it is over.
        """
        await self._running()
        await self._connection.call(m.Start(self.uuid))

    @verb
    async def reboot(self, *, reset_filesystem: bool = False) -> None:
        """End everything that runs in it and run its command again; returns when that runs. One that is asleep stays so.

        Id, name, tag, address, environment, tunnels, volumes and who may connect survive; processes and open connections
        do not. What was written stays, or is forgotten by ``reset_filesystem``: its own files are then as they were just
        after the pre-boot files, and its volumes as they are. ``termination_callback`` is not called, standard input is
        open again.

        Raises:
            EngineFailed: it did not come up again, and is over.
            ContainerEnded: it is over.
        """
        await self._running()
        before, self._input = self._input, self._connection.feed(Source(self.uuid))
        self._connection.forget(before)
        await self._connection.call(
            m.Reboot(self.uuid, before.stream, self._input.stream, bool(reset_filesystem))
        )
