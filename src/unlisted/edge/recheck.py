"""The lists asked again and again: each as often as it bears, and what has changed since the last look."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Sequence

from msgspec import Struct

from unlisted import net, show
from unlisted.edge import ledger
from unlisted.edge.ledger import Place
from unlisted.edge.resolver import Server
from unlisted.edge.store import Store
from unlisted.edge.survey import TRUST, Survey, survey
from unlisted.errors import UnlistedError
from unlisted.messages import Listing
from unlisted.net import Address, ip
from unlisted.notice import dnsbl
from unlisted.notice.lists import Entry, Kind
from unlisted.recover import relapse
from unlisted.recover.relapse import Change

SHORTEST = 60.0  # seconds between two looks
DAY = 86_400.0  # seconds
FEW = 4096  # subjects that the store is asked for by name
DOUBT = 3600.0  # seconds after which a list that told nothing is asked again

ticks = time.monotonic  # what is due is due whatever becomes of the wall clock

Heard = Callable[[Listing, str, float | None], object]  # a verdict, about whom, and since when it has been so


def _point(subject: str) -> bool:
    """True for a list's test point: what is said of it is no history of ours."""
    return subject.startswith("127.") and net.ip(subject) is not None


class Round(Struct, frozen=True):
    """One look. `since`: (address, list) -> Unix seconds; `last`: when was looked before, None for never."""

    found: Survey
    changes: tuple[Change, ...]
    since: dict[Place, float]
    last: float | None
    at: float


class Rounds:
    """Subjects and lists, asked once or for ever."""

    def __init__(
        self,
        subjects: Collection[Address | str],
        entries: Sequence[Entry],
        servers: Sequence[Server],
        timeout: float,
        store: Store | None,
        *,
        named: bool = False,
        helo: str = "",
    ) -> None:
        # A list that was named twice, by its key and by its zone, is one.
        zones = {entry.asked_zone: entry for entry in entries}
        self.entries = list({entry.key: entry for entry in zones.values()}.values())
        self.subjects, self.servers = subjects, servers
        self.timeout, self.store, self.named, self.helo = timeout, store, named, helo
        self.resolver = " ".join(map(str, servers))
        self.due = dict.fromkeys([entry.key for entry in self.entries], 0.0)  # by `ticks`
        self.unkept = ""  # why the store does not serve; the lists are asked all the same
        self.told: dict[Place, Listing] = {}  # what is compared where no store is kept
        self.begun: dict[Place, float] = {}  # since when each list has named an address, or once did
        self.asked: set[str] = set()  # lists that this has asked once
        self.looked: float | None = None  # when this was last asked
        self.patience = float("inf")  # seconds for which nobody wants the word meanwhile

    @property
    def most(self) -> int:
        """How many verdicts a look of all lists has."""
        kinds = Counter(map(dnsbl.kind_of, self.subjects))
        held = Counter(kind for entry in self.entries for kind in entry.kind)
        return sum(held[kind] * number for kind, number in kinds.items())

    def once(self, heard: Heard | None = None, beat: Callable[[int], object] = lambda _: None) -> Round:
        """Ask every list that is due, remember what it told; `heard` and `beat` are told as by `survey`."""
        at, begun = time.time(), ticks()
        entries = [entry for entry in self.entries if self.due[entry.key] <= begun]
        before, since, ever, trusted = self._known(at)
        last = max((one.at for one in before if one.at is not None), default=self.looked)
        self.looked = at
        found = survey(
            self.subjects,
            entries,
            self.servers,
            self.timeout,
            named=self.named,
            trusted=trusted,
            helo=self.helo,
            heard=heard and (lambda one, who: heard(one, who, since.get((who, one.list)))),
            beat=beat,
            watched=frozenset((one.address, one.list) for one in before if one.state == "listed"),
        )
        self._schedule(entries, found, begun)
        changes = relapse.compare(before, found.listings, ever, self._looked(found, before, entries))
        self._keep(found, at)
        for one in found.listings:
            if one.state == "listed":
                place = one.address, one.list
                self.begun[place] = since.setdefault(place, one.at or at)
        if self.unkept:
            show.say(f"not remembered: {show.clean(self.unkept)}")
        return Round(found, changes, since, last, at)

    def _looked(self, found: Survey, before: Sequence[Listing], entries: Sequence[Entry]) -> Container[Place]:
        """What was asked before, whatever came: of a list, by this watch. Of a range too wide to keep, only
        who accused is known: there it is enough that it was looked at."""
        again = {entry.key for entry in entries if entry.key in self.asked}
        self.asked |= {entry.key for entry in entries}
        if before and len(found.listings) < sum(one.count for one in found.told):
            return {(one.address, one.list) for one in found.listings}
        return {(one.address, one.list) for one in found.listings if one.list in again}

    @property
    def ripe(self) -> bool:
        """Some list is due."""
        return any(due <= ticks() for due in self.due.values())

    @property
    def ahead(self) -> tuple[float, int]:
        """In how many seconds some list is due, and how many then are."""
        left = max(SHORTEST, min(self.due.values(), default=0.0) - ticks())
        return left, sum(due - ticks() <= left for due in self.due.values())

    def wait(self) -> None:
        """Until the next list is due, or `patience` is at its end."""
        left = min(self.due.values(), default=0.0) - ticks()
        time.sleep(max(SHORTEST, min(left, self.patience)))

    def _known(
        self, at: float
    ) -> tuple[list[Listing], dict[Place, float], frozenset[Place], frozenset[tuple[str, Kind]]]:
        self.unkept = ""
        try:
            if self.store is not None:
                before = self._before(self.store)
                trusted = ledger.trusted(self.store, self.resolver, at - TRUST, at)
                places = sorted({one.address for one in before})
                since, ever = ledger.since(self.store, places), ledger.ever(self.store, places)
                return before, since, ever, self._but_accusers(trusted, since)
        except UnlistedError as error:
            self.unkept = error.what
        listed = [place for place, one in self.told.items() if one.state == "listed"]
        since = {place: self.begun[place] for place in listed}
        return list(self.told.values()), since, frozenset(self.begun), frozenset()

    def _before(self, store: Store) -> list[Listing]:
        """What the lists said last of those that are asked about."""
        if len(self.subjects) <= FEW:
            return store.listings(*map(str, self.subjects))
        return [one for one in store.listings() if (ip(one.address) or one.address) in self.subjects]

    def _but_accusers(
        self, trusted: frozenset[tuple[str, Kind]], since: dict[Place, float]
    ) -> frozenset[tuple[str, Kind]]:
        """Who named us must show his test points before his silence ends it: the laptop's resolver may be
        another network's meanwhile, under the same address, and filter him."""
        accusers = {name for _, name in since}
        zones = {entry.zone for entry in self.entries if entry.key in accusers}
        return frozenset(place for place in trusted if place[0] not in zones)

    def _schedule(self, entries: Sequence[Entry], found: Survey, begun: float) -> None:
        silent = {one.said.list for one in found.told if one.said.state == "unknown"}
        for entry in entries:
            span = entry.every_hours * 3600
            if entry.key in silent:
                span = min(span, DOUBT)
            if entry.per_day:
                span = max(span, DAY * len(self.subjects) / entry.per_day)
            self.due[entry.key] = begun + span

    def _keep(self, found: Survey, at: float) -> None:
        """What was told. An unknown answer is none: it must not hide what is known."""
        told = [one for one in found.listings if one.state != "unknown"]
        self.told |= {(one.address, one.list): one for one in told}
        if self.store is None or self.unkept:
            return
        try:
            self.store.add_many(one for one in told if not _point(one.address))
            ledger.trust(self.store, self.resolver, found.healthy, at)
        except UnlistedError as error:
            self.unkept = error.what
