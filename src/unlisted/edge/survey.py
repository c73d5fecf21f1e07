"""One look at many addresses on many lists: health first, then A, then the TXT of what is listed.

What to ask and what it means is notice/dnsbl.py; who asks is edge/resolver.py; here they meet, with the
clock. Everything goes out at once and ends by one deadline.
"""

import secrets
import time
from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from unlisted.edge import resolver
from unlisted.edge.resolver import Server
from unlisted.messages import Listing
from unlisted.net import Address, ip
from unlisted.notice import dnsbl, packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.lists import Entry
from unlisted.notice.packets import Answer

MAX_NAMES = 4  # PTR names of one address that are looked up again


class Names(Struct, frozen=True):
    """Reverse DNS of an address. `confirmed`: the names that lead back to it (RFC 1912 §2.1)."""

    address: Address
    pointers: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    why: str = ""  # why nothing is known


class Survey(Struct, frozen=True):
    """What one look found. `trouble` names what is wrong with the resolver itself; "" is nothing."""

    listings: tuple[Listing, ...]
    names: tuple[Names, ...]
    trouble: str = ""
    asked: int = 0
    doubtful: int = 0
    seconds: float = 0.0


def now() -> float:
    """Unix seconds."""
    return time.time()


def survey(
    subjects: Sequence[Address | str],
    entries: Sequence[Entry],
    servers: Sequence[Server],
    timeout: float,
    *,
    named: bool = False,
) -> Survey:
    """Every subject on every list that can know it; where lists were `named`, the others say why not."""
    begun = now()
    # RFC 6761 §6.4: `invalid` never exists; a resolver that says otherwise rewrites NXDOMAIN.
    canary = Question(f"{secrets.token_hex(8)}.invalid", packets.A)
    pairs = {
        Question(dnsbl.query_name(subject, entry.asked_zone), packets.A): (subject, entry)
        for subject in subjects
        for entry in entries
        if entry.asked and dnsbl.kind_of(subject) in entry.kind
    }
    pointers = {
        Question(dnsbl.pointer_name(subject), packets.PTR): subject
        for subject in subjects
        if not isinstance(subject, str)
    }

    def follow(question: Question, answer: Answer) -> Iterable[Question]:
        if question in pairs:
            subject, entry = pairs[question]
            listed = dnsbl.judge(entry, subject, answer).state == "listed"
            return [Question(question.name, packets.TXT)] if listed else ()
        if question in pointers:
            kind = packets.AAAA if pointers[question].version == 6 else packets.A
            return [Question(name, kind) for name in answer.names[:MAX_NAMES]]
        return ()

    tests = _tests(subjects, entries)
    report = resolver.look([canary, *tests, *pairs, *pointers], servers, timeout, follow)
    found = report.answers
    trouble = _trouble(found, canary, servers)
    listings = []
    for subject in subjects:
        for entry in entries:
            question = Question(dnsbl.query_name(subject, entry.asked_zone), packets.A)
            if not entry.asked:
                nothing = Answer(name=question.name, qtype=packets.A)
                listings.append(dnsbl.judge(entry, subject, nothing, None, begun))
            elif question in pairs:
                txt = found.get(Question(question.name, packets.TXT))
                listing = dnsbl.judge(entry, subject, found[question], txt, begun)
                listings.append(dnsbl.temper(listing, entry, _health(entry, subject, found)))
            elif named:
                listings.append(dnsbl.out_of_place(entry, subject, begun))
    if any(made.startswith("127.") for made in found[canary].addresses):
        # What it invents looks like a list's own answer: nothing that it says can be told apart from that.
        listings = [
            one if one.state == "unknown" else structs.replace(one, state="unknown", meaning="", why=trouble)
            for one in listings
        ]
    names = tuple(_names(address, found[question], found) for question, address in pointers.items())
    return Survey(tuple(listings), names, trouble, len(found), report.doubtful, report.seconds)


def _tests(subjects: Sequence[Address | str], entries: Sequence[Entry]) -> list[Question]:
    """The test points of every list that is asked, once for each kind of subject."""
    kinds = {dnsbl.kind_of(subject) for subject in subjects}
    return [
        Question(name, packets.A)
        for entry in entries
        for kind in sorted(kinds)
        if entry.asked and kind in entry.kind
        for side in dnsbl.points(entry, kind)
        for name in side
    ]


def _health(entry: Entry, subject: Address | str, found: dict[Question, Answer]) -> dnsbl.Health:
    listed, clear = dnsbl.points(entry, dnsbl.kind_of(subject))
    return dnsbl.health(
        entry,
        subject,
        [found[Question(name, packets.A)] for name in listed],
        [found[Question(name, packets.A)] for name in clear],
    )


def _trouble(found: dict[Question, Answer], canary: Question, servers: Sequence[Server]) -> str:
    """What is wrong with the resolver as a whole."""
    where = ", ".join(map(str, servers))
    if all(answer.rcode is None for answer in found.values()):
        return f"the resolver {where} gives no answer at all: {found[canary].why}"
    if found[canary].addresses:
        made = found[canary].addresses[0]
        return (
            f"the resolver {where} invents answers for names that do not exist ({made}): believe none of it"
        )
    return ""


def _names(address: Address, answer: Answer, found: dict[Question, Answer]) -> Names:
    if answer.rcode is None:
        return Names(address, why=answer.why)
    if answer.rcode not in (0, dnsbl.NXDOMAIN):
        return Names(address, why=f"the resolver answered {answer.said}")
    kind = packets.AAAA if address.version == 6 else packets.A
    confirmed = tuple(
        name
        for name in answer.names[:MAX_NAMES]
        if (forward := found.get(Question(name, kind))) is not None
        and any(ip(one) == address for one in forward.addresses)
    )
    return Names(address, answer.names[:MAX_NAMES], confirmed)
