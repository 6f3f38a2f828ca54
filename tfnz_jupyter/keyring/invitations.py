"""An invitation: one line of text that lets its holder make one account, once, before it expires.

It carries where the location is, the location's public key, and the secret of a key pair of its own. That key opens the
encrypted channel to the location for one deed only: to register the key the holder has made. The location keeps nothing
but its public half, so that neither its database nor anybody on the way can join with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

import msgspec

from ..errors import UsageError
from .keys import KeyPair, pair_of

_PREFIX = "tfnz1-"
_CHECK = 6  # bytes of a digest: a token that lost a character is known for one


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a token says."""

    location: str  # what the location calls itself
    endpoint: str
    server_key: bytes
    keys: KeyPair

    def token(self) -> str:
        """As one word, to be handed over by a way that nobody reads."""
        fields = (self.location, self.endpoint, self.server_key, self.keys.secret)
        content = msgspec.msgpack.encode(fields)
        return _PREFIX + base64.urlsafe_b64encode(_digest(content) + content).decode().rstrip("=")

    @classmethod
    def from_token(cls, token: str) -> Invitation:
        """What a token says.

        Raises:
            UsageError: it is none, or not whole.
        """
        try:
            location, endpoint, server_key, secret = _fields(token.strip())
            if len(server_key) != 32 or not endpoint.startswith("tcp://"):
                raise ValueError("not an invitation")
            return cls(location, endpoint, server_key, pair_of(secret))
        except Exception as problem:
            raise UsageError(
                "this is not a whole invitation",
                hint=f"It is one word that begins with {_PREFIX}; copy all of it.",
            ) from problem


def _fields(token: str) -> tuple[str, str, bytes, bytes]:
    if not token.startswith(_PREFIX):
        raise ValueError("another prefix")
    coded = token.removeprefix(_PREFIX)
    try:
        whole = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
    except binascii.Error as problem:
        raise ValueError("not base64") from problem
    if whole[:_CHECK] != _digest(whole[_CHECK:]):
        raise ValueError("the digest is another")
    return msgspec.msgpack.decode(whole[_CHECK:], type=tuple[str, str, bytes, bytes])


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_CHECK]
