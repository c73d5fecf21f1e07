"""Many questions about one zone: their octets without a name in between, their answers each read once.

The answers of a list differ in their id and in the address that was asked, and else come in a few shapes:
not listed, 127.0.0.2, 127.0.0.4. `Known` keeps what `read_answer` told of a shape, and only of those where
nothing that it reads lies in the part that differs; so it cannot tell anything else than `read_answer`.
"""

from ipaddress import IPv4Address

from msgspec import Struct

from unlisted.net import Address
from unlisted.notice import dnsbl, packets
from unlisted.notice.packets import Answer

MOST = 256  # shapes kept for one length of question; a zone gives a handful, a liar any number
_OCTETS = tuple(packets.encode([str(octet).encode()]) for octet in range(256))
_HEADER = 12
_OWNER = b"\xc0\x0c"  # a pointer to the name that was asked
_ANY_POINTER = 0xC0


def start(subject: Address | str) -> bytes:
    """The part of a question that stands before the zone; b"" for what DNS cannot carry."""
    if isinstance(subject, IPv4Address):
        a, b, c, d = subject.packed
        return _OCTETS[d] + _OCTETS[c] + _OCTETS[b] + _OCTETS[a]
    text = subject if isinstance(subject, str) else dnsbl.reverse(subject)
    return packets.encode(packets.labels(text) or ())


class Known(Struct, eq=False):
    """What answers to questions of one length about one zone mean, by shape."""

    zone_at: int  # where in a packet the zone begins: what stands before is the subject
    end: int  # where the question ends
    answers: dict[bytes, Answer] = {}

    def recall(self, packet: bytes, question: bytes) -> Answer | None:
        """What this shape told before, whoever was asked about; the name in it is the zone's.

        None: read it. The id is not looked at: by it the question was found.
        """
        if packet.startswith(question, _HEADER):
            return self.answers.get(packet[2:_HEADER] + packet[self.end :])
        return None

    def read(self, packet: bytes, number: int, question: bytes) -> Answer:
        """As `read_answer`; a shape that would tell the same of any other subject is remembered."""
        name, qtype = packets.asked(question)
        answer = packets.read_answer(packet, number, name, qtype)
        if answer.fault or not self._general(packet, question, answer):
            return answer
        if len(self.answers) >= MOST:
            self.answers.clear()
        zone, _ = packets.asked(question[self.zone_at - _HEADER :])
        told = self.answers[packet[2:_HEADER] + packet[self.end :]] = Answer(
            name=zone,
            qtype=qtype,
            rcode=answer.rcode,
            addresses=answer.addresses,
            texts=answer.texts,
            own=answer.own,
        )
        return told

    def _general(self, packet: bytes, question: bytes, answer: Answer) -> bool:
        """True when the packet ends its question, and would say the same of any other subject so long.

        Its question is ours, octet for octet; every record that answers belongs to "the name that was
        asked"; and nothing that could be a pointer (any two octets) leads into the subject's labels. A name
        among what is told may be the one that was asked: it stays with its question.
        """
        if answer.truncated or answer.names or not packet.startswith(question, _HEADER):
            return False
        at = self.end
        for _ in range(int.from_bytes(packet[6:8])):
            if packet[at : at + 2] != _OWNER or packet[at + 3 : at + 4] == bytes([packets.CNAME]):
                return False
            at += _HEADER + int.from_bytes(packet[at + 10 : at + 12])
        for at in range(self.end, len(packet) - 1):
            if packet[at] >= _ANY_POINTER:
                target = (packet[at] & 0x3F) << 8 | packet[at + 1]
                if target != _HEADER and target < self.zone_at:
                    return False
        return True


class Zone(Struct, eq=False):
    """A zone as the octets that end every question about it."""

    name: str
    qtype: int = packets.A
    known: dict[int, Known] = {}
    tail: bytes = b""

    def __post_init__(self) -> None:
        self.tail = packets.question(self.name, self.qtype)

    def about(self, length: int) -> Known | None:
        """What is known of questions whose first part is so long; None when DNS cannot carry them.

        RFC 1035 §2.3.4: a name has at most 255 octets; type and class stand behind it.
        """
        if not self.tail or not 0 < length <= 255 + 4 - len(self.tail):
            return None
        at = _HEADER + length
        return self.known.setdefault(length, Known(at, at + len(self.tail)))
