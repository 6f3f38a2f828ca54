"""``./run demo``: the first tutorial from a clean kernel, and what came of it.

It stands beside the tutorial because it is its reader: three of the tutorial's cells carry a tag (``page``, ``log``,
``nodes``) that says what their output shows, and what is told at the end is taken from there. That nothing is left
behind is asked of two witnesses: the location, and the kernel's own list of processes.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi

from tfnz_jupyter import Location
from tfnz_jupyter.doctor import examine

HERE = Path(__file__).resolve().parent
TUTORIAL = HERE / "01-first-container.ipynb"
ARTEFACTS = HERE.parent / "artefacts"
GONE_WITHIN = 2.0  # seconds, as promised to users

WITNESSES = {
    "page": ("nginx answered through the tunnel", r"Welcome to nginx!"),
    "log": ("and its access log came back live", r".*\"GET / HTTP/[\d.]+\" 200 .*"),
    "nodes": ("The nodes, best first", r"(?s).+"),
}


def main() -> int:
    report = examine()
    if not report.works:
        print(report.as_text())
        return 1
    before = Left.now(report.running)
    notebook = nbformat.read(TUTORIAL, as_version=4)
    print(f"Running {TUTORIAL.relative_to(HERE.parent)} in a clean kernel.")
    print(
        "The first time, nginx is built from Debian packages: seconds, or a minute on a slow line.\n"
    )
    try:
        Performance(notebook).run()
    except CellExecutionError as error:
        print(f"\nThis cell failed:\n\n{error if sys.stdout.isatty() else strip_ansi(str(error))}")
        return 1
    finally:
        kept = keep(notebook)
    good = [*tell(notebook), nothing_left(before)]
    print(f"\nThe tutorial as it ran:  {kept}")
    print("Now do it yourself:      ./run lab")
    return 0 if all(good) else 1


class Performance:
    """One run of a notebook, told cell by cell as it goes."""

    def __init__(self, notebook: nbformat.NotebookNode) -> None:
        self._cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
        self._client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=600,
            store_widget_state=False,  # with it, the HTML page shows widgets, and none of our static views
            resources={"metadata": {"path": str(HERE)}},
            on_cell_execute=self._begin,
            on_cell_executed=self._end,
        )
        self._ticker: Ticker | None = None

    def run(self) -> None:
        """Raises CellExecutionError where a cell fails."""
        ARTEFACTS.mkdir(exist_ok=True)
        with open(ARTEFACTS / "kernel.log", "wb") as log:
            try:
                self._client.execute(stdout=log, stderr=log)
            finally:
                self._stop()

    def _begin(self, cell: Any, cell_index: int) -> None:
        number = next(n for n, known in enumerate(self._cells, 1) if known is cell)
        total = len(self._cells)
        self._ticker = Ticker(f"  {number:{len(str(total))}}/{total}  {title(cell.source)}")

    def _end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._ticker:
            self._ticker.stop()
            self._ticker = None


class Ticker:
    """A line that counts the seconds at a terminal, and is written once elsewhere."""

    def __init__(self, text: str) -> None:
        self._text, self._start, self._over = text, time.monotonic(), threading.Event()
        self._live = sys.stdout.isatty()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        print(f"{chr(13) if self._live else ''}{self._line()}", flush=True)

    def _tick(self) -> None:
        while self._live and not self._over.wait(0.5):
            print(f"\r{self._line()}", end="", flush=True)

    def _line(self) -> str:
        return f"{self._text:<78} {time.monotonic() - self._start:6.1f} s"


def title(source: str) -> str:
    """The first telling line of a cell, cut to a terminal's width."""
    dull = ("#", "import ", "from ", "try:", "except ", " ")
    lines = [line for line in source.splitlines() if line and not line.startswith(dull)]
    first = lines[0] if lines else source.splitlines()[0]
    return first if len(first) <= 66 else first[:63] + "..."


def tell(notebook: nbformat.NotebookNode) -> Iterator[bool]:
    """Print what the tagged cells show; yields for each whether it shows what it should."""
    for tag, (words, pattern) in WITNESSES.items():
        text = "\n".join(output_of(notebook, tag))
        found = re.search(pattern, text)
        print(f"\n{words}:" if found else f"\nNOT SEEN: {words}. The cell tagged {tag!r} printed:")
        print("\n".join(f"    {line}" for line in (found[0] if found else text).splitlines()))
        yield bool(found)


def output_of(notebook: nbformat.NotebookNode, tag: str) -> Iterator[str]:
    """The text that the cells with this tag have printed or shown."""
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                yield output.get("text") or output.get("data", {}).get("text/plain", "")


@dataclass(frozen=True)
class Left:
    """What could be left behind: containers by the location's count, nginx processes by the machine's."""

    containers: int
    processes: frozenset[int]

    @classmethod
    def now(cls, running: bool = True) -> Left:
        """Asks the location only if one is running: looking must not start it."""
        return cls(containers() if running else 0, frozenset(nginx_processes()))

    def beyond(self, before: Left) -> bool:
        return self.containers > before.containers or bool(self.processes - before.processes)


def nothing_left(before: Left) -> bool:
    """Look whether a container is left; users are promised that none is after two seconds."""
    deadline = time.monotonic() + GONE_WITHIN
    while (now := Left.now()).beyond(before):
        if time.monotonic() > deadline:
            print(f"\nLEFT BEHIND: {now}; before it was {before}.")
            return False
        time.sleep(0.1)
    print("\nNothing is left behind: the location counts no container more than before,")
    print("and the machine's list of processes shows no nginx that was not there.")
    return True


def containers() -> int:
    location = Location(quiet=True)
    try:
        return sum(node.stats.containers for node in location.ranked_nodes())
    finally:
        location.disconnect()


def nginx_processes() -> Iterator[int]:
    """Pids of all processes called nginx, containers' included: the machine sees them all."""
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text().strip() == "nginx":
                yield int(name.parent.name)
        except OSError:
            continue  # it ended while we looked


def keep(notebook: nbformat.NotebookNode) -> Path:
    """Write the notebook as it ran, as a page to look at; gives its path."""
    page = ARTEFACTS / f"{TUTORIAL.stem}.html"
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    return page


if __name__ == "__main__":
    sys.exit(main())
