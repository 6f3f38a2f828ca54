"""Everything at once on containers that may end at any moment: each deed is done, or says that its object is over."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.bench import Bench, outputs
from tfnz_jupyter.engines.base import Running
from tfnz_jupyter.errors import Ended

_SCRIPTS = (
    "exec sleep 1000",
    "trap : TERM; while :; do sleep 0.05; done",
    "sleep 0.1; exit 3",
    "exec cat",
)
_INSIDE = ("echo hi", "sleep 0.05 & sleep 0.01", "setsid sleep 1000 & exit 1")


class Storms:
    """Random deeds, the same ones in every run."""

    @pytest.mark.parametrize("seed", [1, 2])
    async def test_a_storm_leaves_nothing_undone_and_nothing_behind(self, bench: Bench, seed: int):
        async with asyncio.timeout(100), asyncio.TaskGroup() as storms:
            for number in range(5):
                storms.create_task(_storm(bench, random.Random(seed * 100 + number)))


async def _storm(bench: Bench, dice: random.Random) -> None:
    """One container's life."""
    files = (("/note", b"x"),) if dice.random() < 0.5 else ()
    asleep = "asleep" not in bench.cannot and dice.random() < 0.3
    name, first = await bench.boot(dice.choice(_SCRIPTS), asleep=asleep, files=files)
    for _ in range(4):
        deeds = [_deed(bench, dice, name, first) for _ in range(dice.randint(1, 4))]
        for outcome in await asyncio.gather(*deeds, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Ended):
                raise outcome
    await bench.engine.destroy(name, 0)


async def _deed(bench: Bench, dice: random.Random, name: str, first: Running) -> None:
    match dice.choice(["execute", "execute", "reboot", "reset", "give up", "start", "kill", "end"]):
        case "execute":
            process = await bench.execute(name, dice.choice(_INSIDE))
            if dice.random() < 0.3:
                await process.signal(9)
            await outputs(process)
        case "reboot":
            await bench.engine.reboot(name, dice.choice([0, 0.1]), reset=False)
        case "reset":
            await bench.engine.reboot(name, 0, reset="reset" not in bench.cannot)
        case "give up":
            reboot = asyncio.create_task(bench.engine.reboot(name, 0, reset=False))
            await asyncio.wait([reboot], timeout=dice.random() / 50)
            reboot.cancel()
            await asyncio.gather(reboot, return_exceptions=True)
        case "start":
            await bench.engine.start(name)
        case "kill":
            await first.signal(9)
        case "end":
            if dice.random() < 0.3:
                await bench.engine.destroy(name, dice.choice([0, 0.1]))
