"""Letting one container reach another, beside the same change made by the ``nft`` command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Location

ROUNDS = 20
PEER = "nft command"
_TABLE = """
add table inet tfnz_bench
add set inet tfnz_bench allow { type ipv4_addr . ipv4_addr; }
"""
_ELEMENT = "element inet tfnz_bench allow { 10.9.9.1 . 10.9.9.2 }"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location:
        node = location.node()
        one, other = (node.spawn_container("busybox", command=["sleep", "1000"]) for _ in "12")
        one.wait_until_ready()
        other.wait_until_ready()

        def ours() -> float:
            took = timed(lambda: one.allow_connection_from(other))
            one.disallow_connection_from(other)
            return took

        nft(_TABLE)
        try:
            samples = in_turns({OURS: ours, PEER: peer}, ROUNDS, warm_up=2)
        finally:
            nft("delete table inet tfnz_bench")
    yield Row("firewall opening", "ms", samples, (Target(5),))


def peer() -> float:
    took = timed(lambda: nft(f"add {_ELEMENT}"))
    nft(f"delete {_ELEMENT}")
    return took


def nft(script: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=script.encode(), check=True)


if __name__ == "__main__":
    main()
