"""Who may reach whom, as text for ``iptables-restore``: three chains of a location's own, always written as a whole. Pure.

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
#: Docker's chain for rules of others, before its own; where there is none, the kernel's.
USER, FORWARD, INPUT = "DOCKER-USER", "FORWARD", "INPUT"

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

    def jump(self, chain: str) -> list[str]:
        """The rule that leads into one of them, as arguments behind ``-I CHAIN``."""
        return ["-i", self.bridge, "-j", chain]


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
