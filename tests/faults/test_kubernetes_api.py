"""An API server that is busy, slow, forgetful or away: what is asked of it is done once, or refused in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.eventually import eventually_async
from tests.support.fake_api import (
    PATH,
    FakeApi,
    breaking_off,
    erring,
    greeting,
    hanging_up,
    refusing,
    serving,
)
from tfnz_jupyter.engines.base import ContainerSpec, ImageInfo
from tfnz_jupyter.engines.kubernetes import inside, watching
from tfnz_jupyter.engines.kubernetes.api import Api, pause
from tfnz_jupyter.engines.kubernetes.credentials import Access
from tfnz_jupyter.engines.kubernetes.watching import Watched
from tfnz_jupyter.errors import EngineFailed, Refused, Unreachable

THING = {"metadata": {"name": "thing"}}


@pytest_asyncio.fixture
async def both() -> AsyncIterator[tuple[FakeApi, Api]]:
    async with serving() as found:
        yield found


class Seen:
    """A list that is watched: its objects as told, and everything told, in order."""

    def __init__(self, api: Api) -> None:
        self.told: list[tuple[str, Any]] = []
        self.watched = Watched(api, PATH, self._take)

    def _take(self, name: str, one: Any) -> None:
        self.told.append((name, one and one.get("spec")))

    @property
    def now(self) -> dict[str, Any]:
        return {name: one.get("spec") for name, one in self.watched.objects.items()}


@pytest_asyncio.fixture
async def seen(both: tuple[FakeApi, Api]) -> AsyncIterator[Seen]:
    found = Seen(both[1])
    yield found
    await found.watched.close()


# -- requests ----------------------------------------------------------------------------------------------------------


async def test_who_is_turned_away_because_the_server_is_busy_tries_again(both):
    fake, api = both
    fake.faults += [refusing(429, Retry_After="0"), refusing(503), refusing(429)]
    assert await api.create(PATH, THING) is not None
    assert [method for method, _ in fake.asked] == ["POST"] * 4


async def test_what_may_have_been_done_is_not_done_twice(both):
    fake, api = both
    fake.faults.append(refusing(500, "etcd is slow"))
    with pytest.raises(EngineFailed, match="etcd is slow"):
        await api.create(PATH, THING)
    assert len(fake.asked) == 1


async def test_reading_goes_on_over_broken_connections_and_bad_gateways(both):
    fake, api = both
    fake.put("a")
    fake.faults += [hanging_up, refusing(502), refusing(504)]
    assert (await api.items(PATH))[0][0]["metadata"]["name"] == "a"


async def test_a_server_that_stays_busy_is_an_error_with_its_own_words(both, monkeypatch):
    fake, api = both
    monkeypatch.setattr("tfnz_jupyter.engines.kubernetes.api.pause", lambda turn: 0)
    fake.faults += [refusing(429, "slow down")] * 20
    with pytest.raises(EngineFailed, match="slow down"):
        await api.get(PATH)


async def test_a_token_that_has_expired_is_fetched_anew(both):
    fake, api = both
    await api.items(PATH)
    fake.token = "second"
    await api.items(PATH)
    assert fake.loads == 2


async def test_many_who_meet_an_expired_token_fetch_one(both):
    fake, api = both
    await api.items(PATH)
    fake.token = "second"
    await asyncio.gather(*(api.items(PATH) for _ in range(20)))
    assert fake.loads == 2


async def test_who_stays_unknown_is_told_so(both):
    fake, api = both
    fake.faults += [refusing(401)] * 2
    with pytest.raises(Refused, match="does not know us"):
        await api.get(PATH)


async def test_a_right_that_is_missing_is_named(both):
    fake, api = both
    fake.faults.append(refusing(403, 'cannot create resource "pods"'))
    with pytest.raises(Refused, match="pods") as problem:
        await api.create(PATH, THING)
    assert "doctor" in problem.value.hint


async def test_a_server_that_is_not_there_is_unreachable_and_named(monkeypatch):
    monkeypatch.setattr("tfnz_jupyter.engines.kubernetes.api.pause", lambda turn: 0)

    async def load() -> Access:
        return Access("http://127.0.0.1:1", "default")

    api = Api(load)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await api.get(PATH)
    await api.close()


def test_pauses_grow_to_ten_seconds_however_long_a_server_is_away():
    assert pause(0) <= 0.1
    assert 5 <= pause(100_000) <= 10


async def test_an_answer_that_breaks_off_is_told_as_an_error_of_ours(both):
    fake, api = both
    fake.faults.append(breaking_off)
    with pytest.raises(Unreachable, match="does not answer"):
        await api.get(PATH)


async def test_what_is_no_api_server_is_told_so_with_its_words(both):
    fake, api = both
    fake.faults.append(greeting)
    with pytest.raises(EngineFailed, match="no API server") as problem:
        await api.get(PATH)
    assert "Log in" in problem.value.detail


async def test_a_list_of_many_pages_is_whole(both):
    fake, api = both
    names = [f"n{number}" for number in range(9)]
    for name in names:
        fake.put(name)
    found, _version = await api.items(PATH)
    assert [one["metadata"]["name"] for one in found] == names


async def test_a_pod_that_does_not_answer_holds_nobody_up_who_is_measured(both, monkeypatch):
    _fake, api = both
    monkeypatch.setattr(inside, "_SOON", 0.05)
    image = ImageInfo("busybox", "sha256:0", ())
    deaf = inside.Inside(api, f"{PATH}/pod", ContainerSpec("pod", "pod", image, (), (), "/", ""))
    async with asyncio.timeout(10):
        assert await deaf.usage() is None


# -- watches -----------------------------------------------------------------------------------------------------------


async def test_a_watch_tells_what_comes_changes_and_goes_in_order(both, seen):
    fake, _api = both
    fake.put("old", spec=1)
    await seen.watched.open()
    fake.put("new", spec=1)
    fake.put("old", spec=2)
    fake.remove("new")
    await eventually_async(lambda: len(seen.told) == 4, within=10)
    assert seen.told == [("old", 1), ("new", 1), ("old", 2), ("new", None)]


async def test_a_watch_that_is_cut_goes_on_where_it_was(both, seen):
    fake, _api = both
    await seen.watched.open()
    for round_ in range(3):
        await eventually_async(lambda: fake.watching == 1, within=10)
        fake.put("a", spec=round_)
        await eventually_async(lambda wanted=round_: seen.now == {"a": wanted}, within=10)
        fake.cut()
        fake.put("a", spec=round_ + 0.5)
    await eventually_async(lambda: seen.now == {"a": 2.5}, within=10)
    assert [spec for _name, spec in seen.told] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert len([1 for _, query in fake.asked if "watch" not in query]) == 1


@pytest.mark.parametrize("way", ["answer", "event"])
async def test_a_version_that_is_forgotten_means_that_all_is_listed_anew(both, seen, way):
    fake, _api = both
    fake.put("stays", spec=1)
    fake.put("goes", spec=1)
    await seen.watched.open()
    await eventually_async(lambda: fake.watching == 1, within=10)
    if way == "event":
        fake.faults.append(erring(410))
    fake.cut()
    fake.remove("goes")
    fake.put("comes", spec=1)
    fake.forget()
    await eventually_async(lambda: seen.now == {"stays": 1, "comes": 1}, within=10)
    assert seen.told.count(("stays", 1)) == 1
    assert ("goes", None) in seen.told


async def test_bookmarks_carry_a_quiet_watch_over_what_is_forgotten(both, seen):
    fake, _api = both
    fake.put("a", spec=1)
    await seen.watched.open()
    await eventually_async(lambda: fake.watching == 1, within=10)
    fake.bookmark()
    await eventually_async(lambda: seen.watched._version == str(fake._version), within=10)
    fake._oldest = fake._version
    fake.cut()
    fake.put("a", spec=2)
    await eventually_async(lambda: seen.now == {"a": 2}, within=10)
    assert len([1 for _, query in fake.asked if "watch" not in query]) == 1


async def test_a_watch_that_falls_silent_is_made_anew(both, seen, monkeypatch):
    monkeypatch.setattr(watching, "_SILENCE", 0.2)
    fake, _api = both
    await seen.watched.open()
    await eventually_async(
        lambda: len([1 for _, query in fake.asked if "watch" in query]) >= 3, within=20
    )
    fake.put("a", spec=1)
    await eventually_async(lambda: seen.now == {"a": 1}, within=10)


async def test_a_server_that_goes_away_and_comes_back_is_watched_on(both, seen):
    fake, _api = both
    await seen.watched.open()
    await eventually_async(lambda: fake.watching == 1, within=10)
    fake.faults += [hanging_up, refusing(503), refusing(500), refusing(401)]
    fake.cut()
    fake.put("a", spec=1)
    await eventually_async(lambda: seen.now == {"a": 1}, within=20)
    assert seen.told == [("a", 1)]
