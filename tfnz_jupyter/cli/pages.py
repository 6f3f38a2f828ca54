"""What the shell prints of what there is: columns for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from .. import grammar
from ..sdk.handle import ago
from ..sdk.location import Location

#: The commands that print a list.
LISTS = ("ps", "nodes", "volume ls", "image ls")

Row = dict[str, Any]


def show(command: grammar.Command, session: Location, *, as_json: bool) -> None:
    """Print the list a command asks for."""
    rows = _LISTERS[type(command)](session)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        print("There is none.")
    else:
        for line in columns(rows):
            print(line)


def columns(rows: list[Row]) -> Iterator[str]:
    """Rows of one kind, under the names of their fields."""
    heads = list(rows[0])
    cells = [heads, *([_cell(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    for line in cells:
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _containers(session: Location) -> list[Row]:
    """Those of the user's sessions that have a tag: a shell's own end with their command."""
    return [
        {
            "name": one.tag,
            "image": one.image,
            "state": one.state,
            "node": one.node().name,
            "address": one.ip,
            "time": ago(one.age),
            "id": one.uuid,
        }
        for one in sorted(session.externals, key=lambda one: one.tag or "")
    ]


def _nodes(session: Location) -> list[Row]:
    return [
        {
            "name": node.name,
            "score": node.stats.score,
            "cpu free": node.stats.cpu / 1000,
            "cpus": node.stats.cpu_total / 1000,
            "memory free": node.stats.memory,
            "memory": node.stats.memory_total,
            "containers": node.stats.containers,
        }
        for node in session.ranked_nodes()
    ]


def _volumes(session: Location) -> list[Row]:
    every = sorted(session.all_volumes(), key=lambda volume: volume.tag or volume.uuid)
    return [{"name": volume.tag, "id": volume.uuid} for volume in every]


def _images(session: Location) -> list[Row]:
    return [{"image": image} for image in sorted(session.images())]


_LISTERS: dict[type, Callable[[Location], list[Row]]] = {
    grammar.Ps: _containers,
    grammar.Nodes: _nodes,
    grammar.VolumeList: _volumes,
    grammar.ImageList: _images,
}
