"""Which inside address had an outside port at a moment: what NAT logs and maps tell, as intervals.

A port is somebody's from the start of a session until its end, or until another takes the same port towards
the same destination (`spans.py` is the same arithmetic, for leases). Who only logs starts says nothing of
ends: such a session counts for `IDLE`, as long as a NAT must keep a silent one (RFC 5382 §5, REQ-5).
"""

from collections import defaultdict
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.columns import Flows
from unlisted.find.spans import Past
from unlisted.messages import Attempt, Contact, Evidence, Lease, Translation
from unlisted.net import Address, Network

IDLE = 7440.0  # seconds
MOST = 2_000_000  # sessions kept, some 300 bytes each; more are counted and said


class Had(NamedTuple):
    """One inside address had the port from `start` to `end` (Unix seconds; infinite: unknown)."""

    start: float
    end: float
    of: Translation  # the session, or its latest word


def of(fact: Attempt | Contact) -> Translation | None:
    """The translation that a connection tells of, or None."""
    if fact.nat is None:
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


class Translations:
    """All that is known of who had which outside port."""

    def __init__(self) -> None:
        self._ports: defaultdict[tuple[Address, int], list[Translation]] = defaultdict(list)
        self._blocks: defaultdict[Address, list[Translation]] = defaultdict(list)
        self.kept = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return self.kept

    @property
    def outside(self) -> set[Address]:
        """The outside addresses that are known."""
        return {address for address, _ in self._ports} | set(self._blocks)

    def add(self, one: Translation) -> None:
        """One more; order does not matter."""
        if self.kept >= MOST:
            self.forgotten += 1
            return
        self.kept += 1
        if one.port and one.ports == 1:
            self._ports[one.outside, one.port].append(one)
        else:
            self._blocks[one.outside].append(one)

    def had(
        self, outside: Address, port: int, at: float, skew: float = 0.0, *,
        protocol: str = "", dst: Address | None = None,
    ) -> list[Had]:  # fmt: skip
        """Who had `port` (0: any) of `outside` within `skew` of `at`, the nearest start first."""
        if port:
            told: Iterable[Translation] = self._ports.get((outside, port), ())
        else:
            told = (one for (address, _), many in self._ports.items() if address == outside for one in many)
        blocks = (one for one in self._blocks.get(outside, ()) if not port or _holds(one, port))
        fits = [one for many in (told, blocks) for one in many if _meant(one, protocol, dst)]
        found = [one for one in _spans(fits) if one.start - skew <= at <= _until(one) + skew]
        return sorted(found, key=lambda one: abs(one.start - at))


def _holds(one: Translation, port: int) -> bool:
    return not one.port or one.port <= port < one.port + max(1, one.ports)


def _meant(one: Translation, protocol: str, dst: Address | None) -> bool:
    same = not protocol or not one.protocol or one.protocol == protocol
    return same and (dst is None or one.dst is None or one.dst == dst)


def _until(one: Had) -> float:
    """The end that was told, or as long as a session without a told end may have lived."""
    return min(one.end, one.start + IDLE) if one.end == inf and one.of.ports == 1 and one.of.port else one.end


def _spans(told: Iterable[Translation]) -> list[Had]:
    """Sessions with their ends, from starts and ends told apart."""
    pasts: defaultdict[tuple[object, ...], Past] = defaultdict(Past)
    latest: dict[tuple[str, object], Translation] = {}
    for one in told:
        key = (one.outside, one.port, one.ports, one.protocol, one.dst, one.dport)
        holder = f"{one.inside} {one.inside_port}"
        pasts[key].add(Lease(one.outside, holder, start=one.start, end=one.end))
        known = latest.get((holder, key))
        if known is None or (known.start or 0.0) <= (one.start or 0.0):
            latest[holder, key] = one
    return [
        Had(span.start, span.end, latest[span.mac, key])
        for key, past in pasts.items()
        for span in past.spans()
    ]


def inward(flows: Flows, known: Translations, inside: tuple[Network, ...]) -> tuple[Flows, int, int]:
    """Attempts logged behind the translation, given back to whom they were of; how many, and how many not.

    Only where one inside address fits: else the row stays what it is, an outside address's.
    """
    if not len(known) or not flows.size:
        return flows, 0, 0
    outside = known.outside
    ours = [number for number, address in enumerate(flows.addresses) if address in outside]
    rows = np.flatnonzero(np.isin(flows.src, ours))
    addresses = {address: number for number, address in enumerate(flows.addresses)}
    src, sport, mac = flows.src.copy(), flows.sport.copy(), flows.mac.copy()
    given = 0
    for row in rows.tolist():
        source, target = flows.addresses[flows.src[row]], flows.addresses[flows.dst[row]]
        if net.inside(source, inside):
            continue
        had = known.had(source, int(sport[row]), int(flows.at[row]) / 1e6, SKEW, protocol="tcp", dst=target)
        owners = {one.of.inside for one in had}
        if not sport[row] or len(owners) != 1:
            continue
        owner = had[0].of
        src[row] = addresses.setdefault(owner.inside, len(addresses))
        sport[row] = owner.inside_port or sport[row]
        mac[row] = 0  # the card on the outer side is the router's
        given += 1
    moved = flows._replace(src=src, sport=sport, mac=mac, addresses=tuple(addresses))
    return moved, given, len(rows) - given


SKEW = 5.0  # seconds by which two logs of one router may differ


def evidence(had: Iterable[Had]) -> tuple[Evidence, ...]:
    """Where these were read."""
    return tuple(one.of.seen for one in had if one.of.seen is not None)
