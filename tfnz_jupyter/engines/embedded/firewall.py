"""The engine namespace's firewall as text for ``nft -f -``: pure.

Everything is refused but: answers; the pairs of the ``allow`` set (client, server), which cut even established flows as
soon as they are taken out; and, through the uplink, what a container's ``egress`` gives it: the name server
(``resolving``), public addresses (``internet``), networks of its own (``granted``), or everything (``unbounded``). A
container that is in none of these sets reaches nothing, so what is forgotten is refused. :mod:`.policy` keeps the sets. All
of it lives in the engine's network namespace: nothing of it is ever on the host, and it dies with the keeper.

Whoever is refused is told so at once, in the same words whether or not anybody is there; a conversation that is no longer
allowed is reset at both ends. IPv6 is switched off in the engine's and the containers' namespaces, and would meet a chain
that drops it.
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
# Cloud services of the machine itself, which know its secrets; some hide behind public-looking addresses.
METADATA = tuple(IPv4Address(text) for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192"))
# Refused to whoever was given networks, be they ever so wide; of these only ``egress='all'`` lets through.
NEVER = tuple(
    IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
)
TABLE = "tfnz"

_TABLE = """\
table inet {table} {{
    set allow {{
        type ipv4_addr . ipv4_addr
    }}
    set resolving {{
        type ipv4_addr
    }}
    set internet {{
        type ipv4_addr
    }}
    set unbounded {{
        type ipv4_addr
    }}
    set granted {{
        type ipv4_addr . ipv4_addr
        flags interval
    }}
    set private {{
        type ipv4_addr
        flags interval
        elements = {{ {private} }}
    }}
    set never {{
        type ipv4_addr
        flags interval
        elements = {{ {never} }}
    }}
    set host {{
        type ipv4_addr
    }}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct direction original ip saddr . ip daddr @allow accept
        ct direction reply ip daddr . ip saddr @allow accept
        iifname "{uplink}" ct direction reply ct state established,related accept
        iifname "{uplink}" drop
        ip saddr {network} jump outward
    }}
    chain outward {{
        ip daddr {network} goto refuse
        ip saddr @resolving ip daddr {resolver} udp dport 53 accept
        ip saddr @unbounded accept
        ip daddr @never goto refuse
        ip daddr @host goto refuse
        ip saddr . ip daddr @granted accept
        ip daddr @private goto refuse
        ip saddr @internet accept
        goto refuse
    }}
    chain refuse {{
        meta l4proto tcp ct state established reject with tcp reset
        reject with icmp type admin-prohibited
    }}
    chain input {{
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        ct direction reply ct state established,related accept
        ip saddr {network} goto refuse
    }}
    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        oifname "{uplink}" ip saddr {network} masquerade
    }}
}}
"""


def table() -> str:
    """The whole table; the sets that :mod:`.policy` and :func:`host_addresses` fill are still empty."""
    return _TABLE.format(
        table=TABLE,
        private=", ".join(map(str, NOT_PUBLIC)),
        never=", ".join(map(str, NEVER + METADATA)),
        uplink=UPLINK,
        network=NETWORK,
        resolver=RESOLVER,
    )


def host_addresses(addresses: Iterable[IPv4Address]) -> str:
    """Make ``addresses`` the whole content of the ``host`` set, in one transaction."""
    elements = ", ".join(str(ip) for ip in sorted(addresses))
    text = f"flush set inet {TABLE} host\n"
    return text + (f"add element inet {TABLE} host {{ {elements} }}\n" if elements else "")
