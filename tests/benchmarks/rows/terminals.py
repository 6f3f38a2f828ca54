"""Rows 7 and 9: terminals, beside JupyterLab's own; and twenty of them on a page.

Both emulators are xterm.js: a key's echo is timed until the emulator has taken it in, a flood until its last word stands in
the buffer.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.lab import ROOT, Lab, server

from . import Row, median, ms
from .desk import Desk, desk

KEYS = 40
EXTENSION = "--ServerApp.jpserver_extensions={'tfnz_jupyter.notebook.nodelay': True}"
TURNS = 3
BOX = "box = node.spawn_container('busybox', name='box', command=['sleep', '100000']); box.wait_until_ready()"
SHELL = "shell = %tf shell box"
LINES = "seq 1 1000000 > {path}"
BYTES = "yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 20000000 > {path}"
FLOODS = {
    "lines": LINES,
    "bytes": BYTES,
}  # the same files here and in the container: `cat` writes them as fast anywhere
COUNT = 20  # terminals on one page
AGAIN = 3  # times that their cell is run again
FORGOTTEN = 35  # seconds after which a page has let go of views that are gone

#: Finds our emulator's terminals as they write, and says when one has taken something in.
_OURS = """async () => {
    const { Terminal } = await globalThis.tfnzTerminals.values().next().value.made;
    const write = Terminal.prototype.write;
    Terminal.prototype.write = function (data, done) {
        window.tfnzTerm = this;
        return write.call(this, data, () => { window.tfnzWrote?.(); done?.(); });
    };
    document.querySelector(".tf-terminal textarea").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", keyCode: 13, bubbles: true, cancelable: true }));
}"""
_LABS = """async () => {
    const widget = await window.jupyterapp.commands.execute("terminal:create-new");
    while (!widget.content._term) await new Promise((done) => setTimeout(done, 50));
    const term = widget.content._term;
    const write = term.write.bind(term);
    term.write = (data, done) => write(data, () => { window.tfnzWrote?.(); done?.(); });
    window.tfnzTerm = term;
    window.tfnzLab = widget;
}"""
_LABS_END = "() => { window.tfnzLab.content.session.shutdown(); window.tfnzLab.dispose(); window.tfnzTerm = null; }"
_ECHO = """async (keys) => {
    const term = window.tfnzTerm, took = [];
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    for (let n = 0; n < keys; n++) {
        const start = performance.now();
        const wrote = new Promise((done) => { window.tfnzWrote = done; });
        term.input("x");
        await wrote;
        took.push(performance.now() - start);
        await pause(90 + 13 * (n % 5));
    }
    term.input("\\x15");
    return took;
}"""
_FLOOD = """async (command) => {
    const term = window.tfnzTerm;
    const word = Math.floor(Math.random() * 1e6) + 1e6;
    const ended = () => {
        const { active } = term.buffer;
        const at = active.baseY + active.cursorY;
        return [at, at - 1, at - 2].some((y) => active.getLine(y)?.translateToString().includes(`fin${word}`));
    };
    const start = performance.now();
    await new Promise((done) => {
        window.tfnzWrote = () => ended() && done();
        term.input(`${command}; echo fin$((${word - 1}+1))\\r`);
    });
    window.tfnzWrote = null;
    return performance.now() - start;
}"""


def throughput(lab: Lab) -> Row:
    """Row 7: the same commands, in turns."""
    ours: dict[str, list[float]] = {name: [] for name in FLOODS}
    theirs: dict[str, list[float]] = {name: [] for name in FLOODS}
    ours_echo: list[float] = []
    native: list[float] = []
    with desk(lab, BOX, SHELL) as at:
        opened(at)
        files = {name: lab.folder / name for name in FLOODS}
        for name, make in FLOODS.items():
            subprocess.run(make.format(path=files[name]), shell=True, check=True)
            at.second.run(f"box.put('/{name}', open({str(files[name])!r}, 'rb').read())")
        for _ in range(TURNS):
            ours_echo += echoes(at)
            for name in FLOODS:
                ours[name].append(at.evaluate(_FLOOD, f"cat /{name}"))
            mine = at.page.evaluate_handle("window.tfnzTerm")
            at.page.evaluate(_LABS)
            at.until("window.tfnzTerm.buffer.active.getLine(0)?.translateToString().trim()")
            native += echoes(at)
            for name, file in files.items():
                theirs[name].append(at.evaluate(_FLOOD, f"cat {file}"))
            at.page.evaluate(_LABS_END)
            at.page.evaluate("(mine) => { window.tfnzTerm = mine; }", mine)
    ratios = {name: median(theirs[name]) / median(ours[name]) for name in FLOODS}
    words = ", ".join(f"{name} {ratio:.2f} x" for name, ratio in ratios.items())
    return Row(
        7,
        "terminal's throughput / JupyterLab's own; a key's echo",
        f"{words}; {ms(median(ours_echo))}",
        ">= 1.3 x; <= 25 ms",
        f"1 x ({ms(median(theirs['lines']) / 1000)} for a million lines); {ms(median(native))}",
        min(ratios.values()) >= 1.3 and median(ours_echo) <= 0.025,
        {**ratios, "echo": median(ours_echo), "native_echo": median(native)},
    )


def at_once(lab: Lab) -> Row:
    """Row 7 again: a key's echo where the server extension is enabled."""
    with (
        TemporaryDirectory(prefix="tfnz-lab-") as folder,
        server(Path(folder), "lab", EXTENSION) as url,
        desk(Lab(url, Path(folder), lab.browser, scale=1), BOX, SHELL) as at,
    ):
        opened(at)
        with desk(lab, BOX, SHELL) as stock:
            opened(stock)
            took: dict[str, list[float]] = {"enabled": [], "stock": []}
            for _ in range(TURNS):
                took["enabled"] += echoes(at)
                took["stock"] += echoes(stock)
    return Row(
        7,
        "a key's echo with the server extension",
        ms(median(took["enabled"])),
        "<= 12 ms",
        f"a stock server: {ms(median(took['stock']))}",
        median(took["enabled"]) <= 0.012,
        {name: median(one) for name, one in took.items()},
    )


def twenty(lab: Lab) -> Row:
    """Row 9: what twenty terminals cost a page, and running their cell again."""
    cell = f"for n in range({COUNT}): get_ipython().run_line_magic('tf', 'shell box')"
    ours = _page_of(lab, f"{BOX};", cell, FORGOTTEN)  # no card: terminals alone
    naive = _page_of(lab, "pass  # box =", _naive(), 5)
    return Row(
        9,
        f"{COUNT} terminals: bytes; heap that a re-run of their cell adds",
        f"{ours[0]:.2f} MB; {ours[1]:.1f} MB",
        "<= 0.5 MB; <= 3 MB",
        f"the emulator in every widget: {naive[0]:.1f} MB; {naive[1]:.1f} MB",
        ours[0] <= 0.5 and ours[1] <= 3,
        {"mb": ours[0], "heap": ours[1], "naive_mb": naive[0], "naive_heap": naive[1]},
    )


def _page_of(lab: Lab, before: str, cell: str, settles: float) -> tuple[float, float]:
    """MB that came for the widgets of a cell, and MB of heap that each run of it after the first adds, some seconds later."""
    with desk(lab, before, cell) as at:
        at.run("box =")
        begun = at.received.size
        _run_anew(at)
        received, first = at.received.size, _settled(at, settles)
        for _ in range(AGAIN):
            _run_anew(at)
        return (received - begun) / 1e6, (_settled(at, settles) - first) / AGAIN


def _run_anew(at: Desk) -> None:
    at.run("range(")
    at.until(f"document.querySelectorAll('.xterm-rows').length >= {COUNT}")
    at.page.wait_for_timeout(500)


def _settled(at: Desk, seconds: float) -> float:
    """The heap, once views that were taken out of the page are given up."""
    at.page.wait_for_timeout(1000 * seconds)
    return at.heap()


def _naive() -> str:
    folder = ROOT / "tfnz_jupyter" / "notebook" / "static" / "xterm"
    wrapper = "export default { render({ el }) { const t = new Terminal(); t.open(el); } }"
    return f"""
import anywidget, pathlib, re
xterm = pathlib.Path({str(folder / "xterm.mjs")!r}).read_text()
name = re.search(r"(\\w+) as Terminal", xterm)[1]
class Naive(anywidget.AnyWidget):
    _esm = re.sub(r"export ?{{[^}}]*}};?", "", xterm) + "\\n" + {wrapper!r}.replace("Terminal", name)
for n in range({COUNT}): display(Naive())
"""


def opened(at: Desk) -> None:
    """Have a terminal on the page, and the probes on its emulator."""
    at.run("box =", SHELL)
    at.until("document.querySelector('.tf-terminal[data-ready=true]')")
    at.page.evaluate(_OURS)
    at.until("window.tfnzTerm")


def echoes(at: Desk) -> list[float]:
    """Seconds from a key to its echo, for many."""
    return [took / 1000 for took in at.evaluate(_ECHO, KEYS)]
