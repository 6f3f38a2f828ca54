"""Raw rtnetlink, as much as routed veth pairs need: build messages (pure), send them, read the acknowledgements.

``ip`` would take seven processes, pyroute2 ten times as long. Layouts: linux/netlink.h, linux/rtnetlink.h,
linux/if_link.h, linux/veth.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK = 16, 17, 19
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE = 24
RTM_NEWNEIGH = 28
RTMGRP_LINK, RTMGRP_IPV4_IFADDR = 0x1, 0x10

_REQUEST, _ACK, _DUMP, _EXCL, _CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
_ERROR, _DONE = 2, 3
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 4, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFF_UP, _IFF_NOARP = 0x1, 0x80
_NUD_PERMANENT = 0x80
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253
_ANY = IPv4Address(0)


def attribute(kind: int, payload: bytes) -> bytes:
    """One rtattr, padded."""
    return struct.pack("HH", len(payload) + 4, kind) + payload + b"\0" * (-len(payload) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    """One request; its sequence number is filled in by :class:`Netlink`."""
    return struct.pack("IHHII", len(body) + 16, kind, flags | _REQUEST, 0, 0) + body


def _link(index: int, flags: int = 0) -> bytes:
    return struct.pack("BBHiII", socket.AF_UNSPEC, 0, 0, index, flags, flags)


def veth(name: str, index: int, mac: bytes, peer: tuple[str, int, bytes, int], mtu: int) -> bytes:
    """A veth whose ``peer`` (name, ifindex, mac, netns fd) is born in the other namespace."""
    peer_name, peer_index, peer_mac, netns = peer
    end = (
        _link(peer_index)
        + attribute(_IFLA_IFNAME, peer_name.encode() + b"\0")
        + attribute(_IFLA_ADDRESS, peer_mac)
        + attribute(_IFLA_MTU, struct.pack("I", mtu))
        + attribute(_IFLA_NET_NS_FD, struct.pack("I", netns))
    )
    info = attribute(_INFO_KIND, b"veth\0") + attribute(_INFO_DATA, attribute(_VETH_PEER, end))
    body = (
        _link(index)
        + attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + attribute(_IFLA_ADDRESS, mac)
        + attribute(_IFLA_MTU, struct.pack("I", mtu))
        + attribute(_IFLA_LINKINFO, info)
    )
    return message(RTM_NEWLINK, _ACK | _CREATE | _EXCL, body)


def link_up(index: int) -> bytes:
    return message(RTM_SETLINK, _ACK, _link(index, _IFF_UP))


def link_delete(index: int) -> bytes:
    return message(RTM_DELLINK, _ACK, _link(index))


def address(index: int, ip: IPv4Address, prefix: int = 32) -> bytes:
    body = struct.pack("BBBBI", socket.AF_INET, prefix, 0, _SCOPE_UNIVERSE, index)
    body += attribute(2, ip.packed) + attribute(1, ip.packed)
    return message(RTM_NEWADDR, _ACK | _CREATE | _EXCL, body)


def route(
    index: int, to: IPv4Address | None, via: IPv4Address | None = None, source: IPv4Address = _ANY
) -> bytes:
    """A host route to ``to`` (None: the default route) out of ``index``."""
    scope = _SCOPE_UNIVERSE if via else _SCOPE_LINK
    length = 32 if to else 0
    body = struct.pack("BBBBBBBBI", socket.AF_INET, length, 0, 0, 254, 3, scope, 1, 0)
    if to:
        body += attribute(1, to.packed)
    body += attribute(4, struct.pack("i", index))
    if via:
        body += attribute(5, via.packed)
    if source != _ANY:
        body += attribute(7, source.packed)
    return message(RTM_NEWROUTE, _ACK | _CREATE | _EXCL, body)


def network(index: int, to: IPv4Network) -> bytes:
    """A route out of ``index`` for whatever of a network has no better one."""
    body = struct.pack("BBBBBBBBI", socket.AF_INET, to.prefixlen, 0, 0, 254, 3, _SCOPE_LINK, 1, 0)
    body += attribute(1, to.network_address.packed) + attribute(4, struct.pack("i", index))
    return message(RTM_NEWROUTE, _ACK | _CREATE | _EXCL, body)


def neighbour(index: int, ip: IPv4Address, mac: bytes) -> bytes:
    """A permanent neighbour: nobody asks who has the address, so nobody can lie about it."""
    body = struct.pack("BxxxiHBB", socket.AF_INET, index, _NUD_PERMANENT, 0, 0)
    body += attribute(1, ip.packed) + attribute(2, mac)
    return message(RTM_NEWNEIGH, _ACK | _CREATE | _EXCL, body)


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, sequence, body) of everything in one datagram."""
    at = 0
    while at + 16 <= len(data):
        length, kind, _flags, sequence, _pid = struct.unpack_from("IHHII", data, at)
        if length < 16:
            return
        yield kind, sequence, data[at + 16 : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """The rtattrs of a body, by type."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, at)
        if length < 4:
            break
        found[kind] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


class Netlink:
    """A socket in the network namespace it was made in; it stays there wherever its maker goes."""

    def __init__(self, groups: int = 0) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, groups))
        self._sequence = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def drain(self) -> list[tuple[int, bytes]]:
        """What a subscription brought, without waiting. Raises ``OSError`` ENOBUFS where some was lost."""
        found: list[tuple[int, bytes]] = []
        while True:
            try:
                data = self._socket.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            found += [(kind, body) for kind, _sequence, body in messages(data)]

    def ask(self, requests: Sequence[bytes]) -> None:
        """Send requests as one batch; raises the first ``OSError`` among their answers."""
        waiting = set()
        batch = b""
        for request in requests:
            self._sequence += 1
            waiting.add(self._sequence)
            batch += request[:8] + struct.pack("I", self._sequence) + request[12:]
        self._socket.send(batch)
        failed = 0
        while waiting:
            for kind, sequence, body in messages(self._socket.recv(1 << 17)):
                if kind == _ERROR and sequence in waiting:
                    waiting.discard(sequence)
                    failed = failed or -struct.unpack_from("i", body)[0]
        if failed:
            raise OSError(failed, os.strerror(failed), "netlink")

    def addresses(self) -> frozenset[IPv4Address]:
        """Every IPv4 address of this namespace."""
        self._sequence += 1
        request = message(RTM_GETADDR, _DUMP, struct.pack("BBBBI", socket.AF_INET, 0, 0, 0, 0))
        self._socket.send(request[:8] + struct.pack("I", self._sequence) + request[12:])
        found: set[IPv4Address] = set()
        while True:
            for kind, sequence, body in messages(self._socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                if kind in (_DONE, _ERROR):
                    return frozenset(found)
                values = attributes(body[8:])
                found |= {IPv4Address(v) for k, v in values.items() if k in (1, 2)}
