"""Web sites in containers, and visitors of published names."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tfnz_jupyter import Container, Node

#: busybox's web server as a child of the container's first process, so that it can be stopped and killed from inside.
SERVE = "while :; do httpd -f -p 80 -h /www & echo $! >/pid; wait; done"


@dataclass(frozen=True)
class Answer:
    """What a visitor gets."""

    status: int
    headers: dict[str, str]
    body: str


def site(node: Node, text: str, image: str = "busybox", **options: object) -> Container:
    """A container that serves a text, and its own environment at ``/cgi-bin/env``."""
    files = {"/www/index.html": text, "/www/cgi-bin/env": "#!/bin/sh\necho; env\n"}
    command = f"chmod +x /www/cgi-bin/env; {SERVE}"
    found = node.spawn_container(image, command=command, pre_boot_files=files, **options)
    found.wait_tcp(80)
    return found


def get(url: str, *, authority: str = "", headers: str = "", patience: float = 30) -> Answer:
    """One GET on a connection of its own, to this machine whatever the name says; https trusts ``authority`` (PEM) alone."""
    parts = urlsplit(url)
    assert parts.hostname
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    raw: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
    if parts.scheme == "https":
        context = ssl.create_default_context(cadata=authority)
        raw = context.wrap_socket(raw, server_hostname=parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}"
            "Connection: close\r\n\r\n".encode()
        )
        return _answer(b"".join(iter(lambda: raw.recv(65536), b"")))


def _answer(reply: bytes) -> Answer:
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body.decode().strip())


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """The files of a self-signed certificate for a name, and of its key."""
    files = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    options += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run(
        ["openssl", "req", "-x509", *options, "-out", files[0], "-keyout", files[1]],
        check=True,
        capture_output=True,
    )
    return files


def gateways(state: Path) -> list[int]:
    """The processes that work in a location's gateway folder."""
    folder = str(state / "gateway")
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _works_in(pid) == folder]


def _works_in(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""
