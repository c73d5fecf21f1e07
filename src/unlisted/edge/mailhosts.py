"""Where the mail of our own domains is to be brought: what their MX records lead to.

Whoever sets them says in public which machine is a mail server (RFC 5321 §5.1), so it is nobody's guess.
Nothing is asked that the person did not name.
"""

from collections.abc import Iterable, Iterator, Sequence

from unlisted import net
from unlisted.edge import resolver
from unlisted.edge.server import Server
from unlisted.net import Address
from unlisted.notice import packets
from unlisted.notice.dnsbl import NXDOMAIN, Question
from unlisted.notice.packets import Answer

WAIT = 5.0  # seconds for all of it
HOSTS = 10  # of one domain that are looked up


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


def _why(answer: Answer) -> str:
    if answer.rcode == NXDOMAIN:
        return "there is no such domain"
    if answer.names == ("",):
        return "it says that it takes no mail"
    return answer.why or (f"the resolver answered {answer.said}" if answer.rcode else "no address")
