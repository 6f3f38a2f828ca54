"""Work that several wait for: shared, cancelled with the last, never with one."""

from __future__ import annotations

import asyncio

import pytest

from tfnz_jupyter.engines.base import Progress
from tfnz_jupyter.server.images.jobs import Jobs


class Work:
    """Work that waits to be let go, and notes what befell it."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = False
        self.go = asyncio.Event()
        self.running = asyncio.Event()

    async def __call__(self, report) -> int:
        self.started += 1
        report(Progress("pull", "half", 5, 10))
        self.running.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return 42


def ignore(progress: Progress) -> None:
    """A report nobody reads."""


async def test_two_who_ask_at_once_share_the_work():
    jobs, work = Jobs[int](), Work()
    both = [asyncio.create_task(jobs.run("a", work, ignore)) for _ in range(2)]
    await work.running.wait()
    work.go.set()
    assert await asyncio.gather(*both) == [42, 42]
    assert work.started == 1


async def test_who_comes_later_hears_how_far_it_is():
    jobs, work, heard = Jobs[int](), Work(), []
    first = asyncio.create_task(jobs.run("a", work, ignore))
    await work.running.wait()
    second = asyncio.create_task(jobs.run("a", work, heard.append))
    work.go.set()
    await asyncio.gather(first, second)
    assert heard == [Progress("pull", "half", 5, 10)]


async def test_cancelling_one_does_not_cancel_the_others():
    jobs, work = Jobs[int](), Work()
    one, other = (asyncio.create_task(jobs.run("a", work, ignore)) for _ in range(2))
    await work.running.wait()
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    work.go.set()
    assert await other == 42
    assert not work.cancelled


async def test_cancelling_the_last_cancels_the_work_before_it_returns():
    jobs, work = Jobs[int](), Work()
    only = asyncio.create_task(jobs.run("a", work, ignore))
    await work.running.wait()
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    assert work.cancelled


async def test_who_asks_after_a_failure_starts_anew():
    jobs = Jobs[int]()

    async def fails(report) -> int:
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await jobs.run("a", fails, ignore)


async def test_progress_never_goes_back_within_a_step():
    jobs, heard = Jobs[int](), []

    async def work(report) -> int:
        for step, done in (("pull", 5), ("pull", 3), ("build", 1)):
            report(Progress(step, "", done, 10))
        return 1

    await jobs.run("a", work, heard.append)
    assert [(p.step, p.done) for p in heard] == [("pull", 5), ("pull", 5), ("build", 1)]


async def test_a_report_that_raises_harms_nobody(caplog):
    def bad(progress: Progress) -> None:
        raise RuntimeError("bad report")

    work = Work()
    work.go.set()
    assert await Jobs[int]().run("a", work, bad) == 42
    assert "a progress report failed" in caplog.text
