"""One piece of work that several may wait for: the same image asked for twice is fetched once.

Cancelling one who waits does not cancel the others. Cancelling the last cancels the work, and returns when it has
wound down; whoever asks meanwhile starts anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from ...engines.base import Progress, Report

T = TypeVar("T")
log = logging.getLogger(__name__)


class _Job(Generic[T]):
    def __init__(self) -> None:
        self.task: asyncio.Task[T]
        self.reports: dict[object, Report] = {}
        self.last: Progress | None = None

    def report(self, progress: Progress) -> None:
        """To all who wait; never backwards within one step."""
        last = self.last
        if last and last.step == progress.step and progress.done < last.done:
            progress = Progress(progress.step, progress.text, last.done, progress.total)
        self.last = progress
        for one in list(self.reports.values()):
            try:
                one(progress)
            except Exception:
                log.exception("a progress report failed")


class Jobs(Generic[T]):
    """Work under way, by key."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job[T]] = {}

    async def run(
        self, key: str, work: Callable[[Report], Coroutine[object, object, T]], report: Report
    ) -> T:
        """The result of ``work``, or of the same work that is under way already."""
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = _Job()
            job.task = asyncio.create_task(work(job.report), name=f"image {key}")
            job.task.add_done_callback(lambda task, job=job: self._ended(key, job, task))  # type: ignore[misc]  # bound now
        elif job.last:
            report(job.last)
        me = object()
        job.reports[me] = report
        try:
            return await asyncio.shield(job.task)
        except asyncio.CancelledError:
            if len(job.reports) == 1 and not job.task.done():
                self._forget(key, job)
                job.task.cancel()
                await asyncio.wait([job.task])
            raise
        finally:
            del job.reports[me]

    def _ended(self, key: str, job: _Job[T], task: asyncio.Task[T]) -> None:
        self._forget(key, job)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    def _forget(self, key: str, job: _Job[T]) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]
