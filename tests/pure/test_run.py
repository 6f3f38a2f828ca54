"""``./run``: what it says before it does anything."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[2] / "run"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program as a module, having run nothing."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("run_program", str(RUN))
    spec = importlib.util.spec_from_loader("run_program", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_help_names_every_command(run: ModuleType) -> None:
    assert all(f"\n  {name} " in run.HELP for name in run.COMMANDS)


def test_an_unknown_command_exits_with_2_and_the_list() -> None:
    answer = subprocess.run([RUN, "dmeo"], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "./run COMMAND" in answer.stderr


def test_every_package_it_would_install_says_what_it_is_for(run: ModuleType) -> None:
    assert all(package.why for package in run.engine_packages() + run.TEST_PACKAGES)


def test_a_probe_is_a_file_a_library_or_one_of_some_programs(run: ModuleType) -> None:
    assert run.present("/etc/passwd")
    assert run.present("libc.so.6")
    assert run.present("nosuch-program sh")
    assert not any(map(run.present, ["/nosuch", "libnosuch.so.6", "nosuch-program"]))


def test_who_may_not_install_is_told_the_command(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}"
    )
    with pytest.raises(SystemExit):
        run.permission(["crun", "passt"])
    assert "apt-get install --no-install-recommends crun passt" in capsys.readouterr().err


def test_an_end_of_input_is_a_no(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert not run.agreed("Install them now?")


def test_whether_to_be_root_is_asked_before_anything_is_installed(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(run, "wants_root", lambda what: order.append(what) or False)
    monkeypatch.setattr(run, "prepare", lambda packages, extra: order.append("install"))
    monkeypatch.setattr(run, "become", lambda *argv: 0)
    assert run.demo([]) == run.lab([]) == 0
    assert order == ["the demo", "install", "JupyterLab", "install"]


def test_a_failing_step_shows_its_last_words_and_the_log(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run, "LOG", tmp_path / "setup.log")
    with pytest.raises(SystemExit):
        run.quietly("Trying", ["sh", "-c", "echo the disk is full; exit 3"])
    told = capsys.readouterr().err
    assert "the disk is full" in told
    assert str(tmp_path / "setup.log") in told


def test_a_change_of_what_is_needed_is_noticed(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("setup.cfg", "pyproject.toml", "run"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    before = run.stamp()
    (tmp_path / "setup.cfg").write_text("two")
    assert run.stamp() != before
