"""The lists asked again and again: each as often as it bears, and what has changed since the last look."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from unlisted.edge import ledger
from unlisted.edge.ledger import Place
from unlisted.edge.resolver import Server
from unlisted.edge.store import Store
from unlisted.edge.survey import TRUST, Survey, survey
from unlisted.messages import Listing
from unlisted.net import Address, ip
from unlisted.notice import dnsbl
from unlisted.notice.lists import Entry, Kind
from unlisted.recover import relapse
from unlisted.recover.relapse import Change

SHORTEST = 60.0  # seconds between two looks
DAY = 86_400.0  # seconds
DOUBT = 3600.0  # seconds after which a list that told nothing is asked again

Heard = Callable[[Listing, str, float | None], object]  # a verdict, about whom, and since when it has been so


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
        self.subjects, self.entries, self.servers = subjects, entries, servers
        self.timeout, self.store, self.named, self.helo = timeout, store, named, helo
        self.resolver = " ".join(map(str, servers))
        self.due = dict.fromkeys([entry.key for entry in entries], 0.0)
        self.told: dict[Place, Listing] = {}  # what is compared where no store is kept
        self.begun: dict[Place, float] = {}  # since when each list has named an address, or once did
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
        at = time.time()
        entries = [entry for entry in self.entries if self.due[entry.key] <= at]
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
        self._schedule(entries, found, at)
        changes = relapse.compare(before, found.listings, ever)
        self._keep(found, at)
        for one in found.listings:
            if one.state == "listed":
                place = one.address, one.list
                self.begun[place] = since.setdefault(place, one.at or at)
        return Round(found, changes, since, last, at)

    @property
    def ripe(self) -> bool:
        """Some list is due."""
        return any(due <= time.time() for due in self.due.values())

    def wait(self) -> None:
        """Until the next list is due, or `patience` is at its end."""
        left = min(self.due.values(), default=0.0) - time.time()
        time.sleep(max(SHORTEST, min(left, self.patience)))

    def _known(
        self, at: float
    ) -> tuple[list[Listing], dict[Place, float], frozenset[Place], frozenset[tuple[str, Kind]]]:
        if self.store is None:
            listed = [place for place, one in self.told.items() if one.state == "listed"]
            since = {place: self.begun[place] for place in listed}
            return list(self.told.values()), since, frozenset(self.begun), frozenset()
        before = [one for one in self.store.listings() if (ip(one.address) or one.address) in self.subjects]
        trusted = ledger.trusted(self.store, self.resolver, at - TRUST)
        return before, ledger.since(self.store), ledger.ever(self.store), trusted

    def _schedule(self, entries: Sequence[Entry], found: Survey, at: float) -> None:
        silent = {one.said.list for one in found.told if one.said.state == "unknown"}
        for entry in entries:
            span = entry.every_hours * 3600
            if entry.key in silent:
                span = min(span, DOUBT)
            if entry.per_day:
                span = max(span, DAY * len(self.subjects) / entry.per_day)
            self.due[entry.key] = at + span

    def _keep(self, found: Survey, at: float) -> None:
        """What was told. An unknown answer is none: it must not hide what is known."""
        told = [one for one in found.listings if one.state != "unknown"]
        self.told |= {(one.address, one.list): one for one in told}
        if self.store is None:
            return
        self.store.add_many(one for one in told if not one.address.startswith("127."))
        ledger.trust(self.store, self.resolver, found.healthy, at)
