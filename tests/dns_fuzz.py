"""Honest answers, everything that can be done to them, and dnspython as the second reader.

`made` draws honest packets, `harmed` harms one, `ours` and `theirs` read it, `reason` names why two readers
may differ: a difference without a name is a fault of ours. `forgets` holds the memory of shapes to the
reader that it remembers. Used by the tests and by tools/answers.py.
"""

import random
from collections.abc import Callable, Sequence

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from msgspec import Struct, structs

from unlisted.notice import packets, shapes
from unlisted.notice.packets import AAAA, MAX_RECORDS, MX, PTR, TXT, A
from unlisted.notice.shapes import Zone

# Loaded one by one, dnspython takes a type for unknown once it has met it in a record of class ANY.
dns.rdata.load_all_types()  # type: ignore[no-untyped-call]

TYPES = (A, A, A, TXT, TXT, PTR, AAAA, MX)
ZONES = ("bl.example", "zen.lists.example", "a.b.c.d.e.f.example", "x")


class Sample(Struct, frozen=True):
    """A packet and the question that it ought to answer."""

    packet: bytes
    number: int
    name: str
    qtype: int


Told = tuple[object, ...]  # ("fault", why) or ("cut", rcode) or ("told", rcode, values)

# ---- honest answers -------------------------------------------------------------------------------


def _label(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789-_", k=rng.choice((1, 2, 3, 3, 9, 63))))


def _subject(rng: random.Random) -> str:
    shape = rng.random()
    if shape < 0.7:
        return ".".join(str(rng.randrange(256)) for _ in range(4))
    if shape < 0.85:
        return ".".join(rng.choices("0123456789abcdef", k=32))
    return f"{_label(rng)[:20]}.example"


def _value(rng: random.Random, qtype: int) -> str:
    if qtype == A:
        return f"{rng.choice((127, 127, 127, 203))}.0.{rng.randrange(3)}.{rng.randrange(256)}"
    if qtype == AAAA:
        return f"2001:db8::{rng.randrange(65536):x}"
    if qtype == PTR:
        return f"{_label(rng)}.host.example."
    if qtype == MX:
        return f"{rng.randrange(65536)} {rng.choice(('', f'{_label(rng)}.host.example'))}."
    strings = (rng.randbytes(rng.choice((0, 3, 40, 255))) for _ in range(rng.choice((1, 1, 2, 9))))
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in string) + '"' for string in strings)


def made(rng: random.Random, subject: str = "") -> Sample:
    """An honest answer: listed, not listed, refused, aliased, with an SOA or EDNS or without."""
    qtype, number = rng.choice(TYPES), rng.randrange(65536)
    zone = rng.choice(ZONES)
    name = f"{subject or _subject(rng)}.{zone}"
    query = dns.message.make_query(name, dns.rdatatype.RdataType(qtype), id=number)
    if rng.random() < 0.4:
        query.use_edns(0, 0, 1232)
    response = dns.message.make_response(query, recursion_available=rng.random() < 0.5)
    owner = name + "."
    kind = rng.random()
    if kind < 0.25:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif kind < 0.35:
        response.set_rcode(
            dns.rcode.Rcode(rng.choice((1, 2, 4, 5, 9, 15) + ((16, 23) if query.edns == 0 else ())))
        )
        if rng.random() < 0.5:
            response.question.clear()
    else:
        for _ in range(rng.choice((0, 0, 0, 0, 1, 2, 5, 14, 15, 16, 17))):
            target = f"{_label(rng)}.{rng.choice(ZONES)}."
            response.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", target))
            owner = target
        values = [_value(rng, qtype) for _ in range(rng.choice((0, 1, 1, 1, 2, 4)))]
        if values:
            response.answer.append(
                dns.rrset.from_text(
                    owner, 300, "IN", dns.rdatatype.to_text(dns.rdatatype.RdataType(qtype)), *values
                )
            )
    if rng.random() < 0.3:
        soa = f"ns.{zone}. who.{zone}. {rng.randrange(2**32)} 1 2 3 4"
        response.authority.append(dns.rrset.from_text(f"{zone}.", 60, "IN", "SOA", soa))
    if rng.random() < 0.1:
        response.additional.append(dns.rrset.from_text(f"ns.{zone}.", 60, "IN", "A", "192.0.2.1"))
    if rng.random() < 0.05:
        response.flags |= dns.flags.TC
    return Sample(response.to_wire(max_size=65535), number, name, qtype)


# ---- harm -----------------------------------------------------------------------------------------


def _flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _write(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 3))):
        data[rng.randrange(len(data))] = rng.choice(
            (0, 1, 2, 5, 12, 63, 64, 0xC0, 0xC0, 255, rng.randrange(256))
        )


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def _append(rng: random.Random, data: bytearray) -> None:
    data += rng.randbytes(rng.choice((1, 4, 16, 600, 9000)))


def _point(rng: random.Random, data: bytearray) -> None:
    """A pointer somewhere: back, ahead, to itself, into the header."""
    at = rng.randrange(min(12, len(data) - 1), len(data))
    target = rng.choice((0, 11, 12, 13, 14, at, at - 1, max(0, at - 2), at + 1, rng.randrange(0x4000)))
    data[at : at + 2] = (0xC000 | target & 0x3FFF).to_bytes(2)


def _count(rng: random.Random, data: bytearray) -> None:
    at = rng.choice((4, 6, 6, 8, 10))
    data[at : at + 2] = rng.choice((0, 1, 2, 3, 1000, 1001, 65535)).to_bytes(2)


def _flags(rng: random.Random, data: bytearray) -> None:
    data[2:4] = rng.choice((rng.randrange(65536), 0x8000 | rng.randrange(32), 0x0100)).to_bytes(2)


def _id(rng: random.Random, data: bytearray) -> None:
    data[0:2] = rng.randbytes(2)


def _case(_rng: random.Random, data: bytearray) -> None:
    data[12:] = data[12:].upper()


def _record(rng: random.Random, data: bytearray) -> None:
    """One more record at the end of the answer, honest in form or not, of any name, kind and class."""
    spelled = bytes(data[12 : data.find(0, 12) + 1])
    owner = rng.choice(
        (
            b"\xc0\x0c",
            spelled,
            spelled[:2] + b"\xc0\x0e",
            b"\x00",
            b"\x05other\x00",
            b"\x01a\xc0\x0c",
            b"\xc0\x0e",
            b"\xc0\x00",
        )
    )
    kind = rng.choice((A, A, TXT, 5, 6, AAAA, PTR, 41, 41, 39, 250, 249, 252, 255, 65280))
    group = rng.choice((1, 1, 1, 3, 254, 255, 4096))
    body = rng.choice(
        (
            b"\x7f\0\0\2",
            b"",
            b"\xc0\x0c",
            b"\x03abc",
            b"\x09abc",
            b"\0" * 16,
            b"\x01b\xc0\x0c",
            rng.randbytes(7),
        )
    )
    size = len(body) + (rng.choice((-1, 1, 300)) if rng.random() < 0.1 else 0)
    data += owner + kind.to_bytes(2) + group.to_bytes(2) + rng.randbytes(4) + max(0, size).to_bytes(2) + body
    at = rng.choice((6, 8, 10, 10))
    data[at : at + 2] = (int.from_bytes(data[at : at + 2]) + 1 & 0xFFFF).to_bytes(2)


def _double(rng: random.Random, data: bytearray) -> None:
    begin = rng.randrange(12, len(data) + 1)
    data[begin:begin] = data[begin : begin + rng.choice((1, 2, 12, 16, 40))]


HARM: tuple[Callable[[random.Random, bytearray], None], ...] = (
    *(_flip, _flip, _write, _write, _cut, _append, _point, _point, _count, _flags),
    *(_id, _case, _record, _record, _double),
)


def harmed(rng: random.Random, sample: Sample) -> Sample:
    """One to three of these things done to it; now and then none, and now and then any octets at all."""
    data = bytearray(sample.packet)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        if len(data) >= 13:
            rng.choice(HARM)(rng, data)
    if rng.random() < 0.01:
        data = bytearray(rng.randbytes(rng.randrange(64)))
    return Sample(bytes(data), sample.number, sample.name, sample.qtype)


# ---- two readers ----------------------------------------------------------------------------------


def ours(sample: Sample) -> Told:
    """What notice/packets.py reads."""
    answer = packets.read_answer(sample.packet, sample.number, sample.name, sample.qtype)
    if answer.fault:
        return ("fault", answer.fault)
    if answer.truncated:
        return ("cut", answer.rcode)
    return ("told", answer.rcode, frozenset((*answer.addresses, *answer.texts, *answer.names)))


def theirs(sample: Sample, *, forgiving: bool = False) -> Told:
    """What dnspython reads, held to the same question; `forgiving` skips the records that it cannot read."""
    query = dns.message.make_query(sample.name, dns.rdatatype.RdataType(sample.qtype), id=sample.number)
    try:
        message = dns.message.from_wire(sample.packet, continue_on_error=forgiving)
        if not query.is_response(message):
            return ("fault", "no response to the question")
        if not message.question:
            return ("told", int(message.rcode()), frozenset())
        if message.flags & dns.flags.TC:
            return ("cut", int(message.rcode()) & 15)
        assert isinstance(message, dns.message.QueryMessage)
        answer = message.resolve_chaining().answer
    except (dns.exception.DNSException, ValueError) as error:
        return ("fault", type(error).__name__)
    values = (_spelled(item, sample.qtype) for item in answer or ())
    return ("told", int(message.rcode()), frozenset(values))


def _spelled(item: object, qtype: int) -> str:
    if qtype == TXT:
        return b"".join(item.strings).decode("utf-8", "replace")  # type: ignore[attr-defined]
    if qtype in (PTR, MX):
        target = item.target if qtype == PTR else item.exchange  # type: ignore[attr-defined]
        return packets._spell(tuple(label.lower() for label in target.labels[:-1]))
    return str(item)


# ---- our own memory of shapes ----------------------------------------------------------------------


def forgets(sample: Sample, zones: dict[tuple[str, int], Zone], others: Sequence[str]) -> str:
    """Where `Known`, which remembers, tells anything else than `read_answer`; "" where it does not.

    The packet is then also sent in answer to questions about `others` of the same length.
    """
    name = next(zone for zone in ZONES if sample.name.endswith(f".{zone}"))
    zone = zones.setdefault((name, sample.qtype), Zone(name, sample.qtype))
    first = sample.name[: -len(name) - 1]
    length = len(shapes.start(first))
    for subject in (first, *others):
        start = shapes.start(subject)
        if len(start) != length:
            continue
        packet = sample.packet
        if subject != first and packet[12:].startswith(shapes.start(first) + zone.tail):
            packet = packet[:12] + start + packet[12 + length :]
        full = f"{subject}.{name}"
        known, question = zone.about(length), start + zone.tail
        assert known is not None
        told = None if packet[:2] != sample.number.to_bytes(2) else known.recall(packet, question)
        told = told or known.read(packet, sample.number, question)
        right = packets.read_answer(packet, sample.number, full, sample.qtype)
        if structs.replace(told, name=full) != right:
            return f"{packet!r} about {full}: remembered {told}, read {right}"
    return ""


# ---- why they may differ --------------------------------------------------------------------------


def reason(sample: Sample, mine: Told, other: Told) -> str:
    """The name of a difference; "" when there is none to give."""
    flags = int.from_bytes(sample.packet[2:4])
    counts = [int.from_bytes(sample.packet[at : at + 2]) for at in (4, 6, 8, 10)]
    if mine[0] == "cut" and other[0] == "fault":
        return "cut off: we ask again over TCP and read no further, it reads what came"
    if counts[0] == 0 and flags & 15 in (1, 2, 4, 5) and mine[0] == "told":
        return "refused without the question: we read no further, it reads the records"
    if mine[0] == "fault" and "records" in str(mine[1]) and sum(counts[1:]) > MAX_RECORDS:
        return f"more than {MAX_RECORDS} records"
    if mine == ("fault", "a name that runs into itself"):
        return "a pointer to labels that run into the name it stands in: we refuse, it goes on behind them"
    if mine[0] == "told" and other[0] == "fault":
        # The same packet, read by it without the records that it cannot read: the answer must be ours.
        told = theirs(sample, forgiving=True)
        if told[0] == "told" and mine[2] == told[2] and int(str(mine[1])) & 15 == int(str(told[1])) & 15:
            return f"a record beside the answer is malformed ({other[1]}): we do not read it"
        if told == ("fault", "AnswerForNXDOMAIN") and int(str(mine[1])) >> 4:
            return "malformed options of EDNS: it forgets the upper bits of the rcode that stand before them"
    return ""


def differ(mine: Told, other: Told) -> bool:
    """Faults agree whatever their words; for the rest everything counts."""
    if mine[0] == "fault" or other[0] == "fault":
        return mine[0] != other[0]
    return mine != other


class Study(Struct):
    """What came of many answers."""

    read: dict[str, int] = {}  # how we read them
    named: dict[str, int] = {}  # where dnspython reads otherwise, by reason
    nameless: list[str] = []  # where nobody can say why
    forgotten: list[str] = []  # where the memory of shapes told another thing than the reader


def _others(rng: random.Random, name: str) -> tuple[str, str]:
    """Subjects whose labels are as long: their octets differ, or only their order."""
    subject = name[: -len(next(zone for zone in ZONES if name.endswith(f".{zone}"))) - 1]
    changed = "".join("." if char == "." else rng.choice("123456789") for char in subject)
    return changed, ".".join(reversed(subject.split(".")))


def study(count: int, seed: int) -> Study:
    """`count` answers, harmed or not, each read by all readers."""
    rng = random.Random(seed)
    found = Study()
    zones: dict[tuple[str, int], Zone] = {}
    base: list[Sample] = []
    for number in range(count):
        if number % 16 == 0:
            base = [*base[-256:], made(rng)]
        sample = harmed(rng, rng.choice(base))
        mine, other = ours(sample), theirs(sample)
        kind = str(mine[0])
        if kind == "told":
            rcode = packets.RCODES.get(int(str(mine[1])), "another rcode")
            kind = f"told, {rcode}"
        found.read[kind] = found.read.get(kind, 0) + 1
        if differ(mine, other):
            if name := reason(sample, mine, other):
                found.named[name] = found.named.get(name, 0) + 1
            else:
                found.nameless.append(f"{sample}\n  ours {mine}\n  dnspython {other}")
        if wrong := forgets(sample, zones, _others(rng, sample.name)):
            found.forgotten.append(wrong)
    return found
