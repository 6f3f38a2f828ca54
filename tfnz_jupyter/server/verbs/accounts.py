"""Accounts: inviting, joining, listing, revoking."""

from __future__ import annotations

from ...errors import Refused, SessionEnded
from ...wire import messages as m
from ..accounts import Entry, Standing
from ..ledger import Limits
from ..peer import Peer
from .deeds import Deed, Means


class AccountVerbs:
    """The verbs of accounts."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._accounts = means.accounts

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.Invite: self._invite,
            m.Join: self._join,
            m.ListAccounts: self._list,
            m.Revoke: self._revoke,
        }

    async def _invite(self, peer: Peer, verb: m.Invite, call: int) -> m.Invited:
        self._require_operator(peer)
        limits = Limits(verb.sessions, verb.containers, verb.memory)
        self._accounts.invite(verb.name, verb.key, verb.lifetime, limits)
        plate = self._means.plate
        return m.Invited(plate.location, plate.endpoint, plate.server_key)

    async def _join(self, peer: Peer, verb: m.Join, call: int) -> m.Joined:
        if not peer.guest:
            raise Refused("joining takes the key of an invitation")
        return m.Joined(self._accounts.join(peer.key, verb.key).name)

    async def _list(self, peer: Peer, verb: m.ListAccounts, call: int) -> m.Accounts:
        self._require_operator(peer)
        return m.Accounts([self._state(entry) for entry in self._accounts.all()])

    async def _revoke(self, peer: Peer, verb: m.Revoke, call: int) -> m.Done:
        self._require_operator(peer)
        key = self._accounts.revoke(verb.name)
        why = SessionEnded("this account was revoked", hint="Ask the location's operator.")
        self._means.evict(key.hex(), why)
        return m.Done()

    def _state(self, entry: Entry) -> m.AccountState:
        if entry.expires is not None:
            return m.AccountState(entry.name, "", entry.since, entry.expires)
        key = entry.key.hex()
        sessions, containers = len(self._means.peers(key)), self._means.estate.live(key)
        return m.AccountState(entry.name, key, entry.since, None, sessions, containers)

    def _require_operator(self, peer: Peer) -> None:
        if self._accounts.standing(peer.key) is not Standing.OPERATOR:
            raise Refused("only the operator of this location does that")
