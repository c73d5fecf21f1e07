"""Reverse DNS of addresses, whether it leads back, and what the HELO name leads to."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from unlisted.net import Address, ip
from unlisted.notice import dnsbl, packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.packets import Answer

MAX_NAMES = 4  # PTR names of one address that are looked up again
_WAITING = Answer(name="", qtype=packets.A)


class Names(Struct, frozen=True):
    """Reverse DNS of an address. `confirmed`: the names that lead back to it (RFC 1912 §2.1)."""

    address: Address
    pointers: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    why: str = ""  # why nothing is known
    helo: tuple[Address, ...] | None = None  # what the HELO name resolves to; None: not asked, or no answer


class Reverse:
    """What is asked about the names of addresses, and what came."""

    def __init__(self, addresses: Iterable[Address], helo: str) -> None:
        self.pointers = {Question(dnsbl.pointer_name(one), packets.PTR): one for one in addresses}
        self.helo = {one: Question(helo, _forward(one)) for one in self.pointers.values()} if helo else {}
        self.found: dict[Question, Answer] = {}

    def questions(self) -> Iterator[Question]:
        """Each once."""
        yield from self.pointers
        yield from dict.fromkeys(self.helo.values())

    def take(self, question: Question, answer: Answer) -> list[Question]:
        """Take an answer in; returns the questions that it raises."""
        self.found[question] = answer
        if (address := self.pointers.get(question)) is None:
            return []
        forward = [Question(name, _forward(address)) for name in answer.names[:MAX_NAMES]]
        return [one for one in forward if self.found.setdefault(one, _WAITING) is _WAITING]

    def told(self, doubt: str = "") -> Iterator[Names]:
        """What is known of each; `doubt`: why an absence is not believed."""
        for question, address in self.pointers.items():
            if question in self.found:
                yield self._names(address, self.found[question], doubt)

    def _names(self, address: Address, answer: Answer, doubt: str) -> Names:
        helo = self.found.get(self.helo[address]) if address in self.helo else None
        leads = None
        if helo is not None and helo.rcode in (0, dnsbl.NXDOMAIN):
            leads = tuple([one for text in helo.addresses if (one := ip(text))])
        if answer.rcode is None:
            return Names(address, why=answer.why, helo=leads)
        if doubt and not answer.names:
            return Names(address, why=doubt)
        if answer.rcode not in (0, dnsbl.NXDOMAIN):
            return Names(address, why=f"the resolver answered {answer.said}", helo=leads)
        confirmed = tuple(
            name
            for name in answer.names[:MAX_NAMES]
            if (forward := self.found.get(Question(name, _forward(address)))) is not None
            and any(ip(one) == address for one in forward.addresses)
        )
        return Names(address, answer.names[:MAX_NAMES], confirmed, helo=leads)


def _forward(address: Address) -> int:
    return packets.AAAA if address.version == 6 else packets.A
