"""Silence for too long is death: everything is collected, everybody is told, and one can begin anew. Not before.

The location here waits 7 s instead of two minutes; the two ends' clocks and the bound itself are in the pure tier.
"""

import os
import shutil
import signal
import time

import pytest

from tests.support.eventually import eventually
from tests.support.leaks import footprint
from tests.support.proxy import proxy
from tests.support.remote import remote
from tfnz_jupyter import ContainerEnded, SessionEnded
from tfnz_jupyter.wire import session as wire

SILENCE = 7.0


@pytest.fixture(scope="module")
def place(far, folder):
    """A location that is soon tired of silence."""
    home = folder / "s"
    with far.session() as session:
        session.ensure_image_uploaded("busybox")
    shutil.copytree(far.folder / "state" / "images", home / "state" / "images")
    with remote(home, silence=SILENCE) as location:
        yield location


class Lost:
    """A session whose way was closed for longer than the silence, and then opened again."""

    def __init__(self, place, net):
        self.told = []
        self.net, self.session = net, place.session(net.port)
        self.container = self.session.node().spawn_container(
            "busybox",
            command=["sleep", "1000"],
            termination_callback=lambda c, code: self.told.append((c, code)),
        )
        self.container.wait_until_ready(timeout=60)


@pytest.fixture(scope="module")
def lost(place):
    """Two of them: one has given up by itself, the other came back too late."""
    with proxy(place.port) as a, proxy(place.port) as b:
        gave_up, came_late = Lost(place, a), Lost(place, b)
        gave_up.session._connection._wire.silence = SILENCE
        for net in (a, b):
            net.refuse()
        eventually(lambda: gave_up.session.dead, within=30)
        eventually(lambda: place.log().count("heard of it for too long") == 2, within=30)
        assert not came_late.session.dead
        b.listen()
        eventually(lambda: came_late.session.dead, within=30)
        yield {"gave up": gave_up, "came late": came_late}


@pytest.mark.parametrize("how", ["gave up", "came late"])
def test_every_object_of_a_lost_session_says_so_and_callbacks_fire(lost, how):
    one = lost[how]
    eventually(lambda: one.told == [(one.container, None)], within=10)
    assert one.container.dead
    for use in (lambda: one.container.run_process("true"), one.session.node, one.session.images):
        with pytest.raises((SessionEnded, ContainerEnded)):
            use()


def test_what_a_lost_session_had_is_collected(lost, place):
    eventually(lambda: not footprint(place.folder / "state" / "engine")["files"], within=20)


def test_a_new_session_works_after_one_was_lost(lost, place):
    with place.session(lost["came late"].net.port) as again:
        assert again.node().spawn_container("busybox", command="exit 5").wait_exit(60) == 5


def test_a_location_that_was_stopped_has_heard_nothing_wrong_of_anybody(place, monkeypatch):
    monkeypatch.setattr(
        wire, "BEAT_EVERY", 1.0
    )  # well within the silence, however busy this machine
    with place.session() as session:
        container = session.node().spawn_container("busybox", command=["sleep", "1000"])
        container.wait_until_ready(timeout=60)
        os.kill(place.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > SILENCE + 2, within=30)
        os.kill(place.process.pid, signal.SIGCONT)
        assert container.run_process("echo here")[0] == b"here\n"
