"""A location of the tests' own that listens on TCP, as one on another machine does, and sessions with it by its address."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfnz_jupyter.blocking import block
from tfnz_jupyter.engines.embedded import EmbeddedEngine
from tfnz_jupyter.keyring import KeyPair, load_or_create
from tfnz_jupyter.sdk.address import Address
from tfnz_jupyter.sdk.connection import Connection
from tfnz_jupyter.sdk.location import Location
from tfnz_jupyter.server.location import Location as Server

ROOT = Path(__file__).parents[2]


class Remote:
    """A running location: where it listens, and the account that it knows."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.folder, self.process, self.port = folder, process, port
        self.keys = load_or_create(folder / "location.key")
        self.user = load_or_create(folder / "user.key")

    def address(self, port: int | None = None, *, host: str = "127.0.0.1") -> Address:
        """Where a session connects: to the location, or to a proxy before it."""
        return Address(f"tcp://{host}:{port or self.port}", self.keys.public, self.user)

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


@contextmanager
def remote(folder: Path) -> Iterator[Remote]:
    """A location on a free port of 127.0.0.1, in a process of its own, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.remote", str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield Remote(folder, process, json.loads(process.stdout.readline()))
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)
        process.stdout.close()


async def serve(folder: Path) -> None:
    """What the process does."""
    keys: KeyPair = load_or_create(folder / "location.key")
    user = load_or_create(folder / "user.key")
    for name in ("state", "run"):
        (folder / name).mkdir(exist_ok=True)
    engine = EmbeddedEngine(folder / "state" / "engine", folder / "run")
    server = Server(
        engine, folder / "state" / "images", endpoint="tcp://127.0.0.1:*", keys=keys, idle=None
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.open(frozenset([user.public]))
    print(json.dumps(bound_port(server)), flush=True)
    await server.run(closing=lambda: None)


def bound_port(server: Any) -> int:
    """The port that libzmq chose."""
    return int(server._router._socket.last_endpoint.decode().rpartition(":")[2].rstrip("\0"))


if __name__ == "__main__":
    import logging

    logging.basicConfig(filename=os.path.join(sys.argv[1], "location.log"), level=logging.INFO)
    asyncio.run(serve(Path(sys.argv[1])))
