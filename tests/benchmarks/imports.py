"""How long importing takes, each time in a fresh interpreter, above the same interpreter without it.

Targets: the package under 0.15 s; the extension, widgets included, under 0.3 s above a bare shell of IPython's.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 10
_SHELL = "from IPython.core.interactiveshell import InteractiveShell as S; shell = S.instance(); "
#: what -> (statement, what it is compared with)
STATEMENTS = {
    "a bare interpreter": ("pass", "a bare interpreter"),
    "tfnz_jupyter": ("import tfnz_jupyter", "a bare interpreter"),
    "Location": ("from tfnz_jupyter import Location", "a bare interpreter"),
    "a shell of IPython's": (_SHELL, "a bare interpreter"),
    "anywidget": (_SHELL + "import anywidget", "a shell of IPython's"),
    "%load_ext tfnz_jupyter": (
        _SHELL + "shell.run_line_magic('load_ext', 'tfnz_jupyter')",
        "a shell of IPython's",
    ),
}


def took(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    for statement, _ in STATEMENTS.values():
        took(statement)  # bytecode and the disk's cache
    rounds = [{name: took(code) for name, (code, _) in STATEMENTS.items()} for _ in range(ROUNDS)]
    middle = {name: statistics.median(one[name] for one in rounds) for name in STATEMENTS}
    print(f"medians of {ROUNDS}, taken in turns")
    for name, (_, base) in STATEMENTS.items():
        above = (middle[name] - middle[base]) * 1000
        print(f"  {name:<24} {middle[name] * 1000:5.0f} ms, {above:4.0f} above {base}")


if __name__ == "__main__":
    main()
