"""Sessions over a bad network, at full size: 1 GB through a tunnel each way, a million lines and a thousand calls, each
under a hundred cuts; and the memory of both ends while a container prints 5 GB into a link of 1 MB a second.

What arrives is compared byte by byte, and a difference ends the run. ``--scale 0.01`` is a hundredth of everything.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import socket
import tempfile
import time
from pathlib import Path

from tests.support.memory import Growth
from tests.support.proxy import Proxy, proxy
from tests.support.remote import Remote, Session, remote

CUTS = 100
GB = 1_000_000_000
SLOW = 1_000_000  # bytes a second
LEAST = (
    200_000  # bytes between two cuts: a connection that carries less than one message is of no use
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory(prefix="tfnz-b-", dir="/tmp", ignore_cleanup_errors=True) as d:
        os.environ["TFNZ_HOME"] = d
        with remote(Path(d)) as far, proxy(far.port) as net, far.session(net.port) as session:
            upload(session, net, int(GB * scale))
            download(session, net, int(GB * scale))
            lines(session, net, int(1_000_000 * scale))
            calls(session, net, int(1_000 * scale))
            memory(far, session, net, int(5 * GB * scale))


def upload(session: Session, net: Proxy, size: int) -> None:
    block = random.Random(1).randbytes(1_000_000)
    sink = session.node().spawn_container(
        "busybox", command=["nc", "-l", "-p", "7", "-e", "md5sum"]
    )
    tunnel = sink.attach_tunnel(7)
    wanted, began = hashlib.md5(), before(net, size)
    with socket.create_connection(("127.0.0.1", tunnel.localport())) as link:
        for _ in range(size // len(block)):
            wanted.update(block)
            link.sendall(block)
        link.shutdown(socket.SHUT_WR)
        got = link.makefile("rb").read().split()[0].decode()
    after("upload", net, size, began, got == wanted.hexdigest())
    sink.wait_exit()


def download(session: Session, net: Proxy, size: int) -> None:
    block = random.Random(2).randbytes(1_000_000)
    command = f"cat > /block; echo; exec nc -l -p 7 -e sh -c 'for n in $(seq {size // len(block)}); do cat /block; done'"
    source = session.node().spawn_container("busybox", command=command)
    source.stdin(block)
    source.stdin_eof()
    source.wait_log("^$")
    tunnel = source.attach_tunnel(7)
    wanted, got, began = hashlib.md5(), hashlib.md5(), before(net, size)
    for _ in range(size // len(block)):
        wanted.update(block)
    with socket.create_connection(("127.0.0.1", tunnel.localport())) as link:
        while chunk := link.recv(1 << 20):
            got.update(chunk)
    after("download", net, size, began, got.digest() == wanted.digest())
    source.wait_exit()


def lines(session: Session, net: Proxy, count: int) -> None:
    wanted, got = hashlib.md5(), hashlib.md5()
    size = 0
    for number in range(1, count + 1):
        line = b"%019d\n" % number
        wanted.update(line)
        size += len(line)
    began = before(net, size)
    program = f'BEGIN {{ for (n = 1; n <= {count}; n++) printf "%019d\\n", n }}'
    printer = session.node().spawn_container(
        "busybox", command=["awk", program], stdout_callback=lambda c, data: got.update(data)
    )
    printer.wait_exit()
    after(f"{count:,} lines", net, size, began, got.digest() == wanted.digest())


def calls(session: Session, net: Proxy, count: int) -> None:
    worker = session.node().spawn_container("busybox", command=["sleep", "100000"])
    worker.wait_until_ready()
    began = before(net, 0)
    for number in range(count):
        worker.run_process(f"echo {number} >> /done")
    done = worker.run_process("cat /done")[0].split()
    after(f"{count:,} calls", net, 0, began, done == [b"%d" % n for n in range(count)])
    worker.destroy()


def memory(far: Remote, session: Session, net: Proxy, size: int) -> None:
    """The container is not held back: what the link cannot carry is skipped, and counted."""
    net.cut_every(0)
    growth = Growth({"program": os.getpid(), "location": far.process.pid})
    net.rate = SLOW
    began = time.monotonic()
    printer = session.node().spawn_container("busybox", command=f"yes | head -c {size}")
    while not printer.dead:
        growth.look()
        session.images()
        time.sleep(0.2)
    printer.wait_exit()
    growth.look()
    net.rate = 0
    log, took = printer.log, time.monotonic() - began
    print(f"memory: {size:,} bytes printed in {took:.0f} s, {log.lost_bytes:,} of them skipped")
    print(f"memory: grown by at most {growth} (target: 64 MiB)")
    require(log.total == size // 2)  # lines: those that came, and those that are counted as lost


def before(net: Proxy, size: int) -> tuple[float, int]:
    net.cut_every(max(size // CUTS, LEAST if size > LEAST else 6_000))
    return time.monotonic(), net.cuts


def after(what: str, net: Proxy, size: int, began: tuple[float, int], right: bool) -> None:
    took = time.monotonic() - began[0]
    speed = f", {size / took / 1e6:.0f} MB/s" if size else ""
    print(
        f"{what}: {took:.1f} s{speed}, {net.cuts - began[1]} cuts, {'right' if right else 'WRONG'}",
        flush=True,
    )
    require(right)


def require(right: bool) -> None:
    if not right:
        raise SystemExit("what arrived is not what was sent")


if __name__ == "__main__":
    main()
