"""Whom a container reaches outside: what its ``egress`` gives it, in a world that holds everything it could want.

One engine for all tests: nothing is changed by asking.
"""

from __future__ import annotations

import pytest

from tests.support import world as places
from tests.support.bare_engine import Bench
from tests.support.eventually import eventually_async
from tests.support.world import METADATA, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = "No route to host"
ENGINES_OWN = ("10.9.9.1", "10.9.9.2", "10.9.9.3", "10.124.0.1", "10.124.99.99")
HOSTS_OWN = (places.HOST, places.HOST_PUBLIC)
#: Asks all at once: the kernel tells a program of a refusal only when it tries again, after a second.
_ASK = """
for my $address (@ARGV) { next if fork;
alarm 30; socket(S, 2, 1, 0); connect(S, pack('SnC4x8', 2, 80, split(/\\./, $address))) or print("$!\\n"), exit;
print <S>, "\\n"; exit } 1 while wait > 0
"""


async def answers(walled: Bench, container: str, *addresses: str) -> set[str]:
    """All the different answers of port 80 of some addresses: ``beyond``, ``host``, or why there is none."""
    said = await walled.said(container, "", argv=["perl", "-e", _ASK, *addresses])
    assert len(said.splitlines()) == len(addresses), said
    return set(said.splitlines())


async def resolves(walled: Bench, container: str) -> bool:
    """Whether names can be looked up."""
    said = await walled.said(container, "timeout 3 nslookup somewhere.example 2>&1")
    return f"Address: {places.NAMED}" in said


async def test_by_default_public_addresses_are_reached(walled: Bench):
    name, _ = await walled.boot("sleep 100")
    assert await answers(walled, name, places.PUBLIC, places.OTHER_PUBLIC) == {"beyond"}


async def test_by_default_nothing_else_is(walled: Bench):
    name, _ = await walled.boot("sleep 100")
    others = (places.PRIVATE, places.OTHER_PRIVATE, *METADATA, *HOSTS_OWN, *ENGINES_OWN)
    assert await answers(walled, name, *others) == {REFUSED}


async def test_without_egress_nothing_is_reached_and_no_name_found(walled: Bench):
    name, _ = await walled.boot("sleep 100", egress="none")
    everything = (places.PUBLIC, places.PRIVATE, METADATA[0], *HOSTS_OWN, *ENGINES_OWN)
    assert await answers(walled, name, *everything) == {REFUSED}
    assert not await resolves(walled, name)


async def test_all_is_everything_but_what_is_the_engines(walled: Bench):
    name, _ = await walled.boot("sleep 100", egress="all")
    wide = (places.PUBLIC, places.PRIVATE, places.OTHER_PRIVATE, *METADATA)
    assert await answers(walled, name, *wide) == {"beyond"}
    assert await answers(walled, name, *HOSTS_OWN) == {"host"}
    assert await answers(walled, name, "10.124.0.1", "10.124.99.99", "10.9.9.2") == {REFUSED}


async def test_networks_that_were_given_are_reached_and_no_others(walled: Bench):
    given = (f"{places.PRIVATE}/32", "11.22.33.0/26")
    name, _ = await walled.boot("sleep 100", egress=given)
    assert await answers(walled, name, places.PRIVATE, places.PUBLIC, places.OTHER_PUBLIC) == {
        "beyond"
    }
    others = (places.OTHER_PRIVATE, "10.55.0.8", *METADATA, *HOSTS_OWN)
    assert await answers(walled, name, *others) == {REFUSED}


async def test_no_network_is_wide_enough_for_the_host_or_the_clouds_metadata(walled: Bench):
    name, _ = await walled.boot("sleep 100", egress=("0.0.0.0/0",))
    assert await answers(walled, name, places.PUBLIC, places.OTHER_PRIVATE) == {"beyond"}
    assert await answers(walled, name, *METADATA, *HOSTS_OWN, "10.124.99.99") == {REFUSED}


@pytest.mark.parametrize("egress", ["internet", "all", ("10.99.0.0/16",)])
async def test_names_are_found_by_whoever_may_go_anywhere(
    walled: Bench, egress: str | tuple[str, ...]
):
    name, _ = await walled.boot("sleep 100", egress=egress)
    assert await resolves(walled, name)


async def test_an_address_the_host_takes_is_refused_from_then_on(walled: Bench, around: World):
    name, _ = await walled.boot("sleep 100")
    assert await answers(walled, name, places.OTHER_PUBLIC) == {"beyond"}
    around.run(f"ip addr add {places.OTHER_PUBLIC}/32 dev lo")
    try:

        async def is_refused() -> bool:
            return await answers(walled, name, places.OTHER_PUBLIC) == {REFUSED}

        await eventually_async(is_refused, within=10)
    finally:
        around.run(f"ip addr del {places.OTHER_PUBLIC}/32 dev lo")
