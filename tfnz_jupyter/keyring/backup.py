"""Accounts as one file that only a passphrase opens: argon2id makes the key, XSalsa20-Poly1305 seals (PyNaCl's SecretBox)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nacl import pwhash, utils
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ..errors import Refused, UsageError
from .accounts import Account

_MAGIC = b"tfnz accounts 1\n"
_SHORTEST = 8
_SALT = pwhash.argon2id.SALTBYTES


def seal(accounts: Iterable[Account], passphrase: str) -> bytes:
    """The accounts, readable only with the passphrase.

    Raises:
        UsageError: the passphrase is too short to protect anything.
    """
    if len(passphrase) < _SHORTEST:
        raise UsageError(f"a passphrase of fewer than {_SHORTEST} characters protects nothing")
    content = json.dumps([account.as_fields() for account in accounts]).encode()
    salt = utils.random(_SALT)
    return _MAGIC + salt + bytes(_box(passphrase, salt).encrypt(content))


def unseal(sealed: bytes, passphrase: str) -> list[Account]:
    """The accounts of a backup.

    Raises:
        UsageError: it is no backup.
        Refused: another passphrase, or the file was changed.
    """
    if not sealed.startswith(_MAGIC):
        raise UsageError("this file is no backup of accounts")
    rest = sealed[len(_MAGIC) :]
    try:
        content = _box(passphrase, rest[:_SALT]).decrypt(rest[_SALT:])
        return [Account.from_fields(fields) for fields in json.loads(content)]
    except (CryptoError, ValueError, KeyError, TypeError) as problem:
        raise Refused(
            "the passphrase does not open this backup", hint="Or the file was damaged on its way."
        ) from problem


def _box(passphrase: str, salt: bytes) -> SecretBox:
    if len(salt) != _SALT:
        raise ValueError("cut off")
    return SecretBox(
        pwhash.argon2id.kdf(
            SecretBox.KEY_SIZE,
            passphrase.encode(),
            salt,
            opslimit=pwhash.argon2id.OPSLIMIT_MODERATE,
            memlimit=pwhash.argon2id.MEMLIMIT_MODERATE,
        )
    )
