"""The grammar itself: every verb with its words and options. Parser, help and completion all read this and nothing else.

Only what really works is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import commands, values

#: What a word names, for completion: one of the fields of CompletionNames, "verb", "path", or "" for free text.
Kind = str


@dataclass(frozen=True, slots=True)
class Option:
    """``metavar`` is empty for a switch. ``field`` is the command's attribute it fills."""

    flags: tuple[str, ...]
    field: str
    help: str
    metavar: str = ""
    read: Callable[[str], Any] = str
    repeats: bool = False
    kind: Kind = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """``how``: one, optional, some (one or more), any (none or more), rest (all that follows, as it is; at least ``least``)."""

    field: str
    metavar: str
    how: str = "one"
    read: Callable[[str], Any] = str
    kind: Kind = ""
    least: int = 0


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb, or alias, and what it makes of its words."""

    name: str
    command: type[Any]
    summary: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    notes: str = ""
    example: str = ""
    alias: str = ""
    refused: tuple[tuple[tuple[str, ...], str], ...] = ()  # options of others, and what to do here

    @property
    def has_rest(self) -> bool:
        return bool(self.arguments) and self.arguments[-1].how == "rest"


_NAME = Argument("name", "NAME", kind="containers")
_DETACH = (("-d", "--detach"), "leave it out: this never holds the cell")
_TERMINAL = (
    ("-t", "-i", "-it", "-ti", "--tty", "--interactive"),
    "leave it out: there is no terminal here",
)
_PUBLISH = (("--publish", "-P"), "-p [LOCAL:]PORT makes a tunnel to a port")
_VOLUME = (("-v", "--volume", "--mount"), "-f SRC:DEST puts a file into it before it boots")

_SPAWN_OPTIONS = (
    Option(("--name",), "name", "its name, and a variable of that name", "NAME"),
    Option(
        ("-e", "--env"),
        "env",
        "a variable of its environment",
        "K=V",
        values.variable,
        repeats=True,
    ),
    Option(
        ("-p", "--port"),
        "ports",
        "a tunnel to a port of it, from LOCAL or from any free one",
        "[LOCAL:]PORT",
        values.ports,
        repeats=True,
    ),
    Option(("-m", "--memory"), "memory", "at most this much, as in 512m", "SIZE", values.size),
    Option(("--cpus",), "cpus", "at most so many processors, as in 0.5", "N", values.cpus),
    Option(("-w", "--workdir"), "workdir", "where its command starts", "PATH", values.folder),
    Option(
        ("-f", "--file"),
        "files",
        "a file of yours, put there before it boots",
        "SRC:DEST",
        values.file,
        repeats=True,
        kind="path",
    ),
    Option(("--node",), "node", "the node it runs on; else the best one", "NODE", kind="nodes"),
    Option(
        ("--wait",),
        "wait",
        "hold the cell until it is ready, listens, answers, or has printed",
        "ready|tcp:PORT|http:PORT[/PATH]|log:REGEX",
        values.wait,
        choices=("ready", "tcp:", "http:", "log:"),
    ),
    Option(("--rm",), "rm", "always so: a container ends with its session"),
)

VERBS: tuple[Verb, ...] = (
    Verb(
        "spawn",
        commands.Spawn,
        "start a container and show its card",
        (
            Argument("image", "IMAGE", kind="images"),
            Argument("command", "COMMAND", "rest"),
        ),
        _SPAWN_OPTIONS,
        notes="Options come before or after IMAGE. From its first word on, COMMAND is the container's own.",
        example="spawn nginx --name web -p 8080:80",
        refused=(_DETACH, _TERMINAL, _VOLUME, _PUBLISH),
    ),
    Verb("ps", commands.Ps, "the containers of this session, live"),
    Verb(
        "logs",
        commands.Logs,
        "what a container has printed",
        (_NAME,),
        (
            Option(("-f", "--follow"), "follow", "go on until it ends or you interrupt"),
            Option(("-n", "--tail"), "tail", "only the last N lines", "N", values.count),
        ),
        example="logs web -n 20",
    ),
    Verb(
        "exec",
        commands.Exec,
        "run one more command in a container; a non-zero exit is an error",
        (_NAME, Argument("command", "COMMAND", "rest", least=1)),
        notes="From its first word on, COMMAND is run as it is; for a pipe: sh -c 'a | b'.",
        example="exec web nginx -v",
        refused=(_DETACH, _TERMINAL),
    ),
    Verb(
        "tunnel",
        commands.MakeTunnel,
        "a local port that leads to a port of a container",
        (_NAME, Argument("port", "PORT", read=values.port)),
        (Option(("--local",), "local", "the local port; else a free one", "P", values.local_port),),
        example="tunnel web 80 --local 8080",
    ),
    Verb(
        "rm",
        commands.Remove,
        "destroy containers, and what is in them",
        (Argument("names", "NAME", "some", kind="containers"),),
        example="rm web",
        alias="stop",
        refused=((("-f", "--force", "-v"), "leave it out: rm always ends what runs"),),
    ),
    Verb("nodes", commands.Nodes, "the machines containers run on, best first, live"),
    Verb(
        "connect",
        commands.Connect,
        "choose the location all this happens at",
        (Argument("location", "LOCATION", "optional", kind="locations"),),
        example="connect embedded",
    ),
    Verb("disconnect", commands.Disconnect, "end the session, and every container of it"),
    Verb("locations", commands.Locations, "the locations you can connect to"),
    Verb("doctor", commands.Doctor, "what this machine lacks for containers, and what mends it"),
    Verb(
        "help",
        commands.Help,
        "this list, or more about one verb",
        (Argument("verb", "VERB", "optional", kind="verb"),),
    ),
)

BY_NAME: dict[str, Verb] = {
    name: verb for verb in VERBS for name in (verb.name, verb.alias) if name
}
