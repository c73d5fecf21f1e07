"""Asks about many subjects on many lists as fast as the server bears it, without a name in between.

Questions are built as octets, each zone's end once and each subject's start once; answers are read once for
each shape (notice/shapes.py). Answers stream out as they come; nothing is kept but what is open. Every pair
ends as an answer or a why. The asking itself is edge/asker.py.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from socket import inet_ntoa

from msgspec import structs

from unlisted.edge.ask import Ask
from unlisted.edge.asker import MOST_OPEN, WINDOW, Asker
from unlisted.edge.server import Server
from unlisted.messages import Listing
from unlisted.net import Address
from unlisted.notice import dnsbl, shapes
from unlisted.notice.lists import Entry
from unlisted.notice.packets import Answer
from unlisted.notice.shapes import Zone

WAIT = 5.0  # seconds for each question, repetitions and all
MUTE = 32  # questions about a zone that ended without an answer, and never one that had one: asked no more
NOT_ASKED = f"not asked: the first {MUTE} questions about this list had no answer"
MOST_KNOWN = 10_000  # verdicts kept; a list has a handful, but an answer that is not of a shape stands alone

Pair = tuple[Address | str, Entry]


class Sweep:
    """One run over `subjects` times `entries`; iterate it for (subject, entry), answer.

    Only what a list can know is asked (`entry.asked`, its kinds). `Answer.name` may be the zone's.
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
    ) -> None:
        self.subjects = subjects
        self.zones = [(entry, Zone(entry.asked_zone)) for entry in entries if entry.asked]
        self.asker = Asker(servers, timeout, wait=wait, window=window)
        self.unanswered = dict.fromkeys((entry.zone for entry, _ in self.zones), 0)
        self.answered: set[str] = set()
        self.paced: dict[str, int] = {}
        self.began = self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[Pair, Answer]]:
        self.began = time.monotonic()
        answered = self.answered
        for told in self.asker.run(self._asks()):
            for pair, answer in told:
                zone = pair[1].zone
                if answer.rcode is None:
                    self.unanswered[zone] += bool(answer.name)  # what was not asked has no name
                elif zone not in answered:
                    answered.add(zone)
            yield from told
        self.seconds = time.monotonic() - self.began

    def _asks(self) -> Iterator[Ask]:
        """The pairs as octets; what cannot be asked, or is not worth it, with its why."""
        by_kind = {
            kind: [(entry, zone) for entry, zone in self.zones if kind in entry.kind]
            for kind in ("ip4", "ip6", "domain")
        }
        unanswered = self.unanswered
        for subject in self.subjects:
            start = shapes.start(subject)
            length = len(start)
            for entry, zone in by_kind[dnsbl.kind_of(subject)]:
                known = zone.known.get(length) or zone.about(length)
                if known is None:
                    yield Ask(b"", (subject, entry), why="no name that DNS can carry")
                elif unanswered[entry.zone] >= MUTE and self._mute(entry.zone):
                    yield Ask(b"", (subject, entry), why=NOT_ASKED)
                elif entry.per_second:
                    yield self._paced(Ask(start + zone.tail, (subject, entry), known), entry)
                else:
                    yield Ask(start + zone.tail, (subject, entry), known)

    def _paced(self, ask: Ask, entry: Entry) -> Ask:
        """Held back to what the list's operator bears; not asked where that is beyond the end."""
        asked = self.paced.get(entry.zone, 0)
        ask.due = self.began + asked / entry.per_second
        if ask.due >= self.began + self.asker.timeout or len(self.asker.held) >= MOST_OPEN:
            why = f"not asked: its operator bears {entry.per_second:g} questions a second"
            return Ask(b"", ask.key, why=why)
        self.paced[entry.zone] = asked + 1
        return ask

    def _mute(self, zone: str) -> bool:
        return zone not in self.answered and not self.asker.over


def judged(found: Iterable[tuple[Pair, Answer]], when: float | None = None) -> Iterator[Listing]:
    """The listing of every pair; what the same answer means on the same list is judged once."""
    known: dict[tuple[str, Answer], Listing] = {}
    last: Address | str = ""
    text = ""
    for (subject, entry), answer in found:
        if subject is not last:
            last = subject
            text = inet_ntoa(subject.packed) if isinstance(subject, IPv4Address) else str(subject)
        key = (entry.key, answer)
        listing = known.get(key)
        if listing is None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            listing = known[key] = dnsbl.judge(entry, "", answer, None, when)
        yield structs.replace(listing, address=text)
