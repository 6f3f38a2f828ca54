"""Everything that can go wrong, by whose fault it is.

    TfnzError
    ├── UsageError (ValueError)              you asked for something that has no meaning
    │   └── WrongCall (TypeError)            a verb does not take these arguments
    ├── NotFound (KeyError)                  no such thing, or not yours: the two are one
    │   ├── ImageNotFound (RuntimeError)     no source knows the image
    │   └── NoSuchFile (FileNotFoundError)   there is nothing at that path
    ├── Refused (PermissionError)            it exists, and you may not
    ├── Ended (ValueError)                   it was there and is over
    │   ├── ContainerEnded                   the container has exited or was destroyed
    │   └── SessionEnded (ConnectionError)   the session with the location is over
    ├── Unreachable (ConnectionError)        nobody answers where you point
    ├── TimedOut (TimeoutError)              the time you gave has run out
    ├── ProtocolError (ValueError)           the other end speaks something else
    ├── NotSupported (NotImplementedError)   this engine, or this machine, cannot do it
    ├── EngineFailed (RuntimeError)          the machinery underneath failed
    ├── FileFailed (OSError)                 a file could not be read, written or made
    └── CommandFailed (RuntimeError)         the command ran, and returned non-zero

Each class is also a builtin, so that an ordinary ``except KeyError`` works. A ``hint`` says the next step. ``code`` is the
class's name on the wire; :func:`to_wire` and :func:`from_wire` are inverse for every class of the tree.
"""

from __future__ import annotations

import linecache
import os
import re
from types import TracebackType
from typing import ClassVar

#: What the last lines of a container may not hold: sequences of a terminal, controls, marks that turn text around.
_UNPRINTABLE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_OURS = os.path.dirname(__file__)
_SHELL = f"{os.sep}IPython{os.sep}"


class TfnzError(Exception):
    """The base of every error this package raises on purpose.

    Args:
        message: what happened, naming the thing it happened to.
        hint: the next step for the user, or empty.
        detail: last lines of output of the container or tool concerned, or empty.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        parts = [self.message]
        if self.detail:
            lines = _UNPRINTABLE.sub("", self.detail).rstrip().split("\n")
            parts.append("\n".join(f"  | {line}" for line in lines))
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return (from_wire, (self.code, self.message, self.hint, self.detail))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the user's line, the reason, the last lines, the next step; none of our frames."""
        return [*users_line(self.__traceback__), f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


def users_line(traceback: TracebackType | None) -> list[str]:
    """The line of the user's that asked us for what failed, for a notebook; none where a magic did."""
    found: list[str] = []
    while traceback is not None:
        file, number = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        if file.startswith(_OURS):
            break
        line = linecache.getline(file, number).strip()
        found = [f"\x1b[32m---->\x1b[0m {number} {line}"] if line and _SHELL not in file else []
        traceback = traceback.tb_next
    return found


class UsageError(TfnzError, ValueError):
    """An argument has no meaning here; the message names it."""

    code = "usage"


class WrongCall(UsageError, TypeError):
    """A verb does not take arguments of those names, or so many; the hint has what it takes."""

    code = "wrong-call"


class NotFound(TfnzError, KeyError):
    """Nothing of yours answers to that id, name or tag."""

    code = "not-found"


class ImageNotFound(NotFound, RuntimeError):
    """No source (store, local Docker or Podman, file, registry, recipe) has the image."""

    code = "image-not-found"


class NoSuchFile(NotFound, FileNotFoundError, ValueError):
    """There is nothing at that path of the container, or of this machine."""

    code = "no-such-file"


class Refused(TfnzError, PermissionError):
    """The location understood, and will not."""

    code = "refused"


class Ended(TfnzError, ValueError):
    """The object existed and is over."""

    code = "ended"


class ContainerEnded(Ended):
    """The container has exited or was destroyed; ``detail`` has its last lines."""

    code = "container-ended"


class SessionEnded(Ended, ConnectionError):
    """The session with the location is over, and with it everything it owned."""

    code = "session-ended"


class Unreachable(TfnzError, ConnectionError):
    """Nobody answers at that address, or not in the way a location does."""

    code = "unreachable"


class TimedOut(TfnzError, TimeoutError):
    """The condition did not become true in the time that was given."""

    code = "timed-out"


class ProtocolError(TfnzError, ValueError):
    """The other end sent what this version does not understand."""

    code = "protocol"


class NotSupported(TfnzError, NotImplementedError):
    """The engine, or the machine it runs on, cannot do this; the message says why."""

    code = "not-supported"


class EngineFailed(TfnzError, RuntimeError):
    """The container runtime, the kernel or a tool failed; ``detail`` has its words."""

    code = "engine-failed"


class FileFailed(TfnzError, OSError, ValueError):
    """A file could not be read, written or made; the message has the kernel's reason."""

    code = "file-failed"


class CommandFailed(TfnzError, RuntimeError):
    """The command ran and returned non-zero; ``detail`` has its last lines."""

    code = "command-failed"


def all_errors() -> dict[str, type[TfnzError]]:
    """Every class of the tree by its code."""
    found: dict[str, type[TfnzError]] = {}
    todo: list[type[TfnzError]] = [TfnzError]
    while todo:
        cls = todo.pop()
        found[cls.code] = cls
        todo.extend(cls.__subclasses__())
    return found


def to_wire(error: BaseException) -> tuple[str, str, str, str]:
    """(code, message, hint, detail) of any exception; a foreign one keeps its name in the message."""
    if isinstance(error, TfnzError):
        return error.code, error.message, error.hint, error.detail
    return TfnzError.code, f"{type(error).__name__}: {error}", "", ""


def from_wire(code: str, message: str, hint: str = "", detail: str = "") -> TfnzError:
    """The exception a code stands for; an unknown code gives the base class."""
    return all_errors().get(code, TfnzError)(message, hint=hint, detail=detail)
