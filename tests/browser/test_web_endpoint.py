"""A published name in a browser that trusts the location's authority, and in one that does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from tests.support import lab as labs
from tests.support.web import site
from tfnz_jupyter import Cluster, Location, WebEndpoint

NAME = "web.localhost"
#: Where a Chromium looks for whom its user trusts, old and new.
STORES = (".pki/nssdb", ".local/share/pki/nssdb")


@pytest.fixture
def endpoint(home: Path) -> Iterator[WebEndpoint]:
    """Of a session that has published a site, on https."""
    with Location() as location:
        found = location.endpoint_for(NAME)
        page = "<title>Hello</title><p>from a container</p>"
        found.publish(Cluster(containers=[site(location.node(), page)]), NAME, ssl=True)
        (home / "authority.pem").write_text(location.authority())
        yield found


@pytest.fixture
def trusting(home: Path, browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """A browser whose user trusts whom ``authority.pem`` names."""
    for store in STORES:
        (tmp_path / store).mkdir(parents=True)
        database = f"sql:{tmp_path / store}"
        for command in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "ours", "-i"]):
            files = [str(home / "authority.pem")] if command[-1] == "-i" else []
            subprocess.run(["certutil", "-d", database, *command, *files], check=True)
    found = browser.browser_type.launch(
        executable_path=labs.program(),
        args=list(labs.FLAGS),
        env=os.environ | {"HOME": str(tmp_path)},
    )
    yield found
    found.close()


def test_a_browser_that_trusts_the_authority_opens_the_name_on_https(
    endpoint: WebEndpoint, trusting: Browser
) -> None:
    page = trusting.new_page()
    answer = page.goto(endpoint.url(NAME, ssl=False))
    assert answer is not None
    assert (answer.status, page.url) == (200, endpoint.url(NAME))
    assert page.url.startswith("https://")
    assert (page.title(), page.text_content("p")) == ("Hello", "from a container")


def test_a_browser_that_does_not_refuses(endpoint: WebEndpoint, browser: Browser) -> None:
    page = browser.new_page()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(endpoint.url(NAME))
    page.close()
