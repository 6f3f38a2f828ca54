"""Verbs that do something and say so in a line or two, the same in a notebook and in a shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import grammar
from ..sdk.container import Container
from ..sdk.location import Location
from . import files, images, networks, stores

Find = Callable[[str], Container]


def perform(command: grammar.Command, location: Location, find: Find) -> Iterator[str]:
    """Do it; what was done, a line at a time.

    Args:
        find: gives the container of a name.
    """
    match command:
        case grammar.PutText(name, dest, body):
            yield files.put_text(find(name), dest, body)
        case grammar.Start(name):
            find(name).start()
            yield f"{name} runs its command."
        case grammar.Reboot(name, reset):
            find(name).reboot(reset_filesystem=reset)
            yield f"{name} runs again{', with the files it first had' * reset}."
        case grammar.Ssh(name, port):
            yield networks.ssh(find(name), port)
        case grammar.Allow(server, client):
            yield networks.allow(find(server), find(client))
        case grammar.Deny(server, client):
            yield networks.deny(find(server), find(client))
        case grammar.Publish():
            behind = [find(backend.name) for backend in command.backends]
            yield networks.publish(location, behind, command)
        case grammar.Unpublish(fqdn):
            yield networks.unpublish(location, fqdn)
        case grammar.ImageList():
            yield from images.images(location)
        case grammar.ImageRemove(names):
            yield from (images.remove(location, name) for name in names)
        case _:
            yield from _on_volumes(command, location)


def _on_volumes(command: grammar.Command, location: Location) -> Iterator[str]:
    match command:
        case grammar.VolumeList():
            yield from stores.volumes(location)
        case grammar.VolumeCreate(tag):
            yield stores.create_volume(location, tag)
        case grammar.VolumeRemove(names):
            yield from (stores.remove_volume(location, name) for name in names)
        case grammar.VolumeSnapshot(name, label):
            yield stores.snapshot(location, name, label)
        case grammar.VolumeRollback(name, label):
            yield stores.rollback(location, name, label)
        case _:
            raise AssertionError(f"{command!r} is done elsewhere")


def find(location: Location, name: str) -> Container:
    """A container of this session, by name or id; else one that another session has tagged so.

    Raises:
        NotFound: there is neither; the hint names the nearest.
    """
    own = any(name in (one.name, one.uuid) for one in location.containers.values())
    if not own and name in location.externals:
        return location.external_container(name)
    return location.container(name)
