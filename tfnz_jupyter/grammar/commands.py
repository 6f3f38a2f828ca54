"""What a line can mean: one frozen class for each verb, its values read and checked."""

from __future__ import annotations

from msgspec import Struct


class Port(Struct, frozen=True):
    """A port of a container, and the local one it should have; None: any free one."""

    dest: int
    local: int | None = None


class Wait(Struct, frozen=True):
    """What to wait for: ``kind`` is ready, tcp, http or log."""

    kind: str
    port: int = 0
    path: str = ""
    pattern: str = ""


class Dashboard(Struct, frozen=True):
    """Nothing but ``%tf``: where we are and what there is."""


class Connect(Struct, frozen=True):
    location: str | None = None
    ip: str | None = None
    options: tuple[
        tuple[str, str], ...
    ] = ()  # what the engine of a location on this machine is told


class Disconnect(Struct, frozen=True):
    pass


class Locations(Struct, frozen=True):
    pass


class Doctor(Struct, frozen=True):
    engine: str = ""
    options: tuple[tuple[str, str], ...] = ()  # what it would be told
    json: bool = False


class Nodes(Struct, frozen=True):
    pass


class Spawn(Struct, frozen=True):
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


class Ps(Struct, frozen=True):
    pass


class Logs(Struct, frozen=True):
    name: str
    follow: bool = False
    tail: int | None = None


class Exec(Struct, frozen=True):
    name: str
    command: tuple[str, ...]


class Shell(Struct, frozen=True):
    """A terminal: of the container's own shell, or of ``command``."""

    name: str
    command: tuple[str, ...] = ()


class Script(Struct, frozen=True):
    """A cell run in a container: by its shell, or as the standard input of ``command``."""

    name: str
    command: tuple[str, ...]
    body: str


class PutText(Struct, frozen=True):
    """A cell as a file in a container."""

    name: str
    dest: str
    body: str


class MakeTunnel(Struct, frozen=True):
    name: str
    port: int
    local: int | None = None


class Remove(Struct, frozen=True):
    """``called`` is the word that was used: rm or its alias stop."""

    names: tuple[str, ...]
    called: str = "rm"


class Start(Struct, frozen=True):
    name: str


class Reboot(Struct, frozen=True):
    name: str
    reset: bool = False


class Put(Struct, frozen=True):
    name: str
    source: str
    dest: str


class Get(Struct, frozen=True):
    """``dest`` None: this folder, under its own name."""

    name: str
    source: str
    dest: str | None = None


class Ssh(Struct, frozen=True):
    name: str
    port: int | None = None


class Allow(Struct, frozen=True):
    server: str
    client: str


class Deny(Struct, frozen=True):
    server: str
    client: str


class Backend(Struct, frozen=True):
    """A container behind a published name, and its port where it is not 80."""

    name: str
    port: int | None = None


class Publish(Struct, frozen=True):
    """``ssl``: file names of certificate, key and perhaps chain; empty for the location's own; None for plain http."""

    fqdn: str
    backends: tuple[Backend, ...]
    rewrite: str | None = None
    ssl: tuple[str, ...] | None = None


class Unpublish(Struct, frozen=True):
    fqdn: str


class VolumeList(Struct, frozen=True):
    pass


class VolumeCreate(Struct, frozen=True):
    tag: str | None = None


class VolumeRemove(Struct, frozen=True):
    names: tuple[str, ...]


class VolumeSnapshot(Struct, frozen=True):
    name: str
    label: str = ""


class VolumeRollback(Struct, frozen=True):
    name: str
    label: str = ""


class ImageList(Struct, frozen=True):
    pass


class ImagePull(Struct, frozen=True):
    image: str


class ImageRemove(Struct, frozen=True):
    images: tuple[str, ...]


class Build(Struct, frozen=True):
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


class Help(Struct, frozen=True):
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
