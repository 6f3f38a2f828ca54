"""The rules of one host, kept by iptables on this machine: written as a whole whenever something has changed.

Changes that come while a writing is under way share the next one, so that fifty boots at once write a few times.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from ...errors import EngineFailed, NotSupported
from . import rules
from .rules import Chains, Egress

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class Firewall:
    """What containers of one host may reach.

    Args:
        chains: where the rules are.
        why_not: why there can be none here; then all stays as Docker has it, and asking for more is ``NotSupported``.
    """

    def __init__(self, chains: Chains, why_not: str = "") -> None:
        self._chains, self.why_not = chains, why_not
        self._egress: dict[str, Egress] = {}
        self._openings: set[tuple[str, str]] = set()
        self._wanted, self._written = 0, 0
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Put the chains where every packet of a container passes them. Raises ``EngineFailed``.

        Those that a dead location left stay as they are until :meth:`settle`: what survived goes on.
        """
        if self.why_not:
            return
        code, listed = await _spawned(("iptables", "-w", "-S", self._chains.forward))
        self._openings = rules.openings_in(self._chains, listed)
        if code:
            await self._write()

    def recall(self, ip: str, egress: Egress) -> None:
        """A container that survived has its way out already."""
        self._egress[ip] = egress

    async def settle(self) -> None:
        """All that survived is recalled: keep the openings between them, and nothing else."""
        self._openings = {pair for pair in self._openings if set(pair) <= self._egress.keys()}
        await self._changed()

    async def admit(self, ip: str, egress: Egress) -> None:
        """Give a new container its way out. Raises ``NotSupported``: it cannot be kept to that."""
        if self.why_not and egress not in ("internet", "all"):
            raise NotSupported(f"egress={egress!r}: {self.why_not}")
        self._egress[ip] = egress
        await self._changed()

    async def allow(self, client: str, server: str) -> None:
        """Let one reach another. Raises ``NotSupported``."""
        if self.why_not:
            raise NotSupported(f"containers cannot be opened to each other: {self.why_not}")
        self._openings.add((client, server))
        await self._changed()

    async def disallow(self, client: str, server: str) -> None:
        """Take that back."""
        if (client, server) in self._openings:
            self._openings.discard((client, server))
            await self._changed()

    async def forget(self, ip: str) -> None:
        """Take back all that concerns an address."""
        known = self._egress.pop(ip, None) is not None
        pairs = {pair for pair in self._openings if ip in pair}
        self._openings -= pairs
        if known or pairs:
            await self._changed()

    async def close(self) -> None:
        """Take the chains away, whoever made them."""
        if self.why_not:
            return
        for parent, chain in self._jumps():
            await _quietly("iptables", "-w", "-D", parent, *self._chains.jump(chain))
        for chain in self._chains.all:
            await _quietly("iptables", "-w", "-F", chain)
        for chain in self._chains.all:
            await _quietly("iptables", "-w", "-X", chain)

    def _jumps(self) -> list[tuple[str, str]]:
        return [
            (rules.USER, self._chains.forward),
            (rules.FORWARD, self._chains.forward),
            (rules.INPUT, self._chains.input),
        ]

    async def _changed(self) -> None:
        """Have it written; a writing that has not begun yet serves all."""
        if self.why_not:
            return
        self._wanted += 1
        mine = self._wanted
        async with self._writing:
            if self._written < mine:
                self._written = self._wanted
                await self._write()

    async def _write(self) -> None:
        text = rules.table(self._chains, self._egress, self._openings, resolvers())
        await _run("iptables-restore", "-w", "--noflush", given=text)
        docker = await _quietly("iptables", "-w", "-n", "-L", rules.USER)
        parents = [rules.USER if docker else rules.FORWARD, rules.INPUT]
        for parent, chain in zip(parents, self._chains.all[:2], strict=True):
            rule = self._chains.jump(chain)
            if not await _quietly("iptables", "-w", "-C", parent, *rule):
                await _run("iptables", "-w", "-I", parent, *rule)


async def obstacle(bridge: str) -> str:
    """Why no rules can be kept here for a bridge; empty where they can."""
    try:
        socket.if_nametoindex(bridge)
    except OSError:
        return "the host's network is not this machine's, where its firewall would be"
    if os.geteuid() != 0:
        return "the host's firewall is changed by root alone"
    if not await _quietly("iptables", "-w", "-n", "-L", rules.INPUT):
        return "there is no iptables here that works; apt-get install iptables"
    return ""


def resolvers() -> list[str]:
    """The name servers this machine is told to ask; those on itself are asked by Docker."""
    try:
        lines = Path("/etc/resolv.conf").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    named = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    return [address for address in named if ":" not in address and not address.startswith("127.")]


async def _run(*argv: str, given: str = "") -> None:
    process, said = await _spawned(argv, given)
    if process:
        raise EngineFailed(f"{argv[0]} failed", detail=said)


async def _quietly(*argv: str) -> bool:
    """Whether it did what it was told."""
    return (await _spawned(argv))[0] == 0


async def _spawned(argv: tuple[str, ...], given: str = "") -> tuple[int, str]:
    env = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
        )
    except FileNotFoundError:
        return 127, f"no {argv[0]}"
    said, _ = await process.communicate(given.encode())
    return process.returncode or 0, said.decode("utf-8", "replace")
