"""What location and keeper say to each other: one small JSON datagram each, descriptors beside it (SCM_RIGHTS).

Every request with a ``seq`` (``Asked``) gets exactly one answer with the same ``seq``, not always in order; the others
(``Told``) get none. A comment at a class says which descriptors ride along, in order.
"""

from __future__ import annotations

import socket

import msgspec

SOCKET = "keeper.sock"  # in the runtime folder
LARGEST = 128 * 1024  # bytes of one message; a unix datagram may have a little more
MOST_FDS = 64
OVER = "container ended"  # why something failed that needs a live one
END = "tfnz-process-"  # names of process files in a container's folder


class _Message(msgspec.Struct, frozen=True, tag=True):
    pass


# -- requests, location to keeper ------------------------------------------------------------------------------------


class Prepare(_Message, frozen=True, tag=True):
    """Everything of a container but its processes: mounts, network, cgroups. Answer: Prepared."""

    seq: int
    id: str
    layers: list[str]  # names of folders in state/layers, lowest first
    memory: int
    cpus: float | None
    pids: int
    egress: str | list[str]  # as ContainerSpec has it
    owner: int  # host id that the first process's pipes shall belong to, so that /dev/stdout can be opened
    terminal: bool = False  # of the first process
    asleep: bool = False  # Start makes all but run its command; Wake runs that
    furnished: bool = False  # files are to be written that a reset keeps, and Seal comes after them
    volumes: list[str] = []  # ids
    counted: bool = False  # its processes are limited by the user's own number
    large: bool = False  # its ``config.json`` may not fit into a pipe


class Seal(_Message, frozen=True, tag=True):
    """What was written until now is what a reset goes back to. Answer: Prepared, and what it brought before is void."""

    seq: int
    id: str


class Start(_Message, frozen=True, tag=True):
    """Run the first process, as ``config.json`` in the container's folder says. Answer: Started."""

    seq: int
    id: str
    user: int  # host id its terminal shall belong to, if it has one


class Wake(_Message, frozen=True, tag=True):
    """Run the command of a first process that is asleep. Answer: Done, when it was executed (or could not be)."""

    seq: int
    id: str


class Reboot(_Message, frozen=True, tag=True):
    """End a container's processes, and make it ready for Start again. Answer: Prepared, as with Seal."""

    seq: int
    id: str
    signal: int
    grace: float  # seconds
    reset: bool  # forget what was written since Seal
    asleep: bool


class Execute(_Message, frozen=True, tag=True):
    """Run one more process, as the file ``END + id`` in the container's folder says. Answer: Started."""

    seq: int
    id: str
    container: str
    owner: int  # as in Prepare
    user: int  # as in Start
    terminal: bool = False


class Destroy(_Message, frozen=True, tag=True):
    """End a container and free all of it. Answer: Done, when that is so; at once for an unknown one."""

    seq: int
    id: str
    signal: int
    grace: float  # seconds


class Pool(_Message, frozen=True, tag=True):
    """The filesystem that containers write to. Answer: Done, with a descriptor of its top; Failed where there is none."""

    seq: int


class Remount(_Message, frozen=True, tag=True):
    """Show what is a volume by now to a container that was prepared with it. Answer: Done."""

    seq: int
    id: str
    volume: str
    place: str  # where it is mounted in the container


class Look(_Message, frozen=True, tag=True):
    """What a container's first process sees as ``/``. Answer: Done, with a descriptor (O_PATH)."""

    seq: int
    id: str


class Allow(_Message, frozen=True, tag=True):
    """Let one container reach another, or (``allowed`` false) no longer. Answer: Done. Ended ones have nothing to undo."""

    seq: int
    client: str
    server: str
    allowed: bool


class Sockets(_Message, frozen=True, tag=True):
    """Unconnected TCP sockets of the engine's network. Answer: Done, with as many descriptors."""

    seq: int
    count: int


class Recall(_Message, frozen=True, tag=True):
    """Tell a new location all that runs, or ended unnoted: KeptCell and KeptProcess, as often as need be, then Done."""

    seq: int


class Noted(_Message, frozen=True, tag=True):
    """The location has noted how a process ended, and what it printed: what was kept of it can go."""

    id: str


class Warm(_Message, frozen=True, tag=True):
    """Keep so much ready that a container needs whatever it is; no answer."""

    slots: int
    owner: int  # as in Prepare


class Measure(_Message, frozen=True, tag=True):
    """What some containers use. Answer: Measured; those that do not run are left out."""

    seq: int
    ids: list[str]


class Accompany(_Message, frozen=True, tag=True):
    """Run a program of the location's own in the containers' network. Answer: Started; its end comes as Exited."""

    seq: int
    id: str
    argv: list[str]
    folder: str  # where it works
    owner: int  # host id it runs as


class Signal(_Message, frozen=True, tag=True):
    """Send a signal to a process; nothing happens if it has ended."""

    id: str
    number: int


class EndProcess(_Message, frozen=True, tag=True):
    """TERM to a process and all it started, KILL after ``grace`` seconds; nothing happens if it has ended."""

    id: str
    grace: float


class CloseInput(_Message, frozen=True, tag=True):
    """The location has closed a process's standard input: close the copy as well."""

    id: str


# -- answers and news, keeper to location ----------------------------------------------------------------------------


class Prepared(_Message, frozen=True, tag=True):  # root (O_PATH), folder
    """Where the keeper put the parts, as crun will see them."""

    seq: int
    ip: str
    root: str
    netns: str
    sysfs: str
    folder: str
    volumes: list[str] = []  # as asked for


# fds: stdin (write), stdout, stderr (read), or one terminal; and a tally
class Started(_Message, frozen=True, tag=True):
    """The command has been executed (or could not, in which case stderr already says so)."""

    seq: int


class KeptCell(_Message, frozen=True, tag=True):  # root (O_PATH), folder
    """A container that runs."""

    seq: int
    id: str
    ip: str
    asleep: bool


# fds: stdin if it is still open, stdout, stderr, or one terminal; and a tally
class KeptProcess(_Message, frozen=True, tag=True):
    """A process that runs, or has ended (``status``) and nobody noted how."""

    seq: int
    container: str
    id: str
    status: int | None = None
    out_of_memory: bool = False


class Done(_Message, frozen=True, tag=True):  # as the request says
    seq: int


class Measured(_Message, frozen=True, tag=True):
    """Container, microseconds of processor time, bytes, processes."""

    seq: int
    used: list[tuple[str, int, int, int]]


class Failed(_Message, frozen=True, tag=True):
    """What the runtime, the kernel or a tool said."""

    seq: int
    error: str


class Exited(_Message, frozen=True, tag=True):
    """A process of ours has ended. ``out_of_memory``: the kernel killed something of its container since the last one."""

    id: str
    status: int  # as waitpid gives it
    out_of_memory: bool


class Ready(_Message, frozen=True, tag=True):
    """The first word of a keeper. ``degraded``: what this machine does not let it do, in plain sentences."""

    degraded: list[str]
    cgroup2: bool
    lacking: dict[str, str]  # controller that cannot limit a container -> why


class Degraded(_Message, frozen=True, tag=True):
    """Something stopped working while we ran."""

    text: str


Asked = (
    Prepare
    | Seal
    | Start
    | Wake
    | Reboot
    | Execute
    | Destroy
    | Pool
    | Remount
    | Look
    | Allow
    | Sockets
    | Recall
    | Measure
    | Accompany
)
Told = Signal | EndProcess | CloseInput
Request = Asked | Told | Noted | Warm
Answer = Prepared | Started | Done | Measured | Failed
News = Answer | KeptCell | KeptProcess | Exited | Ready | Degraded

_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_news: msgspec.json.Decoder[News] = msgspec.json.Decoder(News)


def send(sock: socket.socket, message: Request | News, fds: list[int]) -> None:
    """Raises ``BlockingIOError`` where the other end has to read first."""
    data = _encoder.encode(message)
    if fds:
        socket.send_fds(sock, [data], fds)
    else:
        sock.send(data)


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """One datagram, empty at the end of the conversation. The descriptors are ours now, and close on exec."""
    data, fds, _flags, _address = socket.recv_fds(sock, LARGEST, MOST_FDS, socket.MSG_CMSG_CLOEXEC)
    return data, fds


def request(data: bytes) -> Request:
    return _requests.decode(data)


def news(data: bytes) -> News:
    return _news.decode(data)
