"""Finds a location of this user's on this machine, or starts it: the embedded one, or that of another engine and its options.

The location is a process of its own: no kernel is its parent, it outlives the one that started it, and several share it.
Starting happens under a lock, so that two kernels that begin at once get the same one.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from ..errors import EngineFailed, Refused, SessionEnded, Unreachable, UsageError, from_wire
from ..folders import config_folder, runtime_folder
from ..homes import Home
from ..keyring import load_or_create
from .address import Address

T = TypeVar("T")

#: A location that is not ready by then is not coming (seconds).
_START = 60.0
_LOOK_EVERY = 0.02
#: Who keeps a location that serves others has this long to start it again, before it is started to serve us alone (seconds).
_SUPERVISOR = 10.0


async def find_or_start(home: Home) -> Address:
    """The address of the location of a home, started if none is there.

    Raises:
        EngineFailed, NotSupported: it cannot run on this machine; the message says why.
        UsageError: an option says nothing to its engine.
    """
    return await _on_a_thread(lambda: _find_or_start(home))


async def serving() -> list[Address]:
    """The locations that serve in this user's name here, those that serve others first; one that just starts is awaited.

    Raises:
        Unreachable: one has been starting for a minute.
    """
    return await _on_a_thread(_all_serving)


async def succeed(address: Address) -> Address:
    """The location that takes the place of one whose process is gone; started, unless another program was quicker.

    Raises:
        SessionEnded: it was not killed: it ended as it should, and nothing of it is left.
    """
    return await _on_a_thread(lambda: _succeed(address))


def is_stuck(address: Address) -> bool:
    """Whether the location at that address is there, and means to stay, though it did not answer."""
    if address.log is None:
        return True
    runtime = address.log.parent
    found = _read(runtime)
    return found is not None and found.pid == address.pid and is_serving(runtime)


def is_serving(runtime: Path) -> bool:
    """Whether a location holds the lock of that folder."""
    with (runtime / "serving.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _all_serving() -> list[Address]:
    base, deadline = runtime_folder(), time.monotonic() + _START
    folders = [base, *sorted(file.parent for file in base.glob("*/serving.lock"))]
    found = [(_serving(one, deadline), _is_kept(one)) for one in folders]
    return [address for address, _ in sorted(found, key=lambda one: not one[1]) if address]


def _find_or_start(home: Home) -> Address:
    deadline = time.monotonic() + _START
    with _open_lock(home.runtime / "starting.lock") as lock:
        _take(lock, deadline)
        return _serving(home.runtime, deadline) or _started(home, deadline)


def _succeed(address: Address) -> Address:
    gone = SessionEnded(
        "the location has gone, and with it everything it ran",
        hint=f"Make a new Location(). {address.where_to_look}",
    )
    home = address.home
    if address.log is None or (runtime := address.log.parent) != home.runtime:
        raise gone
    deadline = time.monotonic() + _START
    with _open_lock(runtime / "starting.lock") as lock:
        _take(lock, deadline)
        give_up = time.monotonic() + (_SUPERVISOR if _is_kept(runtime) else 0.0)
        while (found := _serving(runtime, deadline)) is None and time.monotonic() < give_up:
            time.sleep(_LOOK_EVERY)
        if found is not None:
            return found
        if _read(runtime) is None:  # it takes its address back before it ends
            raise gone
        return _started(home, deadline)


def _is_kept(runtime: Path) -> bool:
    """Whether the location that wrote there serves others too: whoever had started it will start it again."""
    try:
        return bool(json.loads((runtime / "location.json").read_text()).get("bound"))
    except FileNotFoundError:
        return False


def _serving(runtime: Path, deadline: float) -> Address | None:
    """The address of the location that serves a folder, once it says it; None where there is none."""
    while is_serving(runtime):
        if (address := _read(runtime)) is not None:
            return address
        if time.monotonic() > deadline:
            raise Unreachable(
                "a location holds the lock, but does not say where it is",
                hint=f"Its log is {runtime / 'location.log'}.",
            )
        time.sleep(_LOOK_EVERY)
    return None


def _started(home: Home, deadline: float) -> Address:
    """The address of the location that was started here, or of one that was quicker.

    Who had begun to start that one may have been killed, and no longer holds the lock.
    """
    try:
        _start(home, deadline)
    except Refused:
        if (quicker := _serving(home.runtime, deadline)) is None:
            raise
        return quicker
    if (address := _read(home.runtime)) is None:
        raise Unreachable("the location went away as soon as it had started")
    return address


def _read(runtime: Path) -> Address | None:
    try:
        found = json.loads((runtime / "location.json").read_text())
    except FileNotFoundError:
        return None
    user = load_or_create(config_folder() / "embedded-user.key")
    key = bytes.fromhex(found["key"])
    options = ((name, tuple(values)) for name, values in found["options"])
    home = Home(found["engine"], tuple(options), found.get("served", ""))
    return Address(found["endpoint"], key, user, found["pid"], runtime / "location.log", home)


def _open_lock(file: Path) -> IO[str]:
    try:
        return file.open("w")
    except OSError as problem:
        raise UsageError(
            f"{file} cannot be written: {problem.strerror}",
            hint="Set TFNZ_HOME to a folder of your own that can be written.",
        ) from problem


def _take(lock: IO[str], deadline: float) -> None:
    """Wait for a lock, but not for ever: who holds it may be stopped."""
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unreachable(
                    "another program has been starting the location for a minute",
                    hint=f"Find it with: fuser {lock.name}",
                ) from None
        time.sleep(_LOOK_EVERY)


def _said(pipe: IO[bytes], deadline: float) -> bytes:
    """What the location says to who started it; empty if it goes away without a word."""
    if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        raise Unreachable("the location has not come up in a minute")
    return pipe.read()


async def _on_a_thread(deed: Callable[[], T]) -> T:
    """As ``asyncio.to_thread``, on a daemon thread: an interrupted program must be able to end."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            answer = functools.partial(result.set_result, deed())
        except BaseException as problem:
            answer = functools.partial(result.set_exception, problem)
        loop.call_soon_threadsafe(lambda: None if result.done() else answer())

    threading.Thread(target=work, name="tfnz-start", daemon=True).start()
    return await result


def _start(home: Home, deadline: float) -> None:
    """Start the process, detached, and wait until it says that it serves."""
    runtime = home.runtime
    (runtime / "location.json").unlink(missing_ok=True)
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "tfnz_jupyter.cli", "serve", "--ready-fd", str(theirs)]
    command += home.words
    try:
        with (runtime / "location.err").open("wb") as errors:
            subprocess.run(
                ["setsid", "--fork", *command],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=[theirs],
                cwd="/",
                env=_environment(),
                check=True,
            )
    finally:
        os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = _said(pipe, deadline)
    if not said:
        words = (runtime / "location.err").read_text("utf-8", "replace")
        raise EngineFailed(
            "the location could not start", detail="\n".join(words.splitlines()[-12:])
        )
    if problem := json.loads(said):
        raise from_wire(*problem)


def _environment() -> dict[str, str]:
    """Ours, with this package importable as it is here (a kernel may run it from a checkout)."""
    package_home = str(Path(__file__).resolve().parents[2])
    paths = [package_home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
