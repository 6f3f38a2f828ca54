"""Who may import whom, what must stay pure, and what no file may be: the picture in CONTRIBUTING.md, kept.

Every import statement counts, at whatever depth: one inside a function or under ``TYPE_CHECKING`` is an import too.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfnz_jupyter

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tfnz_jupyter"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted((PACKAGE / "notebook" / "static").glob("*.*s"))  # .js, .css; not what others wrote

#: layer -> the layers it may import, besides itself. "" is the package's own __init__.
MAY_IMPORT = {
    "errors": set(),
    "grammar": {"errors"},
    "folders": {"errors"},
    "homes": {"folders"},
    "keyring": {"errors"},
    "blocking": {"errors"},
    "doctor": {
        "errors",
        "folders",
        "homes",
        "blocking",
        "engines",
    },  # loads an engine only when asked of it
    "wire": {"errors"},
    "dockerfile": {"errors"},
    "link": {"wire", "errors"},
    "engines": {"errors", "folders"},
    "server": {"link", "wire", "dockerfile", "engines", "errors", "keyring", "folders"},
    "sdk": {"link", "wire", "dockerfile", "errors", "blocking", "keyring", "folders", "homes"},
    "deeds": {"sdk", "grammar", "errors"},
    "notebook": {"", "sdk", "deeds", "grammar", "blocking", "errors", "doctor", "homes"},
    "cli": {
        "",
        "sdk",
        "deeds",
        "grammar",
        "errors",
        "doctor",
        "keyring",
        "folders",
        "homes",
        "blocking",
    },
    "pytest_plugin": {""},
    "components": {"", "blocking"},  # what a user would write, but for verbs that are awaited too
    "": {"sdk", "errors", "notebook", "components"},
}
#: The one file that puts a server and an engine together.
COMPOSER = PACKAGE / "cli" / "serve.py"
COMPOSED = {"server", "engines"}
#: And the one that prints what an engine ships for others.
PRINTER = PACKAGE / "cli" / "manifest.py"

PURE = (
    "wire/**/*.py",
    "grammar/**/*.py",
    "dockerfile/**/*.py",
    "server/building/instructions.py",
    "server/ledger*.py",
    "server/placement.py",
    "server/gateway/sites.py",
    "server/gateway/config.py",
    "notebook/views*.py",
)
PURE += ("doctor/report.py", "engines/**/bundle*.py", "engines/**/manifest*.py")
PURE += (
    "engines/kubernetes/channels.py",
    "engines/kubernetes/quantities.py",
    "engines/places.py",
    "engines/capabilities.py",
)
IMPURE = {
    "asyncio",
    "zmq",
    "socket",
    "select",
    "subprocess",
    "threading",
    "multiprocessing",
    "time",
}

LONGEST = 450
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|[Ff]or now)\b")
VAGUE = re.compile(r"(utils?|helpers?|managers?|misc|common)$", re.IGNORECASE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Absolute dotted names of all that a file imports; of ours, each imported module."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (_module(base, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            yield from _named(node, package)


def _module(base: str, name: str) -> str:
    """``from base import name`` imports the module base.name if there is one, else base."""
    inside = ROOT.joinpath(*base.split("."), name)
    return f"{base}.{name}" if inside.is_dir() or inside.with_suffix(".py").exists() else base


def _imports_by_name(call: ast.Call) -> bool:
    called = (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    )
    return called in ("import_module", "__import__")


def _named(call: ast.Call, package: tuple[str, ...]) -> Iterator[str]:
    """The module a call of ``import_module`` names, where it is spelt out."""
    if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
        name = call.args[0].value
        dots = len(name) - len(name.lstrip("."))
        above = package[: len(package) - dots + 1] if dots else ()
        yield ".".join([*above, name.lstrip(".")])


def remarks(path: Path) -> Iterator[str]:
    """A file's comments and docstrings: what its author says about it."""
    source = path.read_text("utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def layer_of(module: str) -> str | None:
    """The layer that a dotted name belongs to; None if it is not ours."""
    parts = module.split(".")
    return (parts[1] if len(parts) > 1 else "") if parts[0] == PACKAGE.name else None


def own_layer(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_layer_imports_only_what_lies_below_it(path: Path) -> None:
    layer = own_layer(path)
    allowed = {layer, *MAY_IMPORT[layer], *(COMPOSED if path in (COMPOSER, PRINTER) else ())}
    assert {found for name in imports(path) if (found := layer_of(name)) is not None} <= allowed


@pytest.mark.parametrize("path", sorted({p for g in PURE for p in PACKAGE.glob(g)}), ids=name_of)
def test_a_pure_file_knows_neither_time_nor_sockets_nor_threads(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_inside_the_package_are_relative(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    froms = [
        node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    ]
    assert not [name for name in froms if name.split(".")[0] == PACKAGE.name]


@pytest.mark.parametrize("path", [*FILES, *TESTS, *SCRIPTS, ROOT / "run"], ids=name_of)
def test_a_file_is_short_and_named_by_what_it_holds(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= LONGEST
    assert not VAGUE.search(path.stem)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert not [remark for remark in remarks(path) if UNFINISHED.search(remark)]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_shell_prints_and_no_class_is_vague(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    printed = [func for func in calls if isinstance(func, ast.Name) and func.id == "print"]
    assert own_layer(path) == "cli" or not printed
    assert not [n.name for n in nodes if isinstance(n, ast.ClassDef) and VAGUE.search(n.name)]


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_wait_for_conditions_and_never_sleep(path: Path) -> None:
    """``sleep(0)`` lets others run and ``sleep(3600)`` stands for what never ends: neither waits for a time."""
    if path.name == "eventually.py" or "benchmarks" in path.parts:
        return
    calls = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    sleeps = [call for call in calls if ast.unparse(call.func).split(".")[-1] == "sleep"]
    assert not [
        ast.unparse(call) for call in sleeps if ast.unparse(call.args[0]) not in ("0", "3600")
    ]


def test_what_the_package_offers_is_one_sorted_list_that_exists() -> None:
    offered = tfnz_jupyter.__all__
    assert list(offered) == sorted(offered)
    assert not [name for name in offered if not hasattr(tfnz_jupyter, name)]
