"""A small world of its own for an engine: a host without anybody else on it, and beyond its only cable all that a
container may want to reach, or must not. Nothing in it can reach the real network, and nothing real is reached.

Both are network namespaces that only this process's descriptors hold, so that any number of worlds fit on one machine.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tfnz_jupyter.engines.embedded.syscalls import inside_network, new_network

PUBLIC, OTHER_PUBLIC = "11.22.33.44", "11.22.33.55"
PRIVATE, OTHER_PRIVATE = "10.55.0.9", "192.168.55.9"
METADATA = ("169.254.169.254", "168.63.129.16", "100.100.100.200")
NAMED = PUBLIC  # what every name is resolved to
HOST, HOST_PUBLIC = "10.77.0.1", "22.33.44.55"
HOST_IPV6, BEYOND_IPV6 = "fd00:77::1", "fd00:77::2"
PORT = 80  # of everything that listens

_BEYOND = (PUBLIC, OTHER_PUBLIC, PRIVATE, OTHER_PRIVATE, *METADATA)
_HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class World:
    """``host`` and ``beyond`` are descriptors of their namespaces."""

    def __init__(self) -> None:
        self.host, self.beyond = new_network(_HOME), new_network(_HOME)

    def on_host(self) -> contextlib.AbstractContextManager[None]:
        """This thread, and all that it starts, is on the host meanwhile."""
        return inside_network(self.host, _HOME)

    def run(self, line: str) -> None:
        """A command on the host."""
        with self.on_host():
            subprocess.run(line.split(), check=True, capture_output=True)

    def build(self) -> None:
        """Two ends of a cable, with their addresses and the way from one to the other."""
        with inside_network(self.beyond, _HOME):
            _ip("link set lo up", "link add tfnz-w type veth peer name eth0")
            _ip(*(f"addr add {address}/32 dev lo" for address in {*_BEYOND, *_resolvers()}))
            _ip("addr add 10.77.0.2/30 dev tfnz-w", "link set tfnz-w up")
            _ip(f"addr add {BEYOND_IPV6}/64 dev tfnz-w nodad")
            _ip(f"link set eth0 netns /proc/{os.getpid()}/fd/{self.host}")
            _ip(f"route add {HOST_PUBLIC}/32 dev tfnz-w")
        with self.on_host():
            _ip("link set lo up", f"addr add {HOST}/30 dev eth0", "link set eth0 up")
            _ip("route add default via 10.77.0.2", f"addr add {HOST_PUBLIC}/32 dev lo")
            _ip(f"addr add {HOST_IPV6}/64 dev eth0 nodad", f"route add default via {BEYOND_IPV6}")

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """Servers at both ends of the cable; they listen when this begins."""
        with contextlib.ExitStack() as stack:
            for namespace, words, resolvers in (
                (self.beyond, "beyond", _resolvers()),
                (self.host, "host", {"127.0.0.1", "127.0.0.53"}),
            ):
                with inside_network(namespace, _HOME):
                    stack.enter_context(_server(words, resolvers))
            yield

    def close(self) -> None:
        os.close(self.host)
        os.close(self.beyond)


@contextlib.contextmanager
def world() -> Iterator[World]:
    """A world that is ready; this thread stays where it is."""
    made = World()
    try:
        made.build()
        with made.served():
            yield made
    finally:
        made.close()


def _resolvers() -> set[str]:
    """The name servers this machine is told to ask, but for those on itself."""
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    named = {line.split()[1] for line in lines if line.startswith("nameserver ")}
    return {address for address in named if ":" not in address and not address.startswith("127.")}


def _ip(*lines: str) -> None:
    for line in lines:
        subprocess.run(["ip", *line.split()], check=True, capture_output=True)


@contextlib.contextmanager
def _server(words: str, resolvers: set[str]) -> Iterator[None]:
    program = Path(__file__).with_name("world_server.py")
    command = [sys.executable, "-S", str(program), words, str(PORT), NAMED, *resolvers]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.communicate()
