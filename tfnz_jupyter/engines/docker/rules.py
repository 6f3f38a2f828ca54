"""Who may reach whom, as text for ``iptables-restore``: three chains of a location's own, always written as a whole. Pure.

They hang on Docker's chain for rules of others, which comes before its own; where there is none, on the kernel's.

Between containers an opening lets its client begin and its server answer; whatever else goes from one to another is reset, so
that a conversation whose opening is taken back ends at once. On the way out a container has what ``egress=`` gave it; one that
is not known has nothing. The host itself is reached by those alone that may reach everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..addresses import METADATA, NEVER, NOT_PUBLIC

Egress = str | Sequence[str]
_ANSWERS = "-m conntrack --ctstate ESTABLISHED,RELATED"


@dataclass(frozen=True, slots=True)
class Chains:
    """The names of a location's chains, and of its bridge."""

    key: str  # eight hexadecimal digits
    bridge: str

    @property
    def forward(self) -> str:
        return f"TFNZ-{self.key}-F"

    @property
    def input(self) -> str:
        return f"TFNZ-{self.key}-I"

    @property
    def public(self) -> str:
        return f"TFNZ-{self.key}-P"

    @property
    def all(self) -> tuple[str, str, str]:
        """In the order in which they can be removed."""
        return self.forward, self.input, self.public


# Scripts for the host's sh; $1 and $2 are the chains of forwarded packets and of those for the host, $3 is the third one, $4
# the bridge. Others change rules too, so that a change may have to be tried again.
#: Says which name servers there are, and what the chain holds; its code is iptables'.
LOOK = 'cat /etc/resolv.conf; iptables -w -S "$1" 2>/dev/null'
#: Writes the table on its standard input, and leads every packet of a container there, if nothing does yet.
WRITE = """
table=$(cat)
for try in 1 2 3 4 5 6 7 8; do
  said=$(printf '%s\\n' "$table" | iptables-restore -w --noflush 2>&1) && break
  [ $try = 8 ] && { echo "$said"; exit 1; }
  sleep 0.$try
done
parent=DOCKER-USER; iptables -w -n -L $parent >/dev/null 2>&1 || parent=FORWARD
lead() { iptables -w -C "$1" -i "$2" -j "$3" 2>/dev/null || iptables -w -I "$1" -i "$2" -j "$3"; }
lead $parent "$4" "$1" && lead INPUT "$4" "$2"
"""
#: Takes everything away, as far as it is there.
CLEAR = """
iptables -w -D DOCKER-USER -i "$4" -j "$1"; iptables -w -D FORWARD -i "$4" -j "$1"; iptables -w -D INPUT -i "$4" -j "$2"
for chain in "$1" "$2" "$3"; do iptables -w -F $chain; done
for chain in "$1" "$2" "$3"; do iptables -w -X $chain; done
"""


def table(
    chains: Chains,
    egress: Mapping[str, Egress],
    openings: Iterable[tuple[str, str]],
    resolvers: Sequence[str],
) -> str:
    """What the chains shall hold.

    Args:
        egress: by address of a container, whom it may reach outside.
        openings: addresses of clients and their servers.
        resolvers: name servers that those may ask who may reach anything.
    """
    lines = ["*filter", *(f":{name} - [0:0]" for name in chains.all)]
    lines += _between(chains, openings)
    lines.append(f"-A {chains.forward} {_ANSWERS} -j RETURN")
    for ip, given in sorted(egress.items()):
        lines += _outwards(chains, ip, given, resolvers)
    lines.append(f"-A {chains.forward} -j REJECT")
    lines += _to_host(chains, egress)
    lines += [f"-A {chains.public} -d {network} -j REJECT" for network in (*NOT_PUBLIC, *METADATA)]
    return "\n".join([*lines, "COMMIT", ""])


def openings_in(chains: Chains, listed: str) -> set[tuple[str, str]]:
    """The openings that a chain holds, as ``iptables -S`` lists it."""
    inside = rf"-A {chains.forward} -s (\S+)/32 -d (\S+)/32 -o {chains.bridge} -j ACCEPT"
    return set(re.findall(rf"^{inside}$", listed, re.MULTILINE))


def _between(chains: Chains, openings: Iterable[tuple[str, str]]) -> Iterator[str]:
    chain, inside = f"-A {chains.forward}", f"-o {chains.bridge}"
    for client, server in sorted(openings):
        yield f"{chain} {inside} -s {client} -d {server} -j ACCEPT"
        yield f"{chain} {inside} -s {server} -d {client} {_ANSWERS} -j ACCEPT"
    yield f"{chain} {inside} -p tcp -j REJECT --reject-with tcp-reset"
    yield f"{chain} {inside} -j REJECT"


def _outwards(chains: Chains, ip: str, given: Egress, resolvers: Sequence[str]) -> Iterator[str]:
    rule = f"-A {chains.forward} -s {ip}"
    if given == "none":
        return
    if given == "all":
        yield f"{rule} -j RETURN"
        return
    for resolver in resolvers:
        for protocol in ("udp", "tcp"):
            yield f"{rule} -d {resolver} -p {protocol} --dport 53 -j RETURN"
    if given == "internet":
        yield f"{rule} -g {chains.public}"
        return
    for network in (*NEVER, *METADATA):
        yield f"{rule} -d {network} -j REJECT"
    for granted in given:
        yield f"{rule} -d {granted} -j RETURN"


def _to_host(chains: Chains, egress: Mapping[str, Egress]) -> Iterator[str]:
    yield f"-A {chains.input} {_ANSWERS} -j RETURN"
    for ip, given in sorted(egress.items()):
        if given == "all":
            yield f"-A {chains.input} -s {ip} -j RETURN"
    yield f"-A {chains.input} -j REJECT"
