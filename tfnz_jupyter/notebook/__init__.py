"""The notebook: ``%tf``, the cards and boards, completion. ``%load_ext tfnz_jupyter`` calls :func:`load`."""

from __future__ import annotations

import re
from typing import Any

_HELP = re.compile(r"^(\s*)%%?tf[ \t]+([\w ]+?)[ \t]*\?{1,2}[ \t]*$")
_ATTRIBUTE = "_tfnz_jupyter"


def load(ip: Any) -> None:
    """Give a shell ``%tf`` and our views, and ``from tfnz import *``. Loading twice changes nothing."""
    if hasattr(ip, _ATTRIBUTE):
        return
    from . import alias
    from .completing import matcher
    from .magics import TfMagics

    magics = TfMagics(ip)
    ip.register_magics(magics)
    magics.displays.register()
    match = matcher(magics.names, magics.paths_inside)
    ip.Completer.custom_matchers.append(match)
    ip.input_transformers_cleanup.append(_help_marks)
    setattr(ip, _ATTRIBUTE, (magics, match))
    alias.install()


def unload(ip: Any) -> None:
    """Take all that back. Sessions and their containers stay."""
    if not hasattr(ip, _ATTRIBUTE):
        return
    magics, match = getattr(ip, _ATTRIBUTE)
    delattr(ip, _ATTRIBUTE)
    magics.displays.unregister()
    ip.configurables.remove(magics)
    ip.Completer.custom_matchers.remove(match)
    ip.input_transformers_cleanup.remove(_help_marks)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("tf", None)


def _help_marks(lines: list[str]) -> list[str]:
    """``%tf spawn?`` asks for help about a verb; IPython alone would look for a Python object of that name."""
    return [
        _HELP.sub(r"\1%tf help \2", line.rstrip("\n")) + "\n" if _HELP.match(line) else line
        for line in lines
    ]
