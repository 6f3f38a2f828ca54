"""Rows 15 and 16: what is there again after a reload, and what a saved notebook shows to who has neither kernel nor network."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.support.lab import Lab

from . import Row, median
from .cells import append_stdout
from .desk import desk

TURNS = 3
LINES = 5000
LOG = f"""
log = node.spawn_container('busybox', name='log', command=['sh', '-c', 'seq {LINES}; sleep 100000']); log
log.wait_log('{LINES}'); log
"""
_LIVE = f"""(() => {{
    const card = document.querySelector(".tf-live .tf-card[aria-label='container log']");
    return card?.dataset.total === "{LINES}" && card.querySelector(".tf-view").innerText.includes("{LINES:,}");
}})()"""


def reload(lab: Lab) -> Row:
    """From the reload of a page to the live card with its output; the page's own part of that beside it."""
    ours, page = [], []
    with desk(lab, LOG) as at:
        at.run("log =")
        at.until(_LIVE)
        at.notebook.save()
        for _ in range(TURNS):
            began = time.monotonic()
            at.notebook.load()
            page.append(time.monotonic() - began)
            at.until(_LIVE)
            ours.append(time.monotonic() - began)
    return Row(
        15,
        "from a page's reload to the live view with its history",
        f"{median(ours):.1f} s",
        "<= 3 s",
        f"the page alone, until its kernel is there: {median(page):.1f} s",
        median(ours) <= 3,
        {"seconds": median(ours), "page": median(page)},
    )


_SPAWN = "{name} = node.spawn_container('busybox', name={name!r}, command=['sh', '-c', {script!r}])"


def _spawned(name: str, script: str, then: str) -> str:
    return f"{_SPAWN.format(name=name, script=script)}\n{then}"


#: A cell, and what somebody who opens the saved notebook must be able to read of it.
CELLS = {
    _spawned("done", "echo of one that ended", "display(done); done.wait_exit()"): "one that ended",
    _spawned("bad", "echo that failed; exit 3", "display(bad); bad.wait_exit()"): "that failed",
    _spawned("live", "echo that lives; sleep 10000", "live.wait_until_ready()"): "that lives",
    "live.spawn_process(['sh', '-c', 'echo of a process; sleep 10000'])": "of a process",
    "%tf exec live echo of a command": "of a command",
    "live.attach_tunnel(80)": "live:80",
    "%tf ps": "containers",
    "%tf nodes": "score",
}


def saved(lab: Lab) -> Row:
    """Which share of a notebook's cells can be read in its HTML, by a browser that is offline."""
    with desk(lab, *CELLS) as at:
        at.run(*CELLS)
        at.page.wait_for_timeout(2000)  # what is live is saved as it was a moment ago
        seen = _read(lab, at.notebook.save())
    ours = sum(words in seen for words in CELLS.values()) / len(CELLS)
    with desk(lab, append_stdout(20, 2)) as at:
        at.run("append_stdout")
        at.page.wait_for_timeout(3000)
        theirs = _read(lab, at.notebook.save()).count("brown fox") > 0
    return Row(
        16,
        "cells of a saved notebook that are readable without kernel and network",
        f"{ours:.0%}",
        "100%",
        f"ipywidgets' Output: {'readable' if theirs else 'blank'}",
        ours == 1,
        {"share": ours},
    )


def _read(lab: Lab, document: object) -> str:
    """What stands on the page that nbconvert makes of it."""
    file = lab.folder / "saved.ipynb"
    file.write_text(json.dumps(document))
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    context = lab.browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(file.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
        return " ".join(page.locator(".jp-Cell-outputWrapper").all_inner_texts())
    finally:
        context.close()
