"""Accounts on disk, invitations as text, backups that only a passphrase opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfnz_jupyter.errors import NotFound, Refused, UsageError
from tfnz_jupyter.keyring import Account, Invitation, Keyring, make_keys
from tfnz_jupyter.keyring.backup import seal, unseal


def account(name: str = "lab") -> Account:
    return Account(name, "tcp://lab.example:2020", bytes(range(32)), make_keys())


def test_an_account_is_kept_for_its_user_alone(tmp_path: Path) -> None:
    ours = account()
    file = Keyring(tmp_path).add(ours)
    assert Keyring(tmp_path).account("lab") == ours
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_an_account_is_never_overwritten(tmp_path: Path) -> None:
    ours = account()
    Keyring(tmp_path).add(ours)
    with pytest.raises(UsageError, match="already"):
        Keyring(tmp_path).add(account())
    assert Keyring(tmp_path).account("lab") == ours


def test_the_first_account_is_the_default_until_another_is_chosen(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    assert ring.default() is None
    ring.add(account())
    ring.add(account("other.place"))
    assert (ring.default(), ring.names()) == ("lab", ["lab", "other.place"])
    ring.set_default("other.place")
    assert ring.default() == "other.place"
    ring.set_default("embedded")
    assert ring.default() == "embedded"
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_forgotten_account_is_no_longer_the_default(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    ring.add(account())
    ring.remove("lab")
    ring.remove("lab")
    assert (ring.names(), ring.default()) == ([], None)


def test_a_location_without_account_is_named_with_the_nearest(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    ring.add(account())
    with pytest.raises(NotFound, match="'lap'") as problem:
        ring.account("lap")
    assert "'lab'" in problem.value.hint
    with pytest.raises(NotFound):
        ring.set_default("lap")


@pytest.mark.parametrize("name", ["", "Lab", "../lab", "embedded", "a" * 64, "-a", "a/b"])
def test_a_name_that_no_location_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="location"):
        Keyring(tmp_path).account(name)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"location": "lab", "endpoint": 1}', "\0"])
def test_a_broken_account_is_named_with_what_mends_it(tmp_path: Path, content: str) -> None:
    file = Keyring(tmp_path).add(account())
    file.write_text(content)
    with pytest.raises(UsageError, match=r"lab\.json") as problem:
        Keyring(tmp_path).account("lab")
    assert "restore" in problem.value.hint


def test_an_invitation_survives_being_a_word() -> None:
    invitation = Invitation("lab", "tcp://lab.example:2020", bytes(32), make_keys())
    token = invitation.token()
    assert token.isprintable()
    assert " " not in token
    assert Invitation.from_token(f"  {token}\n") == invitation


def test_a_damaged_invitation_is_known_for_one() -> None:
    token = Invitation("lab", "tcp://lab.example:2020", bytes(32), make_keys()).token()
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    for broken in (token[:-4], token[1:], changed, "", "tfnz1-", "tfnz1-!!", token + "AAAA"):
        with pytest.raises(UsageError, match="not a whole invitation"):
            Invitation.from_token(broken)


def test_a_backup_is_read_with_its_passphrase_alone() -> None:
    ours = [account(), account("other")]
    sealed = seal(ours, "correct horse")
    assert unseal(sealed, "correct horse") == ours
    assert ours[0].keys.secret not in sealed
    assert ours[0].keys.secret.hex().encode() not in sealed
    with pytest.raises(Refused, match="passphrase"):
        unseal(sealed, "incorrect horse")


def test_a_damaged_backup_is_refused_and_another_file_is_none() -> None:
    sealed = seal([account()], "correct horse")
    changed = sealed[:60] + bytes([sealed[60] ^ 1]) + sealed[61:]
    for broken in (sealed[:-1], sealed[:20], changed):
        with pytest.raises(Refused):
            unseal(broken, "correct horse")
    with pytest.raises(UsageError, match="no backup"):
        unseal(b"PK\3\4", "correct horse")


def test_a_passphrase_that_protects_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="protects nothing"):
        seal([account()], "short")
