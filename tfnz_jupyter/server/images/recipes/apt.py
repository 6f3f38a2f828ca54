"""Debian packages, fetched by apt itself and verified by its signatures, without touching this machine's own apt.

Of the machine's apt configuration only what says how to reach the mirrors and whom to trust is taken (proxies,
certificates, time-outs, whether old release files are accepted); lists and packages are kept below our own folder, so a
second build loads little or nothing. Packages that a recipe assumes are written into a made-up status file, which makes
apt take them, and all they need, for installed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ....engines.base import Progress, Report
from ....errors import EngineFailed, TfnzError, Unreachable
from ..failures import disk_full
from ..tools import Outcome, environment, run_tool
from .recipe import Version

log = logging.getLogger(__name__)

_LISTS_ARE_GOOD_FOR = 3600.0
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_FIELDS = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
_SILENCE = 300.0  # seconds without a word: it hangs
_LISTS_TAKE = 100 * 2**20  # bytes, with apt's caches of them
_GROWS_BY = 5  # a package's layer against its file
_DEFAULT = ("bookworm", "12")
_CARRIED = re.compile(
    r"Acquire::((http|https|ftp|socks)::|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date|"
    r"Max-ValidTime|Queue-Mode)"
)
_OFFLINE = (
    "Temporary failure resolving",
    "Could not resolve",
    "Could not connect",
    "Unable to connect",
    "onnection timed out",
    "onnection refused",
    "onnection failed",
    "Network is unreachable",
)


@dataclass(frozen=True, slots=True)
class Package:
    """One file to fetch."""

    name: str
    version: str
    file: str  # its name in the cache
    size: int  # bytes


class Apt:
    """An apt of our own in one folder. One caller at a time: it has locks, and so has this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()
        self._sources: tuple[str, list[str]] | None = None

    async def fetch(
        self, packages: tuple[str, ...], assumed: tuple[str, ...], report: Report
    ) -> tuple[list[Package], list[Path]]:
        """The packages and all they depend on: what they are, and their verified files.

        Raises:
            Unreachable: no mirror answers, and the cache does not do.
            EngineFailed: apt's words.
        """
        async with self._lock:
            await self._prepare(assumed)
            fresh = await self._refresh(report)
            try:
                found = await self._resolve(packages)
                await self._download(packages, found, report)
            except EngineFailed:
                if fresh:
                    raise
                await self._update(report)  # an old list names files that the mirror has replaced
                found = await self._resolve(packages)
                await self._download(packages, found, report)
            archives = self._folder / "cache/archives"
            return found, [archives / p.file for p in found]

    async def sources(self) -> tuple[str, list[str]]:
        """(codename, lines for sources.list): this machine's own Debian mirrors, else Debian's. Asked once."""
        if self._sources is None:
            self._sources = await self._find_sources()
        return self._sources

    async def _find_sources(self) -> tuple[str, list[str]]:
        codename, own = host_release()[0], []
        if codename:
            own = await _own_sources(codename)
        codename = codename or _DEFAULT[0]
        signed = _signed_by()
        lines = own or [
            f"http://deb.debian.org/debian {codename} main",
            f"http://deb.debian.org/debian {codename}-updates main",
            f"http://deb.debian.org/debian-security {codename}-security main",
        ]
        return codename, [f"deb {signed}{line}" for line in lines]

    async def settings(self) -> str:
        """The machine's apt configuration, as far as it says how to reach and trust mirrors."""
        dumped = await run_tool(["apt-config", "dump", "Acquire"])
        lines = [line for line in dumped.out.decode().splitlines() if _CARRIED.match(line)]
        # A mirror that does not answer must not hold up a user for minutes.
        return "\n".join(['Acquire::http::Timeout "10";', 'Acquire::Retries "1";', *lines, ""])

    async def _prepare(self, assumed: tuple[str, ...]) -> None:
        for name in ("lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        architecture = (await run_tool(["dpkg", "--print-architecture"])).out.decode().strip()
        stanza = (
            "Package: {}\nStatus: install ok installed\nVersion: 99:1\n"
            "Architecture: {}\nMulti-Arch: foreign\nMaintainer: none\nDescription: assumed\n\n"
        )
        status = "".join(stanza.format(name, architecture) for name in assumed)
        self._write("status", status)
        self._write("sources.list", "\n".join((await self.sources())[1]) + "\n")
        self._write(
            "apt.conf",
            f"""{await self.settings()}
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{self._folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{self._folder}";
Dir::State::lists "{self._folder}/lists";
Dir::State::status "{self._folder}/status";
Dir::Cache "{self._folder}/cache";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
""",
        )

    def _write(self, name: str, content: str) -> None:
        """Only where it differs: apt's own cache of the lists goes by the files' times."""
        file = self._folder / name
        if not file.exists() or file.read_text() != content:
            file.write_text(content)

    async def _refresh(self, report: Report) -> bool:
        """Update the lists if they are old; True if they are new now."""
        stamp = self._folder / "updated"
        sources = (self._folder / "sources.list").read_text()
        try:
            same = stamp.read_text() == sources
            if same and 0 <= time.time() - stamp.stat().st_mtime < _LISTS_ARE_GOOD_FOR:
                return False
        except FileNotFoundError:
            same = False
        try:
            await self._update(report)
        except Unreachable as e:
            if not same:
                raise
            log.info("using old package lists: %s", e.message)
            return True
        stamp.write_text(sources)
        return True

    async def _update(self, report: Report) -> None:
        self._check_room(_LISTS_TAKE)
        report(Progress("build", "Fetching Debian's package lists"))
        outcome = await self._apt("update", "-q")
        if outcome.code:
            raise failure("the package lists cannot be fetched", outcome, self._folder)

    async def _resolve(self, packages: tuple[str, ...]) -> list[Package]:
        """With an empty archive folder apt lists all files, not only those it still has to fetch."""
        nothing = self._folder / "nothing"
        (nothing / "partial").mkdir(mode=0o700, parents=True, exist_ok=True)
        options = ("-o", f"Dir::Cache::archives={nothing}", "--print-uris", "-qq")
        outcome = await self._apt("install", "-y", *options, *packages)
        if outcome.code:
            raise failure(f"apt cannot find {' '.join(packages)}", outcome, self._folder)
        return parse_uris(outcome.out.decode())

    async def _download(
        self, packages: tuple[str, ...], found: list[Package], report: Report
    ) -> None:
        archives = self._folder / "cache/archives"
        missing = [p for p in found if not (archives / p.file).is_file()]
        self._check_room(sum(p.size for p in missing) + sum(p.size for p in found) * _GROWS_BY)
        if not missing:
            return

        def heard(line: str) -> None:
            if line.startswith("Get:"):
                report(Progress("build", f"Fetching {line.split(' ')[4]}", 0, len(found)))

        outcome = await self._apt("install", "-y", "-q", "--download-only", *packages, heard=heard)
        if outcome.code:
            raise failure("packages cannot be fetched", outcome, self._folder)

    def _check_room(self, needed: int) -> None:
        """apt hangs on a full disk. So it is not let near one."""
        if shutil.disk_usage(self._folder).free < needed:
            raise disk_full(folder=self._folder, needed=needed)

    async def _apt(self, *argv: str, heard: Callable[[str], None] | None = None) -> Outcome:
        config = str(self._folder / "apt.conf")
        env = environment(APT_CONFIG=config, DEBIAN_FRONTEND="noninteractive")
        return await run_tool(["apt-get", *argv], env=env, on_line=heard, silence=_SILENCE)


def parse_uris(output: str) -> list[Package]:
    """What ``--print-uris`` says: ``'URI' file size hash`` a line."""
    found = []
    for line in output.splitlines():
        if match := re.match(r"'[^']+' (\S+) (\d+)", line):
            name, version, _ = unquote(match[1]).split("_", 2)
            found.append(Package(name, version, match[1], int(match[2])))
    return found


def failure(what: str, outcome: Outcome, folder: Path) -> TfnzError:
    """The error for what apt or mmdebstrap said."""
    if "No space left on device" in outcome.err or "enough free space" in outcome.err:
        return disk_full(outcome.err, folder)
    if any(words in outcome.err for words in _OFFLINE):
        return Unreachable(
            f"{what}: the Debian mirror does not answer",
            hint="Check this machine's network and apt sources with 'apt-get update'.",
            detail=outcome.err,
        )
    return EngineFailed(what, detail=outcome.err)


def version_of(package: str, found: list[Package], codename: str) -> Version:
    """The version of one of the packages that were found."""
    return Version(next(p.version for p in found if p.name == package), codename)


def host_release() -> tuple[str, str]:
    """(codename, number) of the Debian this machine runs; empty strings on anything else."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        return "", ""
    if known.get("ID") != "debian":
        return "", ""
    return known.get("VERSION_CODENAME", ""), known.get("VERSION_ID", "")


def _signed_by() -> str:
    """Debian's own keyring, if this machine has it; otherwise whatever keys its apt trusts."""
    return f"[signed-by={_KEYRING}] " if os.path.exists(_KEYRING) else ""


async def _own_sources(codename: str) -> list[str]:
    outcome = await run_tool(
        ["apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"]
    )
    lines = []
    for row in dict.fromkeys(outcome.out.decode().splitlines()):
        site, release, component, origin = row.split("|")
        debian = origin in ("Debian", "") or origin.startswith("$")
        known = release in (codename, f"{codename}-updates", f"{codename}-security")
        if debian and known and component == "main":
            lines.append(f"{site} {release} {component}")
    return lines if any(line.split(" ")[1] == codename for line in lines) else []
