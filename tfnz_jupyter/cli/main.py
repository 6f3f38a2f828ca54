"""Which command was meant, and what the shell is told: 0 done, 1 not done, 2 not understood."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .. import __version__, grammar
from ..errors import TfnzError, UsageError
from ..grammar import shell
from ..homes import EMBEDDED, Home

_TOP = """\
tfnz: containers that live in a notebook

  tfnz doctor            look at this machine: what containers need, what is missing, and how to mend it"""
_BOTTOM = """\
  tfnz --version         the version of this package
  tfnz help              this text; tfnz COMMAND -h tells more about one

In a notebook, start with:   %load_ext tfnz_jupyter
                             %tf spawn --name web -p 8080:80 nginx"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except UsageError as error:
        print(f"tfnz: {error}", file=sys.stderr)
        return 2
    except TfnzError as error:
        print(f"tfnz: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _dispatch(arguments: list[str]) -> int:
    location, arguments = _elsewhere(arguments)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in _SHELL:
        return _shell(arguments)
    if name in _COMMANDS:
        return _COMMANDS[name](rest)
    if name in _VERBS or name in grammar.ELSEWHERE:
        from . import containers  # late: nothing above needs a location

        return containers.run(arguments, location)
    near = difflib.get_close_matches(name, [*_COMMANDS, *_SHELL, *_VERBS], n=1)
    hint = f"Did you mean 'tfnz {near[0]}'?" if near else "'tfnz help' lists the commands."
    raise UsageError(f"there is no command {name!r}", hint=hint)


def _elsewhere(arguments: list[str]) -> tuple[str | None, list[str]]:
    """``--location NAME`` before the command, and the rest."""
    match arguments:
        case ["--location", name, *rest]:
            return name, rest
        case [first, *rest] if first.startswith("--location="):
            return first.partition("=")[2], rest
        case ["--location"]:
            raise UsageError("--location needs a name", hint="tfnz locations lists them.")
    return None, arguments


def _shell(arguments: list[str]) -> int:
    """A command of the grammar's table for shells."""
    command = shell.parse_shell(arguments)
    if isinstance(command, shell.Help):
        print(shell.describe_shell(command.verb or ""))
        return 0
    if isinstance(command, shell.Serve):
        from .serve import serve

        return serve(command)
    if isinstance(command, shell.PrintManifest):
        from .manifest import manifest

        return manifest(command)
    from . import accounts

    deeds: dict[type, Callable[[Any], int]] = {
        shell.Invite: accounts.invite,
        shell.Join: accounts.join,
        shell.ListAccounts: accounts.list_accounts,
        shell.Revoke: accounts.revoke,
        shell.Backup: accounts.backup,
        shell.Restore: accounts.restore,
        shell.ListLocations: accounts.locations,
        shell.ShowAuthority: accounts.authority,
    }
    return deeds[type(command)](command)


def _help(arguments: list[str]) -> int:
    print(_TOP)
    told = {"help", "doctor", *_NOTEBOOKS}
    for verb in [*shell.SHELL_VERBS, *grammar.VERBS]:
        if verb.name not in told:
            told.add(verb.name)
            print(f"  tfnz {verb.name:<17} {verb.summary}")
    print(_BOTTOM)
    return 0


def _version(arguments: list[str]) -> int:
    print(f"tfnz_jupyter {__version__}")
    return 0


def _doctor(arguments: list[str]) -> int:
    from ..doctor import examine

    wish = grammar.parse(["doctor", *arguments], prog="tfnz")
    if not isinstance(wish, grammar.Doctor):
        print(grammar.describe("doctor", "tfnz"))
        return 0
    report = examine(home=_meant(wish))
    print(report.as_json() if wish.json else report.as_text())
    return 0 if report.works else 1


def _meant(wish: grammar.Doctor) -> Home:
    """The home of that engine and its options; where none is given, of a location that serves here by it."""
    from ..blocking import block
    from ..sdk.here import serving

    engine = wish.engine or EMBEDDED
    here = (address.home for address in block(serving()) if address.home.engine == engine)
    return Home.of(engine, wish.options) if wish.options else next(here, Home.of(engine))


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "doctor": _doctor,
    "help": _help,
    "--help": _help,
    "-h": _help,
    "version": _version,
    "--version": _version,
}
#: What means something only where a session lives on; the shell says so when asked.
_NOTEBOOKS = {"connect", "disconnect", "deny", "unpublish"}
#: First words of the verbs that a notebook has too.
_VERBS = {verb.name.split()[0] for verb in grammar.VERBS} - set(_COMMANDS)
#: First words of the shell's own table.
_SHELL = sorted({verb.name.split()[0] for verb in shell.SHELL_VERBS})
