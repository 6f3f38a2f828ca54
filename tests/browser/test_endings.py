"""What a card says when what is behind it ends: its session, its location, or only a page."""

from __future__ import annotations

from playwright.sync_api import expect

LOAD = "%load_ext tfnz_jupyter"
TALKS = "sh -c 'echo one; while read x; do echo got $x; done'"
KILL = """
import json, os
from tfnz_jupyter.folders import runtime_folder
os.kill(json.loads((runtime_folder() / "location.json").read_text())["pid"], 9)
"""


def test_a_card_whose_session_is_over_says_so(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name left --wait ready {TALKS}",
        "left.location().disconnect()",
    )
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "disconnect"):
            notebook.run(cell)
        frozen = notebook.page.locator(".tf-card[data-mood=gone]")
        expect(frozen).to_contain_text("disconnected", timeout=10_000)
        expect(frozen.locator("pre")).to_contain_text("one")


def test_a_card_lives_on_when_its_location_is_killed(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name phoenix --wait ready {TALKS}",
        KILL,
        "phoenix.stdin(b'back\\n')",
    )
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "os.kill", "stdin"):
            notebook.run(cell)
        card = notebook.card("phoenix")
        expect(card).to_contain_text("got back", timeout=20_000)
        expect(card).to_have_attribute("data-state", "running")


def test_two_pages_of_one_notebook_show_the_same(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name shared --wait ready {TALKS}",
        "shared.stdin(b'both\\n')",
    )
    with lab.open(*cells) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        notebook.save()
        with notebook.beside() as other:
            expect(other.card("shared")).to_contain_text("one", timeout=15_000)
            notebook.run("stdin")
            for page in (notebook, other):
                expect(page.card("shared")).to_contain_text("got both")


def test_a_cell_that_is_run_again_replaces_its_container_and_its_card(lab):
    cells = (LOAD, f"%tf spawn busybox --name twice --wait ready {TALKS}", "twice.stdin(b'new\\n')")
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf spawn", "stdin"):
            notebook.run(cell)
        cards = notebook.card("twice")
        expect(cards).to_have_count(1)
        expect(cards).to_contain_text("got new")
        assert "twice was running: it was destroyed first." in notebook.printed()
