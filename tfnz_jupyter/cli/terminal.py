"""A shell in a container, in the terminal we run in: raw keys one way, raw bytes the other, and its size kept the same."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ..errors import Ended, UsageError
from ..sdk.container import Container
from ..sdk.process import Process
from .foreground import UNKNOWN, to

Typed = TypeVar("Typed", Process, Container)
#: ``start(write, over, size)`` begins what has the terminal: ``write`` gets what it prints, ``over`` is told its end.
Start = Callable[[Callable[..., None], Callable[..., None], tuple[int, int]], Typed]


def shell(container: Container, command: list[str] | None) -> int:
    """A shell in a container, or another command; the exit code. Raises as :func:`attend`."""

    def start(
        write: Callable[..., None], over: Callable[..., None], size: tuple[int, int]
    ) -> Process:
        if command:
            return container.spawn_process(command, write, over, terminal=size)
        return container.spawn_shell(
            data_callback=write, termination_callback=over, echo=True, terminal=size
        )

    return attend(start)


def attend(start: Start[Typed]) -> int:
    """Be the terminal of what ``start`` begins, until that ends; the exit code.

    Raises:
        UsageError: we do not run in a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "this needs a terminal", hint="tfnz exec NAME COMMAND, and spawn without -t, need none."
        )
    ended, tell_ended = os.pipe()
    try:
        with _raw():  # before there is a prompt: what is typed at it must not be lost
            process = _start(start, tell_ended)
            with _sized(process):
                _type(process, ended)
    finally:
        os.close(ended)
    code = process.wait_exit()
    return UNKNOWN if code is None else code


def _start(start: Start[Typed], tell_ended: int) -> Typed:
    """What has the terminal, of our size; ``tell_ended`` is closed when it is over."""
    here = os.get_terminal_size(sys.stdout.fileno())
    size, write = (here.columns, here.lines), to(sys.stdout.buffer)

    def over(process: object, code: int | None) -> None:
        os.close(tell_ended)

    return start(write, over, size)


def _type(process: Process | Container, ended: int) -> None:
    """Pass keys on until the process has ended."""
    keys = sys.stdin.fileno()
    with suppress(Ended):
        while ended not in select.select([keys, ended], [], [])[0]:
            if not (data := os.read(keys, 1 << 12)):
                process.stdin_eof()
                select.select([ended], [], [])
                return
            process.stdin(data)


@contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _sized(process: Process | Container) -> Iterator[None]:
    """Keep the container's terminal as large as ours."""

    def follow(*_: Any) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        with suppress(Ended):
            process.resize(size.columns, size.lines)

    before = signal.signal(signal.SIGWINCH, follow)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
