"""How a kernel feels while containers work: the round trip of a trivial cell, idle and busy, in turns.

A second client asks a real kernel for ``pass`` and waits for its idle reply. Busy means, at once: an image being built
from nothing, a container booting on it, another that prints without pause, and the cards of both. Targets: the median
within 3 times idle, the 99th percentile within 100 ms.

A home of its own makes the build real; so the first busy phase includes it and the later ones a boot from the image.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PHASES = 3
PHASE = 10.0  # seconds, at least
EVERY = 0.02  # seconds between two cells: a user, not a flood

BEGIN = """
%load_ext tfnz_jupyter
%tf connect
"""
BUSY = """
%tf spawn --name noisy busybox sh -c 'while :; do echo a line of the log; usleep 500; done'
%tf spawn --name web nginx
"""
READY = "web.is_ready()"
IDLE = """
noisy.destroy()
web.destroy()
"""


def main() -> None:
    with kernel() as (first, second):
        run(first, BEGIN)
        idle: list[float] = []
        busy: list[float] = []
        for phase in range(PHASES):
            idle += sample(second)
            run(first, BUSY)
            here = sample(second, until=READY)
            print(f"phase {phase + 1}: busy for {len(here)} cells; {told(here)}", flush=True)
            busy += here
            run(first, IDLE)
    ratio = statistics.median(busy) / statistics.median(idle)
    print(f"idle:  {told(idle)}\nbusy:  {told(busy)}")
    print(
        f"busy is {ratio:.2f} x idle (target: 3), 99th percentile {p99(busy) * 1000:.1f} ms (target: 100)"
    )


@contextmanager
def kernel() -> Iterator[tuple[BlockingKernelClient, BlockingKernelClient]]:
    """A real kernel with two clients, in a home that is empty and goes with it."""
    with tempfile.TemporaryDirectory(prefix="tfnz-bench-", ignore_cleanup_errors=True) as home:
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(env={**os.environ, "TFNZ_HOME": home}, stderr=subprocess.DEVNULL)
        clients = [BlockingKernelClient(connection_file=manager.connection_file) for _ in range(2)]
        try:
            for client in clients:
                client.load_connection_file()
                client.start_channels()
                client.wait_for_ready(timeout=60)
            yield clients[0], clients[1]
        finally:
            for client in clients:
                client.stop_channels()
            manager.shutdown_kernel()
            end_location(Path(home))


def end_location(home: Path) -> None:
    """The location would live on for a minute without a home."""
    pid = int(json.loads((home / "run" / "location.json").read_text())["pid"])
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists():
        time.sleep(EVERY)


def run(client: BlockingKernelClient, code: str) -> None:
    reply = client.execute_interactive(code, timeout=120, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise SystemExit(f"{code}\nfailed: {reply['content'].get('evalue')}")


def sample(client: BlockingKernelClient, until: str = "True") -> list[float]:
    """Round trips of ``pass``, in seconds, for a phase and until an expression holds in the kernel."""
    trips = []
    end = time.monotonic() + PHASE
    while time.monotonic() < end or not holds(client, until):
        trips.append(round_trip(client))
        time.sleep(EVERY)
    return trips


def round_trip(client: BlockingKernelClient) -> float:
    start = time.perf_counter()
    asked = client.execute("pass", store_history=False)
    while True:
        message = client.get_iopub_msg(timeout=60)
        ours = message["parent_header"].get("msg_id") == asked
        if ours and message["content"].get("execution_state") == "idle":
            break
    took = time.perf_counter() - start
    client.get_shell_msg(timeout=60)
    return took


def holds(client: BlockingKernelClient, expression: str) -> bool:
    asked = client.execute("", silent=True, user_expressions={"answer": expression})
    while True:
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == asked:
            answer = reply["content"]["user_expressions"]["answer"]
            return bool(answer.get("data", {}).get("text/plain") == "True")


def p99(trips: list[float]) -> float:
    return statistics.quantiles(trips, n=100)[98]


def told(trips: list[float]) -> str:
    return (
        f"median {statistics.median(trips) * 1000:.2f} ms, 99th percentile {p99(trips) * 1000:.1f} ms, "
        f"worst {max(trips) * 1000:.1f} ms, {len(trips)} cells"
    )


if __name__ == "__main__":
    main()
