"""Whatever arrives is a packet or a ``ProtocolError``: a little here, always the same; more by ``./run bench fuzz``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.strategies import BULK, PACKETS, values
from tests.fuzz.targets import TARGETS
from tfnz_jupyter.errors import ProtocolError, UsageError
from tfnz_jupyter.server.accounts import Accounts
from tfnz_jupyter.server.router import Router
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import decode, encode

ROOT = Path(__file__).parents[2]
#: How many examples; CI's are few and derandomized, so that it never finds by chance.
EXAMPLES = int(os.environ.get("TFNZ_FUZZ", "0"))
fuzzed = settings(
    max_examples=EXAMPLES or 300,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SENT = st.tuples(PACKETS, BULK)


@fuzzed
@given(st.binary(max_size=2000))
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_any_bytes_are_a_packet_or_an_error(target: Any, data: bytes) -> None:
    target(data)


@fuzzed
@given(SENT)
def test_any_packet_there_can_be_survives_the_wire(sent: tuple[m.Packet, bytes]) -> None:
    frames = encode(*sent)
    for from_client in (True, False):
        with contextlib.suppress(ProtocolError):  # it is not that end's to send
            assert repr(decode(frames, from_client=from_client)[0]) == repr(sent[0])


@fuzzed
@given(SENT, st.data())
def test_a_packet_with_changed_bytes_is_another_or_an_error(
    sent: tuple[m.Packet, bytes], data: st.DataObject
) -> None:
    frame = bytearray(encode(*sent)[0])
    for _ in range(data.draw(st.integers(1, 8))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    for target in TARGETS.values():
        target(bytes([min(255, len(frame))]) + bytes(frame))
        target(bytes(frame))


class Frame:
    """As libzmq gives them: bytes, and whose they are."""

    def __init__(self, content: bytes) -> None:
        self.bytes = self.buffer = content

    def get(self, what: object) -> object:
        return {"User-Id": "0" * 40, "Peer-Address": "127.0.0.1"}.get(str(what), 7)


class Doorless:
    """A gate that leads nowhere; keeps what is sent through it."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, list[bytes]]] = []

    def send(self, route: bytes, frames: list[bytes]) -> None:
        self.sent.append((route, frames))

    def suspect(self, descriptor: int) -> None:
        """Nothing follows."""

    settled = suspect


async def converse(said: list[tuple[bytes, list[bytes]]], caplog: pytest.LogCaptureFixture) -> None:
    """Say all that to a router, by whatever routes, beside one session that must not notice."""

    async def perform(*_: object) -> m.Value:
        raise UsageError("no")

    nothing: Any = lambda *_: None  # noqa: E731
    gate: Any = Doorless()
    everybody: Any = Accounts(bytes(32), None)
    router = Router(
        gate, everybody, perform, nothing, nothing, nothing, lambda: False, lambda: ("e", [])
    )
    hello = [Frame(encode(m.Hello(m.WIRE_VERSION, turn=1))[0])]
    router._receive(b"well", hello)  # type: ignore[arg-type]  # what a frame has to have
    others = dict(router.peers)
    assert len(others) == 1
    for route, frames in said:
        router._receive(route, [Frame(frame) for frame in frames])  # type: ignore[misc]
    await asyncio.sleep(0)
    assert others.items() <= router.peers.items()
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []
    for peer in list(router.peers.values()):
        router.end(peer, None)
    await asyncio.sleep(0)


ROUTES = st.sampled_from([b"a", b"b"])
SPOKEN = st.one_of(
    st.tuples(ROUTES, SENT.map(lambda sent: encode(*sent))),
    st.tuples(ROUTES, st.lists(st.binary(max_size=100), min_size=1, max_size=3)),
    st.tuples(ROUTES, st.just(encode(m.Hello(m.WIRE_VERSION, turn=1)))),
)
TALK = st.lists(SPOKEN, max_size=30)
#: A conversation whose numbers are right, so that what is in it is looked at.
MESSAGES = st.lists(st.tuples(values(m.Data), BULK), max_size=10)


@fuzzed
@given(said=TALK)
def test_whatever_is_said_to_a_location_harms_no_other_session(caplog, said) -> None:
    caplog.clear()
    asyncio.run(converse(said, caplog))


@fuzzed
@given(messages=MESSAGES)
def test_whatever_is_said_in_order_harms_no_other_session(caplog, messages) -> None:
    caplog.clear()
    said = [(b"a", encode(m.Hello(m.WIRE_VERSION, turn=1)))]
    for number, (packet, bulk) in enumerate(messages, 1):
        said.append((b"a", encode(m.Data(number, 0, packet.message), bulk)))
    asyncio.run(converse(said, caplog))


if find_spec("atheris"):  # it has wheels for some Pythons only

    @pytest.mark.parametrize("target", TARGETS)
    def test_guided_by_coverage_nothing_is_found_either(target: str, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "tests.fuzz.coverage_guided", target]
        limits = ["-seed=1", "-runs=100000", "-max_len=2000", "-rss_limit_mb=2000"]
        done = subprocess.run(
            [*command, *limits, str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
