"""How far a resolver and the lists behind it can be believed: what a name that cannot exist, and the lists'
own test points, got for an answer."""

import secrets
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, structs

from unlisted import net
from unlisted.edge.server import Server
from unlisted.messages import Listing
from unlisted.net import Address
from unlisted.notice import dnsbl, packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.lists import Entry, Kind
from unlisted.notice.packets import Answer

SHOWN = 5  # lists that show their test points in every look: one may be ill today
BLIND = "the resolver finds no list's own test point: it is cut off from the lists, or filters them"

UNSEEN = "no list's own test point was found: nothing shows that the resolver sees this list"


class Group(Struct, eq=False):
    """One list and one kind of subject: its test points."""

    entry: Entry
    kind: Kind
    subject: Address | str  # one of the kind
    listed: tuple[Question, ...]
    clear: tuple[Question, ...]
    trusted: bool  # its test points were right of late, and are not asked
    left: set[Question]  # not answered yet
    shows: bool = False  # it was trusted, and is asked all the same
    weighed: tuple[bool, ...] = ()  # which of the points had come when `health` was judged
    health: dnsbl.Health = dnsbl.Health()


class Belief:
    """What was asked to find it out, what came, and what follows for a verdict."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = servers
        self.where = ", ".join(map(str, servers))
        # RFC 6761 §6.4: `invalid` never exists; a resolver that says otherwise rewrites NXDOMAIN.
        self.canary = Question(f"{secrets.token_hex(8)}.invalid", packets.A)
        self.groups: dict[tuple[str, Kind], Group] = {}
        self.tests: dict[Question, list[Group]] = {}
        self.found: dict[Question, Answer] = {}
        self.testing: set[tuple[str, Kind]] = set()
        self.seen: set[tuple[str, Kind]] = set()  # lists of which a test point was found in this look
        self.able: frozenset[str] = frozenset()  # who has one to be found, and fails for reasons of its own

    @property
    def alive(self) -> bool:
        """The resolver finds what is to be found, as far as that could be shown.

        One list that shows nothing speaks against itself; two speak against the resolver.
        """
        return bool(self.seen) or len(self.able) < 2

    @property
    def doubtful(self) -> str:
        """Why a name's absence is not believed; "" where it is."""
        if self.sees:
            return ""
        return "nothing at all was found through this resolver" if self.alive else BLIND

    @property
    def sees(self) -> bool:
        """Something was found, or nothing was there to be found: a name's absence is worth saying."""
        return bool(self.seen) or not self.able

    @property
    def sure(self) -> bool:
        """No more is to be waited for: two lists were seen (one may be all that a filter lets through)."""
        return len(self.seen) > 1 or not self.testing

    def add(self, entry: Entry, subject: Address | str, trusted: Collection[tuple[str, Kind]]) -> Group:
        """The group of a list and a kind of subject."""
        kind = dnsbl.kind_of(subject)
        place = entry.zone, kind
        if (group := self.groups.get(place)) is None:
            listed, clear = (
                tuple([Question(name, packets.A) for name in side]) for side in dnsbl.points(entry, kind)
            )
            left = set() if place in trusted else {*listed, *clear}
            group = Group(entry, kind, subject, listed, clear, place in trusted, left)
            self.groups[place] = group
            for question in (*listed, *clear):
                self.tests.setdefault(question, []).append(group)
        return group

    def lean(self) -> None:
        """Silence is believed of nobody before some test point was found: a blind resolver finds nothing.

        So the heaviest few of those that are remembered as good show theirs again in every look: what is not
        remembered has perhaps none to show, and would blind us.
        """
        able = [group for group in self.groups.values() if group.listed and group.entry.status == "live"]
        for group in [group for group in able if group.trusted][:SHOWN]:
            group.trusted, group.left, group.shows = False, {*group.listed, *group.clear}, True
        self.testing = {(one.entry.zone, one.kind) for one in able if not one.trusted}
        # Lists that one wrong key shuts are one.
        self.able = frozenset(one.entry.key_name if one.entry.secret else one.entry.zone for one in able)

    def questions(self) -> Iterable[Question]:
        """What nobody may exist, then each list's test points."""
        yield self.canary
        for group in self.groups.values():
            yield from sorted(group.left, key=lambda one: one.name)

    def take(self, question: Question, answer: Answer) -> tuple[Iterable[Group], list[Question]]:
        """An answer to one of them came: the groups of which more may now be known, and what else to ask."""
        self.found[question] = answer
        news = list(self.tests.get(question, ()))
        more: list[Question] = []
        unsure = not self.sure or question == self.canary
        for group in news:
            place = group.entry.zone, group.kind
            group.left.discard(question)
            if question in group.listed and any(one.startswith("127.") for one in answer.addresses):
                self.seen.add(place)
            if group.shows and not group.left and self.health(group) != dnsbl.Health():
                more += self._distrust()
        for group in news:
            if not group.left:
                self.testing.discard((group.entry.zone, group.kind))
        return self.groups.values() if unsure and self.sure else news, more

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

    def stands(self, group: Group) -> bool:
        """True when all that a verdict of this list waits for is here."""
        seen = self.sure or (group.entry.zone, group.kind) in self.seen
        return not group.left and seen and self.canary in self.found

    def doubt(self, group: Group) -> list[Question]:
        """A list that was trusted accuses somebody: what to ask, whether it now lists the world."""
        doubts = [one for one in group.clear if group.trusted and one not in self.found]
        group.left.update(doubts)
        return doubts

    def temper(self, made: Listing, group: Group) -> Listing:
        """The listing as far as list and resolver can be believed."""
        made = dnsbl.temper(made, self.health(group))
        if self._invented() and made.state != "unknown":
            # What it invents looks like a list's own answer: nothing that it says can be told apart from it.
            made = structs.replace(made, state="unknown", meaning="", why=self._rewritten())
        if not self.alive and (made.state == "clear" or made.why.startswith(dnsbl.EMPTY)):
            made = structs.replace(made, state="unknown", why=BLIND)
        elif not self.sees and made.state == "clear":
            made = structs.replace(made, state="unknown", why=UNSEEN)
        return made

    def health(self, group: Group) -> dnsbl.Health:
        """What the test points that have come say of a list."""
        found = self.found
        come = tuple([one in found for one in (*group.listed, *group.clear)])
        if group.weighed != come:
            listed = [found[one] for one in group.listed if one in found]
            clear = [found[one] for one in group.clear if one in found]
            group.weighed = come
            group.health = dnsbl.health(group.entry, group.subject, listed, clear)
        return group.health

    def vain(self) -> dict[str, str]:
        """Zones of which nothing would be believed, whatever came, each with the reason why."""
        why = "" if self.alive else BLIND
        if not why and not self.sees:  # the only list there is
            whys = (self.health(one).silent for one in self.groups.values())
            why = next(filter(None, whys), "")
        if self._invented():
            why = self._rewritten()
        elif all(answer.rcode is None for answer in self.found.values()):
            why = self._canary_said().why
        if why:
            return dict.fromkeys([zone for zone, _ in self.groups], why)
        silent: dict[str, str] = {}
        heard: set[str] = set()
        for group in self.groups.values():
            points = [self.found[one] for one in (*group.listed, *group.clear) if one in self.found]
            if points and all(one.rcode is None for one in points):
                silent[group.entry.zone] = group.entry.veiled(f"its test points had {points[0].why}")
            else:
                heard.add(group.entry.zone)
        return {zone: why for zone, why in silent.items() if zone not in heard}

    def mirrors(self) -> frozenset[str]:
        """Zones whose copy lies in our own network: it answers of its own and asks nobody."""
        hosts = [net.ip(server.host) for server in self.servers]
        if not all(host is not None and (host.is_loopback or net.inside(host)) for host in hosts):
            return frozenset()
        own = {one for one, answer in self.found.items() if answer.own}
        return frozenset(
            group.entry.zone
            for group in self.groups.values()
            if own.intersection({*group.listed, *group.clear})
        )

    def _canary_said(self) -> Answer:
        return self.found.get(self.canary) or Answer(name="", qtype=packets.A, why="stopped")

    def _invented(self) -> bool:
        return any(one.startswith("127.") for one in self._canary_said().addresses)

    def _rewritten(self) -> str:
        made = self._canary_said().addresses[0]
        what = f"invents answers for names that do not exist ({made})"
        return f"the resolver {self.where} {what}: believe none of it"

    def healthy(self) -> frozenset[tuple[str, Kind]]:
        """The lists whose test points were asked in this look and said what they must."""
        return frozenset(
            place
            for place, group in self.groups.items()
            if not (group.trusted or group.left) and self.health(group) == dnsbl.Health()
        )

    def trouble(self, rcodes: Collection[int | None]) -> str:
        """What is wrong with the resolver as a whole; `rcodes`: of all that it said."""
        if set(rcodes) <= {None}:
            return f"the resolver {self.where} gives no answer at all: {self._canary_said().why}"
        if self._canary_said().addresses:
            return self._rewritten()
        if set(rcodes) <= {5, None}:
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
