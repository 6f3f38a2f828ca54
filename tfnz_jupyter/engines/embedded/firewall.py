"""The engine namespace's firewall as text for ``nft -f -``: pure.

Everything is refused but: answers; the pairs of the ``allow`` set (client, server), which cut even established flows as
soon as they are taken out; and, through the uplink, what a container's ``egress`` gives it: the name server
(``resolving``), public addresses (``internet``), networks of its own (``granted``), or everything (``unbounded``). A
container that is in none of these sets reaches nothing, so what is forgotten is refused. :mod:`.policy` keeps the sets. All
of it lives in the engine's network namespace: nothing of it is ever on the host, and it dies with the keeper.

Whoever is refused is told so at once, in the same words whether or not anybody is there; a conversation that is no longer
allowed is reset at both ends. The web gateway, which is in this namespace, is told as soon that nobody has an address any
more, by a reset: a connection that is just being made takes no ICMP from its own machine for an answer. IPv6 is switched off
in the engine's and the containers' namespaces, and would meet a chain that drops it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from ..addresses import METADATA, NEVER, NOT_PUBLIC

NETWORK = IPv4Network("10.124.0.0/16")  # the containers
GATEWAY = IPv4Address("10.124.0.1")  # the engine's end, as every container sees it
UPLINK = "up0"  # pasta's tap
UPLINK_ADDRESS = IPv4Address("10.9.9.2")
UPLINK_GATEWAY = IPv4Address("10.9.9.1")
UPLINK_PREFIX = 24
RESOLVER = IPv4Address("10.9.9.3")  # what pasta forwards to the host's first name server

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
    chain output {{
        type filter hook output priority 0; policy accept;
        oifname "lo" ip daddr {network} ip daddr != {gateway} meta l4proto tcp reject with tcp reset
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
        gateway=GATEWAY,
        resolver=RESOLVER,
    )


def host_addresses(addresses: Iterable[IPv4Address]) -> str:
    """Make ``addresses`` the whole content of the ``host`` set, in one transaction."""
    elements = ", ".join(str(ip) for ip in sorted(addresses))
    text = f"flush set inet {TABLE} host\n"
    return text + (f"add element inet {TABLE} host {{ {elements} }}\n" if elements else "")
