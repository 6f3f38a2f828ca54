"""Tunnels to a location elsewhere: this program listens, and the bytes go over its session, whatever happens to the link."""

import hashlib
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import Refused

#: Serves, on a port each: a checksum of what it is sent, a million numbered lines, itself back, and zeros without end.
SERVICES = """
nc -ll -p 1 -e sh -c 'cat > /tmp/$$; md5sum < /tmp/$$' &
nc -ll -p 2 -e seq 1 1000000 &
nc -ll -p 3 -e cat &
nc -ll -p 4 -e cat /dev/zero &
sleep 1000
"""
NUMBERS = b"".join(b"%d\n" % n for n in range(1, 1_000_001))


@pytest.fixture
def services(session):
    made = session.node().spawn_container("busybox", command=SERVICES)
    for port in (1, 2, 3, 4):
        made.wait_tcp(port)
    return made


def dial(tunnel):
    return socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=60)


def read_all(link):
    with link.makefile("rb") as file:
        return file.read()


def test_what_is_sent_arrives_whole_under_cuts_and_its_end_leaves_the_way_back_open(services, net):
    data = random.Random(3).randbytes(8_000_000)
    tunnel = services.attach_tunnel(1)
    net.cut_every(1_000_000)
    with dial(tunnel) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        answer = read_all(link)
    assert answer.split()[0] == hashlib.md5(data).hexdigest().encode()
    assert net.cuts > 3


def test_what_is_read_arrives_whole_under_cuts(services, net):
    tunnel = services.attach_tunnel(2)
    net.cut_every(1_000_000)
    with dial(tunnel) as link:
        assert read_all(link) == NUMBERS
    assert net.cuts > 3


def test_all_goes_on_while_the_link_is_cut_stalled_delayed_and_corrupted_at_random(services, net):
    data = random.Random(4).randbytes(6_000_000)
    sums, numbers = services.attach_tunnel(1), services.attach_tunnel(2)
    net.delay, net.stalling, net.corrupting = 0.001, 0.01, 0.003
    net.cut_every(1_000_000)
    with dial(sums) as up, dial(numbers) as down, ThreadPoolExecutor() as pool:
        sent = pool.submit(up.sendall, data)
        printed = pool.submit(read_all, down)
        for number in range(10):
            services.run_process(f"echo {number} >> /tmp/done")
        sent.result(60)
        up.shutdown(socket.SHUT_WR)
        assert read_all(up).split()[0] == hashlib.md5(data).hexdigest().encode()
        assert printed.result(60) == NUMBERS
    assert services.run_process("cat /tmp/done")[0] == b"".join(b"%d\n" % n for n in range(10))
    assert net.cuts > 3


def test_a_reader_that_stalls_stops_its_writer_and_nobody_else(services, net):
    zeros, echo = services.attach_tunnel(4), services.attach_tunnel(3)
    with dial(zeros) as stalled, dial(echo) as link:
        assert stalled.recv(1) == b"\0"
        eventually(lambda: no_longer_grows(lambda: net.carried), within=20)
        assert net.carried < 16_000_000
        link.sendall(b"still here")
        assert link.recv(100) == b"still here"
        assert services.run_process("echo me too")[0] == b"me too\n"


def no_longer_grows(measure):
    """Whether something is the same for fifty trivial looks of ten milliseconds each."""
    known = measure()
    looks = []
    eventually(lambda: looks.append(measure()) or len(looks) >= 50, within=5)
    return looks[-1] - known < 50_000  # beats and samples go on


def test_hundreds_of_connections_at_once_are_served(services):
    tunnel = services.attach_tunnel(3)
    links = []
    for number in range(200):
        links.append(dial(tunnel))
        links[-1].sendall(b"%d" % number)
        assert links[-1].recv(100) == b"%d" % number  # one at a time: the service takes no crowd in
    for link in links:
        link.shutdown(socket.SHUT_WR)
        assert read_all(link) == b""
        link.close()
    eventually(lambda: len(services._connection._outgoing) == 1, within=10)  # its standard input


def test_a_crowd_that_meets_a_short_queue_is_let_in_bit_by_bit(services):
    tunnel = services.attach_tunnel(3)
    links = [dial(tunnel) for _ in range(60)]
    for number, link in enumerate(links):
        link.sendall(b"%d" % number)
        link.shutdown(socket.SHUT_WR)
    assert [read_all(link) for link in links] == [b"%d" % number for number in range(60)]
    for link in links:
        link.close()


def test_a_connection_that_is_cut_is_seen_to_be_cut(services):
    tunnel = services.attach_tunnel(3)
    with dial(tunnel) as link:
        link.sendall(b"x")
        assert link.recv(1) == b"x"
        services.destroy_tunnel(tunnel)
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tunnel._localport), timeout=5)


def test_connections_end_with_their_session_and_are_seen_to_be_cut(far):
    with far.session() as place:
        echo = place.node().spawn_container(
            "busybox", command=["nc", "-ll", "-p", "3", "-e", "cat"]
        )
        echo.wait_tcp(3)
        link = dial(echo.attach_tunnel(3))
        link.sendall(b"x")
        assert link.recv(1) == b"x"
    with link, pytest.raises(ConnectionResetError):
        link.recv(1)


def test_a_port_that_is_taken_here_is_named(services):
    first = services.attach_tunnel(3)
    with pytest.raises(Refused, match=str(first.localport())):
        services.attach_tunnel(3, localport=first.localport())


def test_a_tunnel_ends_with_its_container(services):
    tunnel = services.attach_tunnel(3)
    services.destroy()
    assert tunnel.dead
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tunnel._localport), timeout=5)
