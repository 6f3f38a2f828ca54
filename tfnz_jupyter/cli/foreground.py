"""What runs in a container, in the foreground of a shell: its output is ours, our input its, its exit code ours."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from ..errors import ContainerEnded, TfnzError, TimedOut
from ..sdk.container import Container
from ..sdk.process import Process

INTERRUPTED = 130
UNKNOWN = 125  # as docker says it: nobody knows how it ended
_PATIENCE = 1.0  # seconds an interrupted command has to end by itself


def to(stream: BinaryIO) -> Callable[[object, bytes], None]:
    """A callback that writes what comes to one of our own outputs, and waits where that is slow."""

    def write(_: object, data: bytes) -> None:
        with suppress(BrokenPipeError):  # | head: nobody reads any more
            stream.write(data)
            stream.flush()

    return write


class Written(threading.Event):
    """As a ``termination_callback``: set once all that was printed is written, as callbacks are called in order."""

    def __call__(self, _: object, __: int | None) -> None:
        self.set()


def attend(container: Container, written: Written, *, feeds: bool = False) -> int:
    """Stay until a container's command has ended, or we are interrupted, which ends it; the exit code.

    ``feeds``: our standard input is its.
    """
    if feeds:
        _pass_on(container)
    with as_interrupts():
        try:
            return _code(container, written)
        except KeyboardInterrupt:
            with suppress(ContainerEnded):
                container.destroy()
            return INTERRUPTED


def execute(container: Container, command: list[str]) -> int:
    """Run a command in a container to its end; the exit code."""
    out, err, written = to(sys.stdout.buffer), to(sys.stderr.buffer), Written()
    process = container.spawn_process(command, out, written, err)
    with as_interrupts():
        try:
            _feed(process)
            return _code(process, written)
        except KeyboardInterrupt:
            _end(process)
            return INTERRUPTED


def stay() -> int:
    """Stay until we are interrupted; that is what ends a tunnel, a server, a published name."""
    with interruptible():
        threading.Event().wait()
    return 0


def _feed(process: Process) -> None:
    """Give it our standard input; that of a terminal is the shell's, not its."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        process.stdin_eof()
    else:
        _pass_on(process)


def _pass_on(process: Process | Container) -> None:
    """Give it our standard input, whatever that is, for as long as it reads."""

    def feed() -> None:
        with suppress(TfnzError):  # it is over, or never came to be: whoever waits for it says so
            while data := os.read(sys.stdin.fileno(), 1 << 16):
                process.stdin(data)
            process.stdin_eof()

    threading.Thread(target=feed, name="tfnz-stdin", daemon=True).start()


def _end(process: Process) -> None:
    process.kill(signal.SIGTERM)
    try:
        process.wait_exit(_PATIENCE)
    except TimedOut:
        process.kill(signal.SIGKILL)


def _code(ending: Process | Container, written: Written) -> int:
    """How it ended, once it has, and whoever reads our outputs has taken all of them."""
    code = ending.wait_exit()
    written.wait()
    return UNKNOWN if code is None else code


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this, an interrupt is the end of it, and no error."""
    with as_interrupts(), suppress(KeyboardInterrupt):
        yield


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Within this, SIGTERM and SIGHUP are like Ctrl-C."""
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
