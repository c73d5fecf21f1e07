"""One look at many addresses on many lists: health first, then A, then the TXT of what is listed.

What to ask and what it means is notice/dnsbl.py; who asks is edge/resolver.py; here they meet, with the
clock. Everything goes out at once and ends by one deadline; a verdict is told as soon as it stands.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, structs

from unlisted.edge import resolver
from unlisted.edge.resolver import Server
from unlisted.messages import Listing
from unlisted.net import Address, ip
from unlisted.notice import dnsbl, packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.lists import Entry, Kind
from unlisted.notice.packets import Answer

BLIND = "the resolver finds no list's own test point: it is cut off from the lists, or filters them"
MAX_NAMES = 4  # PTR names of one address that are looked up again
SHOWN = 3  # lists that show their test points in every look: one may be ill today
TRUST = 86_400.0  # seconds for which a list's good test points are remembered


class Names(Struct, frozen=True):
    """Reverse DNS of an address. `confirmed`: the names that lead back to it (RFC 1912 §2.1)."""

    address: Address
    pointers: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    why: str = ""  # why nothing is known
    helo: tuple[Address, ...] | None = None  # what the HELO name resolves to; None: not asked, or no answer


class Survey(Struct, frozen=True):
    """What one look found. `trouble` names what is wrong with the resolver itself; "" is nothing."""

    listings: tuple[Listing, ...]
    names: tuple[Names, ...]
    trouble: str = ""
    asked: int = 0
    doubtful: int = 0
    seconds: float = 0.0
    healthy: frozenset[tuple[str, Kind]] = frozenset()  # zones whose test points were asked, and are right


class _Group(Struct, eq=False):
    """One list and one kind of subject: its test points, and the verdicts that wait for them."""

    entry: Entry
    kind: Kind
    subject: Address | str  # one of the kind
    listed: list[Question]
    clear: list[Question]
    trusted: bool  # its test points were right of late, and are not asked
    left: set[Question]
    held: list["_Pair"]
    asked: int = 0  # of its pairs
    shows: bool = False  # it was trusted, and is asked all the same
    weighed: tuple[bool, ...] = ()  # which of the points had come when `health` was judged
    health: dnsbl.Health = dnsbl.Health()


class _Pair(Struct, eq=False):
    """One subject on one list."""

    subject: Address | str
    group: _Group
    question: Question
    told: Listing | None = None


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
    trusted: frozenset[tuple[str, Kind]] = frozenset(),
    helo: str = "",
    heard: Callable[[Listing], object] = lambda _: None,
) -> Survey:
    """Every subject on every list that can know it; where lists were `named`, the others say why not.

    `trusted`: zones whose test points were right within `TRUST`: they are asked again only where the list
    accuses somebody. `heard` is told each verdict once, as soon as it stands.
    """
    look = _Look(subjects, entries, servers, named, trusted, helo, heard)
    report = resolver.look(look.questions(), servers, timeout, look.follow, pace=look.pace)
    listings = look.rest(report.answers)
    return Survey(
        listings,
        look.names(),
        look.trouble(report.answers),
        len(report.answers),
        report.doubtful,
        report.seconds,
        look.healthy(),
    )


class _Look:
    """What is asked, what came, and what still waits for what."""

    def __init__(
        self,
        subjects: Sequence[Address | str],
        entries: Sequence[Entry],
        servers: Sequence[Server],
        named: bool,
        trusted: frozenset[tuple[str, Kind]],
        helo: str,
        heard: Callable[[Listing], object],
    ) -> None:
        self.at = now()
        self.where = ", ".join(map(str, servers))
        self.heard = heard
        self.found: dict[Question, Answer] = {}
        # RFC 6761 §6.4: `invalid` never exists; a resolver that says otherwise rewrites NXDOMAIN.
        self.canary = Question(f"{secrets.token_hex(8)}.invalid", packets.A)
        self.groups: dict[tuple[str, Kind], _Group] = {}
        self.pairs: dict[Question, _Pair] = {}
        self.order: list[_Pair | Listing] = []
        self.tests: dict[Question, list[_Group]] = {}
        for subject in subjects:
            for entry in entries:
                self._add(subject, entry, named, trusted)
        self._lean()
        addresses = [subject for subject in subjects if not isinstance(subject, str)]
        self.pointers = {Question(dnsbl.pointer_name(one), packets.PTR): one for one in addresses}
        self.helo = {one: Question(helo, _forward(one)) for one in addresses} if helo else {}

    def _add(
        self, subject: Address | str, entry: Entry, named: bool, trusted: frozenset[tuple[str, Kind]]
    ) -> None:
        kind = dnsbl.kind_of(subject)
        if not entry.asked:
            nothing = Answer(name="", qtype=packets.A)
            self.order.append(dnsbl.judge(entry, subject, nothing, None, self.at))
        elif kind in entry.kind:
            group = self.groups.get((entry.zone, kind))
            if group is None:
                listed, clear = (
                    [Question(name, packets.A) for name in side] for side in dnsbl.points(entry, kind)
                )
                known = (entry.zone, kind) in trusted
                left = set() if known else {*listed, *clear}
                group = _Group(entry, kind, subject, listed, clear, known, left, [])
                self.groups[entry.zone, kind] = group
                for question in (*listed, *clear):
                    self.tests.setdefault(question, []).append(group)
            pair = _Pair(subject, group, Question(dnsbl.query_name(subject, entry.asked_zone), packets.A))
            self.pairs[pair.question] = pair
            self.order.append(pair)
        elif named:
            self.order.append(dnsbl.out_of_place(entry, subject, self.at))

    def _lean(self) -> None:
        """Silence is believed of nobody before some test point was found: a blind resolver finds nothing.

        So the heaviest few of those that are remembered as good show theirs again in every look: what is not
        remembered has perhaps none to show, and would blind us.
        """
        able = [group for group in self.groups.values() if group.listed and group.entry.status == "live"]
        for group in [group for group in able if group.trusted][:SHOWN]:
            group.trusted, group.left, group.shows = False, {*group.listed, *group.clear}, True
        self.testing = {(one.entry.zone, one.kind) for one in able if not one.trusted}
        self.alive = not able  # nothing could be shown: as far as it goes

    def questions(self) -> Iterable[Question]:
        """Health first, and the heaviest list about everybody before the next one."""
        yield self.canary
        for group in self.groups.values():
            yield from sorted(group.left, key=lambda one: one.name)
        yield from self.pointers
        yield from self.helo.values()
        yield from self.pairs

    def pace(self, question: Question) -> float:
        """Seconds after the start at which a question may be sent, by what the list's operator bears."""
        pair = self.pairs.get(question)
        if pair is None or not pair.group.entry.per_second:
            return 0.0
        pair.group.asked += 1
        return (pair.group.asked - 1) / pair.group.entry.per_second

    def follow(self, question: Question, answer: Answer) -> Iterable[Question]:
        """Take an answer in, tell what now stands, and name what it raises."""
        self.found[question] = answer
        more: list[Question] = []
        if (pair := self.pairs.get(question)) is not None:
            more = self._raised(pair, answer)
            if not more:
                self._settle(pair)
        elif question.qtype == packets.TXT:
            self._settle(self.pairs[Question(question.name, packets.A)])
        elif question in self.pointers:
            kind = _forward(self.pointers[question])
            more = [Question(name, kind) for name in answer.names[:MAX_NAMES]]
        for group in self.tests.get(question, ()):
            group.left.discard(question)
            if group.shows and not group.left and self._health(group) != dnsbl.Health():
                more = [*more, *self._distrust()]
            self._tested(group, answer)
        if question == self.canary:
            for group in self.groups.values():
                self._flush(group)
        return more

    def _distrust(self) -> list[Question]:
        """What was right of late is not right now: the resolver may be another network's under the same
        address, and filter lists. So all the others are tested, too; what was told is told."""
        more: list[Question] = []
        for place, group in self.groups.items():
            if group.trusted:
                group.trusted = False
                if group.listed and group.entry.status == "live":
                    self.testing.add(place)
                group.left = {one for one in (*group.listed, *group.clear) if one not in self.found}
                more += group.left
        return more

    def _tested(self, group: _Group, answer: Answer) -> None:
        """One of a list's test points is answered; the first that is found shows that the resolver sees."""
        sees = not self.alive and any(one.startswith("127.") for one in answer.addresses)
        self.alive = self.alive or sees
        if not group.left and self.testing:
            self.testing.discard((group.entry.zone, group.kind))
            sees = sees or not self.testing
        self._flush(group)
        for one in self.groups.values() if sees else ():
            self._flush(one)

    def _raised(self, pair: _Pair, answer: Answer) -> list[Question]:
        """The reason of a listing; and of a list that was trusted whether it now lists the world."""
        group = pair.group
        if dnsbl.judge(group.entry, pair.subject, answer).state != "listed":
            return []
        doubts = [one for one in group.clear if group.trusted and one not in self.found]
        group.left.update(doubts)
        return [Question(pair.question.name, packets.TXT), *doubts]

    def _settle(self, pair: _Pair) -> None:
        """All of its own answers are here; its list's health may not be."""
        pair.group.held.append(pair)
        self._flush(pair.group)

    def _flush(self, group: _Group) -> None:
        blind = not self.alive and self.testing  # so far
        if group.held and not group.left and not blind and self.canary in self.found:
            held, group.held = group.held, []
            for pair in held:
                self._tell(pair)

    def _tell(self, pair: _Pair) -> None:
        entry, found = pair.group.entry, self.found
        txt = found.get(Question(pair.question.name, packets.TXT))
        made = dnsbl.judge(entry, pair.subject, found[pair.question], txt, self.at)
        made = dnsbl.temper(made, entry, self._health(pair.group))
        if self._invented() and made.state != "unknown":
            # What it invents looks like a list's own answer: nothing that it says can be told apart from it.
            made = structs.replace(made, state="unknown", meaning="", why=self._rewritten())
        if not self.alive and (made.state == "clear" or made.why == dnsbl.EMPTY):
            made = structs.replace(made, state="unknown", why=BLIND)
        pair.told = made
        self.heard(made)

    def _health(self, group: _Group) -> dnsbl.Health:
        found = self.found
        come = tuple([one in found for one in (*group.listed, *group.clear)])
        if group.weighed != come:
            listed = [found[one] for one in group.listed if one in found]
            clear = [found[one] for one in group.clear if one in found]
            group.weighed = come
            group.health = dnsbl.health(group.entry, group.subject, listed, clear)
        return group.health

    def _invented(self) -> bool:
        return any(one.startswith("127.") for one in self.found[self.canary].addresses)

    def _rewritten(self) -> str:
        made = self.found[self.canary].addresses[0]
        what = f"invents answers for names that do not exist ({made})"
        return f"the resolver {self.where} {what}: believe none of it"

    def rest(self, answers: dict[Question, Answer]) -> tuple[Listing, ...]:
        """At the end: what stayed open is told with the reason why; all of it, by subject and list."""
        for question, answer in answers.items():
            self.found.setdefault(question, answer)
        listings = []
        for one in self.order:
            if isinstance(one, Listing):
                self.heard(one)
                listings.append(one)
                continue
            if one.told is None:
                self._tell(one)
            listings.append(one.told or dnsbl.out_of_place(one.group.entry, one.subject, self.at))
        return tuple(listings)

    def healthy(self) -> frozenset[tuple[str, Kind]]:
        """The lists whose test points were asked in this look and said what they must."""
        return frozenset(
            place
            for place, group in self.groups.items()
            if not group.trusted and self._health(group) == dnsbl.Health()
        )

    def trouble(self, answers: dict[Question, Answer]) -> str:
        """What is wrong with the resolver as a whole."""
        if all(answer.rcode is None for answer in answers.values()):
            return f"the resolver {self.where} gives no answer at all: {self.found[self.canary].why}"
        if self.found[self.canary].addresses:
            return self._rewritten()
        if all(answer.rcode in (5, None) for answer in answers.values()):
            return f"the resolver {self.where} refuses to answer us (REFUSED)"
        if not self.alive:
            return f"{BLIND} ({self.where})"
        refusing = [
            group.entry.name
            for group in self.groups.values()
            if any(dnsbl.refused(group.entry, self.found[one]) for one in group.listed if one in self.found)
        ]
        if not refusing:
            return ""
        return (
            f"the resolver {self.where} is refused by {', '.join(dict.fromkeys(refusing))}: "
            "a public or a cloud resolver, or one that asks too much"
        )

    def names(self) -> tuple[Names, ...]:
        """Reverse DNS of every address, and what its HELO name leads to."""
        return tuple(self._names(address, question) for question, address in self.pointers.items())

    def _names(self, address: Address, question: Question) -> Names:
        answer = self.found[question]
        helo = self.found[self.helo[address]] if address in self.helo else None
        leads = None
        if helo is not None and helo.rcode in (0, dnsbl.NXDOMAIN):
            leads = tuple([one for text in helo.addresses if (one := ip(text))])
        if answer.rcode is None:
            return Names(address, why=answer.why, helo=leads)
        if not self.alive and not answer.names:
            return Names(address, why=BLIND)
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
