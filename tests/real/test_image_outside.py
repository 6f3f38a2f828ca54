"""A tool that another user's wish leads somewhere: it reaches public addresses through its proxy, and nothing else at all."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from tests.support.image_files import copy, layer_tar, make_layout, noise, registry
from tests.support.web import certificate
from tfnz_jupyter.server.images import Images, outside, rules
from tfnz_jupyter.server.images import registry as registries
from tfnz_jupyter.server.images.outside import way_out
from tfnz_jupyter.server.images.rules import Rules, is_public
from tfnz_jupyter.server.images.tools import run_tool

ASK = """
import os, socket, sys
host, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if how == "straight":
    socket.create_connection((host, port), 5)
else:
    proxy = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
    way = socket.create_connection((proxy[0], int(proxy[1])), 5)
    way.sendall(f"CONNECT {host}:{port} HTTP/1.1\\r\\n\\r\\n".encode())
    head = way.recv(1000)
    print(head.split()[1].decode())
    if b"200" in head:
        way.sendall(b"hello")
        print(way.recv(100).decode())
"""


async def asked(scratch, host: str, port: int, how: str, addresses: list[str]):
    async def look_up(name: str) -> list[str]:
        return addresses

    async with way_out(scratch, look_up) as way:
        return await run_tool([*way, sys.executable, "-c", ASK, host, str(port), how], timeout=20)


@pytest.fixture
async def echo():
    """A port of this machine where somebody listens."""

    async def serve(reader, writer) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_this_machine_is_not_there(tmp_path, echo) -> None:
    done = await asked(tmp_path, "127.0.0.1", echo, "straight", [])
    assert done.code != 0
    assert "refused" in done.err


async def test_no_name_leads_to_a_private_address(tmp_path, echo) -> None:
    done = await asked(tmp_path, "innocent.example", echo, "proxy", ["127.0.0.1", "10.0.0.1"])
    assert done.out.split() == [b"403"]


async def test_a_public_address_is_reached_and_bytes_go_both_ways(
    tmp_path, echo, monkeypatch
) -> None:
    monkeypatch.setattr(outside, "is_public", lambda address: True)
    done = await asked(tmp_path, "public.example", echo, "proxy", ["127.0.0.1"])
    assert (done.code, done.out.split()) == (0, [b"200", b"HELLO"])


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "::1", "::", "fe80::1%eth0"),
        *("fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "nonsense"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


async def test_a_proxy_understands_connect_alone(tmp_path) -> None:
    async def look_up(name: str) -> list[str]:
        return []

    async with way_out(tmp_path, look_up):
        with socket.socket(socket.AF_UNIX) as one:
            one.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(one, str(tmp_path / "way"))
            await loop.sock_sendall(one, b"GET http://10.0.0.1/ HTTP/1.1\r\n\r\n")
            assert b" 405 " in await loop.sock_recv(one, 1000)


async def test_an_image_is_pulled_that_way(tmp_path, monkeypatch) -> None:
    (tmp_path / "registry").mkdir()
    tls = certificate(tmp_path, "registry.test")
    layout = make_layout(tmp_path / "layout", layer_tar(a=noise(300_000)))
    monkeypatch.setenv("SSL_CERT_FILE", tls[0])
    for module in (outside, rules):
        monkeypatch.setattr(module, "is_public", lambda address: True)
    asked = []

    async def addresses(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(registries, "_addresses", addresses)
    own = Images(tmp_path / "own")
    images = Images(tmp_path / "store", rules=Rules(here=False), kitchen=own)
    with registry(tmp_path / "registry", tls=tls) as where:
        copy(f"oci:{layout}", f"docker://{where}/app:1")
        name = f"registry.test:{where.rpartition(':')[2]}/app:1"
        found = await images.ensure(name, lambda progress: None)
    assert (found.source, found.cmd) == ("registry", ("/hello",))
    assert set(asked) == {"registry.test"}
