"""A cut connection is re-made by itself: what was asked is done once, what was printed arrives whole, in order."""

import hashlib
import random
import socket
import threading

import msgspec

from tests.support.eventually import eventually
from tests.support.proxy import proxy
from tfnz_jupyter.blocking import block
from tfnz_jupyter.errors import SessionEnded
from tfnz_jupyter.sdk import connection as connecting
from tfnz_jupyter.sdk.dealer import Dealer
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import decode, encode

SEQUENCE = b"".join(b"%d\n" % n for n in range(1, 30_001))
APPEND = "echo {0} >> /tmp/done"


def answers(session):
    """Whether a call goes through."""
    return session.images() is not None


def test_a_call_in_flight_when_the_connection_is_reset_is_done_once(container, net):
    waiting = container.spawn_process("echo x >> /tmp/began; cat > /dev/null; echo y >> /tmp/ended")
    for _ in range(5):
        net.cut()
        container.run_process("true")
    waiting.stdin_eof()
    waiting.wait_exit(timeout=20)
    assert container.run_process("cat /tmp/began /tmp/ended")[0] == b"x\ny\n"


def test_each_call_is_done_exactly_once_whenever_the_connection_is_cut(container, net):
    net.cut_every(6_000)
    for number in range(80):
        assert container.run_process(APPEND.format(number))[2] == 0
    done = container.run_process("cat /tmp/done")[0].split()
    assert done == [str(number).encode() for number in range(80)]
    assert net.cuts > 5


def test_what_is_printed_arrives_whole_and_in_order(session, net):
    net.cut_every(500_000)
    got = []
    printer = session.node().spawn_container(
        "busybox",
        command="seq 1 300000; read x; seq 300001 400000",
        stdout_callback=lambda c, data: got.append(data),
    )
    eventually(lambda: b"300000\n" in b"".join(got[-2:]), within=60)
    printer.stdin(b"\n")
    assert printer.wait_exit(timeout=60) == 0
    wanted = b"".join(b"%d\n" % n for n in range(1, 400_001))
    eventually(lambda: sum(map(len, got)) >= len(wanted), within=30)
    assert hashlib.sha256(b"".join(got)).digest() == hashlib.sha256(wanted).digest()
    assert net.cuts > 3


def test_what_is_fed_arrives_whole(container, net):
    net.cut_every(1_000_000)
    data = random.Random(2).randbytes(6_000_000)
    counting = container.spawn_process("md5sum")
    counting.stdin(data)
    counting.stdin_eof()
    counting.wait_exit(timeout=60)
    assert counting.log.text().split()[0] == hashlib.md5(data).hexdigest().encode()
    assert net.cuts > 3


def test_a_corrupted_connection_is_dropped_and_nothing_wrong_arrives(container, net):
    net.corrupting = 0.05
    while net.connections < 4:
        assert container.run_process("seq 1 30000")[0] == SEQUENCE
    net.corrupting = 0.0


def test_a_location_that_cannot_be_reached_for_a_while_is_found_again(container, net):
    net.refuse()
    answer = []
    asking = threading.Thread(target=lambda: answer.append(container.run_process("echo back")))
    asking.start()
    eventually(lambda: container._connection._dealer is None, within=10)
    net.listen()
    asking.join(20)
    assert answer == [(b"back\n", b"", 0)]


def test_every_way_of_falling_silent_is_noticed_and_mended(far):
    """Four sessions at once, each on a connection of its own that fails in its own way without a word."""
    ways = {
        "nothing arrives there": lambda net: net.silence(down=False),
        "nothing arrives here": lambda net: net.silence(up=False),
        "neither": lambda net: net.silence(),
        "half open": lambda net: net.abandon(),
    }
    with proxy(far.port) as a, proxy(far.port) as b, proxy(far.port) as c, proxy(far.port) as d:
        nets = dict(zip(ways, (a, b, c, d), strict=True))
        sessions = {way: far.session(net.port) for way, net in nets.items()}
        for way, break_it in ways.items():
            break_it(nets[way])
        for way, place in sessions.items():
            eventually(lambda net=nets[way]: net.connections >= 2, within=30)
            assert answers(place)
            place.disconnect()


def test_a_location_at_a_new_address_is_found_by_its_name(far, net, monkeypatch):
    where = ["127.0.0.1"]
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: look_up(
            where[0] if host == "moving.test" else host, *rest, **more
        ),
    )
    with far.session(net.port, host="moving.test") as place:
        net.refuse()
        where[0] = "127.0.0.2"
        net.listen("127.0.0.2")
        assert answers(place)


def test_a_program_that_slept_makes_a_new_connection_as_soon_as_it_wakes(
    container, net, monkeypatch
):
    awake = connecting._now
    monkeypatch.setattr(connecting, "_now", lambda: awake() + 100)
    eventually(lambda: net.connections >= 2, within=10)
    assert container.run_process("echo awake")[0] == b"awake\n"


def greeted(address, hello):
    """The answer to a greeting on a connection of its own, or None where there is none soon."""

    async def ask():
        dealer = await Dealer.open(address)
        try:
            dealer.send(encode(hello))
            return decode(await dealer.answer(1.0), from_client=False)[0]
        except ConnectionError:
            return None
        finally:
            dealer.close()

    return block(ask())


def test_a_session_is_resumed_by_its_own_key_and_secret_alone(session, far):
    ours = session._connection
    unknown = greeted(far.address(), m.Hello(m.WIRE_VERSION, "0" * 16, bytes(16), 0, 9))
    for user, secret in ((0, bytes(16)), (1, ours._secret)):
        hello = m.Hello(m.WIRE_VERSION, session.uuid, secret, 0, 9)
        assert greeted(far.address(user=user), hello) == unknown
    assert unknown.code == SessionEnded.code
    assert answers(session)


def test_a_greeting_of_an_earlier_connection_that_comes_late_is_not_listened_to(session, far):
    ours = session._connection
    late = ours._hello()
    assert greeted(far.address(), late) is None
    assert answers(session)


def test_a_welcome_of_a_location_that_came_anew_may_get_lost_on_the_way(far):
    begun = greeted(far.address(), m.Hello(m.WIRE_VERSION, turn=1))
    hello = m.Hello(m.WIRE_VERSION, begun.session, begun.secret, 7, 2, "another location's")
    answers = [greeted(far.address(), msgspec.structs.replace(hello, turn=turn)) for turn in (2, 3)]
    assert [answer.resumed for answer in answers] == [False, False]
    known = msgspec.structs.replace(hello, turn=4, life=answers[1].life, received=0)
    assert greeted(far.address(), known).resumed
