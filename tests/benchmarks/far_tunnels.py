"""A tunnel to a location on another machine: all over one encrypted session; beside ``ssh -L`` and ``kubectl port-forward``.

Every end is on this machine, so that the link itself costs nothing. kubectl takes part where ``KUBECONFIG`` names a
cluster; its Pod runs the first busybox that a node has or can pull (``TFNZ_BENCH_IMAGE`` names another).
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns
from tests.benchmarks._servers import (
    ECHO,
    MIB,
    SCRIPT,
    SERVERS,
    Dial,
    answers,
    dial,
    free_port,
    on_loopback,
    reading,
    running,
    sending,
    tunnelled,
)
from tests.support.eventually import eventually
from tests.support.remote import remote

ROUNDS = 4
SIZE = 150 * MIB
SSH, KUBECTL = "ssh -L", "kubectl port-forward"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    targets = (Target(350, least=True), Target(1, SSH, least=True), Target(2, KUBECTL, least=True))
    with ExitStack() as stack:
        stack.enter_context(on_loopback())
        ways = {OURS: stack.enter_context(ours()), SSH: stack.enter_context(ssh())}
        if os.environ.get("KUBECONFIG"):
            ways[KUBECTL] = stack.enter_context(kubectl())
        note = "" if KUBECTL in ways else "kubectl: no KUBECONFIG"
        for what, deed in (("reading", reading), ("sending", sending)):
            turns = {way: partial(deed, to, SIZE) for way, to in ways.items()}
            samples = in_turns(turns, ROUNDS, rest=0.05)
            yield Row(f"tunnel over the link, {what}", "MB/s", samples, targets, note)


@contextmanager
def ours() -> Iterator[Dial]:
    folder = Path(os.environ["TFNZ_HOME"], "far")
    folder.mkdir(exist_ok=True)
    with remote(folder) as far, far.session() as session:
        yield tunnelled(session)


@contextmanager
def ssh() -> Iterator[Dial]:
    """An sshd of the benchmark's own, on a port of 127.0.0.1, and an ssh that forwards."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as started:
        folder, port = Path(name), free_port()
        for key in ("host", "user"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"]
            subprocess.run(make, check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        options = f"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {folder}/host
            AuthorizedKeysFile {folder}/user.pub
            PidFile none
            StrictModes no
            UsePAM no
        """
        (folder / "sshd_config").write_text(options)
        started.enter_context(running(["/usr/sbin/sshd", "-D", "-f", f"{folder}/sshd_config"]))
        eventually(lambda: answers(port), within=10)
        ports = {server: free_port() for server in SERVERS}
        forwards = [f"-L127.0.0.1:{here}:127.0.0.1:{there}" for there, here in ports.items()]
        known = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
        where = ["-i", f"{folder}/user", "-p", str(port), f"{getpass.getuser()}@127.0.0.1"]
        started.enter_context(running(["ssh", "-N", *known, *forwards, *where]))
        eventually(lambda: answers(ports[ECHO]), within=10)
        yield lambda server: dial(ports[server])


@contextmanager
def kubectl() -> Iterator[Dial]:
    """A Pod with the same servers, and a kubectl that forwards to it."""
    image = os.environ.get("TFNZ_BENCH_IMAGE", "busybox")
    name = f"tfnz-bench-{os.getpid()}"
    container = {"name": "c", "image": image, "command": ["sh", "-c", SCRIPT]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    subprocess.run(["kubectl", "apply", "-f", "-"], input=json.dumps(pod).encode(), check=True)
    try:
        ready = ["kubectl", "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s"]
        subprocess.run(ready, check=True)
        ports = {port: free_port() for port in SERVERS}
        pairs = [f"{here}:{there}" for there, here in ports.items()]
        with running(["kubectl", "port-forward", f"pod/{name}", *pairs]):
            eventually(lambda: answers(ports[ECHO]), within=20)
            yield lambda port: dial(ports[port])
    finally:
        subprocess.run(["kubectl", "delete", "pod", name, "--wait=false"], check=True)


if __name__ == "__main__":
    main()
