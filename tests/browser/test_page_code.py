"""The page's own code, run where it runs: in a browser, without a kernel."""

from __future__ import annotations

import pytest

from tests.support.terminal import LINES
from tfnz_jupyter.notebook import assets


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def evaluate(page, module: str, expression: str, argument=None):
    return page.evaluate(
        f"(given) => {{ {assets.module(module)}\n return {expression}; }}", argument
    )


def test_the_page_shows_of_terminal_sequences_what_the_saved_view_shows(page):
    lines = [line.decode("utf-8", "replace") for line in LINES]
    shown = evaluate(page, "ansi", "given.map((line) => runs(line))", lines)
    assert [[tuple(run) for run in one] for one in shown] == list(LINES.values())


STORY = """(() => {
    const lines = new Lines(10);
    const texts = (first, count) => Array.from({length: count}, (_, i) => String(first + i));
    const put = (first, count, total) => lines.put(first, Array(count).fill(1), texts(first, count), total, 0);
    const seen = () => lines.rows.map((row) => (row.gap ? [row.n, "gap", row.gap] : [row.n, row.text]));
    return given.map(([what, ...args]) => {
        if (what === "put") put(...args);
        else lines.fill(args[0], args[1], args[2], Array(args[3]).fill(1), texts(args[2], args[3]));
        return seen();
    });
})()"""


def story(page, *steps):
    """What is held after the last of these steps."""
    return evaluate(page, "lines", STORY, [list(step) for step in steps])[-1]


def test_lines_that_follow_are_appended_and_a_hole_is_a_gap(page):
    assert story(page, ("put", 0, 2, 2), ("put", 5, 1, 6)) == [
        [0, "0"],
        [1, "1"],
        [2, "gap", 3],
        [5, "5"],
    ]


def test_what_is_sent_again_replaces_what_was_held(page):
    assert story(page, ("put", 0, 3, 3), ("put", 1, 2, 3)) == [[0, "0"], [1, "1"], [2, "2"]]


def test_a_history_that_begins_earlier_replaces_all(page):
    assert story(page, ("put", 5, 1, 6), ("put", 4, 2, 6)) == [[0, "gap", 4], [4, "4"], [5, "5"]]


def test_what_is_too_much_becomes_one_gap_at_the_head(page):
    shown = story(page, ("put", 0, 8, 8), ("put", 8, 8, 16), ("put", 16, 4, 20))
    assert shown[0] == [0, "gap", 10]
    assert [row[0] for row in shown[1:]] == list(range(10, 20))


def test_a_gap_is_filled_as_far_as_lines_are_still_held(page):
    begun = (("put", 0, 1, 1), ("put", 6, 1, 7))
    assert story(page, *begun, ("fill", 1, 1, 1, 5)) == [[n, str(n)] for n in range(7)]
    partly = story(page, *begun, ("fill", 1, 1, 3, 2))
    assert partly == [[0, "0"], [1, "gap", 2], [3, "3"], [4, "4"], [5, "gap", 1], [6, "6"]]


REACH = "given.map(([tunnel, ...page]) => { const r = reach(tunnel, ...page); return [r.href, Boolean(r.why)]; })"


def test_a_link_leads_where_the_reader_is_or_is_no_link(page):
    tunnel = {"port": 80, "local": 8080, "bind": "127.0.0.1", "dead": False}
    cases = {
        (("localhost", "/", True), False): ["http://localhost:8080/", False],
        (("127.0.0.1", "/", False), False): ["http://127.0.0.1:8080/", False],
        (("hub.example", "/user/me/", True), False): ["/user/me/proxy/8080/", True],
        (("hub.example", "/", False), False): [None, True],
        (("hub.example", None, True), False): [None, True],
        (("localhost", "/", True), True): [None, True],
    }
    given = [[{**tunnel, "dead": dead}, *where] for where, dead in cases]
    assert evaluate(page, "links", REACH, given) == list(cases.values())


LOCAL = "given.map(([address, ...page]) => { const r = local(address, ...page); return [r.href, Boolean(r.why)]; })"


def test_an_address_of_the_kernels_machine_is_a_link_only_where_it_leads_there(page):
    tunnel, published = "http://127.0.0.1:8080", "http://web.localhost:8000/"
    cases = {
        (tunnel, "localhost", "/", True): [tunnel, False],
        (tunnel, "hub.example", "/user/me/", True): ["/user/me/proxy/8080/", True],
        (tunnel, "hub.example", "/", False): [None, True],
        (published, "localhost", "/", True): [published, False],
        (published, "hub.example", "/", True): [None, True],
    }
    assert evaluate(page, "links", LOCAL, [list(case) for case in cases]) == list(cases.values())
