"""Images that the engine has by itself: asked for first, copied nowhere, and shown to nobody but the location's own user."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tfnz_jupyter.engines.base import ImageInfo, Report
from tfnz_jupyter.errors import EngineFailed
from tfnz_jupyter.server.images import Library

OPERATOR = "0" * 64
THEIRS = ImageInfo("tiny:latest", "sha256:1", (), cmd=("/hello",), source="docker")


class Engine:
    """Has one image, and notes what it is asked."""

    name = "docker"

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def image(self, reference: str) -> ImageInfo | None:
        self.asked.append(reference)
        return THEIRS if reference in (THEIRS.reference, ".") else None

    async def export(self, image: ImageInfo, file: Path, report: Report) -> None:
        await asyncio.to_thread(file.write_bytes, b"no archive at all")


def ignore(_progress: object) -> None:
    """A report nobody reads."""


@pytest.mark.parametrize("reference", ["tiny", "docker.io/library/tiny:latest", "."])
async def test_what_the_engine_has_is_used_as_it_is(tmp_path, reference):
    engine = Engine()
    images = Library(tmp_path / "images", OPERATOR, engine=engine).of(OPERATOR)
    wanted = replace(THEIRS, reference=reference)
    assert await images.ensure(reference, ignore) == wanted == await images.known(reference)
    assert images.list() == []


async def test_a_file_is_never_the_engines(tmp_path):
    engine, file = Engine(), tmp_path / "some.tar"
    file.touch()
    images = Library(tmp_path / "images", OPERATOR, engine=engine).of(OPERATOR)
    assert await images.known(str(file)) is None
    assert engine.asked == []


async def test_others_are_not_shown_what_the_engine_has(tmp_path):
    engine = Engine()
    images = Library(tmp_path / "images", OPERATOR, engine=engine).of("another")
    assert await images.known("tiny") is None
    assert engine.asked == []


async def test_who_builds_on_it_has_a_copy_taken_which_leaves_nothing_where_it_is_broken(tmp_path):
    images = Library(tmp_path / "images", OPERATOR, engine=Engine()).of(OPERATOR)
    with pytest.raises(EngineFailed, match="tiny"):
        await images.ensure_layers("tiny", ignore)
    assert images.list() == []
    assert not any((tmp_path / "images" / "tmp").iterdir())
