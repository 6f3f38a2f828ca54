"""A process's spec as the script in its Pod reads it: shell code that sets what ``live`` and ``become`` look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..accounts import DEFAULT_PATH, Account
from ..base import Terminal
from .init import FOLDER, quoted


def spec(
    argv: Sequence[str], env: Sequence[str], cwd: str, account: Account,
    terminal: Terminal | None = None,
) -> str:  # fmt: skip
    """``env`` has ``KEY=value`` lines; ``argv`` may be empty, of a container that only sleeps."""
    path = next((line[5:] for line in env if line.startswith("PATH=")), DEFAULT_PATH)
    # env(1) takes whatever has a "=" for a variable; nice(1) takes it as it is
    bare = () if argv and "=" not in argv[0] else (f"{FOLDER}/busybox", "nice", "-n", "0")
    facts = {
        "command": argv[0] if argv else "",
        "at": cwd or "/",
        "path": path,
        "terminal": _terminal(terminal) if terminal is not None else "",
        "uid": str(account.uid) if account.uid else "",
        "groups": _groups(account),
    }
    lines = [f"{name}={quoted(value)}" for name, value in facts.items()]
    return "\n".join([*lines, f"set -- {quoted(*env, *bare, *argv)}", ""])


def _groups(account: Account) -> str:
    """For start-stop-daemon: with further groups it looks the account up, as initgroups() does; without, the one is enough."""
    more = set(account.groups) - {account.gid}
    return f"{account.uid if more else ''}:{account.gid}"


def _terminal(terminal: Terminal) -> str:
    """For stty."""
    return f"rows {terminal.rows} cols {terminal.columns}{'' if terminal.echo else ' -echo'}"
