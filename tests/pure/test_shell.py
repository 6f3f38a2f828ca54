"""``tfnz`` in a shell: exit codes and where words go."""

from __future__ import annotations

import json

import pytest

from tfnz_jupyter.cli import main
from tfnz_jupyter.cli.progress import Line
from tfnz_jupyter.doctor import examine
from tfnz_jupyter.wire.messages import Progressed


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "tfnz doctor" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tfnz_jupyter 0.")


def test_a_misspelt_command_is_answered_with_the_nearest_right_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["docter"]) == 2
    assert "tfnz doctor" in capsys.readouterr().err


def test_an_unknown_option_is_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--yaml"]) == 2
    assert "--yaml" in capsys.readouterr().err


def test_the_doctor_exits_by_whether_containers_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["works"] is (code == 0) is examine().works


def test_a_line_that_is_over_stays_gone_whatever_comes_late(capsys: pytest.CaptureFixture[str]):
    line = Line("web")
    line.tell(Progressed(0, "pull", "a layer", 1, 2))
    line.end()
    gone = capsys.readouterr().err
    assert "web: fetching  a layer" in gone
    assert gone.endswith(" \r")
    line.tell(Progressed(0, "pull", "a layer", 2, 2))
    assert capsys.readouterr().err == ""
