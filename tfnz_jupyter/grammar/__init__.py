"""The one grammar of ``%tf`` in a notebook and ``tfnz`` in a shell.

``words`` cuts a line, ``table`` says what may stand in it, ``parser`` gives a command of ``commands``, ``help`` and
``completion`` are made from the same table. Pure: text in, values out.
"""

from __future__ import annotations

from .commands import (
    Command,
    Connect,
    Dashboard,
    Disconnect,
    Doctor,
    Exec,
    Help,
    Locations,
    Logs,
    MakeTunnel,
    Nodes,
    Port,
    Ps,
    Remove,
    Spawn,
    Wait,
)
from .completion import Candidate, CompletionNames, complete
from .help import describe, overview
from .parser import nearest, parse
from .table import VERBS
from .words import Lookup

__all__ = [
    "VERBS",
    "Candidate",
    "Command",
    "CompletionNames",
    "Connect",
    "Dashboard",
    "Disconnect",
    "Doctor",
    "Exec",
    "Help",
    "Locations",
    "Logs",
    "Lookup",
    "MakeTunnel",
    "Nodes",
    "Port",
    "Ps",
    "Remove",
    "Spawn",
    "Wait",
    "complete",
    "describe",
    "nearest",
    "overview",
    "parse",
]
