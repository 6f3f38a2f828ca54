"""Whatever comes in from the network costs its own connection, and the location serves others unharmed."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import socket
import threading
import time

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from tests.support.eventually import eventually
from tests.support.served import Served
from tfnz_jupyter import Location
from tfnz_jupyter.keyring import Account
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import LARGEST_FRAME, LARGEST_PACKET, decode, encode

MANY = 10_000
_SPARE = 500  # descriptors that are not for the crowd


@pytest.fixture
def ada(served: Served, name: str) -> Account:
    """A user who behaves."""
    return served.join(name)


def is_served(account: Account, within: float = 10.0) -> bool:
    """Whether that user can still connect, soon, and have a container."""
    began = time.monotonic()
    with Location(location=account.location) as session:
        assert time.monotonic() - began < within
        return session.node().spawn_container("busybox", command="exit 7").wait_exit(60) == 7


def descriptors(served: Served) -> int:
    return len(os.listdir(f"/proc/{served.process.pid}/fd"))


@contextlib.contextmanager
def crowd(port: int, size: int):
    """So many connections at once that say nothing."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (before, most))
        for _ in range(min(size, most - _SPARE)):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield


def test_ten_thousand_connections_that_say_nothing_keep_nobody_out(
    served: Served, ada: Account
) -> None:
    before = descriptors(served)
    with crowd(served.port, MANY):
        assert is_served(ada)
    eventually(lambda: descriptors(served) < before + 50, within=20)


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48),
        b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(47) + b"\x06" + b"\xff" * 8,
        secrets.token_bytes(100_000),
    ],
    ids=["scan", "http", "tls", "ssh", "null mechanism", "endless frame", "noise"],
)
def test_a_port_scan_costs_its_own_connections(served: Served, ada: Account, words: bytes) -> None:
    for _ in range(100):
        with (
            socket.create_connection(("127.0.0.1", served.port)) as one,
            contextlib.suppress(OSError),
        ):
            one.sendall(words)
    assert is_served(ada)


class Talker:
    """Somebody with an account who says what no program of ours would."""

    def __init__(self, account: Account) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.curve_serverkey = z85.encode(account.server_key)
        self._socket.curve_publickey = z85.encode(account.keys.public)
        self._socket.curve_secretkey = z85.encode(account.keys.secret)
        self._socket.linger = 0
        self._socket.connect(account.endpoint)

    def say(self, *frames: bytes) -> None:
        self._socket.send_multipart(frames)

    def hear(self, within: float = 10.0) -> m.Packet:
        """The next packet that comes."""
        assert self._socket.poll(int(within * 1000)), "nothing was said"
        return decode(self._socket.recv_multipart(), from_client=False)[0]

    def begin(self) -> m.Welcome:
        """A session."""
        self.say(*encode(m.Hello(m.WIRE_VERSION)))
        welcome = self.hear()
        assert isinstance(welcome, m.Welcome)
        return welcome

    def end_of_it(self) -> m.Farewell:
        """What the session ends with."""
        while not isinstance(packet := self.hear(), m.Farewell):
            pass
        return packet

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def talker(ada: Account):
    made = Talker(ada)
    yield made
    made.close()


FORGED = {
    "no text": [b"\x81\xa1t\xa5\xff\xff\xff\xff\xff"],
    "too deep": [b"\x81\xa1t" + b"\x91" * 100_000],
    "cut off": [b"\x81\xa1t\xa5hello"],
    "nothing": [b""],
    "three frames": [b"a", b"b", b"c"],
    "too large": [bytes(LARGEST_PACKET + 1)],
    "bulk with no chunk": [*encode(m.Beat(0)), b"bulk"],
    "a gap": encode(m.Data(7, 0, m.Cancel(1))),
    "more than was said": encode(m.Beat(1_000_000)),
    "what only locations say": encode(m.Data(1, 0, m.Result(1, m.Done()))),
    "a second greeting": encode(m.Hello(m.WIRE_VERSION)),
}


@pytest.mark.parametrize("frames", FORGED.values(), ids=FORGED)
def test_what_makes_no_sense_ends_its_session_with_one_clear_error(
    talker: Talker, ada: Account, frames: list[bytes]
) -> None:
    talker.begin()
    talker.say(*frames)
    assert talker.end_of_it().code == "protocol"
    assert is_served(ada)


@pytest.mark.parametrize("frames", FORGED.values(), ids=FORGED)
def test_what_makes_no_sense_before_a_session_is_not_answered_to(
    talker: Talker, ada: Account, frames: list[bytes]
) -> None:
    talker.say(*frames)
    assert is_served(ada)


def test_a_packet_larger_than_any_is_never_taken_in(talker: Talker, ada: Account) -> None:
    talker.begin()
    talker.say(bytes(LARGEST_FRAME))
    assert is_served(ada)


def test_a_session_of_another_is_not_resumed_even_by_who_knows_its_secret(
    served: Served, ada: Account, talker: Talker
) -> None:
    bob = Talker(served.join(f"{ada.location}-b"))
    welcome = talker.begin()
    bob.say(*encode(m.Hello(m.WIRE_VERSION, welcome.session, welcome.secret, 0, 5)))
    refused = bob.hear()
    bob.close()
    unknown = Talker(ada)
    unknown.say(*encode(m.Hello(m.WIRE_VERSION, "0" * 16, bytes(16), 0, 5)))
    assert refused == unknown.hear()
    unknown.close()
    assert isinstance(refused, m.Farewell)
    talker.say(*encode(m.Data(1, 0, m.Call(1, m.ListImages()))))
    while not isinstance(packet := talker.hear(), m.Data) or not isinstance(
        packet.message, m.Result
    ):
        pass


def test_a_wrong_secret_resumes_nothing(ada: Account, talker: Talker) -> None:
    welcome = talker.begin()
    other = Talker(ada)
    other.say(*encode(m.Hello(m.WIRE_VERSION, welcome.session, bytes(16), 0, 5)))
    assert other.hear().code == "session-ended"
    other.close()


def test_s4_what_is_put_and_fetched_is_never_on_the_way_in_the_clear(
    served: Served, ada: Account
) -> None:
    secret = secrets.token_bytes(4096)
    with (
        recorder(served.port) as (port, said, told),
        Location(location=ada.location, location_ip=f"127.0.0.1:{port}") as session,
    ):
        container = session.node().spawn_container("busybox", command=["sleep", "1000"])
        container.put("/secret", secret)
        assert container.fetch("/secret") == secret
    for way in (b"".join(said), b"".join(told)):
        assert len(way) > len(secret)
        assert not any(secret[at : at + 16] in way for at in range(0, len(secret), 16))


def test_what_was_recorded_on_the_way_is_of_no_use_again(served: Served, ada: Account) -> None:
    with recorder(served.port) as (port, said, _):
        where = f"127.0.0.1:{port}"
        with Location(location=ada.location, location_ip=where) as session:
            session.images()
    begun = served.log.count(" began, ")
    with socket.create_connection(("127.0.0.1", served.port)) as again:
        again.settimeout(1.0)
        with contextlib.suppress(OSError):
            for piece in said:
                again.sendall(piece)
                again.recv(4096)
    assert is_served(ada)
    assert served.log.count(" began, ") == begun + 1  # the one of is_served


@contextlib.contextmanager
def recorder(port: int):
    """A way to the location that keeps what the client says and what it is told, piece by piece."""
    said: list[bytes] = []
    told: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        record = threading.Thread(target=_record, args=(server, port, said, told), daemon=True)
        record.start()
        yield server.getsockname()[1], said, told


def _record(server: socket.socket, port: int, said: list[bytes], told: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        near, _ = server.accept()
        far = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pass_on, args=(far, near, told), daemon=True).start()
        _pass_on(near, far, said)


def _pass_on(source: socket.socket, sink: socket.socket, kept: list[bytes]) -> None:
    with contextlib.suppress(OSError), source, sink:
        while piece := source.recv(65536):
            kept.append(piece)
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_RDWR)
