"""The rules of one host, kept by its iptables: written as a whole whenever something has changed.

On this machine iptables is simply run; on another host, where that is allowed, by a short-lived container that is let into
the host's network and files. Changes that come while a writing is under way share the next one: fifty boots write a few times.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence

from ...errors import EngineFailed, NotSupported
from . import rules
from .rules import Chains, Egress

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


#: Runs a program where the rules are, with something on its standard input: its code, and what it said.
Run = Callable[[Sequence[str], str], Awaitable[tuple[int, str]]]


async def here(argv: Sequence[str], given: str = "") -> tuple[int, str]:
    """Run a program on this machine."""
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


class Firewall:
    """What containers of one host may reach.

    Args:
        chains: where the rules are.
        why_not: why there can be none here; then all stays as Docker has it, and asking for more is ``NotSupported``.
        run: runs iptables where the rules are.
    """

    def __init__(self, chains: Chains, why_not: str = "", run: Run = here) -> None:
        self._chains, self.why_not, self._run = chains, why_not, run
        self._resolvers: list[str] = []
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
        code, said = await self._do(rules.LOOK)
        self._resolvers, self._openings = resolvers(said), rules.openings_in(self._chains, said)
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
        await self._do(rules.CLEAR)

    async def _changed(self) -> None:
        """Have it written; a writing that has not begun yet serves all."""
        if self.why_not:
            return
        self._wanted += 1
        mine = self._wanted
        async with self._writing:
            if self._written < mine:
                now = self._wanted
                await self._write()
                self._written = now  # where that failed, whoever else waits tries again

    async def _write(self) -> None:
        text = rules.table(self._chains, self._egress, self._openings, self._resolvers)
        code, said = await self._do(rules.WRITE, text)
        if code:
            raise EngineFailed("the rules of containers cannot be changed", detail=said)

    async def _do(self, script: str, given: str = "") -> tuple[int, str]:
        names = (*self._chains.all, self._chains.bridge)
        return await self._run(["sh", "-c", script, "sh", *names], given)


async def obstacle(bridge: str) -> str:
    """Why no rules can be kept by this machine for a bridge; empty where they can."""
    try:
        socket.if_nametoindex(bridge)
    except OSError:
        return "the host's network is not this machine's, where its firewall would be"
    if os.geteuid() != 0:
        return "the host's firewall is changed by root alone"
    return await lacking(here)


async def lacking(run: Run) -> str:
    """Why iptables does not work where a program is run; empty where it does."""
    code, _ = await run(["iptables", "-w", "-n", "-L", "INPUT"], "")
    return "there is no iptables there that works; apt-get install iptables" if code else ""


def resolvers(text: str) -> list[str]:
    """The name servers that a resolv.conf names; those on its own machine are asked by Docker. Pure."""
    named = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
    return [address for address in named if ":" not in address and not address.startswith("127.")]
