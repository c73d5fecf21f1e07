"""Connections in a capture: a SYN and what became of it make one fact, in bounded memory.

Sources: RFC 9293 §3.5 (an answer and a reset acknowledge the SYN's number plus one, so a stranger who does
not see the SYN cannot answer for the server), §3.8.1 (retransmissions); RFC 6298 §2.1.

Surprises: A capture on all interfaces of a router holds each SYN twice, before and after the translation:
same target, same sequence number, another source. That is how the translated port is told. A capture that
was filtered for SYNs shows no answer at all, and silence in it means nothing.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows._addresses import address, card

WAITING = 65_536  # connections whose outcome is awaited; as many are kept a while when it is known
PATIENCE = 130.0  # seconds; Linux gives up 127 s after the first SYN (tcp(7), tcp_syn_retries 6)
ANSWERED_BY = 3.0  # seconds; the longest that a first answer was waited for (RFC 6298 §2.1, RFC 1122)
TWICE = 2.0  # seconds between one SYN's two passings through a router
SETTLE = 5.0  # seconds; dumpcap empties the interfaces one after the other, about once a second


class Syn(Struct, gc=False):
    """A connection that was asked for."""

    number: int  # of the packet
    at: float
    key: bytes  # source, destination, ports
    wide: int  # octets of an address
    sequence: int
    mac: bytes
    action: str
    again: bool = False  # the SYN was sent again
    outer: bytes = b""  # the key after translation
    outcome: str | None = None  # None: awaited
    known: float = 0.0  # when the outcome was
    told: bool = False

    @property
    def target(self) -> bytes:
        """What both sides of a translation have in common."""
        return self.key[self.wide : 2 * self.wide] + self.key[-2:] + self.sequence.to_bytes(4, "big")


class Handshakes:
    """The SYNs of one capture."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, Syn] = {}
        self._asked: dict[bytes, Syn] = {}  # by target and sequence number
        self._known: deque[Syn] = deque()
        self._done: list[tuple[int, Parsed]] = []
        self._answers = 0
        self._latest = 0.0

    def take(self) -> Iterator[tuple[int, Parsed]]:
        """The connections whose outcome is known by now, each with the number of its packet."""
        done, self._done = self._done, []
        yield from done

    def opened(
        self, number: int, at: float, key: bytes, sequence: int, mac: bytes, action: str
    ) -> Parsed | Literal[False]:
        """A SYN: False when it is held back until its outcome is known, OTHER when it was seen before."""
        self._latest = max(self._latest, at)
        known = self._waiting.get(key)
        if known is not None:
            if known.sequence == sequence:
                known.again |= abs(at - known.at) > TWICE / 4
                return OTHER
            self._tell(known)
        made = Syn(number, at, key, (len(key) - 4) // 2, sequence, mac, action)
        twin = self._asked.get(made.target)
        if twin is not None and not twin.outer and abs(at - twin.at) <= TWICE:
            return self._join(twin, made)
        self._waiting[key] = self._asked[made.target] = made
        self._expire()
        return False

    def _join(self, twin: Syn, made: Syn) -> Parsed:
        """The same SYN, before and after its translation. What was seen first was before it."""
        self._waiting[made.key] = twin
        if made.at < twin.at:
            twin.outer, twin.key = twin.key, made.key
            twin.at, twin.mac, twin.action = made.at, made.mac, made.action or twin.action
        else:
            twin.outer = made.key
        return OTHER

    def answered(self, at: float, key: bytes, acknowledged: int, outcome: str) -> None:
        """What came back for `key` (as the SYN spelled it)."""
        self._latest = max(self._latest, at)
        known = self._waiting.get(key)
        if known is not None and known.outcome is None and (known.sequence + 1) & 0xFFFFFFFF == acknowledged:
            self._answers += 1
            known.outcome, known.known = outcome, self._latest
            self._known.append(known)

    def end(self) -> None:
        """The capture is over: what still waits got no answer, or none yet."""
        for one in list(self._waiting.values()):
            self._tell(one)

    def _expire(self) -> None:
        """Tell what is known for a while, or was waited for long enough, or is too much to keep."""
        now, kept = self._latest, self._known
        while kept and (kept[0].told or now - kept[0].known > SETTLE or len(kept) > WAITING):
            self._tell(kept.popleft())
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            late = oldest.outcome is None and now - oldest.at > PATIENCE
            if not late and len(self._waiting) <= 2 * WAITING:
                return
            self._tell(oldest)

    def _tell(self, one: Syn) -> None:
        if one.told:
            return
        one.told = True
        for key in (one.key, one.outer):
            if self._waiting.get(key) is one:
                del self._waiting[key]
        if self._asked.get(one.target) is one:
            del self._asked[one.target]
        outcome = one.outcome
        if outcome is None:  # silent, unless there was no time for an answer, or none is ever seen here
            waited = one.again or self._latest - one.at >= ANSWERED_BY
            outcome = "silent" if self._answers and waited else ""
        self._done.append((one.number, _fact(one, outcome)))


def _fact(one: Syn, outcome: str) -> Parsed:
    wide, key, outer = one.wide, one.key, one.outer
    return connection(
        one.at,
        address(key[:wide]),
        address(key[wide : 2 * wide]),
        int.from_bytes(key[-2:], "big"),
        int.from_bytes(key[-4:-2], "big"),
        mac=card(one.mac),
        action=one.action,
        outcome=outcome,
        nat=address(outer[:wide]) if outer else None,
        nat_port=int.from_bytes(outer[-4:-2], "big") if outer else 0,
    )
