"""A location of the tests' own that listens on TCP, as one on another machine does, and sessions with it by its address."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tfnz_jupyter.blocking import block
from tfnz_jupyter.engines.base import ContainerSpec, NodeInfo, Survivor
from tfnz_jupyter.engines.embedded import EmbeddedEngine
from tfnz_jupyter.keyring import KeyPair, load_or_create, make_keys
from tfnz_jupyter.sdk.address import Address
from tfnz_jupyter.sdk.connection import Connection
from tfnz_jupyter.sdk.location import Location
from tfnz_jupyter.server.accounts import Accounts
from tfnz_jupyter.server.ledger import Limits
from tfnz_jupyter.server.location import House
from tfnz_jupyter.server.location import Location as Server
from tfnz_jupyter.server.verbs import Plate
from tfnz_jupyter.wire import session as wire

ROOT = Path(__file__).parents[2]
_USERS = 2  # that it knows
LACKED = "it lacks something"


class Remote:
    """A running location: where it listens, and the account that it knows."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.folder, self.process, self.port = folder, process, port
        self.keys = load_or_create(folder / "location.key")
        self.users = [load_or_create(folder / f"user-{n}.key") for n in range(_USERS)]

    def address(
        self, port: int | None = None, *, host: str = "127.0.0.1", user: int = 0
    ) -> Address:
        """Where a session connects: to the location, or to a proxy before it."""
        endpoint = f"tcp://{host}:{port or self.port}"
        return Address(endpoint, self.keys.public, self.users[user])

    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "location.log").read_text()

    def session(self, port: int | None = None, *, host: str = "127.0.0.1") -> Session:
        """A new session with it."""
        return Session(self.address(port, host=host))


class Session(Location):
    """A location that is known by its address alone."""

    def __init__(self, address: Address) -> None:
        self._where = address
        self._prepare("embedded", None, False, False, None)
        block(self._open())

    async def _connect(self) -> Connection:
        return await Connection.open(self._where, self)


class UnsteadyEngine(EmbeddedEngine):
    """Its node is lost at SIGUSR1, and comes back at SIGUSR2; at SIGHUP it finds out that it lacks something."""

    async def open(
        self,
        on_nodes: Callable[[tuple[NodeInfo, ...]], None],
        known: Mapping[str, ContainerSpec] | None = None,
    ) -> dict[str, Survivor]:
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, lost.set)
        loop.add_signal_handler(signal.SIGUSR2, lost.clear)
        loop.add_signal_handler(signal.SIGHUP, lambda: self.degraded.append(LACKED))
        return await super().open(lambda nodes: on_nodes(() if lost.is_set() else nodes), known)


@contextmanager
def remote(folder: Path, *, silence: float | None = None, port: int = 0) -> Iterator[Remote]:
    """A location on a port of 127.0.0.1, free if not given, in a process of its own, ended with the block.

    ``silence`` is how long it waits for a session that says nothing (seconds), where a test cannot wait two minutes.
    """
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.remote",
            folder,
            str(silence or ""),
            str(port or "*"),
        ],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield Remote(folder, process, json.loads(process.stdout.readline()))
    finally:
        for number in (signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        process.wait(30)
        process.stdout.close()


async def serve(folder: Path, port: str) -> None:
    """What the process does."""
    keys: KeyPair = load_or_create(folder / "location.key")
    users = [load_or_create(folder / f"user-{n}.key") for n in range(_USERS)]
    for name in ("state", "run"):
        (folder / name).mkdir(exist_ok=True)
    engine = UnsteadyEngine(folder / "state" / "engine", folder / "run", {})
    house = House(
        (f"tcp://127.0.0.1:{port}",),
        keys,
        known(folder, users),
        lambda bound: Plate("far", bound[0], keys.public),
        folder / "state" / "sessions.sqlite",
    )
    server = Server(engine, folder / "state" / "images", house, idle=None)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    plate = await server.open()
    print(json.dumps(int(plate.endpoint.rpartition(":")[2])), flush=True)
    await server.run(closing=lambda: None)


def known(folder: Path, users: list[KeyPair]) -> Accounts:
    """The first user is the location's own, the others have joined."""
    accounts = Accounts(users[0].public, folder / "accounts.sqlite")
    for number, user in enumerate(users[1:]):
        if accounts.standing(user.public) is None:
            token = make_keys().public
            accounts.invite(f"user{number}", token, 60.0, Limits())
            accounts.join(token, user.public)
    return accounts


if __name__ == "__main__":
    folder, silence, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    logging.basicConfig(filename=folder / "location.log", level=logging.INFO)
    if silence:
        wire.SILENCE = float(silence)
    asyncio.run(serve(folder, port))
