"""Asking and answering, and all that may be said in a session's numbered places."""

from __future__ import annotations

from typing import ClassVar

from .base import Said
from .containers import ContainerChanged
from .endpoints import EndpointsChanged
from .externals import ExternalOffered
from .nodes import EngineLacks, NodesChanged, Offered
from .processes import ProcessEnded
from .streams import Chunk, Credit, End, Skipped
from .unions import Value, Verb
from .usage import UsageChanged
from .volumes import VolumeGone, VolumeOffered


class Call(Said, frozen=True, tag="call"):
    """Ask for something; answered once by ``Result`` or ``Failed`` with the same id.

    ``again``: it was asked of this location before it was killed. It is done if that cannot do it twice; else its answer
    is whether its effect is there.
    """

    id: int
    verb: Verb
    again: bool = False
    from_server: ClassVar[bool] = False


class Cancel(Said, frozen=True, tag="cancel"):
    """The caller no longer wants it; the call is still answered."""

    id: int
    from_server: ClassVar[bool] = False


class Result(Said, frozen=True, tag="result"):
    """A call succeeded."""

    id: int
    value: Value
    from_client: ClassVar[bool] = False


class Failed(Said, frozen=True, tag="failed"):
    """A call failed; the fields are those of ``errors.to_wire``."""

    id: int
    code: str
    message: str
    hint: str = ""
    detail: str = ""
    from_client: ClassVar[bool] = False


class Progressed(Said, frozen=True, tag="progressed"):
    """How far a call is."""

    id: int
    step: str
    text: str = ""
    done: int = 0
    total: int | None = None
    from_client: ClassVar[bool] = False


Message = (
    Call
    | Cancel
    | Result
    | Failed
    | Progressed
    | Chunk
    | Skipped
    | Credit
    | End
    | NodesChanged
    | EngineLacks
    | Offered
    | ExternalOffered
    | VolumeOffered
    | VolumeGone
    | ContainerChanged
    | ProcessEnded
    | EndpointsChanged
    | UsageChanged
)
