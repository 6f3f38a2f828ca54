"""What a location that is killed leaves to the next one: containers, their pipes, their ends, and nothing unwanted."""

import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.support.abandon import SCRIPT, abandoned, taking_over
from tests.support.bare_engine import Bench, outputs, read_until
from tests.support.eventually import eventually_async
from tests.support.leaks import footprint, nothing
from tfnz_jupyter.engines.base import ContainerSpec, ProcessSpec, Taken


@asynccontextmanager
async def next_location(folder: Path, *known: ContainerSpec):
    """The bench of the next location, and what survived for it."""
    bench = Bench(folder)
    async with taking_over(bench, known) as found:
        yield bench, found
    assert nothing(footprint(bench.state)), footprint(bench.state)


async def test_a_container_goes_on_with_its_pipes_and_its_processes(folder: Path):
    spec, ip, taken = await abandoned(folder)
    async with next_location(folder, spec) as (_bench, found):
        survivor = found[spec.id]
        assert survivor.booted.ip == ip
        assert survivor.booted.process.taken == Taken(len(taken), taken.count(b"\n"))
        await survivor.booted.process.write(b"on\n")
        await read_until(survivor.booted.process, b"got on")
        more = survivor.processes["more"]
        await more.write(b"too\n")
        assert await outputs(more) == ("more too\n", "")
        assert (await more.wait()).code == 7


async def test_what_it_printed_and_how_it_ended_meanwhile_is_there(folder: Path):
    spec, _ip, taken = await abandoned(folder, "echo begun; sleep 0.5; echo late; exit 9")
    state = Bench(folder).state
    await eventually_async(lambda: spec.id not in str(footprint(state)["cgroups"]), within=20)
    async with next_location(folder, spec) as (_bench, found):
        process = found[spec.id].booted.process
        assert taken.decode() + (await outputs(process))[0] == "begun\nlate\n"
        assert (await process.wait()).code == 9


async def test_an_end_that_was_noted_is_not_told_again(folder: Path):
    spec, _ip, _taken = await abandoned(folder)
    async with next_location(folder, spec) as (bench, found):
        process = found[spec.id].booted.process
        await process.write(b"end\n")
        assert (await process.wait()).code == 3
        bench.engine.noted(spec.id)
        told = []
        await bench.engine._link.recall(lambda news, fds: told.append(news.id))
        assert "more" in told
        assert spec.id not in told


async def test_a_container_that_survived_can_be_entered_and_destroyed(folder: Path):
    spec, _ip, _taken = await abandoned(folder)
    async with next_location(folder, spec) as (bench, found):
        inside = ProcessSpec("inside", ("echo", "inside"))
        assert (await outputs(await bench.engine.execute(spec.id, inside)))[0] == "inside\n"
        await bench.engine.destroy(spec.id, 0)
        assert (await found[spec.id].booted.process.wait()).signal == signal.SIGKILL
        assert not os.listdir(bench.state / "containers")


async def test_what_a_container_wrote_survives_and_can_be_reset(folder: Path):
    spec, _ip, _taken = await abandoned(folder, f"echo kept >/kept; {SCRIPT}")
    async with next_location(folder, spec) as (bench, _found):
        assert await bench.said(spec.id, "cat /kept; echo more >/more; cat /more") == "kept\nmore\n"
        first = (await bench.engine.reboot(spec.id, 0, reset=True)).process
        await read_until(first, b"begun")
        assert await bench.said(spec.id, "cat /kept; ls /more 2>&1 | wc -l") == "kept\n1\n"


async def test_what_nobody_wants_any_more_is_ended_at_once(folder: Path):
    await abandoned(folder)
    async with next_location(folder) as (bench, found):
        assert found == {}
        assert not os.listdir(bench.state / "containers")


async def test_what_is_wanted_and_not_there_did_not_survive(folder: Path):
    spec, _ip, _taken = await abandoned(folder)
    other = msgspec.json.decode(
        msgspec.json.encode(spec).replace(spec.id.encode(), b"n" * 26), type=ContainerSpec
    )
    async with next_location(folder, other) as (bench, found):
        assert found == {}
        assert not os.listdir(bench.state / "containers")
