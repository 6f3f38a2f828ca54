"""A real Jupyter kernel, and what a front end sees of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

Message = dict[str, Any]


@dataclass
class Ran:
    """One cell's run: its reply, and the messages it published."""

    status: str
    messages: list[Message] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Message]:
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(content["text"] for content in self.of("stream"))

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The bundles that were displayed, the value of the cell among them."""
        return [content["data"] for content in self.of("display_data", "execute_result")]

    @property
    def error(self) -> Message:
        (content,) = self.of("error")
        return content


class Kernel:
    """A kernel with the extension loaded."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.stray: list[Message] = []

    def run(self, code: str, *, meanwhile: Callable[[Message], None] | None = None) -> Ran:
        """Run a cell to its end; ``meanwhile`` is told every message of it as it comes."""
        request = self.client.execute(code)
        ran = Ran("")
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                self.stray.append(message)
                continue
            ran.messages.append(message)
            if meanwhile:
                meanwhile(message)
            if ran.messages[-1]["content"].get("execution_state") == "idle":
                break
        ran.status = self._reply(request)["content"]["status"]
        return ran

    def _reply(self, request: str) -> Message:
        while True:
            reply: Message = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == request:
                return reply

    def ok(self, code: str) -> Ran:
        """Run a cell that must succeed."""
        ran = self.run(code)
        assert ran.status == "ok", ran.of("error")
        return ran

    def complete(self, line: str) -> list[str]:
        """What TAB offers at the end of a line."""
        content = self._reply(self.client.complete(line, len(line)))["content"]
        assert content["cursor_end"] == len(line)
        return list(content["matches"])

    def published(self, kind: str, within: float, ran: Ran | None = None) -> Message:
        """The next message of a kind: one of a cell that has run, one that came outside of cells, or one yet to come."""
        deadline = time.monotonic() + within
        for message in ran.messages if ran else ():
            if message["msg_type"] == kind:
                return message
        while True:
            for message in self.stray:
                if message["msg_type"] == kind:
                    self.stray.remove(message)
                    return message
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind} within {within} s"
            with contextlib.suppress(Empty):
                self.stray.append(self.client.get_iopub_msg(timeout=left))


@contextmanager
def kernel(*, load: bool = True) -> Iterator[Kernel]:
    """A fresh one, with the extension unless told otherwise, for as long as this lasts."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        fresh = Kernel(manager, client)
        if load:
            fresh.ok("%load_ext tfnz_jupyter")
        yield fresh
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel()
