"""Programs of the location's own, on this machine, without any rights; they end with the location."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import EngineFailed, NotSupported
from ..base import Exit
from ..embedded.running import PipedRunning
from ..embedded.tally import blank

_NUMBER = 65_533  # the user they run as: nobody's, and no container's unless it is told to
_STRIP = ("--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", "--pdeathsig", "KILL")


async def start(argv: Sequence[str], folder: Path) -> PipedRunning:
    """Run one that works in ``folder``, which becomes its own. Raises ``EngineFailed``, ``NotSupported``."""
    who: list[str] = []
    if os.geteuid() == 0:
        await asyncio.to_thread(_hand_over, folder)
        who = ["--reuid", str(_NUMBER), "--regid", str(_NUMBER), "--clear-groups"]
    pipes = [os.pipe() for _ in range(3)]
    (stdin, feed), (out, stdout), (err, stderr) = pipes
    try:
        process = await asyncio.create_subprocess_exec(
            "setpriv", *who, *_STRIP, *argv, cwd=folder, stdin=stdin, stdout=stdout, stderr=stderr
        )
    except FileNotFoundError as problem:
        for fd in (feed, out, err):
            os.close(fd)
        raise NotSupported("there is no setpriv", hint="apt-get install util-linux") from problem
    except OSError as problem:
        for fd in (feed, out, err):
            os.close(fd)
        raise EngineFailed(f"{argv[0]} does not start: {problem.strerror}") from problem
    finally:
        for fd in (stdin, stdout, stderr):
            os.close(fd)
    return _Companion(process, [feed, out, err])


class _Companion(PipedRunning):
    """One that runs."""

    def __init__(self, process: asyncio.subprocess.Process, ends: list[int]) -> None:
        super().__init__("", ends, blank(), lambda _told: None)
        self._child = process
        self._waiting = asyncio.ensure_future(self._ends())

    async def _ends(self) -> None:
        code = await self._child.wait()
        self.exited(Exit(signal=-code) if code < 0 else Exit(code=code))

    async def signal(self, number: int) -> None:
        if self._child.returncode is None:
            self._child.send_signal(number)

    async def end(self, grace: float) -> None:
        await self.signal(15)
        self._late = asyncio.get_running_loop().call_later(grace, self._kill)

    def _kill(self) -> None:
        if self._child.returncode is None:
            self._child.kill()


def _hand_over(folder: Path) -> None:
    """Give a folder and all in it to that user; links in it are not followed."""
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid != _NUMBER:
            os.chown(path, _NUMBER, _NUMBER, follow_symlinks=False)
