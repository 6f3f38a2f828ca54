"""Images: which there are, made ready, built, forgotten."""

from __future__ import annotations

from msgspec.structs import replace

from . import commands, values
from .slots import Argument, Option, Verb

_OPTIONS = (
    Option(
        ("--context",),
        "context",
        "the folder that COPY takes from, without what its .dockerignore names",
        "FOLDER",
        kind="path",
    ),
    Option(
        ("--build-arg",),
        "arguments",
        "a value for an ARG",
        "K=V",
        values.variable,
        repeats=True,
    ),
    Option(("--target",), "target", "the stage that is wanted, if not the last", "STAGE"),
    Option(("--no-cache",), "no_cache", "do every step anew"),
    Option(
        ("-m", "--memory"),
        "memory",
        "of each step at most this much, as in 2g",
        "SIZE",
        values.size,
    ),
    Option(
        ("--egress",),
        "egress",
        "what the steps may reach: public addresses unless you say otherwise",
        "internet|none|all|NETWORK[,NETWORK]",
        values.egress,
        choices=("internet", "none", "all"),
    ),
)
_NOTES = "Steps that were done before are not done again. An interrupt ends the build."

BUILD = Verb(
    "build",
    commands.Build,
    "make an image from a Dockerfile",
    (Argument("tag", "TAG", read=values.tag, kind="images"),),
    (
        Option(
            ("-f", "--file"),
            "file",
            "the Dockerfile; without it, the one in the context",
            "FILE",
            kind="path",
        ),
        replace(_OPTIONS[0], help=f"{_OPTIONS[0].help}; without it, this folder"),
        *_OPTIONS[1:],
    ),
    notes=_NOTES,
    example="build app --context .",
    refused=((("-t", "--tag"), "the name is the first word: build app"),),
)

#: The same with the Dockerfile in the cell.
BUILD_CELL = replace(
    BUILD,
    summary="make an image; the cell is its Dockerfile",
    options=_OPTIONS,
    example="build app",
)

IMAGES = (
    Verb("image ls", commands.ImageList, "the images the location holds"),
    Verb(
        "image pull",
        commands.ImagePull,
        "make an image ready, so that a spawn need not wait for it",
        (Argument("image", "IMAGE", kind="images"),),
        example="image pull postgres",
    ),
    Verb(
        "image rm",
        commands.ImageRemove,
        "forget images, and free what nothing else needs",
        (Argument("images", "IMAGE", "some", kind="images"),),
        example="image rm app",
    ),
    BUILD,
)
