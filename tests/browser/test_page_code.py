"""The page's own code, run where it runs: in a browser, without a kernel."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

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


WAITING = """(names) => {
    window.asked = [];
    const model = (name) => ({
        get: () => ({ emulator: "a version" }), on() {}, off() {}, send: () => window.asked.push(name),
    });
    for (const name of names) widget().initialize({ model: model(name) });
}"""


def widget(module: str) -> str:
    """A module that a widget carries, as code that defines ``widget``."""
    return assets.module(module).replace("export default", "window.widget =")


def test_terminals_that_wait_for_what_draws_them_ask_their_kernels_in_turn(browser):
    page = browser.new_page()
    page.clock.install()
    page.evaluate(
        f"(names) => {{ {widget('terminal')}\n ({WAITING})(names); }}", ["one", "two", "three"]
    )
    assert page.evaluate("window.asked") == ["one"]
    page.clock.run_for(11_000)
    assert page.evaluate("window.asked") == ["one", "three", "two"]
    page.close()


BOARD = """(facts) => {
    const known = { initial: facts, options: { sections: ["nodes"], proxy: false } };
    const heard = (name, hear) => { if (name === "msg:custom") window.hear = (facts) => hear({ facts }, []); };
    const model = { get: (name) => known[name], on: heard, off() {}, send() {} };
    const board = widget();
    board.initialize({ model });
    board.render({ el: document.body });
}"""


def ranking(score: Callable[[int], int], count: int = 200) -> dict[str, object]:
    """What a board is told of so many nodes."""
    same = {
        "cpu": 100,
        "cpu_total": 1000,
        "memory": 1,
        "memory_total": 2,
        "paging": 0,
        "containers": 0,
    }
    nodes = [{"id": str(n), "name": f"node-{n}", "score": score(n), **same} for n in range(count)]
    location = {"name": "here", "id": "x", "dead": False, "reason": "", "log_path": ""}
    return {"location": location, "nodes": nodes, "containers": []}


def test_of_many_nodes_those_in_sight_are_drawn_and_the_others_when_they_come_into_sight(browser):
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    page.add_style_tag(content=assets.style(live=True))
    page.evaluate(f"(facts) => {{ {widget('board')}\n ({BOARD})(facts); }}", ranking(lambda n: n))
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("node-199")
    height = page.evaluate("document.body.scrollHeight")
    page.evaluate("(facts) => window.hear(facts)", ranking(lambda n: 1000 - n))
    expect(rows).to_have_count(200)
    expect(rows.first).to_contain_text("node-0")
    expect(rows.nth(199)).to_have_text("")
    assert abs(page.evaluate("document.body.scrollHeight") - height) < 10  # fractions of pixels
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(rows.nth(199)).to_contain_text("node-199")
    expect(rows.nth(199)).to_contain_text("801")
    page.evaluate("(facts) => window.hear(facts)", ranking(lambda n: n, count=3))
    expect(rows).to_have_text([re.compile(f"node-{n}") for n in (2, 1, 0)])
    page.close()


def test_among_many_rows_a_field_finds_those_out_of_sight_too(browser):
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    page.add_style_tag(content=assets.style(live=True))
    page.evaluate(f"(facts) => {{ {widget('board')}\n ({BOARD})(facts); }}", ranking(lambda n: n))
    field, rows = page.get_by_role("searchbox", name="show only rows"), page.locator("tbody tr")
    field.focus()
    page.keyboard.type("node-7")
    expect(rows).to_have_text([re.compile(f"node-{n}") for n in [*range(79, 69, -1), 7]])
    expect(page.get_by_text("11 of 200 rows")).to_be_visible()
    page.evaluate("(facts) => window.hear(facts)", ranking(lambda n: n, count=3))
    expect(rows).to_have_count(0)
    expect(field).to_be_focused()
    field.press("Escape")
    expect(rows).to_have_count(3)
    expect(field).to_be_hidden()
    page.close()


TERMINAL = """() => {
    const nothing = () => {};
    class Terminal {
        cols = 80; rows = 24; options = {};
        onData(type) { window.type = type; }
        onBinary() {} onResize() {} loadAddon() {} open() {} focus() {} dispose() {}
        write(bytes, done) { done?.(); }
    }
    const known = { initial: { name: "box", command: "shell" }, place: "here" };
    const model = {
        get: (name) => known[name], off: nothing, send: (message) => { if (message.n) window.sent = message; },
        on: (name, hear) => { if (name === "msg:custom") window.hear = hear; },
    };
    const shell = widget({ Terminal, FitAddon: class { fit() {} }, css: "" });
    shell.initialize({ model });
    shell.render({ el: document.body });
}"""


def test_a_terminal_says_that_keys_wait_until_the_kernel_has_taken_them(browser):
    page = browser.new_page()
    page.clock.install()
    page.evaluate(f"() => {{ {widget('console')}\n ({TERMINAL})(); }}")
    expect(page.locator(".tf-terminal")).to_have_attribute("data-ready", "true")
    says = page.get_by_role("status").filter(has_text="keys wait for it")
    page.evaluate("window.type('x')")
    page.clock.run_for(1_500)
    expect(says).to_be_hidden()
    page.clock.run_for(3_000)
    expect(says).to_be_visible()
    page.evaluate("window.hear({ typed: { [window.sent.page]: 1 } }, [])")
    expect(says).to_be_hidden()
    page.close()
