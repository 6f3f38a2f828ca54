"""JupyterLab or Notebook 7 in Chromium: a server of the tests' own, and a notebook open in a page."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]
ARTEFACTS = Path(os.environ.get("TFNZ_ARTEFACTS", ROOT / "artefacts"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1180, "height": 1000}
_workspaces = count()


#: Errors of a front end's own: Notebook 7.6 at its start, with an empty notebook too; a kernel that goes while it is greeted.
ITS_OWN = (
    "Cannot read properties of undefined (reading 'schema')",
    "Canceled future for create_subshell_request message before replies were done",
)


def program() -> str:
    """The browser that is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(found for name in names if (found := shutil.which(name)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, for as long as this lasts. ``*.example`` is this machine to it, and to nobody else."""
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--host-resolver-rules=MAP *.example 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=program(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


#: Front end -> its class of settings, and where it shows a notebook.
FRONT_ENDS = {
    "lab": ("LabApp", "lab/workspaces/{stem}/tree/{name}"),
    "notebook": ("JupyterNotebookApp", "notebooks/{name}"),
    "server": ("LabApp", ""),
}


@contextmanager
def server(folder: Path, front_end: str = "lab", *more: str) -> Iterator[str]:
    """A front end on ``folder``, with no settings but ours and those of ``more``; its address."""
    port = free_port()
    _quiet(folder / "config")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        **{
            f"JUPYTER_{kind}_DIR": str(folder / kind.lower())
            for kind in ("CONFIG", "DATA", "RUNTIME")
        },
    }
    options = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    options += ["--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}"]
    settings, _ = FRONT_ENDS[front_end]
    options += ["--ip=127.0.0.1", *more, f"--{settings}.expose_app_in_browser=True"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", front_end, *options],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/api"), within=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether there is a page at an address."""
    try:
        return urlopen(url, timeout=2).status == 200
    except (URLError, OSError):
        return False


def _quiet(config: Path) -> None:
    """No news, no questions."""
    folder = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    settings = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(settings))


class Lab:
    """A server and a browser; ``open`` gives a notebook in a page of its own, its pixels ``scale`` by ``scale``."""

    def __init__(
        self, url: str, folder: Path, browser: Browser, front_end: str = "lab", *, scale: int = 2
    ) -> None:
        self.url, self.folder, self.browser = url, folder, browser
        self.front_end, self.scale = front_end, scale

    @contextmanager
    def open(
        self, *cells: str, notebook: Path | None = None, kernel: str = "python3"
    ) -> Iterator[Notebook]:
        """A notebook of these cells, or a copy of a file, open until this ends; a page error is a failure."""
        name = f"n{next(_workspaces)}.ipynb"
        if notebook is not None:
            shutil.copy(notebook, self.folder / name)
        else:
            nbformat.write(notebook_of(cells, kernel), self.folder / name)
        page = self.browser.new_page(viewport=SIZE, device_scale_factor=self.scale)
        stem = f"w{name.removesuffix('.ipynb')}"
        _, place = FRONT_ENDS[self.front_end]
        shown = Notebook(page, f"{self.url}/{place.format(stem=stem, name=name)}")
        try:
            shown.load()
            yield shown
            assert not shown.errors, shown.errors
        finally:
            shown.close()


def notebook_of(cells: tuple[str, ...], kernel: str = "python3") -> nbformat.NotebookNode:
    """A notebook of these cells, not run yet."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    return made


_PANEL = "window.jupyterapp.shell.currentWidget"


class Notebook:
    """One notebook in one page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self._url = url
        page.on("pageerror", self._failed)

    def _failed(self, error: object) -> None:
        if not any(words in str(error) for words in ITS_OWN):
            self.errors.append(str(error))

    def load(self) -> None:
        """Open it, or open it again; until its kernel answers."""
        self.page.goto(self._url)
        self.page.wait_for_function(
            "window.jupyterapp?.shell?.currentWidget?.context", timeout=60_000
        )
        self.page.evaluate(
            f"""async () => {{
                await window.jupyterapp.restored;
                const {{ context }} = {_PANEL};
                await context.ready;
                await context.sessionContext.ready;
                await context.sessionContext.session.kernel.info;
                if (!window.jupyterapp.shell.leftCollapsed) window.jupyterapp.shell.collapseLeft?.();
            }}"""
        )

    @contextmanager
    def beside(self) -> Iterator[Notebook]:
        """The same notebook in one more page."""
        page = self.page.context.browser.new_page(viewport=SIZE, device_scale_factor=2)
        other = Notebook(page, self._url.replace("/workspaces/", "/workspaces/beside-"))
        try:
            other.load()
            yield other
            assert not other.errors, other.errors
        finally:
            page.close()

    def theme(self, name: str) -> None:
        """Light or Dark."""
        self.page.evaluate(
            f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})"
        )
        self.page.wait_for_selector(
            f"body[data-jp-theme-name='JupyterLab {name}']", state="attached"
        )

    def start(self, source: str) -> None:
        """Run the first cell that contains these words, without waiting for it."""
        self.page.evaluate(
            f"""(source) => {{
                const notebook = {_PANEL}.content;
                const at = notebook.widgets.findIndex((cell) =>
                    cell.model.type === "code" && cell.model.sharedModel.getSource().includes(source));
                if (at < 0) throw new Error(`no cell contains ${{source}}`);
                notebook.activeCellIndex = at;
                window.tfnzRan = window.jupyterapp.commands.execute("notebook:run-cell");
            }}""",
            source,
        )

    def finish(self) -> None:
        """Wait for the cell that was started."""
        self.page.evaluate("async () => { await window.tfnzRan; }")

    def run(self, source: str) -> None:
        """Run a cell to its end."""
        self.start(source)
        self.finish()

    def card(self, name: str) -> Locator:
        """The card of a container."""
        return self.page.locator(f".tf-card[aria-label='container {name}']")

    def cell_of(self, element: Locator) -> Locator:
        """The whole cell that shows an element."""
        return element.locator("xpath=ancestor::div[contains(@class, 'jp-CodeCell')]")

    def printed(self) -> str:
        """All plain text output of the notebook."""
        return "\n".join(self.page.locator(".jp-OutputArea-output pre").all_inner_texts())

    def save(self) -> Any:
        """Save it; the saved document."""
        return self.page.evaluate(
            f"async () => {{ await {_PANEL}.context.save(); return {_PANEL}.context.model.toJSON(); }}"
        )

    def without_kernel(self) -> None:
        """End its kernel and open it again, as somebody would who has only the file."""
        shutdown = f"async () => {{ await {_PANEL}.context.sessionContext.shutdown(); }}"
        self.page.evaluate(shutdown)
        self.load()
        self.page.evaluate(shutdown)

    def view_of_output(self, source: str) -> None:
        """Open one more view of what a cell shows, in a tab beside the notebook."""
        self.page.evaluate(
            f"""async (source) => {{
                const panel = {_PANEL};
                const at = panel.content.widgets.findIndex((cell) => cell.model.sharedModel.getSource().includes(source));
                panel.content.activeCellIndex = at;
                await window.jupyterapp.commands.execute("notebook:create-output-view");
                window.jupyterapp.shell.activateById(panel.id);
            }}""",
            source,
        )

    def picture(self, name: str, element: Locator | None = None) -> None:
        """Keep a screenshot, of the page or of one element."""
        ARTEFACTS.mkdir(exist_ok=True)
        (element or self.page).screenshot(path=str(ARTEFACTS / f"{name}.png"))

    def close(self) -> None:
        """Save it, end its kernel, close the page."""
        deadline = time.monotonic() + 20
        try:
            self.save()
            self.page.evaluate(
                f"async () => {{ await {_PANEL}.context.sessionContext.shutdown(); }}"
            )
        finally:
            assert time.monotonic() < deadline
            self.page.close()
