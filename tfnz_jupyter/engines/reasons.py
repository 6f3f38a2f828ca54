"""Why a command does not run, and what a signal is, in the words of every engine. Pure."""

from __future__ import annotations

import re
import signal

from ..errors import EngineFailed, UsageError

_UNEXPLAINED = "did not start"


def signal_number(name: str) -> int:
    """``SIGTERM``, ``TERM``, ``15`` or ``SIGRTMIN+3`` as a number.

    Raises:
        UsageError: there is no such signal.
    """
    text = name.strip().upper().removeprefix("SIG")
    if text.isascii() and text.isdigit() and 0 < int(text) <= signal.SIGRTMAX:
        return int(text)
    match = re.fullmatch(r"RTMIN\+(\d+)|RTMAX-(\d+)", text)
    if match:
        number = signal.SIGRTMIN + int(match[1]) if match[1] else signal.SIGRTMAX - int(match[2])
        if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
            return number
    found = signal.Signals.__members__.get(f"SIG{text}")
    if found is None:
        raise UsageError(f"no such signal: {name!r}")
    return int(found)


def no_command(command: str, image: str) -> EngineFailed:
    """There is no such command in the image; ``image`` is the reference to it."""
    hint = "The image has no shell: give the command as a list." if command == "/bin/sh" else ""
    return EngineFailed(f"no such command {command!r} in image {image}", hint=hint)


def no_interpreter(command: str, image: str, detail: str = "") -> EngineFailed:
    """It is a script, and what should run it is not there."""
    return EngineFailed(
        f"{command!r} in image {image} names an interpreter that is not there", detail=detail
    )


def no_program(command: str, image: str, detail: str = "") -> EngineFailed:
    """The kernel does not know what it is."""
    return EngineFailed(
        f"{command!r} in image {image} is no program for this machine",
        detail=detail,
        hint="Is the image for another architecture, or the script without a '#!' line?",
    )


def not_allowed(command: str, image: str, detail: str = "") -> EngineFailed:
    """It is a folder, or nobody may execute it."""
    return EngineFailed(f"{command!r} in image {image} may not be executed", detail=detail)


def unexplained(command: str, image: str, detail: str) -> EngineFailed:
    """What was said is nothing that its user can mend."""
    return EngineFailed(f"{command!r} in image {image} {_UNEXPLAINED}", detail=detail)


def is_unexplained(error: EngineFailed) -> bool:
    """Whether the reason may be that its container was just ending."""
    return error.message.endswith(_UNEXPLAINED)
