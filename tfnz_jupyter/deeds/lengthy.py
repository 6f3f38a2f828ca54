"""Verbs that take a while and say how far they are, the same in a notebook and in a shell."""

from __future__ import annotations

from collections.abc import Callable

from .. import grammar
from ..sdk.container import Container
from ..sdk.location import Location
from . import files, images
from .progress import Report

#: Those there are; building is one too, but each place shows its log in its own way.
Lengthy = grammar.Put | grammar.Get | grammar.ImagePull


def perform(
    command: Lengthy, location: Location, find: Callable[[str], Container], report: Report
) -> str:
    """Do it; what was done, in words."""
    match command:
        case grammar.Put(name, source, dest):
            return files.put(find(name), source, dest, report)
        case grammar.Get(name, source, to):
            return files.get(find(name), source, to, report)
        case grammar.ImagePull(image):
            return images.pull(location, image, report)


def doing(command: Lengthy) -> str:
    """What the bar of a verb is called."""
    match command:
        case grammar.Put(name, source):
            return f"{source} to {name}"
        case grammar.Get(name, source):
            return f"{source} from {name}"
        case grammar.ImagePull(image):
            return image
