"""Which location is meant, and where it is."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import pytest

from tfnz_jupyter.errors import NotFound, UsageError
from tfnz_jupyter.folders import config_folder
from tfnz_jupyter.keyring import Account, Keyring, make_keys
from tfnz_jupyter.sdk.places import address_of, all_names, chosen, endpoint


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.setenv("TFNZ_HOME", mkdtemp(dir=tmp_path))
    monkeypatch.delenv("TFNZ_LOCATION", raising=False)
    return Keyring(config_folder())


def join(ring: Keyring, name: str) -> Account:
    account = Account(name, f"tcp://{name}.example:2020", bytes(32), make_keys())
    ring.add(account)
    return account


def test_with_nothing_configured_the_location_is_the_embedded_one() -> None:
    assert chosen(None, None) == "embedded"
    assert all_names() == ["embedded", "docker", "kubernetes"]


def test_a_name_goes_before_the_environment_and_that_before_the_default(
    ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        join(ring, name)
    assert chosen(None, None) == "one"
    monkeypatch.setenv("TFNZ_LOCATION", "two")
    assert chosen(None, None) == "two"
    assert chosen("three", None) == "three"


def test_an_unknown_location_is_named_with_the_nearest(ring: Keyring) -> None:
    join(ring, "lab")
    with pytest.raises(NotFound, match="'lap'") as problem:
        chosen("lap", None)
    assert "'lab'" in problem.value.hint


def test_an_address_needs_an_account(ring: Keyring) -> None:
    with pytest.raises(UsageError, match="whose address"):
        chosen(None, "10.0.0.1")
    account = join(ring, "lab")
    assert chosen("lab", "10.0.0.1") == "lab"
    assert address_of(account, "10.0.0.1").endpoint == "tcp://10.0.0.1:2020"
    assert address_of(account).endpoint == "tcp://lab.example:2020"


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("lab.example", "tcp://lab.example:2020"),
        ("lab.example:4000", "tcp://lab.example:4000"),
        ("192.0.2.1:4000", "tcp://192.0.2.1:4000"),
        ("::1", "tcp://[::1]:2020"),
        ("[2001:db8::1]:4000", "tcp://[2001:db8::1]:4000"),
        ("tcp://lab.example:4000", "tcp://lab.example:4000"),
    ],
)
def test_an_address_is_a_host_and_maybe_a_port(given: str, dialled: str) -> None:
    assert endpoint(given) == dialled


@pytest.mark.parametrize("given", ["", "a b", "lab:0", "lab:65536", "lab:x", "http://lab", "a/b"])
def test_what_is_no_address_is_named(given: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        endpoint(given)
