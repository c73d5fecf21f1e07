"""Netlink messages from the kernel's log and neighbor table, built after the headers and broken at will."""

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge import kernel
from unlisted.edge.watch import Sources, Watch
from unlisted.messages import Attempt, Command, Decision, Event
from unlisted.stop import guard

MAC = bytes.fromhex("3c5ab4000001")


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(packet: bytes, prefix: str = "unlisted-block ", seq: int = 7, kind: int = 0x400) -> bytes:
    body = struct.pack("!BBH", 2, 0, 25)
    body += attribute(1, b"\x08\x00\x02\x00")  # packet header: IPv4, forward
    body += attribute(10, prefix.encode() + b"\0")
    body += attribute(4, struct.pack("!I", 3)) + attribute(5, struct.pack("!I", 4))
    body += attribute(8, struct.pack("!HH", 6, 0) + MAC + b"\0\0")
    body += attribute(16, bytes.fromhex("0200000000f1") + MAC + b"\x08\x00")
    body += attribute(3, struct.pack("!QQ", 1795478044, 250000))
    body += attribute(12, struct.pack("!I", seq)) + attribute(9, packet)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def tcp(dport: int = 25, flags: int = 0x02) -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, dport, 1, 0, 0x50, flags, 64240, 0, 0)


def ipv4(body: bytes, *, fragment: int = 0, protocol: int = 6) -> bytes:
    ends = bytes([192, 168, 1, 50, 198, 51, 100, 7])
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0) + ends + body


def ipv6(body: bytes, following: int = 6) -> bytes:
    src, dst = bytes.fromhex("fd" + "00" * 14 + "50"), bytes.fromhex("20010db8" + "00" * 11 + "07")
    return struct.pack("!IHBB", 0x60000000, len(body), following, 64) + src + dst + body


def attempts(data: bytes) -> list[Attempt]:
    made = [kernel.attempt(one, 5.0, {3: "lan0", 4: "wan0"}) for one in kernel.read_nflog(data)]
    return [one for one in made if one is not None]


def test_a_syn_becomes_an_attempt() -> None:
    (found,) = attempts(message(ipv4(tcp())))
    assert (str(found.src), found.sport, str(found.dst), found.dport) == (
        "192.168.1.50",
        40000,
        "198.51.100.7",
        25,
    )
    assert (found.mac, found.action, found.at) == ("3c:5a:b4:00:00:01", "block", 1795478044.25)
    assert found.seen is not None
    assert found.seen.text == (
        "unlisted-block IN=lan0 OUT=wan0 MAC=02:00:00:00:00:f1:3c:5a:b4:00:00:01:08:00 SRC=192.168.1.50 "
        "DST=198.51.100.7 PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 SYN"
    )


def test_ipv6_with_extension_headers() -> None:
    hop_by_hop = bytes([60, 0, *b"\0" * 6])
    options = bytes([6, 1, *b"\0" * 14])
    for packet in (ipv6(tcp(465)), ipv6(hop_by_hop + options + tcp(465), following=0)):
        (found,) = attempts(message(packet, "unlisted-pass "))
        assert (str(found.src), str(found.dst), found.dport, found.action) == (
            "fd00::50",
            "2001:db8::7",
            465,
            "pass",
        )


def test_other_packets_are_none() -> None:
    later = bytes([6, 0, *struct.pack("!H", 0x0008), *b"\0" * 4])
    for packet in (
        ipv4(tcp(flags=0x12)),  # SYN and ACK: an answer
        ipv4(tcp(flags=0x10)),
        ipv4(tcp(443)),
        ipv4(tcp(), protocol=17),
        ipv4(tcp(), fragment=100),
        ipv6(later + tcp(), following=44),
        ipv6(tcp(), following=59),
        b"",
        b"\x45",
    ):
        assert attempts(message(packet)) == []


def test_several_messages_in_one_datagram() -> None:
    first, second = message(ipv4(tcp()), seq=1), message(ipv4(tcp(587)), "unlisted-held ", seq=2)
    padded = first + b"\0" * (-len(first) % 4)
    data = padded + second + message(ipv4(tcp()), kind=0x401)
    assert [(one.dport, one.action) for one in attempts(data)] == [(25, "block"), (587, "held")]
    assert [one.seq for one in kernel.read_nflog(data)] == [1, 2]


def test_a_foreign_prefix_says_no_action() -> None:
    (found,) = attempts(message(ipv4(tcp()), "DROP outgoing "))
    assert found.action == ""


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for logged in kernel.read_nflog(data):
        kernel.attempt(logged, 0.0, {})
    kernel.read_neighbors(data)


@given(st.data())
def test_no_broken_message_crashes_the_reader(data: st.DataObject) -> None:
    whole = bytearray(message(data.draw(st.sampled_from([ipv4(tcp()), ipv6(tcp())]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for logged in kernel.read_nflog(cut):
        kernel.attempt(logged, 0.0, {})


@given(st.binary(max_size=120))
def test_no_packet_crashes_the_reader(packet: bytes) -> None:
    attempts(message(packet))


def test_neighbors() -> None:
    def neighbor(state: int, where: bytes, link: bytes) -> bytes:
        body = struct.pack("=BBHiHBB", 2, 0, 0, 3, state, 0, 1) + attribute(1, where) + attribute(2, link)
        return struct.pack("=IHHII", 16 + len(body), 28, 0, 0, 0) + body

    data = b"".join(
        (
            neighbor(0x02, bytes([192, 168, 1, 50]), MAC),
            neighbor(0x04, bytes.fromhex("fd" + "00" * 14 + "50"), MAC),
            neighbor(0x20, bytes([192, 168, 1, 51]), MAC),  # failed
            neighbor(0x40, bytes([224, 0, 0, 1]), MAC),  # multicast
            neighbor(0x02, b"\x01", MAC),
        )
    )
    assert [(str(one.address), one.mac) for one in kernel.read_neighbors(data)] == [
        ("192.168.1.50", "3c:5a:b4:00:00:01"),
        ("fd00::50", "3c:5a:b4:00:00:01"),
    ]


@pytest.fixture
def netlink(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The kernel's end of the next netlink socket that is opened; it has said yes to the first message."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    made = socket.socket
    monkeypatch.setattr(
        "unlisted.edge.kernel.socket.socket",
        lambda *kind: ours if kind and kind[0] == socket.AF_NETLINK else made(*kind),
    )
    theirs.setblocking(False)
    theirs.send(struct.pack("=IHHIIi", 36, 2, 0, 1, 0, 0) + b"\0" * 16)
    yield theirs
    ours.close()
    theirs.close()


def fill(kernel_end: socket.socket, first: int = 0) -> int:
    """Send packets until no more fit; how many did."""
    sent = 0
    while True:
        try:
            kernel_end.send(message(ipv4(tcp()), seq=first + sent))
        except BlockingIOError:
            return sent
        sent += 1


class Counts:
    """Decides nothing and counts."""

    def __init__(self) -> None:
        self.decisions: dict[str, Decision] = {}
        self.seen = 0

    def step(self, event: Event) -> list[Command]:
        self.seen += isinstance(event, Attempt)
        return []

    def surround(self, network: guard.Network) -> None: ...


def ended(live: Watch, kernel_end: socket.socket) -> int:
    """A watch that is stopped while packets wait; how many waited."""
    sent = 0

    async def main() -> None:
        nonlocal sent
        running = asyncio.ensure_future(live.run())
        await asyncio.sleep(0)
        sent = fill(kernel_end)
        live.stop()
        await running

    asyncio.run(main())
    return sent


def test_what_waits_when_the_watch_ends_is_read(
    netlink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = kernel.Nflog.receive
    monkeypatch.setattr(kernel.Nflog, "receive", lambda self: receive(self, 2))
    engine = Counts()
    live = Watch(engine, Sources(nflog=25, neighbors=False), lambda _: None)
    sent = ended(live, netlink)
    assert engine.seen == sent > 4
    assert live.account() == f"{sent} packets logged, none lost; 0 lines were not understood"


def test_what_is_not_read_in_time_is_said_to_be_lost(
    netlink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlisted.edge.watch.LAST", -1.0)
    engine = Counts()
    live = Watch(engine, Sources(nflog=25, neighbors=False), lambda _: None)
    sent = ended(live, netlink)
    assert live.account().startswith(f"{engine.seen} packets logged, {sent - engine.seen} lost")
    assert engine.seen < sent


def test_a_listener_closes_once(netlink: socket.socket) -> None:
    heard = kernel.Nflog()
    waiting = fill(netlink)
    assert heard.waiting()
    heard.close()
    heard.close()
    assert heard.loss.lost == waiting
