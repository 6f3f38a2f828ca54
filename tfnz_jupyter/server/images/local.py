"""Images that the Docker or Podman of this machine already has, without asking any registry.

Docker is asked over its socket (``DOCKER_HOST``, or the usual places) and Podman by its command; either writes the image
as an archive, which is then taken in and verified like any other. Whoever does not answer at once does not count.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...engines.base import Progress, Report
from ...errors import EngineFailed, TimedOut
from ...folders import user_id
from .archives import take_in
from .failures import disk_full, from_os
from .references import File, Name
from .store import Store
from .tools import run_tool

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

_ANSWERS_WITHIN = 2.0
_PODMAN_ANSWERS_WITHIN = 10.0  # its first command of a day may migrate its storage
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """An image one of them has."""

    engine: str  # "docker" or "podman"
    id: str  # what does not change while the image does not
    size: int  # bytes, unpacked
    created: str  # sorts by time
    name: str  # by which to ask for it


async def find_local(name: Name) -> Found | None:
    """The image of that name in Docker, else in Podman, else None."""
    return await _docker_find(name) or await _podman_find(name)


async def find_newest() -> Found | None:
    """The image that Docker or Podman made last."""
    every = await asyncio.gather(_docker_newest(), _podman_newest())
    return max(filter(None, every), key=lambda found: found.created, default=None)


async def take_local(store: Store, found: Found, report: Report) -> dict[str, Any]:
    """Copy a found image into the store; gives the descriptor of its manifest. Raises ``EngineFailed``."""
    if found.size > store.free():
        raise disk_full(folder=store.folder, needed=found.size)
    async with store.scratch() as scratch:
        archive = scratch / "image.tar"
        export = _docker_export if found.engine == "docker" else _podman_export
        try:
            await export(found, archive, report)
        except OSError as e:
            raise from_os(e, store.folder) from e
        return await take_in(store, File("docker-archive", archive), report)


def _age(image: dict[str, Any]) -> tuple[int, str]:
    """Sorts by time; the id makes it one order where a build has set its clock back to nothing."""
    return image["Created"], image["Id"]


# -- Docker


async def _docker_find(name: Name) -> Found | None:
    told = await _docker_ask(f"/images/{quote(name.key, safe='/:@')}/json")
    if not isinstance(told, dict) or "Id" not in told:
        return None
    return Found("docker", told["Id"], told.get("Size", 0), told.get("Created", ""), name.key)


async def _docker_newest() -> Found | None:
    told = await _docker_ask("/images/json")
    if not isinstance(told, list) or not told:
        return None
    newest = max(told, key=_age)
    described = await _docker_ask(f"/images/{newest['Id']}/json") or {}
    created = described.get("Created", "") if isinstance(described, dict) else ""
    tags = [t for t in newest.get("RepoTags") or [] if "<none>" not in t]
    return Found("docker", newest["Id"], newest["Size"], created, (tags or [newest["Id"]])[0])


async def _docker_export(found: Found, archive: Path, report: Report) -> None:
    session = _docker_session()
    assert session is not None  # it has just answered
    async with session, session.get(f"/images/{quote(found.name, safe='/:@')}/get") as answer:
        if answer.status != 200:
            raise EngineFailed(f"Docker does not give {found.name}", detail=await answer.text())
        done = 0
        with archive.open("wb") as file:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await asyncio.to_thread(file.write, chunk)
                done += len(chunk)
                report(Progress("pull", "from Docker", min(done, found.size), found.size))


async def _docker_ask(path: str) -> Any:
    """What Docker answers, as JSON; None if it does not know, or does not answer."""
    session = _docker_session()
    if session is None:
        return None
    import aiohttp

    try:
        async with session, asyncio.timeout(_ANSWERS_WITHIN), session.get(path) as answer:
            return await answer.json() if answer.status == 200 else None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as e:
        log.info("the local Docker does not answer: %s", e)
        return None


def _docker_session() -> aiohttp.ClientSession | None:
    """A connection to be: to ``DOCKER_HOST``, or to a socket at the usual places; None if there is none."""
    host = os.environ.get("DOCKER_HOST") or _docker_socket()
    if not host:
        return None
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWERS_WITHIN)
    kind, _, where = host.partition("://")
    if kind == "unix":
        connector = aiohttp.UnixConnector(path=where)
        return aiohttp.ClientSession("http://docker", connector=connector, timeout=timeout)
    if kind in ("tcp", "http", "https"):
        secure = kind == "https" or bool(os.environ.get("DOCKER_TLS_VERIFY"))
        tcp = aiohttp.TCPConnector(ssl=_docker_certificates() if secure else False)
        base = f"http{'s' if secure else ''}://{where.rstrip('/')}"
        return aiohttp.ClientSession(base, connector=tcp, timeout=timeout)
    log.info("DOCKER_HOST %s is of a kind that is not supported here", host)
    return None


def _docker_socket() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path("/var/run/docker.sock"), Path("~/.docker/run/docker.sock").expanduser()]
    places += [Path(runtime) / "docker.sock"] if runtime else []
    return next((f"unix://{p}" for p in places if p.is_socket() and os.access(p, os.W_OK)), "")


def _docker_certificates() -> ssl.SSLContext:
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or "~/.docker").expanduser()
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


# -- Podman


async def _podman_find(name: Name) -> Found | None:
    described = await _podman_ask("image", "inspect", name.familiar)
    if not described:
        return None
    one = described[0]
    return Found("podman", one["Id"], one.get("Size", 0), one.get("Created", ""), one["Id"])


async def _podman_newest() -> Found | None:
    listed = await _podman_ask("images", "--format", "json")
    if not listed:
        return None
    newest = max(listed, key=_age)
    described = await _podman_ask("image", "inspect", newest["Id"])
    created = described[0].get("Created", "") if described else ""
    return Found("podman", newest["Id"], newest.get("Size", 0), created, newest["Id"])


async def _podman_export(found: Found, archive: Path, report: Report) -> None:
    report(Progress("pull", "from Podman", 0, None))
    argv = [
        "podman",
        "save",
        "--quiet",
        "--format",
        "docker-archive",
        "-o",
        str(archive),
        found.name,
    ]
    outcome = await run_tool(argv)
    if "no space left" in outcome.err:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if outcome.code:
        raise EngineFailed(f"Podman does not give {found.name}", detail=outcome.err)


async def _podman_ask(*argv: str) -> Any:
    """What Podman prints, as JSON; None if it does not know, or is not there."""
    if shutil.which("podman") is None or not _podman_was_used():
        return None
    try:
        outcome = await run_tool(["podman", *argv], timeout=_PODMAN_ANSWERS_WITHIN)
    except TimedOut:
        return None
    return json.loads(outcome.out) if outcome.code == 0 and outcome.out else None


def _podman_was_used() -> bool:
    """Whether Podman has a store: asking it would make one, and for an ordinary user a process that stays."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    places = [config / "containers/storage.conf", Path("/etc/containers/storage.conf")]
    root = Path("/var/lib") if user_id() == 0 else data
    places.append(root / "containers/storage")
    return "CONTAINERS_STORAGE_CONF" in os.environ or any(p.exists() for p in places)
