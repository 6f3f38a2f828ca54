"""A notebook in a page with probes: how long frames take, what the heap holds, what the socket carries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.lab import Lab, Notebook

from .second import Heard, Second

LOAD = "%load_ext tfnz_jupyter"
HERE = "import time, threading\nfrom tfnz_jupyter import Location\nhere = Location(); node = here.node()"

_FRAMES = """() => {
    window.tfnzFrames = [];
    let last = performance.now();
    const step = (now) => {
        window.tfnzFrames.push(now - last);
        last = now;
        window.tfnzStep = requestAnimationFrame(step);
    };
    window.tfnzStep = requestAnimationFrame(step);
}"""
_FRAMES_END = "() => { cancelAnimationFrame(window.tfnzStep); return window.tfnzFrames.slice(1); }"


class Desk:
    """A page, its kernel, and a second client of it."""

    def __init__(self, notebook: Notebook, second: Second, received: Received) -> None:
        self.notebook, self.page, self.second = notebook, notebook.page, second
        self.received = received
        self._devtools = self.page.context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable")

    def run(self, *cells: str) -> None:
        """Run cells of the notebook, each named by words of it."""
        for cell in cells:
            self.notebook.run(cell)

    def watch(self, seconds: float) -> tuple[Heard, list[float]]:
        """Round trips and messages at the kernel, and the page's frames (seconds), meanwhile."""
        self.page.evaluate(_FRAMES)
        heard = self.second.listen(seconds)
        return heard, [gap / 1000 for gap in self.page.evaluate(_FRAMES_END)]

    def evaluate(self, function: str, argument: object = None, within: float = 90.0) -> Any:
        """Call an asynchronous function in the page; its value, or an error once the time is over."""
        late = f"new Promise((_, no) => setTimeout(() => no(new Error('not within {within} s')), {within * 1000}))"
        return self.page.evaluate(
            f"(argument) => Promise.race([({function})(argument), {late}])", argument
        )

    def until(self, condition: str, within: float = 60.0) -> float:
        """Wait for an expression to hold in the page; the seconds it took."""
        begin = time.monotonic()
        self.page.wait_for_function(condition, timeout=within * 1000, polling=50)
        return time.monotonic() - begin

    def card(self, name: str, fact: str) -> int:
        """A number that a card bears: ``total``, ``skipped``."""
        return int(self.notebook.card(name).get_attribute(f"data-{fact}") or 0)

    def heap(self) -> float:
        """The page's live JavaScript, in MB."""
        self._devtools.send("HeapProfiler.collectGarbage")
        found = self._devtools.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in found if one["name"] == "JSHeapUsedSize")) / 1e6

    def rss(self) -> float:
        """The biggest renderer of the browser, in MB."""
        return max(_renderers()) / 1e6


def _renderers() -> Iterator[int]:
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                yield process.memory_info().rss
        except psutil.Error:
            continue


@contextmanager
def desk(lab: Lab, *cells: str, kernel: str = "python3") -> Iterator[Desk]:
    """A notebook of these cells, after those that load the extension and connect, which have run."""
    with lab.open(LOAD, HERE, *cells, kernel=kernel) as notebook:
        received = Received(notebook)
        notebook.load()
        with Second(connection_file(lab, notebook)) as second:
            opened = Desk(notebook, second, received)
            opened.run(LOAD, "here = Location()")
            yield opened


def connection_file(lab: Lab, notebook: Notebook) -> Path:
    """How to reach the kernel of an open notebook."""
    kernel = notebook.page.evaluate(
        "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.id"
    )
    return lab.folder / "runtime" / f"kernel-{kernel}.json"


class Received:
    """Counts the bytes that kernels send to a page, from its next load on."""

    def __init__(self, notebook: Notebook) -> None:
        self.size = 0
        notebook.page.on("websocket", self._opened)

    def _opened(self, socket: Any) -> None:
        if "/channels" in socket.url:
            socket.on("framereceived", self._add)

    def _add(self, payload: str | bytes) -> None:
        self.size += len(payload)
