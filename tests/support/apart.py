"""A network of the test's own from which the cluster's API server and registry are reached, and no Pod.

There, connections into Pods are port-forwards, as for everybody who works with a cluster from elsewhere.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import threading
from collections.abc import Iterator

from tfnz_jupyter.engines.embedded.syscalls import CLONE_NEWNET, setns

#: What the names of such networks, and of this machine's ends of them, begin with.
NETWORK = "apart-"


@contextlib.contextmanager
def network(reached: set[str]) -> Iterator[str]:
    """The name of one, for ``ip netns exec``, from which nothing is reached but these addresses of this machine."""
    name = f"{NETWORK}{secrets.token_hex(3)}"
    block = f"169.254.{secrets.randbelow(254) + 1}"
    _ip(f"netns add {name}")
    try:
        _ip(f"link add {name} type veth peer name eth0 netns {name}")
        _ip(f"addr add {block}.1/30 dev {name}")
        _ip(f"link set {name} up")
        for words in (f"addr add {block}.2/30 dev eth0", "link set eth0 up", "link set lo up"):
            _ip(f"-n {name} {words}")
        for address in reached:
            _ip(f"-n {name} route add {address}/32 via {block}.1")
        yield name
    finally:
        _ip(f"netns del {name}")


@contextlib.contextmanager
def entered(name: str) -> Iterator[None]:
    """Be in a network, with this thread and all it starts meanwhile."""
    assert threading.current_thread() is threading.main_thread()
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as there:
        setns(there.fileno(), CLONE_NEWNET)
        try:
            yield
        finally:
            setns(home.fileno(), CLONE_NEWNET)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)
