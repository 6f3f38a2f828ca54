"""Limits that only the embedded engine lets a test look at from outside."""

from __future__ import annotations

from tests.support.bare_engine import Bench
from tests.support.cgroup_files import read
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Limits


async def test_a_fraction_of_a_cpu_is_enforced(tiny: Bench):
    name, _ = await tiny.boot("while :; do :; done", limits=Limits(cpus=0.2))
    await eventually_async(lambda: _throttled(name) > 2, within=5)


def _throttled(name: str) -> int:
    counts = dict(line.split() for line in read(name, "cpu", "cpu.stat").splitlines())
    return int(counts["nr_throttled"])
