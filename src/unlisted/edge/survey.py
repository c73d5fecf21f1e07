"""One look at addresses on lists, one or a million: health first, then A, then the TXT of what is listed.

What to ask and what it means is notice/dnsbl.py, who asks edge/sweep.py, who can be believed edge/belief.py.
Here they meet, with the clock. About few everything goes out at once and ends by one deadline; about many the
lists and the resolver show first what they are worth. A verdict is told as soon as it stands; of many, only
what accuses is kept.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import chain
from socket import inet_ntoa

from msgspec import Struct, structs

from unlisted.edge.ask import Ask
from unlisted.edge.belief import Belief, Group
from unlisted.edge.reverse import Names, Reverse
from unlisted.edge.server import Server
from unlisted.edge.sweep import WAIT, Sweep
from unlisted.messages import Listing
from unlisted.net import Address
from unlisted.notice import dnsbl, packets, shapes
from unlisted.notice.dnsbl import Question
from unlisted.notice.lists import Entry, Kind
from unlisted.notice.packets import Answer
from unlisted.notice.tally import Tally, tallied

TRUST = 86_400.0  # seconds for which a list's good test points are remembered
FEW = 16  # subjects; of more, nothing is asked before the test points are answered
MOST_KEPT = 50_000  # verdicts of which all are kept: some 15 MB; of more, those that accuse
MOST_NAMED = 256  # addresses whose reverse DNS is looked up: a page or two to read
MOST_SAID = 1000  # different answers of one list that are remembered
MOST_FOLDED = 20_000  # of which only the number is kept, before equal ones are put together

Place = tuple[str, str]  # address or name, list
Heard = Callable[[Listing, str], object]  # a verdict, and about whom: many share it but for their address


class Survey(Struct, frozen=True):
    """What one look found. `trouble` names what is wrong with the resolver itself; "" is nothing.

    `listings` are all verdicts; of more than `MOST_KEPT`, those that accuse or that were `watched`. `counted`
    are all of them in any case (`told` gives them).
    """

    listings: tuple[Listing, ...]
    names: tuple[Names, ...]
    trouble: str = ""
    asked: int = 0
    doubtful: int = 0
    seconds: float = 0.0
    healthy: frozenset[tuple[str, Kind]] = frozenset()  # zones whose test points were asked, and are right
    counted: tuple[Tally, ...] = ()
    stopped: bool = False  # by the person, before its end

    @property
    def told(self) -> tuple[Tally, ...]:
        """Every verdict, by what it says."""
        return self.counted or tallied((one, 1) for one in self.listings)


class _Said(Struct, eq=False):
    """One answer of one list, whoever was asked about."""

    raw: Listing  # as the list's table has it
    made: Listing | None = None  # as far as it is believed; None: not known yet
    count: int = 0
    plain: bool = False  # nothing is to be done with it but to count


class _Told(Struct, eq=False):
    """What a group's answers meant, and the verdicts that wait."""

    group: Group
    said: dict[Answer, _Said] = {}
    held: list[tuple[Address | str, Answer, Answer | None]] = []
    stands: bool = False
    watched: frozenset[str] = frozenset()
    txt: bytes = b""  # the end of a question about the zone's texts


class _Reason(Struct, eq=False):
    """The text of a listing, asked for."""

    told: _Told
    subject: Address | str
    answer: Answer  # the listing's own


def now() -> float:
    """Unix seconds."""
    return time.time()


def survey(
    subjects: Collection[Address | str],
    entries: Sequence[Entry],
    servers: Sequence[Server],
    timeout: float,
    *,
    named: bool = False,
    trusted: frozenset[tuple[str, Kind]] = frozenset(),
    helo: str = "",
    heard: Heard | None = None,
    beat: Callable[[int], object] = lambda _: None,
    watched: Collection[Place] = (),
) -> Survey:
    """Every subject on every list that can know it; where lists were `named`, the others say why not.

    `trusted`: zones whose test points were right within `TRUST`: they are asked again only where the list
    accuses somebody. `heard` is told each verdict once, as soon as it stands; `beat` how many lists'
    answers have come, now and then. A KeyboardInterrupt ends it with what stands.
    """
    look = _Look(subjects, entries, servers, named, trusted, helo, heard, watched)
    began, stopped = time.monotonic(), False
    try:
        for _ in look.run(timeout):
            beat(look.asked - look.beside)
    except KeyboardInterrupt:
        stopped = True
    return Survey(
        look.listings(),
        tuple(look.names.told(look.belief.doubtful)),
        look.belief.trouble(look.rcodes),
        look.asked,
        look.doubtful,
        time.monotonic() - began,
        look.belief.healthy(),
        tallied(look.counted()),
        stopped,
    )


class _Look:
    """What is asked, what came, and what still waits for what."""

    def __init__(
        self,
        subjects: Collection[Address | str],
        entries: Sequence[Entry],
        servers: Sequence[Server],
        named: bool,
        trusted: frozenset[tuple[str, Kind]],
        helo: str,
        heard: Heard | None,
        watched: Collection[Place],
    ) -> None:
        self.at = now()
        self.subjects, self.entries, self.servers, self.named = subjects, entries, servers, named
        self.heard = heard
        self.belief = Belief(servers)
        self.few = len(subjects) <= FEW
        self.whole = len(subjects) * len(entries) <= MOST_KEPT
        self.asked = self.beside = self.doubtful = 0  # `beside`: of those asked, what is no verdict
        self.last: Address | str = ""
        self.spelled = ""
        self.rcodes: set[int | None] = set()
        self.kept: list[Listing] = []  # what a verdict said that many share
        self.single: list[Listing] = []  # what only one says: who is listed has a reason of his own
        self.folded: list[tuple[Listing, int]] = []
        self.sweep = Sweep((), (), servers)
        self.told: dict[type, dict[str, _Told]] = {}  # by kind and zone
        self.by_group: dict[tuple[str, Kind], _Told] = {}
        for kind, subject in {type(one): one for one in subjects}.items():
            able = [one for one in entries if one.asked and dnsbl.kind_of(subject) in one.kind]
            self.told[kind] = {one.zone: self._told(one, subject, trusted, watched) for one in able}
        self.belief.lean()
        addresses = (
            () if len(subjects) > MOST_NAMED else [one for one in subjects if not isinstance(one, str)]
        )
        self.names = Reverse(addresses, helo)

    def _told(
        self,
        entry: Entry,
        subject: Address | str,
        trusted: Collection[tuple[str, Kind]],
        watched: Collection[Place],
    ) -> _Told:
        group = self.belief.add(entry, subject, trusted if self.few else ())
        made = _Told(group, watched=frozenset(address for address, key in watched if key == entry.key))
        made.txt = packets.question(entry.asked_zone, packets.TXT)
        self.by_group[entry.zone, group.kind] = made
        return made

    # ---- asking -------------------------------------------------------------------------------------

    def run(self, timeout: float) -> Iterator[None]:
        """Ask; between two batches of answers whoever called has the word."""
        end = time.monotonic() + timeout
        names = self._asks(self.names.questions())
        health = self._asks(self.belief.questions())
        if self.few:
            # All of it in one go, so that the silent keep nobody waiting.
            yield from self._sweep(Sweep(self.subjects, self.entries, self.servers, timeout=timeout,
                                         wait=float("inf")), chain(health, names))  # fmt: skip
        else:
            first = min(WAIT, timeout / 2)
            yield from self._sweep(Sweep((), (), self.servers, timeout=first, wait=WAIT), health)
            vain = self.belief.vain()
            yield from self._vain(vain)
            able = [one for one in self.entries if one.zone not in vain]
            left, mirrors = round(max(0.1, end - time.monotonic()), 1), self.belief.mirrors()
            sweep = Sweep(self.subjects, able, self.servers, timeout=left, wait=WAIT, mirrors=mirrors)
            yield from self._sweep(sweep, names if able else ())
        yield from self._unasked()

    def _sweep(self, sweep: Sweep, before: Iterable[Ask]) -> Iterator[None]:
        """One run; at its end nothing waits."""
        self.sweep, by_kind = sweep, self.told
        try:
            for told in sweep.run(before):
                self.asked += len(told)
                for key, answer in told:
                    if type(key) is not tuple:
                        self._hear(key, answer)
                        continue
                    one = by_kind[type(key[0])][key[1].zone]
                    said = one.said.get(answer)
                    if said is not None and said.plain:
                        said.count += 1
                    else:
                        self._take(one, key[0], answer)
                yield
        finally:
            self.doubtful += sweep.asker.doubtful
        for one in self.by_group.values():
            self._flush(one, force=True)

    def _asks(self, questions: Iterable[Question]) -> Iterator[Ask]:
        for question in questions:
            section = packets.question(question.name, question.qtype)
            why = "" if section else "no name that DNS can carry"
            yield Ask(section, question, None, why, packets.EDNS)

    def _vain(self, whys: Mapping[str, str]) -> Iterator[None]:
        """Of these zones nothing would come, or be believed: they are not asked."""
        nothing = {
            zone: Answer(name="", qtype=packets.A, why=f"not asked: {why}") for zone, why in whys.items()
        }
        for subject in self.subjects if whys else ():
            some = self.told[type(subject)]
            for zone in whys:
                if zone in some:
                    self._tell(some[zone], subject, nothing[zone])
            yield

    def _unasked(self) -> Iterator[None]:
        """What no list was asked, because it is dead or because it cannot know it."""
        nothing = Answer(name="", qtype=packets.A)
        for entry in self.entries if self.named else [one for one in self.entries if not one.asked]:
            for subject in self.subjects:
                if not entry.asked:
                    self._pass(dnsbl.judge(entry, subject, nothing, None, self.at))
                elif entry.zone not in self.told[type(subject)]:
                    self._pass(dnsbl.out_of_place(entry, subject, self.at))
            yield

    # ---- hearing ------------------------------------------------------------------------------------

    def _take(self, one: _Told, subject: Address | str, answer: Answer) -> None:
        """A list's answer about a subject: told, or put by until its reason or the list's health is known."""
        said = one.said.get(answer)
        if said is None:
            if answer.rcode is None:
                answer = structs.replace(answer, name="")  # its silence about one is that about another
            said = self._learn(one, subject, answer)
        if said.raw.state == "listed" and (said.made is None or said.made.state == "listed"):
            self._raise(one, subject, answer)
        elif one.stands:
            self._tell(one, subject, answer)
        else:
            one.held.append((subject, answer, None))

    def _learn(self, one: _Told, subject: Address | str, answer: Answer) -> _Said:
        """What an answer means on a list; remembered, for most of its answers are equal."""
        if (said := one.said.get(answer)) is not None:
            return said
        self.rcodes.add(answer.rcode)
        if len(one.said) >= MOST_SAID:
            self._fold(one)
        made = one.said[answer] = _Said(dnsbl.judge(one.group.entry, subject, answer, None, self.at))
        if one.stands:
            made.made = self.belief.temper(made.raw, one.group)
        return made

    def _raise(self, one: _Told, subject: Address | str, answer: Answer) -> None:
        """The reason of a listing; and of a list that was trusted, whether it now lists the world."""
        entry, more = one.group.entry, self.sweep.asker.more
        section = shapes.start(subject) + one.txt
        due = self.sweep.moment(entry)
        more.append(Ask(section, _Reason(one, subject, answer), None, "", packets.EDNS, due=due))
        if doubts := self.belief.doubt(one.group):
            one.stands = False
            self._fold(one)
            more.extend(self._asks(doubts))

    def _hear(self, question: Question | _Reason, answer: Answer) -> None:
        """Take any other answer in, and ask what it raises."""
        self.rcodes.add(answer.rcode)
        self.beside += 1
        if isinstance(question, _Reason):
            one = question.told
            if one.stands:
                self._tell(one, question.subject, question.answer, answer)
            else:
                one.held.append((question.subject, question.answer, answer))
        elif question == self.belief.canary or question in self.belief.tests:
            groups, more = self.belief.take(question, answer)
            self.sweep.asker.more.extend(self._asks(more))
            for group in groups:
                one = self.by_group[group.entry.zone, group.kind]
                if one.stands and group.left:  # trusted until now
                    one.stands = False
                    self._fold(one)
                self._flush(one)
        else:
            self.sweep.asker.more.extend(self._asks(self.names.take(question, answer)))

    # ---- telling ------------------------------------------------------------------------------------

    def _flush(self, one: _Told, *, force: bool = False) -> None:
        one.stands = force or self.belief.stands(one.group)
        if one.stands and one.held:
            held, one.held = one.held, []
            for subject, answer, txt in held:
                self._tell(one, subject, answer, txt)

    def _tell(self, one: _Told, subject: Address | str, answer: Answer, txt: Answer | None = None) -> None:
        said = one.said.get(answer) or self._learn(one, subject, answer)
        made = said.made
        if made is None:
            made = said.made = self.belief.temper(said.raw, one.group)
        if made.state == "listed":
            reason = dnsbl.reason(one.group.entry, txt) if txt else ""
            made = structs.replace(made, address=str(subject), reason=reason)
            self.single.append(made)
        else:
            said.count += 1
            said.plain = not (self.whole or self.heard or one.watched)
            if self.whole or (one.watched and self._text(subject) in one.watched):
                self.kept.append(structs.replace(made, address=self._text(subject)))
        if self.heard:
            self.heard(made, made.address if made.state == "listed" else self._text(subject))

    def _text(self, subject: Address | str) -> str:
        if subject is not self.last:
            self.last = subject
            self.spelled = inet_ntoa(subject.packed) if isinstance(subject, IPv4Address) else str(subject)
        return self.spelled

    def _pass(self, made: Listing) -> None:
        """A verdict that nobody was asked for."""
        if self.whole:
            self.single.append(made)
        else:
            self._put_by(made, 1)
        if self.heard:
            self.heard(made, made.address)

    def _fold(self, one: _Told) -> None:
        """Forget what answers meant; their number is kept."""
        for said in one.said.values():
            if said.made and said.count:
                self._put_by(said.made, said.count)
        one.said.clear()

    def _put_by(self, made: Listing, count: int) -> None:
        self.folded.append((made, count))
        if len(self.folded) > MOST_FOLDED:
            self.folded = [(one.said, one.count) for one in tallied(self.folded)]

    def counted(self) -> Iterator[tuple[Listing, int]]:
        """Every verdict, as often as it was told."""
        for one in self.by_group.values():
            self._fold(one)
        yield from self.folded
        yield from ((one, 1) for one in self.single)

    def listings(self) -> tuple[Listing, ...]:
        """What is kept, by subject and list where that is all of it."""
        found = [*self.single, *self.kept]
        if self.whole:
            lists = {entry.zone: place for place, entry in enumerate(self.entries)}
            order = {str(subject): place for place, subject in enumerate(self.subjects)}
            found.sort(key=lambda one: (order[one.address], lists[one.zone]))
        return tuple(found)
