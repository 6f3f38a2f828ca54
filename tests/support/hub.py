"""A real JupyterHub with its proxy in front, as one sees it from another machine: by a name that is not localhost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import nbformat
from playwright.sync_api import Browser

from tests.support import lab as labs
from tests.support.eventually import eventually

#: The hub's name; the browser alone knows whose it is.
HOST = "hub.example"
USER = "ada"
#: Where Debian keeps the modules of its programs; a node of somebody else's does not look there.
MODULES = "/usr/share/nodejs"
_names = count()


@contextmanager
def hub(folder: Path) -> Iterator[int]:
    """One whose users' notebooks are in ``folder``; its port."""
    port = labs.free_port()
    settings = folder / "jupyterhub_config.py"
    settings.write_text(_settings(folder, port))
    environment = {**os.environ, "PYTHONPATH": str(labs.ROOT), "NODE_PATH": MODULES}
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(settings)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: labs.answers(f"http://127.0.0.1:{port}/hub/login"), within=60)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _settings(folder: Path, port: int) -> str:
    kept = {key: value for key, value in os.environ.items() if key.startswith("TFNZ_")}
    kept |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(labs.ROOT)}
    values = {
        "JupyterHub.bind_url": f"http://127.0.0.1:{port}/",
        "JupyterHub.hub_port": labs.free_port(),
        "JupyterHub.db_url": "sqlite:///:memory:",
        "JupyterHub.authenticator_class": "dummy",
        "JupyterHub.spawner_class": "simple",
        "JupyterHub.cleanup_servers": True,
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{labs.free_port()}",
        "ConfigurableHTTPProxy.pid_file": str(folder / "proxy.pid"),
        "Authenticator.allow_all": True,
        "Spawner.cmd": [sys.executable, "-m", "jupyterhub.singleuser"],
        "Spawner.args": ["--allow-root", "--LabApp.expose_app_in_browser=True"],
        "Spawner.notebook_dir": str(folder),
        "Spawner.environment": kept,
    }
    return "c = get_config()\n" + "\n".join(
        f"c.{name} = {value!r}" for name, value in values.items()
    )


@contextmanager
def logged_in(browser: Browser, port: int, folder: Path, *cells: str) -> Iterator[labs.Notebook]:
    """A notebook of these cells, opened by a user who comes from elsewhere."""
    name = f"hub{next(_names)}.ipynb"
    nbformat.write(labs.notebook_of(cells), folder / name)
    hub = f"http://{HOST}:{port}"
    page = browser.new_page(viewport=labs.SIZE, device_scale_factor=2)
    page.goto(f"{hub}/hub/login")
    page.fill("#username_input", USER)
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_url(f"**/user/{USER}/**", timeout=60_000)
    shown = labs.Notebook(page, f"{hub}/user/{USER}/lab/workspaces/hub/tree/{name}")
    try:
        shown.load()
        yield shown
        assert not shown.errors, shown.errors
    finally:
        shown.close()
