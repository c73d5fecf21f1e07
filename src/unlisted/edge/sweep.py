"""Asks about many subjects on many lists as fast as lists and servers bear it, without a name in between.

Questions are built as octets, each zone's end once and each subject's start once; answers are read once for
each shape (notice/shapes.py). Answers stream out as they come; nothing is kept but what is open. Every pair
ends as an answer or a why. The asking itself is edge/asker.py.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from msgspec import Struct

from unlisted.edge.ask import Ask
from unlisted.edge.asker import WINDOW, Asker
from unlisted.edge.server import Server
from unlisted.net import Address
from unlisted.notice import dnsbl, shapes
from unlisted.notice.lists import Entry
from unlisted.notice.packets import Answer
from unlisted.notice.shapes import Zone

WAIT = 5.0  # seconds for each question, repetitions and all
MUTE = 32  # questions about a zone that ended without an answer, one after the other: it is asked no more
NOT_ASKED = f"not asked: {MUTE} questions about this list in a row had no answer"
# Questions a second to a public list whose operator names no limit: those that do name 5 or 10 a second, or
# 100,000 a day, which this uses up in 17 minutes.
COURTESY = 100.0
AHEAD = 64  # questions about a list with a pace that are made before their time

Pair = tuple[Address | str, Entry]


def pace(entry: Entry) -> float:
    """Questions a second that a list is asked; 0: as fast as it answers, for nobody else bears them."""
    return entry.per_second or (COURTESY if entry.status == "live" else 0.0)


class _Paced(Struct, eq=False):
    """A list with a pace: its own way through the subjects, and how many of its moments are taken."""

    entry: Entry
    zone: Zone
    pace: float
    taken: int = 0
    asks: Iterator[Ask] = iter(())


class Sweep:
    """One run through `subjects` times `entries`; iterate it for (subject, entry), answer.

    Only what a list can know is asked (`entry.asked`, its kinds); each list with a pace walks the subjects
    anew. `Answer.name` may be the zone's. `mirrors`: zones that are answered from a copy of our own, so that
    no operator bears what is asked.
    """

    def __init__(
        self,
        subjects: Iterable[Address | str],
        entries: Sequence[Entry],
        servers: Sequence[Server],
        *,
        timeout: float = float("inf"),
        wait: float = WAIT,
        window: int = WINDOW,
        mirrors: Collection[str] = (),
    ) -> None:
        self.subjects = subjects
        self.paced: dict[str, _Paced] = {}
        self.free: list[tuple[Entry, Zone]] = []
        for entry in entries:
            if entry.asked and entry.zone not in mirrors and (bears := pace(entry)):
                self.paced[entry.zone] = one = _Paced(entry, Zone(entry.asked_zone), bears)
                one.asks = self._in_time(one)
            elif entry.asked:
                self.free.append((entry, Zone(entry.asked_zone)))
        self.asker = Asker(servers, timeout, wait=wait, window=window)
        self.unanswered = {entry.zone: 0 for entry in entries if entry.asked}
        self.began = self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[Pair, Answer]]:
        for told in self.run():
            yield from told

    def run(self, before: Iterable[Ask] = ()) -> Iterator[list[tuple[Any, Answer]]]:
        """Answers as they come. `before`: what else is asked first, each with a key that is no tuple."""
        self.began = time.monotonic()
        unanswered, paced, more = self.unanswered, self.paced, self.asker.more
        first = chain.from_iterable(islice(one.asks, AHEAD) for one in paced.values())
        for told in self.asker.run(chain(before, first, self._at_once())):
            for key, answer in told:
                if type(key) is not tuple:
                    continue
                zone = key[1].zone
                if answer.rcode is None:
                    unanswered[zone] += bool(answer.name)  # what was not asked has no name
                elif unanswered[zone] < MUTE:
                    unanswered[zone] = 0
                if zone in paced:
                    more.extend(islice(paced[zone].asks, 1))
            yield told
        self.seconds = time.monotonic() - self.began

    def moment(self, entry: Entry) -> float:
        """When a further question may go to a list (time.monotonic): none of its moments is taken twice."""
        if (one := self.paced.get(entry.zone)) is None:
            return 0.0
        one.taken += 1
        return self.began + (one.taken - 1) / one.pace

    def _at_once(self) -> Iterator[Ask]:
        """The pairs of lists without a pace, subject by subject."""
        kinds = {kind: [one for one in self.free if kind in one[0].kind] for kind in ("ip4", "ip6", "domain")}
        for subject in self.subjects if self.free else ():
            start = shapes.start(subject)
            for entry, zone in kinds[dnsbl.kind_of(subject)]:
                yield self._ask(subject, start, entry, zone)

    def _in_time(self, one: _Paced) -> Iterator[Ask]:
        """The pairs of one list, each at its moment; not asked where that is beyond the end, or the day's."""
        entry, asked, why = one.entry, 0, ""
        for subject in self.subjects:
            if dnsbl.kind_of(subject) not in entry.kind:
                continue
            ask = self._ask(subject, shapes.start(subject), entry, one.zone)
            asked += not ask.why
            if not (ask.why or why):
                ask.due = self.moment(entry)
                if ask.due >= self.began + self.asker.timeout:
                    why = f"not asked: its operator bears {one.pace:g} questions a second"
                    if not entry.per_second:
                        why = f"not asked: {one.pace:g} questions a second are enough for a public list"
                elif entry.per_day and asked > entry.per_day:
                    why = f"not asked: its operator bears {entry.per_day:,} questions a day"
            yield Ask(b"", ask.key, why=why) if why and not ask.why else ask

    def _ask(self, subject: Address | str, start: bytes, entry: Entry, zone: Zone) -> Ask:
        """One pair as octets; what cannot be asked, or is not worth it, with its why."""
        length = len(start)
        known = zone.known.get(length) or zone.about(length)
        if known is None:
            return Ask(b"", (subject, entry), why="no name that DNS can carry")
        if self.unanswered[entry.zone] >= MUTE and not self.asker.over:
            return Ask(b"", (subject, entry), why=NOT_ASKED)
        return Ask(start + zone.tail, (subject, entry), known)
