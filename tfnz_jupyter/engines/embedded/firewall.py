"""The engine namespace's firewall as text for ``nft -f -``: pure.

Everything is refused but: answers; container to public addresses through the uplink; DNS to the uplink's forwarder; and
the pairs of the ``allow`` set (source, destination), which cut even established flows as soon as they are taken out. All
of it lives in the engine's network namespace, so nothing of it is ever on the host and it dies with the keeper.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

NETWORK = IPv4Network("10.124.0.0/16")  # the containers
GATEWAY = IPv4Address("10.124.0.1")  # the engine's end, as every container sees it
UPLINK = "up0"  # pasta's tap
UPLINK_ADDRESS = IPv4Address("10.9.9.2")
UPLINK_GATEWAY = IPv4Address("10.9.9.1")
UPLINK_PREFIX = 24
RESOLVER = IPv4Address("10.9.9.3")  # what pasta forwards to the host's first name server

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
# Cloud services of the machine itself that hide behind public-looking addresses.
METADATA = (IPv4Address("168.63.129.16"),)

_TABLE = """\
table inet tfnz {{
    set allow {{
        type ipv4_addr . ipv4_addr
    }}
    set refused {{
        type ipv4_addr
        flags interval
        elements = {{ {refused} }}
    }}
    set host {{
        type ipv4_addr
    }}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        iifname "{uplink}" ct direction reply ct state established,related accept
        oifname "{uplink}" ip saddr {network} ip daddr {resolver} udp dport 53 accept
        oifname "{uplink}" ip saddr {network} ip daddr @refused reject with icmp type admin-prohibited
        oifname "{uplink}" ip saddr {network} ip daddr @host reject with icmp type admin-prohibited
        oifname "{uplink}" ip saddr {network} accept
        ct direction original ip saddr . ip daddr @allow accept
        ct direction reply ip daddr . ip saddr @allow accept
        meta l4proto tcp ip daddr {network} reject with icmp type admin-prohibited
    }}
    chain input {{
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        ct direction reply ct state established,related accept
    }}
    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        oifname "{uplink}" ip saddr {network} masquerade
    }}
}}
"""


def table() -> str:
    """The whole table, ``host`` and ``allow`` still empty."""
    refused = ", ".join([str(net) for net in NOT_PUBLIC] + [str(ip) for ip in METADATA])
    return _TABLE.format(refused=refused, uplink=UPLINK, network=NETWORK, resolver=RESOLVER)


def host_addresses(addresses: Iterable[IPv4Address]) -> str:
    """Make ``addresses`` the whole content of the ``host`` set, in one transaction."""
    elements = ", ".join(str(ip) for ip in sorted(addresses))
    text = "flush set inet tfnz host\n"
    return text + (f"add element inet tfnz host {{ {elements} }}\n" if elements else "")
