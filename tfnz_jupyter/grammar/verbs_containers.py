"""Containers and what runs in them."""

from __future__ import annotations

from . import commands, values
from .slots import Argument, Option, Verb

NAME = Argument("name", "NAME", kind="containers")
_DETACH = (("-d", "--detach"), "leave it out: this never holds the cell")
_TERMINAL = (
    ("-t", "-i", "-it", "-ti", "--tty", "--interactive"),
    "leave it out: shell NAME opens a terminal",
)
_PUBLISH = (("-P", "--publish-all"), "-p [LOCAL:]PORT makes a tunnel to a port")
_MOUNT = (("--mount",), "-v VOLUME:PATH mounts a volume")

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
    Option(
        ("-v", "--volume"),
        "volumes",
        "a volume, made if there is none of that name, and where it is mounted",
        "VOLUME:PATH",
        values.volume,
        repeats=True,
        kind="volumes",
    ),
    Option(("-m", "--memory"), "memory", "at most this much, as in 512m", "SIZE", values.size),
    Option(("--cpus",), "cpus", "at most so many processors, as in 0.5", "N", values.cpus),
    Option(("--pids",), "pids", "at most so many processes", "N", values.count),
    Option(("--disk",), "disk", "at most this much written, as in 2g", "SIZE", values.size),
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
    Option(("--tag",), "tag", "a name by which your other sessions find it", "TAG"),
    Option(("--sleep",), "sleep", "boot all but its command; start runs that"),
    Option(
        ("--egress",),
        "egress",
        "what it may reach: public addresses unless you say otherwise",
        "internet|none|all|NETWORK[,NETWORK]",
        values.egress,
        choices=("internet", "none", "all"),
    ),
    Option(
        ("--ssh",),
        "ssh",
        "an SSH server for it, on a free local port or this one",
        "PORT",
        values.any_port,
        implied="0",
    ),
    Option(
        ("--publish",),
        "published",
        "a name its port is published under, 80 unless you say otherwise",
        "FQDN[:PORT]",
        values.published,
        repeats=True,
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
    Option(("-t", "-it", "-ti", "--tty"), "terminal", "run its command in a terminal, here"),
    Option(
        ("-i", "--interactive"),
        "interactive",
        "in a shell, its input is yours; in a notebook its stdin() always feeds it",
    ),
    Option(("--rm",), "rm", "always so: a container ends with its session"),
)

CONTAINERS = (
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
        refused=(_DETACH, _MOUNT, _PUBLISH),
    ),
    Verb("ps", commands.Ps, "the containers of this session, live"),
    Verb(
        "logs",
        commands.Logs,
        "what a container has printed",
        (NAME,),
        (
            Option(("-f", "--follow"), "follow", "go on until it ends or you interrupt"),
            Option(("-n", "--tail"), "tail", "only the last N lines", "N", values.count),
        ),
        example="logs web -n 20",
    ),
    Verb(
        "logs",
        commands.Logs,
        "what a container has printed",
        (NAME,),
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
        (NAME, Argument("command", "COMMAND", "rest", least=1)),
        notes="From its first word on, COMMAND is run as it is; for a pipe: sh -c 'a | b'.",
        example="exec web nginx -v",
        refused=(_DETACH, _TERMINAL),
    ),
    Verb(
        "shell",
        commands.Shell,
        "a terminal in a container, with its shell or with COMMAND",
        (NAME, Argument("command", "COMMAND", "rest")),
        example="shell web",
    ),
    Verb(
        "start",
        commands.Start,
        "run the command of a container that was spawned with --sleep",
        (NAME,),
        example="start db",
    ),
    Verb(
        "reboot",
        commands.Reboot,
        "end what runs in a container and run its command again; address, tunnels and volumes stay",
        (NAME,),
        (Option(("--reset",), "reset", "with the files it first had; volumes stay as they are"),),
        example="reboot web --reset",
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
)
