"""What a location has beside nodes and containers, as rows of a board: a name, a few words, perhaps an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .views_output import clean
from .views_snapshot import RowSnapshot

if TYPE_CHECKING:
    from ..sdk.location import Location


def volumes(location: Location) -> list[RowSnapshot]:
    """The user's volumes, and which of this session's containers have them mounted."""
    mounted = _mounted(location)
    return [
        RowSnapshot(
            one.uuid,
            clean(one.tag or one.uuid),
            ", ".join(mounted.get(one.uuid, ())) or "not mounted here",
        )
        for one in sorted(location.all_volumes(), key=lambda one: one.tag or one.uuid)
    ]


def _mounted(location: Location) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for container in list(location.containers.values()):
        for volume, place in container.volumes if not container.dead else ():
            found.setdefault(volume.uuid, []).append(f"{clean(container.name)}:{clean(place)}")
    return found


def endpoints(location: Location) -> list[RowSnapshot]:
    """The names that are published, and who stands behind them."""
    found = []
    for endpoint in list(location.endpoints.values()):
        for name in endpoint.names:
            cluster = endpoint.cluster(name)
            behind = (
                [clean(one.name) for one in list(cluster.containers.values())] if cluster else []
            )
            words = ", ".join(behind) if cluster else "of another session"
            found.append(RowSnapshot(name, name, words or "nobody", endpoint.url(name)))
    return found


def externals(location: Location) -> list[RowSnapshot]:
    """Tagged containers of the user's other sessions."""
    every = sorted(location.externals, key=lambda one: one.tag or "")
    return [
        RowSnapshot(
            one.uuid, clean(one.tag or one.name), f"{clean(one.image)}, {one.state}, {one.ip or ''}"
        )
        for one in every
    ]


def nobody(location: Location) -> str:
    """What to say where this session has no containers: how to have one, and who there is in others."""
    tags = sorted(clean(one.tag or one.name) for one in location.externals)
    words = "No containers in this session. Start one: %tf spawn nginx --name web"
    if not tags:
        return words
    some = ", ".join(tags[:5]) + (f" and {len(tags) - 5} more" if len(tags) > 5 else "")
    return f"{words} \u2013 your other sessions have {some}: %tf logs {tags[0]} works here too."


#: Section of a board -> its rows.
ROWS: dict[str, Callable[[Location], list[RowSnapshot]]] = {
    "endpoints": endpoints,
    "volumes": volumes,
    "externals": externals,
}
