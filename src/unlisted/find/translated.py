"""Which inside address had an outside port at a moment: what NAT logs and maps tell, as intervals.

A port is somebody's from the start of a session until its end, or until another takes the same port towards
the same destination (`spans.py` is the same arithmetic, for leases). A session that names no destination has
the port for all of them (RFC 4787 §4.1). Who only logs starts says nothing of ends: such a session counts
for `IDLE`, as long as a NAT must keep a silent one (RFC 5382 §5, REQ-5).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from math import inf
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.columns import Flows
from unlisted.find.spans import Past
from unlisted.messages import Attempt, Contact, Lease, Translation
from unlisted.net import Address, Network

IDLE = 7440.0  # seconds
MOST = 2_000_000  # sessions kept, some 300 bytes each; more are counted and said
SKEW = 5.0  # seconds by which two logs of one router may differ
OPENING = 130.0  # seconds in which one SYN is sent again and again (tcp(7), tcp_syn_retries 6)
WITHOUT_PORTS = frozenset(("icmp", "icmp6", "igmp", "gre", "esp", "ah", "ospf", "pim", "vrrp"))
_BUCKET = 256  # ports; blocks are looked up by where they begin and end
_WIDE = 4096  # ports; a larger block is looked at for every port
_AHEAD = 100  # sessions behind one without an end that may have taken its port


class Had(NamedTuple):
    """One inside address had the port from `start` to `end` (Unix seconds; infinite: unknown)."""

    start: float
    end: float
    of: Translation  # the session, or its latest word

    @property
    def until(self) -> float:
        """The end that was told, or as long as a session without a told end may have lived."""
        session = self.of.dst is not None or (self.of.port and self.of.ports == 1)
        return self.start + IDLE if self.end == inf and session else self.end


def of(fact: Attempt | Contact) -> Translation | None:
    """The translation that a connection tells of, or None."""
    if fact.nat is None or fact.action == "block":
        return None
    return Translation(
        inside=fact.src,
        outside=fact.nat,
        start=fact.at,
        end=fact.end if isinstance(fact, Contact) else None,
        inside_port=fact.sport,
        port=fact.nat_port,
        protocol=fact.protocol if isinstance(fact, Contact) else "tcp",
        dst=fact.dst,
        dport=fact.dport,
        account=fact.account,
        seen=fact.seen,
    )


def for_mail(one: Translation) -> bool:
    """True for one that may stand behind an attempt on a mail port; most of a gateway's do not."""
    return one.dport == 0 or one.dport in net.MAIL_PORTS


class Translations:
    """All that is known of who had which outside port."""

    def __init__(self) -> None:
        self._told: defaultdict[Address, dict[tuple[int, int], list[Translation]]] = defaultdict(dict)
        self._lines: dict[tuple[Address, int], _Line] = {}  # sessions of one port, when they are asked for
        self._blocks: dict[tuple[Address, int], _Line] = {}  # blocks that reach into some ports
        self.kept = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return self.kept

    @property
    def outside(self) -> set[Address]:
        """The outside addresses that are known."""
        return set(self._told)

    def add(self, one: Translation) -> None:
        """One more; order does not matter. What has no ports tells of none."""
        if one.protocol in WITHOUT_PORTS:
            return
        if self.kept >= MOST:
            self.forgotten += 1
            return
        self.kept += 1
        self._told[one.outside].setdefault((one.port, max(1, one.ports)), []).append(one)
        self._lines.clear()
        self._blocks.clear()

    def had(
        self, outside: Address, port: int, at: float, skew: float = 0.0, *,
        protocol: str = "", dst: Address | None = None, dport: int = 0,
    ) -> list[Had]:  # fmt: skip
        """Who had `port` (0: any) of `outside` within `skew` of `at`, the nearest start first."""
        if outside not in self._told:
            return []
        lines = self._of_port(outside, port) if port else [_Line(self._spans(outside))]
        found = [
            one
            for line in lines
            for one in line.at(at, skew)
            if _meant(one.of, protocol, dst, dport) and (not port or _holds(one.of, port))
        ]
        return sorted(found, key=lambda one: abs(one.start - at))

    def _of_port(self, outside: Address, port: int) -> Iterator["_Line"]:
        if (outside, port) not in self._lines:
            told = self._told[outside].get((port, 1), ())
            self._lines[outside, port] = _Line(_spans(told))
        yield self._lines[outside, port]
        if (outside, -1) not in self._blocks:
            self._index(outside)
        for bucket in (-1, port // _BUCKET):
            if (line := self._blocks.get((outside, bucket))) is not None:
                yield line

    def _index(self, outside: Address) -> None:
        """The blocks of an address by the ports that they hold; -1: those that hold very many."""
        buckets: defaultdict[int, list[Had]] = defaultdict(list)
        for (port, ports), told in self._told[outside].items():
            if port and ports == 1:
                continue
            wide = not port or ports > _WIDE
            reach = (-1,) if wide else range(port // _BUCKET, (port + ports - 1) // _BUCKET + 1)
            for one in _spans(told):
                for bucket in reach:
                    buckets[bucket].append(one)
        buckets.setdefault(-1, [])
        self._blocks.update({(outside, bucket): _Line(many) for bucket, many in buckets.items()})

    def _spans(self, outside: Address) -> Iterator[Had]:
        for told in self._told[outside].values():
            yield from _spans(told)


class _Line:
    """Spans in order of time, so that those of one moment are found without looking at all."""

    def __init__(self, spans: Iterable[Had]) -> None:
        self._spans = sorted(spans, key=lambda one: one.start)
        self._starts = [one.start for one in self._spans]
        self._reach = list(accumulate((one.until for one in self._spans), max))

    def at(self, moment: float, skew: float) -> Iterator[Had]:
        """Those within `skew` of a moment."""
        place = bisect_right(self._starts, moment + skew)
        while place and self._reach[place - 1] >= moment - skew:
            place -= 1
            if self._spans[place].until >= moment - skew:
                yield self._spans[place]


def _holds(one: Translation, port: int) -> bool:
    return not one.port or one.port <= port < one.port + max(1, one.ports)


def _meant(one: Translation, protocol: str, dst: Address | None, dport: int) -> bool:
    same = not protocol or not one.protocol or one.protocol == protocol
    there = dst is None or one.dst is None or one.dst == dst
    return same and there and (not dport or not one.dport or one.dport == dport)


_Key = tuple[str, Address | None, int]  # protocol and destination


def _spans(told: Iterable[Translation]) -> list[Had]:
    """Sessions of one port, or one block, with their ends, from starts and ends told apart."""
    pasts: defaultdict[_Key, Past] = defaultdict(lambda: Past(inf))
    latest: dict[tuple[str, _Key], Translation] = {}
    towards: defaultdict[tuple[str, str], dict[_Key, None]] = defaultdict(dict)
    # An end may say less than its start did: not whom was spoken to.
    for one in sorted(told, key=lambda one: one.start is None):
        key, holder = (one.protocol, one.dst, one.dport), f"{one.inside} {one.inside_port}"
        keys: Iterable[_Key] = [key]
        if one.start is not None:
            towards[holder, one.protocol][key] = None
        elif one.dst is None:
            keys = list(towards.get((holder, one.protocol), [key]))
        for each in keys:
            pasts[each].add(Lease(one.outside, holder, start=one.start, end=one.end))
            known = latest.get((holder, each))
            if known is None or (one.start is not None and (known.start or 0.0) <= one.start):
                latest[holder, each] = one
    found = [
        Had(span.start, span.end, latest[span.mac, key])
        for key, past in pasts.items()
        for span in past.spans()
    ]
    return _taken(sorted(found, key=lambda one: (one.start, one.end)))


def _taken(found: list[Had]) -> list[Had]:
    """The same; one without an end ends where another's takes the port, if either has it for everybody."""
    if all(one.of.dst is not None for one in found):
        return found
    made = []
    for place, one in enumerate(found):
        if one.end != inf:
            made.append(one)
            continue
        later = islice(found, place + 1, place + 1 + _AHEAD)
        ends = (other.start for other in later if other.start > one.start and _excludes(one.of, other.of))
        made.append(one._replace(end=next(ends, inf)))
    return made


def _excludes(one: Translation, other: Translation) -> bool:
    """True when these cannot have one port at once."""
    same = not one.protocol or not other.protocol or one.protocol == other.protocol
    whole = one.dst is None or other.dst is None
    return same and whole and (one.inside, one.inside_port) != (other.inside, other.inside_port)


def inward(flows: Flows, known: Translations, inside: tuple[Network, ...]) -> tuple[Flows, int, int]:
    """Attempts logged behind the translation, given back to whom they were of; how many, and how many not.

    Only where one inside address fits: else the row stays what it is, an outside address's.
    """
    if not len(known) or not flows.size:
        return flows, 0, 0
    outside = known.outside
    ours = [
        number
        for number, address in enumerate(flows.addresses)
        if address in outside and not net.inside(address, inside)
    ]
    rows = np.flatnonzero(np.isin(flows.src, ours))
    addresses = {address: number for number, address in enumerate(flows.addresses)}
    src, sport, mac = flows.src.copy(), flows.sport.copy(), flows.mac.copy()
    given = 0
    for row in rows.tolist():
        owner = _owner(flows, row, known)
        if owner is None:
            continue
        src[row] = addresses.setdefault(owner.inside, len(addresses))
        sport[row] = owner.inside_port or sport[row]
        mac[row] = 0  # the card on the outer side is the router's
        given += 1
    moved = flows._replace(src=src, sport=sport, mac=mac, addresses=tuple(addresses))
    return moved, given, len(rows) - given


def _owner(flows: Flows, row: int, known: Translations) -> Translation | None:
    """Whose session this attempt opened; None where nobody's or several fit."""
    if not flows.sport[row]:
        return None
    at, dport = int(flows.at[row]) / 1e6, net.MAIL_PORTS[flows.port[row]]
    had = known.had(
        flows.addresses[flows.src[row]], int(flows.sport[row]), at, SKEW,
        protocol="tcp", dst=flows.addresses[flows.dst[row]], dport=dport,
    )  # fmt: skip
    # A session towards one destination is opened once: one that was open for an hour is another's, or over.
    fits = [one for one in had if one.of.dst is None or one.end != inf or at - one.start <= OPENING + SKEW]
    return fits[0].of if len({one.of.inside for one in fits}) == 1 and _exact(fits[0].of) else None


def _exact(one: Translation) -> bool:
    """True where it tells the port, or is a map of all ports, and no session that does not say which."""
    return bool(one.port) or one.dst is None
