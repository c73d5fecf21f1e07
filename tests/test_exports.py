"""Flow exports: NetFlow v5 and v9, IPFIX, sFlow, as datagrams, in captures and in files; nfdump's files."""

import bz2
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import CARD, START, ethernet, ipv4, pcap, syn, udp
from unlisted.edge.read import read
from unlisted.evidence import Fact, binary, facts
from unlisted.evidence.flows import _packing
from unlisted.evidence.flows.netflow import Exports
from unlisted.evidence.flows.nfcapd import refuse
from unlisted.messages import Attempt, Contact, Translation

SECONDS = int(START)
UPTIME = 100_000  # milliseconds


def raw(address: str) -> bytes:
    return ip_address(address).packed


def flow5(
    src: str, dst: str, sport: int, dport: int, flags: int, protocol: int = 6, first: int = 90_000
) -> bytes:
    return struct.pack(
        "!4s4s4sHHIIIIHHxBBBHHBBxx", raw(src), raw(dst), bytes(4), 1, 2, 3, 180, first, 95_000,
        sport, dport, flags, protocol, 0, 0, 0, 0, 0,
    )  # fmt: skip


def v5(*flows: bytes, sampling: int = 0) -> bytes:
    return struct.pack(
        "!HHIIIIBBH", 5, len(flows), UPTIME, SECONDS, 500_000_000, 1, 0, 0, sampling
    ) + b"".join(flows)


def told(*datagrams: bytes) -> list[Fact]:
    exports = Exports()
    return [fact for one in datagrams for fact in exports.datagram(one, b"\xc0\0\x02\x09", START) or []]


IN, OUT = "192.168.50.9", "198.51.100.7"


def test_netflow_5() -> None:
    made = told(
        v5(
            flow5(IN, OUT, 51512, 25, 0x02),
            flow5(IN, "198.51.100.8", 51513, 587, 0x1B),
            flow5("198.51.100.8", IN, 587, 51513, 0x1B),  # the answer's half
            flow5(IN, "198.51.100.9", 51514, 25, 0x10),  # a later part
            flow5(IN, "192.0.2.53", 5353, 53, 0, 17),
            flow5("192.0.2.53", IN, 53, 5353, 0, 17),
        )
    )
    assert [(type(one), one.dport, one.outcome) for one in made if isinstance(one, Attempt | Contact)] == [
        (Attempt, 25, "silent"), (Attempt, 587, "answered"), (Contact, 53, ""),
    ]  # fmt: skip
    first = made[0]
    assert isinstance(first, Attempt)
    assert first.at == SECONDS + 0.5 - 10
    assert (str(first.src), str(first.dst), first.sport) == (IN, OUT, 51512)


def test_a_servers_half_in_the_same_datagram_or_before_says_how_it_went() -> None:
    refusal, silence = flow5(OUT, IN, 25, 51512, 0x14), flow5(IN, OUT, 51512, 25, 0x02)
    assert [one.outcome for one in told(v5(refusal, silence)) if isinstance(one, Attempt)] == ["refused"]
    assert [one.outcome for one in told(v5(silence, refusal)) if isinstance(one, Attempt)] == ["refused"]
    later = told(v5(silence), v5(refusal))
    assert [one.outcome for one in later if isinstance(one, Attempt)] == ["silent"]
    unflagged = flow5(OUT, IN, 25, 51512, 0), flow5(IN, OUT, 51512, 25, 0)
    assert [one.outcome for one in told(v5(*unflagged)) if isinstance(one, Attempt)] == [""]


def test_the_clock_of_an_exporter_runs_over_after_seven_weeks() -> None:
    (made,) = told(v5(flow5(IN, OUT, 51512, 25, 0x02, first=(1 << 32) - 5000)))
    assert isinstance(made, Attempt)
    assert made.at == SECONDS + 0.5 - 105


def test_of_sampled_flows_no_outcome_is_told() -> None:
    made = told(
        v5(flow5(IN, OUT, 51512, 25, 0x02), flow5(IN, "198.51.100.9", 51514, 25, 0x10), sampling=0x4064)
    )
    assert [one.outcome for one in made if isinstance(one, Attempt)] == ["", ""]


def sets(version: int, *bodies: tuple[int, bytes], domain: int = 7) -> bytes:
    body = b"".join(struct.pack("!HH", kind, len(data) + 4) + data for kind, data in bodies)
    if version == 9:
        return struct.pack("!HHIIII", 9, len(bodies), UPTIME, SECONDS, 1, domain) + body
    return struct.pack("!HHIII", 10, 16 + len(body), SECONDS, 1, domain) + body


def template(number: int, *fields: tuple[int, int]) -> bytes:
    made = struct.pack("!HH", number, len(fields))
    for element, length in fields:
        if element > 0xFFFF:
            made += struct.pack("!HHI", element & 0xFFFF | 0x8000, length, element >> 16)
        else:
            made += struct.pack("!HH", element, length)
    return made


TUPLE = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1))


def ends(dport: int = 25, flags: int = 2, sport: int = 51512, protocol: int = 6) -> bytes:
    return raw(IN) + raw(OUT) + struct.pack("!HHBB", sport, dport, protocol, flags)


def test_netflow_9_learns_its_templates() -> None:
    layout = (0, template(256, *TUPLE, (22, 4), (21, 4), (56, 6)))
    record = ends() + struct.pack("!II", 90_000, 91_000) + bytes.fromhex(CARD.replace(":", ""))
    (made,) = told(sets(9, layout, (256, record + bytes(3))))
    assert made == Attempt(SECONDS - 10.0, ip_address(IN), ip_address(OUT), 25, 51512, CARD, outcome="silent")


def test_records_wait_for_their_template_and_belong_to_their_domain() -> None:
    layout = (2, template(256, *TUPLE, (152, 8)))
    record = ends() + struct.pack("!Q", int(START * 1000) - 2000)
    early = sets(10, (256, record))
    assert told(early) == []
    (made,) = told(early, sets(10, layout))
    assert isinstance(made, Attempt)
    assert made.at == START - 2
    assert told(sets(10, layout, domain=8), early) == []
    assert told(sets(10, layout), sets(10, (2, template(256))), early) == [], "the template was taken back"


def test_ipfix_with_variable_lengths_and_enterprise_fields() -> None:
    layout = (2, template(300, (371, 0xFFFF), (9 << 16 | 12235, 4), *TUPLE, (158, 4)))
    long = b"u" * 300
    record = b"\x05maria" + bytes(4) + ends(587) + struct.pack("!I", 3_000_000)
    other = b"\xff" + struct.pack("!H", 300) + long + bytes(4) + ends(465, sport=2) + struct.pack("!I", 0)
    one, two = told(sets(10, layout, (300, record + other)))
    assert isinstance(one, Attempt)
    assert isinstance(two, Attempt)
    assert (one.account, one.dport, one.at) == ("maria", 587, START - 3)
    assert (two.account, two.dport) == ("u" * 256, 465)


def test_a_biflow_tells_the_outcome() -> None:
    layout = (2, template(300, *TUPLE[:5], (2, 8), (29305 << 16 | 2, 8)))
    silent = ends()[:-1] + struct.pack("!QQ", 3, 0)
    answered = ends(sport=2)[:-1] + struct.pack("!QQ", 3, 2)
    made = told(sets(10, layout, (300, silent + answered)))
    assert [one.outcome for one in made if isinstance(one, Attempt)] == ["silent", "answered"]


def test_a_biflow_whose_opener_never_acknowledged_was_refused() -> None:
    layout = (2, template(300, *TUPLE, (2, 8), (29305 << 16 | 2, 8)))
    refused = ends() + struct.pack("!QQ", 1, 1)
    answered = ends(flags=0x1B, sport=2) + struct.pack("!QQ", 5, 4)
    made = told(sets(10, layout, (300, refused + answered)))
    assert [one.outcome for one in made if isinstance(one, Attempt)] == ["refused", "answered"]


def test_psamp_tells_the_packets_that_it_picked() -> None:
    layout = (2, template(300, (324, 8), (315, 0xFFFF)))
    frame = syn()
    record = struct.pack("!II", int(START) + 2_208_988_800, 1 << 31) + bytes((len(frame),)) + frame
    (made,) = told(sets(10, layout, (300, record)))
    assert isinstance(made, Attempt)
    assert (made.at, made.mac, made.dport) == (START + 0.5, CARD, 25)


def test_options_tell_of_sampling_and_of_the_exporters_start() -> None:
    options = (3, struct.pack("!HHH", 400, 3, 1) + struct.pack("!HHHHHH", 149, 4, 34, 4, 160, 8))
    values = (400, struct.pack("!IIQ", 7, 100, int(START * 1000) - UPTIME))
    layout = (2, template(256, *TUPLE, (22, 4)))
    (made,) = told(sets(10, options, values, layout, (256, ends() + struct.pack("!I", 90_000))))
    assert isinstance(made, Attempt)
    assert (made.at, made.outcome) == (START - 10, "")


NAT = ((230, 1), (323, 8), (8, 4), (225, 4), (7, 2), (227, 2), (4, 1), (12, 4), (11, 2))


def nat(event: int, dport: int = 25) -> bytes:
    return (
        struct.pack("!BQ", event, int(START * 1000)) + raw("10.0.0.9") + raw("203.0.113.1")
        + struct.pack("!HHB", 40000, 3000, 6) + raw(OUT) + struct.pack("!H", dport)
    )  # fmt: skip


def test_nat_events_of_rfc_8158() -> None:
    layout = (2, template(256, *NAT))
    made = told(sets(10, layout, (256, nat(4) + nat(5) + nat(3) + nat(1, 443))))
    assert made[0] == Attempt(
        START,
        ip_address("10.0.0.9"),
        ip_address(OUT),
        25,
        40000,
        nat=ip_address("203.0.113.1"),
        nat_port=3000,
    )
    ended = made[1]
    assert isinstance(ended, Translation)
    assert (ended.start, ended.end, ended.port, ended.inside_port, ended.protocol) == (
        None,
        START,
        3000,
        40000,
        "tcp",
    )
    assert isinstance(made[2], Contact)
    assert len(made) == 3


def test_port_blocks_of_rfc_8158() -> None:
    layout = (2, template(256, (230, 1), (323, 8), (8, 4), (225, 4), (361, 2), (362, 2), (363, 2), (364, 2)))

    def block(event: int, first: int, last: int, step: int, size: int) -> bytes:
        return (
            struct.pack("!BQ", event, int(START * 1000)) + raw("10.0.0.9") + raw("203.0.113.1")
            + struct.pack("!HHHH", first, last, step, size)
        )  # fmt: skip

    records = block(14, 1024, 1535, 1, 512) + block(15, 1024, 1535, 0, 0) + block(14, 2000, 2006, 2, 4)
    made = [one for one in told(sets(10, layout, (256, records))) if isinstance(one, Translation)]
    assert [(one.port, one.ports, one.start, one.end) for one in made[:2]] == [
        (1024, 512, START, None), (1024, 512, None, START),
    ]  # fmt: skip
    assert [one.port for one in made[2:]] == [2000, 2002, 2004, 2006]


def test_asa_tells_what_its_firewall_did() -> None:
    layout = (0, template(263, *TUPLE[:5], (225, 4), (227, 2), (233, 1), (323, 8), (40000, 20)))

    def record(event: int) -> bytes:
        user = b"maria".ljust(20, b"\0")
        return ends()[:-1] + raw("203.0.113.1") + struct.pack("!HBQ", 3000, event, int(START * 1000)) + user

    made = told(sets(9, layout, (263, record(1) + record(2) + record(3) + record(5))))
    created, ended, denied = made
    assert isinstance(created, Attempt)
    assert (created.action, created.account, str(created.nat)) == ("pass", "maria", "203.0.113.1")
    assert isinstance(ended, Translation)
    assert isinstance(denied, Attempt)
    assert denied.action == "block"


def test_a_flow_told_by_two_interfaces_is_one() -> None:
    layout = (2, template(256, *TUPLE, (152, 8)))
    record = ends() + struct.pack("!Q", int(START * 1000))
    assert len(told(sets(10, layout, (256, record + record)))) == 1


def sflow() -> bytes:
    frame = syn()
    header = struct.pack("!IIII", 1, len(frame), 4, len(frame)) + frame + bytes(-len(frame) % 4)
    sample = (
        struct.pack("!IIIIIIII", 1, 1, 512, 512, 0, 1, 2, 1) + struct.pack("!II", 1, len(header)) + header
    )
    return (
        struct.pack("!II4sIIII", 5, 1, raw("192.0.2.9"), 0, 1, 1000, 1)
        + struct.pack("!II", 1, len(sample))
        + sample
    )


def test_sflow_samples_are_packets() -> None:
    (made,) = told(sflow())
    assert isinstance(made, Attempt)
    assert (made.at, str(made.src), made.dport, made.mac, made.outcome) == (START, IN, 25, CARD, "")


def test_exports_inside_a_capture(tmp_path: Path) -> None:
    layout = (2, template(256, *TUPLE, (152, 8)))
    record = ends() + struct.pack("!Q", int(START * 1000))
    datagrams = [
        (40_000, v5(flow5(IN, "198.51.100.20", 1, 25, 2))),
        (2055, sets(9, (0, template(256, *TUPLE)), (256, ends(587)))),
        (4739, sets(10, layout, (256, record))), (6343, sflow().replace(raw(OUT), raw("198.51.100.30"))),
    ]  # fmt: skip
    packets = [
        (START, ethernet(ipv4("192.0.2.9", "192.0.2.1", 17, udp(30_000, port, data))))
        for port, data in datagrams
    ]
    path = tmp_path / "exports.pcap"
    path.write_bytes(pcap(packets))
    made = read(path)
    assert (made.lines, made.understood) == (4, 4)
    assert made.flows is not None
    assert sorted((str(one.dst), one.dport) for one in made.flows.attempts()) == [
        ("198.51.100.20", 25), ("198.51.100.30", 25), (OUT, 25), (OUT, 587),
    ]  # fmt: skip


def test_an_ipfix_file_is_messages_one_after_another(tmp_path: Path) -> None:
    layout = sets(10, (2, template(256, *TUPLE, (152, 8))))
    data = sets(10, (256, ends() + struct.pack("!Q", int(START * 1000))))
    path = tmp_path / "flows.ipfix"
    path.write_bytes(layout + data + data[:10])
    made = read(path)
    assert (made.format, made.lines, made.understood, made.other, made.unknown) == ("ipfix", 3, 1, 1, 1)
    path.write_bytes(layout + b"nonsense that is no message" + data)
    assert read(path).unknown == 1
    assert binary(b"\x00\x0aHello, this is UTF-16 or what") is None


SHAPES = [v5(flow5(IN, OUT, 1, 25, 2)), sets(9, (0, template(256, *TUPLE)), (256, ends())), sflow()]


@given(data=st.data())
def test_no_datagram_raises(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(SHAPES)))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    told(bytes(whole[: data.draw(st.integers(0, len(whole)))]), bytes(whole))
    told(
        data.draw(st.sampled_from([b"\0\5", b"\0\x09", b"\0\x0a", b"\0\0\0\5"]))
        + data.draw(st.binary(max_size=200))
    )


def test_invented_templates_and_exporters_do_not_fill_the_memory() -> None:
    exports = Exports()
    for number in range(6000):
        exports.datagram(sets(9, (0, template(256 + number % 60_000, *TUPLE)), domain=number))
        exports.datagram(sets(9, (999, bytes(1000)), domain=number))
    assert len(exports._domains) <= 4096
    assert exports._waiting <= 2 << 20


# ---- nfdump ---------------------------------------------------------------------------------------


def element(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body) + 4) + body


def host(address: str) -> bytes:
    """An address as a little-endian machine keeps it."""
    packed = raw(address)
    return packed[::-1] if len(packed) == 4 else packed[7::-1] + packed[:7:-1]


def record3(src: str, dst: str, sport: int, dport: int, flags: int, *more: bytes, marks: int = 0) -> bytes:
    generic = struct.pack(
        "<QQQQQHHBBBB", int(START * 1000), int(START * 1000) + 900, 0, 3, 180, sport, dport, 6, flags, 64, 0
    )
    parts = [element(1, generic), element(2 if "." in src else 3, host(src) + host(dst)), *more]
    body = b"".join(parts)
    return struct.pack("<HHHBBHBB", 11, 12 + len(body), len(parts), 0, 0, 1, 0, 9) + body


def file2(
    records: bytes, packing: int = 0, body: bytes | None = None, *, version: int = 2, secret: int = 0
) -> bytes:
    packed = records if body is None else body
    head = struct.pack(
        "<HHIQBBHIQII", 0xA50C, version, 0x01070100, SECONDS, packing, secret, 1, 1, 0, 1 << 20, 1
    )
    end = b"statistics in the appendix".ljust(300, b"\0")
    return (
        head + struct.pack("<IIHH", 1, len(packed), 3, 0) + packed
        + struct.pack("<IIHH", 1, len(end), 4, 1) + end
    )  # fmt: skip


RECORDS = (
    record3(IN, OUT, 51512, 25, 2, element(16, struct.pack("<QQQQ", 0x3C5AB4123456, 0, 0, 0)))
    + record3(OUT, IN, 25, 51512, 0x14)
    + record3("2001:db8::9", "2001:db8:1::25", 51513, 587, 0x1B)
    + record3(IN, "192.0.2.1", 51514, 443, 0x1B)
)


def attempts(data: bytes) -> list[Attempt]:
    form = binary(data)
    assert form is not None
    assert form.stream is not None
    feed = form.stream()
    return [
        one for piece in (data[:7], data[7:], b"") for _, made in feed(piece) for one in facts(made)
        if isinstance(one, Attempt)
    ]  # fmt: skip


def lz4_literals(data: bytes) -> bytes:
    """A block of LZ4 that repeats nothing."""
    more, rest = b"", len(data) - 15
    while rest >= 255:
        more, rest = more + b"\xff", rest - 255
    return b"\xf0" + more + bytes((rest,)) + data


@pytest.mark.parametrize(
    ("packing", "body"), [(0, RECORDS), (2, bz2.compress(RECORDS)), (3, lz4_literals(RECORDS))]
)
def test_nfdump_1_7(packing: int, body: bytes) -> None:
    one, two = attempts(file2(body, packing))
    assert one == Attempt(START, ip_address(IN), ip_address(OUT), 25, 51512, CARD, "pass", "refused")
    assert (str(two.src), str(two.dst), two.dport, two.outcome) == (
        "2001:db8::9",
        "2001:db8:1::25",
        587,
        "answered",
    )


def test_nfdump_1_6() -> None:
    common = struct.pack(
        "<HHHHHHIIBBBBHHHH", 10, 44, 0, 0, 250, 0, SECONDS, SECONDS, 128, 2, 6, 0, 51512, 25, 1, 0
    )
    record = common + host(IN) + host(OUT) + bytes(4)
    data = (
        struct.pack("<HHII128s", 0xA50C, 1, 0, 1, b"none") + bytes(136)
        + struct.pack("<IIHH", 1, len(record), 2, 0) + record
    )  # fmt: skip
    (made,) = attempts(data)
    assert (made.at, str(made.src), str(made.dst), made.action) == (START + 0.25, IN, OUT, "block")


def test_nfdump_tells_what_a_firewall_and_a_translator_did() -> None:
    more = [
        element(20, struct.pack("<QIHBB", int(START * 1000), 1, 0, 1, 0)),
        element(21, host("203.0.113.1") + bytes(4)),
        element(23, struct.pack("<HH", 3000, 25)), element(25, b"maria".ljust(68, b"\0")),
    ]  # fmt: skip
    (made,) = attempts(file2(record3(IN, OUT, 51512, 25, 0, *more)))
    assert (str(made.nat), made.nat_port, made.account, made.action) == ("203.0.113.1", 3000, "maria", "pass")


def test_nfdump_tells_blocks_of_ports() -> None:
    more = [
        element(26, struct.pack("<QIIIBBH", int(START * 1000), 0, 0, 0, 14, 0, 0)),
        element(27, struct.pack("<HHHH", 1024, 1535, 1, 512)),
        element(21, host("203.0.113.1") + bytes(4)),
    ]
    form = binary(data := file2(record3("10.0.0.9", "0.0.0.0", 0, 0, 0, *more)))
    assert form is not None
    assert form.stream is not None
    (made,) = [one for _, record in form.stream()(data) for one in facts(record)]
    assert isinstance(made, Translation)
    assert (str(made.inside), str(made.outside), made.start) == ("10.0.0.9", "203.0.113.1", START)
    assert (made.port, made.ports, made.dst) == (1024, 512, None)


def test_nfdump_files_that_are_not_read_say_how_to_get_their_text(tmp_path: Path) -> None:
    path = tmp_path / "nfcapd.202611240005"
    for data, word in [
        (file2(RECORDS, 4), "zstd"),
        (file2(RECORDS, secret=1), "encrypted"),
        (file2(RECORDS, version=3), "layout 3"),
    ]:
        path.write_bytes(data)
        made = read(path)
        assert word in made.trouble
        assert "nfdump -r FILE -o csv" in made.trouble
    assert refuse(file2(RECORDS)) == ""
    path.write_bytes(file2(RECORDS)[:-500])
    assert read(path).unknown == 1


def test_lzo_and_lz4_repeat_what_was() -> None:
    # "abcabcabcabcX": three literals, nine octets from three ago, one literal; as the formats spell it.
    assert _packing.lz4(b"\x35abc\x03\x00\x10X", 100) == b"abcabcabcabcX"
    assert _packing.lzo(b"\x14abc\x27\x09\x00X\x11\x00\x00", 100) == b"abcabcabcabcX"
    assert _packing.lz4(b"\x35abc\x03\x00\x10X", 8) is None, "longer than allowed"
    assert _packing.lz4(b"\x35abc\x09\x00\x10X", 100) is None, "from before the beginning"
    assert _packing.lzo(b"\x14abc\x27\x09\x00X", 100) is None, "without its end"


@given(data=st.binary(max_size=300))
def test_nothing_packed_raises(data: bytes) -> None:
    for unpack in (_packing.lzo, _packing.lz4):
        made = unpack(data, 1000)
        assert made is None or len(made) <= 1000 + len(data)


@given(data=st.data())
def test_no_damaged_file_of_nfdump_raises(data: st.DataObject) -> None:
    whole = bytearray(file2(RECORDS))
    for _ in range(data.draw(st.integers(1, 10))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    if refuse(bytes(whole)) == "":
        attempts(bytes(whole))
