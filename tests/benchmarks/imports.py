"""How long importing takes, each time in a fresh interpreter, above the same interpreter without it.

The package alone; the extension, widgets included, above a bare shell of IPython's; anywidget alone and docker-py beside.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterable

from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed

ROUNDS = 10
_SHELL = "from IPython.core.interactiveshell import InteractiveShell as S; shell = S.instance(); "
_LOAD = _SHELL + "shell.run_line_magic('load_ext', 'tfnz_jupyter')"
_BARE, _BARE_SHELL = "a bare interpreter", "a shell of IPython's"
STATEMENTS = {
    _BARE: "pass",
    "tfnz_jupyter": "from tfnz_jupyter import Location",
    "docker-py": "import docker",
    _BARE_SHELL: _SHELL,
    "anywidget": _SHELL + "import anywidget",
    "%load_ext": _LOAD,
}


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    taken = in_turns(
        {name: lambda code=code: timed(lambda: run(code)) for name, code in STATEMENTS.items()},
        ROUNDS, rest=0.0, warm_up=2,
    )  # fmt: skip
    base, shell = (statistics.median(taken[name]) for name in (_BARE, _BARE_SHELL))

    def above(name: str, floor: float) -> list[float]:
        return [figure - floor for figure in taken[name]]

    samples = {
        OURS: above("%load_ext", shell),
        "anywidget alone": above("anywidget", shell),
        "docker-py": above("docker-py", base),
    }
    yield Row("import of the extension", "ms", samples, (Target(300),))
    yield Row("import of the package", "ms", {OURS: above("tfnz_jupyter", base)}, (Target(150),))


def run(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)


if __name__ == "__main__":
    main()
