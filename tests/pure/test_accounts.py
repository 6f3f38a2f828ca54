"""Who may come in: stories of invitations, accounts and revocations, with a clock as an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfnz_jupyter.errors import NotFound, Refused, UsageError
from tfnz_jupyter.server.accounts import Accounts, Standing
from tfnz_jupyter.server.ledger import Limits

OPERATOR, TOKEN, ADA, BOB = (bytes([n]) * 32 for n in range(4))
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite"


@pytest.fixture
def accounts(file: Path, clock: Clock) -> Accounts:
    return Accounts(OPERATOR, file, clock)


def join(accounts: Accounts, name: str, key: bytes, limits: Limits | None = None) -> None:
    accounts.invite(name, TOKEN, HOUR, limits or Limits())
    accounts.join(TOKEN, key)


def test_only_the_operator_comes_in_at_first(accounts: Accounts) -> None:
    assert accounts.standing(OPERATOR) is Standing.OPERATOR
    assert accounts.standing(ADA) is None


def test_an_invitation_is_used_up_by_joining(accounts: Accounts) -> None:
    accounts.invite("ada", TOKEN, HOUR, Limits())
    assert accounts.standing(TOKEN) is Standing.GUEST
    accounts.join(TOKEN, ADA)
    assert (accounts.standing(TOKEN), accounts.standing(ADA)) == (None, Standing.USER)
    with pytest.raises(Refused, match="no longer good"):
        accounts.join(TOKEN, BOB)


def test_an_invitation_is_good_until_it_expires(accounts: Accounts, clock: Clock) -> None:
    accounts.invite("ada", TOKEN, HOUR, Limits())
    clock.now += HOUR - 1
    assert accounts.standing(TOKEN) is Standing.GUEST
    clock.now += 1
    assert (accounts.standing(TOKEN), accounts.all()) == (None, [])
    with pytest.raises(Refused):
        accounts.join(TOKEN, ADA)
    with pytest.raises(NotFound):
        accounts.revoke("ada")
    accounts.invite("ada", BOB, HOUR, Limits())


def test_all_of_it_outlives_the_process(accounts: Accounts, file: Path, clock: Clock) -> None:
    join(accounts, "ada", ADA, Limits(containers=3, memory=7))
    accounts.invite("bob", BOB, HOUR, Limits())
    before = accounts.all()
    accounts.close()
    again = Accounts(OPERATOR, file, clock)
    assert again.all() == before
    assert again.limits(ADA) == Limits(containers=3, memory=7)
    assert file.stat().st_mode & 0o777 == 0o600


def test_who_is_revoked_stays_out(accounts: Accounts, file: Path, clock: Clock) -> None:
    join(accounts, "ada", ADA)
    assert accounts.revoke("ada") == ADA
    assert accounts.standing(ADA) is None
    accounts.close()
    assert Accounts(OPERATOR, file, clock).standing(ADA) is None
    with pytest.raises(NotFound, match="'ada'"):
        Accounts(OPERATOR, file, clock).revoke("ada")


def test_an_account_keeps_its_name_until_it_is_revoked(accounts: Accounts) -> None:
    join(accounts, "ada", ADA)
    with pytest.raises(UsageError, match="already"):
        accounts.invite("ada", TOKEN, HOUR, Limits())
    accounts.revoke("ada")
    join(accounts, "ada", BOB)


def test_a_second_invitation_of_one_name_ends_the_first(accounts: Accounts) -> None:
    accounts.invite("ada", TOKEN, HOUR, Limits())
    accounts.invite("ada", BOB, HOUR, Limits())
    assert (accounts.standing(TOKEN), accounts.standing(BOB)) == (None, Standing.GUEST)


@pytest.mark.parametrize("key", [OPERATOR, ADA, TOKEN])
def test_nobody_joins_with_a_key_that_is_known(accounts: Accounts, key: bytes) -> None:
    join(accounts, "ada", ADA)
    accounts.invite("bob", TOKEN, HOUR, Limits())
    with pytest.raises(Refused, match="in use"):
        accounts.join(TOKEN, key)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "-a", "a" * 64, "ä"])
def test_a_name_that_cannot_be_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        accounts.invite(name, TOKEN, HOUR, Limits())


@pytest.mark.parametrize(("key", "lifetime"), [(b"short", HOUR), (TOKEN, 0), (TOKEN, 1e12)])
def test_an_invitation_that_makes_no_sense_is_refused(
    accounts: Accounts, key: bytes, lifetime: float
) -> None:
    with pytest.raises(UsageError):
        accounts.invite("ada", key, lifetime, Limits())


def test_a_location_for_its_own_user_invites_nobody() -> None:
    accounts = Accounts(OPERATOR, None)
    with pytest.raises(Refused, match="its own user alone"):
        accounts.invite("ada", TOKEN, HOUR, Limits())
