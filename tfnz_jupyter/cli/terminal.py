"""A shell in a container, in the terminal we run in: raw keys one way, raw bytes the other, and its size kept the same."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import Ended, UsageError
from ..sdk.container import Container
from ..sdk.process import Process
from .foreground import UNKNOWN, to


def shell(container: Container, command: list[str] | None) -> int:
    """Be its terminal until it ends; the exit code.

    Raises:
        UsageError: we do not run in a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a shell needs a terminal", hint="tfnz exec NAME COMMAND runs a command without one."
        )
    ended, tell_ended = os.pipe()
    try:
        with _raw():  # before there is a prompt: what is typed at it must not be lost
            process = _start(container, command, tell_ended)
            with _sized(process):
                _type(process, ended)
    finally:
        os.close(ended)
    code = process.wait_exit()
    return UNKNOWN if code is None else code


def _start(container: Container, command: list[str] | None, tell_ended: int) -> Process:
    """The process, of our size; ``tell_ended`` is closed when it is over."""
    here = os.get_terminal_size(sys.stdout.fileno())
    size, write = (here.columns, here.lines), to(sys.stdout.buffer)

    def over(process: Process, code: int | None) -> None:
        os.close(tell_ended)

    if command:
        return container.spawn_process(command, write, over, terminal=size)
    return container.spawn_shell(
        data_callback=write, termination_callback=over, echo=True, terminal=size
    )


def _type(process: Process, ended: int) -> None:
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
def _sized(process: Process) -> Iterator[None]:
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
