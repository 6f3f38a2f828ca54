"""How long importing takes, each time in a fresh interpreter, above the same interpreter without it.

The package alone; the extension, widgets included, above a bare shell of IPython's; anywidget alone and docker-py beside.
On a busy machine the processor time, which the notes have, says more.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable
from functools import partial

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
    worked: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    ways = {name: partial(run, code, worked[name]) for name, code in STATEMENTS.items()}
    taken = in_turns(ways, ROUNDS, rest=0.0, warm_up=2)

    def above(name: str, floor: str, figures: dict[str, list[float]] = taken) -> list[float]:
        least = statistics.median(figures[floor])
        return [figure - least for figure in figures[name]]

    def work(name: str, floor: str) -> str:
        return f"{statistics.median(above(name, floor, worked)):.0f} ms"

    samples = {
        OURS: above("%load_ext", _BARE_SHELL),
        "anywidget alone": above("anywidget", _BARE_SHELL),
        "docker-py": above("docker-py", _BARE),
    }
    note = (
        f"Processor time of importing: the extension {work('%load_ext', _BARE_SHELL)}, anywidget alone "
        f"{work('anywidget', _BARE_SHELL)}, the package {work('tfnz_jupyter', _BARE)}."
    )
    yield Row("import of the extension", "ms", samples, (Target(300),), note)
    package = {OURS: above("tfnz_jupyter", _BARE)}
    yield Row("import of the package", "ms", package, (Target(150),))


def run(statement: str, worked: list[float]) -> float:
    """Milliseconds that it takes; those of processor time are noted."""
    before = processor_time()
    took = timed(lambda: subprocess.run([sys.executable, "-c", statement], check=True))
    worked.append((processor_time() - before) * 1000)
    return took


def processor_time() -> float:
    """Seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
