"""What the Docker or Podman hosts of a location are, and whether they answer; nothing is made on them.

Whether they keep containers apart can only be found out by trying: a running location does, and tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import TfnzError
from .report import Check


async def look(options: Mapping[str, tuple[str, ...]]) -> tuple[Check, ...]:
    """Look at the hosts that a location with these options would use."""
    from ..engines.docker import firewall, toolbox, ways

    certs, urls = next(iter(options.get("certs", ())), ""), options.get("host") or (ways.usual(),)
    with TemporaryDirectory(prefix="tfnz-doctor-") as folder:
        found = [await _host(url, certs, Path(folder)) for url in urls]
    if any(check.state == "ok" for check in found):  # the others are waited for
        found = [replace(one, state="degraded" if one.state != "ok" else "ok") for one in found]
    try:
        toolbox.busybox()
        found.append(Check("busybox", "ok", "static, for what hosts are asked to do"))
    except TfnzError as problem:
        found.append(Check("busybox", "missing", problem.message, problem.hint))
    why_not = await firewall.obstacle("lo")
    text = why_not or "openings between containers, and egress, as rules of this machine"
    mend = "run as root, with iptables installed" if why_not else ""
    found.append(Check("firewall", "degraded" if why_not else "ok", text, mend))
    return tuple(found)


async def _host(url: str, certs: str, folder: Path) -> Check:
    from ..engines.docker.hosts import Host
    from ..engines.docker.ways import Address

    try:
        host = Host(Address(url, certs), "doctor", folder, folder)
        name = await host.connect()
    except TfnzError as problem:
        return Check(url, "missing", problem.message, problem.hint)
    await host.close()
    return Check(url, "ok", f"{name}: {host.cpus} processors, {host.memory >> 20:,} MiB")
