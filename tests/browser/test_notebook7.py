"""What JupyterLab shows, Notebook 7 shows too."""

from __future__ import annotations

from playwright.sync_api import expect

LOAD = "%load_ext tfnz_jupyter"
TALKS = "sh -c 'echo one; while read x; do echo got $x; done'"


def test_a_card_lives_and_its_buttons_work(notebook7):
    cells = (LOAD, f"%tf spawn busybox --name seven -p 80 {TALKS}", "seven.stdin(b'x\\n')")
    with notebook7.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "seven.stdin"):
            notebook.run(cell)
        card = notebook.card("seven")
        expect(card).to_contain_text("got x")
        expect(card.get_by_role("link")).to_be_visible()
        notebook.picture("notebook7")
        card.get_by_role("button", name="destroy this container").click()
        card.get_by_role("button", name="Yes, destroy it").click()
        frozen = notebook.page.locator(".tf-card[data-mood=gone]")
        expect(frozen).to_contain_text("destroyed", timeout=10_000)
        expect(frozen.locator("pre")).to_contain_text("got x")


def test_a_reloaded_page_shows_boards_and_cards_again(notebook7):
    cells = (LOAD, f"%tf spawn busybox --name again7 --wait ready {TALKS}", "%tf nodes")
    with notebook7.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf nodes"):
            notebook.run(cell)
        expect(notebook.card("again7")).to_contain_text("one")
        notebook.save()
        notebook.load()
        expect(notebook.card("again7")).to_contain_text("one", timeout=15_000)
        expect(notebook.page.locator(".tf-board")).to_be_visible()
