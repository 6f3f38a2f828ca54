"""A location that serves others, in a process and folders of its own, as its operator would run it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfnz_jupyter.blocking import block
from tfnz_jupyter.keyring import Account
from tfnz_jupyter.sdk import accounts

ROOT = Path(__file__).parents[2]


class Served:
    """One that runs. Who joins it has the account in the tests' own configuration folder."""

    def __init__(self, home: Path, process: subprocess.Popen[str], said: str) -> None:
        self.home, self.process, self.said = home, process, said
        self.port = int(re.search(r":(\d+);", said)[1])

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.home / "run" / "location.log").read_text()

    def tfnz(self, *arguments: str, code: int = 0, typed: str = "") -> str:
        """What the operator's command prints; it exits with that code."""
        return tfnz(self.home, *arguments, code=code, typed=typed)

    def join(self, name: str, *options: str) -> Account:
        """An account, which the operator and the user both call by that name."""
        token = self.tfnz("invite", name, *options).split()[0]
        return block(accounts.join(token, name))


def tfnz(home: Path, *arguments: str, code: int = 0, typed: str = "") -> str:
    """What ``tfnz`` prints, both outputs together, for the user whose folders are there."""
    done = subprocess.run(
        [sys.executable, "-m", "tfnz_jupyter.cli", *arguments],
        env={**os.environ, "TFNZ_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        input=typed,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@contextlib.contextmanager
def serving(images: Path, *options: str) -> Iterator[Served]:
    """One that has these images (a store's folder), and ends with this."""
    home = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    shutil.copytree(images, home / "state" / "images", copy_function=os.link)
    command = [sys.executable, "-m", "tfnz_jupyter.cli", "serve", "--bind", "127.0.0.1:0"]
    with (home / "serve.err").open("w") as errors:
        process = subprocess.Popen(
            [*command, "--name", "lab", *options],
            env={**os.environ, "TFNZ_HOME": str(home), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said, (home / "serve.err").read_text()
        yield Served(home, process, said)
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home, ignore_errors=True)
