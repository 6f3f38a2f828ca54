"""Engines are found by their entry point."""

import subprocess
import sys

import pytest

from tfnz_jupyter.engines import find
from tfnz_jupyter.engines.base import Engine
from tfnz_jupyter.errors import NotFound, NotSupported


def test_the_embedded_engine_is_found_by_its_name():
    engine = find("embedded")
    assert isinstance(engine, type)
    assert issubclass(engine, Engine)
    assert engine.name == "embedded"


def test_an_engine_nobody_brings_is_named_with_those_there_are():
    with pytest.raises(NotFound, match="dokcer") as problem:
        find("dokcer")
    assert "embedded" in problem.value.hint


def test_an_engine_whose_package_is_missing_says_which_and_what_installs_it(monkeypatch):
    for name in [*sys.modules]:
        if name.startswith(("tfnz_jupyter.engines.docker", "aiodocker")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiodocker", None)
    with pytest.raises(NotSupported, match="needs aiodocker") as problem:
        find("docker")
    assert problem.value.hint == "pip install 'tfnz_jupyter[docker]'"


def test_the_keeper_loads_no_more_than_it_needs():
    program = "import sys, tfnz_jupyter.engines.embedded.keeper; print('asyncio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
