"""Commands of the shell alone: a location that serves others, and the accounts of this user.

The same words as in a notebook would mean nothing there, so they are a table of their own, read by the same parser.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..errors import UsageError
from . import values
from .commands import Help as Help
from .engines import OPTIONS
from .help import page
from .parser import nearest, read
from .slots import Argument, Option, Verb
from .words import Word


class Serve(Struct, frozen=True):
    """``ready_fd`` is where a starter waits to hear that it serves, or why not."""

    bind: tuple[str, ...] = ()
    engine: str = "embedded"
    options: tuple[tuple[str, str], ...] = ()
    name: str = ""
    address: str = ""
    sessions: int | None = None
    containers: int | None = None
    memory: int | None = None
    registries: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    web: str = "127.0.0.1"
    hand_over: bool = False
    idle: float | None = None
    ready_fd: int | None = None


class Invite(Struct, frozen=True):
    name: str
    expires: float = 48 * 3_600.0
    sessions: int | None = None
    containers: int | None = None
    memory: int | None = None


class Join(Struct, frozen=True):
    token: str
    name: str = ""


class ListAccounts(Struct, frozen=True):
    pass


class Revoke(Struct, frozen=True):
    name: str


class Backup(Struct, frozen=True):
    file: str
    names: tuple[str, ...] = ()


class Restore(Struct, frozen=True):
    file: str


class ListLocations(Struct, frozen=True):
    default: str = ""


class ShowAuthority(Struct, frozen=True):
    location: str = ""


class PrintManifest(Struct, frozen=True):
    """Of the kubernetes engine: ``kind`` is rights, statistics or location."""

    kind: str
    namespace: str = "default"
    user: str = ""
    account: str = ""
    image: str = ""
    name: str = "cluster"
    registry: str = ""


ShellCommand = (
    Serve
    | Invite
    | Join
    | ListAccounts
    | Revoke
    | Backup
    | Restore
    | ListLocations
    | ShowAuthority
    | PrintManifest
    | Help
)

_LIMITS = (
    Option(("--sessions",), "sessions", "sessions a user may have at a time", "N", values.count),
    Option(("--containers",), "containers", "live containers", "N", values.count),
    Option(("--memory",), "memory", "memory of all of them together", "SIZE", values.size),
)

SHELL_VERBS: tuple[Verb, ...] = (
    Verb(
        "serve",
        Serve,
        "run a location here that serves other people",
        (),
        (
            Option(
                ("--bind",),
                "bind",
                "where to listen; port 2020 unless said",
                "HOST[:PORT]",
                repeats=True,
            ),
            Option(
                ("--engine",), "engine", "what runs them: embedded, docker, kubernetes", "ENGINE"
            ),
            *OPTIONS,
            Option(("--name",), "name", "what invitations call it; else its address", "NAME"),
            Option(("--address",), "address", "where others reach it, if not there", "HOST[:PORT]"),
            *_LIMITS,
            Option(
                ("--allow-registry",),
                "registries",
                "a private registry that others may pull from",
                "HOST[:PORT]",
                repeats=True,
            ),
            Option(
                ("--domain",),
                "domains",
                "what users may publish under, besides localhost",
                "NAME",
                repeats=True,
            ),
            Option(
                ("--web",), "web", "where visitors of what is published come to: 127.0.0.1", "HOST"
            ),
            Option(
                ("--hand-over",),
                "hand_over",
                "told to stop, leave what runs to the location that is started next",
            ),
            Option(("--idle",), "idle", "end after so long without users", "S", values.seconds),
            Option(("--ready-fd",), "ready_fd", "where to say that it serves", "FD", values.count),
        ),
        notes="Without --bind it serves its own user alone, who need not start it: Location() does.",
        example="serve --bind 0.0.0.0 --address lab.example.org --name lab",
    ),
    Verb(
        "invite",
        Invite,
        "print a token that lets somebody join the location that serves here, once",
        (Argument("name", "NAME"),),
        (
            Option(
                ("--expires",), "expires", "how long it is good; else 48h", "T", values.duration
            ),
            *_LIMITS,
        ),
        notes="Hand the token over by a way that nobody else reads: whoever has it can join.",
        example="invite ada --expires 24h --containers 20",
    ),
    Verb(
        "join",
        Join,
        "make an account at the location a token is from",
        (Argument("token", "TOKEN"),),
        (Option(("--as",), "name", "what you call the location", "NAME"),),
        example="join tfnz1-...",
    ),
    Verb("accounts", ListAccounts, "who may use the location that serves here, and who is invited"),
    Verb(
        "revoke",
        Revoke,
        "end an account or an invitation, and at once all its sessions",
        (Argument("name", "NAME"),),
        example="revoke ada",
    ),
    Verb(
        "account backup",
        Backup,
        "write accounts to a file that only a passphrase opens",
        (Argument("file", "FILE"), Argument("names", "LOCATION", "any")),
        example="account backup accounts.tfnz",
    ),
    Verb(
        "account restore",
        Restore,
        "take the accounts from a backup; those that are here stay as they are",
        (Argument("file", "FILE"),),
        example="account restore accounts.tfnz",
    ),
    Verb(
        "ca",
        ShowAuthority,
        "print the certificate of a location's own authority, for those who shall trust its https",
        (Argument("location", "LOCATION", "optional"),),
    ),
    Verb(
        "manifest",
        PrintManifest,
        "print what kubectl applies for a location: rights, statistics or location",
        (Argument("kind", "KIND"),),
        (
            Option(("--namespace",), "namespace", "where containers are: default", "NAMESPACE"),
            Option(("--user",), "user", "whose rights: as the cluster knows people", "NAME"),
            Option(("--account",), "account", "or a service account there", "NAME"),
            Option(("--image",), "image", "of a location that runs in the cluster", "IMAGE"),
            Option(("--name",), "name", "what its invitations call it: cluster", "NAME"),
            Option(("--registry",), "registry", "where it pushes images", "HOST[:PORT]"),
        ),
        notes="statistics lets the location ask the kubelets themselves: read its warning first.",
        example="manifest rights --namespace lab --user ada | kubectl apply -f -",
    ),
    Verb(
        "locations",
        ListLocations,
        "the locations you can connect to",
        (),
        (Option(("--default",), "default", "the one that Location() means", "LOCATION"),),
    ),
)

_BY_NAME = {verb.name: verb for verb in SHELL_VERBS}
_PROG = "tfnz"


def parse_shell(arguments: Sequence[str]) -> ShellCommand:
    """What the words of a command line mean.

    Raises:
        UsageError: they have no meaning; the message names the word, the hint the nearest right one.
    """
    name, rest = _split(arguments)
    verb = _BY_NAME.get(name)
    if verb is None:
        near = nearest(name, _BY_NAME)
        hint = f"Did you mean: {_PROG} {near}" if near else f"{_PROG} help lists what there is."
        raise UsageError(f"{_PROG} has no {name!r}.", hint=hint)
    words = [Word(((text, False),), 0, 0) for text in rest]
    command: ShellCommand = read(verb, name, words, lambda _: None, _PROG)
    return command


def describe_shell(name: str) -> str:
    """One command: its words, its options, an example."""
    return page(_BY_NAME[name], _PROG)


def _split(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command's name, of one word or two, and the words behind it."""
    for count in (2, 1):
        name = " ".join(arguments[:count])
        if name in _BY_NAME:
            return name, arguments[count:]
    return " ".join(arguments[:2] if arguments[:1] == ["account"] else arguments[:1]), ()
