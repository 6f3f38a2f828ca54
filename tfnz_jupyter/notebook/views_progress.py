"""A bar on a page: how far something is. Pure."""

from __future__ import annotations

from .views import escape, framed


def bar_html(title: str, words: str, share: float | None, style: str) -> str:
    """The bar; without a share it only moves."""
    known = "" if share is None else f' aria-valuenow="{100 * share:.0f}"'
    unknown = " tf-unknown" * (share is None)
    width = "" if share is None else f' style="width:{100 * share:.1f}%"'
    body = (
        '<div class="tfnz"><div class="tf-progress">'
        f'<div class="tf-step"><span>{escape(title)}</span><span class="tf-amount">{escape(words)}</span></div>'
        f'<div class="tf-track{unknown}" role="progressbar" aria-label="{escape(title)}"{known}>'
        f'<span class="tf-bar"{width}></span></div></div></div>'
    )
    return framed(body, style)


def bar_text(title: str, words: str, share: float | None) -> str:
    """The same in a line."""
    percent = "" if share is None else f" {100 * share:.0f} %"
    return f"{title}:{percent} {words}".rstrip()
