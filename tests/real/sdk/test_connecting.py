"""``Location()`` finds this user's location or starts it, and says plainly when it cannot."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.real.conftest import end_location, location_pid
from tests.support.eventually import eventually
from tests.support.leaks import footprint, nothing
from tfnz_jupyter import Location, NotFound, SessionEnded, Unreachable, UsageError
from tfnz_jupyter.sdk.location import current

ROOT = Path(__file__).parents[3]


def test_the_first_location_starts_one_and_the_second_finds_it(home):
    with Location() as first, Location() as second:
        assert location_pid() is not None
        assert first.uuid != second.uuid
        assert [n.name for n in first.ranked_nodes()] == [n.name for n in second.ranked_nodes()]


def test_connecting_to_a_running_location_is_quick(location):
    began = time.monotonic()
    Location().disconnect()
    assert time.monotonic() - began < 1.0


def test_a_location_without_users_ends_by_itself_and_leaves_nothing(home):
    elsewhere = Path(tempfile.mkdtemp(prefix="tfnz-idle-", dir="/tmp"))
    serving = subprocess.run(
        [sys.executable, "-m", "tfnz_jupyter.cli", "serve", "--idle", "0.5"],
        env=os.environ | {"TFNZ_HOME": str(elsewhere)},
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    left = footprint(elsewhere / "state" / "engine")
    shutil.rmtree(elsewhere)
    assert serving.returncode == 0
    assert nothing(left), left


def test_two_that_start_at_once_share_one_location(home):
    end_location()

    async def both():
        return await asyncio.gather(Location.aio(), Location.aio())

    first, second = asyncio.run(both())
    with first, second:
        assert first._connection._address.pid == second._connection._address.pid


def test_a_location_that_is_not_known_is_named_with_the_nearest(home):
    with pytest.raises(NotFound, match="embeded") as problem:
        Location(location="embeded")
    assert "embedded" in problem.value.hint


def test_quiet_and_debug_log_exclude_each_other(home):
    with pytest.raises(UsageError, match="quiet"):
        Location(quiet=True, debug_log=True)


def test_the_root_logger_is_left_alone(location):
    assert logging.getLogger().handlers == logging.root.handlers
    assert logging.getLogger("tfnz_jupyter").handlers == []


def test_a_disconnected_location_says_so(home):
    session = Location()
    session.disconnect()
    session.disconnect()
    assert session.dead
    with pytest.raises(SessionEnded, match="disconnected"):
        session.node()


def test_the_last_one_made_is_the_current_one(location):
    with Location() as other:
        assert current() is other
    assert current() is not other


def test_run_can_be_awaited_and_ends_when_complete(home):
    async def story():
        session = await Location.aio()
        running = asyncio.ensure_future(session.run.aio())
        session.complete()
        await asyncio.wait_for(running, 10)
        return session

    assert asyncio.run(story()).dead


def test_a_cancelled_connect_leaves_no_session(location):
    async def story():
        opening = asyncio.ensure_future(Location.aio())
        await asyncio.sleep(0)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening

    before = current()
    asyncio.run(story())
    eventually(lambda: current() is before, within=5)


@pytest.mark.parametrize("folder", ["/proc/x", "/dev/null/x"])
def test_a_home_that_cannot_be_is_named(home, monkeypatch, folder):
    monkeypatch.setenv("TFNZ_HOME", folder)
    with pytest.raises(UsageError, match=folder):
        Location()


def test_a_stopped_location_is_said_to_be_silent_within_five_seconds(home):
    Location().disconnect()
    pid = location_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer"):
            Location()
        assert time.monotonic() - began < 6
    finally:
        os.kill(pid, signal.SIGCONT)
    Location().disconnect()


def test_nodes_have_live_statistics(node):
    stats = node.stats
    assert 0 <= stats.cpu <= stats.cpu_total
    assert 0 < stats.memory <= stats.memory_total
    assert stats.score == stats.cpu + stats.memory - 10 * stats.paging
    eventually(lambda: node.stats is not stats, within=10)


def test_a_location_that_is_told_to_end_ends_its_sessions_and_the_next_one_works(home):
    session = Location()
    container = session.node().spawn_container("busybox", command=["sleep", "1000"])
    container.wait_until_ready()
    told = []
    container.termination_callback = lambda c, code: told.append((c, code))
    end_location(signal.SIGTERM)
    eventually(lambda: session.dead and told, within=5)
    assert told == [(container, None)]
    with pytest.raises(SessionEnded, match="closed"):
        container.run_process("true")
    with Location() as again:
        assert again.node().spawn_container("busybox", command="exit 4").wait_exit() == 4


def test_a_call_in_flight_when_the_location_ends_says_so(home):
    session = Location()
    container = session.node().spawn_container("busybox", command=["sleep", "1000"])
    container.wait_until_ready()
    pid = location_pid()

    async def story():
        running = asyncio.ensure_future(container.run_process.aio("echo started; sleep 1000"))
        await container.run_process.aio("true")
        os.kill(pid, signal.SIGTERM)
        await running

    with pytest.raises(SessionEnded):
        asyncio.run(story())
