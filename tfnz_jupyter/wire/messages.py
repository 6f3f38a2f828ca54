"""Every message there is, one frozen class each.

Three levels. *Packets* make and keep a session. A ``Data`` packet carries one *message* in its numbered place. A ``Call``
carries one *verb*: what a program may ask of a location. Bulk bytes (``Chunk``) ride behind the packet as a frame of their
own, uncopied.

Whatever a program names (containers, processes, tunnels, streams) it names itself, so that nothing has to wait for an
answer before the next thing can be said.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

WIRE_VERSION = 1


class _Message(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    """What all of them are."""

    from_client: ClassVar[bool] = True
    from_server: ClassVar[bool] = True


# --- verbs: client to server, inside a Call ---------------------------------------------------------------------------


class _Verb(_Message, frozen=True):
    from_server: ClassVar[bool] = False


class EnsureImage(_Verb, frozen=True, tag="ensure-image"):
    """Make an image ready to boot. Result: ``ImageReady``. Progress comes as ``Progressed`` with the call's id."""

    reference: str


class ListImages(_Verb, frozen=True, tag="list-images"):
    """What the store holds. Result: ``Images``."""


class Spawn(_Verb, frozen=True, tag="spawn"):
    """Boot a container. Result: ``Done`` at once; what becomes of it comes as ``ContainerChanged``.

    ``output`` and ``input`` are the stream ids the client gave its log and its standard input.
    """

    container: str
    name: str
    image: str
    output: int
    input: int
    node: str = ""
    command: list[str] | None = None
    env: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    cwd: str = ""
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    lossless: bool = False


class Destroy(_Verb, frozen=True, tag="destroy"):
    """End a container. Result: ``Done`` once nothing of it is left."""

    container: str
    grace: float = 1.0


class FollowLog(_Verb, frozen=True, tag="follow-log"):
    """Send a container's log on a stream, from the first byte still held and losing none. Result: ``Done``."""

    container: str
    output: int


class Execute(_Verb, frozen=True, tag="execute"):
    """One more process in a container. Result: ``Done`` once it runs; its end comes as ``ProcessEnded``."""

    container: str
    process: str
    command: list[str]
    output: int
    input: int
    env: list[tuple[str, str]] = []
    cwd: str = ""
    user: str = ""


class Signal(_Verb, frozen=True, tag="signal"):
    """Send a signal to a process. Result: ``Done``."""

    container: str
    process: str
    number: int


class OpenTunnel(_Verb, frozen=True, tag="open-tunnel"):
    """Listen on this machine and forward to a port of a container. Result: ``Listening``."""

    container: str
    tunnel: str
    port: int
    local_port: int = 0
    bind: str = "127.0.0.1"


class CloseTunnel(_Verb, frozen=True, tag="close-tunnel"):
    """Stop listening and drop its connections. Result: ``Done``."""

    tunnel: str


class WaitTcp(_Verb, frozen=True, tag="wait-tcp"):
    """Wait until a port of a container accepts. Result: ``Done``."""

    container: str
    port: int


class WaitHttp(_Verb, frozen=True, tag="wait-http"):
    """Wait until a GET answers 200. Result: ``Done``."""

    container: str
    port: int
    path: str
    host: str


Verb = (
    EnsureImage
    | ListImages
    | Spawn
    | Destroy
    | FollowLog
    | Execute
    | Signal
    | OpenTunnel
    | CloseTunnel
    | WaitTcp
    | WaitHttp
)


# --- results: server to client, inside a Result -----------------------------------------------------------------------


class _Value(_Message, frozen=True):
    from_client: ClassVar[bool] = False


class Done(_Value, frozen=True, tag="done"):
    """It is done, and there is nothing more to say."""


class ImageReady(_Value, frozen=True, tag="image-ready"):
    """An image can be booted: its id, where it came from, its layers' diff ids (lowest first)."""

    reference: str
    id: str
    source: str
    layers: list[str]


class Images(_Value, frozen=True, tag="images"):
    """What the store holds."""

    images: list[ImageReady]


class Listening(_Value, frozen=True, tag="listening"):
    """The tunnel's own end."""

    address: str
    port: int


Value = Done | ImageReady | Images | Listening


# --- messages: inside Data --------------------------------------------------------------------------------------------


class Call(_Message, frozen=True, tag="call"):
    """Ask for something; answered once by ``Result`` or ``Failed`` with the same id."""

    id: int
    verb: Verb
    from_server: ClassVar[bool] = False


class Cancel(_Message, frozen=True, tag="cancel"):
    """The caller no longer wants it; the call is still answered."""

    id: int
    from_server: ClassVar[bool] = False


class Result(_Message, frozen=True, tag="result"):
    """A call succeeded."""

    id: int
    value: Value
    from_client: ClassVar[bool] = False


class Failed(_Message, frozen=True, tag="failed"):
    """A call failed; the fields are those of ``errors.to_wire``."""

    id: int
    code: str
    message: str
    hint: str = ""
    detail: str = ""
    from_client: ClassVar[bool] = False


class Progressed(_Message, frozen=True, tag="progressed"):
    """How far a call is."""

    id: int
    step: str
    text: str = ""
    done: int = 0
    total: int | None = None
    from_client: ClassVar[bool] = False


class Chunk(_Message, frozen=True, tag="chunk"):
    """Bytes of a stream, in the frame behind. ``offset`` is that of their first byte; ``mark`` 1 is out, 2 is err."""

    stream: int
    offset: int
    mark: int = 1


class Skipped(_Message, frozen=True, tag="skipped"):
    """Bytes of a stream that its reader was too slow for: the next chunk begins after them."""

    stream: int
    size: int
    lines: int
    from_client: ClassVar[bool] = False


class Credit(_Message, frozen=True, tag="credit"):
    """The stream's reader can take bytes up to this offset."""

    stream: int
    offset: int


class End(_Message, frozen=True, tag="end"):
    """No more bytes on this stream from the sender; to a writer: nobody reads any more."""

    stream: int


class NodeState(_Message, frozen=True, tag="node-state"):
    """One node as last sampled; units as in ``engines.base.NodeStats``."""

    id: str
    name: str
    cpu: int
    cpu_total: int
    memory: int
    memory_total: int
    paging: int
    containers: int
    score: int
    from_client: ClassVar[bool] = False


class NodesChanged(_Message, frozen=True, tag="nodes-changed"):
    """All nodes there are, best first."""

    nodes: list[NodeState]
    from_client: ClassVar[bool] = False


class ContainerChanged(_Message, frozen=True, tag="container-changed"):
    """All that can change about one container, as it is now.

    ``state`` is preparing, booting, running, ended or failed. Times are seconds since the epoch. ``error`` is
    ``errors.to_wire`` of why it failed.
    """

    container: str
    state: str
    node: str = ""
    ip: str = ""
    image_source: str = ""
    step: str = ""
    text: str = ""
    done: int = 0
    total: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    code: int | None = None
    reason: str = ""
    error: tuple[str, str, str, str] | None = None
    from_client: ClassVar[bool] = False


class ProcessEnded(_Message, frozen=True, tag="process-ended"):
    """A process of ``Execute`` ended; ``code`` None means unknown, and ``reason`` says why."""

    process: str
    code: int | None
    reason: str
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
    | ContainerChanged
    | ProcessEnded
)


# --- packets ----------------------------------------------------------------------------------------------------------


class Hello(_Message, frozen=True, tag="hello"):
    """Begin a session, or, with ``session`` and ``secret``, go on with one after the message numbered ``received``."""

    version: int
    session: str = ""
    secret: bytes = b""
    received: int = 0
    from_server: ClassVar[bool] = False


class Welcome(_Message, frozen=True, tag="welcome"):
    """The session stands. ``received`` is the last message of the client's that arrived."""

    session: str
    secret: bytes
    engine: str
    received: int = 0
    degraded: list[str] = []
    from_client: ClassVar[bool] = False


class Farewell(_Message, frozen=True, tag="farewell"):
    """The session is over, or never was; the fields are those of ``errors.to_wire``."""

    code: str = ""
    message: str = ""
    hint: str = ""
    detail: str = ""


class Beat(_Message, frozen=True, tag="beat"):
    """Still here, and everything up to ``received`` has arrived."""

    received: int


class Data(_Message, frozen=True, tag="data"):
    """Message number ``number`` of this direction; ``received`` as in ``Beat``."""

    number: int
    received: int
    message: Message


Packet = Hello | Welcome | Farewell | Beat | Data
