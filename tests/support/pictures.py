"""The README's pictures, taken from a real notebook: ``python -m tests.support.pictures`` makes them anew.

Card, dashboard and terminal in both themes, and a short film of a first minute.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, expect

from tests.support import lab as labs

IMAGES = labs.ROOT / "notebooks" / "images"
WIDTH = 900  # pixels of the film
LOAD = "%load_ext tfnz_jupyter"
CELLS = (
    LOAD,
    "%tf spawn nginx --name web -p 80",
    "from urllib.request import urlopen\n"
    'for path in ("", "index.html", "pricing", "about"):\n'
    "    try:\n"
    "        urlopen(web.tunnels[0].url + '/' + path)\n"
    "    except OSError as problem:\n"
    "        print(path, problem)",
    "%tf shell web",
    "%tf  # everything",
)


class Film:
    """Pictures of a page, one after the other."""

    def __init__(self, notebook: labs.Notebook) -> None:
        self._page = notebook.page
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def take(self, milliseconds: int) -> None:
        """One more, shown for so long."""
        shot = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        height = round(shot.height * WIDTH / shot.width)
        self._frames.append(shot.resize((WIDTH, height), Image.Resampling.LANCZOS))
        self._durations.append(milliseconds)

    def save(self, path: Path) -> None:
        frames = [frame.quantize(96) for frame in self._frames]
        frames[0].save(
            path,
            save_all=True,
            append_images=frames[1:],
            duration=self._durations,
            loop=0,
            optimize=True,
        )


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="tfnz-", dir="/tmp") as home,
        tempfile.TemporaryDirectory(prefix="tfnz-lab-") as folder,
    ):
        os.environ["TFNZ_HOME"] = home
        with labs.server(Path(folder)) as url, labs.chromium() as browser:
            lab = labs.Lab(url, Path(folder), browser)
            with lab.open(*CELLS) as notebook:
                _tell(notebook)


def _tell(notebook: labs.Notebook) -> None:
    film = Film(notebook)
    notebook.run(LOAD)
    film.take(900)
    notebook.run("%tf spawn")
    card = notebook.card("web")
    for _ in range(3):
        film.take(500)
        notebook.page.wait_for_timeout(900)
    expect(card).to_have_attribute("data-state", "running", timeout=120_000)
    expect(card.get_by_role("link")).to_be_visible()
    film.take(1200)
    notebook.run("urlopen")
    expect(card).to_contain_text("about")
    film.take(1600)
    notebook.run("%tf shell")
    terminal = notebook.page.locator(".tf-terminal")
    expect(terminal).to_have_attribute("data-ready", "true", timeout=30_000)
    for line in ("nginx -v", "ps"):
        notebook.page.wait_for_timeout(500)
        terminal.locator("textarea").type(f"{line}\n")
        notebook.page.wait_for_timeout(500)
        film.take(1300)
    notebook.run("# everything")
    notebook.page.wait_for_timeout(12_000)
    film.save(IMAGES / "first-minute.gif")
    notebook.page.set_viewport_size({"width": 1180, "height": 1900})  # all cells at once
    board = notebook.page.locator(".tf-board").last
    for theme in ("Dark", "Light"):
        notebook.theme(theme)
        for name, element in (("card", card), ("terminal", terminal), ("board", board)):
            _keep(notebook, f"{name}-{theme.lower()}", element)
    terminal.locator("textarea").type("exit\n")


def _keep(notebook: labs.Notebook, name: str, element: Locator) -> None:
    element.scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(300)
    notebook.picture(name, element)
    shutil.copy(labs.ARTEFACTS / f"{name}.png", IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
