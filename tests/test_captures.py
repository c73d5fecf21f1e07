"""Captures: what a packet tells, on every link, in every layout, whole, cut and damaged."""

import random
import struct
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures as make
from captures import ACK, CARD, RST, START, SYN, SYNACK, ethernet, ipv4, ipv6, pcap, reply, syn, tcp, udp
from unlisted.edge.quoted import quote
from unlisted.edge.read import read
from unlisted.evidence import OTHER, Fact, Feed, binary, facts, formats
from unlisted.messages import Attempt, Contact, Evidence, Lease


def stream(data: bytes) -> Feed:
    form = binary(data)
    assert form is not None
    assert form.stream is not None
    return form.stream()


def records(data: bytes, size: int = 1 << 20) -> list[tuple[int, object]]:
    """Each record of a file that comes in pieces of `size`."""
    feed = stream(data)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [one for piece in [*pieces, b""] for one in feed(piece)]


def told(data: bytes) -> list[Fact]:
    return [fact for _, made in records(data) for fact in facts(made)]  # type: ignore[arg-type]


def only(data: bytes) -> Attempt:
    (fact,) = told(data)
    assert isinstance(fact, Attempt)
    return fact


CONVERSATION = [
    (START, syn()),
    (START + 0.02, reply(SYNACK)),
    (START + 0.03, ethernet(ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, ACK, 1001)))),
    (START + 5, syn("198.51.100.8", 587, 51513)),
    (START + 5.1, reply(RST, "198.51.100.8", 587, 51513)),
    (START + 6, syn("198.51.100.9", 465, 51514)),
    (START + 7, syn("198.51.100.9", 465, 51514)),
    (START + 8, syn("192.0.2.1", 443, 51515)),
    (START + 19, syn("198.51.100.10", 25, 51516)),
    (START + 20, reply(ACK, "198.51.100.99", 25, 40000)),
]


def test_a_syn_and_what_became_of_it_are_one_fact() -> None:
    made = told(pcap(CONVERSATION))
    assert sorted((one.at, str(one.dst), one.outcome) for one in made if isinstance(one, Attempt)) == [
        (START, "198.51.100.7", "answered"),
        (START + 5, "198.51.100.8", "refused"),
        (START + 6, "198.51.100.9", "silent"),
        (START + 19, "198.51.100.10", ""),  # a second is no time to be silent in
    ]
    assert [one.dport for one in made if isinstance(one, Contact)] == [443]
    first = next(one for one in made if isinstance(one, Attempt) and one.dport == 25)
    assert (str(first.src), first.sport, first.mac) == ("192.168.50.9", 51512, CARD)


def test_each_packet_is_one_record_and_each_fact_stands_at_its_syn() -> None:
    made = records(pcap(CONVERSATION))
    assert sorted(number for number, _ in made) == list(range(1, len(CONVERSATION) + 1))
    places = {number for number, one in made if isinstance(one, Attempt)}
    assert places == {1, 4, 6, 9}


def test_where_no_answers_are_captured_nobody_is_silent() -> None:
    only_syns = [one for one in CONVERSATION if one[1][47] == SYN]
    assert {one.outcome for one in told(pcap(only_syns)) if isinstance(one, Attempt)} == {""}


def test_a_stranger_cannot_answer_for_the_server() -> None:
    forged = ethernet(ipv4("198.51.100.7", "192.168.50.9", 6, tcp(25, 51512, RST, 1, 4711)))
    packets = [(START, syn()), (START + 1, forged), (START + 2, reply(SYNACK))]
    assert only(pcap(packets)).outcome == "answered"


@pytest.mark.parametrize(("code", "outcome"), [(13, "refused"), (3, "refused"), (1, "silent")])
def test_an_icmp_error_refuses_where_somebody_decided_so(code: int, outcome: str) -> None:
    inner = ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, SYN))[:28]
    error = ipv4("192.168.50.1", "192.168.50.9", 1, struct.pack("!BBHI", 3, code, 0, 0) + inner)
    packets = [
        (START, syn()), (START + 1, ethernet(error)), (START + 2, syn("198.51.100.8", sport=4000)),
        (START + 3, reply(SYNACK, "198.51.100.8", sport=4000)), (START + 9, reply(ACK)),
    ]  # fmt: skip
    made = {str(one.dst): one.outcome for one in told(pcap(packets)) if isinstance(one, Attempt)}
    assert made["198.51.100.7"] == outcome


def test_a_syn_seen_on_both_sides_of_the_router_tells_the_translation() -> None:
    outer = ethernet(ipv4("203.0.113.5", "198.51.100.7", 6, tcp(40312, 25, SYN)), src=make.ROUTER)
    back = ethernet(ipv4("198.51.100.7", "203.0.113.5", 6, tcp(25, 40312, SYNACK, 7, 1001)))
    made = only(pcap([(START, syn()), (START + 0.001, outer), (START + 0.02, back)]))
    assert (str(made.src), made.mac, made.outcome) == ("192.168.50.9", CARD, "answered")
    assert (str(made.nat), made.nat_port) == ("203.0.113.5", 40312)


def test_a_port_that_is_used_again_is_a_new_connection() -> None:
    packets = [
        (START, syn()), (START + 40, syn(sequence=5000)), (START + 40.1, reply(SYNACK, sequence=5000)),
    ]  # fmt: skip
    made = [one for one in told(pcap(packets)) if isinstance(one, Attempt)]
    assert [(one.at, one.outcome) for one in made] == [(START, ""), (START + 40, "answered")]


def test_memory_stays_bounded_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from unlisted.evidence.flows import _handshakes

    monkeypatch.setattr(_handshakes, "WAITING", 50)
    packets = [(START + n / 100, syn(sport=1024 + n, sequence=n)) for n in range(500)]
    made = told(pcap(packets))
    assert sorted(one.sport for one in made if isinstance(one, Attempt)) == list(range(1024, 1524))


def inner() -> bytes:
    return ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, SYN))


MAC = bytes.fromhex(CARD.replace(":", ""))
RADIO = b"\0\0\x08" + bytes(5)
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
LINKS = [
    (0, b"\x02\0\0\0" + inner(), ""),
    (108, b"\0\0\0\x02" + inner(), ""),
    (1, ethernet(inner()), CARD),
    (1, ethernet(b"\x00\x05\x08\x00" + inner(), 0x8100), CARD),
    (1, ethernet(b"\x00\x05\x81\x00\x00\x06\x08\x00" + inner(), 0x88A8), CARD),
    (1, ethernet(b"\x11\0\0\x01\0\x2e\0\x21" + inner(), 0x8864), CARD),
    (1, ethernet(b"\0\x01\x01\x40" + inner(), 0x8847), CARD),
    (1, ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + inner(), 60), CARD),
    (9, b"\xff\x03\0\x21" + inner(), ""),
    (9, b"\x21" + inner(), ""),
    (50, b"\0\x21" + inner(), ""),
    (51, b"\x11\0\0\x01\0\x2e\0\x21" + inner(), ""),
    (12, inner(), ""),
    (101, inner(), ""),
    (228, inner(), ""),
    (104, b"\x0f\0\x08\0" + inner(), ""),
    (105, b"\x08\x01\0\0" + b"\x01" * 6 + MAC + b"\x02" * 8 + SNAP + inner(), CARD),
    (127, RADIO + b"\x88\x01\0\0" + b"\x01" * 6 + MAC + b"\x02" * 8 + b"\0\0" + SNAP + inner(), CARD),
    (113, b"\0\0\0\x01\0\x06" + MAC + b"\0\0\x08\0" + inner(), CARD),
    (276, b"\x08\0\0\0\0\0\0\x02\0\x01\0\x06" + MAC + b"\0\0" + inner(), CARD),
    (117, bytes((61, 2, 1, 0)) + bytes(60) + inner(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("link", "frame", "mac"), LINKS)
def test_every_link_leads_to_the_packet(link: int, frame: bytes, mac: str) -> None:
    made = only(pcap([(START, frame)], link))
    assert (str(made.src), str(made.dst), made.dport, made.mac) == ("192.168.50.9", "198.51.100.7", 25, mac)
    assert made.action == ("block" if link == 117 else "")


@pytest.mark.parametrize("order", ["<", ">"])
def test_nflog_tells_the_card_and_what_the_rule_did(order: str) -> None:
    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack(order + "HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)

    frame = (
        b"\x02\0\0\x05"
        + attribute(1, b"\x08\0\x02\0")
        + attribute(10, b"DROP mail: \0")
        + attribute(8, b"\0\x06\0\0" + MAC + b"\0\0")
        + attribute(9, inner())
    )
    made = only(pcap([(START, frame)], 239, order=order))
    assert (made.mac, made.action, made.dport) == (CARD, "block", 25)


def test_ipv6_behind_its_extension_headers() -> None:
    segment = tcp(51512, 587, SYN)
    behind = bytes((60, 0)) + bytes(6) + bytes((6, 0)) + bytes(6) + segment
    made = only(pcap([(START, ethernet(ipv6("2001:db8::9", "2001:db8:1::25", 0, behind), 0x86DD))]))
    assert (str(made.src), str(made.dst), made.dport) == ("2001:db8::9", "2001:db8:1::25", 587)
    later = bytes((6, 0)) + struct.pack("!HI", 8 << 3, 1) + segment
    assert told(pcap([(START, ethernet(ipv6("2001:db8::9", "2001:db8:1::25", 44, later), 0x86DD))])) == []


def test_only_the_first_fragment_has_ports_and_options_are_passed_over() -> None:
    segment = tcp(51512, 25, SYN)
    first = ethernet(ipv4("192.168.50.9", "198.51.100.7", 6, segment, fragment=0x2000, options=bytes(8)))
    later = ethernet(ipv4("192.168.50.9", "198.51.100.8", 6, segment, fragment=0x0010))
    assert str(only(pcap([(START, first), (START + 1, later)])).dst) == "198.51.100.7"


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, SYNACK))),
        ethernet(ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, ACK))),
        ethernet(ipv4("192.168.50.9", "198.51.100.7", 6, tcp(51512, 25, SYN | 1))),
        syn()[:46],
        syn()[:20],
        b"",
        b"\x01",
        ethernet(b"\x45"),
        ethernet(b"\x41" + inner()[1:]),
        ethernet(inner(), 0x1234),
    ],
)
def test_what_opens_nothing_tells_nothing(frame: bytes) -> None:
    assert records(pcap([(START, frame)])) == [(1, OTHER)]


def test_a_cut_packet_tells_what_is_left_of_it() -> None:
    assert only(pcap([(START, syn())], snap=48)).dport == 25
    assert told(pcap([(START, syn())], snap=47)) == []


def test_the_first_datagram_of_a_pair_is_a_contact() -> None:
    ask, answer = udp(5353, 53), udp(53, 5353)
    packets = [
        (START, ethernet(ipv4("192.168.50.9", "192.0.2.53", 17, ask))),
        (START + 1, ethernet(ipv4("192.0.2.53", "192.168.50.9", 17, answer))),
        (START + 2, ethernet(ipv4("192.168.50.9", "192.0.2.53", 17, ask))),
        (START + 900, ethernet(ipv4("192.168.50.9", "192.0.2.53", 17, ask))),
    ]
    made = told(pcap(packets))
    assert [(one.at, one.dport, one.protocol) for one in made if isinstance(one, Contact)] == [
        (START, 53, "udp"), (START + 900, 53, "udp"),
    ]  # fmt: skip


def dhcp(operation: int, kind: int, yours: str = "0.0.0.0", options: bytes = b"") -> bytes:
    return (
        bytes((operation, 1, 6, 0)) + b"\x01\x02\x03\x04" + bytes(8) + ip_address(yours).packed + bytes(8)
        + MAC + bytes(10 + 192) + b"\x63\x82\x53\x63" + bytes((53, 1, kind)) + options + b"\xff"
    )  # fmt: skip


def test_dhcp_grants_a_lease_to_whom_asked() -> None:
    asked = b"\x37\x04\x01\x03\x06\x0f" + b"\x3c\x08MSFT 5.0" + b"\x0c\x05PC-17" + b"\x3d\x07\x01" + MAC
    request = ipv4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, dhcp(1, 3, options=asked)))
    granted = dhcp(2, 5, "192.168.50.9", b"\x33\x04\0\0\x0e\x10")
    ack = ipv4("192.168.50.1", "192.168.50.9", 17, udp(67, 68, granted))
    packets = [(START, ethernet(request)), (START + 1, ethernet(ack))]
    made = [one for one in told(pcap(packets)) if isinstance(one, Lease)]
    assert made == [
        Lease(
            ip_address("192.168.50.9"), CARD, "PC-17", f"01:{CARD}", START + 1, START + 3601,
            fingerprint="1,3,6,15 MSFT 5.0",
        )
    ]  # fmt: skip
    assert not [one for one in told(pcap([(START, ethernet(request[:120]))])) if isinstance(one, Lease)]


def test_neighbors_say_their_own_address_once() -> None:
    def arp(sender: str, kind: int = 2) -> bytes:
        return ethernet(
            b"\0\x01\x08\0\x06\x04" + bytes((0, kind)) + MAC + ip_address(sender).packed + bytes(10), 0x0806
        )

    packets = [
        (START, arp("192.168.50.9")), (START + 1, arp("192.168.50.9")), (START + 2, arp("0.0.0.0", 1)),
        (START + 3, arp("192.168.50.10", 1)),
    ]  # fmt: skip
    made = [one for one in told(pcap(packets)) if isinstance(one, Lease)]
    assert [(str(one.address), one.mac, one.start) for one in made] == [
        ("192.168.50.9", CARD, START), ("192.168.50.10", CARD, START + 3),
    ]  # fmt: skip
    target = ip_address("2001:db8::9").packed
    advertised = bytes((136, 0, 0, 0, 0x60, 0, 0, 0)) + target + b"\x02\x01" + MAC
    frame = ethernet(ipv6("2001:db8::9", "ff02::1", 58, advertised), 0x86DD)
    (lease,) = told(pcap([(START, frame)]))
    assert lease == Lease(ip_address("2001:db8::9"), CARD, start=START)


def test_mirrored_traffic_is_read_in_its_tunnel() -> None:
    tunnels = [
        ipv4("10.0.0.1", "10.0.0.2", 17, udp(5000, 4789, b"\x08\0\0\0\0\0\x07\0" + syn())),
        ipv4("10.0.0.1", "10.0.0.2", 17, udp(5000, 37008, b"\x01\0\0\x01\x01" + syn())),
        ipv4("10.0.0.1", "10.0.0.2", 47, b"\x10\0\x88\xbe\0\0\0\x01" + bytes(8) + syn()),
        ipv4("10.0.0.1", "10.0.0.2", 47, b"\0\0\x08\0" + inner()),
    ]
    for body in tunnels:
        assert str(only(pcap([(START, ethernet(body, src=make.ROUTER))])).src) == "192.168.50.9"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34])
def test_all_layouts_of_pcap(order: str, magic: int) -> None:
    packets = [(START + 0.25, syn())]
    made = only(pcap(packets, order=order, magic=magic))
    assert made.at == pytest.approx(START + 0.25, abs=1e-6)
    with_check_sequence = bytearray(pcap(packets, order=order, magic=magic))
    with_check_sequence[23 if order == "<" else 20] = 0x44  # FCS of four octets
    assert only(bytes(with_check_sequence)).at == made.at


def test_pcapng_with_several_sections_interfaces_and_clocks() -> None:
    other = ipv4("192.168.50.10", "198.51.100.8", 6, tcp(1, 25, SYN))
    data = (
        make.section() + make.interface() + make.interface(101, 9) + make.block(0x0BAD, b"unknown")
        + make.enhanced(int(START * 1e6), syn())
        + make.enhanced(int(START) * 10**9, other, 1)
        + make.section(">") + make.interface(1, 0x80 | 10, ">", offset=100)
        + make.enhanced((int(START) - 100) << 10, syn("198.51.100.9", sport=2), order=">")
        + make.block(3, struct.pack(">I", 60) + syn(), ">")
    )  # fmt: skip
    made = [one for one in told(data) if isinstance(one, Attempt)]
    assert sorted((str(one.src), str(one.dst), one.at, one.mac) for one in made) == [
        ("192.168.50.10", "198.51.100.8", START, ""),
        ("192.168.50.9", "198.51.100.7", START, CARD),
        ("192.168.50.9", "198.51.100.9", START, CARD),
    ]
    assert len(records(data)) == 4
    missing = make.section() + make.interface() + make.enhanced(0, syn(), 5)
    assert records(missing) == [(1, None)]


WHOLE: list[Callable[[], bytes]] = [
    lambda: pcap(CONVERSATION),
    lambda: (
        make.section()
        + make.interface()
        + b"".join(make.enhanced(int(at * 1e6), data) for at, data in CONVERSATION)
    ),
]


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_pieces_of_any_size_tell_the_same(whole: Callable[[], bytes], size: int) -> None:
    data = whole()
    assert sorted(records(data, size), key=repr) == sorted(records(data), key=repr)


@pytest.mark.parametrize("whole", WHOLE)
def test_a_truncated_capture_tells_what_it_holds(whole: Callable[[], bytes]) -> None:
    data = whole()
    for end in range(24, len(data), 13):
        made = records(data[:end])
        numbers = [number for number, _ in made]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert sum(one is None for _, one in made) <= 1


@pytest.mark.parametrize("size", [5, 64, 1 << 20])
def test_captures_put_behind_each_other_are_read_as_one(size: int) -> None:
    one = pcap([(START, syn())])
    data = one + pcap([(START + 1, syn("198.51.100.8"))]) + one[:24] + one[:24]
    made = records(data, size)
    assert [number for number, _ in made] == [1, 2]
    assert {str(fact.dst) for _, fact in made if isinstance(fact, Attempt)} == {
        "198.51.100.7",
        "198.51.100.8",
    }


def test_an_absurd_length_ends_the_reading() -> None:
    data = pcap([(START, syn())]) + struct.pack("<IIII", 0, 0, 0xFFFFFFF0, 0) + bytes(500)
    assert [one is None for _, one in records(data)] == [True, False]
    broken = make.section() + make.interface() + struct.pack("<II", 6, 7) + bytes(100)
    assert records(broken) == [(1, None)]


@given(data=st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(WHOLE))())
    rng = random.Random(data.draw(st.integers(0, 10**6)))
    for _ in range(data.draw(st.integers(1, 20))):
        whole[rng.randrange(4, len(whole))] = rng.randrange(256)
    records(bytes(whole), 100)


@pytest.mark.parametrize("link", sorted({link for link, _, _ in LINKS} | {239}))
@given(frame=st.binary(max_size=120))
def test_no_frame_raises(link: int, frame: bytes) -> None:
    assert len(records(pcap([(START, frame), (START, syn())], link))) == 2


def test_a_capture_is_read_as_a_file_and_quoted(tmp_path: Path) -> None:
    path = tmp_path / "lan.pcap"
    path.write_bytes(pcap(CONVERSATION))
    made = read(path)
    assert (made.kind, made.format, made.lines, made.unknown) == ("flows", "pcap", 10, 0)
    assert made.flows is not None
    assert made.flows.size == 4
    assert "10 packets" in made.sentence()
    (seen,) = quote([Evidence(str(path), 4, "")])
    assert "dst=198.51.100.8" in seen.text
    assert "outcome=refused" in seen.text


def test_a_link_that_is_not_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "radio.pcap"
    path.write_bytes(pcap([(START, b"x")], 195))
    assert "link type 195" in read(path).trouble


def test_interfaces_that_come_in_batches_are_put_together() -> None:
    outer = ethernet(ipv4("203.0.113.5", "198.51.100.7", 6, tcp(40312, 25, SYN)), src=make.ROUTER)
    lan = [(START, syn()), (START + 0.02, reply(SYNACK)), (START + 0.9, reply(ACK, "192.0.2.1", 443))]
    for packets in ([*lan, (START + 0.001, outer)], [(START + 0.001, outer), *lan]):
        made = only(pcap(packets))
        assert (str(made.src), made.at, made.mac, made.outcome) == ("192.168.50.9", START, CARD, "answered")
        assert (str(made.nat), made.nat_port) == ("203.0.113.5", 40312)


LINE = "2026-11-24 00:06:26.043494 IP 192.168.50.9.51512 > 198.51.100.7.25: Flags [S], seq 1, win 64240"


def test_tcpdumps_text() -> None:
    form = next(one for one in formats() if one.name == "tcpdump")
    assert form.parse(LINE, START) == Attempt(
        START + 0.043494, ip_address("192.168.50.9"), ip_address("198.51.100.7"), 25, 51512
    )
    assert form.parse(LINE.replace("192.168.50.9", "pc.lan"), START) is None, "names are no addresses"
    assert form.parse(LINE.replace("[S]", "[S.]"), START) is OTHER
    for end in range(20, LINE.index("[S]") + 3):
        assert not facts(form.parse(LINE[:end], START))
    assert not facts(form.parse("Nov 24 00:06:26 gw sshd[1]: " + LINE, START))
