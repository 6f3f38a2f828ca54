"""A notebook that was saved while its containers lived, opened where there is no kernel, or another one."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

LOAD = "%load_ext tfnz_jupyter"
#: One of its lines is a formula to whoever takes an output for a document.
PRINTS = r'echo one; echo "\$x\$"; echo two; sleep 1000'
CELLS = (
    LOAD,
    f"%tf spawn busybox --name kept -p 80 --wait log:two sh -c '{PRINTS}'",
    "%tf nodes",
    "kept.tunnels[0]",
    "%tf shell kept",
)


@pytest.mark.parametrize("front_end", ["lab", "notebook7"])
def test_what_was_live_is_readable_without_its_kernel(front_end, request):
    with request.getfixturevalue(front_end).open(*CELLS) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf nodes", "tunnels", "%tf shell"):
            notebook.run(cell)
        expect(notebook.page.locator(".tf-live")).to_have_count(4)
        notebook.save()
        notebook.without_kernel()
        still = notebook.page.locator(".jp-RenderedHTML")
        expect(still).to_have_count(4)
        for words in ("as it was at", "score", "kept:80", "process"):
            expect(still.filter(has_text=words).first).to_be_visible()
        expect(still.first.locator("pre")).to_have_text("one\n$x$\ntwo")
        assert notebook.page.locator(".tf-live, a.tf-link").count() == 0
        assert "Error displaying widget" not in notebook.page.inner_text("body")
        notebook.picture(f"saved-{front_end}")


def test_a_view_of_an_output_beside_the_notebook_is_live_too(lab):
    with lab.open(
        LOAD,
        "%tf spawn busybox --name aside sh -c 'read x; echo got $x; read y'",
        "aside.stdin(b'it\\n')",
    ) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        expect(notebook.card("aside")).to_have_attribute("data-state", "running", timeout=60_000)
        notebook.view_of_output("%tf spawn")
        expect(notebook.card("aside")).to_have_count(2)
        notebook.run("stdin")
        for card in notebook.card("aside").all():
            expect(card).to_contain_text("got it")
        notebook.run("%tf spawn")
