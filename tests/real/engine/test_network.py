"""Who reaches whom: the location a container, a container the world, and nobody anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.bare_engine import Bench, outputs, read_until
from tests.support.eventually import eventually_async
from tests.support.leaks import footprint
from tfnz_jupyter.errors import ContainerEnded

PUBLIC = "11.22.33.44"


_ECHO = """
$| = 1; $SIG{CHLD} = 'IGNORE';
socket(L, 2, 1, 0); bind(L, pack('SnC4x8', 2, 7, 0, 0, 0, 0)); listen(L, 200); print 'up';
while (accept(C, L)) { if (!fork) { while (sysread C, $b, 65536) { syswrite C, $b } exit } close C }
"""


class Collect(asyncio.Protocol):
    """Sends what it was given, keeps what comes."""

    def __init__(self, send: bytes) -> None:
        self.send, self.received = send, b""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.send)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def talk(tiny: Bench, container: str, port: int, send: bytes) -> bytes:
    protocol = Collect(send)
    transport = await tiny.engine.connect(container, port, lambda: protocol)
    await asyncio.wait_for(protocol.over, 5)
    transport.close()
    return protocol.received


async def nc(tiny: Bench, container: str, address: str, port: int) -> str:
    """Whether a container gets through: 'open', or what nc says."""
    process = await tiny.execute(container, f"echo | nc -w 2 {address} {port} && echo open")
    out, err = await outputs(process)
    return out if "open" in out else err or "silence"


async def test_a_port_in_a_container_answers(tiny: Bench):
    name, _ = await tiny.boot("httpd -f -p 80 -h /etc")

    async def page() -> bytes:
        with contextlib.suppress(ConnectionRefusedError):
            return await talk(tiny, name, 80, b"GET /passwd HTTP/1.0\r\n\r\n")
        return b""

    assert b"200 OK" in await eventually_async(page, within=5)


async def test_a_port_nobody_listens_on_is_refused(tiny: Bench):
    name, _ = await tiny.boot("sleep 100")
    with pytest.raises(ConnectionRefusedError):
        await talk(tiny, name, 81, b"")


async def test_an_ended_container_has_no_ports(tiny: Bench):
    name, process = await tiny.boot("true")
    await process.wait()
    with pytest.raises(ContainerEnded):
        await talk(tiny, name, 80, b"")


async def test_a_hundred_connections_are_a_hundred(tiny: Bench):
    name, process = await tiny.boot(argv=["perl", "-e", _ECHO])
    await read_until(process, b"up")

    async def echo(number: int) -> bool:
        protocol = Collect(b"%d" % number)
        transport = await tiny.engine.connect(name, 7, lambda: protocol)
        found = await eventually_async(lambda: protocol.received, within=10)
        transport.close()
        return found == b"%d" % number

    assert all(await asyncio.gather(*map(echo, range(100))))


async def test_containers_do_not_reach_each_other(tiny: Bench):
    _, address = await tiny.address("nc -ll -p 7 -e echo open")
    name, _ = await tiny.boot("sleep 100")
    assert "open" not in await nc(tiny, name, address, 7)


async def test_a_container_reaches_itself_by_its_address(tiny: Bench):
    name, address = await tiny.address("nc -ll -p 7 -e cat")
    answer = await eventually_async(lambda: _open(tiny, name, address), within=5)
    assert answer


async def _open(tiny: Bench, name: str, address: str) -> bool:
    return "open" in await nc(tiny, name, address, 7)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that is open on every address of this machine."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield server.getsockname()[1]


def own_addresses() -> list[str]:
    listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout
    return [word for word in listed.split() if ":" not in word]


async def test_the_host_cannot_be_reached(tiny: Bench, listener: int):
    name, _ = await tiny.boot("sleep 100")
    for address in [
        *own_addresses(),
        "10.9.9.1",
        "10.9.9.2",
        "10.9.9.3",
        "10.124.0.1",
        "127.0.0.1",
    ]:
        assert "open" not in await nc(tiny, name, address, listener), address


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "100.100.100.200", "168.63.129.16"]
)
async def test_metadata_and_private_networks_cannot_be_reached(tiny: Bench, address: str):
    name, _ = await tiny.boot("sleep 100")
    answer = await asyncio.wait_for(nc(tiny, name, address, 80), 1.5)
    assert "No route to host" in answer  # said at once, not by silence


@pytest.fixture
def internet() -> Iterator[str]:
    """Somebody with a public address: a namespace beside the host, reached by a route of the host's."""
    name = "tfnz-inet"
    steps = [
        f"ip netns add {name}",
        f"ip link add tfnz-i0 type veth peer name eth0 netns {name}",
        "ip addr add 10.77.77.1/30 dev tfnz-i0",
        "ip link set tfnz-i0 up",
        f"ip -n {name} addr add 10.77.77.2/30 dev eth0",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link set eth0 up",
        f"ip -n {name} addr add {PUBLIC}/32 dev lo",
        f"ip -n {name} route add default via 10.77.77.1",
        f"ip route add {PUBLIC}/32 via 10.77.77.2",
    ]
    try:
        for step in steps:
            subprocess.run(step.split(), check=True, capture_output=True)
        server = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                name,
                "/bin/busybox",
                "nc",
                "-ll",
                "-p",
                "80",
                "-e",
                "/bin/busybox",
                "echo",
                "from-outside",
            ]
        )
        yield PUBLIC
        server.kill()
        server.wait()
    finally:
        subprocess.run(["ip", "route", "del", f"{PUBLIC}/32"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", "tfnz-i0"], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


async def _asks(tiny: Bench, name: str, address: str) -> str:
    """What a container reads from port 80 of an address, or why it cannot."""
    script = (
        f"alarm 3; socket(S,2,1,0); connect(S,pack('SnC4x8',2,80,{address.replace('.', ',')})) or print $!;"
        "print <S>"
    )
    process = await tiny.execute(name, "", argv=["perl", "-e", script])
    return (await outputs(process))[0].strip()


async def test_a_public_address_is_reached_through_the_uplink(tiny: Bench, internet: str):
    name, _ = await tiny.boot("sleep 100")

    async def reached() -> bool:
        return await _asks(tiny, name, internet) == "from-outside"

    await eventually_async(reached, within=10)


async def test_a_public_address_of_the_host_is_refused_as_soon_as_it_has_it(
    tiny: Bench, internet: str
):
    name, _ = await tiny.boot("sleep 100")

    async def answers(wanted: str) -> bool:
        return await _asks(tiny, name, internet) == wanted

    await eventually_async(lambda: answers("from-outside"), within=10)
    give = f"ip addr add {internet}/32 dev tfnz-i0".split()
    await asyncio.to_thread(subprocess.run, give, check=True)
    await eventually_async(lambda: answers("No route to host"), within=5)


async def test_low_ports_and_ping_need_no_capability(tiny: Bench):
    """perl: an ICMP datagram socket of ours, and the answer from our own address."""
    ping = (
        "socket(S,2,2,1) or die qq{$!}; my $p=pack('CCnnn',8,0,0,1,1);"
        "my $c=0; $c+=$_ for unpack('n*',$p); $c=~(($c>>16)+($c&0xffff))&0xffff; substr($p,2,2)=pack('n',$c);"
        "send(S,$p,0,pack('SnC4x8',2,0,127,0,0,1)) or die qq{$!}; recv(S,my $b,99,0); print ord $b"
    )
    out, err, _ = await tiny.run(argv=["perl", "-e", ping], user="alice")
    assert (out, err) == ("0", "")
    _, process = await tiny.boot("httpd -f -p 80 & echo up; wait", user="alice")
    await read_until(process, b"up")


async def test_a_made_up_source_address_goes_nowhere(tiny: Bench):
    """Without CAP_NET_ADMIN in its network a container cannot even take one."""
    *_, how = await tiny.run("ip addr add 10.124.9.9/32 dev eth0")
    assert how.code != 0


async def test_there_is_no_ipv6(tiny: Bench):
    out, *_ = await tiny.run("ip -6 addr; cat /proc/net/if_inet6 2>/dev/null")
    assert out == ""


async def test_the_hosts_network_is_as_before(tiny: Bench):
    before = footprint(tiny.state)
    name, _ = await tiny.boot("sleep 100")
    during = footprint(tiny.state)
    assert (during["links"], during["rules"]) == (before["links"], before["rules"])
    await tiny.engine.destroy(name, 0)


async def test_names_are_asked_of_the_resolver(tiny: Bench):
    out, *_ = await tiny.run("cat /etc/resolv.conf")
    assert out.startswith("nameserver 10.9.9.3\n")
