"""Every verb, as one user would say it about another's things: made from the verb's fields, so that a new verb is covered.

A field is an object of somebody's (``OBJECTS``), an id for something new (``NEW``), or anything else (``PLAIN``). A verb
that names no object must be in ``OF_NOBODY``. ``tests/pure/test_belongings.py`` fails for a verb or field that is none of
these; ``tests/real/server/test_two_users.py`` says each of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.ids import own_id

#: Fields that name an object of a user's, and what that object is among :class:`Belongings`.
OBJECTS = {
    "container": "container",
    "client": "container",
    "containers": "container",
    "process": "process",
    "tunnel": "tunnel",
    "cluster": "cluster",
    "volume": "volume",
    "volumes": "volume",
}
#: Fields that name several: how one id is said in them.
SEVERAL: dict[str, Callable[[str], Any]] = {
    "containers": lambda key: [key],
    "volumes": lambda key: [(key, "/mnt")],
}
#: Fields of these verbs that are ids of things to be made.
NEW = {
    (m.Spawn, "container"),
    (m.Execute, "process"),
    (m.OpenTunnel, "tunnel"),
    (m.OpenSsh, "tunnel"),
    (m.Publish, "cluster"),
    (m.CreateVolume, "volume"),
}
#: Fields of these verbs that are called like an object and are something else.
COUNTED = {(m.Invite, "containers")}
#: Verbs about nothing of anybody's, and why that is so.
OF_NOBODY = {
    m.ListImages: "lists what its own user has",
    m.EnsureImage: "by reference; what counts as present is its own user's",
    m.FindImage: "the same",
    m.PutImage: "the same",
    m.RemoveImage: "the same",
    m.BuildImage: "the same; what it is made from, too",
    m.Invite: "the operator's alone",
    m.ListAccounts: "the operator's alone",
    m.Revoke: "the operator's alone",
    m.Join: "needs an invitation",
    m.AskAuthority: "one public certificate for all",
    m.CreateVolume: "names what is to be; whose id may be given is tested apart",
}
#: Verbs that do nothing, and say so, where there is nothing: for another's too.
IDLE = {m.Unpublish, m.FollowAgain, m.FeedAgain}

_streams = itertools.count(5_000_001)

#: What the other fields get, where they have no default.
PLAIN: dict[str, Callable[[], Any]] = {
    "output": lambda: next(_streams),
    "input": lambda: next(_streams),
    "path": lambda: "/etc/passwd",
    "port": lambda: 80,
    "number": lambda: 9,
    "command": lambda: ["true"],
    "host": lambda: "localhost",
    "keys": lambda: [],
    "fqdn": lambda: "stolen.localhost",
    "name": lambda: "name",
    "image": lambda: "busybox",
    "reference": lambda: "busybox",
    "dockerfile": lambda: "FROM scratch",
    "key": lambda: "k" * 32,
    "offset": lambda: 0,
    "lines": lambda: 0,
    "limit": lambda: 1 << 20,
    "sent": lambda: 0,
    "before": lambda: 1,
    "reset": lambda: False,
    "grace": lambda: 1.0,
    "columns": lambda: 80,
    "rows": lambda: 24,
    "lossless": lambda: True,
    "lifetime": lambda: 60.0,
}


@dataclass(frozen=True)
class Belongings:
    """Ids of what a session has."""

    container: str
    process: str
    tunnel: str
    cluster: str
    volume: str


@dataclass(frozen=True)
class Case:
    """One verb, one of its fields."""

    verb: type
    field: str

    def about(self, mine: Belongings, said: str, user: bytes) -> m.Verb:
        """The verb with an id in that field, and everything else the speaker's own."""
        fields: dict[str, Any] = {}
        for field in msgspec.structs.fields(self.verb):
            if field.name == self.field:
                fields[field.name] = SEVERAL.get(field.name, str)(said)
            elif (self.verb, field.name) in NEW:
                fields[field.name] = own_id(user)
            elif field.name in objects_of(self.verb):
                own = getattr(mine, OBJECTS[field.name])
                fields[field.name] = SEVERAL.get(field.name, str)(own)
            elif field.required:
                plain = PLAIN[field.name]()
                fields[field.name] = plain.encode() if field.type is bytes else plain
        return self.verb(**fields)

    def __str__(self) -> str:
        return f"{self.verb.__name__}.{self.field}"


def verbs() -> list[type]:
    """Every verb there is."""
    return list(get_args(m.Verb))


def objects_of(verb: type) -> list[str]:
    """The fields of a verb that name somebody's objects."""
    names = [field.name for field in msgspec.structs.fields(verb)]
    return [name for name in names if name in OBJECTS and (verb, name) not in NEW | COUNTED]


def cases() -> list[Case]:
    """Every verb, each of its objects at a time."""
    return [Case(verb, field) for verb in verbs() for field in objects_of(verb)]
