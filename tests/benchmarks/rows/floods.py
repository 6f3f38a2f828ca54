"""Rows 1 to 6: lines by the ten thousand, and what they cost a notebook that stays usable."""

from __future__ import annotations

import time

from tests.support.eventually import eventually
from tests.support.lab import Lab

from . import Row, cells, median, ms, p95
from .desk import Desk, desk
from .second import Heard

SECONDS = 8.0
GREAT = 50  # lines a second that append_stdout bears; it freezes the page at twice as many
MOST = """
many = node.spawn_container('busybox', name='many', command=['sh', '-c', 'read x; seq 3000000; sleep 100000'])
many
"""
LONG = 0.1  # seconds: a frame that everybody sees


def pace(lab: Lab) -> list[Row]:
    """Rows 1, 2, 3 and the first half of 5: one card in a flood, beside today's ways."""
    rates = {"slow": 10_000, "fast": 50_000}
    spawns = [cells.printer(name, rate, SECONDS) for name, rate in rates.items()]
    with desk(lab, *spawns, MOST) as at:
        idle, still = at.watch(SECONDS)
        trips, frames, reached = {}, {}, {}
        for name, rate in rates.items():
            at.run(f"{name} =")
            heard, frames[name] = _flooded(at, name, rate)
            trips[name], reached[name] = median(heard.trips) / median(idle.trips), heard
            at.second.run(f"{name}.destroy()")
        speed = _flat_out(at)
    old, old_frames, old_lines = _append_stdout(lab)
    slow_link = _per_line(lab) / median(idle.trips)
    shown = cells.lines(50_000, SECONDS) / SECONDS
    return [
        Row(
            1,
            "lines a second, each shown or counted",
            f"{shown:,.0f} asked and accounted; flat out {speed:,.0f}",
            ">= 50,000, and >= 1,000 x append_stdout's",
            f"append_stdout at {GREAT}: {old_lines:.0f}",
            speed >= 50_000 and speed >= 1000 * old_lines,
            {"flat_out": speed, "append_stdout": old_lines},
        ),
        Row(
            2,
            "kernel's round trip at 10,000 and 50,000 lines a second / idle",
            f"{trips['slow']:.2f} x, {trips['fast']:.2f} x ({ms(median(idle.trips))} idle)",
            "<= 2 x, <= 3 x",
            f"a message and an answer a line, 10,000 a second: {slow_link:.1f} x",
            trips["slow"] <= 2 and trips["fast"] <= 3,
            {**trips, "per_line": slow_link},
        ),
        Row(
            3,
            "frames at 10,000 lines a second: 95th percentile, and those over 100 ms",
            f"{ms(p95(frames['slow']))}, {sum(f > LONG for f in frames['slow'])} ({ms(p95(still))} idle)",
            "<= 25 ms, 0",
            f"append_stdout at {GREAT}: {ms(p95(old_frames))}, {sum(f > LONG for f in old_frames)}",
            p95(frames["slow"]) <= 0.025 and max(frames["slow"]) <= LONG,
            {
                "idle": p95(still),
                "slow": p95(frames["slow"]),
                "fast": p95(frames["fast"]),
                "worst": max(frames["slow"]),
            },
        ),
        Row(
            5,
            "messages a second of one log",
            f"{reached['fast'].rate:.1f}",
            "<= 25",
            f"append_stdout at {GREAT}: {old:.0f}",
            reached["fast"].rate <= 25.5,
            {"one_log": reached["fast"].rate},
        ),
    ]


def _flooded(at: Desk, name: str, rate: int) -> tuple[Heard, list[float]]:
    """What was seen while a container printed; at the end its card has counted every line."""
    at.second.run(cells.begin(name))
    seen = at.watch(SECONDS)
    eventually(lambda: at.card(name, "total") == cells.lines(rate, SECONDS), within=30)
    return seen


def _flat_out(at: Desk) -> float:
    """Lines a second that a container can print into a card, none missing."""
    at.run("many =")
    at.second.run("many.wait_until_ready(); many.stdin(b'go\\n')")
    took = at.until(
        "document.querySelector(\".tf-card[aria-label='container many']\").dataset.total === '3000000'"
    )
    at.second.run("many.destroy()")
    return 3_000_000 / took


def _append_stdout(lab: Lab) -> tuple[float, list[float], float]:
    """Messages a second, frames, and lines a second that stand in the page when the time is over."""
    with desk(lab, cells.append_stdout(GREAT, SECONDS)) as at:
        at.run("append_stdout")
        began = time.monotonic()
        heard, frames = at.watch(SECONDS)
        text = at.page.locator(".jp-OutputArea-output pre").all_inner_texts()
        lines = sum(one.count("quick brown") for one in text)
        at.second.run("stop.set()")
        return heard.rate, frames, lines / (time.monotonic() - began)


def _per_line(lab: Lab) -> float:
    """A round trip (seconds)."""
    with desk(lab, cells.per_line(10_000, SECONDS)) as at:
        at.run("class Log")
        heard, _ = at.watch(SECONDS)
        at.second.run("stop.set()")
        return median(heard.trips)


def many_widgets(lab: Lab, count: int = 20) -> Row:
    """The second half of row 5: as many cards, each with something to say all the time."""
    names = [f"w{n}" for n in range(count)]
    spawn = "\n".join(cells.printer(name, 1000, SECONDS + 4) for name in names)
    with desk(lab, spawn) as at:
        at.run("w0 =")
        at.second.run(cells.begin(*names))
        heard, frames = at.watch(SECONDS)
        for name in names:
            eventually(
                lambda name=name: at.card(name, "total") == cells.lines(1000, SECONDS + 4),
                within=60,
            )
    return Row(
        5,
        f"messages a second of {count} live cards",
        f"{heard.rate:.0f} (frames {ms(p95(frames))})",
        "<= 300",
        "a message a line: 20,000",
        heard.rate <= 300,
        {"twenty": heard.rate, "frames": p95(frames)},
    )


def memory_briefly(lab: Lab) -> Row:
    """Row 4 in a minute."""
    return memory(lab, 1)


def memory(lab: Lab, minutes: float = 10) -> Row:
    """Row 4: the page's memory over a long flood, beside ipywidgets' Output after eight seconds."""
    with desk(lab, cells.printer("long", 10_000, minutes * 60 + 5)) as at:
        idle = at.rss()
        at.run("long =")
        at.second.run(cells.begin("long"))
        at.second.listen(min(60.0, minutes * 30))
        early = at.heap()
        at.second.listen(minutes * 60 - min(60.0, minutes * 30))
        late, rss = at.heap(), at.rss()
    with desk(lab, cells.append_stdout(GREAT, SECONDS)) as at:
        before = at.rss()
        at.run("append_stdout")
        at.second.listen(SECONDS)
        grown = at.rss() / before
    return Row(
        4,
        f"heap after {minutes:g} min at 10,000 lines a second / after one; renderer / idle",
        f"{late / early:.2f} x ({late:.0f} MB), {rss / idle:.2f} x",
        "<= 1.1 x, <= 1.25 x",
        f"append_stdout at {GREAT}: renderer {grown:.1f} x in 8 s",
        late / early <= 1.1 and rss / idle <= 1.25,
        {"heap": late / early, "rss": rss / idle, "append_stdout_rss": grown},
    )


_ACCOUNT = """async (name) => {
    const card = document.querySelector(`.tf-card[aria-label='container ${name}']`);
    const view = card.querySelector(".tf-view");
    const held = new Set();
    const gaps = new Map();
    view.dispatchEvent(new WheelEvent("wheel", { deltaY: -1 }));
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    for (let top = 0; top < view.scrollHeight + 200; top += 150) {
        view.scrollTop = top;
        await frame();
        for (const row of view.querySelectorAll(".tf-row")) {
            const number = row.querySelector(".tf-n")?.textContent.replaceAll(",", "");
            if (number) held.add(Number(number));
            else if (row.previousElementSibling || top === 0) {
                const before = row.previousElementSibling?.querySelector(".tf-n")?.textContent.replaceAll(",", "") ?? "0";
                gaps.set(before, Number(row.textContent.replaceAll(",", "").match(/\\d+/)[0]));
            }
        }
    }
    return held.size + [...gaps.values()].reduce((sum, one) => sum + one, 0);
}"""


def unaccounted(lab: Lab, count: int = 300_000) -> Row:
    """Row 6: three floods, a page reloaded in the middle, a cell that computes. Rows are read off the page and added up."""
    names = ["red", "green", "blue"]
    command = ["sh", "-c", f"read begin; seq {count}; echo all; sleep 100000"]
    spawn = "\n".join(
        f"{name} = node.spawn_container('busybox', name={name!r}, command={command!r}); display({name})"
        for name in names
    )
    busy = "busy = time.monotonic() + 5\nwhile time.monotonic() < busy: pass"
    with desk(lab, spawn, busy) as at:
        at.run("red =")
        at.second.run("; ".join(f"{name}.wait_until_ready()" for name in names))
        at.notebook.save()
        at.second.run(cells.begin(*names))
        at.notebook.load()
        at.run("busy =")
        for name in names:
            eventually(lambda name=name: at.card(name, "total") == count + 1, within=60)
        told = {name: int(at.page.evaluate(_ACCOUNT, name)) for name in names}
    missing = sum(abs(count + 1 - one) for one in told.values())
    return Row(
        6,
        f"unaccounted lines of 3 x {count:,}: reload, busy cell",
        f"{missing}",
        "0",
        f"print from a thread: {_printed(lab):.0%} lost",
        missing == 0,
        told,
    )


def _printed(lab: Lab) -> float:
    """Which share of lines is gone that threads print at 20,000 a second, while nobody runs a cell."""
    go = cells.THREAD.format(rate=20_000, seconds=SECONDS, send=f"print({cells.WORDS}, end='')")
    with desk(lab, "# prints" + go) as at:
        at.run("# prints")
        time.sleep(SECONDS + 3)
        seen = sum(
            one.count("quick brown")
            for one in at.page.locator(".jp-OutputArea-output pre").all_inner_texts()
        )
    return 1 - seen / (20_000 * SECONDS)
