"""What goes between a location and a Pod: channels, batches of a desk, a terminal's telnet, specs. Tables and properties."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfnz_jupyter.engines.accounts import Account
from tfnz_jupyter.engines.base import Terminal
from tfnz_jupyter.engines.kubernetes import channels, init, ports, specs, telnet
from tfnz_jupyter.engines.kubernetes.batches import Batches
from tfnz_jupyter.errors import ProtocolError

ROOT = Account(0, 0, (0,), "/root")


def status(**facts: object) -> bytes:
    return json.dumps({"kind": "Status", **facts}).encode()


def exit_code(code: str) -> dict[str, object]:
    return {"causes": [{"reason": "ExitCode", "message": code}]}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (status(status="Success"), 0),
        (status(status="Failure", reason="NonZeroExitCode", details=exit_code("3")), 3),
        (status(status="Failure", message="container not found"), None),
        (status(status="Failure", details=exit_code("many")), None),
        (status(status="Failure", details=None), None),
        (b"[]", None),
        (b"\xff", None),
        (None, None),
    ],
)
def test_an_exec_ended_as_its_status_says_and_otherwise_nobody_knows(
    said: bytes | None, code: int | None
):
    found = channels.outcome(said)
    assert found.code == code


def test_a_message_has_its_channel_in_front():
    assert channels.pack(channels.IN, b"abc") == b"\x00abc"
    channel, data = channels.unpack(b"\x02oops")
    assert (channel, bytes(data)) == (channels.ERR, b"oops")
    assert channels.unpack(b"") == (channels.OUT, b"")


def test_each_channel_of_a_forwarded_port_begins_with_the_port():
    forward = channels.Forward()
    assert forward.receive(b"\x00\x50\x00") == (b"", "")
    assert forward.receive(b"\x01\x50\x00") == (b"", "")
    assert forward.receive(b"\x00hello") == (b"hello", "")
    assert forward.receive(b"\x01refused") == (b"", "refused")


@pytest.mark.parametrize("message", [b"\x07abc", b"\x00\x50", b"\x01"])
def test_what_belongs_to_no_forwarded_port_is_refused(message: bytes):
    with pytest.raises(ValueError, match="forwarded port"):
        channels.Forward().receive(message)


def written(files: list[tuple[str, bytes]]) -> bytes:
    names = "".join(f"{name} {len(content)}\n" for name, content in files)
    return names.encode() + b"\n" + b"".join(content for _name, content in files)


FILES = st.lists(st.tuples(st.sampled_from(["p/a/o.1", "r/7", "ready"]), st.binary(max_size=50)))


@given(st.lists(FILES, max_size=5), st.integers(1, 20))
def test_batches_come_out_whole_however_they_are_cut(
    batches: list[list[tuple[str, bytes]]], size: int
):
    stream = b"".join(map(written, batches))
    reader = Batches()
    found = []
    for start in range(0, len(stream), size):
        found += list(reader.receive(stream[start : start + size]))
    assert found == [file for batch in batches for file in batch]


@pytest.mark.parametrize(
    "said",
    [
        b"no size\n", b"p/a/o.1 -3\n", b"x" * 5000, b"r/1 99999999\n", b"r/1 " + b"9" * 4000 + b"\n",
        b"r/1 1\n" * 5000,
    ],
)  # fmt: skip
def test_what_no_desk_says_is_an_error(said: bytes):
    with pytest.raises(ProtocolError, match="desk"):
        list(Batches().receive(said))


@given(st.binary(max_size=200), st.integers(1, 10))
def test_a_terminal_shows_what_was_written_whatever_it_is_and_however_cut(shown: bytes, size: int):
    negotiation = b"\xff\xfb\x01\xff\xfd\x1f\xff\xfb\x03"
    stream = negotiation + b"\r\r\n" + shown.replace(b"\xff", b"\xff\xff")
    output = telnet.Output()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert b"".join(map(output.receive, pieces)) == shown


def test_keys_and_sizes_are_told_as_telnet_has_it():
    assert telnet.typed(b"a\r\xff") == b"a\r\0\xff\xff"
    assert telnet.resized(80, 255) == b"\xff\xfa\x1f\x00\x50\x00\xff\xff\xff\xf0"


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=25)  # each a shell
@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_a_spec_is_read_by_a_shell_as_it_was_meant(argv: list[str], value: str):
    text = specs.spec(argv, [f"A={value}"], "/tmp", ROOT)
    script = text + 'printf "%s\\0" "$command" "$at" "$uid" "$terminal" "$@"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
    bare = [] if "=" not in argv[0] else ["/.tfnz/busybox", "nice", "-n", "0"]
    wanted = [argv[0], "/tmp", "", "", f"A={value}", *bare, *argv]
    assert said.decode().split("\0")[:-1] == wanted


@pytest.mark.parametrize(
    ("account", "uid", "groups"),
    [
        (ROOT, "", ":0"),
        (Account(4000, 5000, (5000,)), "4000", ":5000"),
        (Account(1000, 1000, (1000, 2000)), "1000", "1000:1000"),
    ],
)
def test_accounts_with_further_groups_are_looked_up_and_others_are_numbers(
    account: Account, uid: str, groups: str
):
    text = specs.spec(["true"], [], "", account, Terminal(80, 24, echo=False))
    assert f"uid={init.quoted(uid)}\ngroups={groups}\n" in text
    assert "terminal='rows 24 cols 80 -echo'\n" in text


def test_the_script_is_one_that_a_shell_reads():
    subprocess.run(["sh", "-n"], input=init.script(), text=True, check=True)


def test_the_cluster_leaves_the_scripts_dollars_alone():
    """``$$`` in a Pod's environment is one dollar, and ``$(NAME)`` a variable."""
    (given,) = init.preparing("any")["env"]
    assert given["value"].replace("$$", "$") == init.script()
    assert "$(" not in given["value"].replace("$$", "")


class Web:
    """A connection of the API server's into a Pod, in which nobody says anything unless told to."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    def __aiter__(self) -> Web:
        return self

    async def __anext__(self) -> aiohttp.WSMessage:
        return aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, await self.said.get(), None)

    async def send_bytes(self, data: bytes) -> None:
        self.heard.put_nowait(data)

    async def close(self) -> None:
        self.closed = True


async def test_a_forwarded_connection_goes_on_after_an_end_of_input_and_goes_when_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(ports, "_LOOK", 0.01)
    web, (ours, theirs) = Web(), socket.socketpair()
    ours.setblocking(False)
    pumping = asyncio.ensure_future(ports._pump(web, ours))
    theirs.sendall(b"ask")
    assert await web.heard.get() == b"\x00ask"
    theirs.shutdown(socket.SHUT_WR)
    web.said.put_nowait(b"\x00\x50\x00")
    web.said.put_nowait(b"\x00answer")
    assert await asyncio.to_thread(theirs.recv, 100) == b"answer"
    theirs.close()
    async with asyncio.timeout(10):
        await pumping
    assert web.closed
