"""The words that find out in a Pod whether it is let through, said on this machine to who listens and to who does not."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading

from tfnz_jupyter.engines.kubernetes import manifest_probe


class HangsUp(socketserver.BaseRequestHandler):
    """Who listens, and has nothing to say."""


def knock(port: int) -> int:
    """The exit code of the Pod that knocks."""
    pod = manifest_probe.knocker("here", "busybox", {}, "127.0.0.1")
    *command, _port = pod["spec"]["containers"][0]["command"]
    return subprocess.run([*command, str(port)], timeout=30, check=False).returncode


def test_who_hears_nobody_was_refused() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert knock(nobody.getsockname()[1]) == manifest_probe.REFUSED


def test_who_hears_somebody_again_and_again_was_let_through() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        assert knock(listener.server_address[1]) == 0
        listener.shutdown()
