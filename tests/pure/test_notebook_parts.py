"""Small parts of the notebook: the page's code as one module, the printer, the alias, variable names."""

from __future__ import annotations

import gzip
import importlib
import re
import sys
from typing import NamedTuple

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter.deeds import spawning
from tfnz_jupyter.notebook import alias, assets, bars, follow, terminals
from tfnz_jupyter.sdk.lines import LineRing

OUT, ERR = 1, 2


class Step(NamedTuple):
    """How far something is."""

    step: str
    text: str
    done: int
    total: int


@pytest.mark.parametrize("name", ["card", "board", "small", "terminal", "console"])
def test_a_widget_is_one_module_that_needs_no_network(name):
    text = assets.module(name)
    assert not re.search(r"^import |https?://(?!www\.w3\.org/2000/svg|\$)", text, re.MULTILINE)
    assert text.count("export default") == 1
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE)
    assert sorted(names) == sorted(set(names))


def test_nothing_in_the_page_parses_markup():
    text = "".join(map(assets.module, ("card", "board", "small", "terminal", "console")))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(", text
    )


def test_what_every_terminal_carries_is_small_and_the_rest_travels_packed():
    assert len(assets.module("terminal")) < 4000
    assert len(terminals.bundle().packed) < 120_000
    assert sum(terminals.bundle().sizes) == len(gzip.decompress(terminals.bundle().packed))


def test_style_sheets_load_nothing():
    assert not re.search(r"@import|url\(", assets.style(live=True))


def test_a_log_is_printed_with_its_two_outputs_apart(capsys):
    ring = LineRing()
    ring.feed(OUT, b"a\n\x1b[31mb\x1b[0m\x1b[2J\n")
    ring.feed(ERR, b"c\n")
    follow.print_tail(ring, None)
    assert capsys.readouterr() == ("a\n\x1b[31mb\x1b[0m\n", "c\n")


def test_an_unfinished_line_is_printed_at_once_and_ended_later(capsys):
    ring = LineRing()
    printer = follow.Printer(ring, 0)
    ring.feed(OUT, b"wor")
    printer.print_news()
    assert capsys.readouterr().out == "wor"
    ring.feed(OUT, b"king\ndone\n")
    printer.print_news()
    assert capsys.readouterr().out == "king\ndone\n"


def test_lines_that_were_lost_are_counted_where_they_were(capsys):
    ring = LineRing()
    ring.feed(OUT, b"a\n")
    ring.skipped(3, 30)
    ring.feed(OUT, b"b\n")
    ring.close()
    follow.follow(ring)
    assert capsys.readouterr().out == "a\n... 3 lines skipped ...\nb\n"


def test_a_flood_is_printed_in_part_and_counted_in_full(capsys):
    ring = LineRing()
    printer = follow.Printer(ring, 0)
    for batch in range(100):
        ring.feed(
            OUT,
            b"".join(b"%d %s\n" % (n, b"x" * 90) for n in range(batch * 1000, (batch + 1) * 1000)),
        )
        printer.print_news()
    ring.close()
    while printer.behind:
        printer.print_news()
    printed = capsys.readouterr().out
    skipped = sum(
        int(n.replace(",", "")) for n in re.findall(r"\.\.\. ([\d,]+) lines? skipped", printed)
    )
    assert len(re.findall(r"^\d+ x", printed, re.MULTILINE)) + skipped == 100_000
    assert "99999 x" in printed


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("web", "web"),
        ("my-web.2", "my_web_2"),
        ("list", None),
        ("class", None),
        ("2nd", None),
        ("open", None),
    ],
)
def test_a_name_as_a_variable(name, word):
    assert spawning.variable(name) == word


@pytest.fixture
def without_tfnz(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tfnz"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "tfnz"]:
        del sys.modules[name]


def test_tfnz_is_another_name_of_this_package(without_tfnz, capsys):
    alias.install()
    alias.install()
    from tfnz_jupyter.sdk import location

    assert importlib.import_module("tfnz").location is location
    assert importlib.import_module("tfnz.location") is location
    assert capsys.readouterr().err == ""


def test_a_package_that_is_really_called_tfnz_is_left_alone(
    without_tfnz, tmp_path, monkeypatch, capsys
):
    (tmp_path / "tfnz.py").write_text("real = True")
    monkeypatch.syspath_prepend(tmp_path)
    alias.install()
    assert importlib.import_module("tfnz").real
    assert "is installed" in capsys.readouterr().err


class Publisher:
    """A shell as far as a bar needs it; ``shown`` is what stands on its page."""

    kernel = None

    def __init__(self) -> None:
        self.display_pub = self
        self.shown = ""

    def publish(self, bundle: dict[str, str], metadata: object, **how: object) -> None:
        self.shown = bundle["text/plain"]


def test_a_bar_tells_at_last_what_came_too_soon_to_be_told(monkeypatch):
    monkeypatch.setattr(bars, "_AFTER", 0.01)
    page = Publisher()
    with bars.bar(page, "Building mine") as report:
        report(Step("build", "FROM busybox", 1, 3))
        report(Step("build", "RUN sleep", 2, 3))
        eventually(lambda: page.shown, within=5)
        assert page.shown == "Building mine: 67 % building  RUN sleep  2 of 3"
    assert page.shown == ""
