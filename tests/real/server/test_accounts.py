"""Who is let in, by whom, for how long, and what each may have."""

from __future__ import annotations

import contextlib
import socket
import stat
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.served import Served, tfnz
from tfnz_jupyter import Location, NotFound, Refused, SessionEnded, Unreachable, UsageError
from tfnz_jupyter.blocking import block
from tfnz_jupyter.folders import config_folder
from tfnz_jupyter.keyring import Account, Invitation, Keyring, make_keys
from tfnz_jupyter.sdk import accounts
from tfnz_jupyter.sdk.address import Address
from tfnz_jupyter.sdk.connection import Connection
from tfnz_jupyter.wire import messages as m

SLEEP = ["sleep", "1000"]
SLACK = 0.2  # seconds, for a machine that does much else
_names = count(1)


@contextlib.contextmanager
def kept(account: Account):
    """The name of an account that is kept while this lasts."""
    kept = replace(account, location=f"other{next(_names)}")
    ring = Keyring(config_folder())
    ring.add(kept)
    try:
        yield kept.location
    finally:
        ring.remove(kept.location)


def fails_quickly(error, words, **where):
    """Connecting fails with that error within five seconds; what it says."""
    began = time.monotonic()
    with pytest.raises(error, match=words) as problem:
        Location(**where)
    assert time.monotonic() - began < 5 + 10 * SLACK
    return problem.value


def test_who_is_invited_joins_and_runs_a_container(served: Served, name: str) -> None:
    served.join(name)
    with Location(location=name) as session:
        assert session.location == name
        assert session.node().spawn_container("busybox", command="exit 3").wait_exit(60) == 3
    listed = served.tfnz("accounts")
    assert name in listed
    assert Keyring(config_folder()).account(name).keys.public.hex() in listed


def test_the_private_key_is_on_disk_for_its_user_alone(served: Served, name: str) -> None:
    account = served.join(name)
    file = config_folder() / "accounts" / f"{name}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database = served.home / "state" / "accounts.sqlite"
    assert account.keys.secret not in database.read_bytes()


def test_connecting_takes_less_than_a_tenth_of_a_second(served: Served, name: str) -> None:
    served.join(name)
    times = []
    for _ in range(5):
        began = time.monotonic()
        Location(location=name).disconnect()
        times.append(time.monotonic() - began)
    assert min(times) < 0.1 + SLACK


def test_another_address_can_be_dialled_for_the_same_location(served: Served, name: str) -> None:
    account = served.join(name)
    moved = replace(account, endpoint="tcp://127.0.0.1:1")
    with (
        kept(moved) as other,
        Location(location=other, location_ip=f"localhost:{served.port}") as session,
    ):
        assert not session.dead


def test_an_invitation_works_once(served: Served, name: str) -> None:
    token = served.tfnz("invite", name).split()[0]
    block(accounts.join(token, name))
    with pytest.raises(Refused, match="does not take this invitation"):
        block(accounts.join(token, f"{name}-again"))
    assert f"{name}-again" not in Location.all_locations()
    assert not list((config_folder() / "accounts").glob(f".{name}*"))


def test_who_was_interrupted_while_joining_joins_with_the_same_words(
    served: Served, name: str
) -> None:
    account = served.join(name)
    ring = Keyring(config_folder())
    token = Invitation("lab", account.endpoint, account.server_key, make_keys()).token()
    ring.remove(name)
    ring.pending(name).write_text(account.keys.secret.hex())
    assert block(accounts.join(token, name)) == account


def test_an_invitation_expires(served: Served, name: str) -> None:
    token = served.tfnz("invite", name, "--expires", "0.1s").split()[0]

    def refused() -> bool:
        with contextlib.suppress(UsageError):
            block(accounts.join(token, name))
        return True

    eventually(lambda: name not in served.tfnz("accounts"), within=10)
    with pytest.raises(Refused):
        refused()


def test_an_invitation_can_be_taken_back_and_given_anew(served: Served, name: str) -> None:
    first = served.tfnz("invite", name).split()[0]
    served.tfnz("revoke", name)
    second = served.tfnz("invite", name).split()[0]
    third = served.tfnz("invite", name).split()[0]
    for dead in (first, second):
        with pytest.raises(Refused):
            block(accounts.join(dead, name))
    block(accounts.join(third, name))
    assert "already" in served.tfnz("invite", name, code=2)


def test_who_holds_an_invitation_can_do_nothing_but_join(served: Served, name: str) -> None:
    invitation = Invitation.from_token(served.tfnz("invite", name).split()[0])
    guest = as_guest(invitation)
    for verb in (m.ListImages(), m.ListAccounts(), m.Invite("x", bytes(32), 60.0)):
        with pytest.raises(Refused, match="join, and nothing else"):
            block(guest.call(verb))
    with pytest.raises(UsageError, match="no public key"):
        block(guest.call(m.Join(b"short")))
    block(guest.call(m.Join(make_keys().public)))
    with pytest.raises(Refused):
        block(guest.call(m.Join(make_keys().public)))
    block(end(guest))


class Nobody:
    def heard(self, message):
        raise AssertionError(message)

    def session_ended(self, why):
        pass


def as_guest(invitation: Invitation) -> Connection:
    address = Address(invitation.endpoint, invitation.server_key, invitation.keys)
    return block(Connection.open(address, Nobody()))


async def end(connection: Connection) -> None:
    connection.close()


def test_a_user_may_neither_invite_nor_list_nor_revoke(served: Served, name: str) -> None:
    served.join(name)
    with Location(location=name) as session:
        for verb in (m.Invite("x", bytes(32), 60.0), m.ListAccounts(), m.Revoke(name)):
            with pytest.raises(Refused, match="only the operator"):
                block(session._connection.call(verb))
        with pytest.raises(Refused, match="invitation"):
            block(session._connection.call(m.Join(make_keys().public)))


def test_revoking_ends_live_sessions_at_once_and_nobody_elses(served: Served, name: str) -> None:
    served.join(name)
    served.join(f"{name}-b")
    with Location(location=f"{name}-b") as other:
        session = Location(location=name)
        container = session.node().spawn_container("busybox", command=SLEEP)
        container.wait_until_ready(60)
        told = []
        container.termination_callback = lambda c, code: told.append(c)
        served.tfnz("revoke", name)
        eventually(lambda: session.dead and told == [container], within=2 + 10 * SLACK)
        assert "revoked" in session.reason
        with pytest.raises(SessionEnded, match="revoked"):
            container.run_process("true")
        assert not other.dead
    fails_quickly(Refused, "does not know this account", location=name)
    assert "0 containers" in served.tfnz("accounts").replace(f"{name}-b", "")
    assert "no account" in served.tfnz("revoke", name, code=1)


def test_each_user_has_limits_and_is_told_which_was_reached(served: Served, name: str) -> None:
    served.join(name, "--sessions", "1", "--containers", "2", "--memory", "100m")
    with Location(location=name) as session:
        fails_quickly(Refused, "1 sessions at a time", location=name)
        small = {"command": SLEEP, "memory": 40 << 20}
        both = [session.node().spawn_container("busybox", **small) for _ in range(2)]
        for container in both:
            container.wait_until_ready(60)
        with pytest.raises(Refused, match="2 containers at a time"):
            session.node().spawn_container("busybox", **small).wait_until_ready()
        session.node().destroy_container(both[0])
        with pytest.raises(Refused, match="bytes of memory"):
            session.node().spawn_container("busybox", command=SLEEP).wait_until_ready()
        session.node().spawn_container("busybox", **small).wait_until_ready()


def test_a_revoked_name_can_be_invited_again(served: Served, name: str) -> None:
    served.join(name)
    served.tfnz("revoke", name)
    Keyring(config_folder()).remove(name)
    served.join(name)
    with Location(location=name) as session:
        assert session.nodes


# each way of not getting in


def test_an_account_that_is_not_known_is_said_to_be(served: Served, name: str) -> None:
    with kept(replace(served.join(name), keys=make_keys())) as other:
        problem = fails_quickly(Refused, "does not know this account", location=other)
    assert "tfnz join" in problem.hint


def test_a_location_with_another_key_is_said_to_have_one(served: Served, name: str) -> None:
    with kept(replace(served.join(name), server_key=make_keys().public)) as other:
        fails_quickly(Unreachable, "another key", location=other)


def test_an_address_where_nobody_listens_is_said_to_be_one(served: Served, name: str) -> None:
    served.join(name)
    fails_quickly(Unreachable, "nobody", location=name, location_ip="127.0.0.1:1")


def test_a_host_that_does_not_exist_is_named(served: Served, name: str) -> None:
    served.join(name)
    fails_quickly(Unreachable, "nohost.invalid", location=name, location_ip="nohost.invalid")


def test_what_says_nothing_is_not_taken_for_a_location(served: Served, name: str) -> None:
    served.join(name)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        fails_quickly(Unreachable, "no answer", location=name, location_ip=where)


def test_an_account_file_that_holds_something_else_is_named(served: Served, name: str) -> None:
    served.join(name)
    (config_folder() / "accounts" / f"{name}.json").write_text("{}")
    fails_quickly(UsageError, f"{name}.json", location=name)


# the shell's words


def test_the_operator_is_told_how_to_let_people_in(served: Served) -> None:
    assert "tfnz invite" in served.said
    assert f"127.0.0.1:{served.port}" in served.said


def test_where_no_location_serves_the_operator_is_told_so(tmp_path: Path) -> None:
    assert "no location serves here" in tfnz(tmp_path, "invite", "ada", code=1)


def test_a_location_without_bind_invites_nobody(home: Path, name: str) -> None:
    with Location(location="embedded"):
        assert "its own user alone" in tfnz(home, "invite", name, code=1)


def test_one_folder_is_served_by_one_location(served: Served) -> None:
    said = served.tfnz("serve", "--bind", "127.0.0.1:0", code=1)
    assert "already serves" in said


def test_an_address_that_is_taken_is_named(served: Served, tmp_path: Path) -> None:
    where = f"127.0.0.1:{served.port}"
    assert f"{where} is taken" in tfnz(tmp_path, "serve", "--bind", where, code=1)


def test_accounts_move_to_another_machine_by_a_backup(
    served: Served, name: str, home: Path, tmp_path: Path
) -> None:
    served.join(name)
    file = str(tmp_path / "accounts.tfnz")
    said = tfnz(home, "account", "backup", file, name, typed="correct horse\n")
    assert name in said
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    there = tmp_path / "there"
    assert "does not open" in tfnz(there, "account", "restore", file, code=1, typed="other one\n")
    assert name in tfnz(there, "account", "restore", file, typed="correct horse\n")
    assert f"{name}  (default)" in tfnz(there, "locations")
    assert "stays as it is" in tfnz(there, "account", "restore", file, typed="correct horse\n")
    tfnz(there, "locations", "--default", "embedded")
    assert "embedded  (default)" in tfnz(there, "locations")


def test_a_location_that_is_not_known_cannot_be_the_default(tmp_path: Path) -> None:
    assert "no location 'nowhere'" in tfnz(tmp_path, "locations", "--default", "nowhere", code=1)


def test_there_is_no_account_to_back_up_where_there_is_none(tmp_path: Path) -> None:
    assert "no account" in tfnz(tmp_path, "account", "backup", str(tmp_path / "x"), code=1)
    with pytest.raises(NotFound):
        Keyring(tmp_path).account("lab")
