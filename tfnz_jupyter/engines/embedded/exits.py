"""How processes end and why they do not start, in words for people. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...errors import ContainerEnded, EngineFailed, TfnzError
from .. import reasons
from ..base import ContainerSpec, Exit
from .messages import OVER

# What crun says on standard error when execve itself fails, after it has let go of everything else.
_LATE_ERRORS = (b"exec container process ", b"exec: ", b"exec `")


def from_status(status: int, out_of_memory: bool) -> Exit:
    """From waitpid's status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        reason = "out of memory: its memory limit was reached" if out_of_memory else ""
        return Exit(signal=number, reason=reason)
    return Exit(code=os.WEXITSTATUS(status))


def is_late_error(words: bytes) -> bool:
    """Whether a process's first words on standard error may be crun's about an execve that failed."""
    return words.startswith(_LATE_ERRORS)


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
            return reasons.no_interpreter(command, image, words)
        return reasons.no_command(command, image)
    if "exec format error" in lower:
        return reasons.no_program(command, image, words)
    if "cwd" in lower or "chdir" in lower:
        return EngineFailed(f"no such working directory in image {image}", detail=words)
    if "permi" in lower and ("exec" in lower or "open" in lower):
        return reasons.not_allowed(command, image, words)
    return reasons.unexplained(command, image, words)
