"""Static views: truthful, readable without their style, and deaf to what a container would like to say to a page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.support.terminal import LINES
from tfnz_jupyter.notebook import views
from tfnz_jupyter.notebook.views_masks import MASK, masked, masked_text
from tfnz_jupyter.notebook.views_output import coloured, plain, runs
from tfnz_jupyter.notebook.views_small import Fact, SmallSnapshot, small_html
from tfnz_jupyter.notebook.views_snapshot import (
    ContainerSnapshot,
    LocationSnapshot,
    LogSnapshot,
    NodeSnapshot,
    TunnelSnapshot,
)

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">&"\x1b]8;;javascript:alert(3)\x07x\x1b]8;;\x07'
EMPTY = LogSnapshot(0, (), 0)


def container(**facts):
    given = {
        "id": "a" * 26,
        "name": "web",
        "image": "nginx",
        "source": "",
        "node": "n",
        "state": "running",
    }
    return ContainerSnapshot(**{**given, **facts})


def hostile_small():
    return SmallSnapshot(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        "live",
        (Fact(HOSTILE, HOSTILE, "javascript:alert(1)"),),
        log=True,
    )


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def assert_harmless(html: str) -> None:
    page = Tags(html)
    assert not {"script", "img", "iframe", "style", "svg", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    links = [value for name, value in page.attributes if name in ("href", "src")]
    assert all(link.startswith("http://localhost") for link in links)
    assert "\x1b" not in page.text


@pytest.mark.parametrize("line", LINES, ids=ascii)
def test_of_terminal_sequences_only_colours_survive(line):
    assert [(run.text, list(run.look)) for run in runs(line)] == LINES[line]


def test_text_for_a_cell_keeps_colours_and_nothing_else():
    assert (
        coloured(b"\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07 10%\r20%")
        == "\x1b[31mred\x1b[0m 10%\r20%"
    )


@pytest.mark.parametrize("field", ["name", "image", "node", "ip", "command", "reason", "source"])
@pytest.mark.parametrize("state", ["running", "failed", "ended"])
def test_a_hostile_fact_is_text_in_the_card(field, state):
    html = views.container_html(container(**{"state": state, field: HOSTILE}), EMPTY, 0)
    assert_harmless(html)


def test_a_card_shows_the_whole_line_that_logs_in():
    one = container(ssh=("ssh -i '/a key' -p 2222 root@127.0.0.1",))
    assert one.ssh[0] in Tags(views.container_html(one, EMPTY, 0)).text
    assert one.ssh[0] in views.container_text(one, EMPTY, 0)


def test_hostile_output_is_text_in_every_view_of_a_log():
    log = LogSnapshot(0, ((1, HOSTILE.encode()), (2, HOSTILE.encode())), 2)
    for html in (
        views.container_html(container(), log, 0),
        small_html(hostile_small(), log),
    ):
        assert_harmless(html)
        assert "<script>alert(1)</script>" in Tags(html).text


def test_hostile_names_are_text_in_tables_lines_and_links():
    tunnel = TunnelSnapshot(80, 8080, "127.0.0.1")
    rows = views.container_rows([container(name=HOSTILE, image=HOSTILE, tunnels=(tunnel,))], 0)
    nodes = views.node_rows([NodeSnapshot("i", HOSTILE, 1, 1, 1, 1, 1, 1, 1)])
    line = views.location_line(LocationSnapshot(HOSTILE, "s", True, HOSTILE, ""), 0)
    tables = [(views.CONTAINER_HEADS, rows), (views.NODE_HEADS, nodes)]
    assert_harmless(views.board_html(line, tables))


def test_a_small_object_is_readable_markup():
    facts = (Fact("address", "127.0.0.1:8080", "http://127.0.0.1:8080"),)
    tunnel = SmallSnapshot("tunnel", "web:80", "open", "live", facts)
    page = Tags(small_html(tunnel, now=1_700_000_000))
    assert " ".join(page.text.split()) == (
        "tunnel web:80 as it was at 2023-11-14 22:13 UTC open address 127.0.0.1:8080"
    )
    assert "a" not in page.tags


def test_a_view_carries_the_rules_that_it_needs_and_no_others():
    style = ".tfnz {\n--tf-bg: white;\n}\n.tfnz .tf-head, .tfnz .tf-far { a }\n.tfnz .tf-far b { c }\n.tfnz a { d }"
    head = views.framed('<div class="tfnz tf-head"><a></a></div>', style)
    assert head.startswith(
        "<style>.tfnz {\n--tf-bg: white;\n}\n.tfnz .tf-head { a }\n.tfnz a { d }</style>"
    )
    whole = views.framed('<div class="tfnz tf-head"><b class="tf-far"></b></div>', style)
    assert style in whole


def test_a_view_carries_the_rules_of_its_own_mood_alone():
    style = '.tfnz [data-mood="bad"], .tfnz[data-mood="bad"] { b }\n.tfnz[data-mood="live"] { l }'
    assert '<style>.tfnz[data-mood="live"] { l }</style>' in views.framed(
        '<div class="tfnz" data-mood="live"></div>', style
    )


def test_a_card_reads_well_without_its_style():
    log = LogSnapshot(2, ((1, b"hello"), (0, b"7"), (2, b"oops")), 11)
    facts = container(
        state="ended", returncode=3, reason="exited with code 3", started=10, ended=75
    )
    text = Tags(views.container_html(facts, log, now=100)).text
    for said in (
        "web",
        "nginx",
        "exited with code 3",
        "1 min 5 s",
        "2 earlier lines",
        "hello",
        "7 lines skipped",
        "oops",
    ):
        assert said in text


def test_a_card_says_that_its_image_was_built_here():
    assert "built here from Debian packages" in views.container_html(
        container(source="recipe"), EMPTY, 0
    )
    assert "built here" not in views.container_html(container(source="registry"), EMPTY, 0)


@pytest.mark.parametrize(
    ("facts", "mood"),
    [
        ({"state": "preparing"}, "wait"),
        ({"state": "booting"}, "wait"),
        ({"state": "running"}, "live"),
        ({"state": "failed"}, "bad"),
        ({"state": "ended", "returncode": 0}, "done"),
        ({"state": "ended", "returncode": 3, "reason": "exited with code 3"}, "bad"),
        ({"state": "ended", "returncode": 137, "reason": "destroyed"}, "gone"),
        ({"state": "ended", "returncode": None, "reason": "the session ended"}, "gone"),
    ],
)
def test_a_state_has_a_look(facts, mood):
    assert views.mood(container(**facts)) == mood


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_duration_in_words(seconds, words):
    assert views.duration(seconds) == words


def test_text_views_are_columns_and_plain_lines():
    text = views.table_text(("a", "long head"), [("x", "y"), ("wide", "z")])
    assert text == "a     long head\nx     y\nwide  z"
    shown = views.container_text(container(), LogSnapshot(0, ((1, b"\x1b[1mhi\x1b[0m"),), 1), 0)
    assert "| hi" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD", "x"),
        ("POSTGRES_PASSWORD", "x"),
        ("API_KEY", "x"),
        ("KEY", "x"),
        ("GH_TOKEN", "x"),
        ("CLIENT_SECRET", "x"),
        ("ANYTHING", "ghp_0123456789"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(name, value):
    assert masked(name, value) == MASK


def test_what_is_no_secret_is_shown():
    assert masked("MODE", "dev") == "dev"
    assert masked("MONKEY", "dev") == "dev"
    assert masked("PASSWORD", "") == ""


def test_a_password_in_an_address_is_not_shown():
    shown = masked_text("postgres://me:hunter2@db/x and http://a/b:c@d")
    assert shown == f"postgres://me:{MASK}@db/x and http://a/b:c@d"


def test_plain_text_of_undecodable_bytes_says_so():
    assert plain(b"a\xffb") == "a\ufffdb"
