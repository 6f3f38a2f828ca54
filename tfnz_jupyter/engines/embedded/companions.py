"""Programs of the location's own that the keeper runs beside the containers: in their network, with no rights of the host.

They reach every container's address without a rule of the firewall, as the location does; so only what the location itself
has chosen may run here. They are its: all of them end when it goes, while containers wait for the next one.
"""

from __future__ import annotations

import os
import signal

from ..unprivileged import command
from . import messages, tally
from .launch import Pipes, pipes
from .network import Network


class Companions:
    """Those that live, by pid."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._living: dict[int, tuple[str, Pipes]] = {}

    def start(self, ask: messages.Accompany) -> list[int]:
        """Run one; copies of its pipes and a tally of them, which are the caller's to close."""
        ours, theirs = pipes(ask.owner)
        argv = command(ask.argv, ask.folder, ask.owner)
        try:
            with self._network.entered():
                pid = os.posix_spawn(
                    argv[0], argv, {},
                    file_actions=[(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(theirs)],
                    setsid=True, setsigmask=[], setsigdef=[signal.SIGPIPE, signal.SIGINT],
                )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        self._living[pid] = (ask.id, ours)
        return [*(os.dup(fd) for fd in ours.all()), tally.blank()]

    def ended(self, pid: int) -> str | None:
        """The id of the one that had this pid, which is over; None if it was none of them."""
        name, its_pipes = self._living.pop(pid, (None, None))
        if its_pipes is not None:
            its_pipes.close()
        return name

    def tell(self, ask: messages.Told) -> None:
        """Pass on what may be for one of them."""
        for pid, (name, its_pipes) in self._living.items():
            if name == ask.id and isinstance(ask, messages.Signal):
                os.kill(pid, ask.number)
            elif name == ask.id and isinstance(ask, messages.CloseInput):
                its_pipes.close_input()

    def end_all(self) -> None:
        """The location has gone."""
        for pid in self._living:
            os.kill(pid, signal.SIGKILL)
