"""Raw nfnetlink, as much as the elements of nftables' sets need: a batch of changes, applied as one transaction.

``nft`` itself takes 4 ms for what the kernel does in 0.03, and every container's start waits for it. Layouts:
linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .netlink import attribute, message, messages

_NETLINK_NETFILTER = 12
_NFTABLES = 10  # the subsystem
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_ELEMENT, _DELETE_ELEMENT = _NFTABLES << 8 | 12, _NFTABLES << 8 | 14
_ACK, _CREATE = 0x4, 0x400
_ERROR = 2
_INET = 1  # NFPROTO_INET
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS, _LIST_ELEMENT = 1, 2, 3, 1
_KEY, _KEY_END, _VALUE = 1, 10, 1
_NESTED = 0x8000


@dataclass(frozen=True, slots=True)
class Change:
    """One element of one set, put in or taken out. ``end`` is the last key of an interval."""

    set: str
    key: bytes
    end: bytes = b""
    put_in: bool = True


def _header(family: int, resource: int) -> bytes:
    return struct.pack(">BBH", family, 0, resource)


def _nested(kind: int, payload: bytes) -> bytes:
    return attribute(kind | _NESTED, payload)


def _key(kind: int, value: bytes) -> bytes:
    return _nested(kind, attribute(_VALUE, value))


def element(change: Change, table: str) -> bytes:
    """The request for one change; its sequence number is filled in when it is sent."""
    keys = _key(_KEY, change.key) + (_key(_KEY_END, change.end) if change.end else b"")
    body = (
        _header(_INET, 0)
        + attribute(_LIST_TABLE, table.encode() + b"\0")
        + attribute(_LIST_SET, change.set.encode() + b"\0")
        + _nested(_LIST_ELEMENTS, _nested(_LIST_ELEMENT, keys))
    )
    if change.put_in:
        return message(_NEW_ELEMENT, _CREATE, body)
    return message(_DELETE_ELEMENT, 0, body)


def acknowledged(request: bytes) -> bytes:
    """The same request, answered also where it succeeds."""
    flags = struct.unpack_from("H", request, 6)[0]
    return request[:6] + struct.pack("H", flags | _ACK) + request[8:]


class Nfnetlink:
    """A socket in the network namespace it was made in; it stays there wherever its maker goes."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
        )
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def apply(self, changes: Sequence[Change]) -> None:
        """Make all of these changes or, where one cannot be made, none: then raises its ``OSError``."""
        if not changes:
            return
        requests = [element(change, self._table) for change in changes]
        requests[-1] = acknowledged(requests[-1])  # the others are answered only where they fail
        begin = message(_BATCH_BEGIN, 0, _header(0, _NFTABLES))
        end = message(_BATCH_END, 0, _header(0, _NFTABLES))
        batch = b""
        for number, request in enumerate((begin, *requests, end), self._sequence + 1):
            batch += request[:8] + struct.pack("I", number) + request[12:]
        first, self._sequence = self._sequence + 1, self._sequence + len(requests) + 2
        self._socket.send(batch)
        self._hear(first, self._sequence - 1)

    def _hear(self, begin: int, last: int) -> None:
        """Read the answers. A batch that is refused as a whole is answered under the number of its begin."""
        failed = 0
        sequence = 0
        while sequence not in (begin, last):
            for kind, sequence, body in messages(self._socket.recv(1 << 17)):
                if kind == _ERROR and begin <= sequence <= last:
                    failed = failed or -int(struct.unpack_from("i", body)[0])
        if failed:
            raise OSError(failed, os.strerror(failed), "nfnetlink")
