"""What busybox's telnetd, which holds a terminal in a Pod, says and is told: RFC 854, and 1073 for the size. Pure."""

from __future__ import annotations

import re
import struct

_IAC, _SB, _SE, _NAWS = b"\xff", b"\xfa", b"\xf0", b"\x1f"
#: What telnetd itself writes on the terminal, for a login to begin on a new line.
_PROLOGUE = b"\r\r\n"
#: A doubled 255 is one byte of output; a subnegotiation, an option or a command is none.
_SAID = re.compile(rb"\xff(?:(\xff)|\xfa.*?\xff\xf0|[\xfb-\xfe].|[^\xff\xfa-\xfe])", re.DOTALL)
#: What may be the beginning of one of these.
_BEGUN = re.compile(rb"\xff(?:\xfa(?:(?!\xff\xf0).)*|[\xfb-\xfe])?\Z", re.DOTALL)


class Output:
    """What a terminal shows, out of what telnetd sends, cut into pieces anyhow."""

    def __init__(self) -> None:
        self._begun = b""
        self._prologue = _PROLOGUE

    def receive(self, piece: bytes) -> bytes:
        """What it shows; nothing, where a piece is all negotiation."""
        shown = self._without_negotiation(piece)
        while self._prologue and shown:
            if shown[0] != self._prologue[0]:
                self._prologue = b""
            else:
                shown, self._prologue = shown[1:], self._prologue[1:]
        return shown

    def _without_negotiation(self, piece: bytes) -> bytes:
        if not self._begun and _IAC not in piece:
            return piece
        text, shown, place = self._begun + piece, [], 0
        for said in _SAID.finditer(text):
            shown += [text[place : said.start()], said[1] or b""]
            place = said.end()
        begun = _BEGUN.search(text, place)
        end = begun.start() if begun else len(text)
        self._begun = text[end:]
        return b"".join([*shown, text[place:end]])


def typed(data: bytes) -> bytes:
    """How keys are sent: 255 doubled, and a return followed by NUL, which is not typed."""
    return data.replace(_IAC, _IAC * 2).replace(b"\r", b"\r\0")


def resized(columns: int, rows: int) -> bytes:
    """How another size is sent."""
    size = struct.pack(">HH", columns, rows).replace(_IAC, _IAC * 2)
    return b"".join((_IAC, _SB, _NAWS, size, _IAC, _SE))
