"""The tutorials as files: short, without outputs, and tagged where ``./run demo`` looks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TUTORIALS = sorted(NOTEBOOKS.glob("*.ipynb"))


def tags(notebook: nbformat.NotebookNode) -> set[str]:
    return {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_is_short_and_committed_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert len(cells) < 25
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_the_first_tutorial_shows_what_the_demo_tells() -> None:
    first = nbformat.read(NOTEBOOKS / "01-first-container.ipynb", as_version=4)
    assert {"page", "log", "nodes"} <= tags(first)
