"""How processes end and why they do not start, in words for people. Pure."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence

from ...errors import ContainerEnded, EngineFailed, TfnzError, UsageError
from ..base import ContainerSpec, Exit
from .messages import OVER

# What crun says on standard error when execve itself fails, after it has let go of everything else.
_LATE_ERRORS = (b"exec container process ", b"exec: ", b"exec `")
_UNEXPLAINED = "did not start"


def from_status(status: int, out_of_memory: bool) -> Exit:
    """From waitpid's status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        reason = "out of memory: its memory limit was reached" if out_of_memory else ""
        return Exit(signal=number, reason=reason)
    return Exit(code=os.WEXITSTATUS(status))


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


def is_late_error(words: bytes) -> bool:
    """Whether a process's first words on standard error may be crun's about an execve that failed."""
    return words.startswith(_LATE_ERRORS)


def is_unexplained(error: EngineFailed) -> bool:
    """Whether the reason may be that its container was just ending."""
    return error.message.endswith(_UNEXPLAINED)


def no_command(command: str, spec: ContainerSpec) -> EngineFailed:
    """The error for a command that is not there."""
    hint = "The image has no shell: give the command as a list." if command == "/bin/sh" else ""
    return EngineFailed(f"no such command {command!r} in image {spec.image.reference}", hint=hint)


def why(words: str, argv: Sequence[str], spec: ContainerSpec) -> TfnzError:
    """The error for what crun (or the keeper) said when it could not start ``argv``."""
    command, image = argv[0] if argv else "", spec.image.reference
    lower = words.lower()
    if words == OVER or "is not running" in lower:
        return ContainerEnded(f"container {spec.id} has ended")
    if "not found in $path" in lower or (
        "no such file" in lower and ("executable" in lower or is_late_error(words.encode()))
    ):
        if is_late_error(words.encode()):
            return EngineFailed(
                f"{command!r} in image {image} names an interpreter that is not there", detail=words
            )
        return no_command(command, spec)
    if "exec format error" in lower:
        return EngineFailed(
            f"{command!r} in image {image} is no program for this machine",
            detail=words,
            hint="Is the image for another architecture, or the script without a '#!' line?",
        )
    if "cwd" in lower or "chdir" in lower:
        return EngineFailed(f"no such working directory in image {image}", detail=words)
    if "permi" in lower and ("exec" in lower or "open" in lower):
        return EngineFailed(f"{command!r} in image {image} may not be executed", detail=words)
    return EngineFailed(f"{command!r} in image {image} {_UNEXPLAINED}", detail=words)
