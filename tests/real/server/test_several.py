"""Several locations, and several sessions with each, in one program: each has its own, and none disturbs another."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from tests.support.served import Served
from tfnz_jupyter import Location, NotFound

READS = "while read x; do echo got $x; done"


def test_two_locations_of_one_program_work_side_by_side(served: Served, name: str) -> None:
    served.join(name)
    with Location(location="embedded") as here, Location(location=name) as there:
        pair = [at.node().spawn_container("busybox", command=READS) for at in (here, there)]
        for number, container in enumerate(pair):
            container.stdin(b"%d\n" % number)
        lines = [container.wait_log("got") for container in pair]
        assert lines == [b"got 0", b"got 1"]
        assert pair[0].location() is here
        with pytest.raises(NotFound):
            here.container(pair[1].uuid)


def test_the_end_of_one_leaves_the_other_as_it_was(served: Served, name: str) -> None:
    served.join(name)
    with Location(location="embedded") as here:
        kept = here.node().spawn_container("busybox", command=READS).wait_until_ready()
        with Location(location=name) as there:
            gone = there.node().spawn_container("busybox", command=READS).wait_until_ready()
        kept.stdin(b"still\n")
        assert (gone.dead, kept.wait_log("got")) == (True, b"got still")


def test_fifty_sessions_of_one_program_each_have_their_own(served: Served, name: str) -> None:
    served.join(name)
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(Location(location=where))
            for where in ("embedded", name)
            for _ in range(25)
        ]

        async def echo(number: int) -> bytes:
            spawn = sessions[number].node().spawn_container.aio
            container = await spawn("busybox", command=["echo", str(number)], name="same")
            await container.wait_exit.aio()
            return container.logs()

        async def all_of_them() -> list[bytes]:
            return await asyncio.gather(*map(echo, range(50)))

        assert asyncio.run(all_of_them()) == [b"%d\n" % number for number in range(50)]
        assert all(len(session.containers) == 1 for session in sessions)
