"""``%tf exec`` and ``%%tf exec``: a command run in a container, its output printed into the cell as it comes."""

from __future__ import annotations

import contextlib
import shlex
import signal
import threading
from collections.abc import Sequence

from ..blocking import Interrupted
from ..errors import CommandFailed, Ended, TimedOut
from ..grammar import Script
from ..sdk.container import Container
from ..sdk.process import Process
from .follow import follow

_LAST = 5  # lines of a failed command that its error repeats
_LONGEST_ARGUMENT = 100_000  # characters; Linux takes 128 KiB in one word
_PATIENCE = 1.0  # seconds an interrupted command has to end by itself


def execute(container: Container, command: Sequence[str], input: bytes = b"") -> None:
    """Run a command with that standard input, its output printed here as it comes.

    Raises:
        CommandFailed: it returned non-zero.
        Interrupted: the user did; the command was ended.
    """
    process = container.spawn_process(list(command))
    words = _shown(command)
    try:
        threading.Thread(
            target=_feed, args=(process, input), name="tfnz-input", daemon=True
        ).start()
        follow(process.log)
        code = process.wait_exit()
    except KeyboardInterrupt:
        _end(process)
        raise Interrupted(f"{words} was ended") from None
    if code != 0:
        how = (
            f"returned {code}" if code is not None else f"ended, nobody knows how: {process.reason}"
        )
        last = process.log.text(_LAST).decode("utf-8", "replace")
        raise CommandFailed(f"{words} {how}", detail=last)


def execute_script(container: Container, script: Script) -> None:
    """Run a cell: as the input of its command or of what its first line names, else by the shell.

    Raises:
        CommandFailed, Interrupted: as :func:`execute`.
    """
    first, _, _ = script.body.partition("\n")
    if script.command:
        command, feeds = list(script.command), True
    elif first.startswith("#!"):
        command, feeds = shlex.split(first[2:]) or ["/bin/sh"], True
    elif len(script.body) > _LONGEST_ARGUMENT:
        command, feeds = ["/bin/sh", "-s"], True
    else:
        command, feeds = ["/bin/sh", "-c", script.body], False
    execute(container, command, script.body.encode() if feeds else b"")


def _feed(process: Process, input: bytes) -> None:
    with contextlib.suppress(Ended):  # it did not want all of it
        process.stdin(input)
        process.stdin_eof()


def _shown(command: Sequence[str]) -> str:
    """A command in an error: the cell itself is in sight already."""
    return "the cell" if list(command[:2]) == ["/bin/sh", "-c"] else shlex.join(command)


def _end(process: Process) -> None:
    process.kill(signal.SIGTERM)
    try:
        process.wait_exit(_PATIENCE)
    except TimedOut:
        process.kill(signal.SIGKILL)
