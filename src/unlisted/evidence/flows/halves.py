"""The two halves of a connection, as recorders of one direction tell them, and what is told twice.

The server's half opens nothing, but it says how the client's went. A line is made into a fact when it is
read, so only a half that stood earlier in the file can tell; where it comes later the outcome stays open.
"""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec.structs import replace

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.flows.columns import Layout, Row, answer, cells, middle, tcp
from unlisted.messages import Attempt
from unlisted.net import Address

KEPT = 65_536  # connections remembered; the oldest half is forgotten when there are more
NEAR = 120.0  # seconds between the first packets of two halves; a SYN is repeated for no longer (tcp(7))

_PAUSE = 1800.0  # seconds; the longest active timeout that exporters have by default is half an hour

Key: TypeAlias = tuple[Address, int, Address, int]


class Seen:
    """Moments by connection, bounded."""

    def __init__(self) -> None:
        self._kept: dict[object, float] = {}

    def again(self, key: object, at: float, within: float) -> bool:
        """True when this connection was there at most `within` seconds ago; remembers it."""
        before = self._kept.get(key)
        self._kept[key] = at
        if len(self._kept) > KEPT:
            for old in list(self._kept)[: KEPT // 2]:
                del self._kept[old]
        return before is not None and abs(at - before) <= within


class Halves:
    """Remembers the servers' halves."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[float, str]] = {}

    @property
    def any(self) -> bool:
        """True when there are any."""
        return bool(self._kept)

    def answers(self, key: Key, at: float, shown: str | None, packets: int) -> None:
        """The half that goes back. `key`: source and destination of the half that it answers."""
        if shown is not None:
            told = "answered" if "S" in shown else "refused" if "R" in shown else "answered" if shown else ""
        else:
            told = "answered" if packets > 2 else ""  # one packet may be a refusal
        if not told or key[3] not in net.MAIL_PORTS:
            return
        self._kept[key] = (at, told)
        if len(self._kept) > KEPT:
            for old in list(self._kept)[: KEPT // 2]:
                del self._kept[old]

    def told(self, key: Key, at: float) -> str:
        """How the connection went, "" when no half told."""
        when, told = self._kept.get(key, (0.0, ""))
        return told if abs(when - at) <= NEAR else ""


class Rows:
    """Reads the rows of one table in their order.

    A recorder that counts packets or tells an end writes a record again while the connection goes on;
    where it tells no TCP flags either, the first record of a connection counts.
    """

    def __init__(self, where: Layout) -> None:
        self._where = where
        self._halves = Halves()
        self._seen = Seen()
        self._repeats = not where.both_ways and (where.end >= 0 or where.packets >= 0)

    def read(self, values: Sequence[str], near: float) -> Parsed:
        """One row."""
        made = cells(values, self._where, near)
        return self.fact(made) if isinstance(made, Row) else made

    def fact(self, made: Row) -> Parsed:
        """What a row's values are."""
        if middle(made, both_ways=self._where.both_ways):
            if answer(made.sport, made.dport) and tcp(made.proto):
                self.answered((made.dst, made.dport, made.src, made.sport), made.at, made.shown, made.packets)
            return OTHER
        fact = made.fact()
        if not isinstance(fact, Attempt) or not fact.sport or self._where.both_ways:
            return fact
        again, told = self.known((fact.src, fact.sport, fact.dst, fact.dport), fact.at, made.shown)
        if again:
            return OTHER
        return (
            replace(fact, outcome=told) if told and not fact.outcome and isinstance(fact, Attempt) else fact
        )

    @property
    def joins(self) -> bool:
        """True while rows may depend on those before."""
        return self._repeats or self._halves.any

    def answered(self, key: Key, at: float, shown: str | None, packets: int) -> None:
        """The server's half of a connection on a mail port; `key` is the client's."""
        self._halves.answers(key, at, shown, packets)

    def known(self, key: Key, at: float, shown: str | None) -> tuple[bool, str]:
        """Whether the client's half was told before, and how the server's says that it went."""
        again = self._repeats and shown is None and self._seen.again(key, at, _PAUSE)
        return again, "" if again else self._halves.told(key, at)
