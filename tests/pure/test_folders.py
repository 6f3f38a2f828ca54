"""Where things lie: private, movable, and never a folder that somebody else could have put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tfnz_jupyter import folders
from tfnz_jupyter.errors import Refused, UsageError

ALL = [folders.config_folder, folders.state_folder, folders.runtime_folder]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A TFNZ_HOME with a path short enough for sockets."""
    with TemporaryDirectory(prefix="tfnz-") as folder:
        monkeypatch.setenv("TFNZ_HOME", folder)
        yield Path(folder)


def test_one_variable_moves_all_three(home: Path) -> None:
    assert [folder() for folder in ALL] == [home / "config", home / "state", home / "run"]


def test_every_folder_is_for_its_user_alone(home: Path) -> None:
    assert [folder().stat().st_mode & 0o777 for folder in ALL] == [0o700] * 3


def test_a_folder_that_was_open_to_others_is_closed(home: Path) -> None:
    (home / "state").mkdir(mode=0o755)
    assert folders.state_folder().stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_else_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.config_folder()
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(Refused, match="not to you"):
        folders.config_folder()


def test_a_path_too_long_for_a_socket_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(prefix="x" * 80) as folder:
        monkeypatch.setenv("TFNZ_HOME", folder)
        with pytest.raises(UsageError, match="too long"):
            folders.runtime_folder()


def test_sockets_lie_in_the_session_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFNZ_HOME", raising=False)
    with TemporaryDirectory(prefix="tfnz-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        assert folders.runtime_folder() == Path(folder) / "tfnz_jupyter"
