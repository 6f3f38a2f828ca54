"""Whose volumes there are: rows that outlive the location, and what becomes of deeds that were cut short."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, cast

import pytest

from tfnz_jupyter.engines.volumes import Volumes as EngineVolumes
from tfnz_jupyter.errors import EngineFailed, NotFound, Refused, UsageError
from tfnz_jupyter.server.estate import Estate
from tfnz_jupyter.server.ledger import Event, Ledger
from tfnz_jupyter.server.peer import Peer
from tfnz_jupyter.server.volumes import Volumes
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.ids import own_id


class Memory(EngineVolumes):
    """An engine's, in a dictionary. ``hold`` stops whoever makes one; ``broken`` fails every deed."""

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}
        self.hold = asyncio.Event()
        self.hold.set()
        self.broken = ""

    def _check(self) -> None:
        if self.broken:
            raise EngineFailed(self.broken)

    async def existing(self) -> set[str]:
        self._check()
        return set(self.kept)

    async def create(self, volume: str) -> None:
        await self.hold.wait()
        self._check()
        self.kept[volume] = [""]

    async def destroy(self, volume: str) -> None:
        self._check()
        self.kept.pop(volume, None)

    async def snapshot(self, volume: str, label: str = "") -> None:
        self.kept[volume] = sorted({*self.kept[volume], label})

    async def rollback(self, volume: str, label: str = "") -> None:
        self._check()

    async def snapshots(self, volume: str) -> list[str]:
        return self.kept[volume]


class Session:
    """A session that notes what it is told."""

    def __init__(self, user: str) -> None:
        self.user, self.key = user, user.encode() * 6
        self.told: list[m.VolumeOffered | m.VolumeGone] = []

    def tell(self, news: m.VolumeOffered | m.VolumeGone) -> None:
        self.told.append(news)


class Place:
    """A location's volumes with everything around them."""

    def __init__(self, file: Path) -> None:
        self.engine, self.file = Memory(), file
        self.alice, self.bob = Session("alice"), Session("bob")
        self.mounting: list[Any] = []

    async def open(self) -> Volumes:
        ledger = Ledger(idle=None, now=0)
        estate = Estate(ledger)
        estate.mounting = lambda volume: self.mounting  # type: ignore[method-assign]  # what lives is made up here

        def handle(event: Event) -> object:
            return ledger.handle(event, 0)

        whole = type("Engine", (), {"volumes": self.engine})()
        peers = [self.alice, self.bob]
        volumes = Volumes(
            whole, self.file, estate, handle,
            lambda user: [cast(Peer, peer) for peer in peers if peer.user == user],
        )  # fmt: skip
        await volumes.open()
        return volumes


ONE, TWO, HIS = own_id(b"alice" * 6), own_id(b"alice" * 6), own_id(b"bob" * 6)


def peer(session: Session) -> Peer:
    return cast(Peer, session)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "volumes.sqlite")


async def test_volumes_are_found_by_the_next_location(place: Place):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "data")
    await volumes.snapshot(peer(place.alice), ONE, "later")
    await volumes.close()
    again = await place.open()
    again.offer(peer(place.alice))
    offered = place.alice.told[-1]
    assert isinstance(offered, m.VolumeOffered)
    assert (offered.volume, offered.tag, offered.snapshots) == (ONE, "data", ["", "later"])
    with pytest.raises(UsageError, match="'data'"):
        await again.create(peer(place.alice), TWO, "data")
    await again.close()


async def test_another_users_volume_is_not_there(place: Place):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "data")
    mine, nothing = [], []
    for key, found in ((ONE, mine), (TWO, nothing)):
        for deed in (
            volumes.destroy(peer(place.bob), key),
            volumes.snapshot(peer(place.bob), key, ""),
            volumes.rollback(peer(place.bob), key, ""),
        ):
            with pytest.raises(NotFound) as caught:
                await deed
            found.append(str(caught.value).replace(key, "KEY"))
    assert mine == nothing
    assert not place.bob.told
    await volumes.create(peer(place.bob), HIS, "data")
    await volumes.close()


async def test_what_was_never_finished_is_forgotten(place: Place):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "data")
    await volumes.close()
    del place.engine.kept[ONE]
    again = await place.open()
    await again.create(peer(place.alice), TWO, "data")
    await again.close()


async def test_while_the_engine_cannot_tell_nothing_is_forgotten(
    place: Place, caplog: pytest.LogCaptureFixture
):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "data")
    await volumes.close()
    place.engine.broken = "the disk is away"
    with caplog.at_level(logging.ERROR):
        again = await place.open()
    assert "the disk is away" in caplog.text
    assert again.require(peer(place.alice), ONE).tag == "data"
    with pytest.raises(EngineFailed):
        await again.destroy(peer(place.alice), ONE)
    assert again.require(peer(place.alice), ONE)
    await again.close()


async def test_a_volume_that_nobody_knows_is_left_alone(
    place: Place, caplog: pytest.LogCaptureFixture
):
    place.engine.kept["stray"] = [""]
    volumes = await place.open()
    assert "stray" in caplog.text
    assert place.engine.kept
    await volumes.close()


async def test_what_cannot_be_made_leaves_nothing(place: Place):
    volumes = await place.open()
    place.engine.broken = "disk full"
    with pytest.raises(EngineFailed, match="disk full"):
        await volumes.create(peer(place.alice), ONE, "data")
    place.engine.broken = ""
    await volumes.create(peer(place.alice), TWO, "data")
    assert set(place.engine.kept) == {TWO}
    await volumes.close()


async def test_whoever_gives_up_making_one_has_none(place: Place):
    volumes = await place.open()
    place.engine.hold.clear()
    making = asyncio.ensure_future(volumes.create(peer(place.alice), ONE, "data"))
    await asyncio.sleep(0)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    place.engine.hold.set()
    await volumes.close()
    assert not place.engine.kept
    assert [type(news) for news in place.alice.told] == [m.VolumeOffered, m.VolumeGone]


async def test_two_who_want_one_tag_are_told_of_the_first_before_the_second_is_refused(
    place: Place,
):
    volumes = await place.open()
    place.engine.hold.clear()
    first = asyncio.ensure_future(volumes.create(peer(place.alice), ONE, "data"))
    second = asyncio.ensure_future(volumes.create(peer(place.alice), TWO, "Data"))
    await asyncio.sleep(0)
    place.engine.hold.set()
    with pytest.raises(UsageError, match="'data'"):
        await second
    assert place.alice.told
    await first
    await volumes.close()


async def test_what_is_mounted_stays_and_who_mounts_it_is_named(place: Place):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "data")
    place.mounting = [type("Container", (), {"name": "web"})()]
    with pytest.raises(Refused, match="data is mounted by web"):
        await volumes.destroy(peer(place.alice), ONE)
    place.mounting = []
    await volumes.destroy(peer(place.alice), ONE)
    assert isinstance(place.alice.told[-1], m.VolumeGone)
    await volumes.close()


async def test_a_snapshot_that_was_never_made_is_not_found(place: Place):
    volumes = await place.open()
    await volumes.create(peer(place.alice), ONE, "")
    with pytest.raises(NotFound, match="'early'"):
        await volumes.rollback(peer(place.alice), ONE, "early")
    with pytest.raises(UsageError, match="tag"):
        await volumes.snapshot(peer(place.alice), ONE, "not a label")
    await volumes.close()
