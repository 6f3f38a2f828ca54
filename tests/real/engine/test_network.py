"""The embedded engine's network: what a container finds of it, and what is left of it on the host."""

from __future__ import annotations

from tests.support.bare_engine import Bench, read_until
from tests.support.leaks import footprint


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
