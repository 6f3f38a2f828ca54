"""Who takes the place of a location whose process is gone: whoever serves by then, and nobody where it ended as it should."""

import fcntl
import json
import threading

import pytest

from tfnz_jupyter.blocking import block
from tfnz_jupyter.errors import Refused, SessionEnded
from tfnz_jupyter.homes import Home
from tfnz_jupyter.keyring import make_keys
from tfnz_jupyter.sdk import here
from tfnz_jupyter.sdk.address import Address
from tfnz_jupyter.sdk.here import find_or_start, succeed


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """A runtime folder in which nobody serves."""
    monkeypatch.setenv("TFNZ_HOME", str(tmp_path))
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def gone(runtime, name="location.log"):
    """The address of a location whose process is gone."""
    return Address("ipc://nobody", b"k" * 32, make_keys(), 1, runtime / name)


def write(runtime, pid, bound):
    facts = {"endpoint": "ipc://next", "key": "6b" * 32, "pid": pid, "bound": bound}
    facts |= {"engine": "embedded", "options": []}
    new = runtime / "location.new"
    new.write_text(json.dumps(facts))
    new.replace(runtime / "location.json")  # at once, as a location does


def test_a_location_that_took_its_address_back_has_no_successor(runtime):
    with pytest.raises(SessionEnded, match="gone"):
        block(succeed(gone(runtime)))


def test_a_location_of_another_home_is_not_started_here(runtime, tmp_path):
    write(runtime, 1, bound=False)
    with pytest.raises(SessionEnded, match="gone"):
        block(succeed(gone(tmp_path / "elsewhere")))


def test_who_serves_by_then_is_the_successor(runtime):
    write(runtime, 7, bound=False)
    with (runtime / "serving.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert block(succeed(gone(runtime))).pid == 7


def test_one_that_serves_others_is_waited_for(runtime):
    write(runtime, 1, bound=True)
    with (runtime / "serving.lock").open("w") as lock:

        def start():
            fcntl.flock(lock, fcntl.LOCK_EX)
            write(runtime, 8, bound=True)

        supervisor = threading.Timer(0.2, start)
        supervisor.start()
        assert block(succeed(gone(runtime))).endpoint == "ipc://next"
        supervisor.join()


def test_one_that_was_started_by_a_killed_program_and_was_quicker_is_taken(runtime, monkeypatch):
    with (runtime / "serving.lock").open("w") as lock:

        def start(*_):
            fcntl.flock(lock, fcntl.LOCK_EX)
            threading.Timer(0.1, write, (runtime, 9, False)).start()
            raise Refused("a location already serves this user")

        monkeypatch.setattr(here, "_start", start)
        assert block(find_or_start(Home())).pid == 9
