"""The server extension that is off by default: with it, and only with it, a kernel's websocket sends at once."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
from pathlib import Path
from urllib.request import Request, urlopen

import aiohttp
import pytest

from tests.support import lab as labs

EXTENSION = "--ServerApp.jpserver_extensions={'tfnz_jupyter.notebook.nodelay': True}"
_PIDFD_GETFD = 438


@pytest.mark.parametrize(("options", "at_once"), [((), False), ((EXTENSION,), True)])
def test_a_kernels_websocket_sends_at_once_only_where_that_is_enabled(tmp_path, options, at_once):
    with labs.server(tmp_path, "server", "--ServerApp.disable_check_xsrf=True", *options) as url:
        request = Request(f"{url}/api/kernels", b"{}", {"Content-Type": "application/json"})
        kernel = json.load(urlopen(request))["id"]
        assert asyncio.run(sends_at_once(url, kernel)) == at_once


async def sends_at_once(url: str, kernel: str) -> bool:
    """Whether the server's end of a websocket to a kernel has TCP_NODELAY."""
    address = f"{url}/api/kernels/{kernel}/channels?session_id=test"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as websocket:
        await websocket.receive()  # the kernel's first word: the connection stands
        ours = websocket.get_extra_info("sockname")
        return bool(other_end(ours).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def other_end(address: tuple[str, int]) -> socket.socket:
    """The socket of whichever process is connected to this one of ours."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link).startswith("socket:"):
                found = duplicate(int(link.parts[2]), int(link.name))
                if found.family == socket.AF_INET and found.getpeername() == address:
                    return found
        except OSError:
            continue  # gone, not connected, or not ours to look at
    raise AssertionError(f"nobody is connected to {address}")


def duplicate(pid: int, number: int) -> socket.socket:
    """Another process's socket."""
    process = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, process, number, 0)
    finally:
        os.close(process)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return socket.socket(fileno=copy)
