"""What is sent to a page: every line or its count, one message a tick, history for who opens, nothing when nothing is new."""

from __future__ import annotations

import sys
import threading

import pytest

from tests.support.eventually import eventually
from tests.support.staged import StagedLocation
from tfnz_jupyter.errors import SessionEnded
from tfnz_jupyter.notebook import feeds
from tfnz_jupyter.notebook.pump import HEARTBEAT, TURN, Pump
from tfnz_jupyter.sdk.condition import Usage

OUT = 1


class Page:
    """Takes messages as a page does: lines by number, gaps counted."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.lines: dict[int, bytes] = {}
        self.total = 0

    def send(self, content, buffers=None):
        self.messages.append(content)
        if log := content.get("log"):
            texts = buffers[0].split(b"\n") if log["count"] else []
            assert len(texts) == len(buffers[1]) == log["count"]
            self.lines |= dict(enumerate(texts, log["first"]))
            self.total = log["total"]


@pytest.fixture
def web():
    return StagedLocation().spawn("web", state="running")


@pytest.fixture
def over():
    return threading.Event()


@pytest.fixture
def feed(web, over):
    feed = feeds.CardFeed(web, on_over=over.set)
    feed.page = Page()
    feed.ready()
    return feed


def test_a_page_that_opens_is_given_facts_and_history_in_one_message(feed, web):
    web.log.feed(OUT, b"a\nb\n")
    assert feed.tick(0)
    (message,) = feed.page.messages
    assert message["facts"]["name"] == "web"
    assert feed.page.lines == {0: b"a", 1: b"b"}


def test_without_news_there_is_only_a_heartbeat(feed):
    feed.tick(0)
    assert not feed.tick(HEARTBEAT / 2)
    assert feed.tick(HEARTBEAT)
    assert feed.page.messages[-1].keys() == {"now"}


def test_an_unfinished_line_is_sent_again_when_it_grows(feed, web):
    web.log.feed(OUT, b"work")
    feed.tick(0)
    assert feed.page.lines == {0: b"work"}
    web.log.feed(OUT, b"ing\nnext\n")
    feed.tick(0.1)
    assert feed.page.lines == {0: b"working", 1: b"next"}


def test_in_a_flood_every_line_is_shown_or_counted(feed, web):
    for batch in range(50):
        web.log.feed(OUT, b"".join(b"%d\n" % n for n in range(batch * 5000, (batch + 1) * 5000)))
        feed.tick(batch / 25)
    while feed.log._changed != web.log.changed:
        feed.tick(3)
    page = feed.page
    assert page.total == 250_000 == web.log.total
    assert all(text == b"%d" % number for number, text in page.lines.items())
    assert max(page.lines) == 249_999


def test_a_message_is_never_much_bigger_than_a_batch(web, feed):
    feed.tick(0)
    sizes = []
    feed.page.send = lambda content, buffers: sizes.append(sum(map(len, buffers)))
    web.log.feed(OUT, b"x" * 100 + b"\n" + b"y" * 10_000 * 100)
    web.log.feed(OUT, (b"z" * 99 + b"\n") * 2000)
    for tick in range(20):
        feed.tick(tick)
    assert max(sizes) <= feeds.BATCH * 1.1


def test_a_page_that_says_nothing_is_sent_little(feed, web):
    feed.tick(0)
    before = len(feed.page.messages)
    for tick in range(100, 200):  # 4 s at 25 Hz, long after it was last heard
        web.log.feed(OUT, b"x\n")
        feed.tick(tick * 0.04)
    assert len(feed.page.messages) - before <= 10
    assert feed.page.total >= 90


def test_skipped_lines_can_be_fetched(feed, web):
    web.log.feed(OUT, b"".join(b"%d\n" % n for n in range(9000)))
    feed.tick(0)
    assert 100 not in feed.page.lines
    feed.fetch("r1", at=0, asked=100, limit=3)
    sent = []
    feed.page.send = lambda content, buffers: sent.append((content, buffers))
    feed.tick(0.1)
    ((content, buffers),) = [one for one in sent if "fill" in one[0]]
    assert content["fill"] == {"at": 0, "asked": 100, "first": 100, "count": 3}
    assert content["done"] == "r1"
    assert buffers[0] == b"100\n101\n102"


def test_a_container_that_has_ended_is_told_once_all_it_printed_is_sent(feed, web, over):
    web.log.feed(OUT, b"last words")
    web.turn(state="ended", returncode=0, reason="exited with code 0")
    eventually(lambda: feed._dirty.is_set(), within=2)
    feed.tick(0)
    assert not over.is_set()
    web.end(0)
    feed.tick(0.1)
    assert over.is_set()
    assert feed.page.lines == {0: b"last words"}
    assert feed.page.messages[-1]["log"]["closed"]


def test_a_page_that_opens_after_the_end_is_given_everything_again(feed, web):
    web.log.feed(OUT, b"a\n")
    web.end(0)
    feed.tick(0)
    feed.page = Page()
    feed.ready()
    assert not feed.over
    feed.tick(0.1)
    assert feed.page.lines == {0: b"a"}
    assert feed.page.messages[0]["facts"]["state"] == "ended"


def test_a_board_sends_one_message_however_many_nodes_and_containers(over):
    location = StagedLocation(*(f"node-{n}" for n in range(50)))
    for n in range(20):
        location.spawn(f"c{n}", state="running")
    feed = feeds.BoardFeed(location, on_over=over.set)
    feed.page = Page()
    feed.tick(0)
    (message,) = feed.page.messages
    assert len(message["facts"]["nodes"]) == 50
    assert len(message["facts"]["containers"]) == 20


def test_a_board_keeps_a_minute_of_each_node(over):
    location = StagedLocation()
    (node,) = location.nodes.values()
    feed = feeds.BoardFeed(location, on_over=over.set)
    for _ in range(100):
        node.sample(500, 1000)
        feed.facts()
    (shown,) = feed.facts()["nodes"]
    assert shown["history"] == [0.75] * 60


def test_a_board_is_over_with_its_session(over):
    location = StagedLocation()
    feed = feeds.BoardFeed(location, on_over=over.set)
    feed.page = Page()
    location.end(SessionEnded("the link was lost"))
    feed.tick(0)
    assert over.is_set()
    assert feed.over
    assert feed.page.messages[-1]["facts"]["location"]["reason"] == "the link was lost"


def test_facts_travel_without_secrets(over):
    web = StagedLocation().spawn("web", env=[("PASSWORD", "hunter2"), ("MODE", "dev")])
    facts = feeds.CardFeed(web, on_over=over.set).facts()
    assert "hunter2" not in str(facts)
    assert ("MODE", "dev") in facts["env"]


class Talker:
    """A feed that is over after a number of ticks, or fails."""

    def __init__(self, ticks: int, *, fails: bool = False) -> None:
        self.left, self.fails, self.threads = ticks, fails, set()

    @property
    def over(self) -> bool:
        return self.left <= 0

    def tick(self, now: float) -> bool:
        self.threads.add(threading.get_ident())
        self.left -= 1
        if self.fails:
            raise ValueError("no page")
        return True


def test_one_thread_speaks_for_all_feeds_and_goes_when_none_is_left():
    pump, feeds_ = Pump(), [Talker(3) for _ in range(5)]
    for one in feeds_:
        pump.add(one)
    eventually(lambda: all(one.over for one in feeds_) and pump._thread is None, within=5)
    assert len(set.union(*(one.threads for one in feeds_))) == 1


def test_a_pump_that_had_nothing_left_starts_again():
    pump, first, second = Pump(), Talker(1), Talker(1)
    pump.add(first)
    eventually(lambda: pump._thread is None, within=5)
    pump.add(second)
    eventually(lambda: second.over, within=5)


def test_a_cell_that_computes_leaves_others_their_turn_sooner_while_something_is_shown():
    usual, pump, shown = sys.getswitchinterval(), Pump(), Talker(1_000_000)
    pump.add(shown)
    assert sys.getswitchinterval() == pytest.approx(TURN)
    pump.stop()
    eventually(lambda: sys.getswitchinterval() == usual, within=5)


def test_a_feed_that_fails_is_given_up_and_the_others_go_on(caplog):
    pump, bad, good = Pump(), Talker(9, fails=True), Talker(3)
    pump.add(bad)
    pump.add(good)
    eventually(lambda: good.over, within=5)
    assert bad.left == 8
    assert "given up" in caplog.text


def test_a_card_shows_what_its_container_uses_as_shares_of_what_it_may():
    container = StagedLocation().spawn("web")
    container.limits = {"cpus": 0.5, "memory": 64 << 20, "pids": None}
    feed = feeds.CardFeed(container, on_over=lambda: None)
    assert feed.facts()["usage"] is None
    container.turn(state="running", stats=Usage(250, 16 << 20, 3))
    for now in (10.0, 10.2, 10.4):  # one sample a second, however often it is looked at
        feed.tick(now)
    usage = feed.facts()["usage"]
    assert (usage["cpu"], usage["memory"], usage["processes"]) == (250, 16 << 20, 3)
    assert (usage["cpus"], usage["memories"]) == ([0.5], [0.25])
