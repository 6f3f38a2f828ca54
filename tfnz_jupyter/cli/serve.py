"""``tfnz serve``: the process of a location. One of this machine is started by the first ``Location()`` that needs it.

Exactly one serves a runtime folder: it holds a lock on ``serving.lock`` for as long as it lives, so that "is one there?"
never depends on a pid. Where to find it is in ``location.json``; what it does is in ``location.log``. With ``--bind`` it
listens to the network too, lets in whoever has an account, and does not end by itself. Its own user needs no account. Told to
stop, it ends all it runs; with ``--hand-over`` it leaves all to the one that is started in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import msgspec

from ..engines import find
from ..errors import EngineFailed, Refused, TfnzError, to_wire
from ..folders import config_folder
from ..grammar import shell
from ..homes import Home
from ..keyring import KeyPair, load_or_create
from ..sdk.places import endpoint
from ..server.accounts import Accounts
from ..server.gateway import Web
from ..server.ledger import Limits
from ..server.location import House, Location
from ..server.verbs import Plate

log = logging.getLogger(__name__)

_IDLE = 60.0
_LONGEST_LOG = 8 * 1024 * 1024
_COLLECTED = 5_000  # objects more than there were, before the collector looks at the youngest
_ANYWHERE = ("0.0.0.0", "[::]", "*")


def serve(wish: shell.Serve) -> int:
    """Serve until idle or told to stop; the exit code. Raises what is wrong with the wish."""
    starter = _Starter(wish.ready_fd)
    try:
        home = Home.of(wish.engine, wish.options, wish.name if wish.bind else "")
        runtime = home.runtime
        _log_to(runtime / "location.log", also_here=bool(wish.bind))
        _allow_descriptors()
        with _sole(runtime):
            find(wish.engine).enter(runtime)  # while this is one thread
            asyncio.run(_serve(home, wish, starter))
    except TfnzError as problem:
        log.error("%s", problem.message)
        starter.tell(problem)
        raise
    except Exception as problem:
        log.exception("the location failed")
        starter.tell(problem)
        return 1
    return 0


async def _serve(home: Home, wish: shell.Serve, starter: _Starter) -> None:
    state, runtime = home.state, home.runtime
    path = runtime / "location.sock"
    for left in (path, runtime / "location.json"):  # by one that was killed
        left.unlink(missing_ok=True)
    house = _house(wish, f"ipc://{path}", home)
    engine = find(wish.engine)(state / "engine", runtime, MappingProxyType(dict(home.options)))
    idle = wish.idle if wish.idle is not None or wish.bind else _IDLE
    location = Location(engine, state / "images", house, idle=idle)
    for number in (signal.SIGTERM, signal.SIGINT):
        stop = _leave if wish.hand_over else location.stop
        asyncio.get_running_loop().add_signal_handler(number, stop)
    plate = await location.open()
    address = {
        "endpoint": f"ipc://{path}",
        "key": house.keys.public.hex(),
        "pid": os.getpid(),
        "bound": bool(wish.bind),  # whoever started this will start it again, should it be killed
        "engine": home.engine,
        "options": home.options,
        "served": home.served,
    }
    _write(runtime / "location.json", json.dumps(address))
    starter.tell(None)
    _spare_the_collector()
    _give_back()
    if wish.bind:
        print(_hint(plate), flush=True)
    await location.run(closing=lambda: (runtime / "location.json").unlink(missing_ok=True))


def _leave() -> NoReturn:
    """End as one that is killed does: sessions, and all that runs, are the next location's."""
    log.info("told to stop: everything is left to the next location")
    os._exit(0)


def _house(wish: shell.Serve, private: str, home: Home) -> House:
    """Where it is found and whom it lets in. The location and its own user have a key each, made on first use."""
    config = config_folder()
    keys = load_or_create(config / f"{home.name}-location.key")
    operator = load_or_create(config / "embedded-user.key")
    public = [endpoint(address, least=0) for address in wish.bind]
    file = home.state / "accounts.sqlite" if public else None
    return House(
        endpoints=(private, *public),
        store=home.state / "sessions.sqlite",
        keys=keys,
        accounts=Accounts(operator.public, file),
        plate=lambda bound: _plate(wish, bound[1:], keys),
        limits=Limits(wish.sessions, wish.containers, wish.memory),
        registries=frozenset(wish.registries),
        web=Web(wish.domains, wish.web),
    )


def _plate(wish: shell.Serve, public: list[str], keys: KeyPair) -> Plate:
    """How others find it: by the address given, else where it listens, else this machine's name."""
    if not public:
        return Plate("", "", keys.public)
    host, _, port = public[0].removeprefix("tcp://").rpartition(":")
    reached = wish.address or (f"{socket.getfqdn()}:{port}" if host in _ANYWHERE else public[0])
    address = endpoint(reached)
    name = wish.name or address.removeprefix("tcp://").rpartition(":")[0].strip("[]").lower()
    return Plate(name, address, keys.public)


def _hint(plate: Plate) -> str:
    return f"{plate.location} serves at {plate.endpoint.removeprefix('tcp://')}; let people in with: tfnz invite NAME"


@contextlib.contextmanager
def _sole(runtime: Path) -> Iterator[None]:
    """Be the only one that serves this folder."""
    with (runtime / "serving.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                "a location already serves this user",
                hint=f"End it first (its process is in {runtime / 'location.json'}), or set TFNZ_HOME.",
            ) from None
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


def _spare_the_collector() -> None:
    """Have it look through what comes and goes alone, and less often: modules and classes stay until the end."""
    gc.freeze()
    gc.set_threshold(_COLLECTED, 20, 20)


def _give_back() -> None:
    """Let the machine have what the start took and nobody holds any more; glibc keeps it else."""
    with contextlib.suppress(AttributeError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)


def _write(file: Path, text: str) -> None:
    """Replace a file's content at once."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def _log_to(file: Path, *, also_here: bool) -> None:
    handlers: list[logging.Handler] = [
        RotatingFileHandler(file, maxBytes=_LONGEST_LOG, backupCount=1)
    ]
    if also_here:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(
        handlers=handlers,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
