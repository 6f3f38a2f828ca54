"""What is saved of a notebook whose containers were alive: readable by whoever has no kernel, no widgets, no styles."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.pure.test_views import Tags
from tests.real.notebook.test_magics import place

CELLS = (
    "%load_ext tfnz_jupyter",
    "%tf spawn busybox --name alive --wait log:two sh -c 'echo one; echo two >&2; sleep 1000'",
    "%tf",
    "tunnel = %tf tunnel alive 80",
    "shell = %tf shell alive",
    "%tf spawn busybox --name over sh -c 'echo bye; exit 3'\nover.wait_exit()",
)


@pytest.fixture(scope="module")
def executed(home) -> nbformat.NotebookNode:
    """A notebook that was run by a program, and saved while its containers lived."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in CELLS])
    NotebookClient(notebook, timeout=110, kernel_name="python3").execute()
    return notebook


def test_every_output_that_was_live_is_saved_as_its_static_view(executed):
    outputs = [one for cell in executed.cells for one in cell.outputs if "data" in one]
    assert len(outputs) == 5 + 1
    assert all(set(one.data) <= {"text/html", "text/plain"} for one in outputs)


@pytest.mark.parametrize("sanitized", [False, True], ids=["as a page", "as GitHub shows it"])
def test_exported_it_shows_what_there_was_and_when(executed, sanitized):
    page, _ = HTMLExporter(sanitize_html=sanitized).from_notebook_node(executed)
    text = Tags(page).text
    for words in (
        "alive",
        "as it was at",
        "one",
        "two",
        "score",
        "alive:80",
        "shell",
        "bye",
        "code 3",
    ):
        assert words in text


def test_the_static_view_of_a_live_container_follows_what_happens(kernel):
    echo = "sh -c 'while read x; do echo got $x; done'"
    ran = kernel.ok(f"%tf spawn busybox --name fresh --wait ready {echo}")
    kernel.ok("fresh.stdin(b'this\\n')")
    while "got this" not in (update := replaced(kernel))["text/plain"]:
        assert "running" in update["text/plain"]
    assert place(update) == place(ran.shown[0])
    kernel.ok("fresh.destroy()")


def replaced(kernel):
    """The next bundle that replaces one."""
    return kernel.published("update_display_data", within=20)["content"]["data"]
