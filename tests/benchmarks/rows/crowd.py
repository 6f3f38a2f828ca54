"""The flood: ten containers that print 100,000 lines a second together, three cards and a terminal open on the page."""

from __future__ import annotations

from tests.support.eventually import eventually
from tests.support.lab import Lab

from . import Row, cells, median, ms, p95, p99
from .desk import Desk, desk

COUNT, CARDS = 10, 3
RATE = 10_000  # lines a second of each
SECONDS = 30.0
NAMES = [f"c{n}" for n in range(COUNT)]
CLICK = """() => new Promise((done) => {
    const start = performance.now();
    const details = document.querySelector(".tf-card[aria-label='container c0'] [aria-label=details]");
    details.click();
    requestAnimationFrame(() => requestAnimationFrame(() => done((performance.now() - start) / 1000)));
})"""


def flood(lab: Lab) -> Row:
    """Round trips, frames and memory, idle and in the flood; at its end every card has counted every line."""
    spawns = [
        cells.printer(name, RATE, SECONDS + 10, shown=n < CARDS) for n, name in enumerate(NAMES)
    ]
    with desk(lab, "\n".join(spawns), "%tf shell c0") as at:
        at.run("c0 =", "%tf shell")
        at.until("document.querySelector('.tf-terminal[data-ready=true]')")
        idle, still = at.watch(10)
        before = at.rss()
        at.second.run(cells.begin(*NAMES))
        heard, frames = at.watch(SECONDS)
        clicks = [at.page.evaluate(CLICK) for _ in range(10)]
        rss = at.rss()
        wrong = _miscounted(at)
    ratio = median(heard.trips) / median(idle.trips)
    return Row(
        17,
        f"{COUNT} containers, {COUNT * RATE:,} lines a second, {CARDS} cards and a terminal: round trip / idle and its 99th"
        " percentile; frames; a click; renderer / idle; lines miscounted",
        f"{ratio:.2f} x, {ms(p99(heard.trips))}; {ms(p95(frames))}; {ms(median(clicks))}; {rss / before:.2f} x; {wrong}",
        "<= 3 x, 100 ms; <= 25 ms; bounded; 0",
        f"the same notebook, idle: {ms(median(idle.trips))}, {ms(p99(idle.trips))}; {ms(p95(still))}",
        ratio <= 3 and p99(heard.trips) <= 0.1 and p95(frames) <= 0.025 and wrong == 0,
        {
            "ratio": ratio,
            "p99": p99(heard.trips),
            "frames": p95(frames),
            "click": median(clicks),
            "rss": rss / before,
        },
    )


def _miscounted(at: Desk) -> int:
    """Over all cards, by how many lines the count differs from what was printed, once all is there."""
    printed = cells.lines(RATE, SECONDS + 10)

    def wrong() -> int:
        return sum(abs(at.card(name, "total") - printed) for name in NAMES[:CARDS])

    eventually(lambda: wrong() == 0, within=60)
    return wrong()
