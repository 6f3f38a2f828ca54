"""Which location is meant, and its address: of this user's accounts, or one that is started on this machine.

In this order: the name that is given, ``TFNZ_LOCATION``, the user's default, ``embedded``. Names of engines mean locations on
this machine (``homes``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ..errors import NotFound, UsageError
from ..folders import config_folder
from ..homes import EMBEDDED, Home
from ..keyring import HERE, Account, Keyring
from .address import Address
from .handle import nearest
from .here import find_or_start

#: Where a location listens unless told otherwise.
PORT = 2020
_HOST_PORT = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+|[0-9a-fA-F:]{3,})(:(?P<port>\d{1,5}))?"
)


def all_names() -> list[str]:
    """The locations this user can connect to."""
    return [*HERE, *Keyring(config_folder()).names()]


def chosen(location: str | None, location_ip: str | None) -> str:
    """The name of the location that is meant.

    Raises:
        NotFound: there is no account for it; the hint names the nearest.
        UsageError: an address is given for one on this machine, or is none.
    """
    name = location or os.environ.get("TFNZ_LOCATION") or _default()
    if location_ip is not None:
        endpoint(location_ip)
        if name in HERE:
            raise UsageError(
                f"location_ip={location_ip!r}: whose address is it?",
                hint="Say location= too: the name of an account ('tfnz locations' lists them).",
            )
    if name not in all_names():
        raise NotFound(f"no location {name!r}", hint=nearest(name, all_names()))
    return name


def home_of(name: str, options: Iterable[tuple[str, str]]) -> Home | None:
    """The home of a location on this machine; None for one elsewhere.

    Raises:
        UsageError: options are given for one elsewhere.
    """
    if name in HERE:
        return Home.of(name, options)
    for option, _ in options:
        raise UsageError(
            f"location {name!r} takes no {option}: it runs elsewhere",
            hint=f"Options are for locations on this machine: {', '.join(HERE)}.",
        )
    return None


async def find(name: str, location_ip: str | None, home: Home | None) -> Address:
    """The address of a location; one on this machine is started if it is not there.

    Raises:
        EngineFailed, NotSupported: it cannot run on this machine; the message says why.
        UsageError: the account's file does not hold an account, or an option says nothing to the engine.
    """
    if home is not None:
        return await find_or_start(home)
    return address_of(Keyring(config_folder()).account(name), location_ip)


def address_of(account: Account, location_ip: str | None = None) -> Address:
    """Where an account leads; ``location_ip`` dials another address for the same location."""
    where = endpoint(location_ip) if location_ip is not None else account.endpoint
    return Address(where, account.server_key, account.keys)


def endpoint(address: str, *, least: int = 1) -> str:
    """``HOST``, ``HOST:PORT``, ``[IPV6]:PORT`` as libzmq takes it; ``least`` is the lowest port that makes sense.

    Raises:
        UsageError: it is no address.
    """
    found = _HOST_PORT.fullmatch(str(address).removeprefix("tcp://"))
    if found is None or not least <= int(found["port"] or PORT) < 65_536:
        raise UsageError(f"{address!r} is not an address", hint="Write HOST or HOST:PORT.")
    host = found["host"]
    bare = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"tcp://{bare}:{found['port'] or PORT}"


def _default() -> str:
    return Keyring(config_folder()).default() or EMBEDDED
