"""Snapshots to HTML and text: what is saved in a notebook, shown where no kernel is live, and by nbconvert and GitHub.

Pure, and the only place where markup is made on this side. Everything that comes from a container, an image or a user goes
through :func:`escape`; without its style sheet a view is still a readable document.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from .views_output import clean, plain, runs
from .views_snapshot import (
    ContainerSnapshot,
    LocationSnapshot,
    LogSnapshot,
    NodeSnapshot,
    TunnelSnapshot,
)

ERR = 2

_CLASS = re.compile(r"\btf-[\w-]+|\bdata-mood=\"\w+\"")
_SELECTED = re.compile(r"\.(tf-[\w-]+)|\[(data-mood=\"\w+\")\]")


def escape(text: str) -> str:
    """Words as markup that shows just these words."""
    return html.escape(clean(text))


# -- words ---------------------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """12 s, 3 min 20 s, 2 h 5 min, 4 d 3 h."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    for unit, size, below, part in (
        ("min", 60, "s", 1),
        ("h", 3600, "min", 60),
        ("d", 86400, "h", 3600),
    ):
        if whole < size * (60 if unit == "min" else 24) or unit == "d":
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    raise AssertionError("unreachable")


def mebibytes(number: int) -> str:
    """MiB in a unit people read."""
    return f"{number / 1024:.1f} GiB" if number >= 1024 else f"{number} MiB"


def outcome(snapshot: ContainerSnapshot) -> str:
    """The state in the words of its pill."""
    if snapshot.state == "ended" and snapshot.returncode is not None:
        return snapshot.reason or f"exited with code {snapshot.returncode}"
    if snapshot.state == "ended":
        return snapshot.reason or "ended"
    return snapshot.state


def mood(snapshot: ContainerSnapshot) -> str:
    """Which look the state has: wait, live, done, bad, gone."""
    if snapshot.state == "failed":
        return "bad"
    if snapshot.state == "ended":
        if snapshot.returncode is None or _taken(snapshot.reason):
            return "gone"
        return "bad" if snapshot.returncode else "done"
    return "live" if snapshot.state == "running" else "wait"


def _taken(reason: str) -> bool:
    """Whether it did not end by itself."""
    return "destroyed" in reason or "session" in reason


def origin(snapshot: ContainerSnapshot) -> str:
    """Where the image came from, where that is worth a word."""
    return "built here from Debian packages" if snapshot.source == "recipe" else ""


def lifetime(snapshot: ContainerSnapshot, now: float) -> str:
    """How long it has run, or ran."""
    if snapshot.started is None:
        return ""
    return duration((snapshot.ended or now) - snapshot.started)


# -- text ----------------------------------------------------------------------------------------------------------


def container_text(snapshot: ContainerSnapshot, log: LogSnapshot, now: float) -> str:
    """A container in plain text."""
    facts = [
        f"{snapshot.name}  {snapshot.image}  {outcome(snapshot)}",
        *(f"{fact}" for fact in (origin(snapshot), lifetime(snapshot, now)) if fact),
    ]
    lines = ["  ".join(facts)]
    if snapshot.state == "failed" and snapshot.reason:
        lines.append(f"  {snapshot.reason}")
    lines += [f"  http://{_authority(t)} -> port {t.port}" for t in snapshot.tunnels if not t.dead]
    lines += [f"  {command}" for command in snapshot.ssh]
    if log.first and log.lines:
        lines.append(f"  ({log.first:,} earlier lines)")
    lines += [
        f"  | {plain(line)}" if mark else f"  ({int(line):,} lines skipped)"
        for mark, line in log.lines
    ]
    return "\n".join(lines)


def table_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns, the first left-aligned, as wide as they must be."""
    table = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in table
    ]
    return "\n".join(line.rstrip() for line in lines)


# -- HTML ----------------------------------------------------------------------------------------------------------


def container_html(
    snapshot: ContainerSnapshot, log: LogSnapshot, now: float, style: str = ""
) -> str:
    """The card of a container as it stands, without anything that moves."""
    printed = "" if snapshot.state == "failed" and not log.total else log_html(log)
    return framed(
        f'<div class="tfnz tf-card" data-mood="{mood(snapshot)}">'
        f"{_head(snapshot, now)}{_facts(snapshot)}{_failure(snapshot)}{printed}</div>",
        style,
    )


def placed(html: str, place: str) -> str:
    """A static view that becomes live where the widget that stands at ``place`` is; no formula is sought in it."""
    return f'<div class="tf-place tf-at-{place} tex2jax_ignore mathjax_ignore">{html}</div>'


def as_of(now: float) -> str:
    """What a static view says of something that was not over when it was saved."""
    return f"as it was at {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"


def framed(body: str, style: str) -> str:
    """A view with what it needs of a style sheet, if it is to carry one: a notebook may hold hundreds of views."""
    return f"<style>{_needed(style, body)}</style>{body}" if style else body


def _needed(style: str, body: str) -> str:
    """The lines of a style sheet but for the rules that are about classes or moods which a body has not."""
    there = set(_CLASS.findall(body))

    def needed(selector: str) -> bool:
        return {one or mood for one, mood in _SELECTED.findall(selector)} <= there

    def shortened(line: str) -> str:
        selectors, brace, rules = line.partition("{")
        kept = ",".join(filter(needed, selectors.rstrip().split(",")))
        return f"{kept.strip()} {brace}{rules}" if kept else ""

    lines = [shortened(line) if "{" in line else line for line in style.split("\n")]
    return "\n".join(line for line in lines if line)


def _head(snapshot: ContainerSnapshot, now: float) -> str:
    chip = f' <span class="tf-chip">{escape(origin(snapshot))}</span>' if origin(snapshot) else ""
    lived = lifetime(snapshot, now) if snapshot.over else as_of(now)
    return (
        '<div class="tf-head"><span class="tf-title">'
        f"<strong>{escape(snapshot.name)}</strong> <code>{escape(snapshot.image)}</code>{chip}</span> "
        + (f'<span class="tf-time">{escape(lived)}</span> ' if lived else "")
        + f'<span class="tf-pill"><i class="tf-dot"></i>{escape(_short(outcome(snapshot)))}</span>'
        + "</div>"
    )


def _short(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 60 else line[:59] + "\u2026"


def _facts(snapshot: ContainerSnapshot) -> str:
    facts = [("address", snapshot.ip), ("command", snapshot.command)]
    shown = [f"<span><b>node</b> {escape(snapshot.node)}</span>"] if snapshot.node else []
    shown += [
        f"<span><b>{name}</b> <code>{escape(value)}</code></span>" for name, value in facts if value
    ]
    shown += [f"<span><b>tunnel</b> {tunnel_html(tunnel)}</span>" for tunnel in snapshot.tunnels]
    shown += [f"<span><b>ssh</b> <code>{escape(command)}</code></span>" for command in snapshot.ssh]
    return f'<div class="tf-facts">{" ".join(shown)}</div>' if shown else ""


def _failure(snapshot: ContainerSnapshot) -> str:
    if snapshot.state != "failed" or not snapshot.reason:
        return ""
    return f'<div class="tf-failure" role="alert">{escape(snapshot.reason)}</div>'


def log_html(log: LogSnapshot) -> str:
    """The lines of a log."""
    if not log.total:
        return '<div class="tf-quiet">It printed nothing.</div>'
    earlier = f'<div class="tf-gap">{log.first:,} earlier lines</div>' if log.first else ""
    lines = "\n".join(_line(mark, line) for mark, line in log.lines)
    return f'{earlier}<pre class="tf-log">{lines}</pre>'


def _line(mark: int, line: bytes) -> str:
    if not mark:
        return f'<span class="tf-gap">{int(line):,} lines skipped</span>'
    pieces = "".join(
        f'<span class="{" ".join(f"tf-{name}" for name in run.look)}">{escape(run.text)}</span>'
        if run.look
        else escape(run.text)
        for run in runs(line)
    )
    return f'<span class="tf-err" title="standard error">{pieces}</span>' if mark == ERR else pieces


def _authority(tunnel: TunnelSnapshot) -> str:
    host = "localhost" if tunnel.bind in ("", "127.0.0.1", "0.0.0.0", "::", "::1") else tunnel.bind
    return f"{host}:{tunnel.local}"


def tunnel_html(tunnel: TunnelSnapshot) -> str:
    """A tunnel as words: a saved link would lead nowhere."""
    return f"<span>{escape(_authority(tunnel))} \u2192 {tunnel.port}</span>"


def table_html(heads: Sequence[str], rows: Iterable[Sequence[str]], *, style: str = "") -> str:
    """A table of texts, escaped."""
    return framed(f'<div class="tfnz tf-board">{_table(heads, rows)}</div>', style)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<table class="tf-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


# -- boards --------------------------------------------------------------------------------------------------------

NODE_HEADS = ("node", "score", "cpu free", "memory free", "paging", "containers")
CONTAINER_HEADS = ("name", "image", "state", "node", "address", "tunnels", "time")


def node_rows(nodes: Iterable[NodeSnapshot]) -> list[tuple[str, ...]]:
    """The nodes as cells, best first."""
    return [
        (
            node.name,
            str(node.score),
            f"{node.cpu / 1000:.1f} of {node.cpu_total / 1000:.0f}",
            f"{mebibytes(node.memory)} of {mebibytes(node.memory_total)}",
            f"{node.paging} KiB/s",
            str(node.containers),
        )
        for node in sorted(nodes, key=lambda node: -node.score)
    ]


def container_rows(containers: Iterable[ContainerSnapshot], now: float) -> list[tuple[str, ...]]:
    """The containers as cells, in the order given."""
    return [
        (
            one.name,
            one.image,
            _short(outcome(one)),
            one.node,
            one.ip,
            ", ".join(f"{_authority(t)} \u2192 {t.port}" for t in one.tunnels if not t.dead),
            lifetime(one, now),
        )
        for one in containers
    ]


def location_line(location: LocationSnapshot, now: float) -> str:
    """Where we are, in one line."""
    if location.dead:
        return f"{location.name}: {location.reason or 'the session is over'}"
    return f"{location.name}, session {location.session[:8]}, {as_of(now)}"


Tables = Iterable[tuple[Sequence[str], Sequence[Sequence[str]]]]


def board_text(line: str, tables: Tables, none: str = "") -> str:
    """A line, the tables that have rows, and what to say where there are no containers."""
    found = [table_text(heads, rows) for heads, rows in tables if rows]
    return "\n\n".join([line, *found, *([none] if none else [])])


def board_html(line: str, tables: Tables, none: str = "", style: str = "") -> str:
    """The same for a page."""
    inner = "".join(_table(heads, rows) for heads, rows in tables if rows)
    quiet = f'<div class="tf-quiet">{escape(none)}</div>' if none else ""
    head = f'<div class="tf-head"><span class="tf-title">{escape(line)}</span></div>'
    return framed(f'<div class="tfnz tf-board">{head}{inner}{quiet}</div>', style)
