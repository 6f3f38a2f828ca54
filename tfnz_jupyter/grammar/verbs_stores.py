"""What is kept: files and volumes."""

from __future__ import annotations

from . import commands, values
from .slots import Argument, Verb
from .verbs_containers import NAME

_VOLUME = Argument("name", "VOLUME", kind="volumes")
_LABEL = Argument("label", "LABEL", "optional")

STORES = (
    Verb(
        "put",
        commands.Put,
        "copy a file or folder of yours into a container",
        (
            NAME,
            Argument("source", "SRC", kind="path"),
            Argument("dest", "DEST", read=values.folder, kind="inside"),
        ),
        notes="A DEST that ends with / is a folder that SRC is put into.",
        example="put web index.html /var/www/html/",
    ),
    Verb(
        "get",
        commands.Get,
        "copy a file or folder out of a container",
        (
            NAME,
            Argument("source", "SRC", read=values.folder, kind="inside"),
            Argument("dest", "DEST", "optional", kind="path"),
        ),
        notes="Without DEST it comes into this folder, under its own name.",
        example="get web /etc/nginx/nginx.conf",
    ),
    Verb("volume ls", commands.VolumeList, "your volumes"),
    Verb(
        "volume create",
        commands.VolumeCreate,
        "make a volume: what is in it outlives every container",
        (Argument("tag", "VOLUME", "optional"),),
        example="volume create data",
    ),
    Verb(
        "volume rm",
        commands.VolumeRemove,
        "destroy volumes, and what is in them",
        (Argument("names", "VOLUME", "some", kind="volumes"),),
        example="volume rm data",
    ),
    Verb(
        "volume snapshot",
        commands.VolumeSnapshot,
        "keep a volume as it is now, for a rollback, in place of what LABEL stood for",
        (_VOLUME, _LABEL),
        example="volume snapshot data",
    ),
    Verb(
        "volume rollback",
        commands.VolumeRollback,
        "bring a volume back to its snapshot, that of LABEL if there are several",
        (_VOLUME, _LABEL),
        example="volume rollback data",
    ),
)
