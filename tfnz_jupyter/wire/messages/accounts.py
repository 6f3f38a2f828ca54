"""Accounts: an operator invites, lists and revokes; who holds an invitation joins.

Only the user whose location it is may invite, list and revoke. A session opened with the key of an invitation may join
and nothing else.
"""

from __future__ import annotations

from .base import Answer, Asked, Said


class Invite(Asked, frozen=True, tag="invite"):
    """Let the holder of a key join once, under a name. Result: ``Invited``.

    ``key`` is the public half of the invitation's own; ``lifetime`` is in seconds. Limits are the new user's: live
    sessions, live containers, and bytes of memory over all of them; None for what the location gives everybody.
    """

    name: str
    key: bytes
    lifetime: float
    sessions: int | None = None
    containers: int | None = None
    memory: int | None = None


class Invited(Answer, frozen=True, tag="invited"):
    """What an invitation says beside its secret."""

    location: str
    endpoint: str
    server_key: bytes


class Join(Asked, frozen=True, tag="join"):
    """Use the invitation up: this key is an account from now on. Result: ``Joined``."""

    key: bytes


class Joined(Answer, frozen=True, tag="joined"):
    """The account stands, under the name the operator chose."""

    name: str


class ListAccounts(Asked, frozen=True, tag="list-accounts"):
    """Who may come in. Result: ``Accounts``."""


class AccountState(Said, frozen=True, tag="account-state"):
    """One account, or an invitation nobody has used (``key`` is empty then). Times are seconds since the epoch."""

    name: str
    key: str
    since: float
    expires: float | None = None
    sessions: int = 0
    containers: int = 0


class Accounts(Answer, frozen=True, tag="accounts"):
    """All accounts and open invitations, by name."""

    accounts: list[AccountState]


class Revoke(Asked, frozen=True, tag="revoke"):
    """End an account or an invitation, and at once every session of it. Result: ``Done``."""

    name: str
