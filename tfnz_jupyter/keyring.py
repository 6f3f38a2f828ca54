"""Curve25519 key pairs on disk: one file a secret, 0600, in a folder of the user's own.

The public key is the identity of an account; the secret never leaves this file.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PrivateKey

from .errors import UsageError


@dataclass(frozen=True, slots=True)
class KeyPair:
    """32 bytes each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"<KeyPair {self.public.hex()[:12]}>"


def load_or_create(file: Path) -> KeyPair:
    """The key pair whose secret is in ``file``, made first if there is none. Two makers at once agree on one.

    Raises:
        UsageError: the file does not hold a key.
    """
    if not file.exists():
        _create(file)
    try:
        secret = PrivateKey(bytes.fromhex(file.read_text("ascii").strip()))
    except Exception as problem:
        raise UsageError(
            f"{file} does not hold a key",
            hint="Remove the file; a new key is made when it is needed.",
        ) from problem
    return KeyPair(bytes(secret.public_key), bytes(secret))


def _create(file: Path) -> None:
    """Write a new secret beside its place and link it in, which fails if somebody was faster."""
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # 0600
    try:
        with os.fdopen(descriptor, "w") as new:
            new.write(bytes(PrivateKey.generate()).hex() + "\n")
        try:
            os.link(name, file)
        except FileExistsError:
            return
    finally:
        os.unlink(name)
