"""Images as they are pushed for a cluster's nodes, in Debian's docker-registry: each location's own, and removed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import bare_engine
from tests.support.image_files import registry
from tfnz_jupyter.engines.kubernetes.registry import Registry
from tfnz_jupyter.errors import NotSupported


async def pushed(host: str, location: str) -> Registry:
    """What a location has in a registry, after it pushed the tiny image."""
    ours = Registry.parse(f"http://{host}").of(location)
    image = bare_engine.image(blobs := bare_engine.store())
    await ours.push(image, blobs, lambda _progress: None)
    return ours


async def is_held(ours: Registry) -> bool:
    return await ours.holds(ours.reference(bare_engine.image(bare_engine.store())))


async def test_what_one_location_removes_another_still_has(tmp_path: Path) -> None:
    with registry(tmp_path / "open", deletes=True) as host:
        one, other = await pushed(host, "one"), await pushed(host, "other")
        image = bare_engine.image(bare_engine.store())
        await one.remove(image)
        await one.remove(image)
        assert (await is_held(one), await is_held(other)) == (False, True)
        assert await is_held(await pushed(host, "one"))


async def test_a_registry_that_deletes_nothing_is_told_with_what_it_keeps(tmp_path: Path) -> None:
    with registry(tmp_path / "keeping") as host:
        ours = await pushed(host, "one")
        with pytest.raises(NotSupported, match="allows no deletion") as problem:
            await ours.remove(bare_engine.image(bare_engine.store()))
        assert "tfnz-one@sha256:" in problem.value.hint
