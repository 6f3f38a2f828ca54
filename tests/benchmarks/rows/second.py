"""A second client of a kernel: what a trivial cell costs, and all that the kernel publishes meanwhile, counted.

It speaks to the kernel's own sockets, without the page's server between, and never drops a message for being slow.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

_BORDER = b"<IDS|MSG>"


@dataclass
class Heard:
    """What was seen in ``seconds``: round trips of ``pass`` in seconds, and messages that were not about them."""

    seconds: float = 0.0
    trips: list[float] = field(default_factory=list)
    messages: int = 0
    size: int = 0  # bytes
    biggest: int = 0  # bytes

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


class Second:
    """Made from a kernel's connection file; use it in a ``with``."""

    def __init__(self, connection_file: Path) -> None:
        info = json.loads(connection_file.read_text())
        self._session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
        self._context = zmq.Context()
        self._shell = self._socket(zmq.DEALER, info, "shell_port", self._session.bsession)
        self._published = self._socket(zmq.SUB, info, "iopub_port")
        self._published.subscribe(b"")
        while not self._idle(self._ask("pass"), Heard(), time.monotonic() + 1):
            pass  # the subscription takes a moment: a cell whose end is heard shows that it is there
        self._answered()

    def _socket(self, kind: int, info: dict[str, Any], port: str, identity: bytes = b"") -> Any:
        socket = self._context.socket(kind)
        socket.linger, socket.rcvhwm = 0, 0
        if identity:
            socket.identity = identity
        socket.connect(f"{info['transport']}://{info['ip']}:{info[port]}")
        return socket

    def __enter__(self) -> Second:
        return self

    def __exit__(self, *problem: object) -> None:
        self._context.destroy(linger=0)

    def run(self, code: str, within: float = 60.0) -> None:
        """Run a cell, and wait until it is over; its errors are the caller's."""
        if not self._idle(self._ask(code), Heard(), time.monotonic() + within):
            raise SystemExit(f"{code!r} did not end within {within} s")
        self._answered()

    def listen(self, seconds: float, every: float = 0.1) -> Heard:
        """Round trips, one ``every`` so many seconds, and whatever else is published."""
        heard, begin = Heard(), time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            start = time.perf_counter()
            if not self._idle(self._ask("pass"), heard, now + 60):
                raise SystemExit("the kernel did not answer for a minute")
            heard.trips.append(time.perf_counter() - start)
            self._idle("", heard, now + every)
        heard.seconds = time.monotonic() - begin
        self._answered()
        return heard

    def _ask(self, code: str) -> str:
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
        sent = self._session.send(self._shell, "execute_request", content)
        return str(sent["header"]["msg_id"])

    def _answered(self) -> None:
        while self._shell.poll(100):
            self._shell.recv_multipart()

    def _idle(self, asked: str, heard: Heard, until: float) -> bool:
        """Take in what is published until that request is over; False when the time is."""
        while (left := until - time.monotonic()) > 0:
            if not self._published.poll(left * 1000):
                return False
            parts = self._published.recv_multipart()
            at = parts.index(_BORDER)
            header, parent = json.loads(parts[at + 2]), json.loads(parts[at + 3])
            if parent.get("msg_id") == asked:
                if b'"idle"' in parts[at + 5]:
                    return True
            elif header["msg_type"] not in ("status", "execute_input"):
                size = sum(map(len, parts))
                heard.messages += 1
                heard.size += size
                heard.biggest = max(heard.biggest, size)
        return False
