"""Small objects in one form: a volume, a tunnel, a web endpoint, a cluster, a process. Pure, as the views are."""

from __future__ import annotations

from msgspec import Struct

from .views import as_of, escape, framed, log_html
from .views_snapshot import LogSnapshot


class Fact(Struct, frozen=True):
    """``href`` is an address on the reader's machine, or empty; ``code`` is whether it is to be copied as it is."""

    label: str
    text: str
    href: str = ""
    code: bool = False


class SmallSnapshot(Struct, frozen=True):
    """``mood`` as of a container: wait, live, done, bad, gone. ``log`` is whether it prints something."""

    kind: str
    name: str
    state: str
    mood: str
    facts: tuple[Fact, ...] = ()
    log: bool = False

    @property
    def over(self) -> bool:
        return self.mood not in ("live", "wait")


def small_html(
    one: SmallSnapshot, log: LogSnapshot | None = None, now: float = 0, style: str = ""
) -> str:
    """It as it stands, without anything that moves; links only as words, for they lead nowhere later."""
    facts = "".join(
        f"<span><b>{escape(fact.label)}</b> {_value(fact)}</span> " for fact in one.facts
    )
    body = f'<div class="tf-facts">{facts}</div>' if facts else ""
    when = "" if one.over else f'<span class="tf-time">{as_of(now)}</span> '
    kind = " tf-process" if one.kind == "process" else ""
    return framed(
        f'<div class="tfnz tf-card tf-small{kind}" data-mood="{one.mood}"><div class="tf-head">'
        f'<span class="tf-title"><span class="tf-muted">{escape(one.kind)}</span> '
        f"<strong>{escape(one.name)}</strong></span> {when}"
        f'<span class="tf-pill"><i class="tf-dot"></i>{escape(one.state)}</span></div> '
        f"{body}{log_html(log) if log is not None else ''}</div>",
        style,
    )


def _value(fact: Fact) -> str:
    return f"<code>{escape(fact.text)}</code>" if fact.code else escape(fact.text)
