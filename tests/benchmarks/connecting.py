"""A session with a location that runs, and from nothing at all to the first byte of a first container.

Each time in a fresh interpreter that has imported the package, as a kernel has; the image is there.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

from tests.benchmarks._measuring import OURS, Row, Target, alone, end_location, in_turns
from tfnz_jupyter import Location

ROUNDS = 10
_CONNECT = """
import time
from tfnz_jupyter import Location
begin = time.perf_counter()
location = Location()
print((time.perf_counter() - begin) * 1000)
"""
_COLD = """
import threading, time
from tfnz_jupyter import Location
came = threading.Event()
begin = time.perf_counter()
location = Location()
location.node().spawn_container("busybox", command=["echo", "hello"], stdout_callback=lambda *_: came.set())
came.wait(60)
print((time.perf_counter() - begin) * 1000)
"""


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        location.node().spawn_container("busybox", command=["true"]).wait_exit()
        samples = in_turns({OURS: lambda: said(_CONNECT)}, ROUNDS)
    yield Row("connect to a running local location", "ms", samples, (Target(100),))

    def cold() -> float:
        end_location()
        return said(_COLD)

    samples = in_turns({OURS: cold}, ROUNDS // 2)
    yield Row("cold start to the first byte", "ms", samples, (Target(1500),))


def said(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
