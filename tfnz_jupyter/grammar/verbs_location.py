"""Where all this happens."""

from __future__ import annotations

from . import commands
from .engines import OPTIONS
from .slots import Argument, Option, Verb

LOCATION = (
    Verb("nodes", commands.Nodes, "the machines containers run on, best first, live"),
    Verb(
        "connect",
        commands.Connect,
        "choose the location all this happens at",
        (Argument("location", "LOCATION", "optional", kind="locations"),),
        (Option(("--ip",), "ip", "its address, where its name leads nowhere", "ADDRESS"), *OPTIONS),
        notes="embedded, docker and kubernetes are locations that are started on this machine.",
        example="connect docker",
    ),
    Verb("disconnect", commands.Disconnect, "end the session, and every container of it"),
    Verb("locations", commands.Locations, "the locations you can connect to"),
    Verb(
        "doctor",
        commands.Doctor,
        "what this machine lacks for containers, and what mends it",
        (Argument("engine", "ENGINE", "optional"),),
        (Option(("--json",), "json", "as JSON"), *OPTIONS),
        notes="Of another engine: what it gives, and which rights your account lacks there.",
        example="doctor kubernetes",
    ),
    Verb(
        "help",
        commands.Help,
        "this list, or more about one verb",
        (Argument("verb", "VERB", "words", kind="verb"),),
    ),
)
