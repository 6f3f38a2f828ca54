"""What a line can mean: one frozen class for each verb, its values read and checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container, and the local one it should have; None: any free one."""

    dest: int
    local: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What to wait for: ``kind`` is ready, tcp, http or log."""

    kind: str
    port: int = 0
    path: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Nothing but ``%tf``: where we are and what there is."""


@dataclass(frozen=True, slots=True)
class Connect:
    location: str | None = None
    ip: str | None = None
    options: tuple[
        tuple[str, str], ...
    ] = ()  # what the engine of a location on this machine is told


@dataclass(frozen=True, slots=True)
class Disconnect:
    pass


@dataclass(frozen=True, slots=True)
class Locations:
    pass


@dataclass(frozen=True, slots=True)
class Doctor:
    engine: str = ""
    options: tuple[tuple[str, str], ...] = ()  # what it would be told
    json: bool = False


@dataclass(frozen=True, slots=True)
class Nodes:
    pass


@dataclass(frozen=True, slots=True)
class Spawn:
    """``env`` values of None are to be taken from the caller's environment, as in docker run.

    ``ssh`` is a local port, 0 for a free one, None for no server; what is ``published`` is a name, and the port behind it
    where that is not 80. A source of ``-`` in ``files`` is ``body``, the cell.
    """

    image: str
    command: tuple[str, ...] = ()
    name: str | None = None
    env: tuple[tuple[str, str | None], ...] = ()
    ports: tuple[Port, ...] = ()
    memory: int | None = None
    cpus: float | None = None
    workdir: str | None = None
    pids: int | None = None
    disk: int | None = None
    files: tuple[tuple[str, str], ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    tag: str | None = None
    sleep: bool = False
    egress: str | tuple[str, ...] | None = None
    ssh: int | None = None
    published: tuple[tuple[str, int | None], ...] = ()
    node: str | None = None
    wait: Wait | None = None
    terminal: bool = False
    interactive: bool = False
    rm: bool = True
    body: str = ""


@dataclass(frozen=True, slots=True)
class Ps:
    pass


@dataclass(frozen=True, slots=True)
class Logs:
    name: str
    follow: bool = False
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class Exec:
    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shell:
    """A terminal: of the container's own shell, or of ``command``."""

    name: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A cell run in a container: by its shell, or as the standard input of ``command``."""

    name: str
    command: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True)
class PutText:
    """A cell as a file in a container."""

    name: str
    dest: str
    body: str


@dataclass(frozen=True, slots=True)
class MakeTunnel:
    name: str
    port: int
    local: int | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """``called`` is the word that was used: rm or its alias stop."""

    names: tuple[str, ...]
    called: str = "rm"


@dataclass(frozen=True, slots=True)
class Start:
    name: str


@dataclass(frozen=True, slots=True)
class Reboot:
    name: str
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    name: str
    source: str
    dest: str


@dataclass(frozen=True, slots=True)
class Get:
    """``dest`` None: this folder, under its own name."""

    name: str
    source: str
    dest: str | None = None


@dataclass(frozen=True, slots=True)
class Ssh:
    name: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    server: str
    client: str


@dataclass(frozen=True, slots=True)
class Deny:
    server: str
    client: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A container behind a published name, and its port where it is not 80."""

    name: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """``ssl``: file names of certificate, key and perhaps chain; empty for the location's own; None for plain http."""

    fqdn: str
    backends: tuple[Backend, ...]
    rewrite: str | None = None
    ssl: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unpublish:
    fqdn: str


@dataclass(frozen=True, slots=True)
class VolumeList:
    pass


@dataclass(frozen=True, slots=True)
class VolumeCreate:
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class VolumeRemove:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VolumeSnapshot:
    name: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class VolumeRollback:
    name: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ImageList:
    pass


@dataclass(frozen=True, slots=True)
class ImagePull:
    image: str


@dataclass(frozen=True, slots=True)
class ImageRemove:
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """``body`` is the Dockerfile, where it is a cell; else it is in ``file``, or in the context. ``arguments`` without a value
    take the caller's, as in docker build."""

    tag: str
    context: str | None = None
    file: str | None = None
    arguments: tuple[tuple[str, str | None], ...] = ()
    target: str | None = None
    no_cache: bool = False
    memory: int | None = None
    egress: str | tuple[str, ...] | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Help:
    verb: str | None = None


Command = (
    Dashboard
    | Connect
    | Disconnect
    | Locations
    | Doctor
    | Nodes
    | Spawn
    | Ps
    | Logs
    | Exec
    | Shell
    | Script
    | PutText
    | MakeTunnel
    | Remove
    | Start
    | Reboot
    | Put
    | Get
    | Ssh
    | Allow
    | Deny
    | Publish
    | Unpublish
    | VolumeList
    | VolumeCreate
    | VolumeRemove
    | VolumeSnapshot
    | VolumeRollback
    | ImageList
    | ImagePull
    | ImageRemove
    | Build
    | Help
)
