"""The keeper: pid 1 of the engine's namespaces, parent and reaper of every container. One loop, on one thread.

It serves one location at a time over a unix socket. When none is connected for ``--linger`` seconds it ends, and all it
holds with it; a SIGKILL has the same effect, done by the kernel (but for cgroups and folders, which the next location
sweeps). It is in no network but an empty one of its own, and steps into the engine's only for the length of a call; what
has to be done in the host's is done on a second thread (:mod:`.outside`).
"""

from __future__ import annotations

import sys

# hashlib has means of its own, and without OpenSSL's this process is a MiB smaller
if __name__ == "__main__":
    sys.modules["_hashlib"] = None  # type: ignore[assignment]

import argparse
import os
import resource
import socket
from pathlib import Path

from .household import Household
from .syscalls import CLONE_NEWNS, CLONE_NEWPID, MS_REC, MS_SLAVE, mount, unshare


def _become_init(location: socket.socket) -> None:
    """Go on as pid 1 of fresh pid and mount namespaces; the process that was started hands over and leaves."""
    unshare(CLONE_NEWNS | CLONE_NEWPID)
    child = os.fork()
    if child:
        socket.send_fds(location, [b"keeper"], [os.pidfd_open(child)])
        os._exit(0)
    mount("none", "/", None, MS_REC | MS_SLAVE)  # what the host unmounts must not live on in here
    mount("proc", "/proc", "proc")
    if os.path.ismount("/sys/fs/cgroup/unified"):
        # crun refuses the hybrid layout as soon as it sees this; without it, it sees version 1.
        mount("none", "/sys/fs/cgroup/unified", "tmpfs")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tfnz-keeper")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--linger", type=float, required=True, help="seconds without a location")
    parser.add_argument("--location", type=int, required=True, help="descriptor of its socket")
    options = parser.parse_args(arguments)
    location = socket.socket(fileno=options.location)
    location.set_inheritable(False)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0o022)
    _become_init(location)
    keeper = Household(options.state, options.runtime, options.linger)
    try:
        keeper.open(location)
        keeper.run()
    finally:
        keeper.close()


if __name__ == "__main__":
    main(sys.argv[1:])
