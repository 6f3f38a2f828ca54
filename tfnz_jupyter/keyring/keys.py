"""Curve25519 key pairs: one file a secret, 0600, in a folder of the user's own.

The public key is the identity of an account; the secret never leaves its file.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from ..errors import UsageError

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class KeyPair:
    """32 bytes each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"<KeyPair {self.public.hex()[:12]}>"


def make_keys() -> KeyPair:
    """A new key pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(z85.decode(public), z85.decode(secret))


def pair_of(secret: bytes) -> KeyPair:
    """The key pair of a secret of 32 bytes. Raises ``ValueError`` where it is of another length."""
    if len(secret) != _LENGTH:
        raise ValueError(f"a secret has {_LENGTH} bytes, and not {len(secret)}")
    return KeyPair(z85.decode(zmq.curve_public(z85.encode(secret))), secret)


def load_or_create(file: Path) -> KeyPair:
    """The key pair whose secret is in ``file``, made first if there is none. Two makers at once agree on one.

    Raises:
        UsageError: the file does not hold a key.
    """
    if not file.exists():
        write_new(file, make_keys().secret.hex() + "\n")
    try:
        return pair_of(bytes.fromhex(file.read_text("ascii").strip()))
    except Exception as problem:
        raise UsageError(
            f"{file} does not hold a key",
            hint="Remove the file; a new key is made when it is needed.",
        ) from problem


def write_new(file: Path, text: str) -> bool:
    """Write a file (0600) in one go unless it is there; whether it was written."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".new-")  # 0600
    try:
        with os.fdopen(descriptor, "w") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        try:
            os.link(name, file)  # fails if somebody was faster
        except FileExistsError:
            return False
        return True
    finally:
        os.unlink(name)
