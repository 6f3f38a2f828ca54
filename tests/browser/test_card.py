"""The card of a container in a real JupyterLab: it lives, it tells the truth, it does what its buttons say."""

from __future__ import annotations

import contextlib
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from playwright.sync_api import expect

from tests.support.eventually import eventually
from tests.support.lab import ROOT

TUTORIAL = ROOT / "notebooks" / "01-first-container.ipynb"
LOAD = "%load_ext tfnz_jupyter"
TALKS = "sh -c 'echo one; echo two >&2; while read x; do echo got $x; done'"


def test_the_first_tutorial_shows_a_live_card(lab):
    with lab.open(notebook=TUTORIAL) as notebook:
        notebook.run("%load_ext")
        notebook.run("%tf nodes")
        notebook.run("%tf spawn nginx")
        card = notebook.card("web")
        expect(card).to_be_visible()
        notebook.run("print(web)")  # ends while the image is still being built
        assert card.get_attribute("data-state") in ("preparing", "booting")
        expect(card.get_by_role("progressbar")).to_be_visible()
        notebook.picture("card-preparing", card)
        notebook.run("wait_http_200")
        expect(card).to_have_attribute("data-state", "running")
        link = card.get_by_role("link")
        expect(link).to_have_attribute("href", notebook_link(notebook))
        assert "tutorial-01" not in card.inner_text()
        notebook.run("urlopen(request)")
        expect(card.locator(".tf-view")).to_contain_text('"GET / HTTP/1.1" 200', timeout=5000)
        expect(card.locator(".tf-view")).to_contain_text("tutorial-01", timeout=5000)
        visit(str(link.get_attribute("href")))
        expect(card.locator(".tf-view")).to_contain_text("/goodbye", timeout=5000)
        board = notebook.page.locator(".tf-board")
        for theme in ("Dark", "Light"):
            notebook.theme(theme)
            card.scroll_into_view_if_needed()
            notebook.picture(f"card-{theme.lower()}", notebook.cell_of(card))
            notebook.picture(f"nodes-{theme.lower()}", notebook.cell_of(board))
            notebook.picture(f"tutorial-{theme.lower()}")


def visit(url: str) -> None:
    """Some traffic, for the log."""
    agent = {"User-Agent": "Mozilla/5.0"}
    for path in ("", "index.html", "robots.txt", "", "pricing", "", "goodbye"):
        with contextlib.suppress(HTTPError):
            urlopen(Request(url + path, headers=agent), timeout=10).close()


def notebook_link(notebook) -> str:
    port = notebook.printed().split("http://127.0.0.1:")[1].split()[0]
    return f"http://127.0.0.1:{port}/"


def test_destroying_takes_two_clicks_and_leaves_a_readable_card(lab):
    with lab.open(LOAD, f"%tf spawn busybox --name pot --wait ready {TALKS}") as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        card = notebook.card("pot")
        expect(card).to_contain_text("two")
        card.get_by_role("button", name="destroy this container").click()
        card.get_by_role("button", name="Keep").click()
        expect(card).to_have_attribute("data-state", "running")
        card.get_by_role("button", name="destroy this container").click()
        card.get_by_role("button", name="Yes, destroy it").click()
        frozen = notebook.page.locator(".tf-card[data-mood=gone]")
        expect(frozen).to_contain_text("destroyed", timeout=10_000)
        expect(frozen.locator("pre")).to_contain_text("one")
        assert frozen.get_by_role("button").count() == 0
        (output,) = notebook.save()["cells"][1]["outputs"]
        assert set(output["data"]) == {"text/html", "text/plain"}


def test_a_button_works_while_a_cell_computes(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name busy --wait ready {TALKS}",
        "print(busy.wait_exit(60))",
    )
    with lab.open(*cells) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        notebook.start("wait_exit")
        card = notebook.card("busy")
        card.get_by_role("button", name="destroy this container").click()
        card.get_by_role("button", name="Yes, destroy it").click()
        notebook.finish()
        assert "TimedOut" not in notebook.printed()


def test_a_reloaded_page_shows_the_card_with_its_history(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name back --wait log:one {TALKS}",
        "back.stdin(b'more\\n')",
    )
    with lab.open(*cells) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        expect(notebook.card("back")).to_contain_text("one")
        notebook.save()
        notebook.load()
        expect(notebook.card("back")).to_contain_text("one", timeout=15_000)
        notebook.run("back.stdin")
        expect(notebook.card("back")).to_contain_text("got more")


def test_two_views_of_a_container_agree(lab):
    with lab.open(
        LOAD, f"%tf spawn busybox --name twin {TALKS}", "twin  # again", "twin.stdin(b'x\\n')"
    ) as notebook:
        for cell in (LOAD, "%tf spawn", "# again", "twin.stdin"):
            notebook.run(cell)
        cards = notebook.card("twin")
        expect(cards).to_have_count(2)
        for card in cards.all():
            expect(card).to_contain_text("got x")
            expect(card).to_have_attribute("data-state", "running")


def test_a_card_shows_the_line_that_logs_in_while_it_does(lab):
    cells = (
        LOAD,
        f"%tf spawn busybox --name door --wait ready {TALKS}",
        "server = door.create_ssh_server(0); print(server.command)",
        "door.destroy_ssh_server(server)",
    )
    with lab.open(*cells) as notebook:
        for cell in cells[:3]:
            notebook.run(cell)
        line = notebook.printed().split("ssh -i ")[1].split("\n")[0]
        expect(notebook.card("door").locator(".tf-ssh")).to_have_text(f"ssh -i {line}")
        notebook.run(cells[3])
        expect(notebook.card("door").locator(".tf-ssh")).to_have_count(0)


def test_a_card_says_so_when_the_kernel_is_gone(lab):
    cells = (LOAD, f"%tf spawn busybox --name widow --wait ready {TALKS}", "import os; os._exit(1)")
    with lab.open(*cells) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        expect(notebook.card("widow").locator(".tf-warn")).to_be_hidden()
        notebook.start("os._exit")
        expect(notebook.card("widow").locator(".tf-warn")).to_contain_text(
            "no word", timeout=15_000
        )
        notebook.page.keyboard.press("Escape")


def test_hostile_output_is_text_on_the_page(lab):
    hostile = r"<img src=x onerror=document.title=1>\033]8;;http://evil\007\033[31mred\033[0m"
    with lab.open(
        LOAD, f"%tf spawn busybox --name evil sh -c 'printf \"{hostile}\\n\"; sleep 1000'"
    ) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        view = notebook.card("evil").locator(".tf-view")
        expect(view).to_contain_text("<img src=x onerror=document.title=1>red")
        assert view.locator("img, a").count() == 0
        expect(view.locator(".tf-fg1")).to_have_text("red")


def test_a_flood_is_counted_and_bounded_and_can_be_paused(lab):
    cells = (LOAD, "%tf spawn busybox --name flood sh -c 'seq 1000000; read x; seq 5; sleep 1000'")
    with lab.open(*cells, "flood.stdin(b'x\\n')") as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        card = notebook.card("flood")
        expect(card).to_have_attribute("data-total", "1000000", timeout=60_000)
        assert card.locator(".tf-row").count() < 100
        view = card.locator(".tf-view")
        expect(view).to_contain_text("1000000")
        view.hover()
        notebook.page.mouse.wheel(0, -400)
        expect(card).to_have_attribute("data-follow", "false")
        notebook.run("flood.stdin")
        expect(card.get_by_role("button", name="paused")).to_contain_text("5 new")
        card.get_by_role("button", name="paused").click()
        eventually(lambda: view.inner_text().rstrip().endswith("5"), within=5)


def test_lines_before_those_shown_can_be_fetched(lab):
    with lab.open(
        LOAD, "%tf spawn busybox --name long --wait log:9000 sh -c 'seq 9000; sleep 1000'"
    ) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        card = notebook.card("long")
        expect(card).to_have_attribute("data-total", "9000")
        before = int(card.get_attribute("data-skipped"))
        assert before > 0
        card.locator(".tf-view").press("Home")
        card.locator("button.tf-gap").first.click()
        eventually(lambda: int(card.get_attribute("data-skipped")) < before, within=5)


def test_the_board_sorts_by_keyboard_and_shows_every_container(lab):
    with lab.open(
        LOAD,
        f"%tf spawn busybox --name aaa {TALKS}",
        f"%tf spawn busybox --name bbb {TALKS}",
        "%tf  #",
    ) as notebook:
        for cell in (LOAD, "aaa", "bbb", "%tf  #"):
            notebook.run(cell)
        board = notebook.page.locator(".tf-board")
        names = board.get_by_role("table", name="containers").locator("strong")
        expect(names).to_have_text(["aaa", "bbb"])
        head = board.get_by_role("button", name="Container", exact=True)
        head.focus()
        head.press("Enter")
        head.press("Enter")
        expect(names).to_have_text(["bbb", "aaa"])
        expect(board.locator(".tf-pill", has_text="running")).to_have_count(2)
        notebook.picture("board-light", board)
