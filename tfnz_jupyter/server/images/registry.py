"""Images from registries, through skopeo, and the question asked first: does anybody answer there at all.

skopeo waits minutes for a network that swallows packets. So the name is looked up and a connection made (with a TLS
handshake where the port is https's) before it starts, within seconds; a look-up is a process that can be ended, since
a thread in ``getaddrinfo`` cannot. A proxy, where one is set for the host, is asked for instead of the host.

Registries on loopback are spoken to over plain http where they do not speak TLS. Nobody else is, unless the machine's
own ``registries.conf`` says so.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...engines.base import Progress, Report
from ...errors import Refused, TimedOut, Unreachable
from .documents import check_manifest, check_platform, choose_instance, digest_of, this_machine
from .failures import disk_full, from_registry
from .outside import way_out
from .references import DOCKER_HUB, Name
from .rules import Login, Rules, key_of_login
from .skopeo import Blob, copy_in, skopeo, words_of
from .store import Store
from .tools import run_tool

_HUB = "registry-1.docker.io"
_OWN = Rules()


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a registry is spoken to: what goes before skopeo's command line, and its options."""

    name: Name
    way: Sequence[str]
    options: tuple[str, ...]

    def relaxed(self, option: str) -> tuple[str, ...]:
        """The options, and that one for a registry on this machine."""
        return (*self.options, option) if is_loopback(self.name) else self.options


async def pull(
    store: Store,
    name: Name,
    report: Report,
    *,
    patience: float,
    rules: Rules = _OWN,
    login: Login | None = None,
) -> dict[str, Any]:
    """Fetch an image; gives the descriptor of its manifest.

    ``patience``: seconds to wait for a first answer; the manifest may take three times as long. ``login`` is for this pull
    alone; without one, only the location's own user has those of this machine.

    Raises:
        Unreachable: no network, no such host, nobody listens, or it went silent.
        ImageNotFound, Refused, NotSupported, EngineFailed: the registry's answer, the image's kind, the disk.
    """
    report(Progress("resolve", f"asking {name.host}"))
    await probe(name, patience, rules)
    async with store.scratch() as scratch, _manner(name, rules, login, scratch) as manner:
        digest, manifest = await _manifest(store, manner, patience * 3)
        blobs = tuple(Blob(layer["digest"], layer["size"]) for layer in manifest["layers"])
        needed = sum(b.size for b in blobs if not store.blob(b.digest).exists())
        if needed > store.free():
            raise disk_full(folder=store.folder, needed=needed)
        return await copy_in(
            store,
            scratch,
            f"docker://{name.host}/{name.path}@{digest}",
            name.familiar,
            failed=lambda words: from_registry(name.familiar, name.host, words, store.folder),
            options=manner.relaxed("--src-tls-verify=false"),
            blobs=blobs,
            report=report,
            way=manner.way,
        )


@contextlib.asynccontextmanager
async def _manner(
    name: Name, rules: Rules, login: Login | None, scratch: Path
) -> AsyncIterator[_Manner]:
    options: tuple[str, ...] = ()
    if login is not None or not rules.here:
        file = scratch / "logins.json"
        file.touch(0o600)
        file.write_text(json.dumps({"auths": _logins(name, login)}))
        options = ("--authfile", str(file))
    if rules.trusts(name):
        yield _Manner(name, (), options)
        return
    async with way_out(scratch, _addresses) as way:
        yield _Manner(name, way, options)


def _logins(name: Name, login: Login | None) -> dict[str, dict[str, str]]:
    if login is None:
        return {}
    return {key_of_login(name): {"auth": base64.b64encode(":".join(login).encode()).decode()}}


async def probe(name: Name, within: float, rules: Rules = _OWN) -> None:
    """Whether anybody answers at a name's registry. Raises ``Unreachable`` within so many seconds if not, ``Refused``."""
    host, port = _door(name) if rules.here else _own_door(name)
    try:
        async with asyncio.timeout(within):
            await _knock(host, port, rules.reachable(name, await _addresses(host)))
    except TimeoutError as e:
        raise Unreachable(
            f"registry {name.host} does not answer (no connection in {within:g} s)"
        ) from e
    except Refused:
        raise
    except (OSError, ssl.SSLError) as e:
        words = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise Unreachable(f"registry {name.host} does not answer ({words})") from e


def is_loopback(name: Name) -> bool:
    """Whether the registry is on this machine."""
    if name.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.hostname).is_loopback
    except ValueError:
        return False


def _own_door(name: Name) -> tuple[str, int]:
    """The host and port of a registry."""
    return _HUB if name.host == DOCKER_HUB else name.hostname, name.port or 443


def _door(name: Name) -> tuple[str, int]:
    """The host and port to knock at: the registry's, or the proxy's that leads to it."""
    from urllib.request import getproxies, proxy_bypass  # late: it brings 2 MiB, for pulls alone

    host, port = _own_door(name)
    proxy = getproxies().get("https")
    if proxy and not is_loopback(name) and not proxy_bypass(host):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return parts.hostname or host, parts.port or 3128
    return host, port


async def _knock(host: str, port: int, addresses: list[str]) -> None:
    problem: OSError = OSError(0, f"there is no host {host}")
    for address in addresses:
        context = _any_certificate() if port == 443 else None
        try:
            _, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if context else None
            )
        except OSError as e:
            problem = e
        else:
            writer.close()
            return
    raise problem


async def _addresses(host: str) -> list[str]:
    """The addresses of a host, by the system's own rules."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        outcome = await run_tool(["getent", "ahosts", host])
    lines = outcome.out.decode().splitlines()
    return list(dict.fromkeys(line.split()[0] for line in lines if line))


def _any_certificate() -> ssl.SSLContext:
    """For knocking only: skopeo, which fetches, checks who answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _manifest(store: Store, manner: _Manner, within: float) -> tuple[str, dict[str, Any]]:
    """(digest, manifest) of the image for this machine."""
    name = manner.name
    raw = await _inspect(store, manner, name.suffix, within, "--raw")
    manifest = json.loads(raw)
    if "manifests" in manifest:
        digest = choose_instance(name.familiar, manifest, this_machine())
        manifest = json.loads(await _inspect(store, manner, f"@{digest}", within, "--raw"))
        return digest, check_manifest(name.familiar, manifest)
    check_manifest(name.familiar, manifest)
    digest = digest_of(raw)
    config = await _inspect(store, manner, f"@{digest}", within, "--raw", "--config")
    check_platform(name.familiar, json.loads(config), this_machine())
    return digest, manifest


async def _inspect(
    store: Store, manner: _Manner, suffix: str, within: float, *options: str
) -> bytes:
    name = manner.name
    where = f"docker://{name.host}/{name.path}{suffix}"
    argv = skopeo("inspect", *options, *manner.relaxed("--tls-verify=false"), where)
    try:
        outcome = await run_tool([*manner.way, *argv], timeout=within)
    except TimedOut as e:
        raise Unreachable(f"registry {name.host} does not answer (nothing in {within:g} s)") from e
    if outcome.code:
        raise from_registry(name.familiar, name.host, words_of(outcome), store.folder)
    return outcome.out
