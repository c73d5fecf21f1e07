"""Connections as Linux tracks them: one entry with both directions, and the events of one connection joined.

Sources: conntrack(8) of conntrack-tools 1.4.7; linux/netfilter/nf_conntrack_common.h, nf_conntrack_tcp.h,
net/netfilter/nf_conntrack_standalone.c (Linux 6.12). The translation is told by the reply: whom it is
addressed to has the outside address and port.

Surprises: A refused connection is destroyed as CLOSE, still unreplied, with one packet in its reply.
Entries may carry no time at all: they are placed a minute apart near zero, which is no date, and no pace of
a machine's.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from unlisted import net
from unlisted.evidence import OTHER, Fact, Other, Parsed
from unlisted.evidence.contact import connection
from unlisted.messages import Attempt, Contact, Evidence, Translation
from unlisted.net import Address

STEP = 60.0  # seconds between entries without a time: a quicker pace would accuse somebody
UNDATED = 2e8  # seconds; below framing.BOOT_LIMIT, so that nobody takes it for a date
HELD = 65_536  # connections that wait for their outcome; as many are remembered as told
PATIENCE = 130.0  # seconds; Linux gives up 127 s after the first SYN (tcp(7), tcp_syn_retries 6)
ANSWERED_BY = 3.0  # seconds; the longest that a first answer was waited for (RFC 6298 §2.1, RFC 1122)
_ANSWERED = frozenset(
    ("SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "SYN_SENT2")
)
NEW, UPDATE, DESTROY = "NEW", "UPDATE", "DESTROY"


class Entry(Struct, gc=False):
    """One connection as one line tells it."""

    event: str  # "" in a table
    protocol: str
    src: Address
    dst: Address
    sport: int
    dport: int
    answerer: Address  # who answers
    outside: Address  # whom the answer is addressed to
    answers_from: int
    outside_port: int
    at: float | None  # when it was written
    start: float | None = None
    age: float | None = None  # seconds since it began
    state: str = ""
    unreplied: bool = False
    assured: bool = False
    replies: int | None = None  # packets
    number: int = 0  # of the line

    @property
    def key(self) -> tuple[str, Address, int, Address, int]:
        """What it is known by; its number in the kernel is used again and not always told."""
        return self.protocol, self.src, self.sport, self.dst, self.dport

    @property
    def outcome(self) -> str:
        """How it went, as far as this line can tell."""
        if self.state == "CLOSE" and not self.assured:
            return "refused"
        if self.assured or self.state in _ANSWERED or self.replies:
            return "answered"
        if not self.unreplied:
            return "answered" if self.protocol != "tcp" else ""
        if self.event == DESTROY or (self.age or 0.0) >= ANSWERED_BY:
            return "silent"
        return "silent" if not self.event and self.protocol == "tcp" else ""

    def began(self, otherwise: float) -> float:
        """When it began."""
        if self.start is not None:
            return self.start
        if self.at is None:
            return UNDATED - self.age if self.age is not None and self.age < UNDATED else otherwise
        return self.at - (self.age or 0.0)

    def _began(self) -> float | None:
        if self.start is None and self.at is not None and self.age is not None:
            return self.at - self.age
        return self.start

    def fact(self, at: float, outcome: str) -> Attempt | Contact | Other | None:
        """The connection."""
        dst, dport = self.dst, self.dport
        if net.inside(self.answerer) and not net.inside(self.src):
            dst, dport = self.answerer, self.answers_from  # let in to one of ours
        return connection(
            at, self.src, dst, dport, self.sport, self.protocol,
            action="pass", outcome=outcome, nat=self.outside, nat_port=self.outside_port,
        )  # fmt: skip

    def ended(self) -> Translation | Other:
        """The end of its translation, where it had one."""
        if self.outside == self.src and self.outside_port == self.sport:
            return OTHER
        return Translation(
            self.src,
            self.outside,
            start=self._began(),
            end=self.at,
            inside_port=self.sport,
            port=self.outside_port,
            protocol=self.protocol,
            dst=self.dst,
            dport=self.dport,
        )


def alone(entry: Entry) -> Parsed:
    """A line by itself: the rest of a connection's events says nothing new."""
    if entry.event in (UPDATE, DESTROY):
        return OTHER
    return entry.fact(entry.began(0.0), entry.outcome)


class Tracker:
    """Joins the events of one file: each connection is told once, when its outcome is known."""

    def __init__(self) -> None:
        self.number = 0  # of the line that is read
        self._held: dict[tuple[str, Address, int, Address, int], Entry] = {}
        self._told: dict[tuple[str, Address, int, Address, int], None] = {}
        self._undated = 0

    def read(self, entry: Entry) -> Parsed:
        """One entry."""
        if not entry.event:
            return entry.fact(entry.began(self._later()), entry.outcome)
        if entry.event == NEW:
            entry.start = entry.began(self._later())
            entry.number = self.number
            again = self._held.pop(entry.key, None)
            self._told.pop(entry.key, None)
            self._held[entry.key] = entry
            late = self._late(entry.at)
            made = [] if again is None else [_held(again, "")]
            made += [_held(one, "silent") for one in late]
            return _several(made)
        return self._further(entry)

    def _further(self, entry: Entry) -> Parsed:
        """An update, or the end."""
        held = self._held.get(entry.key)
        if held is None and entry.key not in self._told:  # it began before this log, or only ends are logged
            entry.start = entry.began(self._later())
            self._tell(entry.key)
            if entry.event == DESTROY:
                self._told.pop(entry.key)
            return entry.fact(entry.start, entry.outcome)
        made: list[Fact | Other | None] = []
        if held is not None and entry.outcome:
            del self._held[entry.key]
            self._tell(entry.key)
            made.append(_held(held, entry.outcome))
        if entry.event == DESTROY:
            self._told.pop(entry.key, None)
            made.append(entry.ended())
        return _several(made)

    def end(self) -> Iterator[tuple[int, Parsed]]:
        """The file is over: what still waits, with the number of its line."""
        for one in self._held.values():
            yield one.number, one.fact(one.start or 0.0, "")
        self._held.clear()

    def _tell(self, key: tuple[str, Address, int, Address, int]) -> None:
        if len(self._told) >= HELD:
            del self._told[next(iter(self._told))]
        self._told[key] = None

    def _later(self) -> float:
        self._undated += 1
        return self._undated * STEP % UNDATED

    def _late(self, now: float | None) -> list[Entry]:
        """Those that waited long enough, or longer than there is room for."""
        late = []
        while self._held:
            oldest = next(iter(self._held.values()))
            waited = now is not None and oldest.at is not None and now - oldest.at > PATIENCE
            if not waited and len(self._held) <= HELD:
                break
            del self._held[oldest.key]
            self._tell(oldest.key)
            late.append(oldest)
        return late


def _held(entry: Entry, outcome: str) -> Fact | Other | None:
    """What is told of an earlier line, with the number of that line."""
    fact = entry.fact(entry.start or 0.0, outcome)
    if not isinstance(fact, (Attempt, Contact)) or not entry.number:
        return fact
    return msgspec.structs.replace(fact, seen=Evidence("", entry.number, ""))


def _several(made: "Sequence[Fact | Other | None]") -> Parsed:
    kept = tuple(one for one in made if one is not None and not isinstance(one, Other))
    return kept or OTHER
