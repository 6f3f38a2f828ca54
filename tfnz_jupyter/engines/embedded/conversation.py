"""The keeper's end of the conversation with a location: one at a time, never waiting for it."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable

from . import messages
from .messages import News, Request
from .reactor import READ, WRITE, Reactor


class Conversation:
    """Reads requests, queues what is to be said while a location does not read.

    Args:
        reactor: tells when the location can be read and written.
        on_request: called with each of its messages.
        on_end: called when it has gone.
    """

    def __init__(
        self, reactor: Reactor, on_request: Callable[[Request], None], on_end: Callable[[], None]
    ) -> None:
        self._reactor, self._on_request, self._on_end = reactor, on_request, on_end
        self._location: socket.socket | None = None
        self._outbox: deque[tuple[News, list[int]]] = deque()

    @property
    def going_on(self) -> bool:
        return self._location is not None

    def begin(self, location: socket.socket) -> None:
        location.setblocking(False)
        self._location = location
        self._reactor.watch(location, self._on_ready)

    def say(self, message: News, fds: list[int] | None = None) -> None:
        """To the location, if there is one. The descriptors are closed here once they are on their way."""
        if self._location is None:
            close_all(fds or [])
            return
        self._outbox.append((message, fds or []))
        self._flush(self._location)

    def _on_ready(self) -> None:
        location = self._location
        assert location is not None
        try:
            self._flush(location)
            data, fds = messages.receive(location)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        close_all(fds)
        if data:
            self._on_request(messages.request(data))
        else:
            self._end(location)

    def _end(self, location: socket.socket) -> None:
        self._reactor.forget(location)
        location.close()
        self._location = None
        for _message, fds in self._outbox:
            close_all(fds)
        self._outbox.clear()
        self._on_end()

    def _flush(self, location: socket.socket) -> None:
        waiting = bool(self._outbox)
        while self._outbox:
            message, fds = self._outbox[0]
            try:
                messages.send(location, message, fds)
            except BlockingIOError:
                self._reactor.watch(location, self._on_ready, READ | WRITE)
                return
            except OSError:
                pass  # it is gone, which the next read will say
            self._outbox.popleft()
            close_all(fds)
        if waiting:
            self._reactor.watch(location, self._on_ready)


def close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
