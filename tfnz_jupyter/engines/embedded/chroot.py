"""Going below a folder for good, where nothing that lies there is taken for code of this process.

What is below was written by a stranger, and this process is root. The interpreter would import from there what it has not
imported yet, by the same paths as before; for an error's traceback it would read there what it takes for its own source, by a
codec that the first lines of that name; and glibc would load from there what a thread needs that is ended while it works.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from types import TracebackType


def enter(folder: str | int) -> None:
    """Make a folder (a path, or a descriptor of it) this process's ``/``; from now on it loads nothing."""
    with contextlib.suppress(OSError):  # where there is none, nobody will want it
        ctypes.CDLL("libgcc_s.so.1")
    os.chdir(folder)
    os.chroot(".")
    os.chdir("/")
    sys.meta_path.clear()
    sys.excepthook = _say
    threading.excepthook = lambda said: _say(said.exc_type, said.exc_value, None)


def _say(
    kind: type[BaseException], error: BaseException | None, _where: TracebackType | None
) -> None:
    """The error alone, without the source it was raised in."""
    os.write(2, f"{kind.__name__}: {error}\n".encode(errors="backslashreplace"))
