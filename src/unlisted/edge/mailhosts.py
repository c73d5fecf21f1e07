"""Which addresses the DNS of our own domains calls mail hosts: by MX, and by reverse names that lead back.

Whoever sets them says in public which machine is a mail server (RFC 5321 §5.1), so it is nobody's guess.
Nothing is asked about domains that the person did not name. Reverse names count for public addresses only:
inside, a DHCP server enters whatever a machine calls itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from unlisted import net
from unlisted.edge import resolver
from unlisted.edge.reverse import Reverse
from unlisted.edge.server import Server
from unlisted.net import Address
from unlisted.notice import packets
from unlisted.notice.dnsbl import NXDOMAIN, Question
from unlisted.notice.packets import Answer

WAIT = 5.0  # seconds for all of it
HOSTS = 10  # of one domain that are looked up
BUSIEST = 100  # addresses whose reverse names are asked for, by their attempts
_HOST = re.compile(r"(?:e?mail|mx|smtp|mta|relay|lists?|newsletter)(?:[-_]?(?:out|in|[0-9]{1,3}|[a-z]))?\.")


def published(domains: Iterable[str], servers: Sequence[Server]) -> tuple[dict[Address, str], list[str]]:
    """The addresses with the host and domain that lead to each, and what could not be told."""
    asked = {Question(domain.rstrip(".").lower(), packets.MX): domain for domain in domains}
    hosts: dict[str, str] = {}  # host -> domain

    def follow(question: Question, answer: Answer) -> Iterator[Question]:
        if question.qtype != packets.MX or answer.rcode != 0:
            return
        for host in (answer.names or (question.name,))[:HOSTS]:  # RFC 5321 §5.1: without an MX, itself
            if host:
                hosts.setdefault(host, question.name)
                yield Question(host, packets.A)
                yield Question(host, packets.AAAA)

    answers = resolver.look(asked, servers, WAIT, follow).answers
    found: dict[Address, str] = {}
    for question, answer in answers.items():
        for text in answer.addresses:
            if (address := net.ip(text)) is not None:
                found.setdefault(address, f"{question.name}, for mail to {hosts[question.name]}")
    led = {told.rpartition(" ")[2] for told in found.values()}
    why = [
        f"{question.name}: no mail host found ({_why(answer)})"
        for question, answer in answers.items()
        if question.qtype == packets.MX and question.name not in led
    ]
    return found, why


def named(
    addresses: Iterable[Address], domains: Iterable[str], servers: Sequence[Server]
) -> dict[Address, str]:
    """Those whose reverse name is a mail host's of these domains, and leads back (RFC 1912 §2.1)."""
    reverse = Reverse((one for one in addresses if not net.inside(one)), "")
    resolver.look(list(reverse.questions()), servers, WAIT, reverse.take)
    ends = tuple("." + domain.rstrip(".").lower() for domain in domains)
    return {
        told.address: f"{name} by its reverse name"
        for told in reverse.told()
        for name in told.confirmed
        if name.endswith(ends) and _HOST.match(name)
    }


def _why(answer: Answer) -> str:
    if answer.rcode == NXDOMAIN:
        return "there is no such domain"
    if answer.names == ("",):
        return "it says that it takes no mail"
    return answer.why or (f"the resolver answered {answer.said}" if answer.rcode else "no address")
