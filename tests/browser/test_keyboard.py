"""Cards, boards and terminals without a mouse, and as a screen reader hears them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.eventually import eventually

LOAD = "%load_ext tfnz_jupyter"
CELLS = (
    LOAD,
    "%tf spawn busybox --name keys --wait log:two sh -c 'echo one; echo two >&2; sleep 1000'",
    "%tf  # all",
    "%tf shell keys",
)
#: What a screen reader would call each thing that can be pressed or has a meaning.
UNNAMED = """(root) => [...root.querySelectorAll("button, [role=progressbar], [role=log], [role=img], table")]
    .filter((one) => !(one.getAttribute("aria-label") || one.innerText || one.title).trim())
    .map((one) => one.outerHTML)"""


def test_everything_has_a_name_and_keys_reach_it(lab):
    with lab.open(*CELLS) as notebook:
        for cell in (LOAD, "%tf spawn", "# all", "%tf shell"):
            notebook.run(cell)
        card, board = notebook.card("keys"), notebook.page.locator(".tf-board")
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=30_000)
        for view in (card, board, terminal):
            assert view.evaluate(UNNAMED) == []
        expect(card.get_by_role("status").first).to_contain_text("running")
        expect(card.get_by_label("standard error")).to_have_count(1)

        details = card.get_by_role("button", name="details")
        expect(details).to_have_attribute("aria-expanded", "false")
        details.focus()
        details.press("Enter")
        expect(details).to_have_attribute("aria-expanded", "true")

        terminal.locator("textarea").press("Tab")
        expect(terminal.locator("textarea")).to_be_focused()
        terminal.locator("textarea").press("Shift+Escape")
        expect(terminal.get_by_role("button", name="close this terminal")).to_be_focused()

        destroy = card.get_by_role("button", name="destroy this container")
        destroy.focus()
        destroy.press("Enter")
        expect(card.get_by_role("button", name="Keep")).to_be_focused()
        notebook.page.keyboard.press("Escape")
        expect(destroy).to_be_focused()
        destroy.press("Enter")
        notebook.page.keyboard.press("Shift+Tab")
        notebook.page.keyboard.press("Enter")
        eventually(
            lambda: (
                "destroyed"
                in notebook.cell_of(notebook.page.locator(".tf-card").first).inner_text()
            ),
            within=10,
        )
