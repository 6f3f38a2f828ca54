"""Lines as programs print them, and the pieces a view may show of them; for the view in Python and its twin in the page."""

from __future__ import annotations

LINES: dict[bytes, list[tuple[str, list[str]]]] = {
    b"": [],
    b"plain": [("plain", [])],
    "gr\u00fc\u00dfe \u65e5\u672c".encode(): [("gr\u00fc\u00dfe \u65e5\u672c", [])],
    b"tab\there": [("tab\there", [])],
    b"windows\r": [("windows", [])],
    b"10%\r20%\r30%": [("30%", [])],
    b"\x1b[31mred\x1b[0m not": [("red", ["fg1"]), (" not", [])],
    b"\x1b[1;32mboth\x1b[22m green": [("both", ["bold", "fg2"]), (" green", ["fg2"])],
    b"\x1b[91;44mx": [("x", ["fg9", "bg4"])],
    b"\x1b[38;5;9mx\x1b[39my": [("x", ["fg9"]), ("y", [])],
    b"\x1b[38;5;196mx": [("x", ["fg9"])],
    b"\x1b[38;2;0;200;0mx": [("x", ["fg2"])],
    b"\x1b[48;2;10;10;10mx": [("x", ["bg0"])],
    b"\x1b[mx": [("x", [])],
    b"\x1b[2J\x1b[H\x1b[?25lx\x1b[K": [("x", [])],
    b"\x1b]0;a title\x07x": [("x", [])],
    b"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\": [("link", [])],
    b"\x1b]0;never closed": [],
    b"\x1bPdevice\x1b\\x": [("x", [])],
    b"\x1b(Bx\x1bc": [("x", [])],
    b"x\x1b": [("x", [])],
    b"a\x00b\x07c\x08d\x7f": [("abcd", [])],
    "safe\u202egnp.exe".encode(): [("safegnp.exe", [])],
    "\u009b31mx".encode(): [("x", [])],
    b"<b>&amp;</b>": [("<b>&amp;</b>", [])],
    b"\x1b[7mx\x1b[27m\x1b[4my": [("x", ["inverse"]), ("y", ["underline"])],
    b"\x1b[38;5mx": [("x", [])],
    b"\x1b[99999mx": [("x", [])],
}
