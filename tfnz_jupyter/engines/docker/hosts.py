"""One Docker or Podman: the way to it, what it is, the network of our containers on it, and news of what ends there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import msgspec

from ...errors import EngineFailed
from . import firewall, manifest, toolbox
from .firewall import Firewall
from .network import Network
from .probing import Seen, probe
from .rules import Chains
from .silence import no_answer, require_version
from .ways import Address, Way, reach

log = logging.getLogger(__name__)

#: What goes wrong on the way to a host.
BROKEN = (aiodocker.DockerError, aiohttp.ClientError, OSError, TimeoutError)
_ANSWERS_WITHIN = 10.0  # seconds, when it is asked for the first time
_GOES_WITHIN = 60  # seconds that a container may take to be removed
_KINDS = {"die": "die", "died": "die", "exec_die": "exec_die", "exec_died": "exec_die"}

_MOST = 1 << 20  # bytes that a script prints at most: what is in a container is not ours alone
_THERE = 'PATH=$PATH:/usr/sbin:/sbin; printf %s "$GIVEN" | chroot /host "$@"'

#: What has ended: kind, Docker's id of the container, attributes.
News = Callable[[str, str, dict[str, str]], None]


class Host:
    """A host that answers, between :meth:`open` and :meth:`close`.

    Args:
        address: where it is.
        location: the id of ours, that all we make there is labelled with.
        state: a folder for what is known of it.
        runtime: a folder for a socket, where the way leads through SSH.
        helps: whether its firewall may be changed by a container that has the host's rights for a moment.
    """

    def __init__(
        self, address: Address, location: str, state: Path, runtime: Path, *, helps: bool = False
    ) -> None:
        self.helps = helps
        self.address, self._location = address, location
        self._state, self._runtime = state, runtime
        self.name = ""
        self.kept: frozenset[str] = frozenset()  # Docker's ids of containers that go on
        self.images: set[str] = set()  # ids of those that are there, as far as is known
        self.stacks: set[tuple[str, ...]] = set()  # likewise: layers, by diff id, upon each other
        self.cpus = self.memory = 0
        self.is_near = False  # its processes are this machine's
        self._way: Way | None = None
        self.network: Network
        self.firewall: Firewall

    @property
    def way(self) -> Way:
        """Of streams and statistics."""
        assert self._way is not None
        return self._way

    @property
    def docker(self) -> aiodocker.Docker:
        """Of requests."""
        return self.way.docker

    @property
    def labels(self) -> dict[str, str]:
        """On all that is made there."""
        return {manifest.LOCATION: self._location}

    @property
    def key(self) -> str:
        """Eight hexadecimal digits, of this location on this host."""
        return hashlib.sha256(f"{self._location} {self.name}".encode()).hexdigest()[:8]

    def failed(self, problem: BaseException) -> EngineFailed:
        """What a failed request means to the location."""
        said = problem.message if isinstance(problem, aiodocker.DockerError) else str(problem)
        return EngineFailed(f"{self.name or self.address.url}: {said or type(problem).__name__}")

    async def connect(self) -> str:
        """Open the way, and learn what is there; what it calls itself. Raises ``EngineFailed``."""
        self._way = await reach(self.address, self._runtime)
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                info = await self.docker.system.info()
        except BROKEN as problem:
            await self.close()
            raise no_answer(self.address.url, problem, _ANSWERS_WITHIN) from problem
        try:
            require_version(self.address.url, self.docker.api_version)
        except EngineFailed:
            await self.close()
            raise
        self.cpus, self.memory = int(info["NCPU"]), int(info["MemTotal"])
        self.images.clear()
        self.stacks.clear()
        return _slug(str(info.get("Name", "")))

    async def prepare(self) -> list[str]:
        """Make the network and its firewall, and see whether they hold; what they do not give, in plain sentences."""
        await self._collect()
        await self._bring_toolbox()
        self.network = Network(self, f"tfnz-{self.key}", f"tfnz{self.key}")
        seen = await self._seen(is_new=await self.network.open())
        self.is_near = seen.near
        await self.keep_rules(seen.no_rules, by_helper=seen.by_helper)
        return seen.lacking

    async def keep_rules(self, why_not: str, *, by_helper: bool) -> None:
        """Have the firewall of our network, from here or by a container there."""
        run = self.run_there if by_helper else firewall.here
        self.firewall = Firewall(Chains(self.key, self.network.bridge), why_not, run)
        await self.firewall.open()

    async def run_there(self, argv: Sequence[str], given: str = "") -> tuple[int, str]:
        """Run a program of the host's, as its root, by a container that has the host's network and files for a moment."""
        return await self.do(
            ["sh", "-c", _THERE, "sh", *argv],
            Env=[f"GIVEN={given}"],
            HostConfig={"NetworkMode": "host", "Binds": ["/:/host"], "CapAdd": ["NET_ADMIN"]},
        )

    async def _bring_toolbox(self) -> None:
        try:
            await self.docker.images.inspect(toolbox.name())
        except aiodocker.DockerError:
            await self.docker.images.import_image(toolbox.archive())

    async def close(self) -> None:
        """Let go of the way; what is there stays."""
        if self._way is not None:
            way, self._way = self._way, None
            await way.close()

    async def clear(self) -> None:
        """Remove all that is ours there, but for volumes and images."""
        await self._collect()
        await self.firewall.close()
        await self.network.close()

    async def _collect(self) -> None:
        """Remove containers of ours that nobody knows; before any is made."""
        every = await self.labelled()
        await asyncio.gather(*(self.remove(one) for one in every if one not in self.kept))

    async def labelled(self) -> dict[str, str]:
        """Our containers there: Docker's id, and ours ("" for a tool of the engine's)."""
        wanted = json.dumps({"label": [f"{manifest.LOCATION}={self._location}"]})
        found = await self.docker.containers.list(all="true", filters=wanted)
        return {one.id: one["Labels"].get(manifest.NAME, "") for one in found}

    async def remove(self, container: str) -> None:
        """Kill and remove a container; returns when it is gone. Raises ``EngineFailed`` where it does not go."""
        for pause in (*(0.05 for _ in range(40)), *(1.0 for _ in range(_GOES_WITHIN))):
            try:
                await self.docker.containers.container(container).delete(force=True, v=True)
                return
            except aiodocker.DockerError as problem:
                if problem.status == 404:
                    return
                if problem.status not in (409, 500):
                    raise self.failed(problem) from problem
                log.info("removing %s: %s", container[:12], problem.message)
                said = problem
            await asyncio.sleep(pause)
        raise self.failed(said) from said

    @contextlib.asynccontextmanager
    async def tool(
        self, argv: list[str], **more: Any
    ) -> AsyncIterator[aiodocker.containers.DockerContainer]:
        """A container of the toolbox that has been started, and is removed in the end."""
        config = {"Image": toolbox.name(), "Cmd": argv, "Labels": self.labels, **more}
        config.setdefault("HostConfig", {}).setdefault("NetworkMode", "none")
        config["HostConfig"]["LogConfig"] = {"Type": "json-file"}
        made = await self.docker.containers.create(config)
        try:
            await made.start()
            yield made
        finally:
            await self.remove(made.id)

    async def do(self, argv: list[str], **more: Any) -> tuple[int, str]:
        """Run a program of the toolbox to its end: its code, and what it printed."""
        async with self.tool(argv, **more) as made:
            code = int((await made.wait())["StatusCode"])
            return code, "".join(await made.log(stdout=True, stderr=True))

    async def make_exec(self, container: str, asked: dict[str, Any]) -> str:
        """Make one more process in a container; Docker's id of it. It does not run yet."""
        made = await self.docker.containers.container(container).exec(**asked)
        return made.id

    async def inspect_exec(self, key: str) -> dict[str, Any]:
        """What Docker knows of one."""
        return await self.docker.containers.exec(key).inspect()

    async def resize_exec(self, key: str, columns: int, rows: int) -> None:
        """Give the terminal of one another size."""
        with contextlib.suppress(aiodocker.DockerError):
            await self.docker.containers.exec(key).resize(h=rows, w=columns)

    async def code_of(self, key: str) -> int:
        """Run one to its end; 0 too where its container has ended since, and it is forgotten with that."""
        await self.output_of(key)
        while True:
            try:
                found = await self.inspect_exec(key)
            except aiodocker.DockerError as problem:
                if problem.status not in (404, 409):
                    raise
                return 0
            if not found["Running"]:
                return int(found["ExitCode"] or 0)
            await asyncio.sleep(0.01)

    async def output_of(self, key: str) -> bytes:
        """Run one to the end of its outputs, or for as long as it says no more than scripts do; what it printed."""
        reader, writer = await self.way.stream(f"exec/{key}/start", {"Detach": False, "Tty": False})
        try:
            text, said = b"", b""
            while len(text) < _MOST and (more := await reader.read(_MOST)):
                text += more
        finally:
            writer.close()
        while text:
            size = int.from_bytes(text[4:8], "big")
            said, text = said + text[8 : 8 + size], text[8 + size :]
        return said

    async def mounted(self, described: dict[str, Any]) -> dict[str, str]:
        """The volumes of a container, by our ids."""
        found = {}
        for mount in described.get("Mounts") or ():
            volume = await (await self.docker.volumes.get(mount["Name"])).show()
            found[(volume.get("Labels") or {}).get(manifest.NAME, "")] = mount["Name"]
        return found

    async def _seen(self, *, is_new: bool) -> Seen:
        """What it gives; while the network is there, what a location before this one saw holds."""
        file = self._state / f"seen-{self.key}.json"
        if is_new or not file.exists():
            file.write_bytes(msgspec.json.encode(await probe(self)))
        return msgspec.json.decode(file.read_bytes(), type=Seen)

    async def follow(self, tell: News, since: float) -> None:
        """Tell what ends, until the connection does. Raises what ends it."""
        query = {"type": ["container"], "label": [f"{manifest.LOCATION}={self._location}"]}
        params: dict[str, Any] = {"filters": json.dumps(query), "since": f"{since:.6f}"}
        events = self.docker.events.subscribe(create_task=False)
        running = asyncio.ensure_future(self.docker.events.run(**params))
        try:
            while (event := await events.get()) is not None:
                attributes = event.get("Actor", {}).get("Attributes", {})
                action = str(event.get("Action", "")).partition(":")[0]
                if action in _KINDS:
                    tell(_KINDS[action], event["Actor"]["ID"], attributes)
            await running
        finally:
            running.cancel()

    async def clock(self) -> float:
        """The time there."""
        return seconds((await self.docker.system.info()).get("SystemTime", ""))


def seconds(text: str) -> float:
    """A time as Docker writes it, in its own zone, since the epoch; without a time, ours. Pure but for that."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return time.time()
    return found.timestamp() if found.tzinfo else found.replace(tzinfo=UTC).timestamp()


def identity(file: Path) -> str:
    """What this location's things are labelled with, on every host; made once."""
    with contextlib.suppress(FileNotFoundError):
        return file.read_text("ascii").strip()
    made = secrets.token_hex(8)
    file.write_text(made + "\n", "ascii")
    return made


def _slug(name: str) -> str:
    text = re.sub(r"[^a-z0-9-]+", "-", name.split(".")[0].lower())
    return text.strip("-")[:63].strip("-") or "node"
