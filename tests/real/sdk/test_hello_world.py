"""The first program of all, as it was asked for: nginx on a local port until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.real.conftest import nothing_more
from tests.support.eventually import eventually

SEED = """\
from tfnz_jupyter import *

loc = location.Location()
node = loc.node()
ctr = node.spawn_container('nginx')
ctr.attach_tunnel(80, localport=8080)
loc.run()
"""


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def page(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}", timeout=5) as answer:
            return str(answer.read(), "utf-8")
    except OSError:
        return ""


def test_the_first_program_serves_nginx_until_ctrl_c_and_cleans_up(before, location):
    location.ensure_image_uploaded("nginx")
    port = free_port()
    program = subprocess.Popen(
        [sys.executable, "-c", SEED.replace("8080", str(port))],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        assert "Welcome to nginx!" in eventually(lambda: page(port), within=30)
        assert all(page(port) for _ in range(20))
    finally:
        program.send_signal(signal.SIGINT)
    assert program.wait(10) == 0
    assert page(port) == ""
    eventually(lambda: nothing_more(before), within=2)
