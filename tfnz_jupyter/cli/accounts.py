"""``tfnz invite``, ``join``, ``accounts``, ``revoke``, ``account backup|restore``, ``locations``, ``ca``."""

from __future__ import annotations

import getpass
import os
import sys
import time
from pathlib import Path

from ..blocking import block
from ..errors import NotFound, TfnzError, UsageError
from ..folders import config_folder
from ..grammar import shell
from ..keyring import Account, Keyring
from ..keyring.backup import seal, unseal
from ..sdk import accounts as sdk
from ..sdk.handle import ago
from ..sdk.location import Location


def invite(wish: shell.Invite) -> int:
    """Print a token, and below it, apart, what to do with it."""
    token = block(
        sdk.invite(
            wish.name,
            wish.expires,
            sessions=wish.sessions,
            containers=wish.containers,
            memory=wish.memory,
        )
    )
    print(token, flush=True)  # before what is said of it, also where both go to one file
    print(
        f"{wish.name} joins with it once, within {ago(wish.expires)}: tfnz join TOKEN",
        file=sys.stderr,
    )
    return 0


def join(wish: shell.Join) -> int:
    """Make an account."""
    account = block(sdk.join(wish.token, wish.name))
    name = account.location
    print(f"You are known at {name}, and connect to it with Location(location={name!r}).")
    if Keyring(config_folder()).default() == name:
        print("It is your default: Location() means it.")
    return 0


def list_accounts(wish: shell.ListAccounts) -> int:
    """One a line: name, key, since when, and what it has."""
    now = time.time()
    for entry in block(sdk.accounts()):
        if entry.expires is not None:
            print(f"{entry.name}  invited, for {ago(entry.expires - now)} more")
        else:
            has = f"{entry.sessions} sessions, {entry.containers} containers"
            print(f"{entry.name}  {entry.key}  since {ago(now - entry.since)}, {has}")
    return 0


def revoke(wish: shell.Revoke) -> int:
    """End an account."""
    block(sdk.revoke(wish.name))
    print(f"{wish.name} may no longer come in; what was here of it has ended.")
    return 0


def backup(wish: shell.Backup) -> int:
    """Write a file, 0600, that must not exist."""
    ring = Keyring(config_folder())
    names = list(wish.names) or ring.names()
    if not names:
        raise NotFound("there is no account to back up", hint="Join a location: tfnz join TOKEN")
    accounts = [ring.account(name) for name in names]
    sealed = seal(accounts, _passphrase(twice=True))
    try:
        descriptor = os.open(wish.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
    except OSError as problem:
        raise _unusable(wish.file, problem) from problem
    print(f"{wish.file} holds {_listed(accounts)}. Without its passphrase nobody reads it.")
    return 0


def restore(wish: shell.Restore) -> int:
    """Add what is not here."""
    try:
        sealed = Path(wish.file).read_bytes()
    except OSError as problem:
        raise _unusable(wish.file, problem) from problem
    ring = Keyring(config_folder())
    here = ring.names()
    accounts = unseal(sealed, _passphrase(twice=False))
    new = [account for account in accounts if account.location not in here]
    for account in new:
        ring.add(account)
    for account in accounts:
        if account not in new:
            print(f"{account.location} is here already, and stays as it is.")
    print(f"Restored {_listed(new)}." if new else "There was nothing to restore.")
    return 0


def locations(wish: shell.ListLocations) -> int:
    """One a line, the default marked; or choose it."""
    ring = Keyring(config_folder())
    if wish.default:
        ring.set_default(wish.default)
    default = ring.default() or "embedded"
    for name in Location.all_locations():
        print(f"{name}  (default)" if name == default else name)
    return 0


def _passphrase(*, twice: bool) -> str:
    """Asked for at the terminal, or, where there is none, the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    given = getpass.getpass("Passphrase: ")
    if twice and getpass.getpass("Again: ") != given:
        raise UsageError("the two passphrases differ")
    return given


def _listed(accounts: list[Account]) -> str:
    return ", ".join(account.location for account in accounts)


def _unusable(file: str, problem: OSError) -> TfnzError:
    return UsageError(f"{file}: {problem.strerror}")


def authority(wish: shell.ShowAuthority) -> int:
    """Print a location's own root certificate."""
    with Location(location=wish.location or None) as location:
        print(location.authority().strip())
    return 0
