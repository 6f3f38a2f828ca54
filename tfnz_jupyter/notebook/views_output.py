"""A line of a container's output, made fit to be shown: text and colour, and nothing else.

What a container prints is not trusted. Of its terminal sequences only colours and weights survive, as names; movements,
titles, links, device controls and text that runs backwards do not. ``static/ansi.js`` is this module's twin in the page.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: CSI, OSC (and its kin, closed by BEL or ST, or never), two-character escapes.
_SEQUENCE = re.compile(
    r"\x1b\[(?P<args>[0-9;:?<=>]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
#: Control characters but tab, and the marks that reorder text.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_RETURN = re.compile(_CONTROL.pattern.replace("\x0a-\x1f", "\x0a-\x0c\x0e-\x1f"))
_WEIGHTS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_ENDS = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("inverse",),
    29: ("strike",),
}


class Run(NamedTuple):
    """A piece of text and how it looks: names like ``bold``, ``fg1``, ``bg12``; never markup."""

    text: str
    look: tuple[str, ...] = ()


def runs(line: bytes) -> list[Run]:
    """The pieces of one line, without its newline."""
    text = _visible(line.decode("utf-8", "replace"))
    found, look, at = list[Run](), dict[str, str](), 0
    for match in _SEQUENCE.finditer(text):
        _add(found, text[at : match.start()], look)
        if match["final"] == "m":
            _turn(look, match["args"])
        at = match.end()
    _add(found, text[at:], look)
    return found


def plain(line: bytes) -> str:
    """The text of one line alone."""
    return "".join(run.text for run in runs(line))


def coloured(piece: bytes) -> str:
    """Text for a cell's own output, which understands colours: these stay, every other sequence goes."""
    text, parts, at = piece.decode("utf-8", "replace"), [], 0
    for match in _SEQUENCE.finditer(text):
        parts.append(_CONTROL_BUT_RETURN.sub("", text[at : match.start()]))
        parts.append(match.group() if match["final"] == "m" else "")
        at = match.end()
    return "".join([*parts, _CONTROL_BUT_RETURN.sub("", text[at:])])


def clean(text: str) -> str:
    """A name, a reason, any words that came from elsewhere: lines stay lines, every sequence and control goes."""
    return "\n".join(_CONTROL.sub("", line) for line in _SEQUENCE.sub("", text).split("\n"))


def _visible(text: str) -> str:
    """What a terminal would still show of a line that was written over itself: what follows the last return."""
    return text.rstrip("\r").rpartition("\r")[2]


def _add(found: list[Run], text: str, look: dict[str, str]) -> None:
    text = _CONTROL.sub("", text)
    if text:
        found.append(Run(text, tuple(look.values())))


def _turn(look: dict[str, str], args: str) -> None:
    """Apply one colour sequence."""
    codes = [int(part) if part.isdigit() else 0 for part in re.split("[;:]", args)]
    while codes:
        code = codes.pop(0)
        if code == 0:
            look.clear()
        elif code in _WEIGHTS:
            look[_WEIGHTS[code]] = _WEIGHTS[code]
        elif code in _ENDS:
            for name in _ENDS[code]:
                look.pop(name, None)
        elif code in (38, 48):
            _colour(look, "fg" if code == 38 else "bg", codes)
        else:
            _basic(look, code)


def _basic(look: dict[str, str], code: int) -> None:
    for plane, base, bright in (("fg", 30, 90), ("bg", 40, 100)):
        if base <= code < base + 8:
            look[plane] = f"{plane}{code - base}"
        elif bright <= code < bright + 8:
            look[plane] = f"{plane}{code - bright + 8}"
        elif code == base + 9:
            look.pop(plane, None)


def _colour(look: dict[str, str], plane: str, codes: list[int]) -> None:
    """38;5;N and 38;2;R;G;B, brought to the sixteen colours a theme has."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        look[plane] = f"{plane}{_of_256(codes.pop(0))}"
    elif kind == 2 and len(codes) >= 3:
        red, green, blue = codes.pop(0), codes.pop(0), codes.pop(0)
        look[plane] = f"{plane}{_of_rgb(red, green, blue)}"


def _of_256(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        level = (min(number, 255) - 232) * 10 + 8
        return _of_rgb(level, level, level)
    number -= 16
    return _of_rgb(number // 36 * 51, number // 6 % 6 * 51, number % 6 * 51)


def _of_rgb(red: int, green: int, blue: int) -> int:
    """The nearest of the sixteen: which channels are high, and whether any is very high."""
    highest = max(red, green, blue)
    if highest - min(red, green, blue) < 32:
        return (0, 8, 7, 15)[min(highest // 64, 3)]
    half = highest / 2
    number = (red > half) + 2 * (green > half) + 4 * (blue > half)
    return number + (8 if highest > 200 else 0)
