"""A process beside a container's first, and all that it started: who they are, and signals to them.

Docker has no call for either. Where the host is this machine, they are found by their pids here, as the embedded engine does it
where it has no control groups. Elsewhere a process says its own number first, and a script in the container does the same with
the numbers that hold there. Either way, who left the session and lost its parent is not found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..embedded import offspring
from . import manifest
from .hosts import BROKEN

if TYPE_CHECKING:
    from .containers import Container

# For busybox's sh: a list of numbers, or a signal to those that are given, or to all that can be found of a family, which is
# stopped first, until there is nobody more of it. Zombies are nobody.
_SCRIPT = f"""
B=/{manifest.BUSYBOX}
family() {{ # PID SIGNAL
    found=" $1 " more=1
    [ -z "$2" ] || "$B" kill -"$2" "$1" 2>/dev/null
    signal=$2
    while [ -n "$more" ]; do
        more=
        for file in /proc/[0-9]*/stat; do
            read -r line 2>/dev/null <"$file" || continue
            pid=${{line%% *}}
            set -- ${{line##*) }}
            case $1 in Z | X) continue ;; esac
            case $found in *" $pid "*) continue ;; esac
            case $found in *" $2 "* | *" $4 "*)
                found="$found$pid "
                more=1
                [ -z "$signal" ] || "$B" kill -"$signal" "$pid" 2>/dev/null
                ;;
            esac
        done
    done
}}
verb=$1
shift
case $verb in
find) family "$1" && echo $found ;;
end) family "$1" STOP && "$B" kill -KILL $found 2>/dev/null ;;
send) "$B" kill -"$@" 2>/dev/null ;;
esac
exit 0
"""

_DIGITS = 7  # of a pid


class Family(ABC):
    """Of one process."""

    @abstractmethod
    async def find(self) -> list[int]:
        """Who they are; the process itself is one of them."""

    @abstractmethod
    async def send(self, number: int, pids: Iterable[int]) -> None:
        """Send those a signal that are still there."""

    @abstractmethod
    async def end(self) -> None:
        """KILL to all of them, at once."""


class Near(Family):
    """On this machine: by pid.

    Args:
        container: Docker's id of the one they are in.
    """

    def __init__(self, container: str, pid: int, session: int) -> None:
        self._container, self._pid, self._session = container, pid, session

    async def find(self) -> list[int]:
        return [pid for pid in offspring.find(self._pid, self._session) if self._is_ours(pid)]

    async def send(self, number: int, pids: Iterable[int]) -> None:
        for pid in pids:
            if self._is_ours(pid):
                _send(pid, number)

    async def end(self) -> None:
        if self._is_ours(self._pid):
            for pid in offspring.hold(self._pid, self._session):
                _send(pid, signal.SIGKILL)

    def _is_ours(self, pid: int) -> bool:
        """Whether a pid is still one of the container's: numbers are given anew."""
        try:
            with open(f"/proc/{pid}/cgroup") as file:
                return self._container in file.read()
        except OSError:
            return False


class Far(Family):
    """In a container of another machine's: by the numbers that they have there."""

    def __init__(self, container: Container, pid: int) -> None:
        self._container, self._pid = container, pid

    async def find(self) -> list[int]:
        said = await self._do("find", self._pid)
        return [int(word) for word in said.split() if word.isdigit() and len(word) <= _DIGITS]

    async def send(self, number: int, pids: Iterable[int]) -> None:
        wanted = list(pids)
        if wanted:
            await self._do("send", number, *wanted)

    async def end(self) -> None:
        await self._do("end", self._pid)

    async def _do(self, *words: str | int) -> bytes:
        """What the script says; nothing where there is no container any more."""
        host, asked = self._container.host, manifest.script(_SCRIPT, *words)
        try:
            return await host.output_of(await host.make_exec(self._container.id, asked))
        except BROKEN as problem:
            if await self._container.is_ending():
                return b""
            raise host.failed(problem) from problem


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
