"""A whole Debian as a tar stream, from mmdebstrap.

It runs in mount and process namespaces of its own: killing the one at its top ends all the others and takes the mounts
with it. What it says is progress, and the reason if it fails.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ....engines.base import Progress, Report
from ..tools import Outcome, kill_group, piped
from .apt import failure
from .layer import Stopped
from .recipe import Recipe


def mmdebstrap(recipe: Recipe, codename: str, lines: list[str], scratch: Path) -> list[str]:
    """The command line that writes a whole Debian to standard output as a tar."""
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    if os.getuid() != 0:
        apart[1:1] = ["--user", "--map-auto", "--map-root-user"]
    return [
        *apart,
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
        f"--include={','.join(recipe.packages)}",
        f"--aptopt={scratch}/apt.conf",
        "--aptopt=Acquire::Languages none",
        "--dpkgopt=force-unsafe-io",  # what a crash would lose is thrown away anyway
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        codename,
        "-",
        *lines,
    ]


class _Counted:
    """mmdebstrap's lines as progress: packages set up, of nobody knows how many."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._done = 0
        self.last = deque[str](maxlen=12)

    def heard(self, line: str) -> None:
        self.last.append(line)
        self._done += line.startswith("Setting up ")
        if line.startswith(("I: ", "Setting up ", "Unpacking ")):
            words = line.removeprefix("I: ").removesuffix("...").strip()
            self._report(Progress("build", words, self._done, None))


@contextlib.contextmanager
def system_tar(
    argv: list[str], env: dict[str, str], report: Report, stop: threading.Event
) -> Iterator[IO[bytes]]:
    """What mmdebstrap writes, as a stream for a thread; when ``stop`` is set it is killed and the stream ends.

    Raises:
        Stopped: it was.
        Unreachable, EngineFailed: mmdebstrap's words.
    """
    counted = _Counted(report)
    with piped(argv, env, errors=True) as process:
        ended = threading.Event()
        threads = [
            threading.Thread(target=_read_lines, args=(process.stderr, counted), daemon=True),
            threading.Thread(target=_kill_when, args=(process.pid, stop, ended), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield process.stdout  # type: ignore[misc]  # it is a pipe, so not None
            code = process.wait()
        except Exception as e:
            # A tar that broke off: why is in mmdebstrap's words, not in the tar's.
            if stop.is_set():
                raise Stopped from e
            kill_group(process.pid)
            code = process.wait() or 1
            if isinstance(e, OSError):
                raise
        finally:
            ended.set()
            kill_group(process.pid)
            for thread in threads:
                thread.join()
        if code:
            raise failure(
                "mmdebstrap failed",
                Outcome(code, b"", "\n".join(counted.last)),
                Path(env["TMPDIR"]),
            )


def _read_lines(stream: IO[bytes], counted: _Counted) -> None:
    for line in stream:
        counted.heard(line.decode(errors="replace").rstrip())


def _kill_when(pid: int, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        if stop.wait(0.1):
            kill_group(pid)
            return
