"""What Docker, and the runtime below it, say when something does not start, in words for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import EngineFailed, TfnzError, UsageError
from .. import reasons
from ..base import ContainerSpec

#: What the runtime prints in the program's name when the kernel refuses to execute it.
_LATE = re.compile(
    rb"(exec |\S+_linux\.go:\d+: )[^\n]*: (exec format error|no such file|permission)"
)
_REFUSALS = (
    b"OCI runtime exec failed",
    b"OCI runtime start failed",
    b"unable to find user",
    b"exec failed",
)


def is_late(said: bytes) -> bool:
    """Whether a process's first words are the runtime's, about an execve that failed."""
    return _LATE.match(said) is not None


def is_refusal(said: bytes) -> bool:
    """Whether they are Docker's, about a process that was not made."""
    return said.startswith(_REFUSALS)


def why(said: str, argv: Sequence[str], spec: ContainerSpec) -> TfnzError:
    """The error for what was said when ``argv`` could not be started."""
    command, image, lower = argv[0] if argv else "", spec.image.reference, said.lower()
    if "unable to find user" in lower or "unable to find group" in lower:
        return UsageError(
            f"no user {_unknown(said, spec)!r} in the image",
            hint="Give a name that is in the image's /etc/passwd, or a number.",
        )
    late = is_late(said.encode())
    if "executable file not found" in lower or (
        "no such file" in lower and not late and "exec" in lower
    ):
        return reasons.no_command(command, image)
    if late and "no such file" in lower:
        return reasons.no_interpreter(command, image, said)
    if "exec format error" in lower:
        return reasons.no_program(command, image, said)
    if "permission denied" in lower or "is a directory" in lower:
        return reasons.not_allowed(command, image, said)
    if "no space left" in lower:
        return EngineFailed("the Docker host's disk is full", detail=said)
    return reasons.unexplained(command, image, said)


def _unknown(said: str, spec: ContainerSpec) -> str:
    named = re.search(r"unable to find (?:user|group) ([^:]+):", said)
    return named[1] if named else spec.user
