"""The page's side of a widget as one text: our modules, put together at import time.

A front end is handed a single module and may have no network, so imports of our own files are resolved here. The files are
plain ES modules that any tool reads as they are; no two of them may give the same name to different things.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<file>[\w.]+)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cache
def module(name: str) -> str:
    """``static/name.js`` with all it imports before it, as one module, without what is only for readers."""
    text = "".join(_IMPORT.sub("", _text(file)) for file in _order(f"{name}.js"))
    return _COMMENT.sub("", _EXPORT.sub("", text))


@cache
def style(*, live: bool) -> str:
    """The style sheet: of the static views, or of these and the widgets."""
    text = _text("base.css") + (_text("live.css") if live else "")
    return re.sub(r"\s*\n\s*", "\n", text)


def _order(file: str, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The files to put together, each after those it imports."""
    for match in _IMPORT.finditer(_text(file)):
        if match["file"] not in before:
            before = _order(match["file"], before)
    return (*before, file)


@cache
def _text(file: str) -> str:
    return resources.files(__package__).joinpath("static", file).read_text("utf-8")
