"""DNS packets, built and read: just what asking a blocklist takes. No socket here.

RFC 1035 §4 (header, question, records, compression), RFC 6891 (EDNS), RFC 3596 (AAAA).
Reading never raises and never believes: whatever does not fit the question that was asked is a `fault`.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

A, CNAME, PTR, MX, TXT, AAAA, OPT, TSIG = 1, 5, 12, 15, 16, 28, 41, 250
IN = 1
NXDOMAIN = 3
EDNS_SIZE = 1232  # octets; what fits everywhere unfragmented (DNS flag day 2020)
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
MAX_RECORDS = 1000  # in one answer; a list gives a handful
MAX_CHAIN = 16  # CNAMEs in a row; resolvers stop at 8 to 16
# A name holds at most 127 labels (255 octets), so an honest one jumps no oftener.
MAX_JUMPS = 127

Labels = tuple[bytes, ...]


class Answer(Struct, frozen=True, kw_only=True, cache_hash=True):
    """What came back for one question.

    `fault` names why a packet is not an answer to it (then nothing else is meant); `why` names why there
    is no answer at all. With both empty, `rcode` is the server's.
    """

    name: str
    qtype: int
    rcode: int | None = None
    addresses: tuple[str, ...] = ()  # of A or AAAA
    texts: tuple[str, ...] = ()  # one for each TXT record, its strings joined
    names: tuple[str, ...] = ()  # of PTR; hosts of MX, "" being the one of RFC 7505
    truncated: bool = False
    fault: str = ""
    why: str = ""
    own: bool = False  # from the zone's own server, which asks nobody else (AA without RA)

    @property
    def said(self) -> str:
        """The rcode's name."""
        return "" if self.rcode is None else RCODES.get(self.rcode, f"rcode {self.rcode}")


class _BadError(Exception):
    """Inside this file only: the packet does not fit. Becomes a `fault`."""


@lru_cache(maxsize=4096)  # each name is checked, built, repeated and compared
def labels(name: str) -> Labels | None:
    """The wire labels of a name, lower case; None when DNS cannot carry it (RFC 1035 §2.3.4)."""
    try:
        parts = tuple(name.lower().rstrip(".").encode("ascii").split(b"."))
    except UnicodeEncodeError:
        return None
    if b"" in parts or max(map(len, parts)) > 63 or sum(map(len, parts)) + len(parts) > 254:
        return None
    return parts


def question(name: str, qtype: int) -> bytes:
    """The question section for a name; b"" for a name that DNS cannot carry."""
    parts = labels(name)
    return b"" if parts is None else encode(parts) + b"\x00" + qtype.to_bytes(2) + IN.to_bytes(2)


def encode(parts: Iterable[bytes]) -> bytes:
    """Labels as octets, without the root."""
    return b"".join(bytes([len(part)]) + part for part in parts)


def asked(question: bytes) -> tuple[str, int]:
    """Name and type of a question section that `question` made."""
    at, parts = 0, []
    while size := question[at]:
        parts.append(question[at + 1 : at + 1 + size].decode("ascii"))
        at += 1 + size
    return ".".join(parts), int.from_bytes(question[at + 1 : at + 3])


# What stands before (after the id) and after the question: recursion desired, one question, perhaps EDNS.
PLAIN = (b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", b"")
EDNS = (PLAIN[0][:-1] + b"\x01", b"\x00" + OPT.to_bytes(2) + EDNS_SIZE.to_bytes(2) + b"\x00" * 6)


def build_query(name: str, qtype: int, number: int, *, edns: bool = True) -> bytes:
    """One question as a packet; b"" for a name that DNS cannot carry."""
    section = question(name, qtype)
    before, after = EDNS if edns else PLAIN
    return number.to_bytes(2) + before + section + after if section else b""


def read_answer(packet: bytes, number: int, name: str, qtype: int) -> Answer:
    """The packet as an answer to exactly this question. Never raises."""
    try:
        return _read(packet, number, name, qtype)
    except _BadError as bad:
        return Answer(name=name, qtype=qtype, fault=str(bad))


def _read(packet: bytes, number: int, name: str, qtype: int) -> Answer:
    if len(packet) < 12:
        raise _BadError("shorter than a header")
    if packet[:2] != number.to_bytes(2):
        raise _BadError("another id")
    flags = int.from_bytes(packet[2:4])
    if not flags & 0x8000:
        raise _BadError("a query, not an answer")
    if flags & 0x7800:
        raise _BadError("another opcode")
    rcode = flags & 0xF
    counts = [int.from_bytes(packet[at : at + 2]) for at in (4, 6, 8, 10)]
    wanted = labels(name)
    if counts[0] == 0 and rcode in (1, 2, 4, 5):
        # Servers that cannot or will not read the question send it back empty.
        return Answer(name=name, qtype=qtype, rcode=rcode)
    if counts[0] != 1:
        raise _BadError(f"{counts[0]} questions")
    at, owner = _name(packet, 12)
    if owner != wanted or _number(packet, at, 2) != qtype or _number(packet, at + 2, 2) != IN:
        raise _BadError("another question")
    if flags & 0x0200:
        return Answer(name=name, qtype=qtype, rcode=rcode, truncated=True)
    own = flags & 0x0480 == 0x0400
    return _collect(packet, at + 4, counts[1:], Answer(name=name, qtype=qtype, rcode=rcode, own=own))


def _collect(packet: bytes, at: int, counts: list[int], answer: Answer) -> Answer:
    """Walk all records; keep what the question's name, or the name it is an alias of, owns."""
    if sum(counts) > MAX_RECORDS:
        raise _BadError(f"{sum(counts)} records")
    found: list[tuple[Labels, int, int, int]] = []
    aliases: dict[Labels, Labels] = {}
    rcode, edns = answer.rcode or 0, False
    for position in range(sum(counts)):
        at, owner = _name(packet, at)
        kind, group, size = (_number(packet, at + offset, 2) for offset in (0, 2, 8))
        start, at = at + 10, at + 10 + size
        if at > len(packet):
            raise _BadError("a record beyond the end")
        if kind == TSIG:
            raise _BadError("a signature that nobody asked for")
        if kind == OPT:
            if edns or owner or position < counts[0] + counts[1]:
                raise _BadError("EDNS out of place")  # RFC 6891 §6.1.1: once, of the root, at the end
            edns = True
            rcode |= packet[start - 6] << 4  # RFC 6891 §6.1.3: the upper eight bits of the rcode
        elif group == IN and position < counts[0]:
            if kind == CNAME:
                end, aliases[owner] = _name(packet, start)
                if end != at:
                    raise _BadError("an alias of the wrong length")
            elif kind == answer.qtype:
                found.append((owner, kind, start, at))
    if at != len(packet):
        raise _BadError("octets after the end")
    owner = labels(answer.name) or ()
    for _ in range(MAX_CHAIN):
        if owner not in aliases or any(record[0] == owner for record in found):
            break
        owner = aliases[owner]
    else:
        raise _BadError(f"more than {MAX_CHAIN - 1} aliases in a row")
    addresses, texts, names = [], [], []
    for whose, kind, start, end in found:
        if kind in (A, AAAA):
            value = _address(packet[start:end], kind)
            if whose == owner:
                addresses.append(value)
        elif kind == TXT:
            text = _text(packet[start:end])
            if whose == owner:
                texts.append(text)
        elif kind in (PTR, MX):
            after, target = _name(
                packet, start + 2 if kind == MX else start
            )  # RFC 1035 §3.3.9: a preference first
            if after != end:
                raise _BadError("a name of the wrong length")
            if whose == owner:
                names.append(_spell(target))
    if rcode == NXDOMAIN and (addresses or texts or names):
        raise _BadError("no such name, and yet an answer")
    return Answer(
        name=answer.name,
        qtype=answer.qtype,
        rcode=rcode,
        addresses=tuple(dict.fromkeys(addresses)),
        texts=tuple(dict.fromkeys(texts)),
        names=tuple(dict.fromkeys(names)),
        own=answer.own,
    )


def _number(packet: bytes, at: int, size: int) -> int:
    if at + size > len(packet):
        raise _BadError("cut off")
    return int.from_bytes(packet[at : at + size])


def _name(packet: bytes, at: int) -> tuple[int, Labels]:
    """The name at `at`, in lower case, and the offset after it.

    Pointers lead strictly backwards (no loop), to what ends before the name that they stand in begins.
    """
    parts: list[bytes] = []
    after, length, jumps, limit, end = 0, 0, 0, at, len(packet)
    while True:
        size = _number(packet, at, 1)
        if size >= 0xC0:
            target = _number(packet, at, 2) & 0x3FFF
            after = after or at + 2
            jumps += 1
            if target >= limit or jumps > MAX_JUMPS:
                raise _BadError("a pointer that leads nowhere")
            end, at, limit = limit, target, target
            continue
        if size >= 0x40:
            raise _BadError("a label of no known kind")
        at += 1
        if size == 0:
            return after or at, tuple(parts)
        if at + size > end:
            raise _BadError("cut off" if end == len(packet) else "a name that runs into itself")
        length += size + 1
        if length > 254:
            raise _BadError("a name that is too long")
        parts.append(packet[at : at + size].lower())
        at += size


def _address(data: bytes, kind: int) -> str:
    if kind == A and len(data) == 4:
        return str(IPv4Address(data))
    if kind == AAAA and len(data) == 16:
        return str(IPv6Address(data))
    raise _BadError("an address of the wrong length")


def _text(data: bytes) -> str:
    """The strings of one TXT record joined (RFC 1035 §3.3.14: one or more)."""
    at, strings = 0, []
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise _BadError("a string beyond its record")
        strings.append(data[at + 1 : end])
        at = end
    if not strings:
        raise _BadError("a text without a string")
    return b"".join(strings).decode("utf-8", "replace")


def _spell(parts: Labels) -> str:
    """A host name for people; what no host name holds is shown as ?."""
    return ".".join(
        "".join(chr(octet) if 33 <= octet < 127 and octet != 46 else "?" for octet in part) for part in parts
    )
