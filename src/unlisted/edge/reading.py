"""What came of reading one file: counts, facts, and what was not understood."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from unlisted import show
from unlisted.evidence import Fact, Parsed, facts, formats
from unlisted.evidence.framing import BOOT_LIMIT
from unlisted.find.columns import ENOUGH, Flows, Gatherer
from unlisted.find.translated import for_mail
from unlisted.messages import Attempt, Contact, Evidence, Lease, Translation
from unlisted.net import Address

KEPT = 3  # samples of lines that were not understood
NO_TIMES = "some of it tells no times: the order holds, dates and gaps do not"
CUT = "cut off or damaged: read as far as it goes"

Progress = Callable[[int, int], None]  # bytes read, bytes in all


class About(NamedTuple):
    """Which connections are asked for, on whatever port."""

    wanted: Callable[[Attempt | Contact], bool]
    told: Callable[[Translation], bool] = for_mail  # which translations may say whose they were
    at: float = 0.0  # the moment that is asked for
    needle: bytes = b""  # RE2: stands in each text line that may tell of one; b"": nobody knows
    addresses: frozenset[Address] = frozenset()  # in a table: an end of it, or its translated source
    port: int = 0  # or else its source port


class Reading(Struct):
    """What one file held and how well it was understood."""

    path: str
    size: int = 0  # bytes on the disk
    kind: str = ""  # gateway, flows, leases, maillogs, mail; "" when not recognized; most of its lines
    kinds: tuple[str, ...] = ()  # all of its lines: a router's syslog holds several
    format: str = ""  # netfilter, …; several with " + " between
    trouble: str = ""  # why it was not read, or not to its end; "" when all is well
    lines: int = 0
    understood: int = 0  # lines that became an event
    other: int = 0  # lines that say nothing about mail or devices
    unknown: int = 0  # lines not understood
    samples: tuple[str, ...] = ()  # of those, made safe for a terminal
    assumed: tuple[str, ...] = ()  # sentences
    events: list[Fact] = field(default_factory=list)  # leases, deliveries, submissions
    flows: Flows | None = None  # attempts, as columns; `flows.attempts()` gives messages

    def sentence(self) -> str:
        """What is to be said of it on one line."""
        name = show.clean(self.path, 200)
        if not self.kind:
            return f"{name}: {self.trouble or 'not recognized'}"
        said = [f"{name}: {self.format}"]
        if self.kind != "mail":
            said.append(show.count(self.lines, _unit(self.format)))
            said.append(f"{self.understood:,} of use")
        if self.unknown:
            said.append(f"{self.unknown:,} not understood")
        return ", ".join(said + ([self.trouble] if self.trouble else []))


def _unit(name: str) -> str:
    """What a file of that format is made of."""
    if name == "parquet":
        return "row"
    form = next((one for one in formats() if one.stream and one.name == name), None)
    return "line" if form is None else "packet" if form.packets else "record"


class Keeper:
    """Takes what the records of one file were read as: attempts as columns, the rest one by one; counts."""

    def __init__(self, reading: Reading, take: Callable[[Fact], object], about: About | None) -> None:
        self.reading, self._take, self._about = reading, take, about
        self.packets = False
        self._gatherer = Gatherer(reading.path)
        self.many = self._gatherer.many
        self.latest = 0.0
        self.written: float | None = None  # when the file was; what a table without times tells was so then

    def read(self, made: Parsed, number: int, line: str) -> None:
        """One record and what it was read as."""
        if made is None:
            self.not_understood(line)
            return
        used = False
        for fact in map(self._dated, facts(made)) if self.asked else facts(made):
            # Told late, of an earlier line: it says which.
            line_of = fact.seen.line if fact.seen is not None and not fact.seen.source else number
            if isinstance(fact, Attempt):
                self._gatherer.add(fact, line_of)
                used = True
            elif isinstance(fact, Contact) and not self._concerns(fact):
                continue
            if not isinstance(fact, Attempt) or self._concerns(fact):
                if isinstance(fact, Lease) and fact.end:
                    self.latest = max(self.latest, fact.end)
                self._take(msgspec.structs.replace(fact, seen=Evidence(self.reading.path, line_of, "")))
                used = True
        if used:
            self.reading.understood += 1
        else:
            self.reading.other += 1

    def _dated(self, fact: Fact) -> Fact:
        """For a question about a moment: a state table that tells no times is of when it was written."""
        if self.reading.kind != "translations" or self.written is None:
            return fact
        if isinstance(fact, (Attempt, Contact)) and fact.at < BOOT_LIMIT:
            fact = msgspec.structs.replace(fact, at=self.written)
        elif isinstance(fact, Translation) and fact.start is not None and fact.start < BOOT_LIMIT:
            fact = msgspec.structs.replace(fact, start=self.written)
        else:
            return fact
        when = f"it tells no times: taken as of when it was written, {show.when(self.written)}"
        self.reading.assumed = (when,)
        return fact

    @property
    def about(self) -> frozenset[Address]:
        """The addresses that are asked about."""
        return self._about.addresses if self._about is not None else frozenset()

    @property
    def port(self) -> int:
        """The source port that is asked about; 0 for none."""
        return self._about.port if self._about is not None else 0

    @property
    def asked(self) -> bool:
        """True when contacts on any port are wanted."""
        return self._about is not None

    @property
    def needle(self) -> bytes:
        """What stands in each line that is asked for; b"" when that cannot be said."""
        return self._about.needle if self._about is not None else b""

    def _concerns(self, fact: Attempt | Contact) -> bool:
        return self._about is not None and self._about.wanted(fact)

    def not_understood(self, line: str) -> None:
        """A record that no format knows."""
        reading = self.reading
        reading.unknown += 1
        if line and len(reading.samples) < KEPT:
            reading.samples += (show.clean(line, 160),)

    def fresh(self, reading: Reading) -> "Keeper":
        """One like this, for a part of the file."""
        return Keeper(reading, reading.events.append, self._about)

    def join(self, part: Reading) -> None:
        """What a part of the file held, the next after those before."""
        reading, before = self.reading, self.reading.lines
        for fact in part.events:
            if isinstance(fact, Lease) and fact.end:
                self.latest = max(self.latest, fact.end)
            line = before + (fact.seen.line if fact.seen else 0)
            self._take(msgspec.structs.replace(fact, seen=Evidence(reading.path, line, "")))
        if part.flows is not None:
            self._gatherer.extend(part.flows, before)
        reading.lines += part.lines
        reading.understood += part.understood
        reading.other += part.other
        reading.unknown += part.unknown
        reading.samples = (reading.samples + part.samples)[:KEPT]

    def finish(self) -> None:
        """The file is read."""
        flows = self._gatherer.flows()
        if flows.size:
            self.reading.flows = flows._replace(packets=(self.packets,))
        if flows.size and flows.at.min() < BOOT_LIMIT * 1e6 and not self.reading.assumed:
            self.reading.assumed = (NO_TIMES,)
        if self._gatherer.left:
            self.reading.assumed += (
                f"{self._gatherer.left:,} attempts beyond the first {ENOUGH:,} of their sources, or of too"
                " many sources, were counted and not judged",
            )
