"""Joining a location, and, for the operator of one that serves on this machine, saying who else may.

The operator is whoever started the location: it is reached by the private socket in that user's runtime folder. An
invitation's secret is made here; the location learns its public half alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from ..errors import Refused, TfnzError, Unreachable
from ..folders import config_folder
from ..keyring import Account, Invitation, KeyPair, Keyring, load_or_create, make_keys
from ..wire import messages as m
from .address import Address
from .connection import Connection
from .here import serving


class _Nobody:
    """Is told what a location says unasked, and does not care."""

    def heard(self, message: m.Message) -> None:
        """Nothing follows."""

    def reborn(self) -> None:
        """Nothing follows."""

    def session_ended(self, why: TfnzError) -> None:
        """Nothing follows."""


async def join(token: str, name: str = "") -> Account:
    """Make an account with an invitation, and keep it under ``name`` (else what the location calls itself).

    The keys are on disk before the location learns of them: who is interrupted says the same again.

    Raises:
        UsageError: the token is not whole, or there is an account of that name.
        Refused: the invitation is used, revoked or has expired.
        Unreachable: the location does not answer.
    """
    invitation = Invitation.from_token(token)
    ring = Keyring(config_folder())
    pending = ring.pending(name or invitation.location)
    ours = load_or_create(pending)
    try:
        await _register(invitation, ours)
    except Refused:
        pending.unlink()
        raise
    account = Account(name or invitation.location, invitation.endpoint, invitation.server_key, ours)
    ring.add(account)
    pending.unlink()
    return account


async def invite(
    name: str,
    lifetime: float,
    *,
    sessions: int | None = None,
    containers: int | None = None,
    memory: int | None = None,
) -> str:
    """A token that lets its holder join the location that serves here; good for ``lifetime`` seconds.

    Raises:
        Refused: that location serves its own user alone.
        UsageError: there is an account of that name.
        Unreachable: none serves here.
    """
    keys = make_keys()
    async with _operator() as connection:
        wish = m.Invite(name, keys.public, lifetime, sessions, containers, memory)
        told = await connection.call(wish)
    assert isinstance(told, m.Invited)
    return Invitation(told.location, told.endpoint, told.server_key, keys).token()


async def accounts() -> list[m.AccountState]:
    """Who may use the location that serves here, and who is invited. Raises ``Unreachable``: none serves here."""
    async with _operator() as connection:
        told = await connection.call(m.ListAccounts())
    assert isinstance(told, m.Accounts)
    return told.accounts


async def revoke(name: str) -> None:
    """End an account or an invitation, and every session of it.

    Raises:
        NotFound: nobody has that name.
        Unreachable: no location serves here.
    """
    async with _operator() as connection:
        await connection.call(m.Revoke(name))


async def _register(invitation: Invitation, ours: KeyPair) -> None:
    address = Address(invitation.endpoint, invitation.server_key, invitation.keys)
    try:
        async with _open(address) as connection:
            await connection.call(m.Join(ours.public))
    except Refused as problem:
        if not await _is_known(Address(invitation.endpoint, invitation.server_key, ours)):
            raise Refused(
                f"the location at {address.shown} does not take this invitation",
                hint="It works once, until it expires, is revoked or a newer one is made. Ask for another one.",
            ) from problem


async def _is_known(address: Address) -> bool:
    """Whether we have joined already, and did not hear of it."""
    try:
        async with _open(address):
            return True
    except Refused:
        return False


@contextlib.asynccontextmanager
async def _operator() -> AsyncIterator[Connection]:
    """A session of the operator's."""
    address = next(iter(await serving()), None)
    if address is None:
        raise Unreachable(
            "no location serves here",
            hint="Start one with: tfnz serve --bind ADDRESS (or set TFNZ_HOME to that of one that runs).",
        )
    async with _open(address) as connection:
        yield connection


@contextlib.asynccontextmanager
async def _open(address: Address) -> AsyncIterator[Connection]:
    connection = await Connection.open(address, _Nobody())
    try:
        yield connection
    finally:
        connection.close()
