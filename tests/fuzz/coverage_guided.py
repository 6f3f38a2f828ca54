"""``python -m tests.fuzz.coverage_guided TARGET [OPTIONS] FOLDER``: a target under atheris; options are libFuzzer's."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tfnz_jupyter"]):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    """Run until told to stop, or until something is found: that is a traceback and a non-zero exit."""
    target = TARGETS[sys.argv.pop(1)]
    for number, seed in enumerate(seeds()):
        Path(sys.argv[-1], f"seed{number}").write_bytes(seed)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
