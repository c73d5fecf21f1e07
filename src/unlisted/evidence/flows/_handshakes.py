"""Connections in a capture: a SYN and what became of it make one fact, in bounded memory.

Sources: RFC 9293 §3.5 (an answer and a reset acknowledge the SYN's number plus one, so a stranger who does
not see the SYN cannot answer for the server), §3.8.1 (retransmissions); RFC 6298 §2.1.

Surprises: A capture on all interfaces of a router holds each SYN twice, before and after the translation:
same target, same sequence number, another source. That is how the translated port is told. A capture that
was filtered for SYNs shows no answer at all, and silence in it means nothing.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows._addresses import address, card

WAITING = 65_536  # connections whose outcome is awaited
PATIENCE = 130.0  # seconds; Linux gives up 127 s after the first SYN (tcp(7), tcp_syn_retries 6)
ANSWERED_BY = 3.0  # seconds; the longest that a first answer was waited for (RFC 6298 §2.1, RFC 1122)
TWICE = 2.0  # seconds between one SYN's two passings through a router


class Syn(Struct, gc=False):
    """A connection that was asked for and has no outcome yet."""

    number: int  # of the packet
    at: float
    key: bytes  # source, destination, ports
    wide: int  # octets of an address
    sequence: int
    mac: bytes
    action: str
    again: bool = False  # the SYN was sent again
    outer: bytes = b""  # the key after translation


class Handshakes:
    """The SYNs of one capture."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, Syn] = {}
        self._asked: dict[bytes, Syn] = {}  # by target and sequence number
        self._done: list[tuple[int, Parsed]] = []
        self._answers = 0
        self._latest = 0.0

    def take(self) -> Iterator[tuple[int, Parsed]]:
        """The connections whose outcome is known by now, each with the number of its packet."""
        while self._done:
            done, self._done = self._done, []
            yield from done

    def opened(
        self, number: int, at: float, key: bytes, sequence: int, mac: bytes, action: str
    ) -> Parsed | Literal[False]:
        """A SYN: False when it is held back until its outcome is known, OTHER when it was seen before."""
        self._latest = at
        known = self._waiting.get(key)
        if known is not None:
            if known.sequence == sequence:
                known.again = True
                return OTHER
            self._finish(known, self._silence(known, at))
        wide = (len(key) - 4) // 2
        target = key[wide : 2 * wide] + key[-2:] + sequence.to_bytes(4, "big")
        twin = self._asked.get(target)
        if twin is not None and not twin.outer and 0 <= at - twin.at <= TWICE and key != twin.key:
            twin.outer = key
            self._waiting[key] = twin
            return OTHER
        made = Syn(number, at, key, wide, sequence, mac, action)
        self._waiting[key] = self._asked[target] = made
        self._expire(at)
        return False

    def answered(self, at: float, key: bytes, acknowledged: int, outcome: str) -> None:
        """What came back for `key` (as the SYN spelled it)."""
        self._latest = at
        known = self._waiting.get(key)
        if known is not None and (known.sequence + 1) & 0xFFFFFFFF == acknowledged:
            self._answers += 1
            self._finish(known, outcome)

    def end(self) -> None:
        """The capture is over: what still waits got no answer, or none yet."""
        for one in list(self._waiting.values()):
            if one.key in self._waiting:
                self._finish(one, self._silence(one, self._latest))

    def _expire(self, at: float) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            if len(self._waiting) <= WAITING and at - oldest.at <= PATIENCE:
                return
            self._finish(oldest, self._silence(oldest, at))

    def _silence(self, one: Syn, now: float) -> str:
        """silent, unless there was no time for an answer, or this capture holds no answers at all."""
        return "silent" if self._answers and (one.again or now - one.at >= ANSWERED_BY) else ""

    def _finish(self, one: Syn, outcome: str) -> None:
        for key in (one.key, one.outer):
            if self._waiting.get(key) is one:
                del self._waiting[key]
        wide = one.wide
        target = one.key[wide : 2 * wide] + one.key[-2:] + one.sequence.to_bytes(4, "big")
        if self._asked.get(target) is one:
            del self._asked[target]
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
