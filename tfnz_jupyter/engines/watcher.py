"""A process beside a location on Docker that sees to it that nothing is left on the hosts, should the location never come back.

The location holds a lock and one end of a pipe for as long as it lives, however it ends. When the other end of the pipe, which
is the watcher's standard input, tells of that (one that closes ends its watcher first), the next location of that home has
:data:`LINGER` seconds to take the lock. Where none does, the watcher does what the next would do first and last: it collects
everything there, and leaves.

It runs on the location's machine, with the location's rights, and makes nothing on any host. (A container that collects there
would need Docker's socket, which is the host's root.) Killed too, or on a machine that went down, it leaves it to the next
location, and so it does with hosts that do not answer for ten minutes. It lies outside the engine's package to be small: it
imports none of that until it is needed, which mostly it never is.

    python -m tfnz_jupyter.engines.watcher STATE RUNTIME LINGER OPTIONS
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineFailed, Refused

if TYPE_CHECKING:
    from .options import Options

LINGER = 30.0  # seconds
_LOCK, _LOG = "watched.lock", "watcher.log"
_PATIENCE, _AGAIN = 600.0, 5.0  # seconds for hosts that do not answer, and between tries
_CLEARED_WITHIN, _LOOK = 60.0, 0.05

_log = logging.getLogger(__name__)


class Watched:
    """The location's side: it has the lock, and a watcher, between :meth:`begin` and :meth:`end` or :meth:`let_go`."""

    def __init__(self, state: Path, runtime: Path, linger: float, options: Options) -> None:
        self._state, self._runtime, self._linger = state, runtime, linger
        self._options = {name: list(values) for name, values in options.items()}
        self._lock = -1
        self._watcher: subprocess.Popen[bytes] | None = None

    async def begin(self) -> None:
        """Have both; waits for a watcher that is collecting just now. Raises ``Refused``: another location has the lock."""
        self._lock = _opened(self._state)
        until = time.monotonic() + _CLEARED_WITHIN
        while not _taken(self._lock):
            if time.monotonic() > until:
                self.let_go()
                raise Refused("another location uses this folder", detail=os.fspath(self._state))
            await asyncio.sleep(_LOOK)
        self._start()

    def _start(self) -> None:
        from .embedded.link import python_environment

        with (self._runtime / _LOG).open("ab") as log:
            self._watcher = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", __name__, self._state, self._runtime,
                    str(self._linger), json.dumps(self._options),
                ],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/",
                start_new_session=True, env=python_environment(),
            )  # fmt: skip

    async def end(self) -> None:
        """Everything is collected: nobody need watch any more. Idempotent."""
        if self._watcher is not None:
            self._watcher.kill()
            await asyncio.to_thread(self._watcher.wait)
        self.let_go()
        self._watcher = None

    def let_go(self) -> None:
        """As one that is killed does. Idempotent."""
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def watch(state: Path, runtime: Path, linger: float, options: Options) -> None:
    """Wait for the location's end; collect what it left, unless another comes in time."""
    sys.stdin.read()  # until then the location lives
    time.sleep(linger)
    if not _taken(_opened(state)):
        return  # the next one is there, and has its own watcher
    _log.info("no location has come back: collecting what the last one left")
    asyncio.run(_collect(state, runtime, options))


async def _collect(state: Path, runtime: Path, options: Options) -> None:
    from .docker import DockerEngine

    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        engine = DockerEngine(state, runtime, options, watched=False)
        try:
            await engine.open(lambda _nodes: None)
        except EngineFailed as problem:
            _log.info("%s", problem.message)
            await asyncio.sleep(_AGAIN)
            continue
        await engine.close()
        return


def _opened(state: Path) -> int:
    return os.open(state / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main(state: str, runtime: str, linger: str, options: str) -> None:
    """See the module's docstring."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    told = {name: tuple(values) for name, values in json.loads(options).items()}
    watch(Path(state), Path(runtime), float(linger), told)


if __name__ == "__main__":
    main(*sys.argv[1:])
