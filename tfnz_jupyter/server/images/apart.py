"""``python -m tfnz_jupyter.server.images.apart SOCKET COMMAND...``: in an empty network namespace, with a proxy as its way out.

The proxy is behind a unix socket, which tools cannot be told of; so a port of this namespace's own loopback leads to it.
Nothing but Python's standard library is used, since this starts with every pull.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading

_SIOCSIFFLAGS = 0x8914
_UP = 0x1 | 0x40  # IFF_UP, IFF_RUNNING
_PIECE = 64 * 1024


def main(way: str, *command: str) -> int:
    """Run the command; its exit code."""
    _raise_loopback()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, way), daemon=True).start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        ours = {name: proxy for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")}
        kept = {k: v for k, v in os.environ.items() if k.lower() not in ("no_proxy", "all_proxy")}
        return subprocess.run(command, env=kept | ours, check=False).returncode


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))


def _accept(server: socket.socket, way: str) -> None:
    while True:
        near, _ = server.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(way)
        except OSError:
            near.close()
            continue
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
