"""Links seen from another machine, through a real JupyterHub: they lead where they say, or are no links."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support import hub as hubs

LOAD = "%load_ext tfnz_jupyter"


@pytest.fixture(scope="module")
def hub(home):
    """A hub's port and the folder of its notebooks."""
    with (
        tempfile.TemporaryDirectory(prefix="tfnz-hub-") as folder,
        hubs.hub(Path(folder)) as port,
    ):
        yield port, Path(folder)


def test_links_lead_through_the_hub_to_the_container_or_are_words(hub, browser):
    cells = (
        LOAD,
        "%tf spawn nginx --name web -p 80 --wait http:80",
        "%tf ps",
        "web.tunnels[0]",
        "%tf publish web.localhost web",
        "web.location().endpoint_for('web.localhost')",
        "%config TfMagics.proxy_links = False",
    )
    with hubs.logged_in(browser, *hub, *cells) as notebook:
        for cell in cells[:-1]:
            notebook.run(cell)
        card, board = notebook.card("web"), notebook.page.locator(".tf-board")
        tunnel = notebook.page.locator(".tf-small[aria-label^=tunnel]")
        for place in (card, board, tunnel):
            link = place.get_by_role("link")
            expect(link).to_have_attribute("href", f"/user/{hubs.USER}/proxy/{port_of(notebook)}/")
        expect(card).to_contain_text("through Jupyter")
        notebook.picture("hub", card)
        with notebook.page.context.expect_page() as opened:
            card.get_by_role("link").click()
        expect(opened.value.locator("body")).to_contain_text("nginx", timeout=20_000)
        opened.value.close()
        name = notebook.page.locator(".tf-small[aria-label^='web endpoint']")
        expect(name.locator(".tf-nolink")).to_have_attribute(
            "title", "on the kernel's machine only"
        )
        notebook.run("proxy_links")
        for place in (card, board, tunnel, name):
            expect(place.get_by_role("link")).to_have_count(0)
        expect(card).to_contain_text("on the kernel's machine only")


def port_of(notebook) -> str:
    """The tunnel's port on the kernel's machine."""
    return notebook.card("web").locator(".tf-link").inner_text().split(":")[1]
