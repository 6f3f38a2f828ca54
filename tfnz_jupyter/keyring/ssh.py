"""OpenSSH key pairs on disk: the user's own for containers, and the one a location shows as its host key.

Not imported with the rest of the keyring: asyncssh takes a while to load, and few sessions need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import asyncssh

from ..errors import UsageError
from .keys import write_new


def load_or_create_ssh(file: Path) -> asyncssh.SSHKey:
    """The Ed25519 key in ``file``, made first if there is none, with its public half beside it (``.pub``).

    Raises:
        UsageError: the file does not hold such a key.
    """
    if not file.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment="tfnz")
        write_new(file, key.export_private_key().decode())
    try:
        key = asyncssh.read_private_key(file)
    except (asyncssh.KeyImportError, ValueError) as problem:
        raise UsageError(
            f"{file} does not hold an SSH key: {problem}",
            hint="Remove the file; a new key is made when it is needed.",
        ) from problem
    write_new(file.with_name(f"{file.name}.pub"), key.export_public_key().decode())
    return key


def authorized_keys(lines: Sequence[str]) -> asyncssh.SSHAuthorizedKeys:
    """The keys in lines of an ``authorized_keys`` file, options and all.

    Raises:
        UsageError: a line holds no key.
    """
    for line in lines:
        try:
            asyncssh.import_authorized_keys(line)
        except (asyncssh.KeyImportError, ValueError) as problem:
            raise UsageError(
                f"no public SSH key: {line.strip()[:60]!r}", hint="Give the text of a .pub file."
            ) from problem
    return asyncssh.import_authorized_keys("\n".join(lines))
