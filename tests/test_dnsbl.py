"""Names, packets and verdicts, with dnspython as the oracle of the packets."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise

import dns.flags
import dns.message
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.net import Address
from unlisted.notice import dnsbl, lists, packets
from unlisted.notice.dnsbl import Health, build_query, judge, query_name, read_answer, temper
from unlisted.notice.lists import Entry, Part, Secret, Way, stranger
from unlisted.notice.packets import AAAA, PTR, TXT, A, Answer

ADDRESSES = st.ip_addresses()
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
NAMES = st.lists(LABEL, min_size=1, max_size=6).map(".".join)
US = IPv4Address("192.0.2.99")
NAME = "99.2.0.192.bl.example"

ENTRY = Entry(
    key="test",
    zone="bl.example",
    name="Test",
    operator="",
    lists="",
    kind=("ip4", "ip6"),
    source="",
    checked="2026-11-23",
    codes={"127.0.0.2": "BAD", "127.0.0.4": "listed", "127.1.*.7": "any seven"},
    neutral={"127.0.0.1": "white"},
    refused={"127.255.255.254": "public resolver"},
    parts={
        "BAD": Part(meaning="a person wrote it", scope="range", removal=Way(method="provider")),
    },
    weight=0.5,
)


def said(*codes: str, rcode: int = 0) -> Answer:
    """An answer with these A records."""
    return Answer(name=NAME, qtype=A, rcode=rcode, addresses=codes)


# ---- names ----------------------------------------------------------------------------------------


def test_the_examples_of_the_rfc() -> None:
    # RFC 5782 §2.1 and §2.4
    assert query_name(IPv4Address("192.0.2.99"), "bad.example.com") == "99.2.0.192.bad.example.com"
    assert query_name(IPv6Address("2001:db8:1:2:3:4:567:89ab"), "ugly.example.com") == (
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com"
    )
    assert query_name("spam.example", "bad.example.com") == "spam.example.bad.example.com"


@given(ADDRESSES)
def test_pointer_names_as_dnspython_makes_them(address: Address) -> None:
    if address.version == 6 and address.ipv4_mapped:
        return  # the oracle takes these for IPv4; net.ip() has made them so before
    theirs = dns.reversename.from_address(str(address)).to_text(omit_final_dot=True)
    assert dnsbl.pointer_name(address) == theirs


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM.", "example.com"),
        ("mail.example.com", "mail.example.com"),
        ("a_b.example", "a_b.example"),
        ("localhost", ""),
        ("192.0.2.1", ""),
        ("192.0.2", ""),
        ("exa mple.com", ""),
        ("-x.example", ""),
        ("x.-", ""),
        ("a" * 64 + ".example", ""),
        (".".join(["a" * 60] * 5) + ".example", ""),
        ("", ""),
    ],
)
def test_hostname(text: str, name: str) -> None:
    assert dnsbl.hostname(text) == name


@given(st.text())
def test_hostname_never_raises(text: str) -> None:
    dnsbl.hostname(text)


# ---- packets --------------------------------------------------------------------------------------


@given(NAMES, st.sampled_from([A, TXT, PTR, AAAA]), st.integers(0, 0xFFFF), st.booleans())
def test_a_query_reads_as_what_was_meant(name: str, qtype: int, number: int, edns: bool) -> None:
    theirs = dns.message.from_wire(build_query(name, qtype, number, edns=edns))
    assert theirs.id == number
    assert theirs.flags == dns.flags.RD
    assert theirs.question[0].name.to_text(omit_final_dot=True) == name
    assert int(theirs.question[0].rdtype) == qtype
    assert theirs.payload == (packets.EDNS_SIZE if edns else 0)


@pytest.mark.parametrize(
    "name", ["", "a..b", "a" * 64 + ".example", ".".join(["a" * 50] * 6), "bücher.example"]
)
def test_a_name_that_dns_cannot_carry_is_no_query(name: str) -> None:
    assert build_query(name, A, 1) == b""


@given(
    NAMES,
    st.integers(0, 0xFFFF),
    st.lists(st.ip_addresses(v=4), max_size=5, unique=True),
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3),
    st.lists(NAMES, max_size=3, unique=True),
    st.sampled_from([A, TXT]),
)
def test_answers_read_as_dnspython_wrote_them(
    name: str, number: int, addresses: list[IPv4Address], strings: list[bytes], aliases: list[str], qtype: int
) -> None:
    query = dns.message.make_query(name, dns.rdatatype.RdataType(qtype), id=number)
    response = dns.message.make_response(query)
    chain = [name, *(alias for alias in aliases if alias != name)]
    for owner, target in pairwise(chain):
        response.answer.append(dns.rrset.from_text(owner + ".", 60, "IN", "CNAME", target + "."))
    if qtype == A and addresses:
        response.answer.append(dns.rrset.from_text(chain[-1] + ".", 60, "IN", "A", *map(str, addresses)))
    if qtype == TXT:
        pieces = [piece[:255] for piece in strings]
        spelled = " ".join('"' + "".join(f"\\{octet:03d}" for octet in piece) + '"' for piece in pieces)
        response.answer.append(dns.rrset.from_text(chain[-1] + ".", 60, "IN", "TXT", spelled))
        expected = b"".join(pieces).decode("utf-8", "replace")
    read = read_answer(response.to_wire(), number, name, qtype)
    assert read.fault == ""
    assert read.rcode == 0
    if qtype == A:
        assert set(read.addresses) == set(map(str, addresses))  # the oracle shuffles them
    else:
        assert read.texts == (expected,)


@given(st.binary(max_size=600), st.integers(0, 0xFFFF), NAMES)
def test_any_bytes_are_a_value(data: bytes, number: int, name: str) -> None:
    answer = read_answer(data, number, name, A)
    assert answer.fault or answer.rcode is not None


@given(st.data())
def test_a_damaged_answer_is_a_value_and_agrees_with_dnspython(data: st.DataObject) -> None:
    query = dns.message.make_query(NAME, "A", id=7)
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "CNAME", "x.bl.example."))
    response.answer.append(dns.rrset.from_text("x.bl.example.", 60, "IN", "A", "127.0.0.2", "127.0.0.4"))
    wire = bytearray(response.to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(wire[: data.draw(st.integers(0, len(wire)))])
    read = read_answer(cut, 7, NAME, A)
    if read.fault or read.truncated or not read.addresses:
        return
    # Whatever we believe, the oracle must read as well.
    theirs = dns.message.from_wire(cut)
    assert theirs.is_response is not None
    assert query.is_response(theirs)
    found = {item.to_text() for rrset in theirs.answer if rrset.rdtype == dns.rdatatype.A for item in rrset}
    assert set(read.addresses) <= found


def _packet(body: bytes, answers: int = 1, number: int = 7, flags: int = 0x8180) -> bytes:
    question = b"\x01a\x07example\x00\x00\x01\x00\x01"
    counts = b"\x00\x01" + answers.to_bytes(2) + b"\x00\x00\x00\x00"
    return number.to_bytes(2) + flags.to_bytes(2) + counts + question + body


RECORD = b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x02"


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (b"", "shorter than a header"),
        (_packet(b"\xc0\x0c" + RECORD, number=8), "another id"),
        (_packet(b"\xc0\x0c" + RECORD, flags=0x0180), "a query"),
        (_packet(b"\xc0\x0c" + RECORD, flags=0xA980), "opcode"),
        (_packet(b"\xc0\x0c" + RECORD).replace(b"\x01a", b"\x01b"), "another question"),
        (_packet(b"\xc0\x0c" + RECORD + b"\x00"), "after the end"),
        (_packet(b"\xc0\x0c" + RECORD[:-1]), "beyond the end"),
        (_packet(b"\xc0\x0c" + RECORD[:5]), "cut off"),
        (_packet(b"\xc0\x1b" + RECORD), "leads nowhere"),  # to itself
        (_packet(b"\xc0\x40" + RECORD), "leads nowhere"),  # forward
        (_packet(b"\x01a\xc0\x1b" + RECORD), "leads nowhere"),  # a loop by way of a label
        (_packet(b"\x80" + RECORD), "no known kind"),
        (_packet(b"\xc0\x0c" + RECORD, answers=9000), "records"),
        (_packet(b"\xc0\x18" + RECORD), "runs into itself"),
        (_packet(b"\xc0\x0c" + RECORD, flags=0x8183), "no such name, and yet an answer"),
        (_packet(b"\xc0\x0c\0\x05\0\1\0\0\0\x3c\0\2\xc0\x0c"), "aliases in a row"),
        (_packet(b"\0\0\x29\4\xd0\0\0\0\0\0\0"), "EDNS out of place"),
        (_packet(b"\xc0\x0c\0\xfa\0\xff\0\0\0\0\0\0"), "signature"),
        (_packet(b"\xc0\x0c" + RECORD.replace(b"\x00\x04\x7f", b"\x00\x03")), "wrong length"),
    ],
)
def test_what_does_not_fit_is_a_fault(packet: bytes, fault: str) -> None:
    assert fault in read_answer(packet, 7, "a.example", A).fault


def test_the_plain_packet_reads_and_case_does_not_count() -> None:
    assert read_answer(_packet(b"\xc0\x0c" + RECORD), 7, "A.Example", A).addresses == ("127.0.0.2",)
    shouted = _packet(b"\xc0\x0c" + RECORD).replace(b"example", b"eXaMple")
    assert read_answer(shouted, 7, "a.example", A).addresses == ("127.0.0.2",)


def test_records_of_other_names_are_not_ours() -> None:
    strange = _packet(b"\x05other\x07example\x00" + RECORD)
    assert read_answer(strange, 7, "a.example", A).addresses == ()


def test_a_text_of_several_strings_is_one() -> None:
    data = b"\x05hello\x06 world"
    body = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c" + len(data).to_bytes(2) + data
    packet = _packet(body).replace(b"\x00\x00\x01\x00\x01\xc0", b"\x00\x00\x10\x00\x01\xc0")
    assert read_answer(packet, 7, "a.example", TXT).texts == ("hello world",)


def test_a_refusal_without_its_question_is_still_one() -> None:
    bare = b"\x00\x07\x81\x85" + b"\x00" * 8
    assert read_answer(bare, 7, "a.example", A).rcode == 5


# ---- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (said(rcode=3), "clear", ""),
        (said(), "clear", ""),  # NOERROR without an A record
        (said(rcode=2), "unknown", "SERVFAIL"),
        (said(rcode=5), "unknown", "REFUSED"),
        (said(rcode=9), "unknown", "rcode 9"),
        (said("127.0.0.2", rcode=2), "unknown", "SERVFAIL"),
        (Answer(name=NAME, qtype=A, why="no answer within 5 s"), "unknown", "within 5 s"),
        (Answer(name=NAME, qtype=A, rcode=0, truncated=True), "unknown", "cut off"),
        (said("127.0.0.2"), "listed", "BAD: a person wrote it"),
        (said("127.0.0.4"), "listed", "listed"),
        (said("127.1.200.7"), "listed", "any seven"),
        (said("127.0.0.2", "127.0.0.4"), "listed", "BAD"),
        (said("127.0.0.4", "127.0.0.99"), "listed", "listed"),
        (said("127.0.0.99"), "unknown", "127.0.0.99"),
        (said("127.0.0.1"), "clear", "white"),
        (said("127.0.0.1", "127.0.0.99"), "unknown", "127.0.0.99"),
        (said("127.255.255.254"), "unknown", "public resolver (127.255.255.254)"),
        (said("127.0.0.2", "127.255.255.254"), "unknown", "public resolver"),
        (said("146.112.61.108"), "unknown", "146.112.61.108"),
        (said("127.0.0.2", "10.0.0.1"), "unknown", "10.0.0.1"),
    ],
)
def test_three_values_and_never_a_fourth(answer: Answer, state: str, word: str) -> None:
    listing = judge(ENTRY, US, answer)
    assert listing.state == state
    assert word in (listing.why if state == "unknown" else listing.meaning)
    assert bool(listing.why) == (state == "unknown")
    assert listing.codes == (answer.addresses if answer.rcode == 0 else ())


def test_a_listing_carries_its_reason_scope_and_way_out() -> None:
    txt = Answer(name=NAME, qtype=TXT, rcode=0, texts=("see https://bl.example", "second"))
    listing = judge(ENTRY, US, said("127.0.0.2"), txt, 5.0)
    assert listing.reason == "see https://bl.example | second"
    assert listing.scope == "range"
    assert listing.removal.startswith("only the provider")
    assert (listing.list, listing.zone, listing.weight, listing.at) == ("test", "bl.example", 0.5, 5.0)


def test_a_list_s_text_is_cut() -> None:
    """64 KB come over TCP, and all that is told is kept in the store."""
    txt = Answer(name=NAME, qtype=TXT, rcode=0, texts=("x" * 9_000, "y" * 9_000))
    assert judge(ENTRY, US, said("127.0.0.2"), txt).reason == "x" * 1000


def test_a_mask_names_each_bit_and_an_unknown_bit_is_unknown() -> None:
    surbl = Entry(
        key="m", zone="m.example", name="M", operator="", lists="", kind=("domain",), source="", checked="",
        bits={"8": "phishing", "64": "abuse"}, refused={"127.0.0.1": "refused"},
    )  # fmt: skip
    assert judge(surbl, "spam.example", said("127.0.0.72")).meaning == "phishing; abuse"
    assert judge(surbl, "spam.example", said("127.0.0.66")).state == "unknown"
    assert judge(surbl, "spam.example", said("127.0.0.0")).state == "unknown"
    assert judge(surbl, "spam.example", said("127.0.0.1")).why == "refused (127.0.0.1)"


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("127.0.0.2", "listed"),
        ("127.9.9.9", "listed"),
        ("127.0.0.1", "unknown"),
        ("127.255.255.252", "unknown"),
    ],
)
def test_a_list_that_nobody_knows(code: str, state: str) -> None:
    listing = judge(stranger("Private.Example."), US, said(code))
    assert (listing.list, listing.zone, listing.state) == ("private.example", "private.example", state)
    if state == "listed":
        assert listing.meaning == "not in the catalogue"


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=4, unique=True), st.integers(0, 15))
def test_a_listing_needs_a_code_of_the_table(codes: list[str], rcode: int) -> None:
    listing = judge(ENTRY, US, said(*codes, rcode=rcode))
    assert listing.state in ("listed", "clear", "unknown")
    if listing.state == "listed":
        assert rcode == 0
        assert any(code in ENTRY.codes or code.startswith("127.1.") for code in codes)


@pytest.mark.parametrize(
    ("listed", "clear", "liar", "silent"),
    [
        ("127.0.0.2", None, "", ""),
        (None, None, "", dnsbl.EMPTY),
        ("127.0.0.2", "127.0.0.2", dnsbl.LISTS_ALL, ""),
        ("127.0.0.1", None, "", ""),  # an allow-list answers with a neutral code, and lives
        ("127.0.0.2", "10.0.0.1", "its clear test point told nothing", ""),
        ("127.255.255.254", "127.255.255.254", "its clear test point", "its own test point told nothing"),
    ],
)
def test_health(listed: str | None, clear: str | None, liar: str, silent: str) -> None:
    answers = [said(code) if code else said(rcode=3) for code in (listed, clear)]
    state = dnsbl.health(ENTRY, US, answers[:1], answers[1:])
    assert state.liar.startswith(liar)
    assert bool(state.liar) == bool(liar)
    assert state.silent.startswith(silent)
    assert bool(state.silent) == bool(silent)


def test_a_sick_list_is_not_believed() -> None:
    listed, clear = judge(ENTRY, US, said("127.0.0.2")), judge(ENTRY, US, said(rcode=3))
    assert temper(listed, Health()) == listed
    assert temper(listed, Health(liar=dnsbl.LISTS_ALL)).state == "unknown"
    assert temper(clear, Health(liar=dnsbl.LISTS_ALL)).state == "unknown"
    assert temper(clear, Health(silent=dnsbl.EMPTY)).why == dnsbl.EMPTY
    assert temper(listed, Health(silent=dnsbl.EMPTY)).state == "listed"
    private = stranger("private.example")
    doubt = temper(judge(private, US, said(rcode=3)), Health(silent=dnsbl.EMPTY))
    assert (doubt.state, doubt.why) == ("unknown", dnsbl.EMPTY)


def test_test_points_as_the_rfc_wants_them() -> None:
    assert dnsbl.points(ENTRY, "ip4") == (("2.0.0.127.bl.example",), ("1.0.0.127.bl.example",))
    listed, _ = dnsbl.points(ENTRY, "ip6")
    mapped = "2.0.0.0.0.0.f.7.f.f.f.f." + "0." * 20 + "bl.example"
    assert listed == (mapped, "2.0.0.127.bl.example")
    assert dnsbl.points(ENTRY, "domain") == (("test.bl.example",), ("invalid.bl.example",))


def test_dead_lists_are_not_asked() -> None:
    assert judge(stranger("x.example"), ip_address("2001:db8::1"), said("127.0.0.2")).state == "listed"
    dead = Entry(
        key="d", zone="d.example", name="D", operator="", lists="", kind=("ip4",), source="", checked="",
        status="dead", notes="emptied in 2024", codes={"127.0.0.2": "bad"},
    )  # fmt: skip
    assert judge(dead, US, said("127.0.0.2")).why == "not asked: emptied in 2024"


def test_the_gravest_code_stands_first_however_they_came() -> None:
    zen = lists.load().list["spamhaus-zen"]
    told = [
        judge(zen, US, said(*order)) for order in (("127.0.0.10", "127.0.0.4"), ("127.0.0.4", "127.0.0.10"))
    ]
    assert told[0].codes == told[1].codes == ("127.0.0.4", "127.0.0.10")
    assert told[0].meaning == told[1].meaning
    assert told[0].meaning.startswith("XBL")


def test_every_way_off_is_told_and_none_is_invented() -> None:
    zen = lists.load().list["spamhaus-zen"]
    assert "SBL" in (several := judge(zen, US, said("127.0.0.2", "127.0.0.4")).removal)
    assert "XBL" in several
    assert "who runs it" in judge(stranger("own.example"), US, said("127.0.0.2")).removal


def test_a_refusal_in_the_usual_code_is_one_on_every_list() -> None:
    made = judge(lists.load().list["psbl"], US, said("127.255.255.254"))
    assert made.state == "unknown"
    assert "refused to answer this resolver" in made.why


def test_a_key_that_is_not_accepted_says_so() -> None:
    entry = structs.replace(ENTRY, secret=Secret("k" * 26), key_name="dqs")
    health = dnsbl.health(entry, US, [said(rcode=3)], [said(rcode=3)])
    assert health.silent.startswith(f"{dnsbl.NO_KEY} `dqs` is not accepted")
