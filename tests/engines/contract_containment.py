"""A container that takes all it can get, each kind within its limit, while another still starts in less than a second."""

from __future__ import annotations

import time

from tests.support.bench import Bench, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import Limits, Running

MIB = 1 << 20
#: Bursts of forks that each wait for their burst, without end; says so when it can have no more.
_BOMB = """
$| = 1; $SIG{CHLD} = 'IGNORE';
while () { my $pid = fork; if (!defined $pid) { print "full\\n" unless $told++; select undef, undef, undef, 0.05 } }
"""
#: Takes memory until it is killed, and begins again.
_HOG = """
$| = 1; while () { my $pid = fork; if (!$pid) { my @all; push @all, 'x' x 1_000_000 while 1 }
waitpid $pid, 0; print 'killed ', $? & 127, "\\n" }
"""
#: Writes until there is no more room, and goes on trying.
_FILLER = """
$| = 1; open F, '>', '/filler'; my $b = 'x' x 65536;
while () { if (!defined syswrite F, $b) { print "full: $!\\n"; select undef, undef, undef, 0.1 } }
"""
_BUSY = "for i in 1 2 3 4; do while :; do :; done & done; echo busy; wait"


async def starts_quickly(bench: Bench) -> bool:
    """Whether a healthy container comes to speak soon, and still does its work."""
    began = time.monotonic()
    name, process = await bench.boot("echo well; exec sleep 100")
    await read_until(process, b"well\n")
    within = time.monotonic() - began < bench.quick
    assert await bench.said(name, "echo $((6 * 7))") == "42\n"
    await bench.engine.destroy(name, 0)
    return within


async def others_are_well(bench: Bench) -> None:
    """A promise to users, kept at the latest at a later try: the machine may be busy with other things than ours."""
    await eventually_async(lambda: starts_quickly(bench), within=30)


async def offender(bench: Bench, script: str, limits: Limits, sign: bytes) -> tuple[str, Running]:
    """A container that does its worst already: its id and first process."""
    argv = ["perl", "-e", script] if script.lstrip().startswith("$|") else ["sh", "-c", script]
    name, process = await bench.boot(argv=argv, limits=limits)
    await read_until(process, sign, within=60)
    return name, process


class Containment:
    """The four ways to take a machine down from inside."""

    async def test_a_busy_loop_leaves_others_their_share(self, bench: Bench):
        await offender(bench, _BUSY, Limits(), b"busy")
        await others_are_well(bench)

    async def test_a_busy_loop_can_be_held_to_a_part_of_a_processor(self, bench: Bench):
        with bench.asked("cpus"):
            await offender(bench, _BUSY, Limits(cpus=0.5), b"busy")
            await others_are_well(bench)

    async def test_a_fork_bomb_fills_its_own_container_alone(self, bench: Bench):
        with bench.asked("pids"):
            name, process = await offender(bench, _BOMB, Limits(pids=64), b"full")
            await others_are_well(bench)
            await bench.engine.destroy(name, 0)
            assert (await process.wait()).signal == 9

    async def test_a_memory_hog_dies_of_its_own_limit_again_and_again(self, bench: Bench):
        with bench.asked("memory"):
            _, process = await offender(bench, _HOG, Limits(memory=64 * MIB), b"killed 9")
            await others_are_well(bench)
            await read_until(process, b"killed 9", within=60)

    async def test_a_disk_filler_fills_its_own_part_alone(self, bench: Bench):
        with bench.asked("disk"):
            name, _ = await offender(bench, _FILLER, Limits(disk=32 * MIB), b"full")
            await others_are_well(bench)
            size = int(await bench.said(name, "du -sm /filler | cut -f1"))
            assert size <= 32
