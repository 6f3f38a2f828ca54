"""Tunnels: a port of this machine that leads into a container, at any speed, both ways, with half-closes."""

import asyncio
import hashlib
import os
import socket
import subprocess
import threading
import urllib.request

import pytest

from tests.real.conftest import location_pid
from tests.support.eventually import eventually
from tfnz_jupyter import Refused, UsageError


@pytest.fixture(scope="module")
def page():
    return b"<h1>it works</h1>"


@pytest.fixture
def server(node, page):
    return node.spawn_container(
        "busybox",
        command=["httpd", "-f", "-p", "80", "-h", "/www"],
        pre_boot_files={"/www/index.html": page},
    )


def test_a_web_server_is_reached_through_a_tunnel(server, page):
    tunnel = server.wait_http_200()
    with urllib.request.urlopen(tunnel.url, timeout=10) as answer:
        assert answer.read() == page
    assert server.all_tunnels() == [tunnel]


async def test_a_wait_takes_the_tunnel_that_was_asked_for_a_moment_before(server):
    asked, waited = await asyncio.gather(server.attach_tunnel.aio(80), server.wait_http_200.aio())
    assert asked is waited
    assert server.all_tunnels() == [asked]


def test_curl_fetches_a_page_many_times_over(server, page):
    url = server.wait_http_200().url
    command = ["curl", "-sSf", "--parallel", f"{url}/index.html?[1-100]"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout == page * 100


def test_waiting_for_200_waits_for_the_path_asked_for(server):
    server.wait_tcp(80)
    waiting = threading.Event()

    def publish():
        waiting.wait(10)
        server.run_process("echo ready > /www/late.html")

    threading.Thread(target=publish).start()
    waiting.set()
    server.wait_http_200(path="late.html", timeout=20)
    assert server.run_process("cat /www/late.html")[0] == b"ready\n"


def test_a_tunnel_binds_only_this_machine_unless_told(server):
    assert server.attach_tunnel(80).bind == "127.0.0.1"
    assert server.attach_tunnel(80, bind="0.0.0.0").bind == "0.0.0.0"


def test_a_tunnel_may_ask_for_its_port(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    assert server.attach_tunnel(80, localport=free).localport() == free


def test_a_port_that_is_taken_is_named(server):
    first = server.attach_tunnel(80)
    with pytest.raises(Refused, match=str(first.localport())):
        server.attach_tunnel(80, localport=first.localport())


def test_a_port_that_is_none_is_named(server):
    with pytest.raises(UsageError, match="dest_port"):
        server.attach_tunnel(70_000)


def test_a_destroyed_tunnel_listens_no_longer(server):
    tunnel = server.attach_tunnel(80)
    port = tunnel.localport()
    server.destroy_tunnel(tunnel)
    assert tunnel.dead
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with pytest.raises(UsageError):
        server.destroy_tunnel(tunnel)


def test_tunnels_end_with_their_container(server):
    tunnel = server.wait_http_200()
    port = tunnel.localport()
    server.destroy()
    assert tunnel.dead
    eventually(lambda: _refused(port), within=5)


def test_a_connection_made_before_the_service_is_up_waits_for_it(node):
    late = node.spawn_container("busybox", command="read x; echo hi | nc -l -p 7")
    tunnel = late.attach_tunnel(7)
    with socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=20) as link:
        late.stdin(b"\n")
        assert link.makefile("rb").read() == b"hi\n"


def test_bytes_go_both_ways_and_an_end_of_one_way_leaves_the_other_open(node):
    counter = node.spawn_container(
        "busybox", command="nc -ll -p 7 -e sh -c 'cat > /tmp/got; md5sum < /tmp/got'"
    )
    tunnel = counter.attach_tunnel(7)
    sent = bytes(range(256)) * 80_000
    with socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=60) as link:
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        answer = link.makefile("rb").read()
    assert answer.split()[0] == hashlib.md5(sent).hexdigest().encode()


def test_a_slow_reader_slows_the_writer_and_loses_nothing(node):
    source = node.spawn_container("busybox", command="nc -ll -p 7 -e head -c 50000000 /dev/zero")
    tunnel = source.attach_tunnel(7)
    source.wait_tcp(7)
    with socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=60) as link:
        total = 0
        while chunk := link.recv(4096 if total < 1_000_000 else 1 << 20):
            total += len(chunk)
    assert total == 50_000_000


def test_a_slow_server_slows_the_sender_and_gets_all_of_it(node):
    server = node.spawn_container("busybox", command="nc -ll -p 7 -e sh -c 'sleep 1; md5sum'")
    tunnel = server.attach_tunnel(7)
    server.wait_tcp(7)
    sent = bytes(range(256)) * 80_000
    with socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=90) as link:
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        answer = link.makefile("rb").read()
    assert answer.split()[0] == hashlib.md5(sent).hexdigest().encode()


def test_a_hundred_connections_at_once_are_served_and_leave_no_descriptors(server):
    tunnel = server.wait_http_200()
    pid = location_pid()
    before = len(os.listdir(f"/proc/{pid}/fd"))
    links = [
        socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=90) for _ in range(100)
    ]
    for link in links:
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answers = [link.makefile("rb").read() for link in links]
    for link in links:
        link.close()
    assert all(answer.endswith(b"</h1>") for answer in answers)
    eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) < before + 50, within=10)


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False
