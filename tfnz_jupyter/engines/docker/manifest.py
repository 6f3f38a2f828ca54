"""What Docker is asked for: containers, processes and networks as the API takes them, and tars that go with them. Pure."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from ..base import ContainerSpec, ProcessSpec
from ..capabilities import CAPABILITIES

#: On every container, volume and network of a location; and which of them a thing is.
LOCATION, NAME, LABEL = "tfnz.location", "tfnz.name", "tfnz.label"
#: What a gated container has in its root: a busybox of the location's, and a pipe that it waits at.
GATE, BUSYBOX = ".tfnz/gate", ".tfnz/busybox"

#: The end of an orphan, whose parent this is then, interrupts what the shell waits for: it holds the pipe, and waits again.
_WAIT = f'exec 9<>"/{GATE}"; until read -r _ <&9; do :; done; exec 9<&-; exec "$@"'
#: Lets it go on, if there is such a command.
_OPEN = f'command -v "$1" >/dev/null || exit 127; echo >"/{GATE}"'
#: Says its number in the container and becomes the command, or that there is no such.
_SAYS_NUMBER = 'command -v "$1" >/dev/null || { echo missing; exit 127; }; echo $$; exec "$@"'
#: Keys that nobody types, in place of those by which Docker would let go of a terminal (Ctrl-P, and then Ctrl-Q).
DETACH = ",".join(["ctrl-@"] * 8)
_PIDS = 512
_TERM = "xterm-256color"
#: A log of Docker's own (``local``, of 1 MiB) would be a copy on disk of all that is printed, of which the next location could
#: read what nobody took: but 30 MB of short lines then take 40 s, and not 4, and 20 s of dockerd's time, and not half a one.
_NO_LOG = {"Type": "none"}


def is_gated(spec: ContainerSpec) -> bool:
    """Whether its command waits: for its start, or until its terminal has the size that was asked for."""
    return spec.asleep or spec.terminal is not None


def container(
    spec: ContainerSpec, image: str, network: str, ip: str, labels: Mapping[str, str],
    volumes: Mapping[str, str], memory: int,
) -> dict[str, Any]:  # fmt: skip
    """A container, to be created.

    Args:
        volumes: Docker's name for each of the spec's.
        memory: bytes it may have where it says nothing of that.
    """
    argv = [f"/{BUSYBOX}", "sh", "-c", _WAIT, "sh", *spec.argv] if is_gated(spec) else spec.argv
    return {
        "Image": image,
        "Hostname": spec.hostname,
        "Entrypoint": [],
        "Cmd": list(argv),
        "Env": _environment(spec),
        "WorkingDir": spec.cwd,
        "User": spec.user,
        "Labels": {**labels, NAME: spec.id},
        "Tty": spec.terminal is not None,
        "OpenStdin": True,
        "StdinOnce": True,  # else the end of input is not passed on
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "StopSignal": spec.image.stop_signal,
        "HostConfig": _host(spec, network, volumes, memory),
        "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": ip}}}},
    }


def _environment(spec: ContainerSpec) -> list[str]:
    env = dict(spec.env)
    if spec.terminal is not None:
        env.setdefault("TERM", _TERM)
    return [f"{key}={value}" for key, value in env.items()]


def _host(
    spec: ContainerSpec, network: str, volumes: Mapping[str, str], memory: int
) -> dict[str, Any]:
    limits = spec.limits
    most = limits.memory if limits.memory is not None else memory
    return {
        "NetworkMode": network,
        "LogConfig": _NO_LOG,
        "CapDrop": ["ALL"],
        "CapAdd": [name.removeprefix("CAP_") for name in CAPABILITIES if name != "CAP_NET_RAW"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": most,
        "MemorySwap": most,
        "NanoCpus": round((limits.cpus or 0) * 1e9),
        "PidsLimit": limits.pids or _PIDS,
        "Mounts": [
            {"Type": "volume", "Source": volumes[name], "Target": place}
            for name, place in spec.volumes
        ],
    }


def process(spec: ProcessSpec, *, says_number: bool = False) -> dict[str, Any]:
    """One more process, as aiodocker wants it said; the first line of its output may be its number in the container."""
    says = _SAYS_NUMBER
    if spec.terminal is not None:  # its size, before anybody asks for that
        says = f"/{BUSYBOX} stty rows {spec.terminal.rows} cols {spec.terminal.columns}; {says}"
    prefix = [f"/{BUSYBOX}", "sh", "-c", says, "sh"] if says_number else []
    env = dict(spec.env or ())
    if spec.terminal is not None:
        env.setdefault("TERM", _TERM)
    return {
        "cmd": [*prefix, *spec.argv],
        "environment": env,
        "tty": spec.terminal is not None,
        "stdin": True,
        "workdir": spec.cwd,
        "user": spec.user or "",
        "detach_keys": DETACH,
    }


def script(text: str, *words: str | int) -> dict[str, Any]:
    """A script that root runs there, said likewise."""
    return {"cmd": [f"/{BUSYBOX}", "sh", "-c", text, "sh", *map(str, words)], "user": "0"}


def opening(argv: Iterable[str]) -> dict[str, Any]:
    """What opens the gate of a container, said likewise; its code is 127 where there is no such command."""
    command = next(iter(argv), "")
    return {"cmd": [f"/{BUSYBOX}", "sh", "-c", _OPEN, "sh", command]}


def files(spec: ContainerSpec, busybox: bytes) -> bytes:
    """A tar of what is put into a container before it starts; empty where there is nothing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in spec.files:
            add(tar, path.lstrip("/"), content)
        if is_gated(spec):
            add(tar, BUSYBOX, busybox, 0o755)
            pipe = tarfile.TarInfo(GATE)
            pipe.type, pipe.mode = tarfile.FIFOTYPE, 0o666
            tar.addfile(pipe)
    return _whole(tar, buffer) if spec.files or is_gated(spec) else b""


def tools(busybox: bytes) -> bytes:
    """A tar of what a container needs for scripts and numbers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add(tar, BUSYBOX, busybox, 0o755)
    return _whole(tar, buffer)


def _whole(tar: tarfile.TarFile, buffer: io.BytesIO) -> bytes:
    """A tar that has been closed, to its end and no further: Podman's reader may be gone before the zeros behind that come."""
    return buffer.getvalue()[: tar.offset]


def add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    """One file of the container's root's."""
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def network(name: str, bridge: str, labels: Mapping[str, str], subnet: str = "") -> dict[str, Any]:
    """The network of a location's containers: none of them reaches another."""
    options = {
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.name": bridge,
    }
    config = [{"Subnet": subnet}] if subnet else []
    return {
        "Name": name,
        "Driver": "bridge",
        "CheckDuplicate": True,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": config},
        "Options": options,
        "Labels": dict(labels),
    }


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def config(diff_ids: Iterable[str], machine: str) -> bytes:
    """The configuration of an image that Docker is given; what to run is said at each container.

    Args:
        machine: as ``uname -m`` says it.
    """
    return json.dumps(
        {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }
    ).encode()


def contents(config: bytes, name: str, layers: Iterable[str]) -> list[tuple[str, bytes]]:
    """The files of an archive for ``docker load`` besides its layers, which are named here as they are in it."""
    described = {"Config": "config.json", "RepoTags": [name], "Layers": list(layers)}
    return [("config.json", config), ("manifest.json", json.dumps([described]).encode())]


def archive(config: bytes, name: str, layers: list[tuple[str, bytes]]) -> bytes:
    """A whole small image for ``docker load``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in [*contents(config, name, [path for path, _ in layers]), *layers]:
            add(tar, path, content)
    return buffer.getvalue()
