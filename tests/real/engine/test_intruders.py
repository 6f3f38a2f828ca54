"""What a container that looks around finds, and what it gets by lying about who it is: nothing, by IPv4 and IPv6."""

from __future__ import annotations

import contextlib
import os
import socket
from ipaddress import IPv4Address, IPv6Address

import pytest

from tests.support import world as places
from tests.support.bare_engine import Bench, read_until
from tests.support.forgery import (
    BROADCAST,
    ETHER_ALL,
    ETHER_IPV4,
    ETHER_IPV6,
    GATEWAY_MAC,
    frame,
    ipv4,
    ipv6,
    network_of,
    packets,
)
from tfnz_jupyter.engines.base import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = "No route to host"
HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
PORTS = (7, 22, 80, 2375)
#: Tries to connect to every ``address port`` at once; one line for each: what came of it.
_SCAN = """
for (@ARGV) { my ($address, $port) = split / /; socket(my $s, 2, 1 | 2048, 0);
connect $s, pack('SnC4x8', 2, $port, split(/\\./, $address)); $open{fileno $s} = [$s, $_] }
while (%open) { my $w = ''; vec($w, $_, 1) = 1 for keys %open; select(undef, $w, undef, 30) or last;
for (grep { vec $w, $_, 1 } keys %open) { $! = unpack 'i', getsockopt($open{$_}[0], 1, 4); print $! ? "$!" : 'open', "\\n";
delete $open{$_} } }
"""
#: Says something by UDP to every address, twice: what came back for the first is told by the second.
_KNOCK = """
for (@ARGV) { my ($address, $port) = split / /; socket(my $s, 2, 2, 0);
connect $s, pack('SnC4x8', 2, $port, split(/\\./, $address)); send $s, 'x', 0; select undef, undef, undef, 0.05;
print defined send($s, 'x', 0) ? 'silence' : "$!", "\\n" }
"""
_SCAN_IPV6 = """
for (@ARGV) { socket(S, 10, 1, 0); connect(S, pack('SnNH32N', 10, 80, 0, $_, 2)) and print "open\\n" or print "$!\\n" }
"""
#: Prints every datagram that comes to port 9.
_LISTEN = """
$| = 1; socket(S, 2, 2, 0); bind S, pack('SnC4x8', 2, 9, 0, 0, 0, 0); print "up\\n";
while () { recv S, $b, 99, 0; print "$b\\n" }
"""
_SAY = "socket(S, 2, 2, 0); send S, $ARGV[1], 0, pack('SnC4x8', 2, 9, split(/\\./, $ARGV[0]))"


async def perl(walled: Bench, container: str, script: str, *arguments: str) -> list[str]:
    """The lines a script printed."""
    return (await walled.said(container, "", argv=["perl", "-e", script, *arguments])).splitlines()


async def listening(walled: Bench) -> tuple[str, str, Running]:
    """A container that prints what comes to its port 9."""
    name, booted = await walled.booted(argv=["perl", "-e", _LISTEN])
    await read_until(booted.process, b"up\n")
    return name, booted.ip, booted.process


def mac_of(address: str) -> bytes:
    """That of the container's own end of its wire."""
    return b"\x02\x00\x7c\x01" + IPv4Address(address).packed[2:]


async def test_a_scan_finds_neither_host_nor_neighbours_nor_metadata(walled: Bench):
    neighbours = [await walled.address("nc -ll -p 7 -e cat") for _ in range(3)]
    scanner, own = await walled.address("sleep 100")
    around = {f"10.124.0.{n}" for n in range(1, 30)} | {address for _, address in neighbours}
    targets = [*(around - {own}), "10.9.9.1", "10.9.9.2", "10.9.9.3", places.HOST]
    targets += [places.HOST_PUBLIC, places.PRIVATE, *places.METADATA]
    found = await perl(walled, scanner, _SCAN, *(f"{t} {port}" for t in targets for port in PORTS))
    assert len(found) == len(targets) * len(PORTS)
    assert set(found) == {REFUSED}  # of all alike, so that nothing is told by the answer either


async def test_datagrams_find_nobody_either(walled: Bench):
    _, neighbour, _ = await listening(walled)
    scanner, _ = await walled.address("sleep 100")
    nobody = ["10.124.0.1 53", "10.124.200.200 9", "10.9.9.1 53", f"{places.HOST} 53"]
    found = await perl(walled, scanner, _KNOCK, f"{neighbour} 9", *nobody)
    assert set(found) == {REFUSED}


async def test_ipv6_leads_nowhere(walled: Bench):
    scanner, _ = await walled.address("sleep 100", egress="all")
    targets = [places.HOST_IPV6, places.BEYOND_IPV6, "fe80::1", "ff02::1", "::1", "fd00:ec2::254"]
    packed = [_hex(target) for target in targets]
    found = await perl(walled, scanner, _SCAN_IPV6, *packed)
    assert len(found) == len(targets)
    assert "open" not in found


async def test_ipv4_in_the_clothes_of_ipv6_meets_the_same_firewall(walled: Bench):
    scanner, _ = await walled.address("sleep 100")
    targets = [f"::ffff:{address}" for address in (places.HOST, places.METADATA[0], "10.124.0.1")]
    assert set(await perl(walled, scanner, _SCAN_IPV6, *map(_hex, targets))) == {REFUSED}


def _hex(address: str) -> str:
    return IPv6Address(address).packed.hex()


async def test_a_forged_sender_gets_nowhere(walled: Bench):
    """The intruder claims to be a friend the server listens to, the server itself, the gateway, and a stranger."""
    server, address, process = await listening(walled)
    friend, friends = await walled.address("sleep 100")
    intruder, intruders = await walled.address("sleep 100")
    await walled.engine.allow(server, friend)
    with contextlib.closing(packets(network_of(walled.state, intruder), HOME)) as wire:
        for claimed in (friends, address, "10.124.0.1", places.PUBLIC, "127.0.0.1"):
            for mac in (mac_of(intruders), mac_of(friends), GATEWAY_MAC):
                wire.send(frame(mac, GATEWAY_MAC, ETHER_IPV4, ipv4(claimed, address, 9, b"forged")))
        await perl(walled, friend, _SAY, address, "genuine")
        assert await read_until(process, b"genuine\n") == b"genuine\n"
        # what was tried works, for who says the truth and is let in
        await walled.engine.allow(server, intruder)
        mac = mac_of(intruders)
        wire.send(frame(mac, GATEWAY_MAC, ETHER_IPV4, ipv4(intruders, address, 9, b"true")))
        assert await read_until(process, b"true\n") == b"true\n"


async def test_ipv6_is_not_carried_even_where_somebody_could_send_it(walled: Bench):
    server, address, process = await listening(walled)
    intruder, intruders = await walled.address("sleep 100")
    await walled.engine.allow(server, intruder)
    own, theirs = network_of(walled.state, intruder), network_of(walled.state, server)
    mac, target = mac_of(intruders), mac_of(address)
    with (
        contextlib.closing(packets(own, HOME)) as wire,
        contextlib.closing(packets(theirs, HOME, ETHER_ALL)) as watched,
    ):
        for address6 in ("ff02::1", "fd00::2", f"::ffff:{address}"):
            for mac6 in (GATEWAY_MAC, BROADCAST, target, b"\x33\x33\0\0\0\1"):
                wire.send(frame(mac, mac6, ETHER_IPV6, ipv6("fe80::5", address6, 9, b"six")))
        wire.send(frame(mac, GATEWAY_MAC, ETHER_IPV4, ipv4(intruders, address, 9, b"four")))
        await read_until(process, b"four\n")
        seen = []
        with contextlib.suppress(BlockingIOError):
            while True:
                seen.append(watched.recv(2048, socket.MSG_DONTWAIT))
    assert any(b"four" in one for one in seen)
    assert not any(b"six" in one for one in seen)


@pytest.mark.parametrize("kind", ["17, 3, 0", "2, 3, 255", "2, 3, 1"])
async def test_a_container_cannot_make_raw_packets_at_all(walled: Bench, kind: str):
    name, _ = await walled.address("sleep 100")
    said = await perl(walled, name, f"print socket(S, {kind}) ? 'made' : $!")
    assert said == ["Operation not permitted"]


async def test_a_container_cannot_change_its_network(walled: Bench):
    name, _ = await walled.address("sleep 100")
    for change in (
        "addr add 10.124.9.9/32 dev eth0",
        "link set eth0 address 02:00:7c:01:00:02",
        "route add 10.55.0.0/16 dev eth0",
        "link add x type dummy",
        "neigh add 10.124.0.9 lladdr 02:00:7c:01:00:02 dev eth0",
    ):
        process = await walled.execute(name, f"ip {change}")
        assert (await process.wait()).code != 0, change
