"""The two halves of a connection, as recorders of one direction tell them, and what is told twice.

The server's half opens nothing, but it says how the client's went. A line is made into a fact when it is
read, so only a half that stood earlier in the file can tell; where it comes later the outcome stays open.
"""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec.structs import replace

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.flows.columns import Layout, Row, answer, cells, middle
from unlisted.messages import Attempt
from unlisted.net import Address

KEPT = 65_536  # connections remembered; the oldest half is forgotten when there are more
NEAR = 120.0  # seconds between the first packets of two halves; a SYN is repeated for no longer (tcp(7))

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
    """Reads the rows of one table in their order."""

    def __init__(self, where: Layout) -> None:
        self._where = where
        self._halves = Halves()

    def read(self, values: Sequence[str], near: float) -> Parsed:
        """One row."""
        made = cells(values, self._where, near)
        return self.fact(made) if isinstance(made, Row) else made

    def fact(self, made: Row) -> Parsed:
        """What a row's values are."""
        if middle(made, both_ways=self._where.both_ways):
            if answer(made.sport, made.dport):
                key = (made.dst, made.dport, made.src, made.sport)
                self._halves.answers(key, made.at, made.shown, made.packets)
            return OTHER
        fact = made.fact()
        if isinstance(fact, Attempt) and not fact.outcome and fact.sport and not self._where.both_ways:
            told = self._halves.told((fact.src, fact.sport, fact.dst, fact.dport), fact.at)
            return replace(fact, outcome=told) if told else fact
        return fact
