"""The stop in a real kernel: a gateway, a rogue, another machine and the outside, in private namespaces."""

import asyncio
import ctypes
import os
import select
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unlisted import cli, net
from unlisted.config import Config
from unlisted.edge import apply, byhand, kernel, surroundings
from unlisted.edge.store import Store
from unlisted.edge.watch import Carried, Happening, Sources, Watch
from unlisted.engine import Engine
from unlisted.errors import UnlistedError
from unlisted.messages import Attempt, Decision, Device, Name
from unlisted.stop import decide, ruleset
from unlisted.stop.enforcers.nftables import Standing

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

OUT4, OUT6 = "192.0.2.2", "2001:db8:9::2"
ROGUE4, ROGUE6, OTHER4 = "10.77.1.2", "fd77:1::2", "10.77.2.2"
ROGUE_MAC = "02:00:00:00:77:01"
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread in the network namespace `name`; sockets made here stay there."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        assert _LIBC.setns(there, 0x40000000) == 0, os.strerror(ctypes.get_errno())
        yield
    finally:
        assert _LIBC.setns(before, 0x40000000) == 0
        os.close(before)
        os.close(there)


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


class Site:
    """Names of the four namespaces."""

    def __init__(self) -> None:
        self.gateway, self.rogue, self.other, self.out = (f"u{os.getpid()}{letter}" for letter in "groi")

    def names(self) -> tuple[str, ...]:
        return self.gateway, self.rogue, self.other, self.out

    def link(self, name: str, inner: str, number: int, four: str, six: str, mac: str) -> None:
        """A cable from the gateway's `inner` to eth0 of `name`; the gateway is .1, the machine .2."""
        ip(f"link add {inner} netns {self.gateway} type veth peer name eth0 netns {name}")
        ip(f"-n {name} link set eth0 address {mac}")
        ip(f"-n {self.gateway} link set {inner} address 02:00:00:00:77:f{number}")
        for where, device, host in ((self.gateway, inner, 1), (name, "eth0", 2)):
            ip(f"-n {where} addr add {four}.{host}/24 dev {device}")
            ip(f"-n {where} addr add {six}::{host}/64 dev {device} nodad")
            ip(f"-n {where} link set {device} up")
            ip(f"-n {where} link set lo up")
        ip(f"-n {name} route add default via {four}.1")
        ip(f"-n {name} route add default via {six}::1")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    try:
        for name in made.names():
            ip(f"netns add {name}")
        made.link(made.rogue, "r0", 1, "10.77.1", "fd77:1", ROGUE_MAC)
        made.link(made.other, "o0", 2, "10.77.2", "fd77:2", "02:00:00:00:77:02")
        made.link(made.out, "w0", 3, "192.0.2", "2001:db8:9", "02:00:00:00:77:03")
        ip(f"-n {made.gateway} route add default via {OUT4}")
        with inside(made.gateway):
            for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                Path("/proc/sys/net", path).write_text("1")
        yield made
    finally:
        for name in made.names():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.fixture
def nft(site: Site) -> Iterator[apply.Nft]:
    with inside(site.gateway), apply.Nft() as made:
        made.remove()
        yield made
        made.remove()


@pytest.fixture
def servers(site: Site) -> Iterator[dict[int, socket.socket]]:
    """Mail servers outside, both families; the backlog completes handshakes by itself."""
    with inside(site.out):
        made = {port: socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True,
                                           backlog=64) for port in (25, 587)}  # fmt: skip
    yield made
    for server in made.values():
        server.close()


def dial(site: Site, name: str, where: str = OUT4, port: int = 25, wait: float = 0.3) -> socket.socket | None:
    """A connection from a machine, or None when none came about."""
    with inside(name):
        try:
            return socket.create_connection((where, port), timeout=wait)
        except OSError:
            return None


def reaches(site: Site, name: str, where: str = OUT4, port: int = 25) -> bool:
    made = dial(site, name, where, port)
    if made is not None:
        made.close()
    return made is not None


def knock(site: Site, name: str, targets: list[tuple[str, int]]) -> None:
    """One SYN to each target; nobody waits for an answer."""
    with inside(name):
        for where, port in targets:
            family = socket.AF_INET6 if ":" in where else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as caller:
                caller.setblocking(False)
                caller.connect_ex((where, port))


def decision(seconds: float = 600, mac: str = ROGUE_MAC, address: str = ROGUE4) -> Decision:
    device = Device(net.ip(address) if address else None, mac)
    return decide.by_hand(device, "test", "pytest", byhand.now(), seconds / 3600)


def drain(log: kernel.Nflog, count: int) -> list[Attempt]:
    """At least `count` attempts, or what came until nothing more does."""
    found: list[Attempt] = []
    while len(found) < count and select.select([log], [], [], 2.0)[0]:
        found += log.receive()
    return found


@pytest.mark.parametrize("library", [True, False])
def test_a_hold_ends_new_and_established_traffic_of_one_device_only(
    site: Site, servers: dict[int, socket.socket], library: bool
) -> None:
    with inside(site.gateway), apply.Nft(library=library) as nft:
        nft.remove()
        open_before = dial(site, site.rogue)
        others = dial(site, site.other)
        assert open_before is not None
        assert others is not None
        far = [servers[25].accept()[0] for _ in range(2)]
        held = decision()
        assert nft.hold(held, byhand.now()).ok
        assert [one.name for one in nft.held()] == [ROGUE_MAC, ROGUE4]

        open_before.sendall(b"MAIL FROM:<>\r\n")
        far[0].settimeout(0.3)
        with pytest.raises(TimeoutError):
            far[0].recv(100)
        assert not reaches(site, site.rogue)
        assert not reaches(site, site.rogue, OUT6, 587)  # its other family, known by the MAC alone
        assert nft.held_traffic(held) >= 3

        others.sendall(b"NOOP\r\n")
        far[1].settimeout(5)
        assert far[1].recv(100) == b"NOOP\r\n"
        assert reaches(site, site.other)
        assert nft.release(held).ok
        assert reaches(site, site.rogue)
        assert nft.release(held).ok
        assert nft.remove().ok
        assert not nft.listing().nftables
        for one in (open_before, others, *far):
            one.close()


@pytest.mark.parametrize("mac", ["02:00:00:00:77:77", ""])
def test_what_others_send_to_a_held_device_is_no_proof_of_the_hold(
    site: Site, nft: apply.Nft, mac: str
) -> None:
    absent = "10.77.1.77"  # nobody is there, so whatever is counted was sent by somebody else
    held = decision(mac=mac, address=absent)
    assert nft.prepare().ok
    assert nft.hold(held, byhand.now()).ok
    assert not reaches(site, site.other, absent)
    assert ruleset.counters(nft.listing())["held"] > 0  # it came, and was dropped
    assert nft.held_traffic(held) == 0


def test_the_end_of_one_decision_leaves_anothers_hold(site: Site, nft: apply.Nft) -> None:
    proposed, standing = decision(), decision()
    assert proposed.id != standing.id
    assert nft.prepare().ok
    assert nft.hold(standing, byhand.now()).ok
    assert nft.release(proposed).ok
    assert len(nft.held()) == 2
    assert nft.release(standing).ok
    assert nft.held() == []
    replies = subprocess.check_output(["nft", "list", "set", "inet", "unlisted", "replies4"], text=True)
    assert ROGUE4 not in replies


def test_who_may_not_read_the_filter_does_not_say_released(site: Site, nft: apply.Nft) -> None:
    held = decision()
    assert nft.prepare().ok
    assert nft.hold(held, byhand.now()).ok
    child = os.fork()
    if child == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            nft.release(held)
            os._exit(1)
        except UnlistedError as error:
            os._exit(error.code)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    assert len(nft.held()) == 2


def test_the_gateway_itself_stays_in_reach_of_a_held_device(site: Site, nft: apply.Nft) -> None:
    assert nft.prepare().ok
    assert nft.hold(decision(), byhand.now()).ok
    with socket.create_server(("10.77.1.1", 53)):
        assert reaches(site, site.rogue, "10.77.1.1", 53)


def test_a_hold_ends_by_itself(site: Site, nft: apply.Nft, servers: dict[int, socket.socket]) -> None:
    assert nft.prepare().ok
    assert nft.hold(decision(seconds=1), byhand.now()).ok
    assert not reaches(site, site.rogue)
    # Nobody releases it: a SYN sent again gets through once the kernel's own timer has run out.
    made = dial(site, site.rogue, wait=20)
    assert made is not None
    made.close()
    assert not nft.held()


def test_holding_again_sets_a_new_end_and_survives_a_flush(site: Site, nft: apply.Nft) -> None:
    first = decision(seconds=100)
    assert nft.hold(first, byhand.now()).ok  # without prepare: the base is laid on the way
    assert nft.hold(decision(seconds=1000), byhand.now()).ok
    left = {one.name: one.seconds for one in nft.held()}
    assert left[ROGUE_MAC] > 900
    assert 500 < left[str(decision().device.address)] <= 600  # the address may be another's by then
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert nft.hold(first, byhand.now()).ok
    assert len(nft.held()) == 2


def test_the_standing_rule_leaks_no_syn(
    site: Site, nft: apply.Nft, servers: dict[int, socket.socket]
) -> None:
    rule = Standing(lan=("r0", "o0"), wan=("w0",), senders=(OTHER4,))
    assert nft.install(rule).ok
    assert nft.in_place(rule) == ""
    with inside(site.out):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
    with wire:
        knock(site, site.rogue, [(OUT4, 25), (OUT6, 25)] * 100)
        assert not reaches(site, site.rogue)
        assert reaches(site, site.rogue, OUT6, 587)  # passes, and comes after all that was blocked
        assert reaches(site, site.other)  # the declared sender
        wire.setblocking(False)
        leaked = 0
        while True:
            try:
                packet = wire.recv(100)
            except BlockingIOError:
                break
            ends = kernel._tcp(packet)
            if ends and str(ends[0]) in (ROGUE4, ROGUE6):
                leaked += packet[ends[2] + 2 : ends[2] + 4] == struct.pack("!H", 25)
    assert leaked == 0
    strict = Standing(lan=("r0", "o0"), wan=("w0",), block_submission=True)
    assert nft.install(strict).ok
    assert not reaches(site, site.rogue, OUT4, 587)
    assert "senders4" in nft.in_place(rule)
    assert nft.remove_standing().ok
    assert nft.in_place(rule) != ""
    assert reaches(site, site.rogue)


def test_the_kernel_log_sees_each_syn(site: Site, nft: apply.Nft) -> None:
    assert nft.install(Standing(lan=("r0", "o0"), wan=("w0",), senders=(OTHER4,))).ok
    log = kernel.Nflog(25)
    try:
        began = byhand.now()
        knock(site, site.rogue, [("198.51.100.7", 25), (OUT6, 465), (OUT4, 25), (OUT4, 80)])
        knock(site, site.other, [(OUT4, 25)])
        found = drain(log, 4)
        assert [(str(a.src), str(a.dst), a.dport, a.action) for a in found] == [
            (ROGUE4, "198.51.100.7", 25, "block"),
            (ROGUE6, OUT6, 465, "pass"),
            (ROGUE4, OUT4, 25, "block"),
            (OTHER4, OUT4, 25, "pass"),
        ]
        assert {a.mac for a in found[:3]} == {ROGUE_MAC}
        assert all(began - 1 < a.at <= byhand.now() for a in found)
        seen = found[0].seen
        assert seen is not None
        assert seen.source == "nflog:25"
        assert seen.text.startswith(
            "unlisted-block IN=r0 OUT=w0 MAC=02:00:00:00:77:f1:02:00:00:00:77:01:08:00 "
        )
        assert nft.hold(decision(), byhand.now()).ok
        knock(site, site.rogue, [(OUT4, 25)])
        assert [a.action for a in drain(log, 1)] == ["held"]
    finally:
        log.close()


def test_what_the_log_loses_is_counted(site: Site, nft: apply.Nft) -> None:
    assert nft.install(Standing(lan=("r0",), wan=("w0",))).ok
    log = kernel.Nflog(25, buffer=8192)
    try:
        knock(site, site.rogue, [(OUT4, 25)] * 2000)  # far more than the buffer holds, and nobody reads
        drain(log, 2000)
        knock(site, site.rogue, [(OUT4, 25)])
        drain(log, 1)
        assert log.loss.lost > 0
        assert log.loss.overruns > 0
        assert log.loss.read + log.loss.lost == 2001
    finally:
        log.close()


def test_one_group_has_one_listener(site: Site, nft: apply.Nft) -> None:
    log = kernel.Nflog(25)
    try:
        with pytest.raises(UnlistedError, match="another program"):
            kernel.Nflog(25)
    finally:
        log.close()


def test_neighbors_are_read(site: Site, nft: apply.Nft, servers: dict[int, socket.socket]) -> None:
    assert reaches(site, site.rogue)
    assert reaches(site, site.rogue, OUT6)
    found = {(str(lease.address), lease.mac) for lease in kernel.neighbors()}
    assert {(ROGUE4, ROGUE_MAC), (ROGUE6, ROGUE_MAC)} <= found


@pytest.mark.parametrize("prefix", ["198.51.{}.9", "2001:db8:{:x}::9"])
def test_the_watch_names_and_holds_the_rogue(site: Site, nft: apply.Nft, tmp_path: Path, prefix: str) -> None:
    assert nft.install(Standing(lan=("r0", "o0"), wan=("w0",))).ok
    ip(f"-n {site.gateway} -6 route replace default via {OUT6}")
    config = Config(policy="hold", warm_up=0)
    engine = Engine(config, surroundings.look(config))
    seen: list[Happening] = []

    def told(happening: Happening) -> None:
        seen.append(happening)
        if isinstance(happening, Carried):
            knock(site, site.rogue, [(prefix.format(99), 25)])  # it goes on, and is seen to be stopped
        if isinstance(happening, Attempt) and happening.action == "held":
            live.stop()

    with Store(str(tmp_path / "store.db")) as store:
        live = Watch(engine, Sources(nflog=25), told, enforcer=nft, store=store)

        async def play() -> None:
            running = asyncio.create_task(live.run(30))
            await asyncio.sleep(0)
            knock(site, site.rogue, [(prefix.format(number), 25) for number in range(1, 9)])
            await running

        asyncio.run(play())
        carried = [one for one in seen if isinstance(one, Carried)]
        assert [one.ok for one in carried] == [True]
        assert carried[0].decided_ms is not None
        assert carried[0].first_ms is not None
        named = next(one for one in seen if isinstance(one, Name))
        assert named.suspect.device.mac == ROGUE_MAC
        assert {one.name for one in nft.held()} >= {ROGUE_MAC}
    with Store(str(tmp_path / "store.db")) as store:
        assert [one.state for one in store.decisions()] == ["verified"]
        assert [line.what.split(":")[5].split()[1] for line in store.audit_lines()] == [
            "proposed",
            "applied",
            "verified",
        ]
        again = Engine(config, surroundings.look(config))
        nft.remove()  # a restart after a reboot: the hold is as decided
        asyncio.run(Watch(again, Sources(), seen.append, enforcer=nft, store=store).run(0.01))
        assert {one.name for one in nft.held()} >= {ROGUE_MAC}


def test_by_hand_from_hold_to_no_trace(
    site: Site, nft: apply.Nft, servers: dict[int, socket.socket], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reaches(site, site.rogue)  # so that the gateway knows it as a neighbor
    assert (
        cli.main(["hold", ROGUE4, "--for", "1h", "--reason", "a \x1b[31mtest", "--yes", "--wait", "0"]) == 0
    )
    assert not reaches(site, site.rogue)
    assert cli.main(["hold", ROGUE4, "--yes"]) == 4  # already held
    assert "already held" in capsys.readouterr().err
    assert cli.main(["hold", "10.77.1.1", "--yes"]) == 4  # this host
    assert cli.main(["hold", "10.77.9.9", "--yes"]) == 4  # nobody has seen it
    assert cli.main(["release", ROGUE_MAC]) == 0
    assert reaches(site, site.rogue)
    assert cli.main(["rule", "install", "--lan", "r0", "--yes"]) == 0
    assert not reaches(site, site.rogue)
    assert cli.main(["rule", "remove", "--yes"]) == 0
    assert not nft.listing().nftables
    with Store() as store:
        assert [line.what.partition(": ")[0][-9:] for line in store.audit_lines()][:3] == [
            " proposed",
            "1 applied",
            " released",
        ]
        assert len(store.audit_lines()) == 5
