"""What a host really gives: seen by two containers that try it, not by what its settings say.

One listens, and the other tries to reach it, which it must not; this process tries too, and looks for the first in ``/proc``.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .firewall import lacking, obstacle

if TYPE_CHECKING:
    from .hosts import Host

_PORT = 7
_PATIENCE = 3.0  # seconds for the listener to listen
_MARK = "TFNZ_PROBE"
_LISTEN = ["sh", "-c", f'while :; do echo "${_MARK}" | nc -l -p {_PORT}; done']
_FAR = "{name} is another machine: files of its containers cannot be reached, nor is anything built there"


@dataclass(frozen=True)
class Seen:
    """What was seen."""

    near: bool  # its processes are this machine's
    reached: bool  # its containers' addresses are reached from here
    no_rules: str  # why its firewall cannot be changed; empty where it can
    by_helper: bool  # it can by a container there, and not from here
    lacking: list[str]  # what it does not give, in plain sentences


async def probe(host: Host) -> Seen:
    """Try it. Whatever rules there can be are in force meanwhile: they are part of what it gives."""
    mark, ip = secrets.token_hex(8), host.network.take()
    try:
        more = _on(host, ip) | {"Env": [f"{_MARK}={mark}"]}
        async with host.tool(_LISTEN, **more) as listener:
            pid = int((await listener.show())["State"]["Pid"])
            no_rules = await obstacle(
                host.network.bridge
            )  # some make the bridge for the first container
            by_helper = bool(no_rules) and host.helps
            if by_helper:
                no_rules = await lacking(host.run_there)
            await host.keep_rules(no_rules, by_helper=by_helper)
            near, reached = _is_near(pid, mark), await _reaches(ip, mark)
            denied = not await _is_reached_by_another(host, ip)
    finally:
        host.network.free(ip)
    told = [*_told(host.name, near, reached, no_rules, denied)]
    return Seen(near, reached, no_rules, by_helper, told)


def _told(name: str, near: bool, reached: bool, no_rules: str, denied: bool) -> list[str]:
    told = []
    if not denied:
        told.append(
            f"containers on {name} reach each other: its Docker does not enforce enable_icc=false"
            " (--iptables=false, or no br_netfilter)"
        )
    if no_rules:
        told.append(
            f"containers on {name} reach whatever the host does, and cannot be opened to each other:"
            f" {no_rules}"
        )
    if not reached:
        told.append(
            f"containers on {name} cannot be reached from here: no tunnels, no published names"
        )
    if not near:
        told.append(_FAR.format(name=name))
    return told


def _on(host: Host, ip: str) -> dict[str, Any]:
    name = host.network.name
    endpoints = {name: {"IPAMConfig": {"IPv4Address": ip}}}
    return {
        "HostConfig": {"NetworkMode": name},
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    }


def _is_near(pid: int, mark: str) -> bool:
    try:
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


async def _reaches(ip: str, mark: str) -> bool:
    """Whether it is the listener that answers at its address: others may have the same, elsewhere."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while loop.time() < until:
        try:
            async with asyncio.timeout(until - loop.time()):
                reader, writer = await asyncio.open_connection(ip, _PORT)
                said = await reader.readline()
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
            continue
        except OSError:
            return False
        writer.close()
        return said.decode("latin-1").strip() == mark
    return False


async def _is_reached_by_another(host: Host, ip: str) -> bool:
    other = host.network.take()
    try:
        code, _ = await host.do(["nc", "-w", "1", ip, str(_PORT)], **_on(host, other))
    finally:
        host.network.free(other)
    return code == 0
