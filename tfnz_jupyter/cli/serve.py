"""``tfnz serve``: the process of a location. The embedded one is started by the first ``Location()`` that needs it.

Exactly one serves a runtime folder: it holds a lock on ``serving.lock`` for as long as it lives, so that "is one there?"
never depends on a pid. Where to find it is in ``location.json``; what it does is in ``location.log``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import resource
import signal
from collections.abc import Iterator, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec

from ..engines import find
from ..errors import EngineFailed, Refused, TfnzError, to_wire
from ..folders import config_folder, runtime_folder, state_folder
from ..keyring import load_or_create
from ..server.location import Location

log = logging.getLogger(__name__)

_IDLE = 60.0
_LONGEST_LOG = 8 * 1024 * 1024


def main(argv: Sequence[str]) -> int:
    """Serve the embedded location until idle or told to stop; the exit code."""
    parser = argparse.ArgumentParser(prog="tfnz serve", description=__doc__)
    parser.add_argument("--idle", type=float, default=_IDLE, help="seconds without users to live")
    parser.add_argument("--ready-fd", type=int, help="where to say that it serves, or why not")
    options = parser.parse_args(argv)
    starter = _Starter(options.ready_fd)
    try:
        runtime = runtime_folder()
        _log_to(runtime / "location.log")
        _allow_descriptors()
        with _sole(runtime):
            asyncio.run(_serve(runtime, options.idle, starter))
    except Exception as problem:
        log.exception("the location failed")
        starter.tell(problem)
        return 1
    return 0


async def _serve(runtime: Path, idle: float, starter: _Starter) -> None:
    config, state = config_folder(), state_folder()
    keys = load_or_create(config / "embedded-location.key")
    user = load_or_create(config / "embedded-user.key")
    socket = runtime / "location.sock"
    socket.unlink(missing_ok=True)
    engine = find("embedded")(state / "engine", runtime)
    location = Location(engine, state / "images", endpoint=f"ipc://{socket}", keys=keys, idle=idle)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, location.stop)
    await location.open(frozenset([user.public]))
    address = {"endpoint": f"ipc://{socket}", "key": keys.public.hex(), "pid": os.getpid()}
    _write(runtime / "location.json", json.dumps(address))
    starter.tell(None)
    await location.run(closing=lambda: (runtime / "location.json").unlink(missing_ok=True))


@contextlib.contextmanager
def _sole(runtime: Path) -> Iterator[None]:
    """Be the only one that serves this folder."""
    with (runtime / "serving.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("a location already serves this user") from None
        yield


class _Starter:
    """Who started this, and waits to hear once whether it serves."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def tell(self, problem: Exception | None) -> None:
        """An empty list is good news, else ``errors.to_wire`` of what went wrong. Only the first word counts."""
        if self._descriptor is None:
            return
        if problem is not None and not isinstance(problem, TfnzError):
            problem = EngineFailed(f"the location could not start: {problem}")
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._descriptor, "wb") as pipe:
            pipe.write(msgspec.json.encode(to_wire(problem) if problem else []))
        self._descriptor = None


def _allow_descriptors() -> None:
    """Every connection through a tunnel is two: use all the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _write(file: Path, text: str) -> None:
    """Replace a file's content at once."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def _log_to(file: Path) -> None:
    log_file = RotatingFileHandler(file, maxBytes=_LONGEST_LOG, backupCount=1)
    logging.basicConfig(
        handlers=[log_file],
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
