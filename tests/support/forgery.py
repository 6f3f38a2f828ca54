"""Packets no container can make, sent from a container's own network by somebody who may do everything there: this process.

What a container cannot make because it has no rights, its network must not carry either, should it ever get them.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from tfnz_jupyter.engines.embedded.cgroups import tag
from tfnz_jupyter.engines.embedded.syscalls import inside_network

ETHER_IPV4, ETHER_IPV6, ETHER_ALL = 0x0800, 0x86DD, 0x0003
GATEWAY_MAC = bytes.fromhex("02007c000001")
BROADCAST = b"\xff" * 6
_UDP = 17


def network_of(state: Path, container: str) -> int:
    """A descriptor of the network of a live container of the engine of that state, found by its cgroup."""
    for name in os.listdir("/proc"):
        if name.isdigit() and f"/tfnz-{tag(state)}/{container}" in _read(f"/proc/{name}/cgroup"):
            return os.open(f"/proc/{name}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    raise LookupError(f"no process of {container}")


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def packets(network: int, home: int, ethertype: int = 0) -> socket.socket:
    """A socket for whole frames on a container's eth0; it stays in there. Frames of ``ethertype`` can be read from it."""
    with inside_network(network, home):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
        sock.bind(("eth0", ethertype))
    return sock


def frame(source_mac: bytes, target_mac: bytes, ethertype: int, packet: bytes) -> bytes:
    return target_mac + source_mac + struct.pack(">H", ethertype) + packet


def ipv4(source: str, target: str, port: int, text: bytes) -> bytes:
    """A datagram of UDP, from and to the same port."""
    udp = struct.pack(">HHHH", port, port, 8 + len(text), 0) + text  # 0: no checksum
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, _UDP, 0,
        IPv4Address(source).packed, IPv4Address(target).packed,
    )  # fmt: skip
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


def ipv6(source: str, target: str, port: int, text: bytes) -> bytes:
    """The same in IPv6; whoever takes it in at all does so before a checksum is looked at."""
    udp = struct.pack(">HHHH", port, port, 8 + len(text), 1) + text
    head = struct.pack(">IHBB", 6 << 28, len(udp), _UDP, 64)
    return head + IPv6Address(source).packed + IPv6Address(target).packed + udp


def _checksum(head: bytes) -> int:
    total = sum(struct.unpack(f">{len(head) // 2}H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
