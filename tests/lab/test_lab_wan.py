"""Our own address from real servers, in namespaces: miniupnpd on the router, turnserver in the world.

    desk, modem --lan-- router (NAT, miniupnpd) --line-- provider (NAT, if told) --net-- world (turnserver)

miniupnpd calls no address external that is reserved, those of the documentation included; so the lab's
internet, which leads nowhere, has addresses that are somebody's outside.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from unlisted.edge import addresses
from unlisted.edge import wan as edge
from unlisted.edge.resolver import Server
from unlisted.edge.wan import Named
from unlisted.lab.host import Host
from unlisted.lab.network import Network
from unlisted.notice.wan import Verdict

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

ROUTER, SEEN, WORLD, ASIDE = "9.9.8.2", "9.9.9.1", "9.9.9.9", "9.9.7.2"
NAT = 'table ip nat { chain out { type nat hook postrouting priority srcnat; oifname "out" masquerade; }; }'
CONF = """
ext_ifname=out
enable_upnp=yes
port=5000
secure_mode=yes
uuid=00000000-0000-4000-8000-000000000001
"""


class Office:
    """The machines of the picture."""

    def __init__(self, net: Network, line: str) -> None:
        """`line` is the address of the router's own line, of a /24."""
        self.desk, self.router = net.host("desk"), net.host("router")
        self.provider, self.world = net.host("provider"), net.host("world")
        far = line.rpartition(".")[0] + ".1"
        self.modem = net.host("modem")
        net.ip(self.router, "link add lan type bridge", "link set lan up")
        for host, port in ((self.desk, "port1"), (self.modem, "port2")):
            net.cable(host, "eth0", self.router, port)
            net.ip(self.router, f"link set {port} master lan")
        net.cable(self.modem, "out", self.world, "eth1")
        net.ip(self.modem, "address add 192.168.1.9/24 dev eth0", f"address add {ASIDE}/24 dev out")
        net.cable(self.router, "out", self.provider, "customer")
        net.cable(self.provider, "out", self.world, "eth0")
        net.ip(self.desk, "address add 192.168.1.20/24 dev eth0", "route add default via 192.168.1.1")
        net.ip(
            self.router,
            "address add 192.168.1.1/24 dev lan",
            f"address add {line}/24 dev out",
            f"route add default via {far}",
        )
        net.ip(self.provider, f"address add {far}/24 dev customer", f"address add {SEEN}/24 dev out")
        net.ip(self.world, f"address add {WORLD}/24 dev eth0", f"route add default via {SEEN}")
        for host in (self.router, self.provider):
            host.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], check=True)
        translating = [self.router] if line == ROUTER else [self.router, self.provider]
        for host in translating:
            host.run(["nft", "-f", "-"], stdin=NAT, check=True)

    def serve(self, program: Callable[[str], str]) -> None:
        """The router's miniupnpd and the world's turnserver."""
        self.gate(program, self.router, "lan")
        words = ["-S", "-n", "-L", WORLD, "-p", "3478", "--no-cli", "--no-tls", "--no-dtls", "-l", "stdout"]
        server = self.world.spawn([program("turnserver"), *words, "--pidfile", "/run/turnserver.pid"])
        self.world.wait("turnserver", lambda: _open(self.world, 3478), process=server)

    def gate(self, program: Callable[[str], str], host: Host, interface: str) -> None:
        """A miniupnpd that serves an interface of `host`."""
        conf = host.folder / "miniupnpd.conf"
        conf.write_text(f"listening_ip={interface}\n{CONF}")
        upnp = host.spawn([program("miniupnpd"), "-d", "-N", "-f", str(conf), "-P", "/run/miniupnpd.pid"])
        host.wait("miniupnpd", lambda: _open(host, 5351), process=upnp)

    def ask(self, named: Named, timeout: float = 2.0) -> Verdict:
        return self.desk.call(lambda: edge.discover(named, timeout))


def _open(host: Host, port: int) -> bool:
    return f":{port:04X} " in host.run(["cat", "/proc/net/udp"]).stdout


@contextmanager
def office(program: Callable[[str], str], line: str, *, served: bool = True) -> Iterator[Office]:
    with Network() as net:
        made = Office(net, line)
        if served:
            made.serve(program)
        yield made


def test_a_real_router_says_its_address_and_is_not_changed(program: Callable[[str], str]) -> None:
    with office(program, ROUTER) as made:
        before = made.router.run(["nft", "list", "ruleset"]).stdout
        told = made.ask(Named())
        assert (list(map(str, told.addresses)), told.kind) == ([ROUTER], "nat")
        assert "your router says (NAT-PMP, UPnP)" in told.says
        assert told.tried == ()
        assert made.router.run(["nft", "list", "ruleset"]).stdout == before
        # What the world saw agrees.
        told = made.ask(Named((WORLD, 3478)))
        assert (list(map(str, told.addresses)), told.doubts) == ([ROUTER], ())
        assert f"seen by {WORLD} (STUN) and as your router says" in told.says


def test_check_asks_about_what_the_router_says(program: Callable[[str], str]) -> None:
    with office(program, ROUTER) as made:
        words = ["--zone", "zen.spamhaus.org", "--resolver", "127.0.0.1:9", "--timeout", "1", "--no-save"]
        done = made.desk.python(["unlisted", "check", "--json", *words])
        assert {json.loads(line)["address"] for line in done.stdout.splitlines()} == {ROUTER}
        assert f"your address: {ROUTER}, as your router says (NAT-PMP, UPnP)" in done.stderr
        assert "nobody outside has confirmed it" in done.stderr
        done = made.desk.python(["unlisted", "check", "--no-discovery", *words])
        assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("line", ["100.64.7.2", "10.7.7.2"])
def test_a_nat_of_the_provider_is_told(program: Callable[[str], str], line: str) -> None:
    with office(program, line) as made:
        told = made.ask(Named())
        assert (told.addresses, told.kind) == ((), "double-nat")
        assert "no public address itself" in told.doubts[0]
        told = made.ask(Named((WORLD, 3478)))
        assert (list(map(str, told.addresses)), told.kind) == ([SEEN], "double-nat")


def test_only_the_local_network_is_asked(program: Callable[[str], str]) -> None:
    """The router forwards nothing of ours while nobody outside was named."""
    with office(program, "10.7.7.2") as made:
        count = 'table inet seen { chain f { type filter hook forward priority 0; oifname "out" counter; }; }'
        made.router.run(["nft", "-f", "-"], stdin=count, check=True)
        made.ask(Named())
        assert "packets 0 " in made.router.run(["nft", "list", "table", "inet", "seen"]).stdout
        made.ask(Named((WORLD, 3478)))
        assert "packets 0 " not in made.router.run(["nft", "list", "table", "inet", "seen"]).stdout


def test_a_vpn_is_told(program: Callable[[str], str]) -> None:
    with office(program, ROUTER) as made:
        vpn = (
            "link add tun9 type veth peer name far9",
            "link set tun9 up",
            "link set far9 up",
            "address add 10.99.0.2/24 dev tun9",
        )
        for line in (*vpn, "route add 0.0.0.0/1 dev tun9", "route add 128.0.0.0/1 dev tun9"):
            made.desk.run(["ip", *line.split()], check=True)
        told = made.ask(Named())
        assert list(map(str, told.addresses)) == [ROUTER]
        assert any("leaves by tun9, not by your router" in doubt for doubt in told.doubts)


def test_a_machine_on_the_internet_asks_nobody(program: Callable[[str], str]) -> None:
    with office(program, ROUTER) as made:
        told = made.world.call(lambda: edge.discover(Named(servers=(Server("127.0.0.1"),)), 2.0))
        assert (list(map(str, told.addresses)), told.kind, told.tried) == ([WORLD], "public", ())
        assert "on this machine (eth0)" in told.says


def test_another_gateway_of_the_lan_is_heard_and_told_apart(program: Callable[[str], str]) -> None:
    """It is found by multicast alone: what goes to one address goes to the router."""
    with office(program, ROUTER, served=False) as made:
        made.gate(program, made.modem, "eth0")
        told = made.ask(Named(), 1.5)
        assert (list(map(str, told.addresses)), told.kind) == ([ASIDE], "nat")
        assert "as 192.168.1.9 says (UPnP), which is not your router" in told.says
        assert told.tried[0] == "NAT-PMP (192.168.1.1): connection refused"
        # As soon as the router speaks, its word alone counts.
        made.gate(program, made.router, "lan")
        told = made.ask(Named(), 1.5)
        assert list(map(str, told.addresses)) == [ROUTER]


def test_temporary_addresses_of_ipv6_are_told_apart(program: Callable[[str], str]) -> None:
    with office(program, ROUTER, served=False) as made:
        switches = (("all/disable_ipv6", 0), ("eth0/disable_ipv6", 0), ("eth0/dad_transmits", 0))
        for switch, value in (*switches, ("eth0/use_tempaddr", 2)):
            path = f"/proc/sys/net/ipv6/conf/{switch}"
            made.desk.run(["sh", "-c", f"echo {value} >{path}"], check=True)
        for line in (
            "address add 2001:db8:1:2::20/64 dev eth0 mngtmpaddr",
            "address add 2001:db8:1:3::20/64 dev eth0",
            "address add fd00::20/64 dev eth0",
        ):
            made.desk.run(["ip", "-6", *line.split()], check=True)

        def own() -> dict[str, bool]:
            found = made.desk.call(addresses.own)
            return {str(one.address): one.temporary for one in found if str(one.address).startswith("2001")}

        made.desk.wait("the addresses of both kinds", lambda: sorted(own().values()) == [False, False, True])
        assert not own()["2001:db8:1:2::20"]
        told = made.ask(Named(), 0.3)
        assert told.addresses == ()  # no route leads out
        way = ("via", "2001:db8:1:2::1", "dev", "eth0")
        made.desk.run(["ip", "-6", "route", "add", "default", *way], check=True)
        told = made.ask(Named(), 0.3)
        assert list(map(str, told.addresses)) == ["2001:db8:1:2::20", "2001:db8:1:3::20"]
