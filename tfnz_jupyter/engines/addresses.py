"""The addresses of IPv4 that ``egress=`` makes a difference of, for every engine. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

# IANA's special-purpose registry, https://www.iana.org/assignments/iana-ipv4-special-registry: nobody's public address.
NOT_PUBLIC = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Cloud services of the machine itself, which know its secrets; some hide behind public-looking addresses.
METADATA = tuple(IPv4Address(text) for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192"))
# Refused to whoever was given networks, be they ever so wide; of these only ``egress='all'`` lets through.
NEVER = tuple(
    IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
)
