"""Ten containers that print at once, three cards and a terminal: the page answers, holds little, and counts what it skips."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.eventually import eventually

LINES = 100_000
LOAD = "%load_ext tfnz_jupyter\nfrom tfnz_jupyter import Location"
SPAWN = f"""
node = Location().node()
floods = 'echo up; read x; seq {LINES}; sleep 1000'
many = [node.spawn_container('busybox', command=floods, name=f'many{{n}}') for n in range(10)]
for one in many: one.wait_log('up')
"""
START = "for one in many: one.stdin(b'x\\n')"
CELLS = (
    LOAD,
    SPAWN,
    "many[0]  # card",
    "many[1]  # card",
    "many[2]  # card",
    "%tf shell many3 sh -c 'read x; seq 100000; echo fin$((3*3)); sleep 1000'",
    START,
    "6 * 7",
    "print([one.log.total for one in many])",
)
MEGABYTES = 300  # an empty JupyterLab has some 50

#: The lines a card holds, one way or the other.
ACCOUNT = """(card) => {
    const { total, skipped } = card.dataset;
    return [Number(total), Number(skipped), card.querySelectorAll(".tf-row").length];
}"""


def test_a_flood_of_many_is_counted_and_the_page_answers(lab):
    with lab.open(*CELLS) as notebook:
        for cell in ("%load_ext", "node =", "many[0]", "many[1]", "many[2]", "%tf shell"):
            notebook.run(cell)
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=30_000)
        terminal.locator("textarea").type("x\n")
        notebook.run(START)
        notebook.run("6 * 7")
        cards = [notebook.card(f"many{n}") for n in range(3)]
        details = cards[0].get_by_role("button", name="details")
        details.click()
        expect(details).to_have_attribute("aria-expanded", "true")
        for card in cards:
            expect(card).to_have_attribute("data-total", str(LINES + 1), timeout=60_000)
            total, skipped, rows = card.evaluate(ACCOUNT)
            assert 0 < skipped < total
            assert rows < 100
            expect(card.locator(".tf-view")).to_contain_text(str(LINES))
        eventually(lambda: "fin9" in terminal.locator(".xterm-rows").inner_text(), within=60)
        notebook.run("log.total")
        assert notebook.printed().count(str(LINES + 1)) >= 10
        assert notebook.page.evaluate("performance.memory.usedJSHeapSize") < MEGABYTES << 20
